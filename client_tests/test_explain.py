"""Explained answers: each score taken apart, and what each part of a filter removed."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import markets
import pytest
from conftest import Shop
from deeds import Deeds
from markets import PERSONAL, PERSONAL_V2, RANKING, RANKING_V2, SIMS, Market
from modes import socket_only

DRAMA = 'INCLUDE ItemID WHERE Items.GENRES IN ("drama")'
NOT_NOIR = 'EXCLUDE ItemID WHERE Items.GENRES IN ("noir")'
NOT_WATCHED = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")'
NOT_FOR_ELDERS = 'EXCLUDE ItemID WHERE Items.GENRES IN ("comedy") IF CurrentUser.AGE > 900'


def recommended(market: Market, recipe: str = PERSONAL, **asked: Any) -> dict[str, Any]:
    asked = {"userId": "u1", "campaignArn": market.campaigns[recipe]} | asked
    answer: dict[str, Any] = market.account.runtime.get_recommendations(**asked)
    return answer


def require_sums(answer: list[dict[str, Any]], explained: dict[str, Any], name: str = "itemId") -> None:
    """What is explained is what was answered, and contributions sum to each score."""
    assert explained["same"]
    assert [item[name] for item in explained["items"]] == [item[name] for item in answer]
    for item, listed in zip(explained["items"], answer):
        assert item.get("answeredScore") == listed.get("score")
        total = sum(each["score"] for each in item["contributions"])
        assert total == pytest.approx(item["score"], abs=1e-6)
        if listed.get("score"):
            assert item["score"] == pytest.approx(listed["score"], abs=1e-6)
            assert sum(each["share"] for each in item["contributions"]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("recipe", [PERSONAL, PERSONAL_V2])
@pytest.mark.parametrize("user", ["u1", "u30", "nobody"])
def test_what_adds_to_recommendations_sums_to_their_scores(
    market: Market, controls: Any, recipe: str, user: str
) -> None:
    answer = recommended(market, recipe, userId=user, numResults=100)
    explained = controls.explain(answer["recommendationId"])
    require_sums(answer["itemList"], explained)
    assert explained["operation"] == "GetRecommendations"
    assert explained["arn"] == market.campaigns[recipe]
    assert explained["request"]["userId"] == user


@pytest.mark.parametrize("recipe", [RANKING, RANKING_V2])
def test_what_adds_to_a_ranking_sums_to_its_scores(market: Market, controls: Any, recipe: str) -> None:
    answer = market.account.runtime.get_personalized_ranking(
        campaignArn=market.campaigns[recipe],
        userId="u1",
        inputList=["i50", "unknown", "i3", "i120", "i3"],
        filterArn=market.filter(NOT_NOIR),
    )
    explained = controls.explain(answer["recommendationId"])
    require_sums(answer["personalizedRanking"], explained)
    assert explained["filters"][0]["parts"] == [{"expression": NOT_NOIR, "removed": 1, "items": ["i50"]}]
    assert explained["items"][-1]["itemId"] == "unknown"
    assert [each["source"] for each in explained["items"][-1]["contributions"]] == ["unknownItem"]


def test_what_adds_to_actions_sums_to_their_scores(deeds: Deeds, controls: Any) -> None:
    answer = deeds.account.runtime.get_action_recommendations(campaignArn=deeds.campaign, userId="u4", numResults=10)
    assert any(action["score"] for action in answer["actionList"])
    explained = controls.explain(answer["recommendationId"])
    require_sums(answer["actionList"], explained, "actionId")
    for action in explained["items"]:
        tried_out = [each["source"] for each in action["contributions"]] == ["exploration"]
        assert tried_out == (action["score"] == 0)


@pytest.mark.parametrize("recipe", ["aws-hrnn", "aws-popularity-count"])
def test_recipes_of_old_are_explained_as_well(shop: Shop, controls: Any, recipe: str) -> None:
    answer = shop.account.runtime.get_recommendations(campaignArn=shop.campaigns[recipe], userId="u1")
    require_sums(answer["itemList"], controls.explain(answer["recommendationId"]))


def test_similar_items_come_from_the_item_that_was_asked_about(market: Market, controls: Any) -> None:
    answer = recommended(market, SIMS, itemId="i40", numResults=5)
    explained = controls.explain(answer["recommendationId"])
    require_sums(answer["itemList"], explained)
    assert {each["itemId"] for item in explained["items"] for each in item["contributions"]} == {"i40"}
    strengths = [item["score"] for item in explained["items"]]
    assert strengths == sorted(strengths, reverse=True)
    assert strengths[0] > 0
    unknown = recommended(market, SIMS, itemId="unknown", numResults=5)
    popular = [{"source": "popularity", "score": 0.0, "share": None}]
    assert [item["contributions"] for item in controls.explain(unknown["recommendationId"])["items"]] == [popular] * 5
    whole = recommended(market, SIMS, itemId="i40", numResults=500)
    assert controls.explain(whole["recommendationId"])["items"][-1]["contributions"] == popular


def test_the_items_that_a_user_met_last_pull_up_what_follows_them(market: Market, controls: Any) -> None:
    for item in ("i60", "i61", "i62"):
        market.meet("traveller", item)
    answer = recommended(market, userId="traveller", numResults=3)
    first = controls.explain(answer["recommendationId"])["items"][0]
    pulling = {each["itemId"]: each for each in first["contributions"] if each["source"] == "item"}
    assert set(pulling) <= {"i60", "i61", "i62"}
    assert pulling["i62"]["share"] > pulling["i60"]["share"] > 0
    assert pulling["i62"]["by"]["follows"] > 0


def test_what_happened_after_the_answer_does_not_count(market: Market, controls: Any) -> None:
    market.meet("wanderer", "i30")
    answer = recommended(market, userId="wanderer")
    before = controls.explain(answer["recommendationId"])
    market.meet("wanderer", "i90")
    assert recommended(market, userId="wanderer")["itemList"] != answer["itemList"]
    assert controls.explain(answer["recommendationId"]) == before
    assert before["historyLength"] == 1
    require_sums(answer["itemList"], before)


def test_each_part_of_a_filter_says_what_it_removed_the_best_first(market: Market, controls: Any) -> None:
    arn = market.filter(f"{NOT_NOIR}|{NOT_WATCHED} | {NOT_FOR_ELDERS}")
    market.meet("viewer", "i4")
    answer = recommended(market, userId="viewer", filterArn=arn)
    explained = controls.explain(answer["recommendationId"])
    require_sums(answer["itemList"], explained)
    (told,) = explained["filters"]
    assert (told["role"], told["filterArn"]) == ("request", arn)
    assert [part["expression"] for part in told["parts"]] == [NOT_NOIR, NOT_WATCHED, NOT_FOR_ELDERS]
    noir, watched, elders = told["parts"]
    assert noir["removed"] >= len(markets.of_genre("noir"))
    assert set(noir["items"]) <= markets.of_genre("noir")
    assert watched == {"expression": NOT_WATCHED, "removed": 1, "items": ["i4"]}
    assert (elders["removed"], elders["items"]) == (0, [])
    everything = [item["itemId"] for item in market.answer(PERSONAL, userId="viewer", numResults=500)]
    best = [item for item in everything if item in markets.of_genre("noir")]
    assert noir["items"][:10] == best[:10]


def test_promoted_items_are_named_with_their_filter(market: Market, controls: Any) -> None:
    promotions = [{"name": "week", "filterArn": market.filter(DRAMA), "percentPromotedItems": 40}]
    answer = recommended(market, promotions=promotions, filterArn=market.filter(NOT_NOIR), numResults=10)
    explained = controls.explain(answer["recommendationId"])
    require_sums(answer["itemList"], explained)
    named = [item.get("promotionName") for item in answer["itemList"]]
    assert [item.get("promotionName") for item in explained["items"]] == named
    assert named.count("week") == 4
    assert [each["role"] for each in explained["filters"]] == ["request", "promotion"]
    assert not set(explained["filters"][1]["parts"][0]["items"]) & markets.of_genre("drama")


def test_an_answer_whose_metadata_have_changed_says_so(market: Market, controls: Any) -> None:
    arn = market.filter('INCLUDE ItemID WHERE Items.GENRES IN ("western")')
    market.put_film("i88", genres="western", price=1.0, year=1988)
    answer = recommended(market, filterArn=arn)
    assert [item["itemId"] for item in answer["itemList"]] == ["i88"]
    assert controls.explain(answer["recommendationId"])["same"]
    market.put_film("i88", genres=markets.GENRES[88 % 3], price=88.99, year=1988)
    assert not controls.explain(answer["recommendationId"])["same"]


def test_an_answer_is_not_explained_by_a_later_filter_of_the_same_name(market: Market, controls: Any) -> None:
    personalize = market.account.personalize

    def create(expression: str) -> str:
        made = personalize.create_filter(name="again", datasetGroupArn=market.group, filterExpression=expression)
        market.account.active("filter", made["filterArn"])
        return str(made["filterArn"])

    arn = create(DRAMA)
    answer = recommended(market, filterArn=arn)
    assert controls.explain(answer["recommendationId"])["same"]
    market.account.delete("filter", arn)
    assert create(NOT_NOIR) == arn
    with pytest.raises(LookupError, match=r"The filter .*again of the answer .* is gone"):
        controls.explain(answer["recommendationId"])
    market.account.delete("filter", arn)


def test_an_unknown_id_says_so(controls: Any) -> None:
    with pytest.raises(LookupError, match="No answer with the recommendationId RID-1 is remembered"):
        controls.explain("RID-1")


@socket_only
@pytest.mark.parametrize(
    ("page", "status"),
    [("explain/RID-1", 404), ("explain/" + "R" * 5000, 404), ("explain/", 404), ("explain/RID-1?all=1", 400)],
)
def test_the_page_refuses_in_a_sentence(endpoint: str, page: str, status: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{endpoint}/_fakepersonalize/{page}")
    with refused.value as answer:
        assert answer.code == status
        assert json.load(answer)["error"]


def test_it_says_what_a_filter_overlooked_beyond_its_window(market: Market, controls: Any) -> None:
    """A filter looks at the newest hundred interactions of each type: what is older stays in the list."""
    for start in range(0, 101, 10):
        watched = [f"i{n}" for n in range(start, min(start + 10, 101))]
        events = [
            {"eventType": "watch", "itemId": item, "sentAt": 1_600_000_000 + start + n}
            for n, item in enumerate(watched)
        ]
        market.account.events.put_events(trackingId=market.tracking_id, sessionId="s", userId="fan", eventList=events)
    asked = {"userId": "fan", "filterArn": market.filter(NOT_WATCHED), "numResults": 100}
    explained = controls.explain(recommended(market, **asked)["recommendationId"])
    (part,) = explained["filters"][0]["parts"]
    assert part["beyondWindow"] == {"window": 100, "amount": 1, "items": ["i0"]}
    assert part["removed"] == 100
    assert "i0" not in part["items"]
    within = controls.explain(recommended(market, **{**asked, "userId": "u1"})["recommendationId"])
    assert "beyondWindow" not in within["filters"][0]["parts"][0]


def test_titles_come_from_a_column_of_the_items(market: Market, controls: Any) -> None:
    id_ = recommended(market, numResults=5)["recommendationId"]
    explained = controls.explain(id_, titles="genres")
    assert "titles" not in controls.explain(id_)
    shown = {item["itemId"] for item in explained["items"]}
    assert shown <= explained["titles"].keys()
    assert all(explained["titles"][item] == markets.GENRES[markets.number(item) % 3] for item in shown)
    with pytest.raises(LookupError, match="no column STUDIO of ITEMS: there is ITEM_ID, GENRES"):
        controls.explain(id_, titles="STUDIO")
