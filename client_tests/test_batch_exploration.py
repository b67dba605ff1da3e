"""Batch inference tries new items out as campaigns do: the same user gets the same list either way."""

from __future__ import annotations

import json
from typing import Any

import pytest
import shops
from accounts import Account
from batches import answered, parsed
from conftest import NewAccount

ROWS = shops.series()
ITEMS = shops.schema("Items", "ITEM_ID string", {"name": "GENRE", "type": ["null", "string"], "categorical": True})
NEW = [f"new{number}" for number in range(12)]
USERS = [f"u{number}" for number in range(60)] + ["nobody", "somebody"]
ENDED = max(time for _, _, time in ROWS)
PERSONAL, SECOND = "aws-user-personalization", "aws-user-personalization-v2"


class Explorer:
    """A shop with items that nobody has met, imported or put since the training, and a campaign of each version."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.group = account.shop(ROWS)
        dataset = account.dataset(self.group, account.schema("items", ITEMS), "Items", "items")
        listed = sorted({item for _, item, _ in ROWS} | {*NEW[:6]})
        account.import_rows(dataset, account.put(shops.csv([(i, "x") for i in listed], "ITEM_ID,GENRE"), "i.csv"), "i")
        self.versions = {each: account.version(account.solution(self.group, each, each)) for each in (PERSONAL, SECOND)}
        self.campaigns = {each: account.campaign(version, each) for each, version in self.versions.items()}
        tracker = account.personalize.create_event_tracker(name="t", datasetGroupArn=self.group)["trackingId"]
        for item in NEW[6:]:
            account.events.put_items(datasetArn=dataset, items=[{"itemId": item, "properties": json.dumps({})}])
        for user, item in (("somebody", "new7"), ("u1", "new8"), ("u2", "i30")):
            event = {"eventType": "click", "itemId": item, "sentAt": ENDED + 1}
            account.events.put_events(trackingId=tracker, sessionId=user, userId=user, eventList=[event])

    def batch(self, recipe: str, **more: Any) -> list[dict[str, Any]]:
        lines = [{"userId": user} for user in USERS]
        return [line["output"] for line in parsed(answered(self.account, self.versions[recipe], lines, **more))]

    def live(self, recipe: str, user: str, **more: Any) -> list[dict[str, Any]]:
        asked = {"campaignArn": self.campaigns[recipe], "userId": user} | more
        found: list[dict[str, Any]] = self.account.runtime.get_recommendations(**asked)["itemList"]
        return found


@pytest.fixture(scope="module")
def explorer(new_account: NewAccount) -> Explorer:
    return Explorer(new_account())


def configured(weight: str, days: str = "30") -> dict[str, Any]:
    return {
        "batchInferenceJobConfig": {
            "itemExplorationConfig": {"explorationWeight": weight, "explorationItemAgeCutOff": days}
        }
    }


def assert_same_scores(line: dict[str, Any], live: list[dict[str, Any]]) -> None:
    """Compare a line and an answer; they are equal but for the last digit, on which the order of ties may depend."""
    given = dict(zip(line["recommendedItems"], line["scores"], strict=True))
    expected = {item["itemId"]: item.get("score") for item in live}
    assert given.keys() == expected.keys()
    for item, score in expected.items():
        assert given[item] == (None if score is None else pytest.approx(score, rel=1e-5, abs=2e-7))


@pytest.mark.parametrize("recipe", [PERSONAL, SECOND])
@pytest.mark.parametrize("amount", [10, 500])
def test_each_user_gets_what_the_campaign_answers(explorer: Explorer, recipe: str, amount: int) -> None:
    for user, line in zip(USERS, explorer.batch(recipe, numResults=amount), strict=True):
        live = explorer.live(recipe, user, numResults=amount)
        assert_same_scores(line, live)
        if recipe == SECOND:
            reasons = dict(zip(line["recommendedItems"], line["reasons"], strict=True))
            assert reasons == {item["itemId"]: item.get("reason", []) for item in live}


def test_the_weight_says_how_much_is_tried_out(explorer: Explorer) -> None:
    def tried(weight: str) -> float:
        lines = explorer.batch(PERSONAL, numResults=500, **configured(weight))
        return sum(
            score for line in lines for item, score in zip(line["recommendedItems"], line["scores"]) if item in NEW
        )

    none, some, more = tried("0"), tried("0.3"), tried("1")
    assert none == 0 < some < more


def test_filters_choose_among_new_items_as_well(explorer: Explorer) -> None:
    made = explorer.account.personalize.create_filter(
        name="f", datasetGroupArn=explorer.group, filterExpression='INCLUDE ItemID WHERE Items.GENRE IN ("x")'
    )["filterArn"]
    explorer.account.active("filter", made)
    lines = explorer.batch(PERSONAL, numResults=500, filterArn=made)
    assert {item for line in lines for item in line["recommendedItems"]} & {*NEW} <= {*NEW[:6]}
    for user, line in list(zip(USERS, lines))[::10]:
        live = explorer.live(PERSONAL, user, numResults=500, filterArn=made)
        assert_same_scores(line, live)


def test_a_version_that_is_not_the_latest_knows_only_what_it_learnt(explorer: Explorer) -> None:
    account = explorer.account
    newer = account.version(account.arn(f"solution/{PERSONAL}"))
    assert newer != explorer.versions[PERSONAL]
    found = {item for line in explorer.batch(PERSONAL, numResults=500) for item in line["recommendedItems"]}
    assert not found & {*NEW}
