"""What metric attributions tell: CloudWatch about streamed events and incremental imports, S3 about any import."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import shops
from accounts import Account, Description

NOW = datetime.now(UTC).replace(microsecond=0)  # the metrics of CloudWatch are about the last two weeks
WINDOW = 900
ITEMS = shops.schema("Items", "ITEM_ID string", {"name": "PRICE", "type": ["float", "null"]})
EVENTS = shops.schema(
    "Interactions",
    "USER_ID string",
    "ITEM_ID string",
    "TIMESTAMP long",
    "EVENT_TYPE string",
    {"name": "EVENT_VALUE", "type": ["float", "null"]},
    {"name": "EVENT_ATTRIBUTION_SOURCE", "type": ["string", "null"]},
    {"name": "RECOMMENDATION_ID", "type": ["string", "null"]},
)
VIEWS = {"eventType": "view", "metricName": "countViews", "expression": "SAMPLECOUNT()"}
MARGIN = {"eventType": "Buy", "metricName": "sumMargin", "expression": "sum(ITEMS.price)"}
VALUE = {"eventType": "buy", "metricName": "sumValue", "expression": "SUM(Interactions.EVENT_VALUE)"}
HEADER = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,EVENT_ATTRIBUTION_SOURCE,RECOMMENDATION_ID"
PRICES = {"i1": 10.0, "i2": 2.5}


class Shop:
    """A group with an attribution of three metrics, whose reports go to a bucket of its own."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.group = account.group()
        items = account.dataset(self.group, account.schema("items", ITEMS), "Items", "items")
        rows = [*PRICES.items(), ("i3", "")]
        account.import_rows(items, account.put(shops.csv(rows, "ITEM_ID,PRICE"), "items.csv"), "items")
        self.events = account.dataset(self.group, account.schema("events", EVENTS), "Interactions", "events")
        self.tracking_id = account.personalize.create_event_tracker(name="t", datasetGroupArn=self.group)["trackingId"]

    def attribute(self, **output: Any) -> None:
        account = self.account
        account.put("", ".keep", "reports")
        config = {"roleArn": account.role, "s3DataDestination": {"path": f"s3://reports-{account.number}/metrics"}}
        made = account.personalize.create_metric_attribution(
            name="a", datasetGroupArn=self.group, metrics=[VIEWS, MARGIN, VALUE], metricsOutputConfig=config | output
        )
        account.active("metric_attribution", made["metricAttributionArn"])

    def send(self, type_: str, item: str = "i1", at: datetime = NOW, **more: Any) -> None:
        event = {"eventType": type_, "itemId": item, "sentAt": at} | more
        self.account.events.put_events(trackingId=self.tracking_id, sessionId="s", userId="u", eventList=[event])

    def load(self, rows: Iterable[tuple[Any, ...]], name: str, **more: Any) -> Description:
        """Import rows, whose last cells may be left out, and enough others, of a type that nobody counts."""
        padding = [(f"u{n % 50}", f"i{n}", 1_500_000_000 + n, "other") for n in range(1000)]
        location = self.account.put(table([*rows, *padding]), f"{name}.csv")
        ended = self.account.import_rows(self.events, location, name, **more)
        assert ended["status"] == "ACTIVE", ended
        return ended

    def told(self, metric: str, source: str) -> dict[int, float]:
        """Return the sums of a metric in CloudWatch by the seconds at which their windows begin."""
        found = self.account.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Personalize",
            MetricName=metric,
            Dimensions=[
                {"Name": "EventAttributionSource", "Value": source},
                {"Name": "DatasetGroupArn", "Value": self.group},
            ],
            StartTime=NOW - timedelta(days=30),
            EndTime=NOW + timedelta(hours=4),
            Period=WINDOW,
            Statistics=["Sum"],
        )
        return {int(point["Timestamp"].timestamp()): point["Sum"] for point in found["Datapoints"]}

    def reports(self) -> dict[str, str]:
        s3, bucket = self.account.client("s3"), f"reports-{self.account.number}"
        listed = s3.list_objects_v2(Bucket=bucket, Prefix="metrics/").get("Contents", [])
        return {each["Key"]: s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read().decode() for each in listed}


