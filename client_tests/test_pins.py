"""Pinned answers: what a test wants to be recommended, with all else as usual."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from accounts import Account, session
from botocore.config import Config
from botocore.exceptions import ClientError
from markets import PERSONAL, RANKING, SIMS, Market, number

ITEMS = ["i30", "i11", "i12", "i90", "no-item"]
CHEAP = "INCLUDE ItemID WHERE Items.PRICE < $MOST"


@pytest.fixture
def pinned(controls: Any, market: Market) -> Iterator[Any]:
    """What pins; nothing of a test stays pinned."""
    yield controls
    for campaign in market.campaigns.values():
        controls.unpin(campaign)
        controls.strict(False, campaign=campaign)


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["itemId"] for item in items]


def plain(account: Account) -> Any:
    """Return a client whose answers need not be what the model promises."""
    return session.client(
        "personalize-runtime",
        account.region,
        endpoint_url=account.endpoint,
        aws_access_key_id=account.number,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_a_pinned_user_gets_the_pinned_items_and_others_the_models(market: Market, pinned: Any) -> None:
    before = market.answer(PERSONAL, userId="u2")
    pinned.pin(market.campaigns[PERSONAL], user="u1", items=ITEMS)
    assert ids(market.answer(PERSONAL, userId="u1")) == ITEMS
    assert market.answer(PERSONAL, userId="u2") == before
    assert pinned.unpin(market.campaigns[PERSONAL], user="u1") == 1
    assert ids(market.answer(PERSONAL, userId="u1")) != ITEMS


def test_scores_fall_and_sum_to_one_unless_they_are_given(market: Market, pinned: Any) -> None:
    pinned.pin(market.campaigns[PERSONAL], items=ITEMS)
    scores = [item["score"] for item in market.answer(PERSONAL)]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1, abs=1e-6)
    pinned.pin(market.campaigns[PERSONAL], items=[{"itemId": "i1", "score": 0.25}, {"itemId": "i2", "score": 0.5}])
    assert [item["score"] for item in market.answer(PERSONAL)] == [0.25, 0.5]


def test_num_results_filters_metadata_and_ids_are_as_usual(market: Market, pinned: Any) -> None:
    campaign = market.campaigns[PERSONAL]
    pinned.pin(campaign, items=ITEMS)
    assert ids(market.answer(PERSONAL, numResults=2)) == ITEMS[:2]
    assert market.answer(PERSONAL, numResults=0) == []
    cheap = market.filtered(CHEAP, filterValues={"MOST": "20"}, numResults=1)
    assert cheap == [item for item in ITEMS[:4] if number(item) < 20][:1] == ["i11"]
    answers = [market.account.runtime.get_recommendations(campaignArn=campaign, userId="u1") for _ in range(2)]
    assert len({answer["recommendationId"] for answer in answers}) == 2
    with pytest.raises(ClientError, match="numResults"):
        market.answer(PERSONAL, numResults=501)


def test_the_pin_that_says_most_wins(market: Market, pinned: Any) -> None:
    campaign = market.campaigns[SIMS]
    for pin in ({}, {"item": "i1"}, {"user": "u1"}, {"user": "u1", "item": "i1"}):
        pinned.pin(campaign, items=["-".join(["pin", *pin.values()])], **pin)
    asked = [("u1", "i1"), ("u1", "i2"), ("u2", "i1"), ("u2", "i2")]
    found = [ids(market.answer(SIMS, userId=user, itemId=item)) for user, item in asked]
    assert found == [["pin-u1-i1"], ["pin-u1"], ["pin-i1"], ["pin"]]
    assert len(pinned.pins()) >= 4
    assert pinned.unpin(campaign, user="u1") == 2


def test_filters_on_the_current_item_know_it(market: Market, pinned: Any) -> None:
    pinned.pin(market.campaigns[SIMS], items=ITEMS)
    dearer = "INCLUDE ItemID WHERE Items.PRICE > CurrentItem.PRICE"
    assert market.filtered(dearer, SIMS, itemId="i20") == ["i30", "i90"]


def test_a_pinned_ranking_has_the_pinned_first_and_nothing_that_was_not_asked(market: Market, pinned: Any) -> None:
    pinned.pin(market.campaigns[RANKING], user="u1", items=["i3", "i99", "i1"])
    assert ids(market.ranked(["i1", "i2", "i3", "i4"])) == ["i3", "i1", "i2", "i4"]


def test_a_pinned_error_is_answered(market: Market, pinned: Any) -> None:
    pinned.pin(market.campaigns[PERSONAL], user="u1", error="ThrottlingException", message="Slow down.")
    with pytest.raises(ClientError, match=r"ThrottlingException.*Slow down\."):
        market.answer(PERSONAL, userId="u1")
    assert market.answer(PERSONAL, userId="u2")


def test_with_strict_pins_a_call_without_one_is_an_error(market: Market, pinned: Any) -> None:
    campaign = market.campaigns[PERSONAL]
    pinned.pin(campaign, user="u1", items=ITEMS)
    pinned.strict(campaign=campaign)
    runtime = plain(market.account)
    assert ids(runtime.get_recommendations(campaignArn=campaign, userId="u1")["itemList"]) == ITEMS
    with pytest.raises(ClientError) as refused:
        runtime.get_recommendations(campaignArn=campaign, userId="u2")
    assert refused.value.response["Error"]["Code"] == "NotPinned"
    assert market.answer(SIMS, itemId="i1")  # another campaign


def test_calls_tell_what_was_sent(market: Market, pinned: Any) -> None:
    market.answer(PERSONAL, userId="the-one", numResults=3)
    call = pinned.calls("GetRecommendations", market.account.number)[-1]
    campaign = market.campaigns[PERSONAL]
    assert call["parameters"] == {"campaignArn": campaign, "userId": "the-one", "numResults": 3}
    assert (call["status"], call["error"]) == (200, None)


@pytest.mark.parametrize(
    ("pin", "sentence"),
    [
        ({}, "A pin has items or an error"),
        ({"items": ["a"], "error": "ThrottlingException"}, "A pin has items or an error"),
        ({"items": ["a", "a"]}, "items must be a list"),
        ({"items": [1]}, "items must be a list"),
        ({"items": [""]}, "An id must be a text"),
        ({"items": [{"itemId": "a", "colour": "red"}]}, "items must be a list"),
        ({"items": [{"itemId": "a", "score": 2}]}, "A score must be"),
        ({"items": ["i"] * 501}, "items must be a list"),
        ({"items": ["a"], "user": ""}, "user must be a text"),
        ({"items": ["a"], "message": "no"}, "message only goes with error"),
        ({"error": "Nope"}, "There is no error 'Nope'"),
    ],
)
def test_what_is_no_pin_is_refused(market: Market, pinned: Any, pin: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        pinned.pin(market.campaigns[PERSONAL], **pin)
    assert not [each for each in pinned.pins() if each["campaign"] == market.campaigns[PERSONAL]]


def test_only_what_serves_is_pinned(market: Market, pinned: Any) -> None:
    with pytest.raises(LookupError, match="no ACTIVE campaign or recommender"):
        pinned.pin(market.account.arn("campaign/none"), items=["a"])
