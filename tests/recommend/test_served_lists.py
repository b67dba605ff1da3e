"""What metrics rate is what is served: a version's metrics are those of lists that another server answered with.

One account trains on all rows; its metrics are taken. Another one trains on the rows of the training users alone, hears
of the rest what the test users are given, as streamed events, and is asked on behalf of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import shops
from accounts import RECIPES, Account

from fakepersonalize import mock_personalize
from fakepersonalize.filters.evaluate import WINDOW
from fakepersonalize.filters.syntax import INTERACTIONS
from fakepersonalize.recipes.evaluation import FILTER_WINDOW, Split, split_users
from fakepersonalize.recipes.metrics import Metrics, measure
from fakepersonalize.recipes.training import TrainingData, padded

EVENTS = shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long", "EVENT_TYPE string")
GENRES = {"name": "GENRES", "type": "string", "categorical": True}
ITEMS = shops.schema("Items", "ITEM_ID string", GENRES, "CREATION_TIMESTAMP long")
N_USERS, N_ITEMS, EACH = 80, 60, 26
CUSTOM, SHOP, FILMS = None, "ECOMMERCE", "VIDEO_ON_DEMAND"
# By recipe: the domain, the event that it trains on if not on all, and how far metrics may be apart. The factors that a
# blend serves go on from those of its evaluation, so with fewer rows they are not quite those of the evaluated model.
CASES = {
    "aws-sims": (CUSTOM, None, 0.0),
    "aws-similar-items": (CUSTOM, None, 0.0),
    "aws-popularity-count": (CUSTOM, None, 0.0),
    "aws-hrnn": (CUSTOM, None, 0.02),
    "aws-ecomm-frequently-bought-together": (SHOP, "Purchase", 0.0),
    "aws-ecomm-customers-who-viewed-x-also-viewed": (SHOP, "View", 0.0),
    "aws-ecomm-recommended-for-you": (SHOP, None, 0.02),
    "aws-vod-because-you-watched-x": (FILMS, "Watch", 0.0),
    "aws-vod-top-picks": (FILMS, None, 0.02),
}
Typed = tuple[str, str, int, str]


def visits() -> list[Typed]:
    """Return rows of users who wander among near items, come back to some, and buy or watch some; all times differ."""
    random = np.random.default_rng(4)
    rows: list[Typed] = []
    for user in range(N_USERS):
        at = int(random.integers(N_ITEMS))
        for turn in range(EACH):
            at = (at + int(random.choice([-1, 0, 1, 2, 3], p=[0.2, 0.2, 0.2, 0.2, 0.2]))) % N_ITEMS
            event = ("View", "Rent", "Purchase", "Watch")[int(random.integers(4))]
            rows.append((f"u{user:02}", f"i{at:02}", shops.START + user * EACH + turn, event))
    return rows


def split_of(rows: list[Typed], event: str | None) -> Split:
    trained = [row for row in rows if event in (None, row[3])]
    users, items, times, _ = zip(*trained)
    codes = [np.unique(column, return_inverse=True)[1] for column in (users, items)]
    return split_users(TrainingData.from_columns(*codes, np.array(times), len(set(users)), N_ITEMS), 0)


class Place:
    """A dataset group with some rows and a recipe in use."""

    def __init__(self, account: Account, recipe: str, domain: str | None, rows: list[Typed]) -> None:
        self.account, self.domain = account, domain
        given: dict[str, Any] = {"domain": domain} if domain else {}
        group = account.group("group", **given)
        dataset = account.dataset(group, account.schema("events", EVENTS, **given))
        job = account.import_rows(dataset, account.put(shops.csv(rows, f"{shops.HEADER},EVENT_TYPE")))
        assert job["status"] == "ACTIVE"
        tracker = account.personalize.create_event_tracker(name="tracker", datasetGroupArn=group)
        self.tracking_id = tracker["trackingId"]
        if not domain:
            campaign = account.deployed(group, recipe, "solution")
            version = account.describe("campaign", campaign)["solutionVersionArn"]
            self.asked = {"campaignArn": campaign}
            self.metrics: Metrics = account.personalize.get_solution_metrics(solutionVersionArn=version)["metrics"]
            return
        if domain == FILMS:
            account.dataset(group, account.schema("items", ITEMS, **given), "Items", "items")
        exploring = recipe in ("aws-vod-top-picks", "aws-ecomm-recommended-for-you")
        config = {"itemExplorationConfig": {"explorationWeight": "0"}} if exploring else {}
        arn = account.personalize.create_recommender(
            name="recommender", datasetGroupArn=group, recipeArn=RECIPES + recipe, recommenderConfig=config
        )["recommenderArn"]
        account.active("recommender", arn)
        self.asked = {"recommenderArn": arn}
        self.metrics = account.describe("recommender", arn)["modelMetrics"]

    def hear(self, rows: list[Typed]) -> None:
        for user, item, time, event in rows:
            self.account.events.put_events(
                trackingId=self.tracking_id,
                userId=user,
                sessionId=user,
                eventList=[{"eventType": event, "itemId": item, "sentAt": time}],
            )

    def recommended(self, user: str, item: str | None) -> list[str]:
        beside = {"itemId": item} if item else {}
        answer = self.account.runtime.get_recommendations(**self.asked, userId=user, numResults=25, **beside)
        return [each["itemId"] for each in answer["itemList"]]


@pytest.fixture(scope="module", autouse=True)
def emulator() -> Iterator[None]:
    with mock_personalize(limits="off", seed=0):
        yield


@pytest.mark.parametrize("recipe", CASES)
def test_metrics_are_those_of_the_lists_that_are_served(recipe: str) -> None:
    domain, event, apart = CASES[recipe]
    rows = visits()
    by_time = {row[2]: row for row in rows}
    number = 200000000000 + 2 * list(CASES).index(recipe)
    whole = Place(Account(str(number)), recipe, domain, rows)
    split = split_of(rows, event)
    test_users = [by_time[time][0] for time in split.truth.times[split.truth.offsets[:-1]]]
    part = Place(Account(str(number + 1)), recipe, domain, [row for row in rows if row[0] not in test_users])
    lists = []
    for place, user in enumerate(test_users):
        last = by_time[int(split.given.times[split.given.offsets[place + 1] - 1])]
        part.hear([row for row in rows if row[0] == user and row[2] <= last[2]])
        needs_item = recipe.endswith(("-x", "sims", "similar-items", "together", "also-viewed"))
        found = part.recommended(user, last[1] if needs_item else None)
        lists.append(padded(np.array([int(item[1:]) for item in found], np.int32), 25))
    served = measure(np.array(lists), split.truth, N_ITEMS)
    assert served["mean_reciprocal_rank_at_25"] > 0
    assert whole.metrics == pytest.approx(served, abs=apart)


def test_the_window_of_events_is_that_of_filters() -> None:
    assert WINDOW[INTERACTIONS] == FILTER_WINDOW
