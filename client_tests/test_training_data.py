"""What models learn from beside who met what: Items, Users, metadata of Interactions, and which columns of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import shops
from accounts import RECIPES, Account, until
from conftest import NewAccount

GENRE = {"name": "GENRE", "type": ["null", "string"], "categorical": True}
INTERACTIONS = shops.schema(
    "Interactions",
    "USER_ID string",
    "ITEM_ID string",
    "TIMESTAMP long",
    {"name": "DEVICE", "type": "string", "categorical": True},
)
ITEMS = shops.schema("Items", "ITEM_ID string", GENRE, "PRICE float")
USERS = shops.schema("Users", "USER_ID string", {"name": "TASTE", "type": "string", "categorical": True})
TEXTS = shops.schema(
    "Items",
    "ITEM_ID string",
    {"name": "TITLE", "type": "string", "itemName": True},
    {"name": "PLOT", "type": "string", "textual": True},
)
N_ITEMS = 60
NEW = f"i{N_ITEMS}"  # calm, and as cheap as every third
NO_ATTRIBUTE = "Did not find any attribute to train on."


def taste(number: int) -> str:
    return ("calm", "loud")[number % 2]


def device(number: int) -> str:
    return "phone" if number < N_ITEMS // 2 else "television"


def numbers(items: list[str]) -> list[int]:
    return [int(item[1:]) for item in items]


@dataclass
class Tastes:
    """A group whose people take items of their own taste alone, lower numbers on phones.

    Of items beyond `N_ITEMS`, and of users from 60 on, there is nothing but a row.
    """

    account: Account
    group: str

    def recommended(self, recipe: str, *asked: dict[str, Any], **more: Any) -> list[list[int]]:
        """Train, ask several times and leave nothing behind."""
        campaign = self.account.deployed(self.group, recipe, recipe, **more)
        answers = [numbers(self.account.recommended(campaign, **each)) for each in asked]
        self.account.delete("campaign", campaign)
        self.account.delete("solution", self.account.arn(f"solution/{recipe}"))
        return answers

    def ranked(self, items: list[str], context: dict[str, str]) -> list[int]:
        """Train, have an unknown user's items ranked and leave nothing behind."""
        recipe = "aws-personalized-ranking"
        campaign = self.account.deployed(self.group, recipe, recipe)
        asked = {"campaignArn": campaign, "userId": "x", "inputList": items, "context": context}
        answer = self.account.runtime.get_personalized_ranking(**asked)["personalizedRanking"]
        self.account.delete("campaign", campaign)
        self.account.delete("solution", self.account.arn(f"solution/{recipe}"))
        return numbers([item["itemId"] for item in answer])


@pytest.fixture(scope="module")
def tastes(new_account: NewAccount) -> Tastes:
    account = new_account()
    group = account.group()
    rows = []
    for user, n in itertools.product(range(60), range(20)):
        item = 2 * ((3 * user + 7 * n) % 30) + user % 2
        rows.append((f"u{user}", f"i{item}", shops.START + n, device(item)))
    items = [(f"i{n}", taste(n), n % 3 + 0.5) for n in range(N_ITEMS + 10)]
    users = [(f"u{n}", taste(n)) for n in range(70)]
    for type_, text, header, of in (
        ("Interactions", INTERACTIONS, f"{shops.HEADER},DEVICE", rows),
        ("Items", ITEMS, "ITEM_ID,GENRE,PRICE", items),
        ("Users", USERS, "USER_ID,TASTE", users),
    ):
        dataset = account.dataset(group, account.schema(type_, text), type_, type_)
        job = account.import_rows(dataset, account.put(shops.csv(of, header), f"{type_}.csv"), type_)
        assert job["status"] == "ACTIVE", job
    return Tastes(account, group)


def test_users_of_whom_nothing_but_metadata_is_known_get_what_suits_these(tastes: Tastes) -> None:
    asked = [{"userId": user, "numResults": 20} for user in ("u60", "u61")]
    for number, items in enumerate(tastes.recommended("aws-hrnn-metadata", *asked)):
        assert {taste(item) for item in items} == {taste(number)}


def test_a_recipe_without_metadata_treats_new_users_alike(tastes: Tastes) -> None:
    one, other = tastes.recommended("aws-hrnn", {"userId": "u60"}, {"userId": "u61"})
    assert one == other


