"""Solution versions: CreateSolutionVersion, Describe, List, GetSolutionMetrics, StopSolutionVersionCreation."""

from __future__ import annotations

import re

import pytest
import shops
from accounts import RECIPES, RELEVANCE_ALONE, Account, refused
from conftest import NewAccount, Shop

ROWS = shops.series()
METRICS = {
    "coverage",
    "mean_reciprocal_rank_at_25",
    *(f"{name}_at_{k}" for name in ("precision", "normalized_discounted_cumulative_gain") for k in (5, 10, 25)),
}
HEADER = f"{shops.HEADER},EVENT_TYPE,EVENT_VALUE"


@pytest.fixture
def events(account: Account) -> str:
    """A group whose people click on everything and watch, with values from 0 to 4, what has an even number."""
    group = account.group()
    dataset = account.dataset(group, account.schema(text=shops.EVENTS))
    rows = [(*row, "click", "") for row in ROWS]
    rows += [(*row, "Watch", str(n % 5)) for n, row in enumerate(shops.series(120, seed=2)) if is_even(row[1])]
    assert account.import_rows(dataset, account.put(shops.csv(rows, HEADER)))["status"] == "ACTIVE"
    return group


def is_even(item: str) -> bool:
    return int(item.removeprefix("i")) % 2 == 0


def test_a_version_is_described(shop: Shop) -> None:
    account, solution = shop.account, shop.solution("aws-sims")
    arn = shop.version("aws-sims")
    described = account.describe("solution_version", arn)
    assert re.fullmatch(re.escape(solution) + "/[0-9a-f]{8}", arn)
    assert described["name"] == arn.partition("solution/")[2]
    assert (described["solutionVersionArn"], described["solutionArn"]) == (arn, solution)
    assert (described["recipeArn"], described["datasetGroupArn"]) == (f"{RECIPES}aws-sims", shop.group)
    assert (described["performHPO"], described["performAutoML"]) == (False, False)
    assert (described["trainingMode"], described["trainingType"]) == ("FULL", "MANUAL")
    assert 0 < described["trainingHours"] < 1
    assert not described.keys() & {"failureReason", "tunedHPOParams", "eventType"}


def test_a_version_is_listed_and_is_the_latest_of_its_solution(shop: Shop) -> None:
    arn = shop.version("aws-sims")
    described = shop.account.describe("solution_version", arn)
    (listed,) = shop.account.personalize.list_solution_versions(solutionArn=shop.solution("aws-sims"))[
        "solutionVersions"
    ]
    assert listed.items() <= described.items()
    members = {"solutionVersionArn", "status", "trainingMode", "trainingType", "creationDateTime"}
    assert listed.keys() == members | {"lastUpdatedDateTime"}
    assert shop.account.describe("solution", shop.solution("aws-sims"))["latestSolutionVersion"] == listed


def test_a_version_may_have_a_name(account: Account) -> None:
    solution = account.solution(account.shop(ROWS), "aws-popularity-count")
    assert account.version(solution, name="first") == f"{solution}/first"
    with refused("ResourceAlreadyExistsException", f"{solution}/first"):
        account.version(solution, name="first")
    second = account.version(solution)
    assert account.describe("solution", solution)["latestSolutionVersion"]["solutionVersionArn"] == second
    listed = account.personalize.list_solution_versions(solutionArn=solution)["solutionVersions"]
    assert [each["solutionVersionArn"] for each in listed] == [second, f"{solution}/first"]


@pytest.mark.parametrize("recipe", ["aws-popularity-count", "aws-sims", "aws-user-personalization", "aws-hrnn"])
def test_every_model_comes_with_the_eight_metrics(shop: Shop, recipe: str) -> None:
    answer = shop.account.personalize.get_solution_metrics(solutionVersionArn=shop.version(recipe))
    assert answer["solutionVersionArn"] == shop.version(recipe)
    assert answer["metrics"].keys() == METRICS
    assert all(0 <= value <= 1 for value in answer["metrics"].values())
    assert answer["metrics"]["coverage"] > 0


def test_metrics_tell_who_knows_the_order_of_things(shop: Shop) -> None:
    """People take items in their order: a model of sequences knows what comes next, popularity does not."""
    rank = {
        recipe: shop.account.personalize.get_solution_metrics(solutionVersionArn=shop.version(recipe))["metrics"][
            "mean_reciprocal_rank_at_25"
        ]
        for recipe in shop.campaigns
    }
    assert rank["aws-hrnn"] > 0.5 > 0.2 > rank["aws-popularity-count"]
    assert rank["aws-user-personalization"] > 0.5


