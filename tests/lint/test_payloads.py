from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import shops

from fakepersonalize.datasets import schema
from fakepersonalize.lint import payloads
from fakepersonalize.lint.findings import Finding

EVENTS = schema.parse(shops.EVENTS)
GOOD = {"eventType": "watch", "itemId": "i1", "sentAt": 1_700_000_000}


@pytest.fixture
def found(tmp_path: Path) -> Any:
    def check(*bodies: object, operation: str = "PutEvents", of: schema.Schema = EVENTS) -> list[Finding]:
        file = tmp_path / "requests.json"
        texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
        file.write_text("\n".join(texts), "utf-8")
        return list(payloads.check(file, operation, of))

    return check


def request(*events: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"trackingId": "t", "sessionId": "s", "userId": "u", "eventList": list(events)} | more


PAINS: dict[str, tuple[dict[str, Any], str]] = {
    "properties encoded twice": ({"properties": json.dumps(json.dumps({"a": 1}))}, "json.dumps it once"),
    "no json": ({"properties": "a=1"}, "json.dumps it once"),
    "a member among the properties": ({"properties": '{"timestamp": 1}'}, "make it a member of the event"),
    "no item": ({"itemId": ""}, "sentence"),
    "a text for a number": ({"properties": '{"eventValue": "much"}'}, "in the type of the schema's field"),
    "milliseconds": ({"sentAt": 1_700_000_000_000}, "divide milliseconds by 1000"),
    "a few too many digits": ({"sentAt": 17_000_000_000}, "divide by 1000: 17000000"),
    "an object of properties": ({"properties": {"a": 1}}, "sentence"),
    "no type": ({"eventType": None}, "sentence"),
}


@pytest.mark.parametrize(("event", "fix"), PAINS.values(), ids=PAINS.keys())
def test_what_people_trip_over_is_found(found: Any, event: dict[str, Any], fix: str) -> None:
    (finding,) = found(request(GOOD, GOOD | event))
    assert fix in finding.fix
    assert finding.column.startswith("eventList[1]")
    assert finding.line == 1


def test_the_user_of_all_events_counts(found: Any) -> None:
    (finding,) = found(request(GOOD, userId="USER_ID"))
    assert finding.text == "Invalid value for column USER_ID."


def test_good_requests_are_good(found: Any) -> None:
    assert found(request(GOOD, GOOD)) == []
    assert found(request(GOOD), "", request(GOOD)) == []


def test_all_that_is_wrong_is_told_with_its_lines(found: Any) -> None:
    strict = schema.parse(
        shops.schema("Interactions", *["USER_ID string", "ITEM_ID string", "TIMESTAMP long", "A int", "B float"])
    )
    bad = request(GOOD | {"properties": '{"a": 1.5}'}, {"eventType": "x", "sentAt": 1})
    places = [(each.line, each.column, each.text) for each in found(request(), "{", bad, of=strict)]
    assert [place[:2] for place in places] == [
        (1, None),
        (2, None),
        *((3, "eventList[0]"),) * 2,
        *((3, "eventList[1]"),) * 3,
    ]
    assert [place[2] for place in places[2:]] == [
        "Invalid value for column A.",
        "Column B cannot be null.",
        "Each event needs an itemId.",
        "Column A cannot be null.",
        "Column B cannot be null.",
    ]


def test_what_is_wrong_with_one_member_hides_nothing_of_the_others(found: Any) -> None:
    bad = {
        "sentAt": 1_700_000_000_000,
        "eventType": "x" * 257,
        "eventValue": "much",
        "properties": '{"timestamp": 1, "userId": 2, "eventValue": "much"}',
    }
    findings = found(request(GOOD, bad, GOOD | {"properties": {"a": 1}, "impression": 1}, 7) | {"sessionId": ""})
    assert [(each.column, each.rule) for each in findings] == [
        *((("eventList[1]", "shape"),) * 3),
        *((("eventList[1]", "value"),) * 3),
        *((("eventList[2]", "shape"),) * 2),
        ("eventList[3]", "shape"),
        (None, "shape"),
    ]
    texts = "\n".join(each.text for each in findings)
    for told in (
        "sentAt",
        "eventType",
        "eventValue",
        "key timestamp",
        "key userId",
        "itemId",
        "impression",
        "sessionId",
    ):
        assert texts.count(told) == 1, told


@pytest.mark.parametrize(
    ("operation", "text", "body"),
    [
        ("PutUsers", shops.USERS, {"users": [{"userId": "u", "properties": '{"age": "x"}'}]}),
        ("PutItems", shops.ITEMS, {"items": [{"itemId": "i", "properties": '{"genres": "a"}'}]}),
    ],
)
def test_records_are_checked_too(found: Any, operation: str, text: str, body: dict[str, Any]) -> None:
    arn = "arn:aws:personalize:us-east-1:123456789012:dataset/shop/ROWS"
    (finding,) = found({"datasetArn": arn} | body, operation=operation, of=schema.parse(text))
    assert finding.rule == "value"


def test_a_huge_line_is_not_read_whole(found: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "LINE_BYTES", 1000)
    (finding,) = found(request(GOOD), "x" * 10_000, request(GOOD))
    assert (finding.line, finding.rule) == (2, "shape")