def test_context_leads_to_what_is_done_in_it(tastes: Tastes) -> None:
    places = ("phone", "television")
    asked = [{"userId": "x", "context": {"device": place, "mood": "good"}, "numResults": 20} for place in places]
    for place, items in zip(places, tastes.recommended("aws-user-personalization", *asked)):
        assert {device(item) for item in items} == {place}


def test_context_ranks_what_is_done_in_it_first(tastes: Tastes) -> None:
    listed = [f"i{item}" for item in range(N_ITEMS // 2 - 5, N_ITEMS // 2 + 5)]
    for place in ("phone", "television"):
        ranked = tastes.ranked(listed, {"DEVICE": place})
        assert {device(item) for item in ranked[:5]} == {place}


@pytest.mark.parametrize("recipe", ["aws-hrnn-metadata", "aws-user-personalization"])
def test_items_that_nobody_met_are_not_recommended(tastes: Tastes, recipe: str) -> None:
    (items,) = tastes.recommended(recipe, {"userId": "u1", "numResults": 500})
    assert sorted(items) == list(range(N_ITEMS))


def test_a_new_item_is_like_what_is_described_alike(tastes: Tastes) -> None:
    (items,) = tastes.recommended("aws-similar-items", {"itemId": NEW, "numResults": 10})
    assert {(taste(item), item % 3) for item in items} == {("calm", 0)}


def test_columns_that_are_excluded_do_not_train(tastes: Tastes) -> None:
    config = {"trainingDataConfig": {"excludedDatasetColumns": {"Items": ["genre"]}}}
    asked = {"itemId": NEW, "numResults": 20}
    (items,) = tastes.recommended("aws-similar-items", asked, solutionConfig=config)
    assert {taste(item) for item in items} == {"calm", "loud"}
    assert {item % 3 for item in items} == {0}


def test_columns_that_are_included_train_alone(tastes: Tastes) -> None:
    config = {"trainingDataConfig": {"includedDatasetColumns": {"ITEMS": ["GENRE"]}}}
    asked = {"itemId": NEW, "numResults": 30}
    (items,) = tastes.recommended("aws-similar-items", asked, solutionConfig=config)
    assert {taste(item) for item in items} == {"calm"}
    assert {item % 3 for item in items} == {0, 1, 2}


def test_a_solution_trains_on_the_columns_that_there_were_when_it_was_made(account: Account) -> None:
    group = account.group()
    dataset = account.dataset(group, account.schema())
    assert account.import_rows(dataset, account.put(shops.csv(shops.series(items=N_ITEMS))))["status"] == "ACTIVE"
    items = account.dataset(group, account.schema("old", shops.schema("Items", "ITEM_ID string", GENRE)), "Items")
    before = account.solution(group, "aws-similar-items", "before")
    mood = {"name": "MOOD", "type": ["null", "string"], "categorical": True}
    new = account.schema("new", shops.schema("Items", "ITEM_ID string", GENRE, mood))
    account.personalize.update_dataset(datasetArn=items, schemaArn=new)
    account.active("dataset", items)
    rows = [(f"i{n}", taste(n), ("merry", "sad", "wild")[n % 3]) for n in range(N_ITEMS + 1)]
    job = account.import_rows(items, account.put(shops.csv(rows, "ITEM_ID,GENRE,MOOD"), "items.csv"), "items")
    assert job["status"] == "ACTIVE", job
    alike = {}
    for name, solution in (("before", before), ("after", account.solution(group, "aws-similar-items", "after"))):
        campaign = account.campaign(account.version(solution), name)
        alike[name] = numbers(account.recommended(campaign, itemId=NEW, numResults=10))
    assert {(taste(item), item % 3) for item in alike["after"]} == {("calm", 0)}
    assert {taste(item) for item in alike["before"]} == {"calm"}
    assert {item % 3 for item in alike["before"]} == {0, 1, 2}


def test_segments_by_attributes_need_an_attribute(tastes: Tastes) -> None:
    account = tastes.account
    version = account.version(account.solution(tastes.group, "aws-item-attribute-affinity", "segments"))
    metrics = account.personalize.get_solution_metrics(solutionVersionArn=version)["metrics"]
    assert metrics["hit_ratio_at_1_percent" if "hit_ratio_at_1_percent" in metrics else "hits_at_1_percent"] > 0
    config = {"trainingDataConfig": {"excludedDatasetColumns": {"ITEMS": ["GENRE", "PRICE"]}}}
    solution = account.solution(tastes.group, "aws-item-attribute-affinity", "nothing", solutionConfig=config)
    failed = account.train(solution)
    assert failed["status"] == "CREATE FAILED"
    assert failed["failureReason"].startswith(NO_ATTRIBUTE)


def test_texts_alone_make_items_alike(account: Account) -> None:
    group = account.group()
    plots = [f"{('ship sea storm', 'castle knight sword')[n % 2]} number{n}" for n in range(20)]
    dataset = account.dataset(group, account.schema("texts", TEXTS), "Items")
    rows = [(f"i{n}", f"Title {n}", plot) for n, plot in enumerate(plots)]
    assert account.import_rows(dataset, account.put(shops.csv(rows, "ITEM_ID,TITLE,PLOT")))["status"] == "ACTIVE"
    campaign = account.deployed(group, "aws-semantic-similarity", "texts")
    items = numbers(account.recommended(campaign, itemId="i4", numResults=9))
    assert sorted(items) == [n for n in range(0, 20, 2) if n != 4]


def test_a_user_who_was_put_alone_is_known_to_a_later_training(tastes: Tastes) -> None:
    account = tastes.account
    users = f"{tastes.group.replace(':dataset-group/', ':dataset/')}/USERS"
    account.events.put_users(datasetArn=users, users=[{"userId": "put", "properties": '{"taste": "loud"}'}])
    (items,) = tastes.recommended("aws-hrnn-metadata", {"userId": "put", "numResults": 20})
    assert {taste(item) for item in items} == {"loud"}


def test_an_objective_leads_to_what_is_dear(tastes: Tastes) -> None:
    prices = []
    for sensitivity in ("OFF", "HIGH"):
        config = {"optimizationObjective": {"itemAttribute": "price", "objectiveSensitivity": sensitivity}}
        (items,) = tastes.recommended("aws-user-personalization", {"userId": "nobody"}, solutionConfig=config)
        prices.append(sum(item % 3 + 0.5 for item in items))
    assert prices[1] > prices[0]


def test_an_objective_comes_with_its_metric(tastes: Tastes) -> None:
    account = tastes.account
    config = {"optimizationObjective": {"itemAttribute": "PRICE", "objectiveSensitivity": "LOW"}}
    version = account.version(account.solution(tastes.group, "aws-personalized-ranking", "dear", solutionConfig=config))
    metrics = account.personalize.get_solution_metrics(solutionVersionArn=version)["metrics"]
    assert 0 < metrics["average_rewards_at_k"] <= 1


@pytest.fixture(scope="module")
def watched(new_account: NewAccount) -> Tastes:
    """A group whose people click on what has an even number and, as often, watch the rest, with values from 0 to 4."""
    account = new_account()
    group = account.group()
    rows = []
    for user, item, time in shops.series():
        event = ("click", "") if int(item[1:]) % 2 == 0 else ("Watch", time % 5)
        rows.append((user, item, time, *event))
    dataset = account.dataset(group, account.schema(text=shops.EVENTS))
    location = account.put(shops.csv(rows, f"{shops.HEADER},EVENT_TYPE,EVENT_VALUE"))
    assert account.import_rows(dataset, location)["status"] == "ACTIVE"
    return Tastes(account, group)


def listed(*events: dict[str, Any]) -> dict[str, Any]:
    return {"eventsConfig": {"eventParametersList": [*events]}}


def test_event_types_that_are_not_listed_do_not_train(unlimited: NewAccount) -> None:
    account = unlimited()
    rows = [(*row, ("click", "watch")[int(row[1][1:]) % 2], int(row[1][1:]) % 4) for row in shops.series()]
    group = account.group()
    dataset = account.dataset(group, account.schema(text=shops.EVENTS))
    account.import_rows(dataset, account.put(shops.csv(rows, f"{shops.HEADER},EVENT_TYPE,EVENT_VALUE")))
    shop = Tastes(account, group)
    for event, kept in (
        ({"eventType": "WATCH", "weight": 0.5}, {1, 3}),
        ({"eventType": "watch", "eventValueThreshold": 2.0, "weight": 0.5}, {3}),
    ):
        asked = {"userId": "nobody", "numResults": 500}
        (items,) = shop.recommended("aws-user-personalization-v2", asked, solutionConfig=listed(event))
        assert {item % 4 for item in items} == kept


def test_weights_of_event_types_count_as_they_relate(watched: Tastes) -> None:
    shares = []
    for click, watch in ((1.0, 0.1), (0.1, 1.0), (0.05, 0.5)):
        events = listed({"eventType": "click", "weight": click}, {"eventType": "watch", "weight": watch})
        asked = [{"userId": f"u{n}"} for n in range(20)]
        answers = watched.recommended("aws-user-personalization-v2", *asked, solutionConfig=events)
        shares.append(sum(item % 2 for items in answers for item in items))
    assert shares[0] < shares[1] - 20
    assert shares[1] == pytest.approx(shares[2], abs=10)  # one user in forty has something tried out


def test_weighted_events_come_with_their_metrics(watched: Tastes) -> None:
    account = watched.account
    events = listed({"eventType": "click", "weight": 0.1}, {"eventType": "watch", "weight": 1.0})
    solution = account.solution(watched.group, "aws-personalized-ranking-v2", "weighted", solutionConfig=events)
    metrics = account.personalize.get_solution_metrics(solutionVersionArn=account.version(solution))["metrics"]
    assert metrics["normalized_discounted_cumulative_gain_with_event_weights_at_25"] > 0


TUNED: dict[str, tuple[str, dict[str, Any], Callable[[dict[str, str]], bool]]] = {
    "integers": (
        "aws-hrnn",
        {"integerHyperParameterRanges": [{"name": "bptt", "minValue": 4, "maxValue": 6}]},
        lambda tuned: 4 <= int(tuned["bptt"]) <= 6 and tuned["hidden_dimension"] == "43",
    ),
    "a single integer": (
        "aws-similar-items",
        {"integerHyperParameterRanges": [{"name": "item_id_hidden_dim", "minValue": 30, "maxValue": 30}]},
        lambda tuned: tuned["item_id_hidden_dim"] == "30",
    ),
    "a continuous one": (
        "aws-sims",
        {"continuousHyperParameterRanges": [{"name": "popularity_discount_factor", "minValue": 0.9, "maxValue": 0.95}]},
        lambda tuned: 0.9 <= float(tuned["popularity_discount_factor"]) <= 0.95,
    ),
    "a single word": (
        "aws-hrnn",
        {"categoricalHyperParameterRanges": [{"name": "recency_mask", "values": ["false"]}]},
        lambda tuned: tuned["recency_mask"] == "false",
    ),
}


@pytest.mark.parametrize("jobs", ["1", "3"])
@pytest.mark.parametrize("kind", TUNED)
def test_tuning_finds_parameters_within_their_ranges(tastes: Tastes, kind: str, jobs: str) -> None:
    # The defaults lie outside of all these ranges.
    account, (recipe, ranges, within) = tastes.account, TUNED[kind]
    resources = {"maxNumberOfTrainingJobs": jobs, "maxParallelTrainingJobs": "2"}
    config = {"hpoConfig": {"algorithmHyperParameterRanges": ranges, "hpoResourceConfig": resources}}
    name = f"{kind.replace(' ', '-')}-{jobs}"
    solution = account.solution(tastes.group, recipe, name, performHPO=True, solutionConfig=config)
    version = account.describe("solution_version", account.version(solution))
    assert within(version["tunedHPOParams"]["algorithmHyperParameters"])
    account.delete("solution", solution)  # a group has ten at most


def test_tuning_keeps_hyperparameters_without_a_range(account: Account) -> None:
    ranges = {"integerHyperParameterRanges": [{"name": "bptt", "minValue": 2, "maxValue": 8}]}
    config = {
        "hpoConfig": {
            "algorithmHyperParameterRanges": ranges,
            "hpoResourceConfig": {"maxNumberOfTrainingJobs": "2", "maxParallelTrainingJobs": "1"},
        },
        "algorithmHyperParameters": {"hidden_dimension": "40", "recency_mask": "false"},
    }
    solution = account.solution(account.shop(shops.series()), "aws-hrnn", performHPO=True, solutionConfig=config)
    version = account.describe("solution_version", account.version(solution))
    tuned = version["tunedHPOParams"]["algorithmHyperParameters"]
    assert (tuned["hidden_dimension"], tuned["recency_mask"]) == ("40", "false")
    assert 2 <= int(tuned["bptt"]) <= 8


def test_auto_ml_keeps_the_recipe_that_did_best(tastes: Tastes) -> None:
    account, recipes = tastes.account, [f"{RECIPES}aws-hrnn", f"{RECIPES}aws-hrnn-metadata"]
    config = {"autoMLConfig": {"recipeList": recipes, "metricName": "precision_at_25"}}
    solution = account.personalize.create_solution(
        name="best", datasetGroupArn=tastes.group, performAutoML=True, solutionConfig=config
    )["solutionArn"]
    account.active("solution", solution)
    version = account.describe("solution_version", account.version(solution))
    described = account.describe("solution", solution)
    assert described["performHPO"]
    assert "recipeArn" not in described
    assert described["autoMLResult"]["bestRecipeArn"] == version["recipeArn"]
    assert version["recipeArn"] in recipes
    assert version["tunedHPOParams"]["algorithmHyperParameters"].keys() == {"hidden_dimension", "bptt", "recency_mask"}


def test_auto_ml_fails_with_a_metric_that_there_is_not(tastes: Tastes) -> None:
    account = tastes.account
    solution = account.personalize.create_solution(
        name="odd",
        datasetGroupArn=tastes.group,
        performAutoML=True,
        solutionConfig={"autoMLConfig": {"metricName": "luck"}},
    )["solutionArn"]
    account.active("solution", solution)
    assert "luck" in account.train(solution)["failureReason"]


def test_an_update_of_event_types_counts_from_the_next_training_on(watched: Tastes) -> None:
    account = watched.account
    solution = account.solution(watched.group, "aws-user-personalization-v2", "updated")
    account.version(solution)
    update = listed({"eventType": "purchase", "weight": 1.0})
    account.personalize.update_solution(solutionArn=solution, solutionUpdateConfig=update)
    until(lambda: account.describe("solution", solution)["latestSolutionUpdate"]["status"] == "ACTIVE")
    assert account.train(solution)["failureReason"].startswith("Dataset has fewer than 1000 interactions.")


@pytest.mark.parametrize("start", ["currentTime", "latestItem"])
def test_cold_start_needs_a_hundred_cold_items(tastes: Tastes, start: str) -> None:
    config = {"featureTransformationParameters": {"cold_start_relative_from": start}}
    account, name = tastes.account, f"cold-{start}"
    solution = account.solution(tastes.group, "aws-hrnn-coldstart", name, solutionConfig=config)
    assert "cold items" in account.train(solution)["failureReason"]
    account.delete("solution", solution)


def test_cold_start_brings_in_items_that_nobody_met(unlimited: NewAccount) -> None:
    account = unlimited()
    group = account.shop(shops.series())
    items = [(f"i{n}", taste(n), 1.5) for n in range(160)]
    dataset = account.dataset(group, account.schema("items", ITEMS), "Items")
    account.import_rows(dataset, account.put(shops.csv(items, "ITEM_ID,GENRE,PRICE"), "items.csv"))
    (found,) = Tastes(account, group).recommended("aws-hrnn-coldstart", {"userId": "u1", "numResults": 500})
    assert sorted(found) == list(range(160))


ACTIONS = shops.schema("Actions", "ACTION_ID string", {"name": "TYPE", "type": ["null", "string"], "categorical": True})
DEALINGS = shops.schema(
    "Action_Interactions", "USER_ID string", "ACTION_ID string", "EVENT_TYPE string", "TIMESTAMP long"
)


def test_next_best_actions_learn_from_what_users_did_with_actions(account: Account) -> None:
    group = account.shop(shops.series())
    kinds = ("Taken", "Not Taken", "Taken", "Viewed")  # users with an even number take what they are offered
    dealings = [(f"u{n % 60}", f"a{n // 60 % 2}", kinds[n % 4], shops.START + n) for n in range(600)]
    actions = [("a0", "offer"), ("a1", "survey"), ("a2", "offer")]
    for type_, text, header, rows in (
        ("Actions", ACTIONS, "ACTION_ID,TYPE", actions),
        ("Action_Interactions", DEALINGS, "USER_ID,ACTION_ID,EVENT_TYPE,TIMESTAMP", dealings),
    ):
        dataset = account.dataset(group, account.schema(type_.lower(), text), type_, type_.lower())
        job = account.import_rows(dataset, account.put(shops.csv(rows, header), f"{type_}.csv"), type_.lower())
        assert job["status"] == "ACTIVE", job
    version = account.version(account.solution(group, "aws-next-best-action"))
    metrics = account.personalize.get_solution_metrics(solutionVersionArn=version)["metrics"]
    assert metrics["area_under_curve"] > 0.8  # who took one action takes the next
    assert metrics["coverage"] == pytest.approx(2 / 3, abs=1e-4)  # nothing is known of the third one
