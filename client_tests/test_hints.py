"""Where AWS's sentence leaves one guessing, a hint behind it says what was meant."""

from __future__ import annotations

import pytest
import shops
from accounts import Account, refused
from conftest import NewAccount
from markets import PERSONAL, RANKING, SIMS, Market


@pytest.mark.parametrize("given", ["userId", "user_Id", "UserID", "USERID"])
def test_a_reserved_field_in_another_spelling_is_recognised(account: Account, given: str) -> None:
    text = shops.schema("Interactions", f"{given} string", "ITEM_ID string", "TIMESTAMP long")
    if given.upper() == "USER_ID":  # case alone does not matter
        account.schema(text=text)
        return
    with refused("InvalidInputException", f"{given}: did you mean USER_ID?"):
        account.schema(text=text)


def test_nothing_is_guessed_of_fields_that_resemble_none(account: Account) -> None:
    text = shops.schema("Interactions", "COLOUR string", "ITEM_ID string", "TIMESTAMP long")
    with pytest.raises(account.personalize.exceptions.InvalidInputException) as caught:
        account.schema(text=text)
    assert "did you mean" not in str(caught.value)


def test_the_call_that_a_campaign_answers_is_named(market: Market) -> None:
    runtime, campaigns = market.account.runtime, market.campaigns
    with refused("InvalidInputException", "it answers GetPersonalizedRanking"):
        runtime.get_recommendations(campaignArn=campaigns[RANKING], userId="u1")
    for recipe in (PERSONAL, SIMS):
        with refused("InvalidInputException", "it answers GetRecommendations"):
            runtime.get_personalized_ranking(campaignArn=campaigns[recipe], userId="u1", inputList=["i1"])
        with refused("InvalidInputException", "it answers GetRecommendations"):
            runtime.get_action_recommendations(campaignArn=campaigns[recipe], userId="u1")


def test_an_unknown_bucket_is_answered_with_those_of_the_account_alone(new_account: NewAccount) -> None:
    account, other = new_account(), new_account()
    other.put("x", bucket="secret")
    dataset = account.dataset(account.group(), account.schema())
    with refused("InvalidInputException", "NoSuchBucket; this account has no bucket"):
        account.begin_import(dataset, f"s3://filns-{account.number}/rows.csv")
    account.put("x", bucket="films")
    with refused("InvalidInputException", f"NoSuchBucket; this account has films-{account.number}"):
        account.begin_import(dataset, f"s3://filns-{account.number}/rows.csv")
    for number in range(6):
        account.put("x", bucket=f"bucket{number}")
    with refused("InvalidInputException", f"this account has films-{account.number}, ", " and others"):
        account.begin_import(dataset, f"s3://filns-{account.number}/rows.csv")
