"""Solutions: CreateSolution, DescribeSolution, ListSolutions, UpdateSolution, DeleteSolution."""

from __future__ import annotations

from typing import Any

import pytest
import shops
from accounts import RECIPES, Account, refused, until
from conftest import NewAccount
from modes import socket_only


def tuning(kind: str, *further: str, **bounds: Any) -> dict[str, Any]:
    """Return a configuration that has one range to search, and the same again under `further` names."""
    ranges = [bounds, *(bounds | {"name": name} for name in further)]
    return {"hpoConfig": {"algorithmHyperParameterRanges": {f"{kind}HyperParameterRanges": ranges}}}


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "a parameter of another recipe": ("aws-sims", {"algorithmHyperParameters": {"bptt": "20"}}),
    "an unknown parameter": ("aws-hrnn", {"algorithmHyperParameters": {"depth": "20"}}),
    "a value beyond the range": ("aws-hrnn", {"algorithmHyperParameters": {"hidden_dimension": "257"}}),
    "a value that is no number": ("aws-hrnn", {"algorithmHyperParameters": {"hidden_dimension": "many"}}),
    "a percentile beyond one": (
        "aws-hrnn",
        {"featureTransformationParameters": {"max_user_history_length_percentile": "1.5"}},
    ),
    "percentiles that exclude each other": (
        "aws-sims",
        {
            "featureTransformationParameters": {
                "min_user_history_length_percentile": "0.9",
                "max_user_history_length_percentile": "0.1",
            }
        },
    ),
    "a threshold without a type": ("aws-hrnn", {"eventValueThreshold": "3"}),
    "a threshold in words": ("aws-hrnn", {"eventType": "watch", "solutionConfig": {"eventValueThreshold": "high"}}),
    "a threshold beyond numbers": (
        "aws-hrnn",
        {"eventType": "watch", "solutionConfig": {"eventValueThreshold": "nan"}},
    ),
    "a rate of too many days": ("aws-hrnn", {"autoTrainingConfig": {"schedulingExpression": "rate(31 days)"}}),
    "a rate of no days": ("aws-hrnn", {"autoTrainingConfig": {"schedulingExpression": "rate(0 days)"}}),
    "too many training jobs": ("aws-hrnn", {"hpoConfig": {"hpoResourceConfig": {"maxNumberOfTrainingJobs": "41"}}}),
    "too many jobs at once": ("aws-hrnn", {"hpoConfig": {"hpoResourceConfig": {"maxParallelTrainingJobs": "11"}}}),
    "tuning without being able to": ("aws-popularity-count", {"performHPO": True}),
    "a range beyond the recipe's": ("aws-hrnn", tuning("integer", name="bptt", minValue=2, maxValue=33)),
    "a range that is upside down": ("aws-hrnn", tuning("integer", name="bptt", minValue=20, maxValue=10)),
    "a range of what is no parameter": ("aws-hrnn", tuning("integer", name="depth", minValue=2, maxValue=3)),
    "a range of what cannot be tuned": (
        "aws-sims",
        tuning("continuous", name="min_user_history_length_percentile", minValue=0.1, maxValue=0.2),
    ),
    "a range of whole numbers that is none": ("aws-hrnn", tuning("continuous", name="bptt", minValue=2, maxValue=9)),
    "a range of numbers that are broken": (
        "aws-sims",
        tuning("integer", name="popularity_discount_factor", minValue=0, maxValue=1),
    ),
    "two ranges of one parameter": ("aws-hrnn", tuning("integer", "bptt", name="bptt", minValue=2, maxValue=9)),
    "two ranges of one parameter, spelt twice": (
        "aws-hrnn",
        tuning("integer", "training.bptt", name="bptt", minValue=2, maxValue=9),
    ),
    "a range of yes and no": ("aws-hrnn", tuning("integer", name="recency_mask", minValue=0, maxValue=1)),
    "numbers that are no categories": ("aws-hrnn", tuning("categorical", name="bptt", values=["9"])),
    "an event without a type": (
        "aws-user-personalization-v2",
        {"eventsConfig": {"eventParametersList": [{"eventType": "watch"}, {"weight": 1.0}]}},
    ),
    "a column that training needs": (
        "aws-hrnn",
        {"trainingDataConfig": {"excludedDatasetColumns": {"INTERACTIONS": ["event_type"]}}},
    ),
    "an objective of another recipe": ("aws-sims", {"optimizationObjective": {"itemAttribute": "PRICE"}}),
    "events of another recipe": (
        "aws-hrnn",
        {"eventsConfig": {"eventParametersList": [{"eventType": "watch", "weight": 1.0}]}},
    ),
}
ROWS = shops.series()
MORE_THAN_10 = "More than 10 resources in ACTIVE state. Please delete some and try again."


