"""When CloudWatch hears of what metric attributions count, by a clock that only moves when it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
import shops

from fakepersonalize import mock_personalize
from fakepersonalize.emulator import Emulator

REGION = "us-east-1"
SCHEMA = shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "EVENT_TYPE string", "TIMESTAMP long")
VIEWS = {"eventType": "view", "metricName": "views", "expression": "SAMPLECOUNT()"}
WINDOW = 900
MADE_AT_ONCE = [f"{kind}=immediate" for kind in ("dataset_group", "dataset", "schema", "metric_attribution")]


class Shop:
    """A group with one metric, on a clock that starts at the beginning of a window."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        personalize = boto3.client("personalize", REGION)
        schema = personalize.create_schema(name="s", schema=SCHEMA)["schemaArn"]
        self.group = personalize.create_dataset_group(name="g")["datasetGroupArn"]
        personalize.create_dataset(name="d", datasetGroupArn=self.group, datasetType="Interactions", schemaArn=schema)
        self.tracker = personalize.create_event_tracker(name="t", datasetGroupArn=self.group)["trackingId"]
        output = {"roleArn": "arn:aws:iam::123456789012:role/reader"}
        personalize.create_metric_attribution(
            name="a", datasetGroupArn=self.group, metrics=[VIEWS], metricsOutputConfig=output
        )
        self.start = int(emulator.clock.now())

    def view(self, seconds: int) -> None:
        event: Any = {"eventType": "view", "itemId": "i", "sentAt": self.start + seconds}
        boto3.client("personalize-events", REGION).put_events(
            trackingId=self.tracker, sessionId="s", userId="u", eventList=[event]
        )

    def told(self) -> dict[int, float]:
        """Return what CloudWatch knows: counts by the seconds from the start to the beginnings of windows."""
        named = {"EventAttributionSource": "SOURCE_NAME_UNDEFINED", "DatasetGroupArn": self.group}
        found = boto3.client("cloudwatch", REGION).get_metric_statistics(
            Namespace="AWS/Personalize",
            MetricName="VIEWS",
            Dimensions=[{"Name": name, "Value": value} for name, value in named.items()],
            StartTime=self.start - timedelta(days=30).total_seconds(),
            EndTime=self.start + timedelta(days=1).total_seconds(),
            Period=WINDOW,
            Statistics=["Sum"],
        )
        return {int(point["Timestamp"].timestamp()) - self.start: point["Sum"] for point in found["Datapoints"]}


@pytest.fixture
def shop() -> Iterator[Shop]:
    with mock_personalize(
        lifecycle="manual", clock_start="2026-01-01T00:00:00Z", transitions=MADE_AT_ONCE, iam="off"
    ) as emulator:
        yield Shop(emulator)


def test_cloudwatch_is_told_of_a_window_when_it_is_over(shop: Shop) -> None:
    shop.view(10)
    shop.view(WINDOW - 1)
    shop.view(WINDOW)
    assert shop.told() == {}
    shop.emulator.advance(WINDOW - 1)
    assert shop.told() == {}
    shop.emulator.advance(1)
    assert shop.told() == {0: 2.0}
    shop.emulator.advance(WINDOW)
    assert shop.told() == {0: 2.0, WINDOW: 1.0}


def test_an_event_of_a_window_that_is_over_is_told_at_once(shop: Shop) -> None:
    shop.emulator.advance(WINDOW)
    shop.view(10)
    shop.view(-WINDOW)
    assert shop.told() == {0: 1.0, -WINDOW: 1.0}


def test_what_two_weeks_have_passed_over_is_not_told(shop: Shop) -> None:
    shop.view(-13 * 24 * 3600)
    shop.view(-15 * 24 * 3600)
    assert shop.told() == {-13 * 24 * 3600: 1.0}
