"""A batch of n lines answers what n real-time requests are answered, whatever else is in the batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import pytest
import shops
from accounts import Account
from batches import answered, parsed
from conftest import NewAccount

PERSONAL = (
    "aws-user-personalization",
    "aws-user-personalization-v2",
    "aws-hrnn",
    "aws-hrnn-metadata",
    "aws-hrnn-coldstart",
)
SIMILAR = "aws-sims", "aws-similar-items", "aws-semantic-similarity"
RANKING = "aws-personalized-ranking", "aws-personalized-ranking-v2"
POPULAR = "aws-popularity-count"
WITH_CONTEXT = {*PERSONAL, *RANKING} - {"aws-hrnn", "aws-hrnn-coldstart"}

INTERACTIONS = shops.schema(
    "Interactions",
    "USER_ID string",
    "ITEM_ID string",
    "TIMESTAMP long",
    "EVENT_TYPE string",
    {"name": "DEVICE", "type": ["null", "string"], "categorical": True},
)
ITEMS = shops.schema(
    "Items",
    "ITEM_ID string",
    {"name": "GENRE", "type": ["null", "string"], "categorical": True},
    {"name": "TEXT", "type": ["null", "string"], "textual": True},
)
USERS = shops.schema(
    "Users", "USER_ID string", {"name": "PLAN", "type": ["null", "string"], "categorical": True}, "AGE int"
)
GENRES, PLANS, DEVICES = ("drama", "comedy"), ("free", "paid"), ("phone", "tv")
FILTERS = {
    "item": 'INCLUDE ItemID WHERE Items.GENRE IN ("drama")',
    "events": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")',
    "user": (
        'INCLUDE ItemID WHERE Items.GENRE IN ("comedy") IF CurrentUser.AGE > 30'
        ' | INCLUDE ItemID WHERE Items.GENRE IN ("drama") IF CurrentUser.AGE <= 30'
    ),
    "value": "INCLUDE ItemID WHERE Items.GENRE IN ($GENRE)",
}
N_USERS, N_ITEMS = 55, 60
NEW_ITEMS = [f"new{number}" for number in range(100)]  # as many as the legacy recipe for cold items needs


class World:
    """Users of two plans and two genres, some with metadata and some without, and a campaign of each recipe."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.group = account.group("world")
        rng = np.random.default_rng(3)
        rows = []
        for user in range(N_USERS):
            for step in range(20):
                own = rng.random() < 0.8
                item = 2 * rng.integers(N_ITEMS // 2) + (user % 2 if own else 1 - user % 2)
                device = DEVICES[item % 4 // 2] if user % 3 else ""
                rows.append(
                    (f"u{user}", f"i{item}", shops.START + 3600 * step + user, ("watch", "click")[step % 2], device)
                )
        self.load("Interactions", INTERACTIONS, rows, f"{shops.HEADER},EVENT_TYPE,DEVICE")
        films = [
            (f"i{item}", GENRES[item % 2], f"story of {GENRES[item % 2]} number {item % 7}") for item in range(N_ITEMS)
        ]
        films += [
            (item, GENRES[place % 2], f"story of {GENRES[place % 2]} number {place}")
            for place, item in enumerate(NEW_ITEMS)
        ]
        self.load("Items", ITEMS, films, "ITEM_ID,GENRE,TEXT")
        people = [(f"u{user}", PLANS[user % 2], 20 + user) for user in range(0, N_USERS, 3)]
        people += [("newcomer", "paid", 50)]
        self.load("Users", USERS, people, "USER_ID,PLAN,AGE")
        tracker = account.personalize.create_event_tracker(name="world", datasetGroupArn=self.group)["trackingId"]
        for user, item in (("u1", "i0"), ("u1", "new1"), ("live", "i5"), ("live", "i7"), ("u3", "i9"), ("u4", "fresh")):
            event = {"eventType": "watch", "itemId": item, "sentAt": shops.START + 10_000_000}
            account.events.put_events(trackingId=tracker, sessionId=f"of {user}", userId=user, eventList=[event])
        self.filter = cache(self._filter)

    def load(self, type_: str, schema: str, rows: list[Any], header: str) -> None:
        dataset = self.account.dataset(self.group, self.account.schema(type_, schema), type_, type_)
        job = self.account.import_rows(dataset, self.account.put(shops.csv(rows, header), f"{type_}.csv"), type_)
        assert job["status"] == "ACTIVE", job

    def _filter(self, name: str) -> str:
        arn: str = self.account.personalize.create_filter(
            name=name, datasetGroupArn=self.group, filterExpression=FILTERS[name]
        )["filterArn"]
        self.account.active("filter", arn)
        return arn

    @contextmanager
    def deployed(self, recipe: str) -> Iterator[None]:
        """Train a recipe and serve it; there is room for five campaigns and ten solutions at a time."""
        account = self.account
        solution = account.solution(self.group, recipe, recipe)
        self.version = account.version(solution)
        self.campaign = account.campaign(self.version, recipe)
        try:
            yield
        finally:
            account.delete("campaign", self.campaign)
            account.delete("solution", solution)

    def batch(self, lines: list[dict[str, Any]], **more: Any) -> list[list[tuple[str, float | None]]]:
        found = parsed(answered(self.account, self.version, lines, **more))
        assert [line["error"] for line in found] == [None] * len(lines)
        outputs = [line["output"] for line in found]
        return [
            [*zip(each["recommendedItems"], each.get("scores") or [None] * len(each["recommendedItems"]), strict=True)]
            for each in outputs
        ]

    def live(self, recipe: str, line: dict[str, Any], **more: Any) -> list[tuple[str, float | None]]:
        asked = {name: value for name, value in line.items() if name in ("userId", "itemId", "context", "filterValues")}
        asked |= {"campaignArn": self.campaign} | more
        if recipe in RANKING:
            answer = self.account.runtime.get_personalized_ranking(inputList=line["itemList"], **asked)
            return [(item["itemId"], item.get("score")) for item in answer["personalizedRanking"]]
        answer = self.account.runtime.get_recommendations(numResults=25, **asked)
        return [(item["itemId"], item.get("score")) for item in answer["itemList"]]

    def lines(self, recipe: str, rng: np.random.Generator, values: bool) -> list[dict[str, Any]]:
        """Return lines in which metadata, history, context and values are there for some and not for others."""
        lines: list[dict[str, Any]] = []
        for _ in range(24):
            line: dict[str, Any] = {}
            if recipe in SIMILAR:
                line["itemId"] = str(rng.choice([f"i{rng.integers(N_ITEMS)}", *NEW_ITEMS, "unheard of"]))
            else:
                known = f"u{rng.integers(N_USERS)}"
                line["userId"] = str(rng.choice([known, known, known, "u1", "live", "newcomer", "nobody"]))
            if recipe in RANKING:
                line["itemList"] = [
                    *dict.fromkeys(f"i{item}" for item in rng.integers(0, N_ITEMS, 9)),
                    "new1",
                    "unheard of",
                ]
            if recipe in WITH_CONTEXT and rng.random() < 0.5:
                line["context"] = {"DEVICE": str(rng.choice([*DEVICES, "radio"]))}
            if values:
                line["filterValues"] = {"GENRE": f'"{rng.choice(GENRES)}"'}
            lines.append(line)
        return lines


@pytest.fixture(scope="module")
def world(new_account: NewAccount) -> World:
    return World(new_account())


@pytest.mark.parametrize("recipe", [*PERSONAL, *SIMILAR, *RANKING, POPULAR])
def test_a_line_gets_what_the_request_gets(world: World, recipe: str) -> None:
    rng = np.random.default_rng(0)
    with world.deployed(recipe):
        for name in (None, *FILTERS):
            if name in ("events", "user") and recipe not in {*PERSONAL, *RANKING}:
                continue
            more = {"filterArn": world.filter(name)} if name else {}
            lines = world.lines(recipe, rng, values=name == "value")
            for line, found in zip(lines, world.batch(lines, **more), strict=True):
                expected = dict(world.live(recipe, line, **more))
                assert dict(found).keys() == expected.keys(), (name, line)
                for item, score in found:
                    wanted = expected[item] or (0.0 if score is not None else None)
                    assert score == (None if wanted is None else pytest.approx(wanted, rel=1e-3, abs=2e-7)), (
                        name,
                        line,
                        item,
                    )