def test_a_solution_is_described_and_listed(account: Account) -> None:
    group = account.group()
    arn = account.solution(group, "aws-sims", performAutoTraining=False)
    assert arn == account.arn("solution/solution")
    described = account.describe("solution", arn)
    assert (described["name"], described["datasetGroupArn"]) == ("solution", group)
    assert described["recipeArn"] == f"{RECIPES}aws-sims"
    assert (described["performHPO"], described["performAutoML"], described["performAutoTraining"]) == (False,) * 3
    assert not described.keys() & {"solutionConfig", "eventType", "latestSolutionVersion", "autoMLResult"}
    (listed,) = account.personalize.list_solutions(datasetGroupArn=group)["solutions"]
    assert listed.keys() == {"name", "solutionArn", "status", "creationDateTime", "lastUpdatedDateTime", "recipeArn"}
    assert listed.items() <= described.items()


def test_a_solution_is_active_when_create_returns(account: Account) -> None:
    made = account.personalize.create_solution(
        name="s", datasetGroupArn=account.group(), recipeArn=f"{RECIPES}aws-sims"
    )
    assert account.describe("solution", made["solutionArn"])["status"] == "ACTIVE"


def test_auto_training_is_on_by_default_once_a_week(account: Account) -> None:
    described = account.describe("solution", account.solution(account.group(), "aws-sims"))
    assert described["performAutoTraining"] is True
    assert described["solutionConfig"] == {"autoTrainingConfig": {"schedulingExpression": "rate(7 days)"}}


def test_configuration_is_echoed_as_sent(account: Account) -> None:
    config = {
        "algorithmHyperParameters": {"hidden_dimension": "64", "training.bptt": "20"},
        "featureTransformationParameters": {"min_user_history_length_percentile": "0.1"},
        "eventValueThreshold": "3.5",
        "autoTrainingConfig": {"schedulingExpression": "rate(1 day)"},
    }
    arn = account.solution(account.group(), "aws-user-personalization", eventType="watch", solutionConfig=config)
    described = account.describe("solution", arn)
    assert described["solutionConfig"] == config
    assert described["eventType"] == "watch"


@pytest.mark.parametrize(("recipe", "config"), REFUSED.values(), ids=REFUSED.keys())
def test_a_configuration_that_breaks_the_rules_is_refused(
    account: Account, recipe: str, config: dict[str, Any]
) -> None:
    group = account.group()
    whole = config.keys() & {"performHPO", "solutionConfig"}
    with refused("InvalidInputException"):
        account.solution(group, recipe, **(config if whole else {"solutionConfig": config}))
    assert account.personalize.list_solutions()["solutions"] == []


def test_the_recipe_must_exist(account: Account) -> None:
    group = account.group()
    with refused("ResourceNotFoundException", f"Resource Arn {RECIPES}aws-deepfm does not exist."):
        account.solution(group, "aws-deepfm")
    with refused("InvalidInputException", "Invalid ARN"):
        account.personalize.create_solution(name="s", datasetGroupArn=group, recipeArn=account.arn("campaign/aws-sims"))


def test_use_cases_of_domains_are_for_recommenders(account: Account) -> None:
    with refused("InvalidInputException", "aws-vod-top-picks"):
        account.solution(account.group(domain="VIDEO_ON_DEMAND"), "aws-vod-top-picks")


