"""GetActionRecommendations: what a user is likely to do next of what a business asks for."""

from __future__ import annotations

from typing import Any

from accounts import refused
from conftest import Shop
from deeds import DAY, KNOWN, Deeds, number

SCORED = ["join", "app", "weekly"]


def test_users_are_told_apart_by_what_they_took(deeds: Deeds) -> None:
    for user in (f"u{code}" for code in range(20) if code % 6 != 5):
        scores = deeds.scores(userId=user)
        liked, other = ("join", "app") if number(user) % 2 == 0 else ("app", "join")
        assert 0.5 < scores[liked] <= 1
        assert scores[liked] > scores[other] + 0.2


def test_actions_descend_by_propensities_that_need_not_sum_to_one(deeds: Deeds) -> None:
    answer = deeds.answer()
    scores = [action["score"] for action in answer["actionList"]]
    assert all(action.keys() == {"actionId", "score"} for action in answer["actionList"])
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 and score == round(score, 7) for score in scores)
    assert sum(scores) > 1
    assert answer["recommendationId"].startswith("RID-")


def test_actions_without_events_score_nothing_and_the_more_valuable_comes_first(deeds: Deeds) -> None:
    assert deeds.scores()["read"] == deeds.scores()["visit"] == 0.0
    assert deeds.recommended()[-2:] == ["visit", "read"]
    assert set(deeds.recommended()[:3]) == set(SCORED)


def test_five_actions_come_unless_it_is_said_how_many(deeds: Deeds) -> None:
    arguments: dict[str, Any] = {"campaignArn": deeds.campaign, "userId": "u0"}
    assert len(deeds.account.runtime.get_action_recommendations(**arguments)["actionList"]) == 5
    assert deeds.recommended(numResults=2)[:1] == deeds.recommended()[:1]
    assert [len(deeds.recommended(numResults=amount)) for amount in (0, 1, 4)] == [0, 1, 4]
    with refused("InvalidInputException", "numResults", "100"):
        deeds.answer(numResults=101)


def test_actions_without_data_are_tried_out_on_some_users(deeds: Deeds) -> None:
    lists = {user: deeds.recommended(userId=user, numResults=3) for user in (f"u{code}" for code in range(60))}
    explored = [user for user, found in lists.items() if set(found) & {"read", "visit"}]
    assert 5 <= len(explored) <= 35
    assert all(not set(found[:2]) & {"read", "visit"} for found in lists.values())
    assert all(deeds.recommended(userId=user, numResults=3) == lists[user] for user in lists)
    assert {lists[user][-1] for user in explored} == {"read", "visit"}


def test_a_user_of_whom_nothing_is_known_gets_actions(deeds: Deeds) -> None:
    scores = deeds.scores(userId="nobody")
    assert set(scores) == {action for action, *_ in KNOWN} - {"over"}
    assert 0.2 < scores["join"] < 0.8


def test_expired_actions_never_come_until_their_time_is_put_off(deeds: Deeds) -> None:
    assert "over" not in deeds.recommended()
    deeds.put("over", expirationTimestamp=deeds.now + DAY)
    assert "over" in deeds.recommended()
    deeds.put("over", expirationTimestamp=deeds.now - DAY)
    assert "over" not in deeds.recommended()
    deeds.put("over")
    assert "over" in deeds.recommended()
    deeds.put("over", expirationTimestamp=1)


def test_what_is_repeated_weekly_is_left_out_for_a_week_after_any_event(deeds: Deeds) -> None:
    for type_ in ("Taken", "Viewed", "Not Taken"):
        user = f"of {type_}"
        assert "weekly" in deeds.recommended(userId=user)
        deeds.meet(user, "weekly", type_, ago=8 * DAY)
        assert "weekly" in deeds.recommended(userId=user)
        deeds.meet(user, "weekly", type_, ago=6 * DAY)
        assert "weekly" not in deeds.recommended(userId=user)
    deeds.meet("of join", "join")
    assert "join" in deeds.recommended(userId="of join")


def test_the_next_answer_knows_the_last_dealing_with_an_action(deeds: Deeds) -> None:
    before = deeds.scores(userId="new")
    for _ in range(3):
        deeds.meet("new", "app")
        deeds.meet("new", "join", "Not Taken")
    after = deeds.scores(userId="new")
    assert after["app"] > before["app"] + 0.1
    assert after["join"] < before["join"] - 0.1


def test_the_next_answer_knows_the_last_item(deeds: Deeds) -> None:
    before = deeds.scores(userId="browser")
    event = {"eventType": "watch", "itemId": "i20", "sentAt": deeds.now}
    deeds.account.events.put_events(trackingId=deeds.tracker, sessionId="s", userId="browser", eventList=[event])
    assert deeds.scores(userId="browser") != before


