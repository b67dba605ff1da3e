"""A real server is killed while clients stream to it, and what it acknowledged is there when it comes back.

FAKEPERSONALIZE_STREAM_KILLS sets how often (3 by default).
"""

from __future__ import annotations

import itertools
import json
import os
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from accounts import until
from botocore.exceptions import BotoCoreError
from lives import Life

KILLS = int(os.environ.get("FAKEPERSONALIZE_STREAM_KILLS", "3"))
CALLERS = 6
PATIENCE_SECONDS = 60
START = 1_600_000_000


def schema(record: str, **types: str) -> str:
    return json.dumps({"type": "record", "name": record, "fields": [{"name": n, "type": t} for n, t in types.items()]})


INTERACTIONS = schema("Interactions", USER_ID="string", ITEM_ID="string", TIMESTAMP="long")
ITEMS = schema("Items", ITEM_ID="string", PRICE="float")


def life(folder: Path, number: int) -> Life:
    return Life(folder, number, "--step-seconds", "0.02", "--limits", "off")


class Shop:
    """What stays over all lives: where to stream to, and a campaign whose answers know the stream."""

    def __init__(self, server: Life) -> None:
        self._personalize = personalize = server.client("personalize")
        self.group = self._ready("dataset_group", personalize.create_dataset_group(name="shop"))
        self.interactions = self._dataset("Interactions", INTERACTIONS)
        self.items = self._dataset("Items", ITEMS)
        self.tracking_id = personalize.create_event_tracker(name="shop", datasetGroupArn=self.group)["trackingId"]

    def train(self, server: Life) -> None:
        """Learn from events, nothing else is imported."""
        events, personalize = server.client("personalize-events"), self._personalize
        for user in range(30):
            chain = [(user * 3 + step) % 60 for step in range(10)]
            sent = [{"eventType": "x", "itemId": f"i{item}", "sentAt": START + n} for n, item in enumerate(chain)]
            events.put_events(trackingId=self.tracking_id, sessionId="s", userId=f"u{user}", eventList=sent)
        recipe = "arn:aws:personalize:::recipe/aws-user-personalization"
        solution = personalize.create_solution(name="shop", datasetGroupArn=self.group, recipeArn=recipe)["solutionArn"]
        made = personalize.create_solution_version(solutionArn=solution)
        version = self._ready("solution_version", made)
        self.campaign = self._ready("campaign", personalize.create_campaign(name="shop", solutionVersionArn=version))

    def recommended(self, server: Life, user: str) -> list[str]:
        asked = {"campaignArn": self.campaign, "userId": user, "numResults": 5}
        return [
            item["itemId"] for item in server.client("personalize-runtime").get_recommendations(**asked)["itemList"]
        ]

    def _dataset(self, type_: str, text: str) -> str:
        made = self._personalize.create_schema(name=type_, schema=text)["schemaArn"]
        return self._ready(
            "dataset",
            self._personalize.create_dataset(name=type_, datasetType=type_, schemaArn=made, datasetGroupArn=self.group),
        )

    def _ready(self, kind: str, made: dict[str, Any]) -> str:
        first, *rest = kind.split("_")
        name = "".join([first, *(word.capitalize() for word in rest)])
        arn: str = made[f"{name}Arn"]
        describe = getattr(self._personalize, f"describe_{kind}")
        until(lambda: describe(**{f"{name}Arn": arn})[name]["status"] == "ACTIVE")
        return arn


class Stream:
    """Puts records from several threads, and remembers which were acknowledged."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._numbers = itertools.count()
        self.events: set[str] = set()
        self.records: set[str] = set()

    def flow(self, server: Life, kill_after: int) -> None:
        """Stream until the server is dead, which is killed when so many more calls are acknowledged."""
        enough = len(self.events) + kill_after
        threads = [threading.Thread(target=self._put, args=(server, n)) for n in range(CALLERS)]
        for thread in threads:
            thread.start()
        until(lambda: len(self.events) >= enough)
        server.kill()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)

    def _put(self, server: Life, caller: int) -> None:
        events, tracking_id = server.client("personalize-events"), self._shop.tracking_id
        try:
            while True:
                name = f"new{next(self._numbers)}"
                if caller == 0:
                    item = {"itemId": name, "properties": '{"price": 1}'}
                    events.put_items(datasetArn=self._shop.items, items=[item])
                    self.records.add(name)
                else:
                    sent = {"eventType": "x", "itemId": "i20", "sentAt": START + 100}
                    events.put_events(trackingId=tracking_id, sessionId="s", userId=name, eventList=[sent])
                    self.events.add(name)
        except BotoCoreError:
            return


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Callable[[], Life]]:
    started: list[Life] = []

    def start() -> Life:
        started.append(life(tmp_path, len(started)))
        return started[-1]

    yield start
    for server in started:
        server.kill()
    for log in tmp_path.glob("*.log"):
        assert "Traceback" not in log.read_text("utf-8"), log.read_text("utf-8")


def test_what_was_acknowledged_is_there_after_a_kill(servers: Callable[[], Life], tmp_path: Path) -> None:
    server, randomness = servers(), random.Random(4)
    shop = Shop(server)
    shop.train(server)
    stream = Stream(shop)
    popular = shop.recommended(server, "nobody")
    for _ in range(KILLS):
        stream.flow(server, randomness.randrange(20, 200))
        server = servers()
        for user in randomness.sample(sorted(stream.events), 5):
            assert shop.recommended(server, user) != popular
    server.kill()
    with closing(sqlite3.connect(tmp_path / "data" / "streamed.db")) as database:
        assert stream.events <= {row[0] for row in database.execute("SELECT user FROM event")}
        assert stream.records
        assert stream.records <= {row[0] for row in database.execute("SELECT id FROM record")}
