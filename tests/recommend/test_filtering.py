"""Filters of requests come from memory, and what they read is as current as the last call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import numpy as np
import pytest

from fakepersonalize import mock_personalize
from fakepersonalize.emulator import Emulator
from fakepersonalize.filters.evaluate import WINDOW
from fakepersonalize.recommend.candidates import Items
from fakepersonalize.recommend.filter_context import recent_events
from fakepersonalize.recommend.filtering import Filters
from fakepersonalize.recommend.past import UserInteractions
from fakepersonalize.storage.streamed import Event

START = 1_600_000_000
NEW_FILMS = "EXCLUDE ItemID WHERE Items.YEAR < 2000"
NOT_SEEN = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")'
GROWN_UP = "EXCLUDE ItemID WHERE Items.YEAR < 2000 IF CurrentUser.AGE < 18"
SCHEMAS: dict[str, list[dict[str, Any]]] = {
    "Interactions": [
        {"name": "USER_ID", "type": "string"},
        {"name": "ITEM_ID", "type": "string"},
        {"name": "TIMESTAMP", "type": "long"},
        {"name": "EVENT_TYPE", "type": "string"},
    ],
    "Items": [{"name": "ITEM_ID", "type": "string"}, {"name": "YEAR", "type": "int"}],
    "Users": [{"name": "USER_ID", "type": "string"}, {"name": "AGE", "type": "int"}],
}
# User u watches the films u, u + 1 ... u + 9 of 40, the last one first: rows stand in another order than time.
EVENTS = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE\n" + "".join(
    f"u{user},i{(user + step) % 40},{START + step},watch\n" for user in range(31) for step in reversed(range(10))
)
FILMS = "ITEM_ID,YEAR\n" + "".join(f"i{film},{1980 + film}\n" for film in range(45))


def client(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1")


@dataclass
class Shop:
    emulator: Emulator
    datasets: dict[str, str]
    tracker: str
    campaign: str

    @property
    def filters(self) -> Filters:
        return self.emulator.recommender.filters

    def load(self, type_: str, text: str, name: str, mode: str = "FULL") -> None:
        client("s3").put_object(Bucket="shop", Key=f"{name}.csv", Body=text)
        job = client("personalize").create_dataset_import_job(
            jobName=name,
            datasetArn=self.datasets[type_],
            dataSource={"dataLocation": f"s3://shop/{name}.csv"},
            roleArn="arn:aws:iam::123456789012:role/reader",
            importMode=mode,
        )["datasetImportJobArn"]
        described = client("personalize").describe_dataset_import_job(datasetImportJobArn=job)["datasetImportJob"]
        assert described["status"] == "ACTIVE", described

    def filter(self, name: str, expression: str) -> str:
        group = self.emulator.recommender.endpoint(self.campaign)
        assert group is not None
        arn: str = client("personalize").create_filter(
            name=name, datasetGroupArn=group.group, filterExpression=expression
        )["filterArn"]
        return arn

    def recommended(self, filter_: str, user: str = "u1") -> set[str]:
        answer = client("personalize-runtime").get_recommendations(
            campaignArn=self.campaign, userId=user, filterArn=filter_, numResults=500
        )
        return {item["itemId"] for item in answer["itemList"]}


def put(tracker: str, user: str, item: str) -> None:
    event = {"eventType": "watch", "itemId": item, "sentAt": START + 100}
    client("personalize-events").put_events(trackingId=tracker, sessionId="s", userId=user, eventList=[event])


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """A group with three datasets and a campaign of a model that knows 40 films."""
    with mock_personalize(limits="off") as emulator:
        personalize = client("personalize")
        client("s3").create_bucket(Bucket="shop")
        group = personalize.create_dataset_group(name="shop")["datasetGroupArn"]
        datasets = {}
        for type_, fields in SCHEMAS.items():
            text = {
                "type": "record",
                "name": type_,
                "namespace": "com.amazonaws.personalize.schema",
                "fields": fields,
                "version": "1.0",
            }
            schema = personalize.create_schema(name=type_, schema=json.dumps(text))["schemaArn"]
            datasets[type_] = personalize.create_dataset(
                name=type_, schemaArn=schema, datasetGroupArn=group, datasetType=type_
            )["datasetArn"]
        tracker = personalize.create_event_tracker(name="shop", datasetGroupArn=group)["trackingId"]
        made = Shop(emulator, datasets, tracker, "")
        made.load("Interactions", EVENTS, "events")
        made.load("Items", FILMS, "films")
        made.load("Users", "USER_ID,AGE\nu1,12\nu2,40\n", "people")
        solution = personalize.create_solution(
            name="shop", datasetGroupArn=group, recipeArn="arn:aws:personalize:::recipe/aws-popularity-count"
        )["solutionArn"]
        version = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
        made.campaign = personalize.create_campaign(name="shop", solutionVersionArn=version)["campaignArn"]
        yield made


def films(numbers: range) -> set[str]:
    return {f"i{number}" for number in numbers}


def test_filtered_recommendations_take_no_sql_not_even_the_first_ones(shop: Shop) -> None:
    arns = {text: shop.filter(f"f{number}", text) for number, text in enumerate((NEW_FILMS, NOT_SEEN, GROWN_UP))}
    metadata: list[str] = []
    streamed: list[str] = []
    shop.emulator.loaded.clear()
    shop.emulator.database.trace(metadata.append)
    shop.emulator.streamed._database.trace(streamed.append)
    try:
        for _ in range(2):
            assert shop.recommended(arns[NEW_FILMS]) == films(range(20, 40))
            assert shop.recommended(arns[NOT_SEEN], "u5") == films(range(40)) - films(range(5, 15))
            assert shop.recommended(arns[GROWN_UP]) == films(range(20, 40))
            assert shop.recommended(arns[GROWN_UP], "u2") == films(range(40))
        assert metadata == streamed == []
        put(shop.tracker, "u5", "i30")
        assert streamed  # so the traces would have shown it
        client("personalize").describe_filter(filterArn=arns[NEW_FILMS])
        assert metadata
    finally:
        shop.emulator.database.trace(None)
        shop.emulator.streamed._database.trace(None)
    assert shop.recommended(arns[NOT_SEEN], "u5") == films(range(40)) - films(range(5, 15)) - {"i30"}


def test_a_filter_is_compiled_once(shop: Shop) -> None:
    arn = shop.filter("once", NEW_FILMS)
    found = shop.filters.find(arn)
    assert found is not None
    assert shop.filters.compiled(found) is shop.filters.compiled(found)
    client("personalize").delete_filter(filterArn=arn)
    assert shop.filters.find(arn) is None
    again = shop.filters.find(shop.filter("once", NOT_SEEN))
    assert again is not None
    assert shop.filters.compiled(again).reads_events


def test_items_are_looked_at_again_when_they_change_and_not_before(shop: Shop) -> None:
    group = shop.emulator.recommender.endpoint(shop.campaign)
    assert group is not None
    loaded = shop.emulator.loaded.get(group.model)
    before = shop.filters.catalogue(group.group, loaded)
    assert shop.filters.catalogue(group.group, loaded) is before
    assert len(before.codes) == 45
    film = {"itemId": "i50", "properties": '{"year": 1999}'}
    client("personalize-events").put_items(datasetArn=shop.datasets["Items"], items=[film])
    after = shop.filters.catalogue(group.group, loaded)
    assert after is not before
    assert after.codes.keys() - before.codes.keys() == {"i50"}


def test_an_import_counts_from_its_end(shop: Shop) -> None:
    arn = shop.filter("seen", NOT_SEEN)
    assert shop.recommended(arn, "u8") == films(range(40)) - films(range(8, 18))
    header = EVENTS.partition("\n")[0]
    shop.load("Interactions", f"{header}\nu8,i39,{START},Watch\n", "more", "INCREMENTAL")
    assert shop.recommended(arn, "u8") == films(range(39)) - films(range(8, 18))
    shop.load("Interactions", f"{header}\nu8,i0,{START},watch\n", "others")
    assert shop.recommended(arn, "u8") == films(range(1, 40))
    shop.load("Interactions", EVENTS, "again")
    assert shop.recommended(arn, "u8") == films(range(40)) - films(range(8, 18))


def test_what_is_seen_is_told_by_type_and_only_of_known_items() -> None:
    items = Items(["a", "b", "c"], None, None, "INTERACTIONS")
    past = UserInteractions(
        {"u": 0, "other": 1},
        ["unknown", "c", "b", "a"],
        ["watch", "never", "Click"],
        np.array([0, 3, 4]),
        np.array([3, 2, 0, 3], np.int32),
        np.array([0, 2, 0, 1], np.int32),
        np.array([1, 2, 4, 5]),
    )
    put = Event(1, "u", "s", None, "c", 3, "WATCH", "{}", 1)

    def told(past: UserInteractions | None, live: list[Event]) -> dict[str, list[int]]:
        return {type_: codes.tolist() for type_, (_, codes) in recent_events(past, ["u"], [live], items).items()}

    assert told(past, [put]) == {"watch": [0, 2], "click": [1]}
    assert told(past, []) == {"watch": [0], "click": [1]}
    assert told(None, [put]) == {"watch": [2]}
    assert told(None, []) == {}
    together = recent_events(past, ["other", "nobody", "u"], [[], [], [put]], items)
    pairs = {type_: [column.tolist() for column in columns] for type_, columns in together.items()}
    assert pairs == {"watch": [[2, 2], [0, 2]], "click": [[2], [1]], "never": [[0], [0]]}


def test_the_window_goes_by_the_times_of_what_was_imported_and_put() -> None:
    amount = WINDOW["INTERACTIONS"]
    ids = [f"i{number}" for number in range(amount + 1)]
    items = Items(ids, None, None, "INTERACTIONS")
    events = np.arange(amount, dtype=np.int32), np.zeros(amount, np.int32), np.arange(amount) + 10
    past = UserInteractions({"u": 0}, ids, ["watch"], np.array([0, amount]), *events)

    def put(time: int) -> dict[str, list[int]]:
        live = [Event(1, "u", "s", None, ids[-1], time, "watch", "{}", 1)]
        return {
            type_: sorted(codes.tolist()) for type_, (_, codes) in recent_events(past, ["u"], [live], items).items()
        }

    assert put(5) == {"watch": [*range(amount)]}  # older than all
    assert put(10) == {"watch": [*range(1, amount + 1)]}  # of equal times what was put is newer
    assert put(10_000) == {"watch": [*range(1, amount + 1)]}
