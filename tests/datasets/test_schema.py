"""Schemas: what Avro and Personalize accept, and the sentence for each rule that is broken."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from typing import Any

import pytest

from fakepersonalize import errors
from fakepersonalize.datasets import schema as schemas
from fakepersonalize.datasets.schema import Column, Schema
from fakepersonalize.errors import InvalidInputException


def field(name: str, type_: Any = "string", **flags: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, **flags}


USER, ITEM, ACTION = field("USER_ID"), field("ITEM_ID"), field("ACTION_ID")
TIME, CREATED = field("TIMESTAMP", "long"), field("CREATION_TIMESTAMP", "long")
GENRES = field("GENRES", categorical=True)
EVENT = field("EVENT_TYPE")


def text(name: str, *fields: dict[str, Any], **record: Any) -> str:
    return json.dumps({"type": "record", "name": name, "fields": list(fields), "version": "1.0"} | record)


def parse(name: str, *fields: dict[str, Any], domain: str | None = None, **record: Any) -> Schema:
    return schemas.parse(text(name, *fields, **record), domain)


def refusal(name: str, *fields: dict[str, Any], domain: str | None = None, **record: Any) -> str:
    with pytest.raises(InvalidInputException) as caught:
        parse(name, *fields, domain=domain, **record)
    return caught.value.message


ACCEPTED = {
    "interactions": ("Interactions", [USER, ITEM, TIME], None),
    "lower-case record name": ("interactions", [USER, ITEM, TIME], None),
    "lower-case fields": ("Interactions", [field("user_id"), field("item_id"), field("timestamp", "long")], None),
    "one-element unions": ("Interactions", [field("USER_ID", ["string"]), ITEM, TIME], None),
    "types in Avro's long form": ("Interactions", [field("USER_ID", {"type": "string"}), ITEM, TIME], None),
    "event value, plain": ("Interactions", [USER, ITEM, TIME, EVENT, field("EVENT_VALUE", "float")], None),
    "event value or null": ("Interactions", [USER, ITEM, TIME, field("EVENT_VALUE", ["float", "null"])], None),
    "impressions": ("Interactions", [USER, ITEM, TIME, field("IMPRESSION", ["null", "string"])], None),
    "five own fields": ("Interactions", [USER, ITEM, TIME, *(field(f"F{n}", "int") for n in range(5))], None),
    "users": ("Users", [USER, field("AGE", ["null", "int"])], None),
    "25 fields of users": ("Users", [USER, *(field(f"F{n}x", "int") for n in range(25))], None),
    "items": ("Items", [ITEM, field("GENRE", ["string", "null"], categorical=True), CREATED], None),
    "textual items": ("Items", [ITEM, field("TEXT", textual=True), field("T", itemName=True)], None),
    "nullable creation timestamp": ("Items", [ITEM, GENRES, field("CREATION_TIMESTAMP", ["long", "null"])], None),
    "actions": ("Actions", [ACTION, field("VALUE", ["null", "long"])], None),
    "second spelling": (
        "Actions",
        [ACTION, field("VALUE", "long"), field("ACTION_EXPIRATION_TIMESTAMP", "long")],
        None,
    ),
    "action interactions": ("ActionInteractions", [USER, ACTION, EVENT, TIME], None),
    "with underscore": ("Action_Interactions", [USER, ACTION, EVENT, TIME], None),
    "video interactions": ("Interactions", [USER, ITEM, TIME, EVENT], "VIDEO_ON_DEMAND"),
    "video users": ("Users", [USER, field("SUBSCRIPTION_MODEL", categorical=True)], "VIDEO_ON_DEMAND"),
    "video items": ("Items", [ITEM, CREATED, GENRES], "VIDEO_ON_DEMAND"),
    "published video items": ("Items", [ITEM, CREATED, field("GENRES_L1", categorical=True)], "VIDEO_ON_DEMAND"),
    "shop items": (
        "Items",
        [
            ITEM,
            field("PRICE", ["null", "float"]),
            field("CATEGORY_L1", ["string"], categorical=True),
            field("GENDER", ["string", "null"], categorical=True),
            field("PRODUCT_DESCRIPTION", ["string", "null"], textual=True),
        ],
        "ECOMMERCE",
    ),
}


@pytest.mark.parametrize(("name", "fields", "domain"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_schema_that_personalize_takes_is_accepted(name: str, fields: list[Any], domain: str | None) -> None:
    schema = parse(name, *fields, domain=domain)
    assert [column.name for column in schema.columns] == [given["name"] for given in fields]
    assert schema.domain == domain


REFUSED = {
    "missing": ("Interactions", [USER, ITEM], None, "Schema is missing required fields: [TIMESTAMP]."),
    "all missing": ("Users", [field("AGE", "int")], None, "Schema is missing required fields: [USER_ID]."),
    "event type in a domain": (
        "Interactions",
        [USER, ITEM, TIME],
        "ECOMMERCE",
        "Schema is missing required fields: [EVENT_TYPE].",
    ),
    "required and nullable": (
        "Interactions",
        [field("USER_ID", ["string", "null"]), ITEM, TIME],
        None,
        "Field USER_ID must be of type string.",
    ),
    "wrong required type": (
        "Interactions",
        [USER, ITEM, field("TIMESTAMP", "int")],
        None,
        "Field TIMESTAMP must be of type long.",
    ),
    "wrong reserved type": (
        "Interactions",
        [USER, ITEM, TIME, field("event_value", "double")],
        None,
        "Field event_value must be of type float.",
    ),
    "categorical reserved string": (
        "Interactions",
        [USER, ITEM, TIME, field("EVENT_TYPE", categorical=True)],
        None,
        "Field EVENT_TYPE cannot be categorical.",
    ),
    "reserved categorical without flag": (
        "Items",
        [ITEM, CREATED, field("GENRES")],
        "VIDEO_ON_DEMAND",
        "Field GENRES must be categorical.",
    ),
    "description without flag": (
        "Items",
        [ITEM, CREATED, GENRES, field("PRODUCT_DESCRIPTION")],
        "VIDEO_ON_DEMAND",
        "Field PRODUCT_DESCRIPTION must be textual.",
    ),
    "six own fields": (
        "Interactions",
        [USER, ITEM, TIME, *(field(f"F{n}", "int") for n in range(6))],
        None,
        "Schema has more than 5 metadata fields.",
    ),
    "no metadata": ("Users", [USER], None, "Schema must have at least one metadata field."),
    "only plain metadata": ("Users", [USER, field("NAME")], None, "Schema must have at least one metadata field."),
    "only a boolean": ("Users", [USER, field("OLD", "boolean")], None, "Schema must have at least one metadata field."),
    "only a timestamp": ("Items", [ITEM, CREATED], None, "Schema must have at least one metadata field."),
    "unknown record": ("Films", [USER, ITEM, TIME], None, "Schema name must match the dataset type."),
    "actions in a domain": (
        "Actions",
        [ACTION, field("VALUE", "long")],
        "ECOMMERCE",
        "Schema name must match the dataset type.",
    ),
    "twice": ("Users", [USER, USER], None, "Field names must be unique: USER_ID, USER_ID."),
    "underscores collide": (
        "Items",
        [ITEM, field("GENRES_1", "int"), field("Genres1", "int")],
        None,
        "Field names must be unique: GENRES_1, Genres1.",
    ),
    "categorical number": (
        "Users",
        [USER, field("AGE", "int", categorical=True)],
        None,
        "Field AGE must be of type string.",
    ),
    "categorical and textual": (
        "Items",
        [ITEM, field("TEXT", categorical=True, textual=True)],
        None,
        "Field TEXT cannot be both categorical and textual.",
    ),
    "textual user": (
        "Users",
        [USER, field("BIO", textual=True)],
        None,
        "Field BIO: textual and itemName are for Items schemas.",
    ),
    "two textual": (
        "Items",
        [ITEM, field("A", textual=True), field("B", textual=True)],
        None,
        "Schema has more than one textual field: [A, B].",
    ),
}


@pytest.mark.parametrize(("name", "fields", "domain", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_a_broken_rule_is_named(name: str, fields: list[Any], domain: str | None, sentence: str) -> None:
    assert refusal(name, *fields, domain=domain) == sentence


@pytest.mark.parametrize(
    "type_",
    [
        "bytes",
        "date",
        None,
        [],
        ["null"],
        ["string", "int"],
        ["string", "null", "null"],
        {"type": "array", "items": "string"},
        {"type": "long", "logicalType": "timestamp-millis"},
        {"type": "record", "name": "Inner", "fields": []},
    ],
)
def test_a_type_that_is_no_plain_value_is_refused(type_: Any) -> None:
    assert refusal("Users", USER, field("AGE", type_)) == errors.NOT_AVRO


@pytest.mark.parametrize("name", ["1A", "A-B", "Ä", "A" * 151, ""])
def test_a_field_name_outside_the_pattern_is_refused(name: str) -> None:
    assert refusal("Users", USER, field(name, "int")) == errors.NOT_AVRO


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[",
        "null",
        "[]",
        "{}",
        "[" * 15_000,
        '{"a":' * 4_000,
        "1" * 5_000,
        text("Users", USER, type="enum"),
        text("Users"),
        text("Users", USER, field("AGE", "int"), namespace=1),
        text("Users", USER, field("AGE", "int", categorical="true")),
    ],
)
def test_what_is_no_flat_avro_record_is_refused(document: str) -> None:
    with pytest.raises(InvalidInputException) as caught:
        schemas.parse(document)
    assert caught.value.message == errors.NOT_AVRO


def test_damaged_schemas_end_in_a_schema_or_in_an_error_of_ours() -> None:
    chance = random.Random(20)
    junk: list[Any] = ["null", "string", "", None, 1, True, [], {}, [[]], ["x"], {"type": "fixed"}, "Users", "a b"]
    keys = ["name", "type", "namespace", "doc", "default", "aliases", "categorical", "textual", "fields"]
    refused = 0
    for _ in range(2_000):
        fields = [field("USER_ID"), field("AGE", ["int", "null"])]
        record: dict[str, Any] = {"type": "record", "name": "Users", "fields": fields}
        for _ in range(chance.randint(1, 3)):
            chance.choice([record, *fields])[chance.choice(keys)] = chance.choice(junk)
        try:
            schemas.parse(json.dumps(record))
        except InvalidInputException:
            refused += 1
    assert 0 < refused < 2_000


def test_columns_keep_their_spelling_and_are_found_in_any_case() -> None:
    schema = parse("Items", ITEM, field("memberClass", ["null", "string"], categorical=True), field("Year", "int"))
    assert schema.dataset_type == "ITEMS"
    assert schema.column("MEMBERCLASS") == Column("memberClass", "string", nullable=True, categorical=True)
    assert schema.column("year") == Column("Year", "int")
    assert schema.column("MEMBER_CLASS") is None


def test_limits_of_characters_follow_the_kind_of_column() -> None:
    schema = parse("Items", ITEM, field("TEXT", textual=True), field("GENRE", categorical=True), field("YEAR", "int"))
    assert [column.limit for column in schema.columns] == [256, None, 1000, None]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Action_Interactions", "ACTION_INTERACTIONS"),
        ("ActionInteractions", "ACTION_INTERACTIONS"),
        ("interactions", "INTERACTIONS"),
        ("USERS", "USERS"),
        ("films", None),
        ("", None),
    ],
)
def test_dataset_types_ignore_case_and_underscores(name: str, expected: str | None) -> None:
    assert schemas.dataset_type(name) == expected


OLD = Schema("ITEMS", (Column("ITEM_ID", "string"), Column("GENRE", "string", categorical=True)))


def test_a_replacement_may_add_nullable_fields_anywhere() -> None:
    new = Schema("ITEMS", (Column("YEAR", "int", nullable=True), *reversed(OLD.columns)))
    schemas.check_replacement(OLD, new)


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        (OLD, Schema("ITEMS", OLD.columns[:1]), "GENRE must stay"),
        (OLD, Schema("ITEMS", (OLD.columns[0], Column("GENRE", "string"))), "GENRE must stay"),
        (OLD, Schema("ITEMS", (*OLD.columns, Column("YEAR", "int"))), "YEAR must accept null"),
        (OLD, Schema("ITEMS", OLD.columns, "ECOMMERCE"), "new one ECOMMERCE"),
        (OLD, Schema("USERS", OLD.columns), "describes USERS"),
        (Schema("INTERACTIONS", ()), Schema("INTERACTIONS", ()), "only Items and Users"),
    ],
)
def test_a_replacement_that_changes_what_is_there_is_refused(old: Schema, new: Schema, hint: str) -> None:
    with pytest.raises(InvalidInputException) as caught:
        schemas.check_replacement(old, new)
    assert caught.value.hint is not None
    assert hint in caught.value.hint


def test_importing_the_module_loads_no_reader() -> None:
    code = "import sys, fakepersonalize.datasets.schema; print(sorted({'fastavro', 'pyarrow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