def test_a_version_keeps_the_configuration_of_its_solution(account: Account) -> None:
    config = {"algorithmHyperParameters": {"hidden_dimension": "32"}}
    solution = account.solution(account.shop(ROWS), "aws-hrnn", solutionConfig=config, performAutoTraining=False)
    assert account.train(solution)["solutionConfig"] == config


def test_event_types_filter_what_is_trained_on_and_ignore_case(account: Account, events: str) -> None:
    campaign = account.deployed(events, "aws-popularity-count", "watched", eventType="WATCH")
    items = account.recommended(campaign, userId="u", numResults=500)
    assert items
    assert all(is_even(item) for item in items)


def test_a_threshold_filters_by_value(unlimited: NewAccount) -> None:
    account = unlimited()
    group = account.group()
    dataset = account.dataset(group, account.schema(text=shops.EVENTS))
    rows = [(*row, "watch", "4.5" if is_even(row[1]) else "4.25") for row in ROWS]
    account.import_rows(dataset, account.put(shops.csv(rows, HEADER)))
    for threshold, everything in (("4.5", False), ("4.25", True)):
        campaign = account.deployed(
            group,
            "aws-popularity-count",
            f"above{threshold}".replace(".", "-"),
            eventType="watch",
            solutionConfig={"eventValueThreshold": threshold},
        )
        items = account.recommended(campaign, userId="u", numResults=500)
        assert all(is_even(item) for item in items) is not everything


def test_too_few_events_of_a_type_fail(account: Account, events: str) -> None:
    solution = account.solution(events, "aws-sims", eventType="Purchase")
    failed = account.train(solution)
    assert failed["status"] == "CREATE FAILED"
    reason = "Dataset has fewer than 1000 interactions after filtering by event type: Purchase"
    assert failed["failureReason"].startswith(reason)
    assert "trainingHours" not in failed
    assert account.describe("solution", solution)["latestSolutionVersion"]["failureReason"] == failed["failureReason"]
    (listed,) = account.personalize.list_solution_versions(solutionArn=solution)["solutionVersions"]
    assert listed["failureReason"] == failed["failureReason"]
    with refused("ResourceInUseException", "is not in ACTIVE state."):
        account.personalize.get_solution_metrics(solutionVersionArn=failed["solutionVersionArn"])
    with refused("ResourceInUseException", "is not in ACTIVE state."):
        account.campaign(failed["solutionVersionArn"])


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (ROWS[:1] * 1000 + ROWS[1:999], "Dataset has fewer than 1000 interactions."),  # equal rows count once
        (
            shops.series(users=24, each=60),
            "Create failed. Dataset has fewer than 25 users with at least 2 interactions each.",
        ),
        (
            [*shops.series(users=25, each=60), *((f"x{n}", "i1", shops.START) for n in range(2480))],
            "Create failed. Fewer than 1% of the users",
        ),
    ],
    ids=["interactions", "users", "share of users"],
)
def test_too_little_data_fails(account: Account, rows: list[shops.Row], reason: str) -> None:
    failed = account.train(account.solution(account.shop(rows), "aws-user-personalization"))
    assert failed["status"] == "CREATE FAILED"
    assert failed["failureReason"].startswith(reason)


def test_without_limits_little_data_are_enough(unlimited: NewAccount) -> None:
    account, rows = unlimited(), shops.series(users=5, items=20, each=12)
    campaign = account.deployed(account.shop(rows), "aws-hrnn", "small")
    assert set(account.recommended(campaign, userId="u1")) == {item for _, item, _ in rows}


def test_interactions_must_be_there(account: Account) -> None:
    group = account.group()
    solution = account.solution(group, "aws-sims")
    with refused("InvalidInputException", "INTERACTIONS"):
        account.train(solution)
    account.dataset(group, account.schema())
    reason = account.train(solution)["failureReason"]
    assert reason.startswith("Dataset has fewer than 1000 interactions. | fakepersonalize: there are none; import")


@pytest.mark.parametrize("training_mode", ["UPDATE", "AUTOTRAIN"])
def test_training_modes_that_a_recipe_lacks_are_refused(shop: Shop, training_mode: str) -> None:
    with refused("InvalidInputException", training_mode):
        shop.account.train(shop.solution("aws-sims"), trainingMode=training_mode)