def test_either_a_recipe_or_auto_ml(account: Account) -> None:
    group = account.group()
    for more in ({}, {"performAutoML": True, "recipeArn": f"{RECIPES}aws-hrnn"}):
        with refused("InvalidInputException"):
            account.personalize.create_solution(name="s", datasetGroupArn=group, **more)


def test_the_group_must_exist(account: Account) -> None:
    with refused("ResourceNotFoundException", "dataset-group/none"):
        account.solution(account.arn("dataset-group/none"), "aws-sims")


def test_a_name_is_taken_even_in_another_group(account: Account) -> None:
    arn = account.solution(account.group("one"), "aws-sims")
    with refused("ResourceAlreadyExistsException", arn):
        account.solution(account.group("two"), "aws-hrnn")


def test_a_group_holds_ten_solutions(account: Account) -> None:
    group = account.group()
    arns = [account.solution(group, "aws-sims", f"s{number}") for number in range(10)]
    with refused("LimitExceededException", MORE_THAN_10):
        account.solution(group, "aws-sims", "s10")
    account.solution(account.group("another"), "aws-sims", "s10")
    account.delete("solution", arns[0])
    account.solution(group, "aws-sims", "s11")


def test_delete_solution_is_refused_while_a_campaign_uses_it(account: Account) -> None:
    solution = account.solution(account.shop(ROWS), "aws-sims")
    version = account.version(solution)
    campaign = account.campaign(version)
    with refused("ResourceInUseException", f"Resource {solution} is in use by {campaign}."):
        account.personalize.delete_solution(solutionArn=solution)
    account.delete("campaign", campaign)
    account.delete("solution", solution)


def test_a_solution_takes_its_versions_along(account: Account) -> None:
    solution = account.solution(account.shop(ROWS), "aws-sims")
    version = account.version(solution)
    account.delete("solution", solution)
    with refused("ResourceNotFoundException", version):
        account.describe("solution_version", version)
    assert account.personalize.list_solution_versions()["solutionVersions"] == []
    again = account.solution(account.arn("dataset-group/shop"), "aws-sims")
    assert "latestSolutionVersion" not in account.describe("solution", again)


EVENTS = {"eventsConfig": {"eventParametersList": [{"eventType": "watch", "weight": 1.0}]}}
UNFIT_UPDATES: dict[str, tuple[str, dict[str, Any]]] = {
    "events of another recipe": ("aws-sims", {"solutionUpdateConfig": EVENTS}),
    "too many days": (
        "aws-sims",
        {"solutionUpdateConfig": {"autoTrainingConfig": {"schedulingExpression": "rate(31 days)"}}},
    ),
    "increments of another recipe": ("aws-sims", {"performIncrementalUpdate": True}),
    "an event that has no type": (
        "aws-user-personalization-v2",
        {"solutionUpdateConfig": {"eventsConfig": {"eventParametersList": [{"weight": 1.0}]}}},
    ),
    "events without types": ("aws-user-personalization-v2", {"solutionUpdateConfig": EVENTS}),
}
UNFIT_COLUMNS: dict[str, dict[str, Any]] = {
    "an unknown column": {"excludedDatasetColumns": {"ITEMS": ["COLOUR"]}},
    "an unknown column to include": {"includedDatasetColumns": {"ITEMS": ["COLOUR"]}},
    "an unknown dataset": {"excludedDatasetColumns": {"FILMS": ["GENRES"]}},
    "a dataset that is not there": {"excludedDatasetColumns": {"USERS": ["AGE"]}},
    "an unknown column of a dataset that is spelt twice": {
        "includedDatasetColumns": {"ITEMS": ["COLOUR"], "Items": []}
    },
    "both lists": {"excludedDatasetColumns": {"ITEMS": ["PRICE"]}, "includedDatasetColumns": {"items": ["GENRES"]}},
}


@pytest.fixture
def group(account: Account) -> str:
    """A dataset group with plain interactions, and items."""
    group = account.group()
    account.dataset(group, account.schema())
    account.dataset(group, account.schema("items", shops.ITEMS), "Items")
    return group


