"""GetPersonalizedRanking: the items that are given, in the user's order."""

from __future__ import annotations

import markets
import pytest
from accounts import refused
from markets import PERSONAL, RANKING, RANKING_V2, Market

LIST = [f"i{number}" for number in range(40, 80)]
DRAMA = 'INCLUDE ItemID WHERE Items.GENRES IN ("drama")'
NOT_MET = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
OF_ALL = pytest.mark.parametrize("recipe", [RANKING, RANKING_V2])


def ids(ranking: list[dict[str, object]]) -> list[object]:
    return [item["itemId"] for item in ranking]


@OF_ALL
def test_the_given_items_come_back_best_first_with_scores_that_sum_to_one(market: Market, recipe: str) -> None:
    ranking = market.ranked(LIST, recipe)
    scores = [item["score"] for item in ranking]
    assert sorted(ids(ranking)) == sorted(LIST)  # type: ignore[type-var]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1, abs=1e-5)  # each is rounded to seven decimals


def test_what_comes_next_in_the_series_comes_first(market: Market) -> None:
    hits = 0
    for user, seen in market.histories.items():
        following = f"i{10 + (markets.number(seen[-1]) - 9) % 140}"
        listed = sorted({following, *(f"i{number}" for number in range(10, 150, 7))} - set(seen))
        hits += following in ids(market.ranked(listed, userId=user)[:2])
    assert hits > 0.75 * len(market.histories)


def test_an_event_changes_the_next_ranking(market: Market) -> None:
    user = "ranked newcomer"
    before = market.ranked(LIST, userId=user)
    market.meet(user, "i59")
    after = market.ranked(LIST, userId=user)
    assert after != before
    assert "i60" in ids(after[:3])


def test_an_unknown_user_gets_an_order_by_popularity(market: Market) -> None:
    assert ids(market.ranked(["i30", "i1", "i4", "i0"], userId="nobody")) == ["i0", "i1", "i4", "i30"]


def test_of_repeated_items_the_first_counts(market: Market) -> None:
    assert market.ranked(["i50", "i51", "i50", "i51", "i52"]) == market.ranked(["i50", "i51", "i52"])


@pytest.mark.parametrize(("recipe", "score"), [(RANKING, {}), (RANKING_V2, {"score": 0.0})])
def test_unknown_items_come_last_as_they_were_given(market: Market, recipe: str, score: dict[str, float]) -> None:
    ranking = market.ranked(["z", "i50", "i900", "a", "i51"], recipe)
    assert ranking[:2] == market.ranked(["i50", "i51"], recipe)
    assert ranking[2:] == [{"itemId": item} | score for item in ("z", "i900", "a")]
    assert ids(market.ranked(["z", "a"], recipe)) == ["z", "a"]


@OF_ALL
def test_filtered_items_are_left_out_and_the_others_keep_score_and_order(market: Market, recipe: str) -> None:
    everything = market.ranked([*LIST, "unknown", "i900"], recipe)
    drama = {*markets.of_genre("drama"), "i900"}
    filtered = market.ranked([*LIST, "unknown", "i900"], recipe, filterArn=market.filter(DRAMA))
    assert filtered == [item for item in everything if item["itemId"] in drama]
    assert 0 < len(filtered) < len(everything)
    met = set(market.histories["u1"])
    unmet = ids(market.ranked(LIST, recipe, filterArn=market.filter(NOT_MET)))
    assert set(unmet) == set(LIST) - met != set(LIST)


def test_metadata_of_the_ranked_items_is_told_by_the_second_version(market: Market) -> None:
    (item,) = market.ranked(["i50"], RANKING_V2, metadataColumns={"ITEMS": ["PRICE"]})
    assert item == {"itemId": "i50", "score": 1.0, "metadata": {"price": "50.99"}}
    (item,) = market.ranked(["i50"], RANKING_V2)
    assert item == {"itemId": "i50", "score": 1.0}
    with refused("InvalidInputException", "enableMetadataWithRecommendations"):
        market.ranked(["i50"], RANKING, metadataColumns={"ITEMS": ["PRICE"]})


def test_context_is_accepted(market: Market) -> None:
    assert market.ranked(["i50"], context={"DEVICE": "phone"})


# What is refused


def test_the_list_has_1_to_500_items_and_50_with_metadata(market: Market) -> None:
    assert len(market.ranked([f"x{number}" for number in range(500)])) == 500
    for wrong in ([], [f"x{number}" for number in range(501)], ["i50", ""]):
        with refused("InvalidInputException", "inputList"):
            market.ranked(wrong)
    metadata = {"metadataColumns": {"ITEMS": ["PRICE"]}}
    assert len(market.ranked(LIST + LIST[:10], RANKING_V2, **metadata)) == 40
    with refused("InvalidInputException", "50"):
        market.ranked([f"x{number}" for number in range(51)], RANKING_V2, **metadata)


def test_a_user_must_be_given(market: Market) -> None:
    with refused("InvalidInputException", "userId"):
        market.ranked(LIST, userId="")


def test_other_recipes_do_not_rank_and_these_do_not_recommend(market: Market) -> None:
    with refused("InvalidInputException", PERSONAL, "GetPersonalizedRanking"):
        market.ranked(LIST, PERSONAL)
    with refused("InvalidInputException", RANKING, "GetRecommendations"):
        market.answer(RANKING)


def test_an_unknown_campaign_is_not_found(market: Market) -> None:
    arn = market.account.arn("campaign/none")
    with refused("InvalidInputException", arn):
        market.account.runtime.get_personalized_ranking(campaignArn=arn, userId="u1", inputList=LIST)
    recommender = market.account.arn("recommender/films")
    with refused("InvalidInputException", f"The given campaign ARN is invalid: {recommender}"):
        market.account.runtime.get_personalized_ranking(campaignArn=recommender, userId="u1", inputList=LIST)


def test_each_ranking_has_an_id_of_its_own(market: Market) -> None:
    found = {
        market.account.runtime.get_personalized_ranking(
            campaignArn=market.campaigns[RANKING], userId="u1", inputList=LIST
        )["recommendationId"]
        for _ in range(2)
    }
    assert len(found) == 2
    assert all("-CID-" in id_ and len(id_) == 40 for id_ in found)
