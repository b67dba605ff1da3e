"""Exploration: new items get a share of the answers, and only where it is asked for."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
import shops
from accounts import Account, until
from conftest import NewAccount

DAY = 86400
ROWS = shops.series(users=60, items=700, each=40)
LATEST = max(time for _, _, time in ROWS)
PERSONAL, PERSONAL_V2 = "aws-user-personalization", "aws-user-personalization-v2"
ITEMS = shops.schema(
    "Items",
    "ITEM_ID string",
    {"name": "GENRES", "type": ["null", "string"], "categorical": True},
    {"name": "CREATION_TIMESTAMP", "type": ["null", "long"]},
)
ITEMS_HEADER = "ITEM_ID,GENRES,CREATION_TIMESTAMP"
NEW, AGED = [f"new{number}" for number in range(10)], "aged"  # nobody has met them; the last one is 40 days old
_moments = itertools.count(1)


def weight(value: float, days: float = 30) -> dict[str, Any]:
    config = {"explorationWeight": str(value), "explorationItemAgeCutOff": str(days)}
    return {"campaignConfig": {"itemExplorationConfig": config}}


class Novelties:
    """A group whose known items are old, with ten new ones."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.known = {item for _, item, _ in ROWS}
        self.group = account.shop(ROWS, "novelties")
        rows = [(item, ("rare", "usual")[item[-2:] not in ("77", "88")], LATEST - 100 * DAY) for item in self.known]
        rows += [(item, "novel", LATEST) for item in NEW] + [(AGED, "novel", LATEST - 40 * DAY)]
        self.items = account.dataset(self.group, account.schema("items", ITEMS), "Items", "items")
        text = shops.csv(rows, ITEMS_HEADER)
        assert account.import_rows(self.items, account.put(text, "items.csv"), "items")["status"] == "ACTIVE"
        made = account.personalize.create_event_tracker(name="novelties", datasetGroupArn=self.group)
        self.tracking_id = made["trackingId"]
        self.solution = account.solution(self.group, PERSONAL, "personal")
        self.version = account.version(self.solution)
        self.campaigns: dict[tuple[float, float], str] = {}

    def campaign(self, value: float, days: float = 30) -> str:
        if (value, days) not in self.campaigns:
            name = f"w{value}-{days}".replace(".", "-")
            self.campaigns[value, days] = self.account.campaign(self.version, name, **weight(value, days))
        return self.campaigns[value, days]

    def answer(self, campaign: str, user: str, amount: int = 25, **asked: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.account.runtime.get_recommendations(
            campaignArn=campaign, userId=user, numResults=amount, **asked
        )
        return found

    def lists(self, campaign: str, users: int = 20, amount: int = 25) -> list[list[str]]:
        """Return what the known users, and then unknown ones, get."""
        return [self.account.recommended(campaign, userId=f"u{user}", numResults=amount) for user in range(users)]

    def put(self, item: str, **properties: Any) -> None:
        film = {"itemId": item, "properties": json.dumps(properties)}
        self.account.events.put_items(datasetArn=self.items, items=[film])

    def meet(self, user: str, item: str, times: int = 1, **more: Any) -> None:
        """Send events, each at a moment of its own before the latest one of the import."""
        for _ in range(times):
            event = {"eventType": "watch", "itemId": item, "sentAt": LATEST - next(_moments)} | more
            self.account.events.put_events(
                trackingId=self.tracking_id, sessionId=f"of {user}", userId=user, eventList=[event]
            )


@pytest.fixture(scope="module")
def novelties(new_account: NewAccount) -> Novelties:
    return Novelties(new_account())


def tried(lists: list[list[str]], items: list[str] = NEW) -> float:
    """Return the share of some items among what is recommended."""
    listed = [item in items for found in lists for item in found]
    return sum(listed) / len(listed)


def test_the_share_of_new_items_rises_with_the_weight(novelties: Novelties) -> None:
    none, usual, most = (tried(novelties.lists(novelties.campaign(value))) for value in (0, 0.3, 1))
    assert none == 0
    assert 0.01 < usual < most - 0.03


def test_the_usual_weight_is_three_tenths_of_thirty_days(novelties: Novelties) -> None:
    plain = novelties.account.campaign(novelties.version, "plain")
    assert tried(novelties.lists(plain)) > 0
    assert AGED not in set(itertools.chain(*novelties.lists(plain, 6, 500)))
    novelties.account.delete("campaign", plain)


def test_without_exploration_the_known_items_alone_come_with_scores_that_sum_to_one(novelties: Novelties) -> None:
    known = novelties.answer(novelties.campaign(0), "u1", 500)["itemList"]
    assert {item["itemId"] for item in known} <= novelties.known
    explored = novelties.answer(novelties.campaign(1), "u1", 500)["itemList"]
    common = [(item["itemId"], item["score"]) for item in explored if item["itemId"] in novelties.known]
    before = {item["itemId"]: item["score"] for item in known}
    assert [item for item, _ in common] == [item["itemId"] for item in known][: len(common)]
    factors = [score / before[item] for item, score in common[:10]]
    assert factors == pytest.approx([factors[0]] * 10, abs=1e-3)  # one factor for all, as it was seen
    assert 0.6 < factors[0] < 1
    total = sum(item["score"] for item in explored)
    assert 0.99 < total <= 1.0001


def test_the_same_call_has_the_same_answer_and_users_have_others(novelties: Novelties) -> None:
    first, again = (novelties.lists(novelties.campaign(0.3)) for _ in range(2))
    assert first == again
    assert len({tuple(sorted(set(found) & set(NEW))) for found in first}) > 3


def test_the_cut_off_is_counted_back_from_the_latest_interaction(novelties: Novelties) -> None:
    young, old = ({*itertools.chain(*novelties.lists(novelties.campaign(1, days)))} for days in (30, 50))
    assert AGED not in young
    assert AGED in old
    assert set(NEW) <= young
    novelties.account.delete("campaign", novelties.campaigns.pop((1, 50)))


def test_a_filter_holds_for_new_items_and_they_can_be_promoted(novelties: Novelties) -> None:
    made = novelties.account.personalize.create_filter(
        name="novel",
        datasetGroupArn=novelties.group,
        filterExpression='INCLUDE ItemID WHERE Items.GENRES IN ("novel")',
    )
    novelties.account.active("filter", made["filterArn"])
    campaign = novelties.campaign(1)
    items = novelties.answer(campaign, "u2", 5, filterArn=made["filterArn"])["itemList"]
    assert {item["itemId"] for item in items} < set(NEW)
    promotion = {"name": "new", "filterArn": made["filterArn"], "percentPromotedItems": 40}
    promoted = novelties.answer(campaign, "u3", 10, promotions=[promotion])["itemList"]
    assert sum("promotionName" in item for item in promoted) == 4
    assert all(item["itemId"] in NEW for item in promoted if "promotionName" in item)
    assert len({item["itemId"] for item in promoted}) == 10


def test_what_a_user_has_met_is_not_tried_out_on_them(novelties: Novelties) -> None:
    campaign = novelties.campaign(1)
    user, item = "u4", next(item for item in novelties.lists(campaign, 5)[4] if item in NEW)
    novelties.meet(user, item)
    assert item not in novelties.account.recommended(campaign, userId=user, numResults=500)


def test_a_new_item_is_a_candidate_as_soon_as_it_is_put(novelties: Novelties) -> None:
    campaign, relevant = novelties.campaign(1), novelties.campaign(0)
    assert tried(novelties.lists(campaign), ["put"]) == 0
    novelties.put("put", genres="novel", creationTimestamp=LATEST)
    assert tried(novelties.lists(campaign), ["put"]) > 0
    assert tried(novelties.lists(relevant, 6, 500), ["put"]) == 0
    novelties.put("put", genres="novel", creationTimestamp=LATEST - 31 * DAY)
    assert tried(novelties.lists(campaign, 6, 500), ["put"]) == 0


def test_a_new_item_is_a_candidate_as_soon_as_it_is_imported(novelties: Novelties) -> None:
    account, campaign, relevant = novelties.account, novelties.campaign(1), novelties.campaign(0)
    text = shops.csv([("imported", "novel", LATEST), ("old", "novel", LATEST - 31 * DAY)], ITEMS_HEADER)
    job = account.import_rows(novelties.items, account.put(text, "more.csv"), "more", importMode="INCREMENTAL")
    assert job["status"] == "ACTIVE", job
    assert tried(novelties.lists(campaign), ["imported"]) > 0
    assert tried(novelties.lists(campaign, 6, 500), ["old"]) == 0
    assert tried(novelties.lists(relevant, 6, 500), ["imported"]) == 0


def test_an_item_without_a_creation_time_is_new_until_it_has_been_met_long_ago(novelties: Novelties) -> None:
    campaign = novelties.campaign(1)
    novelties.put("timeless", genres="novel")
    assert tried(novelties.lists(campaign), ["timeless"]) > 0
    novelties.meet("somebody", "timeless", sentAt=LATEST - 31 * DAY)
    assert tried(novelties.lists(campaign, 6, 500), ["timeless"]) == 0


def test_an_item_that_was_only_met_is_a_candidate_too(novelties: Novelties) -> None:
    campaign = novelties.campaign(1)
    assert tried(novelties.lists(campaign, 6, 500), ["met"]) == 0
    novelties.meet("somebody", "met")
    assert tried(novelties.lists(campaign), ["met"]) > 0


def test_items_that_are_passed_over_are_tried_out_less(novelties: Novelties) -> None:
    campaign = novelties.campaign(1)
    before = tried(novelties.lists(campaign), ["new0"])
    novelties.meet("passer", "i3", 20, impression=["new0", "i3"])
    assert tried(novelties.lists(campaign), ["new0"]) < before / 2


def test_the_list_that_an_event_came_from_was_shown(novelties: Novelties) -> None:
    """The other items of the list were passed over; ids that nobody was told say nothing."""
    campaign = novelties.campaign(1)

    def score(item: str) -> float:
        answers = [novelties.answer(campaign, f"u{user}", 500)["itemList"] for user in range(6)]
        return sum(each["score"] for items in answers for each in items if each["itemId"] == item)

    answer = novelties.answer(campaign, "u50")
    item = next(each["itemId"] for each in answer["itemList"] if each["itemId"] in NEW)
    before = score(item)
    novelties.meet("passer", "i3", 20, recommendationId="RID-nobody-was-told-this-one")
    assert score(item) == pytest.approx(before, rel=0.2)
    novelties.meet("passer", "i3", 20, recommendationId=answer["recommendationId"])
    assert score(item) < before / 2


def test_only_the_newest_version_takes_new_items_in_by_itself(novelties: Novelties) -> None:
    account = novelties.account
    solution = account.solution(novelties.group, PERSONAL, "aging")
    campaign = account.campaign(account.version(solution), "aging", **weight(1))
    novelties.put("before", genres="novel", creationTimestamp=LATEST)
    assert tried(novelties.lists(campaign), ["before"]) > 0
    newest = account.version(solution)
    novelties.put("after", genres="novel", creationTimestamp=LATEST)
    assert tried(novelties.lists(campaign, 6, 500), ["after"]) == 0
    lists = novelties.lists(campaign, 6, 500)
    novelties.put("before", genres="other", creationTimestamp=LATEST)  # it changes its place among the items
    assert novelties.lists(campaign, 6, 500) == lists
    account.personalize.update_campaign(campaignArn=campaign, solutionVersionArn=newest)
    until(lambda: account.describe("campaign", campaign)["solutionVersionArn"] == newest)
    assert tried(novelties.lists(campaign), ["after"]) > 0
    account.delete("campaign", campaign)


# The recipe that explores by itself


@pytest.fixture(scope="module")
def second(novelties: Novelties) -> str:
    """A campaign of the second version of the recipe."""
    return novelties.account.deployed(novelties.group, PERSONAL_V2, "second-version")


def test_few_users_have_something_tried_out_and_are_told_so(novelties: Novelties, second: str) -> None:
    answers = [novelties.answer(second, f"u{user}", 50)["itemList"] for user in range(40)]
    told = [[item["itemId"] for item in items if item.get("reason") == ["Exploration"]] for items in answers]
    new = [[item["itemId"] for item in items if item["itemId"] not in novelties.known] for items in answers]
    assert told == new
    assert sum(map(bool, told)) <= 10  # one in forty is usual
    assert all("score" in item for items in answers for item in items)


def test_popular_items_without_score_fill_a_list_that_a_filter_empties(novelties: Novelties, second: str) -> None:
    made = novelties.account.personalize.create_filter(
        name="rare", datasetGroupArn=novelties.group, filterExpression='INCLUDE ItemID WHERE Items.GENRES IN ("rare")'
    )
    novelties.account.active("filter", made["filterArn"])
    items = novelties.answer(second, "u1", 25, filterArn=made["filterArn"])["itemList"]
    scored = [item for item in items if "score" in item]
    fillers = items[len(scored) :]
    assert fillers
    assert all(item.keys() == {"itemId", "reason"} and item["reason"] == ["Popular item"] for item in fillers)
    assert all("reason" not in item for item in scored)
    assert {item["itemId"] for item in items} == {item for item in novelties.known if item[-2:] in ("77", "88")}
    popular = shops.popular(ROWS)
    assert [item["itemId"] for item in fillers] == sorted((item["itemId"] for item in fillers), key=popular.index)


def test_scores_of_the_second_version_sum_to_one_over_those_that_have_one(novelties: Novelties, second: str) -> None:
    lists = [novelties.answer(second, f"u{user}", 500)["itemList"] for user in range(5)]
    plain = [items for items in lists if not any("reason" in item for item in items)]
    assert plain  # one user in forty has something tried out
    for items in plain:
        assert sum(item["score"] for item in items) == pytest.approx(1, abs=1e-4)


def test_what_was_tried_out_on_a_user_is_told_apart(novelties: Novelties, controls: Any) -> None:
    market = novelties.campaign(1)
    for user in ("u1", "u2", "somebody"):
        answer = novelties.answer(market, user, 500)
        novelties.put(f"after {user}", genres="novel", creationTimestamp=LATEST)  # what comes later takes no share
        novelties.meet("somebody", f"met after {user}")
        novelties.answer(market, user)
        explained = controls.explain(answer["recommendationId"])
        assert explained["same"]
        tried = set()
        for item, listed in zip(explained["items"], answer["itemList"], strict=True):
            assert item["itemId"] == listed["itemId"]
            assert item["score"] == pytest.approx(listed["score"], abs=1e-6)
            assert sum(each["score"] for each in item["contributions"]) == pytest.approx(item["score"], abs=1e-9)
            if any(each["source"] == "exploration" for each in item["contributions"]):
                tried.add(item["itemId"])
        assert tried
        assert not tried & novelties.known