def test_a_session_is_a_user_while_it_is_anonymous(deeds: Deeds) -> None:
    before = deeds.scores(userId="visit-1")
    event = {"actionId": "app", "sessionId": "visit-1", "eventType": "Taken", "timestamp": deeds.now}
    deeds.account.events.put_action_interactions(trackingId=deeds.tracking_id, actionInteractions=[event])
    assert deeds.scores(userId="visit-1") != before


def test_a_new_action_is_a_candidate_at_once(deeds: Deeds) -> None:
    deeds.put("brand new", value=10, kind="shop")
    assert deeds.scores()["brand new"] == 0.0
    deeds.put("brand new", expirationTimestamp=1)


def test_filters_choose_by_columns_of_actions_and_by_events(deeds: Deeds) -> None:
    club = deeds.filter('INCLUDE ActionID WHERE Actions.KIND IN ("club")', "club")
    assert set(deeds.recommended(filterArn=club)) == {"join", "weekly"}
    given = deeds.filter("EXCLUDE ActionID WHERE Actions.KIND IN ($KIND)", "given")
    assert {"join", "read"}.isdisjoint(
        deeds.recommended(filterArn=given, filterValues={"KIND": '"club","mail"'}, userId="u1")
    )
    taken = deeds.filter('EXCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ("TAKEN")', "taken")
    assert "read" in deeds.recommended(filterArn=taken, userId="filtered")
    deeds.meet("filtered", "read", "Viewed")
    assert "read" in deeds.recommended(filterArn=taken, userId="filtered")
    deeds.meet("filtered", "read")
    assert "read" not in deeds.recommended(filterArn=taken, userId="filtered")
    imported = deeds.recommended(filterArn=taken, userId="u0")
    assert "join" not in imported
    assert "app" in imported


def test_new_metadata_of_an_action_count_at_once_in_filters(deeds: Deeds) -> None:
    shop = deeds.filter('INCLUDE ActionID WHERE Actions.KIND IN ("moved")', "moved")
    assert deeds.recommended(filterArn=shop) == []
    deeds.put("visit", value=9, kind="moved")
    assert deeds.recommended(filterArn=shop) == ["visit"]
    deeds.put("visit", value=9, kind="shop")


# What is refused


def test_a_user_is_needed(deeds: Deeds) -> None:
    for asked in ({}, {"userId": ""}):
        with refused("InvalidInputException", "Required fields for the provided recipe are userId"):
            deeds.account.runtime.get_action_recommendations(campaignArn=deeds.campaign, **asked)


def test_a_campaign_of_actions_is_needed(deeds: Deeds, shop: Shop) -> None:
    with refused("InvalidInputException"):
        deeds.account.runtime.get_action_recommendations(userId="u0")
    arn = deeds.account.arn("campaign/none")
    with refused("InvalidInputException", arn):
        deeds.answer(campaignArn=arn)
    arn = deeds.account.arn("recommender/none")
    with refused("InvalidInputException", f"The given campaign ARN is invalid: {arn}"):
        deeds.answer(campaignArn=arn)
    with refused("InvalidInputException", "GetActionRecommendations"):
        shop.account.runtime.get_action_recommendations(campaignArn=shop.campaigns["aws-sims"], userId="u0")
    with refused("InvalidInputException", "GetRecommendations"):
        deeds.account.recommended(deeds.campaign, userId="u0")
    with refused("InvalidInputException", "GetPersonalizedRanking"):
        deeds.account.runtime.get_personalized_ranking(campaignArn=deeds.campaign, userId="u0", inputList=["i1"])


def test_filters_of_items_are_refused_and_unknown_ones_not_found(deeds: Deeds) -> None:
    arn = deeds.account.arn("filter/none")
    with refused("InvalidInputException", arn):
        deeds.answer(filterArn=arn)
    items = deeds.filter('EXCLUDE ItemID WHERE Items.GENRES IN ("drama")', "items")
    with refused("InvalidInputException", "ActionID"):
        deeds.answer(filterArn=items)


def test_limits_of_texts_hold(deeds: Deeds) -> None:
    with refused("InvalidInputException", "'userId'"):
        deeds.answer(userId="u" * 257)
    with refused("InvalidInputException", "'campaignArn'"):
        deeds.answer(campaignArn="campaign")


def test_pinned_actions_are_answered_under_filters(deeds: Deeds, controls: Any) -> None:
    clubs = deeds.filter('INCLUDE ActionID WHERE Actions.KIND IN ("club")', "pinned-clubs")
    controls.pin(deeds.campaign, user="u77", items=["read", "weekly", "join"])
    assert deeds.recommended(userId="u77", numResults=2) == ["read", "weekly"]
    assert deeds.recommended(userId="u77", filterArn=clubs) == ["weekly", "join"]
    assert controls.unpin(deeds.campaign) == 1
    assert deeds.recommended(userId="u77") != ["read", "weekly", "join"]
