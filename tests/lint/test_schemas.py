import json

import pytest
import shops

from fakepersonalize.datasets import schema
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.lint import schemas

GOOD = shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long")


def rules(text: str, domain: str | None = None, wanted: str | None = None) -> list[tuple[str, str | None]]:
    return [(each.rule, each.column) for each in schemas.check("s.json", text, domain, wanted)[1]]


def test_a_good_schema_is_good() -> None:
    assert schemas.check("s.json", GOOD, None, "interactions") == (schema.parse(GOOD), [])


def test_all_broken_rules_are_told_at_once() -> None:
    text = shops.schema(
        "Interactions", {"name": "USER_ID", "type": ["null", "string"]}, "TIMESTAMP int", "EVENT_TYPE int"
    )
    found = schemas.check("s.json", text, None, "Users")[1]
    assert [each.text for each in found] == [
        "Schema is missing required fields: [ITEM_ID].",
        "Field USER_ID must be of type string.",
        "Field TIMESTAMP must be of type long.",
        "Field EVENT_TYPE must be of type string.",
        "Schema name must match the dataset type.",
    ]
    assert found[1].why == "it cannot be null"
    assert found[0].fix == "add these fields"
    assert all(each.fix for each in found)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", json.dumps({"type": "record", "name": "Interactions"})])
def test_what_is_no_schema_is_one_finding(text: str) -> None:
    (finding,) = schemas.check("s.json", text, None, None)[1]
    assert finding.text == "Input schema is not a valid Avro schema."


def test_all_fields_that_are_no_avro_are_told_at_once() -> None:
    text = shops.schema("Interactions", {"name": "USER ID", "type": "string"}, "ITEM_ID bytes", "TIMESTAMP date")
    whys = [each.why or "" for each in schemas.check("s.json", text, None, None)[1]]
    assert [next(name for name in ("USER ID", "ITEM_ID", "TIMESTAMP") if name in why) for why in whys] == [
        "USER ID",
        "ITEM_ID",
        "TIMESTAMP",
    ]


def test_each_sentence_has_its_own_fix() -> None:
    text = shops.schema(
        "Interactions",
        *("USER_ID string", "ITEM_ID string", "TIMESTAMP int"),
        {"name": "EVENT_TYPE", "type": "string", "categorical": True},
    )
    fixes = [each.fix for each in schemas.check("s.json", text, None, None)[1]]
    assert [fix.split()[0] for fix in fixes] == ["give", "set"]


def test_a_schema_is_not_longer_than_a_request_may_have_it() -> None:
    (finding,) = schemas.check("s.json", GOOD + " " * 20_000, None, None)[1]
    assert "20000" in finding.text


def test_the_domain_counts() -> None:
    assert rules(GOOD) == []
    assert rules(GOOD, "ECOMMERCE") == [("schema", None)]


def test_what_is_rarely_meant_is_a_warning() -> None:
    text = shops.schema("Users", "user_id string", "AGE int", "MEMBER boolean", "TOWN string")
    assert rules(text) == [("spelling", "user_id"), ("unused", "MEMBER"), ("unused", "TOWN")]
    assert {each.level for each in schemas.check("s.json", text, None, None)[1]} == {"warning"}


def test_a_column_for_the_sessions_of_requests_is_not_odd() -> None:
    text = shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long", "SESSION_ID string")
    assert rules(text) == []


@pytest.mark.parametrize(
    "text",
    [GOOD, shops.EVENTS, shops.ITEMS, shops.USERS, "{}", GOOD.replace("long", "int"), GOOD.replace("ITEM_ID", "ITEM")],
)
def test_an_error_is_what_the_server_refuses(text: str) -> None:
    found = [each for each in schemas.check("s.json", text, None, None)[1] if each.level == "error"]
    try:
        schema.parse(text)
        refused = None
    except InvalidInputException as problem:
        refused = problem.message
    assert [each.text for each in found[:1]] == [refused] * (refused is not None)
