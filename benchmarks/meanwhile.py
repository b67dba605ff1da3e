"""From a CSV to a measured model, answers of a campaign while another model trains, and what stops a training."""

from __future__ import annotations

import statistics
import time
from itertools import count
from pathlib import Path
from typing import Any

from interactions import imported, solution, trained, upload
from processes import client, ours, wait

AMOUNT = 1_000_000
RECIPE = "aws-user-personalization"
RUNS = 5
CALLS = 500
MOST_SECONDS, MOST_MEGABYTES = 8, 900
MOST_RATIO, MOST_MILLISECONDS, LONGEST_STALL = 5, 25, 100
MOST_SECONDS_TO_STOP = 2


def run() -> None:
    # Steps that only imitate waiting would be measured as training.
    with ours(FAKEPERSONALIZE_STEP_SECONDS="0") as url:
        upload(url, AMOUNT)
        begun = time.perf_counter()
        group = imported(url)
        there = time.perf_counter()
        version = trained(url, solution(url, group, RECIPE))
        over = time.perf_counter()
        print(f"\n{RECIPE} on {AMOUNT:,} interactions")
        print(f"  import {there - begun:.1f} s, training with metrics {over - there:.1f} s")
        _judge("together", over - begun, MOST_SECONDS, "s")
        _judge("memory of server and worker", sum(_peak_megabytes()), MOST_MEGABYTES, "MB")
        _answers(url, _campaign(url, version), _solution_arn(version))
        _cancellation(url, _solution_arn(version))


def _answers(url: str, campaign: str, solution_arn: str) -> None:
    """Ask while nothing else happens and while a model trains, in turn."""
    pairs = [(_asked(url, campaign), _asked_while_training(url, campaign, solution_arn)) for _ in range(RUNS)]
    idle, busy = ([_percentile(each[side], 99) for each in pairs] for side in (0, 1))
    stalls = [max(busy_times) for _, busy_times in pairs]
    print("\nGetRecommendations while another model trains, through boto3, p99 in ms")
    for name, values in (("idle", idle), ("training", busy), ("longest", stalls)):
        print(
            f"  {name:9}"
            + "  ".join(f"{value:7.1f}" for value in values)
            + f"   median {statistics.median(values):.1f}"
        )
    ratio = statistics.median(there / here for here, there in zip(idle, busy))
    met = ratio <= MOST_RATIO or statistics.median(busy) <= MOST_MILLISECONDS
    print(f"  ratio {ratio:.2f}, wanted at most {MOST_RATIO}, or {MOST_MILLISECONDS} ms; {'met' if met else 'NOT MET'}")
    _judge("longest stall, median", statistics.median(stalls), LONGEST_STALL, "ms")


def _cancellation(url: str, solution_arn: str) -> None:
    personalize = client("personalize", url)
    seconds = []
    for number in range(RUNS):
        version = personalize.create_solution_version(solutionArn=solution_arn)["solutionVersionArn"]
        time.sleep(0.4 * (number + 1))
        begun = time.perf_counter()
        personalize.stop_solution_version_creation(solutionVersionArn=version)
        while (
            personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]["status"]
            != "CREATE STOPPED"
        ):
            time.sleep(0.005)
        seconds.append(time.perf_counter() - begun)
    print("\nStopSolutionVersionCreation until CREATE STOPPED")
    _judge("longest of five", max(seconds), MOST_SECONDS_TO_STOP, "s")


def _asked(url: str, campaign: str) -> list[float]:
    runtime = client("personalize-runtime", url)
    return [_milliseconds(runtime, campaign, user) for user in range(CALLS)]


def _asked_while_training(url: str, campaign: str, solution_arn: str) -> list[float]:
    personalize, runtime = client("personalize", url), client("personalize-runtime", url)
    version = personalize.create_solution_version(solutionArn=solution_arn)["solutionVersionArn"]
    times = []
    for user in count():
        times.append(_milliseconds(runtime, campaign, user % 5000))
        if user % 50 == 0:
            found = personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]
            if found["status"] == "ACTIVE":
                return times
    raise AssertionError


def _milliseconds(runtime: Any, campaign: str, user: int) -> float:
    begun = time.perf_counter()
    runtime.get_recommendations(campaignArn=campaign, userId=str(user))
    return 1000 * (time.perf_counter() - begun)


def _campaign(url: str, version: str) -> str:
    personalize = client("personalize", url)
    created = personalize.create_campaign(name="benchmark", solutionVersionArn=version)["campaignArn"]
    wait(personalize.describe_campaign, "campaign", campaignArn=created)
    return str(created)


def _solution_arn(version: str) -> str:
    return version.rpartition("/")[0]


def _peak_megabytes() -> list[float]:
    """Return the highest resident memory of each process that this one started (Linux alone tells)."""
    own, found = {_self()}, []
    for status in sorted(Path("/proc").glob("[0-9]*/status"), key=lambda path: int(path.parent.name)):
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        if int(lines["PPid"]) in own:
            own.add(int(lines["Pid"]))
            found.append(int(lines.get("VmHWM", "0 kB").split()[0]) / 1000)
    return found


def _self() -> int:
    import os

    return os.getpid()


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


def _judge(name: str, value: float, most: float, unit: str) -> None:
    print(f"  {name}: {value:.1f} {unit}, wanted at most {most} {unit}; {'met' if value <= most else 'NOT MET'}")


if __name__ == "__main__":
    run()
