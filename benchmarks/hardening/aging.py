"""Does a server get slower or larger with age? Creates and deletes dataset groups and schemas, and asks in between.

    python benchmarks/hardening/aging.py --cycles 3000 --recommendations 40000

What a server remembers up to a limit is full before its size is measured for the first time: the newest calls and the
newest answers, 10,000 each. (By default 100,000 answers can be explained; until there are so many, each adds to the
memory.) Times List, Describe, Create and a recommendation in rounds, on this server and on a fresh one beside it by
turns, so that a busy machine slows both. Exits with 1 when the server has grown by more than a tenth, has one more
descriptor open, or takes more than a tenth longer than the fresh one.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))
import processes

WARM_CYCLES, REMEMBERED, ROUNDS = 100, 10_000, 60
OPTIONS = {"FAKEPERSONALIZE_QUIET": "1", "FAKEPERSONALIZE_LIMITS": "off", "FAKEPERSONALIZE_STEP_SECONDS": "0.02"}
MOST_GROWTH = 1.10
REST_SECONDS = 2.0  # until nothing is under way
SCHEMA = (
    '{"type":"record","name":"Interactions","fields":[{"name":"USER_ID","type":"string"},'
    '{"name":"ITEM_ID","type":"string"},{"name":"TIMESTAMP","type":"long"}]}'
)


class Aged:
    """A server with clients, and a campaign to ask."""

    def __init__(self, url: str) -> None:
        self.personalize = personalize = processes.client("personalize", url)
        events, self.runtime = processes.client("personalize-events", url), processes.client("personalize-runtime", url)
        schema = personalize.create_schema(name="kept", schema=SCHEMA)["schemaArn"]
        self.group = personalize.create_dataset_group(name="kept")["datasetGroupArn"]
        processes.wait(personalize.describe_dataset_group, "datasetGroup", datasetGroupArn=self.group)
        made = personalize.create_dataset(
            name="kept", schemaArn=schema, datasetGroupArn=self.group, datasetType="Interactions"
        )
        processes.wait(personalize.describe_dataset, "dataset", datasetArn=made["datasetArn"])
        tracking = personalize.create_event_tracker(name="kept", datasetGroupArn=self.group)["trackingId"]
        for user in range(40):
            sent = [
                {"eventType": "x", "itemId": f"i{user * n % 60}", "sentAt": 1_600_000_000 + n} for n in range(1, 10)
            ]
            events.put_events(trackingId=tracking, sessionId="s", userId=f"u{user}", eventList=sent)
        recipe = "arn:aws:personalize:::recipe/aws-popularity-count"
        solution = personalize.create_solution(name="kept", datasetGroupArn=self.group, recipeArn=recipe)["solutionArn"]
        version = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
        processes.wait(personalize.describe_solution_version, "solutionVersion", solutionVersionArn=version)
        self.campaign = personalize.create_campaign(name="kept", solutionVersionArn=version)["campaignArn"]
        processes.wait(personalize.describe_campaign, "campaign", campaignArn=self.campaign)

    def cycle(self, number: int) -> None:
        """Create a schema and a group, and delete them."""
        personalize, name = self.personalize, f"cycle{number}"
        schema = personalize.create_schema(name=name, schema=SCHEMA)["schemaArn"]
        group = personalize.create_dataset_group(name=name)["datasetGroupArn"]
        processes.wait(personalize.describe_dataset_group, "datasetGroup", datasetGroupArn=group)
        personalize.delete_dataset_group(datasetGroupArn=group)
        personalize.delete_schema(schemaArn=schema)

    def recommend(self, number: int = 0) -> None:
        self.runtime.get_recommendations(campaignArn=self.campaign, userId=f"u{number % 50}")

    def calls(self) -> dict[str, Callable[[], Any]]:
        personalize = self.personalize
        return {
            "list": lambda: personalize.list_dataset_groups(maxResults=100),
            "describe": lambda: personalize.describe_dataset_group(datasetGroupArn=self.group),
            "write": lambda: self.personalize.delete_schema(
                schemaArn=self.personalize.create_schema(name="timed", schema=SCHEMA)["schemaArn"]
            ),
            "recommend": self.recommend,
        }


class Size(NamedTuple):
    """Resident memory and open descriptors of a server."""

    megabytes: float
    descriptors: int


def _size() -> Size:
    """Return the size of a server that has come to rest."""
    time.sleep(REST_SECONDS)
    return Size(processes.resident_megabytes(), processes.descriptors())


def timed(servers: tuple[Aged, Aged]) -> dict[str, float]:
    """Return how much longer the first one takes than the second for each call; they take turns."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for _ in range(ROUNDS):
        for which, server in enumerate(servers):
            for name, call in server.calls().items():
                begun = time.perf_counter()
                call()
                found.setdefault(name, ([], []))[which].append(time.perf_counter() - begun)
    return {name: statistics.median(old) / statistics.median(new) for name, (old, new) in found.items()}


def age(cycles: int, recommendations: int, remembered: int) -> tuple[Size, Size, dict[str, float]]:
    """Return the size of a server before and after, and its times as multiples of a fresh one's."""
    options = OPTIONS | {"FAKEPERSONALIZE_EXPLAINABLE": str(remembered)}
    with processes.ours(**options) as url:
        old = Aged(url)
        for number in range(WARM_CYCLES):
            old.cycle(number)
        for number in range(max(remembered, WARM_CYCLES)):
            old.recommend(number)
        before = _size()
        for number in range(cycles):
            old.cycle(WARM_CYCLES + number)
        for number in range(recommendations):
            old.recommend(number)
        after = _size()
        with processes.ours(**options) as fresh_url:
            fresh = Aged(fresh_url)
            for number in range(WARM_CYCLES):
                fresh.cycle(number)
                fresh.recommend(number)
            return before, after, timed((old, fresh))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cycles", type=int, default=3000)
    options.add_argument("--recommendations", type=int, default=40_000)
    options.add_argument("--remembered", type=int, default=REMEMBERED, help="answers that can be explained")
    options.add_argument("--no-times", action="store_true", help="print times, but do not judge them")
    given = options.parse_args()
    before, after, times = age(given.cycles, given.recommendations, given.remembered)
    print(f"memory {before.megabytes:.1f} -> {after.megabytes:.1f} MB, descriptors {before[1]} -> {after[1]}")
    print("times of a fresh server:", ", ".join(f"{name} x {ratio:.2f}" for name, ratio in times.items()))
    grown = after.megabytes > MOST_GROWTH * before.megabytes or after.descriptors > before.descriptors
    return 1 if grown or (not given.no_times and max(times.values()) > MOST_GROWTH) else 0


if __name__ == "__main__":
    raise SystemExit(main())
