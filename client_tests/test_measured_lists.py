"""Metrics rate the lists that are served: what no answer can hold earns nothing, and what the objective gains shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shops
from accounts import RECIPES, Account

EVENTS = shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long", "EVENT_TYPE string")
FILMS = shops.schema(
    "Items", "ITEM_ID string", {"name": "GENRES", "type": "string", "categorical": True}, "CREATION_TIMESTAMP long"
)
PRODUCTS = shops.schema(
    "Items", "ITEM_ID string", "PRICE float", {"name": "CATEGORY_L1", "type": "string", "categorical": True}
)
USERS = 60
HITS = ("mean_reciprocal_rank_at_25", "normalized_discounted_cumulative_gain_at_25", "precision_at_25")
Typed = tuple[str, str, int, str]


def alternating(first: str, *others: Callable[[int], str]) -> list[Typed]:
    """Return rows of users who try ten things and then go back and forth between two of their own, or stay with one.

    What `others` say of the turn is added to each `first` event that is not of the opening.
    """
    rows: list[Typed] = []
    for user in range(USERS):
        own = [f"i{10 + user % 10}", f"i{20 + user % 10}"]
        opening = [f"i{(user + step) % 10}" for step in range(10)]
        rows += [(f"u{user}", item, shops.START + turn, first) for turn, item in enumerate(opening)]
        for turn in range(10, 30):
            item = own[turn % 2]
            rows.append((f"u{user}", item, shops.START + turn, first))
            rows += [(f"u{user}", item, shops.START + turn, other(turn)) for other in others if other(turn)]
    return rows


def staying(event: str) -> list[Typed]:
    """Return rows of users who try ten things and then stay with one."""
    return [
        (user, item if int(item[1:]) < 20 else f"i{int(item[1:]) - 10}", time, event)
        for user, item, time, _ in alternating(event)
    ]


def domain_group(account: Account, domain: str, rows: list[Typed], name: str) -> str:
    group = account.group(name, domain=domain)
    dataset = account.dataset(group, account.schema(f"{name}-events", EVENTS, domain=domain))
    location = account.put(shops.csv(rows, f"{shops.HEADER},EVENT_TYPE"), name)
    assert account.import_rows(dataset, location, name)["status"] == "ACTIVE"
    items = FILMS if domain == "VIDEO_ON_DEMAND" else PRODUCTS
    account.dataset(group, account.schema(f"{name}-items", items, domain=domain), "Items", "items")
    return group


def use_case(account: Account, group: str, recipe: str, name: str) -> tuple[str, dict[str, float]]:
    """Make a recommender that explores nothing; return its ARN and its metrics."""
    config = {"itemExplorationConfig": {"explorationWeight": "0"}} if "top-picks" in recipe else {}
    arn = account.personalize.create_recommender(
        name=name, datasetGroupArn=group, recipeArn=RECIPES + recipe, recommenderConfig=config
    )["recommenderArn"]
    account.active("recommender", arn)
    metrics: dict[str, float] = account.describe("recommender", arn)["modelMetrics"]
    return arn, metrics


def beside(account: Account, arn: str, **asked: Any) -> list[str]:
    answer = account.runtime.get_recommendations(recommenderArn=arn, **asked)
    return [item["itemId"] for item in answer["itemList"]]


def test_an_item_that_no_list_beside_itself_holds_earns_nothing(account: Account) -> None:
    group = account.shop([row[:3] for row in staying("")])
    reached = {}
    for recipe in ("aws-sims", "aws-similar-items", "aws-hrnn"):
        campaign = account.deployed(group, recipe, recipe)
        version = account.describe("campaign", campaign)["solutionVersionArn"]
        metrics = account.personalize.get_solution_metrics(solutionVersionArn=version)["metrics"]
        reached[recipe] = [metrics[name] for name in HITS]
        asked = {"userId": "u3"} if recipe == "aws-hrnn" else {"itemId": "i13"}
        assert ("i13" in account.recommended(campaign, **asked)) == (recipe == "aws-hrnn")
    assert reached["aws-sims"] == reached["aws-similar-items"] == [0, 0, 0]
    assert min(reached["aws-hrnn"]) > 0.03


@pytest.mark.parametrize("recipe", ["aws-vod-top-picks", "aws-vod-more-like-x", "aws-vod-because-you-watched-x"])
def test_what_a_use_case_leaves_out_as_watched_earns_nothing(account: Account, recipe: str) -> None:
    group = domain_group(account, "VIDEO_ON_DEMAND", alternating("Watch"), "films")
    arn, metrics = use_case(account, group, recipe, "watched")
    asked = {"userId": "u3"} | ({} if recipe == "aws-vod-top-picks" else {"itemId": "i13"})
    assert not {"i13", "i23"} & {*beside(account, arn, **asked)}
    assert [metrics[name] for name in HITS] == [0, 0, 0]
    assert metrics["coverage"] > 0


@pytest.mark.parametrize("recipe", ["aws-vod-top-picks", "aws-vod-more-like-x"])
def test_what_nobody_watched_earns_where_a_use_case_lists_it(account: Account, recipe: str) -> None:
    group = domain_group(account, "VIDEO_ON_DEMAND", alternating("Rent"), "films")
    arn, metrics = use_case(account, group, recipe, "rented")
    asked = {"userId": "u3"} | ({} if recipe == "aws-vod-top-picks" else {"itemId": "i13"})
    assert "i23" in beside(account, arn, **asked)
    assert min(metrics[name] for name in HITS) > 0


def test_purchases_count_where_a_use_case_trains_on_views(account: Account) -> None:
    recipe = "aws-ecomm-customers-who-viewed-x-also-viewed"
    viewed = domain_group(account, "ECOMMERCE", alternating("View"), "viewed")
    bought = domain_group(
        account, "ECOMMERCE", alternating("View", lambda turn: "purchase" if turn in (12, 13) else ""), "bought"
    )
    late = domain_group(
        account, "ECOMMERCE", alternating("View", lambda turn: "purchase" if turn in (28, 29) else ""), "late"
    )
    # Either of the two comes in turn: beside the last one, the other one earns, unless it was bought before.
    earned = [use_case(account, group, recipe, group.split("/")[-1])[1][HITS[0]] for group in (viewed, bought, late)]
    assert earned == [1, 0, 1]


def test_average_rewards_rise_with_the_weight_of_the_objective(account: Account) -> None:
    """Users take any items of their own half of the catalogue; half of each half is dear, and as relevant."""
    random = np.random.default_rng(0)
    rows = [
        (f"u{user:03}", f"i{2 * item + user % 2}", shops.START + turn)
        for user in range(400)
        for turn, item in enumerate(random.choice(80, 20, replace=False))
    ]
    group = account.shop(rows)
    items = shops.csv([(f"i{item}", 10.0 if item % 4 < 2 else 1.0) for item in range(160)], "ITEM_ID,PRICE")
    text = shops.schema("Items", "ITEM_ID string", "PRICE float")
    dataset = account.dataset(group, account.schema("items", text), "Items", "items")
    assert account.import_rows(dataset, account.put(items, "items"), "items")["status"] == "ACTIVE"
    rewards, prices = [], []
    for sensitivity in ("OFF", "LOW", "MEDIUM", "HIGH"):
        config = {"optimizationObjective": {"itemAttribute": "PRICE", "objectiveSensitivity": sensitivity}}
        campaign = account.deployed(group, "aws-user-personalization", sensitivity, solutionConfig=config)
        version = account.describe("campaign", campaign)["solutionVersionArn"]
        metrics = account.personalize.get_solution_metrics(solutionVersionArn=version)["metrics"]
        rewards.append(metrics["average_rewards_at_k"])
        listed = account.recommended(campaign, userId="u000")
        prices.append(sum(int(item[1:]) % 4 < 2 for item in listed))
    assert all(0 < value <= 1 for value in rewards)
    assert rewards == sorted(rewards)
    assert rewards[-1] > rewards[0] + 0.1
    assert prices[-1] > prices[0]