def table(rows: Iterable[tuple[Any, ...]]) -> str:
    return shops.csv([(*row, *[""] * (HEADER.count(",") + 1 - len(row))) for row in rows], HEADER)


def window(at: datetime = NOW) -> int:
    return int(at.timestamp()) // WINDOW * WINDOW


@pytest.fixture
def shop(account: Account) -> Shop:
    return Shop(account)


def test_streamed_events_are_counted_and_summed_in_cloudwatch(shop: Shop) -> None:
    shop.send("view")  # before there is an attribution
    shop.attribute()
    source = {"metricAttribution": {"eventAttributionSource": "recommended_for_you"}}
    earlier = NOW - timedelta(hours=2)
    for type_ in ("view", "VIEW", "other"):
        shop.send(type_, **source)
    shop.send("view", at=earlier, **source)
    for item in ("i1", "i2", "i2", "i3", "unknown"):
        shop.send("buy", item, eventValue=3.5, **source)
    shop.send("buy", "i2")
    assert shop.told("COUNTVIEWS", "RECOMMENDED_FOR_YOU") == {window(): 2.0, window(earlier): 1.0}
    assert shop.told("SUMMARGIN", "RECOMMENDED_FOR_YOU") == {window(): 15.0}
    assert shop.told("SUMVALUE", "RECOMMENDED_FOR_YOU") == {window(): 17.5}
    assert shop.told("SUMMARGIN", "SOURCE_NAME_UNDEFINED") == {window(): 2.5}
    assert shop.told("COUNTVIEWS", "SOURCE_NAME_UNDEFINED") == {}


def test_cloudwatch_is_told_nothing_of_what_is_two_weeks_old(shop: Shop) -> None:
    shop.attribute()
    shop.send("view", at=NOW - timedelta(days=15))
    shop.send("view", at=NOW - timedelta(days=13))
    assert shop.told("COUNTVIEWS", "SOURCE_NAME_UNDEFINED") == {window(NOW - timedelta(days=13)): 1.0}


def test_cloudwatch_is_told_nothing_of_what_is_still_to_come(shop: Shop) -> None:
    shop.attribute()
    shop.load([], "first")
    for ahead in (timedelta(minutes=100), timedelta(hours=3)):
        shop.send("view", at=NOW + ahead)
    assert shop.told("COUNTVIEWS", "SOURCE_NAME_UNDEFINED") == {window(NOW + timedelta(minutes=100)): 1.0}
    now = int(NOW.timestamp())
    rows = [("u1", "i1", time, "view", "", "shelf") for time in (now, now + 3 * 3600, now * 1000, 2**62)]
    shop.load(rows, "more", importMode="INCREMENTAL", publishAttributionMetricsToS3=True)
    assert shop.told("COUNTVIEWS", "SHELF") == {window(): 1.0}
    (report,) = shop.reports().values()
    assert len(report.splitlines()) == 1 + len(rows)


def test_a_recommendation_is_a_source_until_another_is_named(account: Account) -> None:
    shop = Shop(account)
    rows = [(user, item, time, "other", "", "") for user, item, time in shops.series()]
    shop.load(rows, "series")
    campaign = account.deployed(shop.group, "aws-popularity-count", "popular")
    shop.attribute()
    given = account.runtime.get_recommendations(campaignArn=campaign, userId="u")["recommendationId"]
    shop.send("view", recommendationId=given)
    shop.send("view", recommendationId=given, metricAttribution={"eventAttributionSource": "Shelf 3"})
    shop.send("view", recommendationId="RID-never-given")
    sources = (campaign, "Shelf 3", "SOURCE_NAME_UNDEFINED")
    for source in sources:
        assert shop.told("COUNTVIEWS", source.upper()) == {window(): 1.0}, source
    asked = [("", given), ("Shelf 3", given), ("", "RID-never-given")]
    imported = [("u", "i1", int(NOW.timestamp()), "view", "", *source_and_id) for source_and_id in asked]
    shop.load(imported, "more", importMode="INCREMENTAL", publishAttributionMetricsToS3=True)
    (report,) = shop.reports().values()
    assert {line["EVENT_ATTRIBUTION_SOURCE"] for line in csv.DictReader(report.splitlines())} == {*sources}
    for source in sources:
        assert shop.told("COUNTVIEWS", source.upper()) == {window(): 2.0}, source