def updated(account: Account, solution: str, **asked: Any) -> dict[str, Any]:
    """Update a solution and return what Describe shows when the update is over."""
    assert account.personalize.update_solution(solutionArn=solution, **asked)["solutionArn"] == solution

    def over() -> dict[str, Any] | None:
        described = account.describe("solution", solution)
        assert described["status"] == "ACTIVE"
        return described if described["latestSolutionUpdate"]["status"] == "ACTIVE" else None

    found = until(over)
    assert found is not None
    return found


def test_an_update_changes_how_a_solution_is_trained(account: Account) -> None:
    group = account.group()
    account.dataset(group, account.schema("events", shops.EVENTS))
    solution = account.solution(group, "aws-user-personalization-v2", performAutoTraining=False)
    weekly = {"autoTrainingConfig": {"schedulingExpression": "rate(7 days)"}}
    described = updated(account, solution, performAutoTraining=True)
    update = described["latestSolutionUpdate"]
    assert update.keys() == {"performAutoTraining", "status", "creationDateTime", "lastUpdatedDateTime"}
    assert described["performAutoTraining"] is update["performAutoTraining"] is True
    assert described["solutionConfig"] == weekly
    described = updated(account, solution, solutionUpdateConfig=EVENTS)
    assert described["solutionConfig"] == weekly | EVENTS
    assert described["latestSolutionUpdate"]["solutionUpdateConfig"] == EVENTS
    assert "performAutoTraining" not in described["latestSolutionUpdate"]
    daily = {"autoTrainingConfig": {"schedulingExpression": "rate(1 day)"}}
    described = updated(account, solution, performAutoTraining=False, solutionUpdateConfig=daily)
    assert described["solutionConfig"] == daily | EVENTS
    assert described["performAutoTraining"] is False


def test_increments_are_for_semantic_similarity(account: Account) -> None:
    solution = account.solution(account.group(), "aws-semantic-similarity")
    assert updated(account, solution, performIncrementalUpdate=True)["performIncrementalUpdate"] is True


@pytest.mark.parametrize(("recipe", "asked"), UNFIT_UPDATES.values(), ids=UNFIT_UPDATES.keys())
def test_an_update_that_breaks_the_rules_is_refused(
    account: Account, group: str, recipe: str, asked: dict[str, Any]
) -> None:
    solution = account.solution(group, recipe)
    with refused("InvalidInputException"):
        account.personalize.update_solution(solutionArn=solution, **asked)
    assert "latestSolutionUpdate" not in account.describe("solution", solution)


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        ([{"eventType": "watch"}, {"eventType": "WATCH", "weight": 0.5}], "eventType WATCH more than once"),
        ([{"eventType": "watch", "weight": 0.0}, {"eventType": "click", "weight": 0.0}], "a weight above 0"),
    ],
)
def test_events_are_listed_once_and_weigh_something(
    account: Account, events: list[dict[str, Any]], sentence: str
) -> None:
    group = account.group()
    account.dataset(group, account.schema("events", shops.EVENTS))
    config = {"eventsConfig": {"eventParametersList": events}}
    with refused("InvalidInputException", sentence):
        account.solution(group, "aws-user-personalization-v2", solutionConfig=config)


def test_the_solution_to_update_must_exist(account: Account) -> None:
    with refused("ResourceNotFoundException", "solution/none"):
        account.personalize.update_solution(solutionArn=account.arn("solution/none"))


def test_a_version_keeps_the_configuration_that_it_was_trained_with(account: Account) -> None:
    solution = account.solution(account.shop(ROWS), "aws-popularity-count")
    version = account.version(solution)
    daily = {"autoTrainingConfig": {"schedulingExpression": "rate(1 day)"}}
    assert updated(account, solution, solutionUpdateConfig=daily)["solutionConfig"] == daily
    assert account.describe("solution_version", version)["solutionConfig"] != daily
    assert account.describe("solution_version", account.version(solution))["solutionConfig"] == daily


