"""Recipes, algorithms and feature transformations: read-only."""

from __future__ import annotations

from typing import Any

import pytest
from accounts import RECIPES, Account, refused

BUILT = ("aws-popularity-count", "aws-sims", "aws-user-personalization")
DOMAINS = {"VIDEO_ON_DEMAND": ("aws-vod-", 5), "ECOMMERCE": ("aws-ecomm-", 5)}
TYPES = {
    "aws-user-personalization": "USER_PERSONALIZATION",
    "aws-hrnn": "USER_PERSONALIZATION",
    "aws-sims": "RELATED_ITEMS",
    "aws-trending-now": "POPULAR_ITEMS",
    "aws-personalized-ranking": "PERSONALIZED_RANKING",
    "aws-item-affinity": "USER_SEGMENTATION",
    "aws-next-best-action": "PERSONALIZED_ACTIONS",
}


def recipes(account: Account, **asked: Any) -> list[dict[str, Any]]:
    pages = account.personalize.get_paginator("list_recipes").paginate(**asked)
    return [recipe for page in pages for recipe in page["recipes"]]


def test_recipes_are_listed_by_name(account: Account) -> None:
    names = [recipe["name"] for recipe in recipes(account)]
    assert names == sorted(names)
    assert set(BUILT) <= set(names)
    assert not {"aws-hrnn", "aws-hrnn-metadata", "aws-hrnn-coldstart"} & set(names)
    assert names[0].startswith("aws-ecomm-")
    assert names[-1].startswith("aws-vod-")


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_domain_lists_its_use_cases(account: Account, domain: str) -> None:
    prefix, amount = DOMAINS[domain]
    found = recipes(account, domain=domain)
    assert len(found) == amount
    assert all(recipe["name"].startswith(prefix) and recipe["domain"] == domain for recipe in found)


def test_custom_recipes_have_no_domain(account: Account) -> None:
    custom = [recipe for recipe in recipes(account) if "domain" not in recipe]
    assert len(custom) == len(recipes(account)) - 10
    assert custom[0].keys() == {"name", "recipeArn", "status", "creationDateTime", "lastUpdatedDateTime"}


def test_pages_of_recipes_are_the_list(account: Account) -> None:
    pages = account.personalize.get_paginator("list_recipes").paginate(PaginationConfig={"PageSize": 4})
    found = [page["recipes"] for page in pages]
    assert [len(page) for page in found] == [4, 4, 4, 4, 4, 2]
    assert [recipe for page in found for recipe in page] == recipes(account)


# As AWS was seen to answer in 2024: amazon-personalize-immersion-day, notebooks Retail_02, Media_03 and Travel_01.
PAGES = {None: (13, 9), "ECOMMERCE": (5, 0), "VIDEO_ON_DEMAND": (0, 5)}


@pytest.mark.parametrize("domain", PAGES)
def test_pages_are_cut_before_the_domain_is_looked_at(account: Account, domain: str | None) -> None:
    asked = {"domain": domain} if domain else {}
    first = account.personalize.list_recipes(**asked)
    second = account.personalize.list_recipes(**asked, nextToken=first["nextToken"])
    assert (len(first["recipes"]), len(second["recipes"])) == PAGES[domain]
    assert "nextToken" not in second
    if domain is None:
        assert first["recipes"][-1]["name"] == "aws-similar-items"
    cut = account.personalize.list_recipes(**asked, maxResults=3)
    assert len(cut["recipes"]) == (0 if domain == "VIDEO_ON_DEMAND" else 3)


def test_the_token_of_one_domain_is_none_of_another(account: Account) -> None:
    token = account.personalize.list_recipes(domain="ECOMMERCE", maxResults=1)["nextToken"]
    with refused("InvalidNextTokenException"):
        account.personalize.list_recipes(domain="VIDEO_ON_DEMAND", nextToken=token)


@pytest.mark.parametrize("name", TYPES)
def test_a_recipe_is_described(account: Account, name: str) -> None:
    described = account.personalize.describe_recipe(recipeArn=RECIPES + name)["recipe"]
    assert (described["name"], described["recipeArn"]) == (name, RECIPES + name)
    assert (described["status"], described["recipeType"]) == ("ACTIVE", TYPES[name])
    assert described["algorithmArn"].startswith("arn:aws:personalize:::algorithm/aws-")
    assert described["description"]
    assert described["lastUpdatedDateTime"] >= described["creationDateTime"]


def test_algorithm_and_features_of_a_recipe_are_described(account: Account) -> None:
    recipe = account.personalize.describe_recipe(recipeArn=f"{RECIPES}aws-hrnn")["recipe"]
    algorithm = account.personalize.describe_algorithm(algorithmArn=recipe["algorithmArn"])["algorithm"]
    assert algorithm["defaultHyperParameters"] == {"hidden_dimension": "43", "bptt": "32", "recency_mask": "true"}
    features = account.personalize.describe_feature_transformation(
        featureTransformationArn=recipe["featureTransformationArn"]
    )["featureTransformation"]
    assert features["name"] == "JSON-percentile-filtering"
    assert features["defaultParameters"].keys() == {
        "min_user_history_length_percentile",
        "max_user_history_length_percentile",
    }


def test_unknown_recipes_are_not_found(account: Account) -> None:
    for arn in (f"{RECIPES}aws-none", "arn:aws:personalize:us-east-1:123456789012:recipe/aws-sims"):
        with refused("ResourceNotFoundException", f"The given recipe does not exist: {arn}"):
            account.personalize.describe_recipe(recipeArn=arn)


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        (f"{RECIPES}aws-user-personalisation", "aws-user-personalization"),
        (f"{RECIPES}user-personalization-v2", "aws-user-personalization-v2"),
        (f"{RECIPES}aws_similar_items", "aws-similar-items"),
        ("arn:aws:personalize:us-east-1:123456789012:recipe/aws-sims", "aws-sims"),
    ],
)
def test_a_misspelt_recipe_gets_a_hint(account: Account, wrong: str, meant: str) -> None:
    with refused("ResourceNotFoundException", f"did you mean {RECIPES}{meant}?"):
        account.personalize.describe_recipe(recipeArn=wrong)
    with refused(
        "ResourceNotFoundException", f"Resource Arn {wrong} does not exist.", f"did you mean {RECIPES}{meant}?"
    ):
        account.personalize.create_solution(name="s", datasetGroupArn=account.group(), recipeArn=wrong)


@pytest.mark.parametrize(
    "arn", ["aws-sims", "arn:aws:personalize:::algorithm/aws-sims", "arn:aws:personalize:::recipe/"]
)
def test_what_is_no_arn_of_a_recipe_is_refused(account: Account, arn: str) -> None:
    with refused("InvalidInputException"):
        account.personalize.describe_recipe(recipeArn=arn)
