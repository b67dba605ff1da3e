"""GetRecommendations through boto3, with and without filters, against the same stack that returns the same bytes."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from interactions import USERS, dataset_group, genres, solution, trained
from pairs import RUNS, show
from processes import client, ours, server, wait

AMOUNT = 1_000_000
CALLS, IN_TURN, SETTLING = 500, 25, 5
P50, P99 = 1.6, 3.0
FILTERS = {
    "item filter": 'INCLUDE ItemID WHERE Items.GENRE IN ("a", "b")',
    "interaction filter": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")',
}
RECIPE = "aws-user-personalization"


def run() -> None:
    with ours() as url, tempfile.TemporaryDirectory() as folder:
        arn = campaign(url)
        made = {name: filter_(url, arn, name, text) for name, text in FILTERS.items()}
        with static_server(url, arn, Path(folder)) as rival, static_server(url, arn, Path(folder), "--plain") as plain:
            for name, further in {"no filter": {}, **made}.items():
                _compare(f"GetRecommendations of {RECIPE} through boto3, {name}", url, rival, arn, further)
            title = f"GetRecommendations of {RECIPE} through boto3, against fixed bytes of waitress as it comes"
            _compare(title, url, plain, arn, {}, wanted=(None, None))


def _compare(
    name: str,
    url: str,
    rival: str,
    arn: str,
    further: dict[str, str],
    wanted: tuple[float | None, float | None] = (P50, P99),
) -> None:
    """Measure ours and the rival, a few calls in turn, so that both have their share of whatever else is going on."""
    times = [_in_turn([url, rival], arn, run, further) for run in range(RUNS + 1)][1:]
    for percentile, of, most in zip(("p50", "p99"), (statistics.median, _p99), wanted):
        pairs = [(of(ours), of(theirs)) for ours, theirs in times]
        show(f"{name}: {percentile} of {CALLS} calls", pairs, most, "ms")


def campaign(url: str) -> str:
    """Train and deploy; return the ARN of the campaign."""
    personalize = client("personalize", url)
    group = dataset_group(url, AMOUNT, EVENT_TYPE="watch")
    version = trained(url, solution(url, group, RECIPE))
    genres(url, group)
    created = personalize.create_campaign(name="benchmark", solutionVersionArn=version)["campaignArn"]
    wait(personalize.describe_campaign, "campaign", campaignArn=created)
    return str(created)


def static_server(url: str, campaign_arn: str, folder: Path, *options: str) -> AbstractContextManager[str]:
    """Serve, beside `url`, the bytes of one of its answers."""
    answer = client("personalize-runtime", url).get_recommendations(campaignArn=campaign_arn, userId="1")
    answer.pop("ResponseMetadata")
    body = folder / "body"
    body.write_text(json.dumps(answer, separators=(",", ":")))
    return server(str(Path(__file__).parent / "static_server.py"), "--body", str(body), *options)


def filter_(url: str, campaign_arn: str, name: str, text: str) -> dict[str, str]:
    """Make a filter; return the member of a request that names it."""
    personalize = client("personalize", url)
    version = personalize.describe_campaign(campaignArn=campaign_arn)["campaign"]["solutionVersionArn"]
    group = personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]["datasetGroupArn"]
    made = personalize.create_filter(name=name.replace(" ", "-"), datasetGroupArn=group, filterExpression=text)
    wait(personalize.describe_filter, "filter", filterArn=made["filterArn"])
    return {"filterArn": made["filterArn"]}


def _in_turn(urls: list[str], campaign_arn: str, run: int, further: dict[str, str]) -> list[list[float]]:
    """Return the milliseconds of the calls to each server; neither is asked for a user twice.

    The first calls of each turn do not count: after a pause all is slower.
    """
    clients: list[Any] = [client("personalize-runtime", url) for url in urls]
    times: list[list[float]] = [[] for _ in urls]
    users = range(run * USERS // (RUNS + 1), USERS)
    for first in range(0, CALLS // IN_TURN * (IN_TURN + SETTLING), IN_TURN + SETTLING):
        for runtime, found in zip(clients, times):
            turn = [
                _milliseconds(runtime, campaign_arn, str(users[first + n]), further) for n in range(IN_TURN + SETTLING)
            ]
            found += turn[SETTLING:]
    return times


def _milliseconds(runtime: Any, campaign_arn: str, user: str, further: dict[str, str]) -> float:
    begun = time.perf_counter()
    runtime.get_recommendations(campaignArn=campaign_arn, userId=user, **further)
    return 1000 * (time.perf_counter() - begun)


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[-1]


if __name__ == "__main__":
    run()
