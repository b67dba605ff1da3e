"""metadataColumns: what is known of the recommended items, told with them."""

from __future__ import annotations

from typing import Any

import pytest
import shops
from accounts import Account, refused
from markets import GENRES, PERSONAL, PERSONAL_V2, Market, number


def told(market: Market, *columns: str, **asked: Any) -> list[dict[str, Any]]:
    return market.answer(PERSONAL_V2, metadataColumns={"ITEMS": list(columns)}, **asked)


def test_the_columns_asked_for_come_as_texts(market: Market) -> None:
    for item in told(market, "GENRES", "PRICE", "year", userId="u3", numResults=50):
        place = number(item["itemId"])
        assert item["metadata"] == {"genres": GENRES[place % 3], "price": f"{place}.99", "year": str(1900 + place)}


@pytest.mark.parametrize("columns", [("Year", "PRICE"), ("year", "price"), ("YEAR", "Price")])
def test_keys_are_in_lower_case_however_the_request_spells_the_columns(market: Market, columns: list[str]) -> None:
    (item,) = told(market, *columns, numResults=1)
    assert item["metadata"].keys() == {"year", "price"}


def test_a_price_has_a_decimal_point(market: Market) -> None:
    market.put_film("i31", price=130)
    (item,) = told(market, "PRICE", filterArn=market.filter("INCLUDE ItemID WHERE Items.PRICE = 130"))
    assert item["metadata"] == {"price": "130.0"}
    market.put_film("i31", genres=GENRES[31 % 3], price=31.99, year=1931)


def test_without_columns_there_is_no_metadata(market: Market) -> None:
    assert not any("metadata" in item for item in market.answer(PERSONAL_V2))


def test_what_was_put_is_told_at_once_and_nulls_are_left_out(market: Market) -> None:
    only = market.filter("INCLUDE ItemID WHERE Items.year = 2999")
    market.put_film("i31", genres="crime|noir", year=2999)
    (item,) = told(market, "GENRES", "PRICE", "year", filterArn=only)
    assert item["metadata"] == {"genres": "crime|noir", "year": "2999"}
    market.put_film("i31", genres=GENRES[31 % 3], price=31.99, year=1931)


@pytest.mark.parametrize(
    "asked",
    [{"ITEMS": ["COLOUR"]}, {"ITEMS": ["ITEM_ID"]}, {"ITEMS": [f"C{number}" for number in range(11)]}],
)
def test_only_up_to_ten_columns_of_the_schema_can_be_asked_for(market: Market, asked: dict[str, Any]) -> None:
    with refused("InvalidInputException"):
        market.answer(PERSONAL_V2, metadataColumns=asked)


def test_other_datasets_are_not_told(market: Market) -> None:
    with refused("InvalidInputException", "USERS"):
        market.answer(PERSONAL_V2, metadataColumns={"USERS": ["AGE"]})


def test_at_most_50_items_come_with_metadata(market: Market) -> None:
    assert len(told(market, "PRICE", numResults=50)) == 50
    with refused("InvalidInputException", "50", "without metadataColumns it can be 500"):
        told(market, "PRICE", numResults=51)
    with refused("InvalidInputException", "500"):
        market.answer(PERSONAL_V2, numResults=501)


def test_other_campaigns_tell_it_once_it_is_switched_on(market: Market, account: Account) -> None:
    with refused("InvalidInputException", "enableMetadataWithRecommendations"):
        market.answer(PERSONAL, metadataColumns={"ITEMS": ["PRICE"]})
    group = account.shop(shops.series())
    dataset = account.dataset(group, account.schema("items", shops.ITEMS), "Items")
    version = account.version(account.solution(group, "aws-popularity-count"))
    campaign = account.campaign(version, campaignConfig={"enableMetadataWithRecommendations": True})
    item = {"itemId": "i0", "properties": '{"genres": "drama", "price": 2.5}'}
    account.events.put_items(datasetArn=dataset, items=[item])
    answer = account.runtime.get_recommendations(
        campaignArn=campaign, numResults=2, metadataColumns={"ITEMS": ["GENRES", "PRICE"]}
    )
    assert answer["itemList"] == [
        {"itemId": "i0", "metadata": {"genres": "drama", "price": "2.5"}},
        {"itemId": "i1", "metadata": {}},
    ]
