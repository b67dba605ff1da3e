"""Clients that stream: what is acknowledged is on the disk, and in the next answers of a campaign."""

from __future__ import annotations

import itertools
import json
import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from accounts import PATIENCE_SECONDS, until
from lives import Dead, Life, call

from killing import Announce

CALLERS, EVENTS_EACH, ASKED_EACH = 6, 3, 5
LEAST_EVENTS = 20  # of a life that ends while it streams
START = 1_600_000_000


def schema(record: str, **types: str) -> str:
    return json.dumps({"type": "record", "name": record, "fields": [{"name": n, "type": t} for n, t in types.items()]})


INTERACTIONS = schema("Interactions", USER_ID="string", ITEM_ID="string", TIMESTAMP="long")
ITEMS = schema("Items", ITEM_ID="string", PRICE="float")


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
        answer = call(server.client("personalize-runtime").get_recommendations, **asked)
        return [item["itemId"] for item in answer["itemList"]]

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
    """Puts events and items from several threads, and remembers which were acknowledged."""

    kinds = {"events": 0.5}

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers, self._dice = itertools.count(), random.Random(4)
        self._events: set[str] = set()
        self._records: set[str] = set()

    def prepare(self, server: Life) -> None:
        self._shop = Shop(server)
        self._shop.train(server)
        self._popular = self._shop.recommended(server, "nobody")

    def use(self, server: Life, announce: Announce) -> None:
        enough = len(self._events) + LEAST_EVENTS

        def said() -> None:
            announce("events" if len(self._events) >= enough else "")

        threads = [threading.Thread(target=self._put, args=(server, n, said)) for n in range(CALLERS)]
        server.client("personalize-events")
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        raise Dead

    def check(self, server: Life) -> None:
        for user in self._dice.sample(sorted(self._events), min(ASKED_EACH, len(self._events))):
            assert self._shop.recommended(server, user) != self._popular, f"lost: {user}"
        with closing(sqlite3.connect(self._folder / "data" / "streamed.db")) as database:
            often = Counter(row[0] for row in database.execute("SELECT user FROM event WHERE user LIKE 'new%'"))
            there = {row[0] for row in database.execute("SELECT id FROM record")}
        assert self._events <= often.keys(), f"lost: {self._events - often.keys()}"
        assert set(often.values()) <= {EVENTS_EACH}, f"half a call: {often}"
        assert self._records <= there, f"lost: {self._records - there}"

    def finish(self, server: Life) -> None:
        assert self._events
        assert self._records

    def _put(self, server: Life, caller: int, said: Callable[[], None]) -> None:
        events = server.client("personalize-events")
        with suppress(Dead):
            for number in self._numbers:
                name = f"new{number}"
                said()
                if caller == 0:
                    item = {"itemId": name, "properties": '{"price": 1}'}
                    call(events.put_items, datasetArn=self._shop.items, items=[item])
                    self._records.add(name)
                else:
                    sent = [{"eventType": "x", "itemId": "i20", "sentAt": START + n} for n in range(EVENTS_EACH)]
                    asked = {"trackingId": self._shop.tracking_id, "sessionId": "s", "userId": name}
                    call(events.put_events, **asked, eventList=sent)
                    self._events.add(name)
