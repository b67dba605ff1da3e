"""Promotions in GetRecommendations: a share of the list for items that pass a filter of their own."""

from __future__ import annotations

from typing import Any

import markets
import pytest
from accounts import refused
from markets import PERSONAL, PERSONAL_V2, SIMS, Market

DRAMA = 'INCLUDE ItemID WHERE Items.GENRES IN ("drama")'
COMEDY = 'INCLUDE ItemID WHERE Items.GENRES IN ("comedy")'
GENRE = "INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)"
FEW = "INCLUDE ItemID WHERE Items.PRICE > 148"  # i148 and i149


def promotion(market: Market, expression: str = DRAMA, percent: int = 20, **more: Any) -> list[dict[str, Any]]:
    return [{"name": "week", "filterArn": market.filter(expression), "percentPromotedItems": percent} | more]


def parts(items: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Return which items are promoted and which are not."""
    promoted = [item["itemId"] for item in items if item.get("promotionName") == "week"]
    return promoted, [item["itemId"] for item in items if "promotionName" not in item]


@pytest.mark.parametrize(("amount", "percent", "promoted"), [(20, 20, 4), (25, 1, 1), (10, 100, 10), (10, 55, 6)])
def test_promoted_items_have_their_share(market: Market, amount: int, percent: int, promoted: int) -> None:
    items = market.answer(PERSONAL, numResults=amount, promotions=promotion(market, percent=percent))
    assert len({item["itemId"] for item in items}) == amount
    found, _ = parts(items)
    assert len(found) == promoted
    assert set(found) <= markets.of_genre("drama")


def test_both_parts_hold_the_best_of_their_filter_in_order(market: Market) -> None:
    items = market.answer(
        PERSONAL, numResults=30, promotions=promotion(market, percent=50), filterArn=market.filter(COMEDY)
    )
    everything = [item["itemId"] for item in market.answer(PERSONAL, numResults=500)]
    best = {
        genre: [item for item in everything if item in markets.of_genre(genre)][:15] for genre in ("drama", "comedy")
    }
    assert parts(items) == (best["drama"], best["comedy"])


def test_promoted_items_stand_at_places_that_change_from_call_to_call(market: Market) -> None:
    def places() -> tuple[bool, ...]:
        items = market.answer(PERSONAL, numResults=40, promotions=promotion(market, percent=50))
        return tuple("promotionName" in item for item in items)

    found = [places() for _ in range(4)]
    assert len(set(found)) > 1
    assert all(sum(each) == 20 for each in found)
    assert any(each != tuple(sorted(each)) and each != tuple(sorted(each, reverse=True)) for each in found)


def test_where_too_few_can_be_promoted_others_fill_the_list(market: Market) -> None:
    items = market.answer(PERSONAL, numResults=20, promotions=promotion(market, FEW, 50))
    promoted, others = parts(items)
    assert set(promoted) == {"i148", "i149"}
    assert len(set(others) - {"i148", "i149"}) == 18


def test_a_promotion_has_values_of_its_own(market: Market) -> None:
    asked = {"numResults": 10, "filterArn": market.filter(GENRE), "filterValues": {"GENRE": '"comedy"'}}
    values = {"GENRE": '"noir"'}
    promoted, others = parts(
        market.answer(PERSONAL, **asked, promotions=promotion(market, GENRE, 30, filterValues=values))
    )
    assert len(promoted) == 3
    assert set(promoted) <= markets.of_genre("noir")
    assert set(others) <= markets.of_genre("comedy")
    with refused("InvalidInputException", "GENRE"):
        market.answer(PERSONAL, **asked, promotions=promotion(market, GENRE))


def test_similar_items_can_be_promoted_but_not_the_item_itself(market: Market) -> None:
    items = market.answer(SIMS, itemId="i60", numResults=10, promotions=promotion(market, percent=50))
    promoted, others = parts(items)
    assert len(promoted) == len(others) == 5
    assert "i60" not in {*promoted, *others}
    assert all(item.keys() <= {"itemId", "promotionName"} for item in items)


def test_the_second_version_says_why(market: Market) -> None:
    items = market.answer(PERSONAL_V2, numResults=10, promotions=promotion(market))
    assert [item.get("reason") for item in items if "promotionName" in item] == [["Promoted item"]] * 2
    others = [item.get("reason", []) for item in items if "promotionName" not in item]
    assert not any("Promoted item" in reasons for reasons in others)  # one user in 40 has something tried out
    assert not any("reason" in item for item in market.answer(PERSONAL, promotions=promotion(market)))


def test_nothing_is_promoted_in_an_empty_list(market: Market) -> None:
    assert market.answer(PERSONAL, numResults=0, promotions=promotion(market)) == []


def test_a_promotion_needs_its_filter_and_its_share(market: Market) -> None:
    for missing in ("filterArn", "percentPromotedItems"):
        (whole,) = promotion(market)
        del whole[missing]
        with refused("InvalidInputException", missing):
            market.answer(PERSONAL, promotions=[whole])
    arn = market.account.arn("filter/none")
    with refused("InvalidInputException", arn):
        market.answer(PERSONAL, promotions=promotion(market, filterArn=arn))
