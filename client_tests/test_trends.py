"""What trends follows what is streamed, without a training."""

from __future__ import annotations

from typing import Any

import pytest
import shops
from accounts import Account
from conftest import NewAccount

ROWS = shops.series()
LATEST = max(time for _, _, time in ROWS)


class Trends:
    """A shop with campaigns of trends and of popularity, and a tracker."""

    def __init__(self, account: Account) -> None:
        self.account, self.group = account, account.shop(ROWS)
        made = account.personalize.create_event_tracker(name="shop", datasetGroupArn=self.group)
        self.tracking_id = made["trackingId"]
        self.trending, self.popular = (
            account.deployed(self.group, recipe, recipe) for recipe in ("aws-trending-now", "aws-popularity-count")
        )

    def meet(self, item: str, users: int, at: int = LATEST + 60) -> None:
        for user in range(users):
            event: dict[str, Any] = {"eventType": "watch", "itemId": item, "sentAt": at}
            self.account.events.put_events(
                trackingId=self.tracking_id, sessionId="s", userId=f"fan {user}", eventList=[event]
            )


@pytest.fixture(scope="module")
def trends(new_account: NewAccount) -> Trends:
    return Trends(new_account())


def test_what_many_meet_comes_first_at_once_and_is_no_more_popular_for_it(trends: Trends) -> None:
    account, popular = trends.account, trends.account.recommended(trends.popular)
    assert account.recommended(trends.trending)[0] != "i77"
    trends.meet("i77", 15)
    assert account.recommended(trends.trending)[0] == "i77"
    assert account.recommended(trends.trending, userId="u1") == account.recommended(trends.trending)
    assert account.recommended(trends.popular) == popular


def test_a_new_item_can_trend_and_others_that_nobody_met_cannot(trends: Trends) -> None:
    account = trends.account
    items = account.dataset(trends.group, account.schema("items", shops.ITEMS), "Items", "items")
    for item in ("new", "unmet"):
        film = {"itemId": item, "properties": '{"genres": "new", "price": 1}'}
        account.events.put_items(datasetArn=items, items=[film])
    assert not {"new", "unmet"} & {*account.recommended(trends.trending, numResults=500)}
    trends.meet("new", 20)
    assert account.recommended(trends.trending)[0] == "new"
    made = account.personalize.create_filter(
        name="new", datasetGroupArn=trends.group, filterExpression='INCLUDE ItemID WHERE Items.GENRES IN ("new")'
    )
    account.active("filter", made["filterArn"])
    assert account.recommended(trends.trending, filterArn=made["filterArn"]) == ["new"]


def test_one_user_counts_once(trends: Trends) -> None:
    before = trends.account.recommended(trends.trending)
    for second in range(30):
        trends.meet("i88", 1, LATEST + second)
    assert "i88" not in before[:3]
    assert "i88" not in trends.account.recommended(trends.trending)[:2]


def test_what_trends_is_explained_by_its_heat_as_of_the_answer(trends: Trends, controls: Any) -> None:
    answer = trends.account.runtime.get_recommendations(campaignArn=trends.trending, numResults=10)
    explained = controls.explain(answer["recommendationId"])
    assert explained["same"]
    heat = [item["score"] for item in explained["items"]]
    assert heat == sorted(heat, reverse=True)
    for item in explained["items"]:
        assert {each["source"] for each in item["contributions"]} <= {"trend", "popularity"}
        assert sum(each["score"] for each in item["contributions"]) == pytest.approx(item["score"])
    trends.meet("i99", 25)
    assert controls.explain(answer["recommendationId"]) == explained
