"""GetRecommendations: what is recommended to whom, and how it is asked for."""

from __future__ import annotations

import re
from typing import Any

import pytest
from accounts import Account, refused
from conftest import NewAccount, Shop

PERSONAL = ("aws-user-personalization", "aws-hrnn")
SCORELESS = {"aws-popularity-count": {"userId": "u1"}, "aws-sims": {"itemId": "i20"}}


@pytest.fixture(params=PERSONAL)
def personal(request: pytest.FixtureRequest, shop: Shop) -> str:
    """The campaign of a recipe that knows its users."""
    return shop.campaigns[request.param]


def answer(shop: Shop, campaign: str, **asked: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = shop.account.runtime.get_recommendations(campaignArn=campaign, **asked)["itemList"]
    return items


# How many


@pytest.mark.parametrize(("asked", "given"), [({}, 25), ({"numResults": 0}, 0), ({"numResults": 7}, 7)])
def test_as_many_items_as_asked_for_are_given(shop: Shop, personal: str, asked: dict[str, int], given: int) -> None:
    items = shop.account.recommended(personal, userId="u1", **asked)
    assert len(set(items)) == len(items) == given


def test_the_whole_catalogue_is_given_when_it_is_smaller_than_what_is_asked_for(shop: Shop, personal: str) -> None:
    items = shop.account.recommended(personal, userId="u1", numResults=500)
    assert len(items) == len(shop.items)
    assert set(items) == shop.items


def test_at_most_500_can_be_asked_for(shop: Shop, personal: str) -> None:
    with refused("InvalidInputException", "500"):
        shop.account.recommended(personal, userId="u1", numResults=501)


def test_a_longer_list_begins_with_the_shorter_one(shop: Shop, personal: str) -> None:
    long = shop.account.recommended(personal, userId="u1", numResults=60)
    assert shop.account.recommended(personal, userId="u1") == long[:25]


# Scores


def test_scores_descend_and_sum_to_one_over_the_catalogue(shop: Shop, personal: str) -> None:
    scores = [item["score"] for item in answer(shop, personal, userId="u1", numResults=500)]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert sum(scores) == pytest.approx(1, abs=1e-4)  # each is rounded to seven decimals
    assert sum(scores[:10]) < 1
    assert all(score == round(score, 7) for score in scores)


@pytest.mark.parametrize("recipe", SCORELESS)
def test_popularity_and_similar_items_have_no_scores(shop: Shop, recipe: str) -> None:
    items = answer(shop, shop.campaigns[recipe], **SCORELESS[recipe])
    assert all(item.keys() == {"itemId"} for item in items)


def test_each_answer_has_an_id_of_its_own(shop: Shop, personal: str) -> None:
    ids = [
        shop.account.runtime.get_recommendations(campaignArn=personal, userId="u1")["recommendationId"]
        for _ in range(2)
    ]
    assert len(set(ids)) == 2
    form = r"RID-[0-9a-f]{2}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-CID-[0-9a-f]{6}"
    assert all(re.fullmatch(form, id_) and len(id_) == 40 for id_ in ids)
    other = shop.account.runtime.get_recommendations(campaignArn=shop.campaigns["aws-popularity-count"], userId="u1")
    ends = {id_[-6:] for id_ in ids}
    assert len(ends) == 1
    assert other["recommendationId"][-6:] not in ends


# To whom


def test_where_nobody_repeats_seen_items_stay_away(shop: Shop, personal: str) -> None:
    for user, seen in shop.histories.items():
        assert not set(shop.account.recommended(personal, userId=user)) & set(seen)


def test_what_comes_next_in_the_series_comes_first(shop: Shop, personal: str) -> None:
    hits = 0
    for user, seen in shop.histories.items():
        following = f"i{10 + (int(seen[-1].removeprefix('i')) - 9) % 140}"
        hits += following in shop.account.recommended(personal, userId=user, numResults=3)
    assert hits > 0.75 * len(shop.histories)


@pytest.mark.parametrize("recipe", PERSONAL)
def test_where_people_buy_again_their_staples_come_back(grocery: Shop, recipe: str) -> None:
    found = 0
    for user, seen in grocery.histories.items():
        staples = {item for item in seen if seen.count(item) >= 8}
        found += len(staples & set(grocery.account.recommended(grocery.campaigns[recipe], userId=user, numResults=5)))
    assert found > 0.7 * 3 * len(grocery.histories)


def test_users_get_lists_of_their_own(shop: Shop, personal: str) -> None:
    lists = {tuple(shop.account.recommended(personal, userId=user)) for user in shop.histories}
    assert len(lists) > len(shop.histories) / 2


def test_an_unknown_user_gets_popular_items(shop: Shop, personal: str) -> None:
    assert shop.account.recommended(personal, userId="nobody", numResults=5) == shop.popular[:5]


def test_everybody_gets_the_same_popular_items(shop: Shop) -> None:
    campaign = shop.campaigns["aws-popularity-count"]
    lists = {tuple(shop.account.recommended(campaign, userId=user)) for user in (*shop.histories, "nobody")}
    assert len(lists) == 1
    assert shop.account.recommended(campaign) == list(*lists)
    assert list(*lists)[:5] == shop.popular[:5]


def test_context_is_accepted(shop: Shop, personal: str) -> None:
    assert shop.account.recommended(personal, userId="u1", context={"DEVICE": "phone"})


# Similar items


def test_similar_items_are_near_and_never_the_item_itself(shop: Shop) -> None:
    campaign = shop.campaigns["aws-sims"]
    for number in range(40, 60):
        near = shop.account.recommended(campaign, itemId=f"i{number}", numResults=500)
        assert f"i{number}" not in near
        assert set(near) == shop.items - {f"i{number}"}
        assert sum(abs(int(item.removeprefix("i")) - number) <= 15 for item in near[:5]) >= 4


def test_an_unknown_item_is_answered_with_popular_items(shop: Shop) -> None:
    campaign = shop.campaigns["aws-sims"]
    assert shop.account.recommended(campaign, itemId="nothing", numResults=5) == shop.popular[:5]


def test_similar_items_need_no_user_and_take_one(shop: Shop) -> None:
    campaign = shop.campaigns["aws-sims"]
    assert shop.account.recommended(campaign, itemId="i30") == shop.account.recommended(
        campaign, itemId="i30", userId="u1"
    )


# What is refused


@pytest.mark.parametrize(
    ("recipe", "given", "missing"),
    [(PERSONAL[0], {"itemId": "i1"}, "userId"), ("aws-sims", {"userId": "u1"}, "itemId")],
)
def test_what_a_recipe_needs_must_be_given(shop: Shop, recipe: str, given: dict[str, str], missing: str) -> None:
    for asked in (given, given | {missing: ""}):
        with refused("InvalidInputException", f"Required fields for the provided recipe are {missing}"):
            shop.account.recommended(shop.campaigns[recipe], **asked)


def test_another_kind_of_arn_is_no_campaign(shop: Shop) -> None:
    for arn in (shop.account.arn("recommender/films"), shop.solution("aws-sims")):
        with refused("InvalidInputException", f"The given campaign ARN is invalid: {arn}"):
            shop.account.recommended(arn, userId="u1")


def test_an_unknown_campaign_is_not_found(shop: Shop, new_account: NewAccount) -> None:
    arn = shop.account.arn("campaign/none")
    with refused("InvalidInputException", f"{arn} does not exist or is not active yet."):
        shop.account.recommended(arn, userId="u1")
    stranger = new_account()
    with refused("InvalidInputException", "the account of the ARN is", f"that of the client {stranger.number}"):
        stranger.recommended(shop.campaigns["aws-hrnn"], userId="u1")
    with refused("ResourceNotFoundException", "the account of the ARN is", f"that of the client {stranger.number}"):
        stranger.describe("campaign", shop.campaigns["aws-hrnn"])
    far = stranger.arn("campaign/none").replace(stranger.region, "eu-west-1")
    with refused("InvalidInputException", f"the region of the ARN is eu-west-1, that of the client {stranger.region}"):
        stranger.recommended(far, userId="u1")


def test_exactly_one_endpoint_is_named(shop: Shop, personal: str) -> None:
    recommender = shop.account.arn("recommender/films")
    for named in ({}, {"campaignArn": personal, "recommenderArn": recommender}):
        with refused("InvalidInputException"):
            shop.account.runtime.get_recommendations(userId="u1", **named)
    with refused("InvalidInputException", f"{recommender} does not exist or is not active yet."):
        shop.account.runtime.get_recommendations(userId="u1", recommenderArn=recommender)


def test_an_unknown_filter_is_not_found(shop: Shop, personal: str) -> None:
    arn = shop.account.arn("filter/none")
    with refused("InvalidInputException", f"Resource Arn {arn} does not exist."):
        shop.account.recommended(personal, userId="u1", filterArn=arn)


def test_metadata_must_be_switched_on(shop: Shop, personal: str) -> None:
    with refused("InvalidInputException", "enableMetadataWithRecommendations"):
        shop.account.recommended(personal, userId="u1", metadataColumns={"ITEMS": ["GENRES"]})


def test_a_long_user_is_refused(account: Account) -> None:
    with refused("InvalidInputException", "'userId'"):
        account.recommended(account.arn("campaign/films"), userId="u" * 257)