def test_an_import_is_reported_to_s3_in_the_layout_of_the_service(shop: Shop) -> None:
    shop.attribute()
    first = 1_666_924_200
    rows = [
        ("u1", "i1", first + 5, "view", "", "shelf"),
        ("u2", "i1", first + 899, "View", "", "shelf"),
        ("u2", "i2", first + 900, "view", "", ""),
        ("u2", "i2", first + 900, "BUY", "4", "shelf"),
        ("u3", "i3", first + 901, "buy", "", "shelf"),
    ]
    shop.load(rows, "full", publishAttributionMetricsToS3=True)
    ((key, text),) = shop.reports().items()
    assert key.startswith("metrics/AggregatedAttributionMetrics - FULL - ")
    assert key.endswith(".csv")
    assert list(csv.reader(text.splitlines())) == [
        ["METRIC_NAME", "EVENT_TYPE", "VALUE", "MATH_FUNCTION", "EVENT_ATTRIBUTION_SOURCE", "TIMESTAMP"],
        ["COUNTVIEWS", "VIEW", "1.0", "samplecount", "SOURCE_NAME_UNDEFINED", str(first + 900)],
        ["SUMMARGIN", "BUY", "2.5", "sum", "shelf", str(first + 900)],
        ["SUMVALUE", "BUY", "4.0", "sum", "shelf", str(first + 900)],
        ["COUNTVIEWS", "VIEW", "2.0", "samplecount", "shelf", str(first)],
    ]
    assert shop.told("COUNTVIEWS", "SHELF") == {}


def test_only_incremental_imports_are_told_to_cloudwatch_and_only_those_that_ask_to_s3(shop: Shop) -> None:
    shop.attribute()
    row = ("u1", "i1", int(NOW.timestamp()), "view", "", "shelf")
    shop.load([row], "full")
    assert (shop.told("COUNTVIEWS", "SHELF"), shop.reports()) == ({}, {})
    shop.load([row, row], "more", importMode="INCREMENTAL")
    assert (shop.told("COUNTVIEWS", "SHELF"), shop.reports()) == ({window(): 2.0}, {})
    shop.load([row], "most", importMode="INCREMENTAL", publishAttributionMetricsToS3=True)
    assert shop.told("COUNTVIEWS", "SHELF") == {window(): 3.0}
    assert len(shop.reports()) == 1


def test_at_most_a_hundred_sources_are_told_apart(shop: Shop) -> None:
    shop.attribute()
    rows = [("u1", "i1", 1_666_924_200, "view", "", f"s{number}") for number in range(120)]
    shop.load(rows, "full", publishAttributionMetricsToS3=True)
    (text,) = shop.reports().values()
    assert len(text.splitlines()) == 1 + 100


def test_a_report_that_cannot_be_written_fails_the_import(shop: Shop) -> None:
    shop.attribute()
    account = shop.account
    s3, bucket = account.client("s3"), f"reports-{account.number}"
    s3.delete_object(Bucket=bucket, Key=".keep")
    s3.delete_bucket(Bucket=bucket)
    location = account.put(table([("u", "i1", 1, "view")] * 1000))
    ended = account.import_rows(shop.events, location, publishAttributionMetricsToS3=True)
    assert ended["status"] == "CREATE FAILED"
    assert bucket in ended["failureReason"]


def test_a_deleted_attribution_counts_no_longer_and_an_updated_one_counts_anew(shop: Shop) -> None:
    shop.attribute()
    account, arn = shop.account, shop.account.arn("metric-attribution/a")
    shop.send("view")
    more = {"eventType": "other", "metricName": "others", "expression": "SAMPLECOUNT()"}
    account.personalize.update_metric_attribution(
        metricAttributionArn=arn, addMetrics=[more], removeMetrics=["countViews"]
    )
    account.active("metric_attribution", arn)
    shop.send("view")
    shop.send("other")
    assert shop.told("COUNTVIEWS", "SOURCE_NAME_UNDEFINED") == {window(): 1.0}
    assert shop.told("OTHERS", "SOURCE_NAME_UNDEFINED") == {window(): 1.0}
    account.delete("metric_attribution", arn)
    shop.send("other")
    assert shop.told("OTHERS", "SOURCE_NAME_UNDEFINED") == {window(): 1.0}
