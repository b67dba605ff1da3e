"""Reserved columns that do not list null: from a request to a dataset, an export, another dataset and a training."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import shops
from accounts import Account
from test_exports import exported, rows, text

# What AWS's own notebooks create: columns that members of PutEvents feed, as plain types.
EVENTS = shops.schema(
    "Interactions",
    "EVENT_TYPE string",
    "EVENT_VALUE float",
    "IMPRESSION string",
    "ITEM_ID string",
    "RECOMMENDATION_ID string",
    "SESSION_ID string",
    "EVENT_ATTRIBUTION_SOURCE string",
    "TIMESTAMP long",
    "USER_ID string",
)
DEALINGS = shops.schema(
    "Action_Interactions",
    "USER_ID string",
    "ACTION_ID string",
    "EVENT_TYPE string",
    "TIMESTAMP long",
    "SESSION_ID string",
    "IMPRESSION string",
    "RECOMMENDATION_ID string",
)
USERS = shops.schema("Users", "USER_ID string", "AGE int", "Active boolean")
ACTIONS = shops.schema(
    "Actions",
    "ACTION_ID string",
    "CREATION_TIMESTAMP long",
    "VALUE long",
    "TYPE string",
    "EXPIRATION_TIMESTAMP long",
    "REPEAT_FREQUENCY long",
)
AT = shops.START


def _category(name: str) -> dict[str, object]:
    return {"name": name, "type": "string", "categorical": True}


ITEMS = shops.schema("Items", "ITEM_ID string", _category("GENRES"), "PRICE float", "CREATION_TIMESTAMP long")
PLOT: dict[str, object] = {"name": "PRODUCT_DESCRIPTION", "type": "string", "textual": True}
GOODS = shops.schema(
    "Items",
    "ITEM_ID string",
    "PRICE float",
    *map(_category, ("CATEGORY_L1", "CATEGORY_L2", "CATEGORY_L3", "AGE_GROUP", "ADULT", "GENDER")),
    PLOT,
    "CREATION_TIMESTAMP long",
)
FILMS = shops.schema(
    "Items",
    "ITEM_ID string",
    "CREATION_TIMESTAMP long",
    *map(_category, ("GENRES", "GENRE_L2", "GENRE_L3", "CONTENT_OWNER", "CONTENT_CLASSIFICATION")),
    "PRICE float",
    "DURATION float",
    "AVERAGE_RATING float",
    PLOT,
)
VIEWERS = shops.schema("Users", "USER_ID string", _category("SUBSCRIPTION_MODEL"))


def _send_events(account: Account, group: str, dataset: str) -> None:
    tracker = account.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
    bare: dict[str, Any] = {"eventType": "click", "sentAt": AT, "itemId": "i1"}
    full: dict[str, Any] = bare | {
        "eventValue": 2.5,
        "impression": ["i1", "i2"],
        "recommendationId": "RID-1",
        "metricAttribution": {"eventAttributionSource": "banner"},
    }
    account.events.put_events(trackingId=tracker, userId="u1", sessionId="s1", eventList=[bare, full])
    account.events.put_events(trackingId=tracker, sessionId="s2", eventList=[bare])


def _send_dealings(account: Account, group: str, dataset: str) -> None:
    tracker = account.describe("dataset", dataset)["trackingId"]
    bare = {"actionId": "a1", "userId": "u1", "sessionId": "s1", "eventType": "Taken", "timestamp": AT}
    full = bare | {"sessionId": "s2", "impression": ["a1", "a2"], "recommendationId": "RID-1"}
    account.events.put_action_interactions(trackingId=tracker, actionInteractions=[bare, full])


def _put(operation: str, member: str, key: str, **properties: Any) -> Callable[[Account, str, str], None]:
    def send(account: Account, group: str, dataset: str) -> None:
        record = {key: "x1", "properties": json.dumps(properties)}
        getattr(account.events, operation)(datasetArn=dataset, **{member: [record]})

    return send


EVENT_ROWS = [
    ("click", "", "", "i1", "", "s1", "", str(AT), "u1"),
    ("click", "2.5", "i1|i2", "i1", "RID-1", "s1", "banner", str(AT), "u1"),
    ("click", "", "", "i1", "", "s2", "", str(AT), "s2"),
]
# The domain and type of a dataset; its schema, what puts rows and how an export shows them.
WAYS = {
    (None, "Interactions"): (EVENTS, _send_events, EVENT_ROWS),
    ("ECOMMERCE", "Interactions"): (EVENTS, _send_events, EVENT_ROWS),
    ("VIDEO_ON_DEMAND", "Interactions"): (EVENTS, _send_events, EVENT_ROWS),
    (None, "Action_Interactions"): (
        DEALINGS,
        _send_dealings,
        [("u1", "a1", "Taken", str(AT), "s1", "", ""), ("u1", "a1", "Taken", str(AT), "s2", "a1|a2", "RID-1")],
    ),
    (None, "Items"): (
        ITEMS,
        _put("put_items", "items", "itemId", genres="crime|noir", price=130, creationTimestamp=AT),
        [("x1", "crime|noir", "130", str(AT))],
    ),
    ("ECOMMERCE", "Items"): (
        GOODS,
        _put(
            "put_items",
            "items",
            "itemId",
            price=2.5,
            categoryL1="a|b",
            categoryL2="c",
            categoryL3="d",
            ageGroup="old",
            adult="no",
            gender="any",
            productDescription='a "small", fine thing',
            creationTimestamp=AT,
        ),
        [("x1", "2.5", "a|b", "c", "d", "old", "no", "any", 'a "small", fine thing', str(AT))],
    ),
    ("VIDEO_ON_DEMAND", "Items"): (
        FILMS,
        _put(
            "put_items",
            "items",
            "itemId",
            creationTimestamp=AT,
            genres="a|b",
            genreL2="c",
            genreL3="d",
            contentOwner="us",
            contentClassification="12",
            price=2.5,
            duration=90,
            averageRating=4.25,
            productDescription="a dog in space",
        ),
        [("x1", str(AT), "a|b", "c", "d", "us", "12", "2.5", "90", "4.25", "a dog in space")],
    ),
    (None, "Users"): (USERS, _put("put_users", "users", "userId", age=30, active=True), [("x1", "30", "true")]),
    ("VIDEO_ON_DEMAND", "Users"): (
        VIEWERS,
        _put("put_users", "users", "userId", subscriptionModel="yearly"),
        [("x1", "yearly")],
    ),
    (None, "Actions"): (
        ACTIONS,
        _put(
            "put_actions",
            "actions",
            "actionId",
            creationTimestamp=AT,
            value=5,
            type="mail",
            expirationTimestamp=AT + 1,
            repeatFrequency=7,
        ),
        [("x1", str(AT), "5", "mail", str(AT + 1), "7")],
    ),
}


@pytest.mark.parametrize(("domain", "type_"), WAYS)
def test_rows_come_back_from_an_export_and_an_import(account: Account, domain: str | None, type_: str) -> None:
    schema, send, wanted = WAYS[domain, type_]
    own = {"domain": domain} if domain else {}
    schema_arn = account.schema(type_.lower(), schema, **own)
    first, second = account.group("first", **own), account.group("second", **own)
    dataset = account.dataset(first, schema_arn, type_)
    send(account, first, dataset)
    header, *found = rows(account, dataset)
    assert header == tuple(field["name"] for field in json.loads(schema)["fields"])
    assert sorted(found) == sorted(wanted)
    (key,) = exported(account, dataset, "ALL", "again/")
    copy = account.dataset(second, schema_arn, type_)
    if type_ == "Interactions":  # whose imports need a thousand rows
        lines = text(account, key) + "".join(f"click,,,{i},,s,,{time},{u}\n" for u, i, time in shops.series())
        account.put(lines, key)
    job = account.import_rows(copy, f"s3://films-{account.number}/{key}", "again")
    assert job["status"] == "ACTIVE", job
    assert set(wanted) <= set(rows(account, copy, "BULK"))


def test_rows_that_lack_members_are_trained_on(account: Account) -> None:
    group = account.group()
    dataset = account.dataset(group, account.schema("events", EVENTS))
    imported = [("click", "", "", item, "", "s", "", time, user) for user, item, time in shops.series()]
    names = ",".join(field["name"] for field in json.loads(EVENTS)["fields"])
    assert account.import_rows(dataset, account.put(shops.csv(imported, names)))["status"] == "ACTIVE"
    tracker = account.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
    for user in range(60):
        event: dict[str, Any] = {"eventType": "click", "sentAt": AT + 10**8, "itemId": "favourite"}
        event |= {"impression": ["i1", "i2"], "eventValue": 1.0} if user % 2 else {}
        account.events.put_events(trackingId=tracker, userId=f"u{user}", sessionId=f"of {user}", eventList=[event])
    campaign = account.campaign(account.version(account.solution(group, "aws-popularity-count")))
    assert "favourite" in account.recommended(campaign, userId="u1", numResults=10)
