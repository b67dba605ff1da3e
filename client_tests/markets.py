"""A market: the series of `shops` with types of events, and with metadata of items and users."""

from __future__ import annotations

import itertools
import json
from typing import Any

import shops
from accounts import Account

NOW = shops.START + 10_000_000  # behind every imported row
RECIPES = (
    "aws-user-personalization",
    "aws-user-personalization-v2",
    "aws-sims",
    "aws-personalized-ranking",
    "aws-personalized-ranking-v2",
)
PERSONAL, PERSONAL_V2, SIMS, RANKING, RANKING_V2 = RECIPES
ROWS = shops.series()
GENRES = ("drama", "comedy", "crime|noir")
FILMS = shops.schema(
    "Items",
    "ITEM_ID string",
    {"name": "GENRES", "type": ["null", "string"], "categorical": True},
    {"name": "PRICE", "type": ["null", "float"]},
    {"name": "year", "type": ["null", "int"]},
)
_moments = itertools.count()


def number(item: str) -> int:
    return int(item.removeprefix("i"))


def type_of(item: str) -> str:
    """Every third item is clicked on, the others are watched."""
    return "watch" if number(item) % 3 else "click"


def of_genre(genre: str) -> set[str]:
    """Return the items of a genre; item n has genre n modulo 3 and costs n.99."""
    return {item for _, item, _ in ROWS if genre in GENRES[number(item) % 3].split("|")}


class Market:
    """A custom group; items are those of `ROWS` and i900, which nobody has met."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.histories = shops.histories(ROWS)
        self.items = {item for _, item, _ in ROWS}
        self.group = account.group("market")
        self.load(
            "Interactions", shops.EVENTS, "interactions", self._events(), f"{shops.HEADER},EVENT_TYPE,EVENT_VALUE"
        )
        films = [
            (item, GENRES[number(item) % 3], f"{number(item)}.99", 1900 + number(item))
            for item in sorted({*self.items, "i900"})
        ]
        self.films = self.load("Items", FILMS, "items", films, "ITEM_ID,GENRES,PRICE,year")
        people = [(user, user.removeprefix("u")) for user in self.histories]
        self.people = self.load("Users", shops.USERS, "users", people, "USER_ID,AGE")
        made = account.personalize.create_event_tracker(name="market", datasetGroupArn=self.group)
        self.tracking_id = made["trackingId"]
        self.campaigns = {recipe: account.deployed(self.group, recipe, recipe) for recipe in RECIPES}
        self._filters: dict[str, str] = {}

    def load(self, type_: str, schema: str, name: str, rows: list[Any], header: str) -> str:
        dataset = self.account.dataset(self.group, self.account.schema(name, schema), type_, name)
        job = self.account.import_rows(dataset, self.account.put(shops.csv(rows, header), f"{name}.csv"), name)
        assert job["status"] == "ACTIVE", job
        return dataset

    def filter(self, expression: str) -> str:
        """Return the ARN of the filter with this expression."""
        if expression not in self._filters:
            arn = self.account.personalize.create_filter(
                name=f"filter{len(self._filters)}", datasetGroupArn=self.group, filterExpression=expression
            )["filterArn"]
            self.account.active("filter", arn)
            self._filters[expression] = arn
        return self._filters[expression]

    def answer(self, recipe: str, **asked: Any) -> list[dict[str, Any]]:
        asked = {"userId": "u1"} | asked
        answer = self.account.runtime.get_recommendations(campaignArn=self.campaigns[recipe], **asked)
        items: list[dict[str, Any]] = answer["itemList"]
        return items

    def filtered(self, expression: str, recipe: str = PERSONAL, **asked: Any) -> list[str]:
        """Return what is recommended under a filter."""
        return [item["itemId"] for item in self.answer(recipe, filterArn=self.filter(expression), **asked)]

    def ranked(self, items: list[str], recipe: str = RANKING, **asked: Any) -> list[dict[str, Any]]:
        asked = {"userId": "u1"} | asked
        answer = self.account.runtime.get_personalized_ranking(
            campaignArn=self.campaigns[recipe], inputList=items, **asked
        )
        ranking: list[dict[str, Any]] = answer["personalizedRanking"]
        return ranking

    def meet(self, user: str, item: str, type_: str = "watch") -> None:
        """Send an event."""
        event = {"eventType": type_, "itemId": item, "sentAt": NOW + next(_moments)}
        self.account.events.put_events(
            trackingId=self.tracking_id, sessionId=f"of {user}", userId=user, eventList=[event]
        )

    def put_film(self, item: str, **properties: Any) -> None:
        film = {"itemId": item, "properties": json.dumps(properties)}
        self.account.events.put_items(datasetArn=self.films, items=[film])

    def put_person(self, user: str, age: int) -> None:
        person = {"userId": user, "properties": json.dumps({"age": age})}
        self.account.events.put_users(datasetArn=self.people, users=[person])

    def _events(self) -> list[Any]:
        return [(*row, type_of(row[1]), "") for row in ROWS]