@socket_only
def test_an_update_is_not_disturbed(slow_accounts: NewAccount) -> None:
    account = slow_accounts()
    solution = account.solution(account.group(), "aws-sims", performAutoTraining=False)
    account.personalize.update_solution(solutionArn=solution, performAutoTraining=True)
    described = account.describe("solution", solution)
    assert (described["status"], described["performAutoTraining"]) == ("ACTIVE", False)
    assert described["latestSolutionUpdate"]["status"] == "CREATE PENDING"
    with refused("ResourceInUseException", solution):
        account.personalize.update_solution(solutionArn=solution, performAutoTraining=True)
    account.personalize.delete_solution(solutionArn=solution)
    with refused("ResourceInUseException", solution):
        account.personalize.update_solution(solutionArn=solution, performAutoTraining=True)
    assert account.describe("solution", solution)["status"] == "DELETE PENDING"


@pytest.mark.parametrize("data", UNFIT_COLUMNS.values(), ids=UNFIT_COLUMNS.keys())
def test_columns_that_are_not_there_cannot_be_named(account: Account, group: str, data: dict[str, Any]) -> None:
    with refused("InvalidInputException"):
        account.solution(group, "aws-user-personalization", solutionConfig={"trainingDataConfig": data})


def test_columns_are_found_whatever_their_case(account: Account, group: str) -> None:
    config = {"trainingDataConfig": {"excludedDatasetColumns": {"Items": ["genres"]}}}
    solution = account.solution(group, "aws-user-personalization", solutionConfig=config)
    assert account.describe("solution", solution)["solutionConfig"].items() >= config.items()


def test_an_objective_is_a_number_of_items_that_is_never_null(account: Account, group: str) -> None:
    def objective(name: str, solution: str, group: str = group) -> str:
        config = {"optimizationObjective": {"itemAttribute": name, "objectiveSensitivity": "LOW"}}
        return account.solution(group, "aws-user-personalization", solution, solutionConfig=config)

    objective("PRICE", "prices")
    for name in ("GENRES", "COLOUR"):
        with refused("InvalidInputException", name):
            objective(name, "refused")
    rating = {"name": "RATING", "type": ["null", "float"]}
    rated = account.group("rated")
    account.dataset(rated, account.schema("rated", shops.schema("Items", "ITEM_ID string", rating)), "Items")
    with refused("InvalidInputException", "RATING"):
        objective("RATING", "refused", rated)
    with refused("InvalidInputException", "itemAttribute"):
        account.solution(
            account.group("other"),
            "aws-user-personalization",
            "refused",
            solutionConfig={"optimizationObjective": {"itemAttribute": "PRICE"}},
        )


def test_auto_ml_chooses_among_the_hrnn_family(account: Account) -> None:
    def choosing(name: str, *recipes: str) -> str:
        config = {"autoMLConfig": {"recipeList": [RECIPES + recipe for recipe in recipes]}}
        arn: str = account.personalize.create_solution(
            name=name, datasetGroupArn=group, performAutoML=True, solutionConfig=config
        )["solutionArn"]
        return arn

    group = account.group()
    solution = choosing("hrnn", "aws-hrnn", "aws-hrnn-metadata")
    with refused("InvalidInputException", "rate(0 days)"):
        schedule = {"autoTrainingConfig": {"schedulingExpression": "rate(0 days)"}}
        account.personalize.create_solution(
            name="never", datasetGroupArn=group, performAutoML=True, solutionConfig=schedule
        )
    described = account.describe("solution", solution)
    assert "recipeArn" not in described
    assert (described["performAutoML"], described["performHPO"]) == (True, True)
    with refused("InvalidInputException", "aws-sims"):
        choosing("refused", "aws-hrnn", "aws-sims")
    with refused("ResourceNotFoundException", "aws-none"):
        choosing("refused", "aws-none")
    with refused("InvalidInputException", "performAutoML"):
        account.personalize.update_solution(solutionArn=solution, solutionUpdateConfig=EVENTS)
