"""Streamed records become rows by the schema, or are refused with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakepersonalize.datasets import live, schema
from fakepersonalize.datasets.live import Inlet, attributed
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.storage.streamed import Event

SENT: dict[str, Any] = {"eventType": "watch", "sentAt": 1_700_000_000.75, "itemId": "i1"}


def described(record: str, *fields: str) -> str:
    """Return a schema; a field is "NAME type", with a question mark behind the type where null is accepted."""
    pairs = [field.split() for field in fields]
    made: list[dict[str, Any]] = [{"name": n, "type": [t[:-1], "null"] if t.endswith("?") else t} for n, t in pairs]
    for field in made:
        field |= {"categorical": True} if field["name"].startswith("GENRE") else {}
        field |= {"textual": True} if field["name"] == "PLOT" else {}
    return json.dumps({"type": "record", "name": record, "fields": made})


def inlet(record: str, *fields: str) -> Inlet:
    return Inlet(7, schema.parse(described(record, *fields)))


def of_events(*further: str) -> Inlet:
    return inlet("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long", "EVENT_TYPE string", *further)


def put(into: Inlet, user: str | None = "u1", session: str = "s1", **sent: Any) -> Event:
    request = {"sessionId": session, "eventList": [SENT | sent]} | ({"userId": user} if user else {})
    (event,) = into.events(request)
    return event


def more(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(event.more)
    return found


def properties(**members: Any) -> str:
    return json.dumps(members)


# Members


def test_an_event_has_its_user_its_item_and_its_time_in_whole_seconds() -> None:
    assert put(of_events()) == Event(7, "u1", "s1", None, "i1", 1_700_000_000, "watch", "{}")


def test_an_event_without_a_user_belongs_to_its_session() -> None:
    event = put(of_events(), user=None, eventId="e1")
    assert (event.user, event.owner, event.id) == (None, "s1", "e1")


def test_a_session_called_null_has_no_effect_and_is_checked_all_the_same() -> None:
    request = {"sessionId": "null", "userId": "u1", "eventList": [SENT]}
    assert of_events().events(request) == []
    with pytest.raises(InvalidInputException):
        of_events().events(request | {"eventList": [SENT | {"properties": "[]"}]})


@pytest.mark.parametrize("key", ["itemId", "ITEM_ID", "itemid", "item_id"])
def test_the_item_may_stand_in_the_properties(key: str) -> None:
    sent = {name: value for name, value in SENT.items() if name != "itemId"} | {"properties": properties(**{key: "i9"})}
    (event,) = of_events().events({"sessionId": "s1", "eventList": [sent]})
    assert event.item == "i9"


@pytest.mark.parametrize(
    "sent",
    [
        {"itemId": "ITEM_ID"},
        {"eventType": "IMPRESSION"},
        {"user": "USER_ID"},
        {"user": None, "session": "USER_ID"},
        {"properties": '{"device": "EVENT_TYPE"}'},
    ],
)
def test_names_of_columns_are_no_values_because_no_import_would_take_them_back(sent: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputException, match="Invalid value for column") as refused:
        put(of_events("DEVICE string?"), **sent)
    assert refused.value.hint == schema.RESERVED


def test_names_of_columns_are_no_values_of_records_but_texts_may_be_theirs() -> None:
    films = inlet("Items", "ITEM_ID string", "GENRES string?", "PLOT string?")
    for id_, sent in (("ITEM_ID", {}), ("i1", {"genres": "CREATION_TIMESTAMP"})):
        with pytest.raises(InvalidInputException) as refused:
            films.record(id_, properties(**sent))
        assert refused.value.hint == schema.RESERVED
    assert films.record("item_id", properties(plot="ITEM_ID", genres="EVENT_TYPE"))


def test_where_the_schema_has_no_event_type_the_event_may_have_any() -> None:
    assert put(inlet("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long"), eventType="IMPRESSION")


def test_the_item_of_the_event_wins_over_that_of_its_properties() -> None:
    assert put(of_events(), properties=properties(itemId="i9")).item == "i1"


@pytest.mark.parametrize("given", [{}, {"itemId": ""}, {"itemId": "i" * 257}, {"itemId": None}, {"itemId": []}])
def test_an_event_needs_an_item(given: dict[str, Any]) -> None:
    sent = {name: value for name, value in SENT.items() if name != "itemId"} | {"properties": properties(**given)}
    with pytest.raises(InvalidInputException, match="itemId"):
        of_events().events({"sessionId": "s1", "eventList": [sent]})


def test_value_impression_and_origin_go_to_their_columns() -> None:
    into = of_events("EVENT_VALUE float?", "IMPRESSION string?", "RECOMMENDATION_ID string?")
    sent = {"eventValue": 2.5, "impression": ["a", "b"], "recommendationId": "RID-1"}
    assert more(put(into, **sent)) == {"EVENT_VALUE": 2.5, "IMPRESSION": "a|b", "RECOMMENDATION_ID": "RID-1"}


def test_columns_that_members_feed_need_not_list_null() -> None:
    into = of_events(
        "EVENT_VALUE float", "IMPRESSION string", "RECOMMENDATION_ID string", "EVENT_ATTRIBUTION_SOURCE string"
    )
    assert more(put(into)) == {}
    assert more(put(into, eventValue=2.5)) == {"EVENT_VALUE": 2.5}


@pytest.mark.parametrize("domain", [None, schema.ECOMMERCE, schema.VIDEO_ON_DEMAND])
def test_columns_that_members_feed_need_not_list_null_in_any_domain(domain: str | None) -> None:
    text = described(
        "Interactions",
        *(
            "USER_ID string",
            "ITEM_ID string",
            "TIMESTAMP long",
            "EVENT_TYPE string",
            "IMPRESSION string",
            "SHOP string",
        ),
    )
    into = Inlet(7, schema.parse(text, domain))
    assert more(put(into, properties=properties(shop="a"))) == {"SHOP": "a"}
    with pytest.raises(InvalidInputException, match="Column SHOP cannot be null"):
        put(into)


@pytest.mark.parametrize("name", ["SESSION_ID", "session_id", "SessionId"])
def test_a_column_of_sessions_takes_the_session_of_the_request(name: str) -> None:
    into = of_events(f"{name} string")
    assert more(put(into)) == {name: "s1"}
    assert more(put(into, user=None, session="s2")) == {name: "s2"}
    assert more(put(of_events(f"{name} long"), session="12")) == {name: 12}
    with pytest.raises(InvalidInputException, match="cannot contain the key sessionId"):
        put(into, properties=properties(sessionId="s3"))
    with pytest.raises(InvalidInputException, match="Invalid value for column"):
        put(into, session="USER_ID")


def test_a_column_of_event_ids_takes_the_one_of_the_event() -> None:
    into = of_events("EVENT_ID string?")
    assert more(put(into, eventId="e1", properties=properties(eventId="e2"))) == {"EVENT_ID": "e1"}
    assert more(put(into, properties=properties(eventId="e2"))) == {"EVENT_ID": "e2"}
    assert more(put(into)) == {}


def test_columns_of_dealings_take_the_members_of_each() -> None:
    more_columns = ("SESSION_ID string", "IMPRESSION string", "RECOMMENDATION_ID string")
    into = inlet(
        "Action_Interactions",
        "USER_ID string",
        "ACTION_ID string",
        "EVENT_TYPE string",
        "TIMESTAMP long",
        *more_columns,
    )
    sent = {"actionId": "a1", "userId": "u1", "sessionId": "s1", "eventType": "Taken", "timestamp": 1}
    (bare,), (full,) = (
        into.action_interactions([sent | further])
        for further in ({}, {"impression": ["a1", "a2"], "recommendationId": "RID-1"})
    )
    assert more(bare) == {"SESSION_ID": "s1"}
    assert more(full) == {"SESSION_ID": "s1", "IMPRESSION": "a1|a2", "RECOMMENDATION_ID": "RID-1"}


def test_where_an_event_came_from_is_kept_without_columns_for_it() -> None:
    event = put(
        of_events(),
        impression=["a"],
        recommendationId="RID-1",
        metricAttribution={"eventAttributionSource": "banner"},
        properties=properties(eventAttributionSource="properties", other=1),
        eventValue=3.0,
    )
    assert more(event) == {"IMPRESSION": "a", "RECOMMENDATION_ID": "RID-1", "EVENT_ATTRIBUTION_SOURCE": "banner"}


def test_the_value_may_stand_in_the_properties_as_a_number_or_its_text() -> None:
    into = of_events("EVENT_VALUE float")
    assert more(put(into, properties=properties(eventValue="4.5"))) == {"EVENT_VALUE": 4.5}
    assert more(put(into, properties=properties(eventValue=4))) == {"EVENT_VALUE": 4.0}
    assert live.value_of(put(into, properties=properties(eventValue=4), eventValue=5.0)) == 5.0


def test_an_event_of_more_than_ten_kilobytes_is_refused() -> None:
    with pytest.raises(InvalidInputException, match="10 KB"):
        put(of_events(), impression=["ü" * 256] * 25)


# Properties


@pytest.mark.parametrize(
    "text", ["", "x", '"{}"', "[]", "null", "1", "{", '{"a": NaN}', '{"a": "\\ud800"}', "[" * 900, '"{\\"a\\": 1}"']
)
def test_properties_are_the_text_of_one_object(text: str) -> None:
    with pytest.raises(InvalidInputException, match=r"^Error parsing properties json$"):
        put(of_events(), properties=text)


@pytest.mark.parametrize(
    "key", ["userId", "sessionId", "eventType", "timestamp", "recommendationId", "impression", "TIMESTAMP", "user_id"]
)
def test_what_is_a_member_of_the_event_is_refused_in_its_properties(key: str) -> None:
    with pytest.raises(InvalidInputException, match=key):
        put(of_events(), properties=properties(**{key: "x"}))


@pytest.mark.parametrize("key", ["numRatings", "NUM_RATINGS", "numratings", "num_ratings"])
def test_keys_are_columns_in_camel_case(key: str) -> None:
    assert more(put(of_events("NUM_RATINGS int"), properties=properties(**{key: 12}))) == {"NUM_RATINGS": 12}


def test_columns_keep_the_spelling_of_the_schema() -> None:
    assert more(put(of_events("memberClass string"), properties=properties(memberClass="x"))) == {"memberClass": "x"}


def test_keys_that_are_no_columns_are_ignored() -> None:
    assert put(of_events(), properties=properties(eventValue=1, nonsense=[{"a": 1}])).more == "{}"


@pytest.mark.parametrize(
    ("type_", "given", "kept"),
    [
        ("string", "x", "x"),
        ("string", 5, "5"),
        ("string", 5.5, "5.5"),
        ("string", True, "true"),
        ("string", 10**400, "1" + "0" * 400),
        ("string", "a\u0000b", "a\u0000b"),
        ("int", 5, 5),
        ("int", "-5", -5),
        ("int", 5.0, 5),
        ("int", 2**31 - 1, 2**31 - 1),
        ("long", str(-(2**63)), -(2**63)),
        ("float", 5, 5.0),
        ("float", "1e-3", 0.001),
        ("double", 1e300, 1e300),
        ("boolean", True, True),
        ("boolean", "false", False),
    ],
)
def test_values_are_taken_in_the_type_of_their_column(type_: str, given: Any, kept: Any) -> None:
    found = more(put(of_events(f"OWN {type_}"), properties=properties(own=given)))["OWN"]
    assert (found, type(found)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("type_", "given"),
    [
        ("string", ["a"]),
        ("string", {"a": 1}),
        ("string", "x" * 1001),
        ("int", 2**31),
        ("int", 5.5),
        ("int", "5.0"),
        ("int", "1_000"),
        ("int", True),
        ("int", "five"),
        ("long", 2**63),
        ("long", 10**4000),
        ("float", "x"),
        ("float", "nan"),
        ("float", "inf"),
        ("float", 1e39),
        ("float", False),
        ("double", 10**400),
        ("boolean", 1),
        ("boolean", "yes"),
        ("boolean", []),
    ],
)
@pytest.mark.parametrize("nullable", ["", "?"])
def test_values_of_no_such_type_are_refused(type_: str, given: Any, nullable: str) -> None:
    with pytest.raises(InvalidInputException, match=r"^Invalid value for column OWN\.$") as refusal:
        put(of_events(f"OWN {type_}{nullable}"), properties=properties(own=given))
    assert refusal.value.hint
    assert len(refusal.value.hint) < 200


@pytest.mark.parametrize("given", [{}, {"own": None}, {"own": ""}])
@pytest.mark.parametrize("type_", ["string", "int", "float", "boolean"])
def test_nothing_is_null_where_the_schema_accepts_that(type_: str, given: dict[str, Any]) -> None:
    assert more(put(of_events(f"OWN {type_}?"), properties=properties(**given))) == {}
    with pytest.raises(InvalidInputException, match="Column OWN cannot be null"):
        put(of_events(f"OWN {type_}"), properties=properties(**given))


def test_one_bad_event_refuses_its_call() -> None:
    with pytest.raises(InvalidInputException):
        of_events("OWN int").events(
            {
                "sessionId": "s",
                "eventList": [SENT | {"properties": '{"own": 1}'}, SENT | {"properties": '{"own": "x"}'}],
            }
        )


# Action interactions


def test_an_action_interaction_is_an_event_with_an_action() -> None:
    into = inlet("ActionInteractions", "USER_ID string", "ACTION_ID string", "EVENT_TYPE string", "TIMESTAMP long")
    sent = {"actionId": "a1", "sessionId": "s1", "timestamp": 5.0, "eventType": "Not Taken", "userId": "u1"}
    assert into.action_interactions([sent]) == [Event(7, "u1", "s1", None, "a1", 5, "Not Taken", "{}")]
    for type_ in ("TAKEN", "not_taken", "Viewed"):
        assert into.action_interactions([sent | {"eventType": type_}])[0].type == type_
    assert into.action_interactions([sent | {"sessionId": "null"}]) == []
    with pytest.raises(InvalidInputException, match="Clicked"):
        into.action_interactions([sent | {"eventType": "Clicked"}])
    with pytest.raises(InvalidInputException, match="userId"):
        into.action_interactions([sent | {"properties": '{"userId": "u"}'}])


# Items, users, actions


def test_a_record_has_the_columns_of_its_schema() -> None:
    into = inlet("Items", "ITEM_ID string", "GENRES string", "PRICE float?", "CREATION_TIMESTAMP long?")
    record = into.record(
        "i1", properties(genres="a|b", creationTimestamp=5, itemId="other", timestamp=1, eventType="x")
    )
    assert (record.dataset, record.id) == (7, "i1")
    assert json.loads(record.columns) == {"GENRES": "a|b", "CREATION_TIMESTAMP": 5}


def test_columns_that_events_have_of_their_own_are_plain_ones_elsewhere() -> None:
    into = inlet("Users", "USER_ID string", "AGE int", "EVENT_TYPE string?", "ITEM_ID string?")
    record = into.record("u1", properties(age=5, eventType="x", itemId="i1"))
    assert json.loads(record.columns) == {"AGE": 5, "EVENT_TYPE": "x", "ITEM_ID": "i1"}


def test_a_record_without_what_cannot_be_null_is_refused() -> None:
    into = inlet("Users", "USER_ID string", "AGE int")
    for given in (None, "{}"):
        with pytest.raises(InvalidInputException, match="AGE"):
            into.record("u1", given)


def test_a_long_text_is_cut_and_no_other_string() -> None:
    into = inlet("Items", "ITEM_ID string", "GENRES string?", "PLOT string?")
    assert len(json.loads(into.record("i1", properties(plot="x" * 25_000)).columns)["PLOT"]) == 20_000
    assert len(json.loads(into.record("i1", properties(plot="の" * 9_000)).columns)["PLOT"]) == 7_000
    with pytest.raises(InvalidInputException, match="GENRES"):
        into.record("i1", properties(genres="x" * 1_001))


def test_numbers_of_actions_have_ranges() -> None:
    into = inlet("Actions", "ACTION_ID string", "VALUE long?", "REPEAT_FREQUENCY long?")
    assert json.loads(into.record("a", properties(value=10, repeatFrequency=30)).columns)["VALUE"] == 10
    for given in ({"value": 11}, {"value": 0}, {"repeatFrequency": 31}):
        with pytest.raises(InvalidInputException, match="Invalid value"):
            into.record("a", properties(**given))


# What is learnt from


def event(item: str, user: str | None = "u", session: str = "s", id_: str | None = None, time: int = 1) -> Event:
    return Event(7, user, session, id_, item, time, "watch", "{}")


def items(events: list[Event]) -> list[tuple[str | None, str]]:
    return [(each.user, each.item) for each in events]


def test_of_events_with_one_id_and_of_equal_events_the_first_counts() -> None:
    first = [event("a", id_="1"), event("b", id_="2"), event("a", time=2), event("a", user="v")]
    again = [event("c", id_="1"), event("a", id_="3"), event("b"), event("a", user="v", session="other")]
    assert attributed([*first, *again]) == first


def test_sessions_become_those_of_their_first_user_and_others_are_left_out() -> None:
    events = [
        event("a", None, "linked"),
        event("b", None, "never"),
        event("c", "first", "linked"),
        event("d", "second", "linked"),
        event("e", None, "linked"),
    ]
    assert items(attributed(events)) == [("first", "a"), ("first", "c"), ("second", "d"), ("first", "e")]


def test_an_event_sent_before_and_after_the_login_counts_once() -> None:
    events = [event("a", None), event("a", "u"), event("b", "u")]
    assert items(attributed(events)) == [("u", "a"), ("u", "b")]