def test_an_update_needs_a_full_training_before(account: Account) -> None:
    solution = account.solution(account.shop(shops.series(users=24, each=60)), "aws-user-personalization")
    with refused("InvalidInputException", "UPDATE"):
        account.train(solution, trainingMode="UPDATE")
    assert account.train(solution)["status"] == "CREATE FAILED"
    with refused("InvalidInputException", "UPDATE"):  # one that failed is none
        account.train(solution, trainingMode="UPDATE")


def alone(account: Account, version: str, name: str) -> str:
    """Return a campaign that explores nothing."""
    return account.campaign(version, name, campaignConfig=RELEVANCE_ALONE)


def test_an_update_adds_items_and_leaves_the_others_as_they_are(account: Account) -> None:
    group = account.shop(ROWS)
    solution = account.solution(group, "aws-user-personalization")
    full = account.version(solution)
    before = account.recommended(alone(account, full, "full"), userId="u1", numResults=500)
    items = account.dataset(group, account.schema("items", shops.ITEMS), "Items")
    rows = [(item, "any", 1) for item in ("i1", "brand-new")]
    account.import_rows(items, account.put(shops.csv(rows, "ITEM_ID,GENRES,PRICE"), "items.csv"), "items")
    update = account.train(solution, trainingMode="UPDATE")
    assert (update["status"], update["trainingMode"], update["trainingType"]) == ("ACTIVE", "UPDATE", "MANUAL")
    after = account.recommended(alone(account, update["solutionVersionArn"], "update"), userId="u1", numResults=500)
    assert "brand-new" not in before
    assert [item for item in after if item != "brand-new"] == before
    assert {*after} == {*before, "brand-new"}
    metrics = account.personalize.get_solution_metrics
    base, same = (metrics(solutionVersionArn=arn)["metrics"] for arn in (full, update["solutionVersionArn"]))
    assert base == same


def test_an_update_knows_of_newer_interactions(account: Account) -> None:
    group = account.shop(ROWS)
    solution = account.solution(group, "aws-user-personalization")
    full = account.version(solution)
    rows = [*ROWS, *((user.replace("u", "v"), item, time) for user, item, time in ROWS if user == "u7")]
    dataset = account.personalize.list_datasets(datasetGroupArn=group)["datasets"][0]["datasetArn"]
    account.import_rows(dataset, account.put(shops.csv(rows), "more.csv"), "more")
    update = account.version(solution, trainingMode="UPDATE")
    known, stranger = (
        account.recommended(alone(account, arn, f"c{number}"), userId="v7", numResults=10)
        for number, arn in enumerate((update, full))
    )
    assert known == account.recommended(account.arn("campaign/c1"), userId="u7", numResults=10)
    assert known != stranger


def test_only_what_is_being_created_can_be_stopped(shop: Shop) -> None:
    with refused("InvalidInputException", "ACTIVE"):
        shop.account.personalize.stop_solution_version_creation(solutionVersionArn=shop.version("aws-sims"))


def test_the_same_rows_make_the_same_model(account: Account) -> None:
    solution = account.solution(account.shop(ROWS), "aws-user-personalization")
    one, two = (alone(account, account.version(solution), name) for name in ("one", "two"))
    first, second = (account.runtime.get_recommendations(campaignArn=each, userId="u4") for each in (one, two))
    assert first["itemList"] == second["itemList"]
    metrics = [
        account.personalize.get_solution_metrics(solutionVersionArn=each["solutionVersionArn"])["metrics"]
        for each in account.personalize.list_solution_versions(solutionArn=solution)["solutionVersions"]
    ]
    assert metrics[0] == metrics[1]


def test_versions_of_an_unknown_solution_are_not_found(account: Account) -> None:
    arn = account.arn("solution/none")
    with refused("ResourceNotFoundException", f"Resource Arn {arn} does not exist."):
        account.personalize.list_solution_versions(solutionArn=arn)
    with refused("ResourceNotFoundException", arn):
        account.train(arn)


@pytest.mark.parametrize(
    "config",
    [
        {"algorithmHyperParameters": {"popularity_discount_factor": "1"}},
        {"featureTransformationParameters": {"max_item_interaction_count_percentile": "0.5"}},
    ],
    ids=lambda config: next(iter(config)),
)
def test_parameters_of_a_solution_change_what_it_recommends(shop: Shop, config: dict[str, dict[str, str]]) -> None:
    account, (name,) = shop.account, config
    campaign = account.deployed(shop.group, "aws-sims", name, solutionConfig=config)
    found, usual = (
        [account.recommended(each, itemId=f"i{number}", numResults=30) for number in range(10)]
        for each in (campaign, shop.campaigns["aws-sims"])
    )
    account.delete("campaign", campaign)  # others have a use for its place
    assert found != usual
