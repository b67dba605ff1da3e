"""What users did since the training is in memory: no answer asks a database, and none waits for one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest

from fakepersonalize import mock_personalize
from fakepersonalize.emulator import Emulator
from fakepersonalize.recommend.loaded import Learnt, LoadedModel
from fakepersonalize.resources.kinds import DATASET
from fakepersonalize.storage.streamed import Event

START = 1_600_000_000
SCHEMA = json.dumps(
    {
        "type": "record",
        "name": "Interactions",
        "fields": [
            {"name": "USER_ID", "type": "string"},
            {"name": "ITEM_ID", "type": "string"},
            {"name": "TIMESTAMP", "type": "long"},
        ],
    }
)


def client(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1")


@dataclass
class Shop:
    emulator: Emulator
    tracking_id: str
    campaign: str

    def put(self, item: str, user: str) -> None:
        event = {"eventType": "watch", "itemId": item, "sentAt": START + 500}
        client("personalize-events").put_events(
            trackingId=self.tracking_id, sessionId=f"of {user}", userId=user, eventList=[event]
        )

    def recommended(self, user: str) -> list[str]:
        asked = {"campaignArn": self.campaign, "userId": user, "numResults": 5}
        return [item["itemId"] for item in client("personalize-runtime").get_recommendations(**asked)["itemList"]]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop that was trained on nothing but streamed rows, 30 users in a circle of 40 items."""
    with mock_personalize(data_dir=str(tmp_path)) as emulator:
        personalize, events = client("personalize"), client("personalize-events")
        group = personalize.create_dataset_group(name="shop")["datasetGroupArn"]
        schema = personalize.create_schema(name="shop", schema=SCHEMA)["schemaArn"]
        personalize.create_dataset(name="shop", schemaArn=schema, datasetGroupArn=group, datasetType="Interactions")
        tracker = personalize.create_event_tracker(name="shop", datasetGroupArn=group)["trackingId"]
        for user in range(30):
            chain = [f"i{(user * 3 + step) % 40}" for step in range(10)]
            sent = [{"eventType": "watch", "itemId": item, "sentAt": START + n} for n, item in enumerate(chain)]
            events.put_events(trackingId=tracker, sessionId="s", userId=f"u{user}", eventList=sent)
        solution = personalize.create_solution(
            name="shop", datasetGroupArn=group, recipeArn="arn:aws:personalize:::recipe/aws-user-personalization"
        )["solutionArn"]
        version = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
        campaign = personalize.create_campaign(name="shop", solutionVersionArn=version)["campaignArn"]
        yield Shop(emulator, tracker, campaign)


def test_neither_an_event_nor_the_answer_that_knows_it_reads_a_table(shop: Shop) -> None:
    before = shop.recommended("new")
    metadata: list[str] = []
    streamed: list[str] = []
    shop.emulator.database.trace(metadata.append)
    shop.emulator.streamed._database.trace(streamed.append)
    shop.put("i20", "new")
    written = len(streamed)
    assert shop.recommended("new") != before
    assert metadata == []
    assert not [statement for statement in streamed if "SELECT" in statement]
    assert len(streamed) == written


def test_neither_events_nor_answers_wait_for_a_transaction(shop: Shop) -> None:
    before = shop.recommended("new")
    with ThreadPoolExecutor(1) as others, shop.emulator.database.transaction():
        others.submit(shop.put, "i20", "new").result(30)
        assert others.submit(shop.recommended, "new").result(30) != before


def test_a_restart_changes_no_answer(shop: Shop, tmp_path: Path) -> None:
    shop.put("i20", "new")
    shop.put("i7", "u3")
    users = ("new", "u3", "u4", "nobody")
    before = [shop.recommended(user) for user in users]
    assert before[0] != before[3]
    shop.emulator.close()
    with mock_personalize(data_dir=str(tmp_path)):
        assert [shop.recommended(user) for user in users] == before


def test_rows_of_datasets_that_are_gone_are_cleared_away_at_the_next_start(shop: Shop, tmp_path: Path) -> None:
    stray = Event(999, "u", "s", None, "i1", START, "watch", "{}")
    shop.emulator.streamed.add([stray])
    assert 999 in shop.emulator.streamed.datasets()
    shop.emulator.close()
    with mock_personalize(data_dir=str(tmp_path)) as emulator:
        assert 999 not in emulator.streamed.datasets()
        assert emulator.streamed.datasets()


def test_reset_removes_streamed_rows(shop: Shop) -> None:
    assert shop.emulator.streamed.datasets()
    shop.emulator.reset()
    assert not shop.emulator.streamed.datasets()


# The history that a model is given


def event(item: str, time: int, number: int = 10, type_: str = "watch", more: str = "{}") -> Event:
    return Event(1, "u", "s", None, item, time, type_, more, number)


def loaded(learnt: Learnt) -> LoadedModel:
    """A model that knows the items a, b and c, and of the user u that he took a at 100 and b at 200."""
    offsets, items, times = np.array([0, 2]), np.array([0, 1], np.int32), np.array([100, 200])
    model: Any = None
    return LoadedModel(model, ["a", "b", "c"], {"a": 0, "b": 1, "c": 2}, {"u": 0}, offsets, items, times, learnt)


def history(learnt: Learnt, *live: Event, user: str = "u") -> list[tuple[int, int]]:
    found = loaded(learnt).queries([user], [live]).histories
    assert found.items.dtype == np.int32
    return list(zip(found.items.tolist(), found.times.tolist()))


def test_live_events_are_put_among_the_trained_ones_by_their_times() -> None:
    live = [event("c", 300), event("c", 150), event("a", 200), event("unknown", 400)]
    assert history(Learnt(0), *live) == [(0, 100), (2, 150), (1, 200), (0, 200), (2, 300)]
    assert history(Learnt(0), *live, user="new") == [(2, 150), (0, 200), (2, 300)]
    assert history(Learnt(0)) == [(0, 100), (1, 200)]


def test_events_that_the_model_has_learnt_from_do_not_count_twice() -> None:
    live = [event("a", 100, number=4), event("c", 300, number=5), event("c", 400, number=6)]
    assert history(Learnt(5), *live) == [(0, 100), (1, 200), (2, 400)]


def test_events_count_where_a_training_would_take_them() -> None:
    bought = event("c", 300, type_="Buy", more='{"event_value": 2.5}')
    assert history(Learnt(0, "buy"), bought, event("c", 400))[2:] == [(2, 300)]
    assert history(Learnt(0, "buy", 2.5), bought)[2:] == [(2, 300)]
    assert history(Learnt(0, "buy", 2.6), bought)[2:] == []
    assert history(Learnt(0, None, 0.0), event("c", 400))[2:] == []


def test_an_answer_can_stop_at_an_event_that_came_before_others(shop: Shop) -> None:
    live = shop.emulator.live
    dataset = next(iter(shop.emulator.shelf.of_kind(DATASET))).arn
    shop.put("i3", "new")
    mark = live.last
    shop.put("i9", "new")
    assert [event.item for event in live.of(dataset, "new")] == ["i3", "i9"]
    assert [event.item for event in live.of(dataset, "new", mark)] == ["i3"]
    assert live.of(dataset, "new", mark - 1) == []
    assert live.of(dataset, "nobody", mark) == ()
