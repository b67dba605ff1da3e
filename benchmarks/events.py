"""PutEvents that are on the disk when they are answered: under load, and one before each GetRecommendations."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from interactions import dataset_group, solution, trained
from load import CALLERS, milliseconds, request
from pairs import compare
from processes import client, ours, server, wait

AMOUNT = 1_000_000
PAIRS = 1000
RECIPE = "aws-user-personalization"


def run() -> None:
    with tempfile.TemporaryDirectory() as folder, ours(FAKEPERSONALIZE_DATA_DIR=folder) as url:
        group = dataset_group(url, AMOUNT)
        tracking_id = client("personalize", url).create_event_tracker(name="x", datasetGroupArn=group)["trackingId"]
        _load(url, tracking_id)
        _pairs(url, tracking_id, _campaign(url, group))


def _load(url: str, tracking_id: str) -> None:
    event = {"eventType": "watch", "sentAt": 1_700_000_000, "itemId": "1"}
    asked = request("/events", {"trackingId": tracking_id, "sessionId": "s", "userId": "load", "eventList": [event]})
    with tempfile.TemporaryDirectory() as folder:
        nothing = Path(folder) / "body"
        nothing.write_bytes(b"")
        with server(str(Path(__file__).parent / "static_server.py"), "--body", str(nothing)) as rival:
            compare(
                f"PutEvents of one event, on the disk when it is answered, {CALLERS} callers, against an empty answer",
                lambda: milliseconds(url, asked),
                lambda: milliseconds(rival, asked),
                wanted=None,
                unit="ms",
                most=1.0,
            )


def _pairs(url: str, tracking_id: str, campaign: str) -> None:
    """Print how long an event and the answer that knows it take together, through boto3."""
    events, runtime = client("personalize-events", url), client("personalize-runtime", url)
    times = []
    for number in range(PAIRS):
        begun = time.perf_counter()
        _put(events, tracking_id, number)
        runtime.get_recommendations(campaignArn=campaign, userId=f"new{number % 50}")
        times.append(1000 * (time.perf_counter() - begun))
    *_, p99 = statistics.quantiles(times, n=100)
    print(f"\nPutEvents and then GetRecommendations of {RECIPE} ({AMOUNT:,} interactions), {PAIRS} pairs through boto3")
    print(f"  ms p50 {statistics.median(times):.3f}   p99 {p99:.3f}   wanted: p99 at most 15")


def _put(events: Any, tracking_id: str, number: int) -> None:
    event = {"eventType": "watch", "sentAt": 1_700_000_000 + number, "itemId": str(number % 3000)}
    events.put_events(trackingId=tracking_id, sessionId="s", userId=f"new{number % 50}", eventList=[event])


def _campaign(url: str, group: str) -> str:
    personalize = client("personalize", url)
    version = trained(url, solution(url, group, RECIPE))
    made: str = personalize.create_campaign(name="benchmark", solutionVersionArn=version)["campaignArn"]
    wait(personalize.describe_campaign, "campaign", campaignArn=made)
    return made


if __name__ == "__main__":
    run()
