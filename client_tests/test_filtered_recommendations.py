"""GetRecommendations with filters: what they let through, on the data as they are at the moment of the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import markets
import pytest
import shops
from accounts import Account, refused
from conftest import NewAccount, Tell
from markets import PERSONAL, PERSONAL_V2, RANKING, RANKING_V2, SIMS, Market, number
from modes import socket_only

GENRE = "INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)"
NOT_GENRE = "EXCLUDE ItemID WHERE Items.genres IN ($GENRE)"
CHEAP = "INCLUDE ItemID WHERE Items.PRICE < $MOST"
WATCHED = 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("Watch")'
NOT_WATCHED = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")'
MET = 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
CHEAPER_ALIKE = "INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE AND Items.GENRES IN CurrentItem.GENRES"
GROWN_UP = 'EXCLUDE ItemID WHERE Items.GENRES IN ("noir") IF CurrentUser.AGE < 18'
HEADER = "ITEM_ID,YEAR,PRICE"
OF_USERS = "INCLUDE UserID WHERE Users.AGE > 3"


# Metadata of items


@pytest.mark.parametrize("genres", [["noir"], ["comedy", "drama"]])
def test_only_items_of_the_genres_come_and_the_list_is_still_full(market: Market, genres: list[str]) -> None:
    value = ",".join(f'"{genre}"' for genre in genres)
    items = market.filtered(GENRE, filterValues={"GENRE": value}, numResults=40)
    assert len(set(items)) == 40
    assert set(items) <= set().union(*map(markets.of_genre, genres))


def test_a_filter_changes_neither_order_nor_scores(market: Market) -> None:
    everything = market.answer(PERSONAL, numResults=500)
    filtered = market.answer(
        PERSONAL, filterArn=market.filter(GENRE), filterValues={"GENRE": '"drama"'}, numResults=500
    )
    drama = markets.of_genre("drama")
    assert filtered == [item for item in everything if item["itemId"] in drama]


def test_numbers_are_compared(market: Market) -> None:
    items = market.filtered(CHEAP, filterValues={"MOST": "20"}, numResults=500)
    assert set(items) == {item for item in market.items if number(item) + 0.99 < 20}


def test_an_include_that_nothing_matches_gives_an_empty_list(market: Market) -> None:
    assert market.filtered(GENRE, filterValues={"GENRE": '"western"'}) == []


def test_an_include_needs_its_values_and_an_exclude_is_left_out_without_them(market: Market) -> None:
    with refused("InvalidInputException", "GENRE"):
        market.filtered(GENRE)
    everything = [item["itemId"] for item in market.answer(PERSONAL)]
    assert market.filtered(NOT_GENRE) == everything
    assert not set(market.filtered(NOT_GENRE, filterValues={"GENRE": '"drama"'})) & markets.of_genre("drama")


def test_values_that_do_not_suit_are_refused(market: Market) -> None:
    for values in ({"MOST": '"cheap"'}, {"MOST": "1,2"}):
        with refused("InvalidInputException", "MOST"):
            market.filtered(CHEAP, filterValues=values)


def test_values_without_a_filter_mean_nothing(market: Market) -> None:
    assert market.answer(PERSONAL, filterValues={"GENRE": '"drama"'}) == market.answer(PERSONAL)


def test_an_item_that_was_put_counts_as_it_is_now(market: Market) -> None:
    def cheap() -> set[str]:
        return set(market.filtered(CHEAP, filterValues={"MOST": "5"}, numResults=500))

    assert "i77" not in cheap()
    market.put_film("i77", genres="crime|noir", price=1.5, year=1977)
    assert cheap() == {"i0", "i1", "i2", "i3", "i4", "i77"}
    market.put_film("i77", genres="crime|noir", price=77.99, year=1977)
    assert "i77" not in cheap()


def test_what_is_put_of_users_and_known_items_changes_filters_alone(market: Market) -> None:
    def lists() -> list[Any]:
        ranked = [market.ranked(["i50", "i3", "i120", "i7"], recipe) for recipe in (RANKING, RANKING_V2)]
        asked = {"itemId": "i40", "numResults": 500}
        return ranked + [market.answer(recipe, **asked) for recipe in (PERSONAL, PERSONAL_V2, SIMS)]

    before = lists()
    assert "i44" not in market.filtered(CHEAP, filterValues={"MOST": "1"})
    market.put_person("u1", 3)
    market.put_film("i44", genres="western", price=0.5, year=1)
    assert lists() == before
    assert market.filtered(CHEAP, filterValues={"MOST": "1"}, numResults=500) == ["i44", "i0"]
    market.put_person("u1", 1)
    market.put_film("i44", genres=markets.GENRES[44 % 3], price=44.99, year=1944)


# Events


@pytest.mark.parametrize("user", ["u1", "u40"])
def test_imported_events_count_by_their_types_in_any_case(market: Market, user: str) -> None:
    met = set(market.histories[user])
    watched = {item for item in met if markets.type_of(item) == "watch"}
    assert set(market.filtered(MET, userId=user, numResults=500)) == met
    assert set(market.filtered(WATCHED, userId=user, numResults=500)) == watched
    assert set(market.filtered(NOT_WATCHED, userId=user, numResults=500)) == market.items - watched


@pytest.mark.parametrize("user", ["u2", "filtered newcomer"])
def test_an_event_counts_in_the_next_answer(market: Market, user: str) -> None:
    first = market.filtered(NOT_WATCHED, userId=user)[0]
    market.meet(user, first)
    assert first not in market.filtered(NOT_WATCHED, userId=user, numResults=500)
    assert first in market.filtered(WATCHED, userId=user, numResults=500)


def test_nobody_else_is_touched_by_it(market: Market) -> None:
    assert market.filtered(MET, userId="nobody") == []
    market.meet("filtered somebody", "i20")
    assert market.filtered(MET, userId="nobody") == []
    assert market.filtered(MET, userId="filtered somebody") == ["i20"]


def test_the_newest_hundred_events_of_a_type_count(market: Market) -> None:
    user = "filtered regular"
    market.meet(user, "i5", "click")
    for item in range(101):
        market.meet(user, f"i{item}")
    assert set(market.filtered(WATCHED, userId=user, numResults=500)) == {f"i{item}" for item in range(1, 101)}
    assert "i5" in market.filtered(MET, userId=user, numResults=500)


def test_parts_combine(market: Market) -> None:
    items = market.filtered(f"{NOT_WATCHED} | {GENRE}", filterValues={"GENRE": '"comedy"'}, numResults=500)
    assert set(items) == markets.of_genre("comedy") - set(market.histories["u1"])


# The current user and item


def test_a_condition_on_the_user_reads_the_user_of_now(market: Market) -> None:
    noir, user = markets.of_genre("noir"), "filtered child"
    assert set(market.filtered(GROWN_UP, userId=user, numResults=500)) >= noir  # nothing is known yet
    market.put_person(user, 12)
    assert set(market.filtered(GROWN_UP, userId=user, numResults=500)) == market.items - noir
    market.put_person(user, 18)
    assert set(market.filtered(GROWN_UP, userId=user, numResults=500)) == market.items
    assert not set(market.filtered(GROWN_UP, userId="u17")) & noir


@pytest.mark.parametrize("seed", ["i60", "i900"])
def test_items_are_compared_with_the_current_one_even_if_no_model_knows_it(market: Market, seed: str) -> None:
    items = market.filtered(CHEAPER_ALIKE, SIMS, itemId=seed, numResults=500)
    assert set(items) == {item for item in markets.of_genre("drama") if number(item) < number(seed)}


def test_where_there_is_no_current_item_the_filter_is_refused(market: Market) -> None:
    with refused("InvalidInputException", "CurrentItem"):
        market.filtered(CHEAPER_ALIKE, PERSONAL, itemId="i60")


@pytest.mark.parametrize("expression", [NOT_WATCHED, GROWN_UP])
def test_a_filter_that_reads_the_user_needs_one(market: Market, expression: str) -> None:
    campaign, arn = market.campaigns[SIMS], market.filter(expression)
    with refused("InvalidInputException", "Required fields for the provided recipe are userId"):
        market.account.recommended(campaign, itemId="i60", filterArn=arn)
    assert market.account.recommended(campaign, itemId="i60", userId="u1", filterArn=arn)


# Which filters


def test_the_filter_must_be_one_of_the_group_about_items(market: Market, new_account: NewAccount) -> None:
    account, campaign = market.account, market.campaigns[PERSONAL]
    other = account.group("elsewhere")
    account.dataset(other, account.arn("schema/items"), "Items", "elsewhere")
    arn = account.personalize.create_filter(
        name="elsewhere", datasetGroupArn=other, filterExpression="INCLUDE ItemID WHERE Items.PRICE < 3"
    )["filterArn"]
    account.active("filter", arn)
    for wrong in (arn, market.filter(OF_USERS)):
        with refused("InvalidInputException", wrong):
            account.recommended(campaign, userId="u1", filterArn=wrong)
    foreign = new_account().arn("filter/filter0")
    with refused("InvalidInputException", f"Resource Arn {foreign} does not exist."):
        account.recommended(campaign, userId="u1", filterArn=foreign)


def test_a_deleted_filter_is_not_found_and_its_name_may_mean_another(account: Account) -> None:
    group = account.shop(shops.series())
    account.dataset(group, account.schema("items", shops.ITEMS), "Items")
    campaign = account.deployed(group, "aws-popularity-count", "popular")
    for comparison, given in (("<", 0), ("!=", 5)):
        arn = account.personalize.create_filter(
            name="price", datasetGroupArn=group, filterExpression=f"INCLUDE ItemID WHERE Items.PRICE {comparison} 3"
        )["filterArn"]
        account.active("filter", arn)
        assert len(account.recommended(campaign, filterArn=arn, numResults=5)) == given
        account.delete("filter", arn)
        with refused("InvalidInputException", arn):
            account.recommended(campaign, filterArn=arn)


@socket_only
def test_the_filter_must_be_active(waiting: Callable[..., tuple[Account, Tell]]) -> None:
    account, tell = waiting("filter")
    group = account.shop(shops.series())
    campaign = account.deployed(group, "aws-popularity-count", "popular")
    account.dataset(group, account.schema("items", shops.ITEMS), "Items")
    arn = account.personalize.create_filter(
        name="price", datasetGroupArn=group, filterExpression="INCLUDE ItemID WHERE Items.PRICE < 3"
    )["filterArn"]
    with refused("InvalidInputException", f"Resource {arn} is not in ACTIVE state."):
        account.recommended(campaign, filterArn=arn)
    tell()
    tell()
    account.active("filter", arn)
    assert account.recommended(campaign, filterArn=arn) == []


# Use cases


def test_use_cases_leave_out_what_was_watched_and_take_a_filter_beside_it(account: Account) -> None:
    group = account.group("cinema", domain="VIDEO_ON_DEMAND")
    films = shops.schema(
        "Items", "ITEM_ID string", {"name": "GENRES", "type": "string", "categorical": True}, "CREATION_TIMESTAMP long"
    )
    events = shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long", "EVENT_TYPE string")
    loads: list[tuple[str, str, list[Any], str]] = [
        ("Interactions", events, [(*row, markets.type_of(row[1])) for row in markets.ROWS], "EVENT_TYPE"),
        ("Items", films, [], ""),
    ]
    for type_, schema, rows, more in loads:
        dataset = account.dataset(group, account.schema(type_, schema, domain="VIDEO_ON_DEMAND"), type_, type_)
        if rows:
            account.import_rows(dataset, account.put(shops.csv(rows, f"{shops.HEADER},{more}")), type_)
    arn = account.personalize.create_recommender(
        name="picks", datasetGroupArn=group, recipeArn="arn:aws:personalize:::recipe/aws-vod-top-picks"
    )["recommenderArn"]
    account.active("recommender", arn)
    clicked = account.personalize.create_filter(
        name="clicked",
        datasetGroupArn=group,
        filterExpression='EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")',
    )["filterArn"]
    account.active("filter", clicked)
    tracking = account.personalize.create_event_tracker(name="cinema", datasetGroupArn=group)["trackingId"]

    def recommended(**asked: Any) -> set[str]:
        answer = account.runtime.get_recommendations(recommenderArn=arn, userId="u1", numResults=500, **asked)
        return {item["itemId"] for item in answer["itemList"]}

    met = set(shops.histories(markets.ROWS)["u1"])
    watched = {item for item in met if markets.type_of(item) == "watch"}
    everything = {item for _, item, _ in markets.ROWS}
    assert recommended() == everything - watched
    assert recommended(filterArn=clicked) == everything - met
    new = sorted(everything - met)[0]
    event = {"eventType": "WATCH", "itemId": new, "sentAt": markets.NOW}
    account.events.put_events(trackingId=tracking, sessionId="s", userId="u1", eventList=[event])
    assert recommended() == everything - watched - {new}
