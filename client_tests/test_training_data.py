"""What models learn from beside who met what: Items, Users, metadata of Interactions, and which columns of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import pytest
import shops
from accounts import Account
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


@pytest.mark.parametrize("recipe", ["aws-hrnn-metadata", "aws-user-personalization-v2"])
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
