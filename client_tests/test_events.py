"""Streamed records: the next answer knows the last event, and a training learns from all of them."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
import shops
from accounts import RELEVANCE_ALONE, Account, refused
from conftest import NewAccount

NOW = shops.START + 10_000_000  # behind every imported row
PERSONAL = "aws-user-personalization"
INTERACTIONS = shops.schema(
    "Interactions",
    "USER_ID string",
    "ITEM_ID string",
    "TIMESTAMP long",
    {"name": "EVENT_TYPE", "type": "string"},
    {"name": "EVENT_VALUE", "type": ["float", "null"]},
    {"name": "NUM_RATINGS", "type": ["int", "null"]},
)
ACTIONS = shops.schema("Actions", "ACTION_ID string", {"name": "VALUE", "type": ["long", "null"]})
ACTION_INTERACTIONS = shops.schema(
    "ActionInteractions", "USER_ID string", "ACTION_ID string", "EVENT_TYPE string", "TIMESTAMP long"
)
numbers = itertools.count()


def rows(prefix: str = "", type_: str = "watch") -> str:
    """Return the series of `shops` as a file with types of events."""
    found = [(*row, type_, "", "") for row in shops.series(prefix=prefix)]
    return shops.csv(found, f"{shops.HEADER},EVENT_TYPE,EVENT_VALUE,NUM_RATINGS")  # type: ignore[arg-type]


class Channel:
    """A dataset group that takes events."""

    def __init__(self, account: Account, text: str | None = None) -> None:
        self.account = account
        self.group = account.group()
        self.dataset = account.dataset(self.group, account.schema(text=INTERACTIONS))
        if text is not None:
            self.load(text, "first")
        made = account.personalize.create_event_tracker(name="tracker", datasetGroupArn=self.group)
        self.tracker, self.id = made["eventTrackerArn"], made["trackingId"]

    def load(self, text: str, name: str, **more: Any) -> None:
        job = self.account.import_rows(self.dataset, self.account.put(text), name, **more)
        assert job["status"] == "ACTIVE", job

    def put(self, *items: str, session: str = "session", user: str | None = None, **more: Any) -> None:
        """Send one event for each item, a second apart."""
        for item in items:
            event = {"eventType": "watch", "itemId": item, "sentAt": NOW + next(numbers)} | more
            self.send([event], session, user)

    def send(self, events: list[dict[str, Any]], session: str = "session", user: str | None = None) -> None:
        named = {"userId": user} if user else {}
        self.account.events.put_events(trackingId=self.id, sessionId=session, eventList=events, **named)

    def deployed(self, name: str, recipe: str = PERSONAL, **more: Any) -> str:
        return self.account.deployed(self.group, recipe, name, **more)


@pytest.fixture(scope="module")
def channel(new_account: NewAccount) -> Channel:
    """A group with rows; tests put events of users and sessions of their own."""
    return Channel(new_account(), rows())


@pytest.fixture(scope="module")
def campaign(channel: Channel) -> str:
    return channel.deployed("films")


@pytest.fixture
def user() -> str:
    """Somebody whom nobody knows."""
    return f"new{next(numbers)}"


def top(channel: Channel, campaign: str, user: str, amount: int = 3) -> list[str]:
    return channel.account.recommended(campaign, userId=user, numResults=amount)


def following(item: str, items: list[str]) -> bool:
    """Say whether the items are those that come next in the series."""
    ahead = [int(each.removeprefix("i")) - int(item.removeprefix("i")) for each in items]
    return bool(items) and all(0 < steps <= 10 for steps in ahead)


# What the next answer knows


def test_a_new_user_gets_popular_items_until_the_first_event(channel: Channel, campaign: str, user: str) -> None:
    popular = top(channel, campaign, user)
    assert popular == top(channel, campaign, "nobody")
    channel.put("i50", user=user)
    assert following("i50", top(channel, campaign, user))
    channel.put("i80", user=user)
    assert following("i80", top(channel, campaign, user))
    assert top(channel, campaign, "nobody") == popular


def test_a_known_user_goes_on_from_the_last_event(channel: Channel, campaign: str) -> None:
    seen = shops.histories(shops.series())["u5"]
    last = next(f"i{n}" for n in range(30, 140) if not {f"i{n + step}" for step in range(10)} & set(seen))
    before, other = top(channel, campaign, "u5"), top(channel, campaign, "u6")
    assert not following(last, before)
    channel.put(last, user="u5")
    assert following(last, top(channel, campaign, "u5"))
    assert top(channel, campaign, "u6") == other


def test_what_was_watched_is_not_recommended_where_nobody_repeats(channel: Channel, campaign: str, user: str) -> None:
    channel.put("i50", "i51", "i52", user=user)
    assert not {"i50", "i51", "i52"} & set(channel.account.recommended(campaign, userId=user))


def test_a_session_is_a_user_while_it_is_anonymous(channel: Channel, campaign: str, user: str) -> None:
    session = f"session-of-{user}"
    channel.put("i60", session=session)
    assert following("i60", top(channel, campaign, session))
    channel.put("i90", session=session, user=user)
    assert following("i90", top(channel, campaign, user))
    assert not following("i90", top(channel, campaign, session))


def test_at_a_training_a_session_goes_to_its_first_user_and_others_are_forgotten(
    channel: Channel, campaign: str, user: str
) -> None:
    loose, linked, late = (f"{name}-{user}" for name in ("loose", "linked", "late"))
    channel.put("i60", session=loose)
    channel.put("i70", "i90", session=linked, sentAt=NOW - 500)
    channel.put("i30", session=linked, user=user, sentAt=NOW - 1000)
    channel.put("i40", session=linked, user=late)
    assert following("i30", top(channel, campaign, user))  # until then the session is on its own
    trained = channel.deployed(f"sessions-{user}")
    popular = top(channel, trained, "nobody")
    assert top(channel, trained, loose) == top(channel, trained, linked) == popular
    assert following("i90", top(channel, trained, user, 1)) or following("i70", top(channel, trained, user, 1))
    assert following("i40", top(channel, trained, late))
    channel.put("i80", session=loose)
    assert following("i80", top(channel, trained, loose))
    channel.account.delete("campaign", trained)


def test_from_a_training_on_filters_know_what_a_user_did_before_the_session_had_the_name(
    new_account: NewAccount,
) -> None:
    channel = Channel(new_account(), rows())
    channel.put("i70", session="anonymous")
    channel.put("i71", session="anonymous", user="named")
    channel.put("i72", session="of somebody else")
    expression = 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")'
    seen = channel.account.personalize.create_filter(
        name="seen", datasetGroupArn=channel.group, filterExpression=expression
    )["filterArn"]
    channel.account.active("filter", seen)
    campaign = channel.deployed("joined")
    channel.put("i73", session="anonymous")  # which nobody knows to be theirs until the next training
    assert set(channel.account.recommended(campaign, userId="named", filterArn=seen)) == {"i70", "i71"}


def test_history_is_ordered_by_the_time_of_events_not_by_their_arrival(
    channel: Channel, campaign: str, user: str
) -> None:
    channel.put("i50", user=user)
    channel.put("i90", user=user, sentAt=NOW - 500)
    assert following("i50", top(channel, campaign, user, 1))


def test_all_events_of_a_call_count(channel: Channel, campaign: str, user: str) -> None:
    items = [f"i{n}" for n in range(40, 50)]
    channel.send([{"eventType": "watch", "itemId": item, "sentAt": NOW + int(item[1:])} for item in items], user=user)
    assert following("i49", top(channel, campaign, user))
    assert not set(items) & set(channel.account.recommended(campaign, userId=user, numResults=100))


def test_repeated_events_count_once(channel: Channel, campaign: str, user: str) -> None:
    channel.put("i50", user=user, eventId=f"id-{user}")
    known = top(channel, campaign, user, 100)
    channel.put("i90", user=user, eventId=f"id-{user}")
    assert top(channel, campaign, user, 100) == known


def test_an_item_that_the_model_does_not_know_changes_nothing(channel: Channel, campaign: str, user: str) -> None:
    channel.put("i50", user=user)
    known = top(channel, campaign, user, 100)
    channel.put("brand-new", user=user)
    assert top(channel, campaign, user, 100) == known


def test_a_session_called_null_is_accepted_and_has_no_effect(channel: Channel, campaign: str, user: str) -> None:
    channel.put("i50", session="null", user=user)
    assert top(channel, campaign, user) == top(channel, campaign, "nobody")


@pytest.mark.parametrize(
    ("recipe", "asked"),
    [("aws-popularity-count", {}), ("aws-sims", {"itemId": "i40"}), ("aws-similar-items", {"itemId": "i40"})],
)
def test_recipes_that_do_not_react_wait_for_a_training(
    channel: Channel, recipe: str, asked: dict[str, str], user: str
) -> None:
    arn = channel.deployed(f"{recipe}-{channel.account.number}", recipe)
    before = channel.account.recommended(arn, userId=user, **asked)
    channel.put("i40", "i41", user=user)
    assert channel.account.recommended(arn, userId=user, **asked) == before


def test_a_solution_of_one_type_of_events_knows_only_those(channel: Channel, user: str) -> None:
    arn = channel.deployed("watched", eventType="Watch")
    channel.put("i50", user=user)
    known = top(channel, arn, user, 100)
    assert following("i50", known[:3])
    channel.put("i90", user=user, eventType="click")
    assert top(channel, arn, user, 100) == known


# What a training learns


def test_a_training_takes_imported_and_streamed_rows_together(new_account: NewAccount) -> None:
    channel = Channel(new_account(), rows())
    first = channel.deployed("first")
    for user in range(30):
        channel.put("i50", f"novelty{user % 3}", "i52", user=f"v{user}")
    channel.put("i50", session="login")
    channel.put("i77", session="login", user="linked")
    channel.put("i50", session="never")
    assert "novelty1" not in channel.account.recommended(first, userId="u1", numResults=500)
    assert following("i50", top(channel, first, "never"))
    second = channel.deployed("second")
    assert "novelty1" in channel.account.recommended(second, userId="u1", numResults=500)
    # The session has become the user's: both items were seen. The other one was dropped.
    assert not {"i50", "i77"} & set(channel.account.recommended(second, userId="linked", numResults=25))
    popular = top(channel, second, "nobody")
    assert top(channel, second, "linked") != popular
    assert top(channel, second, "login") == top(channel, second, "never") == popular
    # Who asks the older model still gets what it knew, and events go on counting for both.
    assert following("i50", top(channel, first, "never"))
    channel.put("i110", session="never")
    assert following("i110", top(channel, first, "never"))
    assert following("i110", top(channel, second, "never"))


def test_streamed_rows_alone_are_enough_and_the_minima_count_them(new_account: NewAccount) -> None:
    channel = Channel(new_account())
    solution = channel.account.solution(channel.group, PERSONAL)
    assert channel.account.train(solution)["failureReason"].startswith("Dataset has fewer than 1000 interactions")
    series = shops.series()
    for start in range(0, len(series), 10):
        by_user = itertools.groupby(series[start : start + 10], lambda row: row[0])
        for name, of_user in by_user:
            events = [{"eventType": "watch", "itemId": item, "sentAt": time} for _, item, time in of_user]
            channel.send(events, user=name)
    campaign = channel.account.campaign(channel.account.version(solution))
    seen = shops.histories(series)["u7"]
    assert not set(seen) & set(channel.account.recommended(campaign, userId="u7"))
    assert len(channel.account.recommended(campaign, userId="u7", numResults=500)) == len({row[1] for row in series})


def test_a_full_import_keeps_what_was_streamed(new_account: NewAccount) -> None:
    channel = Channel(new_account(), rows())
    for user in range(5):
        channel.put("i50", "streamed", user=f"v{user}")
    channel.load(rows("other-"), "again", importMode="FULL")
    campaign = channel.deployed("after")
    items = channel.account.recommended(campaign, userId="nobody", numResults=500)
    assert {"i50", "streamed"} <= set(items)
    assert "i51" not in items


def test_deleting_the_tracker_ends_the_stream_and_keeps_the_events(new_account: NewAccount) -> None:
    channel = Channel(new_account(), rows())
    campaign = channel.deployed("films")
    channel.put("i50", user="new")
    channel.account.delete("event_tracker", channel.tracker)
    with refused("InvalidInputException", channel.id):
        channel.put("i90", user="new")
    assert following("i50", top(channel, campaign, "new"))


def test_deleting_the_dataset_removes_the_events_and_no_solution_version(new_account: NewAccount) -> None:
    channel = Channel(new_account(), rows())
    account, campaign = channel.account, channel.deployed("films")
    version = account.describe("campaign", campaign)["solutionVersionArn"]
    popular = top(channel, campaign, "new")
    channel.put("i50", user="new")
    assert top(channel, campaign, "new") != popular
    account.delete("event_tracker", channel.tracker)
    account.delete("campaign", campaign)
    account.delete("dataset", channel.dataset)
    assert account.dataset(channel.group, account.arn("schema/interactions")) == channel.dataset
    made = account.personalize.create_event_tracker(name="another", datasetGroupArn=channel.group)
    channel.tracker, channel.id = made["eventTrackerArn"], made["trackingId"]
    assert account.campaign(version, "films", campaignConfig=RELEVANCE_ALONE) == campaign
    assert top(channel, campaign, "new") == popular
    channel.put("i50", user="new")
    assert following("i50", top(channel, campaign, "new"))


# What is accepted and what is refused

EVENT: dict[str, Any] = {"eventType": "watch", "itemId": "i1", "sentAt": NOW}


@pytest.mark.parametrize(
    "more",
    [
        {"properties": json.dumps({"numRatings": "5", "eventValue": 3, "unknown": [1]})},
        {"eventValue": 5.0, "recommendationId": "RID-279bc670-9f3a-4633-b670-1183fd50c323"},
        {"impression": ["i1", "i2"], "metricAttribution": {"eventAttributionSource": "a banner"}},
        {"sentAt": 0},
        {"sentAt": NOW * 2},
    ],
)
def test_events_with_everything_are_accepted(channel: Channel, more: dict[str, Any]) -> None:
    channel.send([EVENT | more])


def test_an_item_may_stand_in_the_properties(channel: Channel, campaign: str, user: str) -> None:
    sent = {"eventType": "watch", "sentAt": NOW, "properties": json.dumps({"itemId": "i50", "eventValue": 3})}
    channel.send([sent], user=user)
    assert following("i50", top(channel, campaign, user))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"properties": '"{}"'}, "Error parsing properties json"),
        ({"properties": "nothing"}, "Error parsing properties json"),
        ({"properties": '{"timestamp": 5}'}, "timestamp"),
        ({"properties": '{"numRatings": "many"}'}, "NUM_RATINGS"),
        ({"properties": json.dumps({"a": "x" * 1020})}, "'eventList.2.member.properties'"),
        ({"itemId": "i" * 257}, "itemId"),
        ({"impression": [f"{n}" for n in range(26)]}, "impression"),
        ({"impression": ["ü" * 256] * 25}, "10 KB"),
        ({"recommendationId": "r" * 41}, "recommendationId"),
        ({"metricAttribution": {"eventAttributionSource": " "}}, "eventAttributionSource"),
    ],
)
def test_one_bad_event_refuses_the_whole_call(
    channel: Channel, campaign: str, user: str, more: dict[str, Any], said: str
) -> None:
    with refused("InvalidInputException", said):
        channel.send([EVENT | {"itemId": "i50"}, EVENT | more], user=user)
    assert top(channel, campaign, user) == top(channel, campaign, "nobody")


def test_an_event_needs_an_item(channel: Channel) -> None:
    with refused("InvalidInputException", "itemId"):
        channel.send([{"eventType": "watch", "sentAt": NOW}])


def test_at_most_ten_events_are_sent_at_once(channel: Channel) -> None:
    channel.send([EVENT] * 10)
    with refused("InvalidInputException", "eventList"):
        channel.send([EVENT] * 11)


def test_an_unknown_tracking_id_is_refused_and_so_is_that_of_another_account(
    channel: Channel, new_account: NewAccount
) -> None:
    for account, id_ in ((channel.account, "unknown"), (new_account(), channel.id)):
        with refused("InvalidInputException", id_):
            account.events.put_events(trackingId=id_, sessionId="s", eventList=[EVENT])


# Items, users and actions


@pytest.fixture(scope="module")
def catalogue(new_account: NewAccount) -> tuple[Account, dict[str, str]]:
    """An account, and a dataset of each of the other types by the operations that fill them."""
    account = new_account()
    group = account.group()
    made = {
        "items": account.dataset(group, account.schema("items", shops.ITEMS), "Items"),
        "users": account.dataset(group, account.schema("users", shops.USERS), "Users"),
        "actions": account.dataset(group, account.schema("actions", ACTIONS), "Actions"),
    }
    return account, made


GOOD = {"items": {"genres": "a|b", "price": "5"}, "users": {"age": 5}, "actions": {}}


def put_records(account: Account, kind: str, arn: str, *given: dict[str, Any], many: int = 1) -> None:
    member = f"{kind.removesuffix('s')}Id"
    records = [{member: f"x{n}", "properties": json.dumps(each)} for n, each in enumerate(given * many)]
    getattr(account.events, f"put_{kind}")(datasetArn=arn, **{kind: records})


@pytest.mark.parametrize("kind", GOOD)
def test_records_are_accepted_again_and_again(catalogue: tuple[Account, dict[str, str]], kind: str) -> None:
    account, datasets = catalogue
    put_records(account, kind, datasets[kind], GOOD[kind], many=10)
    put_records(account, kind, datasets[kind], GOOD[kind])
    with refused("InvalidInputException", kind):
        put_records(account, kind, datasets[kind], GOOD[kind], many=11)


@pytest.mark.parametrize(
    ("kind", "given", "column"),
    [
        ("items", {"genres": "a"}, "PRICE"),
        ("items", {"genres": "a", "price": "cheap"}, "PRICE"),
        ("users", {"age": None}, "AGE"),
        ("users", {"age": 5.5}, "AGE"),
        ("actions", {"value": 11}, "VALUE"),
    ],
)
def test_a_record_that_breaks_the_schema_is_refused(
    catalogue: tuple[Account, dict[str, str]], kind: str, given: dict[str, Any], column: str
) -> None:
    account, datasets = catalogue
    with refused("InvalidInputException", column):
        put_records(account, kind, datasets[kind], GOOD[kind], given)


@pytest.mark.parametrize("kind", GOOD)
def test_records_go_to_datasets_of_their_type(catalogue: tuple[Account, dict[str, str]], kind: str) -> None:
    account, datasets = catalogue
    for other in GOOD.keys() - {kind}:
        with refused("InvalidInputException", other.upper()):
            put_records(account, kind, datasets[other], GOOD[kind])
    with refused("ResourceNotFoundException", "dataset/none/ITEMS"):
        put_records(account, kind, account.arn("dataset/none/ITEMS"), GOOD[kind])
    with refused("InvalidInputException", "campaign/none"):
        put_records(account, kind, account.arn("campaign/none"), GOOD[kind])


@pytest.mark.parametrize("mode", ["socket"], indirect=True)
def test_a_dataset_that_is_not_active_takes_no_records(slow_accounts: NewAccount) -> None:
    account = slow_accounts()
    group = account.group()
    schema = account.schema("items", shops.ITEMS)
    made = account.personalize.create_dataset(
        name="rows", datasetGroupArn=group, schemaArn=schema, datasetType="Items"
    )["datasetArn"]
    with refused("ResourceInUseException", made):
        put_records(account, "items", made, GOOD["items"])
    account.active("dataset", made)
    put_records(account, "items", made, GOOD["items"])


def test_action_interactions_go_to_the_tracker_of_their_dataset(account: Account) -> None:
    group = account.group()
    arn = account.dataset(group, account.schema("actions", ACTION_INTERACTIONS), "Action_Interactions")
    sent = {"actionId": "a1", "sessionId": "s1", "timestamp": NOW, "eventType": "Taken", "userId": "u1"}
    id_ = account.describe("dataset", arn)["trackingId"]
    account.events.put_action_interactions(trackingId=id_, actionInteractions=[sent] * 10)
    with refused("InvalidInputException", "Clicked"):
        account.events.put_action_interactions(
            trackingId=id_, actionInteractions=[sent, sent | {"eventType": "Clicked"}]
        )
    with refused("InvalidInputException", id_):
        account.events.put_events(trackingId=id_, sessionId="s", eventList=[EVENT])
    account.dataset(group, account.schema("rows"))
    tracker = account.personalize.create_event_tracker(name="tracker", datasetGroupArn=group)["trackingId"]
    with refused("InvalidInputException", tracker):
        account.events.put_action_interactions(trackingId=tracker, actionInteractions=[sent])
    account.delete("dataset", arn)
    with refused("InvalidInputException", id_):
        account.events.put_action_interactions(trackingId=id_, actionInteractions=[sent])
