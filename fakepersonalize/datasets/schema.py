"""Avro schemas as Amazon Personalize takes them, and the columns that they describe.

fastavro decides what an Avro schema is; the tables below hold what Personalize asks on top of it, one table for each
dataset type and domain. Source: the developer guide's pages "Creating schema JSON files", "Custom datasets and schemas"
and those on domain datasets, https://docs.aws.amazon.com/personalize/latest/dg/how-it-works-dataset-schema.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from fakepersonalize import errors
from fakepersonalize.errors import InvalidInputException, invalid
from fakepersonalize.resources.quotas import ID_CHARACTERS, METADATA_FIELDS, STRING_CHARACTERS

INTERACTIONS, ITEMS, USERS = "INTERACTIONS", "ITEMS", "USERS"
ACTIONS, ACTION_INTERACTIONS = "ACTIONS", "ACTION_INTERACTIONS"
DATASET_TYPES = (INTERACTIONS, ITEMS, USERS, ACTIONS, ACTION_INTERACTIONS)

ECOMMERCE, VIDEO_ON_DEMAND = "ECOMMERCE", "VIDEO_ON_DEMAND"

NUMBERS = ("int", "long", "float", "double")
TYPES = (*NUMBERS, "string", "boolean")
TYPE_RULES = {
    "string": "text in UTF-8",
    "int": "a whole number of 32 bits, without a decimal point",
    "long": "a whole number of 64 bits, without a decimal point",
    "float": "a number such as 4.5 or 1e-3",
    "double": "a number such as 4.5 or 1e-3",
    "boolean": "true or false, in lower case",
}
RESERVED = "the names of columns are reserved and cannot be values"
RANGES = {(ACTIONS, "VALUE"): (1, 10), (ACTIONS, "REPEAT_FREQUENCY"): (0, 30)}


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a schema, under the schema's own spelling of its name.

    `optional` marks columns that an optional member of a request feeds: a row may lack a value even where the type does
    not list null.
    """

    name: str
    type: str
    nullable: bool = False
    categorical: bool = False
    textual: bool = False
    item_name: bool = False
    optional: bool = False

    @property
    def may_be_null(self) -> bool:
        return self.nullable or self.optional

    @property
    def is_id(self) -> bool:
        return self.name.upper() in IDS

    @property
    def limit(self) -> int | None:
        """The most characters a value may have; longer ones fail an import. Textual values are cut instead."""
        if self.type != "string" or self.textual:
            return None
        return ID_CHARACTERS if self.is_id else STRING_CHARACTERS


@dataclass(frozen=True, slots=True)
class Schema:
    """A checked schema: the dataset type its record name stands for, its columns in order, and its domain."""

    dataset_type: str
    columns: tuple[Column, ...]
    domain: str | None = None

    def column(self, name: str) -> Column | None:
        """Return the column of that name, ignoring case as Personalize does everywhere."""
        return next((column for column in self.columns if column.name.upper() == name.upper()), None)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a field name that Personalize knows asks of the field that bears it.

    `categorical` is True where the flag must be set, False where it must not, None where both are accepted. `metadata`
    marks fields that count as the one metadata field which Users, Items and Actions need. `optional` marks fields that
    an optional member of PutEvents or PutActionInteractions feeds: AWS takes events without that member also where the
    field's type does not list null (https://github.com/aws-samples/amazon-personalize-samples,
    user-personalization-with-exploration.ipynb, has IMPRESSION as a plain string). `also` is a second spelling that
    AWS's own pages use.
    """

    types: tuple[str, ...]
    required: bool = False
    nullable: bool = False
    categorical: bool | None = None
    textual: bool = False
    metadata: bool = False
    optional: bool = False
    also: str | None = None


IDS = frozenset({"USER_ID", "ITEM_ID", "ACTION_ID"})

_KEY = Rule(("string",), required=True)
_TIME = Rule(("long",), required=True)
_LONG = Rule(("long",))
_PLAIN = Rule(("string",), categorical=False)
_LABEL = Rule(("string",), nullable=True, categorical=True, metadata=True)
_PRICE = Rule(("float",), nullable=True, metadata=True)
_TEXT = Rule(("string",), nullable=True, categorical=False, textual=True, metadata=True)
_SENT = Rule(("string",), nullable=True, categorical=False, optional=True)


def _or_null(rule: Rule) -> Rule:
    return replace(rule, nullable=True)


def _needed(rule: Rule) -> Rule:
    return replace(rule, required=True)


_INTERACTIONS = {
    "USER_ID": _KEY,
    "ITEM_ID": _KEY,
    "TIMESTAMP": _TIME,
    "EVENT_TYPE": _PLAIN,
    "EVENT_VALUE": Rule(("float",), nullable=True, optional=True),
    "IMPRESSION": _SENT,
    "RECOMMENDATION_ID": _SENT,
    "EVENT_ATTRIBUTION_SOURCE": _SENT,
}
_DOMAIN_INTERACTIONS = _INTERACTIONS | {"EVENT_TYPE": _needed(_PLAIN)}

# Required fields cannot be null, with two exceptions that AWS's own samples make: domain categories and PRICE.
RULES: Mapping[tuple[str | None, str], Mapping[str, Rule]] = {
    (None, INTERACTIONS): _INTERACTIONS,
    (None, USERS): {"USER_ID": _KEY},
    (None, ITEMS): {"ITEM_ID": _KEY, "CREATION_TIMESTAMP": _or_null(_LONG)},
    (None, ACTIONS): {
        "ACTION_ID": _KEY,
        "CREATION_TIMESTAMP": _LONG,
        "VALUE": Rule(("long",), nullable=True, metadata=True),
        "TYPE": Rule(("string",), nullable=True, metadata=True),
        "EXPIRATION_TIMESTAMP": Rule(("long",), nullable=True, also="ACTION_EXPIRATION_TIMESTAMP"),
        "REPEAT_FREQUENCY": _or_null(_LONG),
    },
    (None, ACTION_INTERACTIONS): {
        "USER_ID": _KEY,
        "ACTION_ID": _KEY,
        "EVENT_TYPE": _needed(_PLAIN),
        "TIMESTAMP": _TIME,
        "IMPRESSION": _SENT,
        "RECOMMENDATION_ID": _SENT,
    },
    (VIDEO_ON_DEMAND, INTERACTIONS): _DOMAIN_INTERACTIONS,
    (VIDEO_ON_DEMAND, USERS): {"USER_ID": _KEY, "SUBSCRIPTION_MODEL": _LABEL},
    (VIDEO_ON_DEMAND, ITEMS): {
        "ITEM_ID": _KEY,
        "CREATION_TIMESTAMP": _TIME,
        "GENRES": replace(_LABEL, required=True, also="GENRES_L1"),
        "PRICE": _PRICE,
        "DURATION": _PRICE,
        "AVERAGE_RATING": _PRICE,
        "GENRE_L2": _LABEL,
        "GENRE_L3": _LABEL,
        "CONTENT_OWNER": _LABEL,
        "CONTENT_CLASSIFICATION": _LABEL,
        "PRODUCT_DESCRIPTION": _TEXT,
    },
    (ECOMMERCE, INTERACTIONS): _DOMAIN_INTERACTIONS,
    (ECOMMERCE, USERS): {"USER_ID": _KEY},
    (ECOMMERCE, ITEMS): {
        "ITEM_ID": _KEY,
        "PRICE": _needed(_PRICE),
        "CATEGORY_L1": _needed(_LABEL),
        "CATEGORY_L2": _LABEL,
        "CATEGORY_L3": _LABEL,
        "AGE_GROUP": _LABEL,
        "ADULT": _LABEL,
        "GENDER": _LABEL,
        "PRODUCT_DESCRIPTION": _TEXT,
        "CREATION_TIMESTAMP": Rule(("long", "float"), nullable=True),
    },
}

NEED_METADATA = frozenset({USERS, ITEMS, ACTIONS})

_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z\d_]{0,149}")


def keywords(dataset_type: str) -> tuple[str, ...]:
    """Return the names of columns that cannot be values in rows of a dataset type, textual values aside.

    https://docs.aws.amazon.com/personalize/latest/dg/custom-datasets-and-schemas.html
    """
    return tuple(RULES[None, dataset_type])


def dataset_type(name: str) -> str | None:
    """Return the dataset type a name stands for, ignoring case and underscores, or None."""
    folded = _folded(name)
    return next((known for known in DATASET_TYPES if _folded(known) == folded), None)


def parse(text: str, domain: str | None = None) -> Schema:
    """Return the schema that an Avro JSON text describes, checked against Personalize's rules.

    `domain` is ECOMMERCE, VIDEO_ON_DEMAND or None. Raises InvalidInputException with the first rule that is broken.
    """
    schema = read(text, domain)
    for problem in problems(schema):
        raise problem
    return schema


def read(text: str, domain: str | None = None) -> Schema:
    """Return the schema that an Avro JSON text describes, if it is Avro and about a type of datasets."""
    record = _avro_record(text)
    kind = dataset_type(record["name"].rpartition(".")[2])
    if kind is None or (domain, kind) not in RULES:
        raise InvalidInputException(errors.TYPE_MISMATCH, _name_hint(record["name"], domain))
    return Schema(kind, tuple(_column(field, RULES[domain, kind]) for field in record["fields"]), domain)


def problems(schema: Schema) -> Iterator[InvalidInputException]:
    """Yield a refusal for each of Personalize's rules that a schema breaks."""
    for check in (_check_unique, _check_flags, _check_required, _check_reserved, _check_metadata):
        yield from check(schema)


def check_replacement(old: Schema, new: Schema) -> None:
    """Raise InvalidInputException unless UpdateDataset may put the new schema in the old one's place.

    https://docs.aws.amazon.com/personalize/latest/dg/updating-dataset-schema.html
    """
    problem = next(_replacement_problems(old, new), None)
    if problem:
        raise InvalidInputException(errors.NO_REPLACEMENT, problem)


def _replacement_problems(old: Schema, new: Schema) -> Iterator[str]:
    if old.dataset_type not in (ITEMS, USERS):
        yield f"only Items and Users datasets take a new schema, not {old.dataset_type}"
    if new.dataset_type != old.dataset_type:
        yield f"the dataset holds {old.dataset_type}, the schema describes {new.dataset_type}"
    if new.domain != old.domain:
        yield f"the dataset's schema has domain {old.domain}, the new one {new.domain}"
    for column in old.columns:
        if column not in new.columns:
            yield f"field {column.name} must stay as it is: same name, type and attributes"
    kept = {column.name for column in old.columns}
    for column in new.columns:
        if column.name not in kept and not column.nullable:
            yield f"new field {column.name} must accept null, because the rows that are there have no value for it"


def not_avro(text: str) -> list[InvalidInputException]:
    """Return a refusal for each thing that keeps a text from being the Avro schema of a record."""
    return [InvalidInputException(errors.NOT_AVRO, problem) for problem in _examined(text)[1]]


def _avro_record(text: str) -> dict[str, Any]:
    record, problems = _examined(text)
    if problems:
        raise InvalidInputException(errors.NOT_AVRO, problems[0])
    return record


def _examined(text: str) -> tuple[dict[str, Any], list[str]]:
    """Return the record in a text, and why it is none."""
    from fastavro import parse_schema
    from fastavro.schema import SchemaParseException

    record: dict[str, Any] = {}
    try:
        record = json.loads(text)
        problems = list(_shape_problems(record))
        if not problems:
            parse_schema(record)
    except (ValueError, SchemaParseException) as error:
        problems = [str(error)]
    except RecursionError:
        problems = ["it is nested too deeply"]
    return record, problems


def _shape_problems(record: object) -> Iterator[str]:
    """Find what fastavro takes for granted or lets pass: one flat record whose names are strings."""
    if not isinstance(record, dict) or record.get("type") != "record":
        yield 'the outermost value must be an object with "type": "record"'
    elif not isinstance(record.get("name"), str) or not isinstance(record.get("namespace", ""), str):
        yield 'the record needs a "name", and "name" and "namespace" are strings'
    elif not isinstance(record.get("fields"), list) or not record["fields"]:
        yield 'the record needs a list of "fields"'
    else:
        for field in record["fields"]:
            yield from _field_problems(field)


def _field_problems(field: object) -> Iterator[str]:
    if not isinstance(field, dict) or not isinstance(field.get("name"), str) or "type" not in field:
        yield f'each field is an object with "name" and "type", unlike {_short(field)}'
        return
    if not _FIELD_NAME.fullmatch(field["name"]):
        yield f"field name {_short(field['name'])}: letters, digits and underscores, at most 150"
    members = _members(field["type"])
    if len(members) > 2 or sum(member in TYPES for member in members) != 1 or not {*members} <= {*TYPES, "null"}:
        yield f"field {field['name']}: one of {', '.join(TYPES)}, or a union of one of them with null"
    for flag in ("categorical", "textual", "itemName"):
        if not isinstance(field.get(flag, False), bool):
            yield f"{flag} of field {field['name']} is true or false, without quotes"


def _members(declared: object) -> list[str]:
    """Return the members of a union, or the one type, with an empty string for whatever is not primitive."""
    return [_primitive(member) for member in (declared if isinstance(declared, list) else [declared])]


def _primitive(member: object) -> str:
    """Unwrap `{"type": "string"}`, Avro's long way of writing `"string"`."""
    if isinstance(member, dict) and "logicalType" not in member:
        member = member.get("type")
    return member if isinstance(member, str) else ""


def _column(field: Mapping[str, Any], rules: Mapping[str, Rule]) -> Column:
    members = _members(field["type"])
    type_ = next(member for member in members if member != "null")
    categorical, textual, item_name = (field.get(flag, False) for flag in ("categorical", "textual", "itemName"))
    rule = rules.get(field["name"].upper())
    optional = rule is not None and rule.optional
    return Column(field["name"], type_, "null" in members, categorical, textual, item_name, optional)


def _check_unique(schema: Schema) -> Iterator[InvalidInputException]:
    seen: dict[str, str] = {}
    for name in (column.name for column in schema.columns):
        if _folded(name) in seen:
            yield invalid(
                errors.FIELDS_ALIKE,
                "underscores and case do not tell names apart",
                one=seen[_folded(name)],
                other=name,
            )
        seen[_folded(name)] = name


def _check_flags(schema: Schema) -> Iterator[InvalidInputException]:
    for column in schema.columns:
        if (column.categorical or column.textual or column.item_name) and column.type != "string":
            yield invalid(errors.FIELD_TYPE, "its attribute asks for it", name=column.name, type="string")
        if column.categorical and column.textual:
            yield invalid(errors.BOTH_ATTRIBUTES, name=column.name)
        if (column.textual or column.item_name) and schema.dataset_type != ITEMS:
            yield invalid(errors.ATTRIBUTES_OF_ITEMS, name=column.name)
    yield from _check_at_most_one("textual", [column.name for column in schema.columns if column.textual])
    yield from _check_at_most_one("itemName", [column.name for column in schema.columns if column.item_name])


def _check_at_most_one(flag: str, names: list[str]) -> Iterator[InvalidInputException]:
    if len(names) > 1:
        yield invalid(errors.ONE_FIELD_OF_KIND, flag=flag, names=_listed(names))


def _check_required(schema: Schema) -> Iterator[InvalidInputException]:
    rules = RULES[schema.domain, schema.dataset_type]
    present = {column.name.upper() for column in schema.columns}
    missing = [
        name for name, rule in rules.items() if rule.required and name not in present and rule.also not in present
    ]
    if missing:
        yield invalid(errors.FIELDS_MISSING, _meant(missing, schema), names=_listed(missing))


def _meant(missing: Sequence[str], schema: Schema) -> str | None:
    """Return the hint for fields that are spelt as no service would read them: userId, user_ID_, UserIdentifier."""

    def bare(name: str) -> str:
        return name.replace("_", "").replace("-", "").upper()

    rules = RULES[schema.domain, schema.dataset_type]
    own = {bare(column.name): column.name for column in schema.columns if column.name.upper() not in rules}
    found = [(own[close], name) for name in missing for close in get_close_matches(bare(name), own, 1, cutoff=0.75)]
    return "; ".join(f"{given}: {errors.DID_YOU_MEAN.format(name=name)}" for given, name in found) or None


def _check_reserved(schema: Schema) -> Iterator[InvalidInputException]:
    for column in schema.columns:
        rule = _rule(schema, column)
        if rule is not None:
            yield from _check_rule(column, rule)


def _check_rule(column: Column, rule: Rule) -> Iterator[InvalidInputException]:
    if column.type not in rule.types:
        yield invalid(errors.FIELD_TYPE, name=column.name, type=rule.types[0])
    if column.nullable and not rule.nullable:
        yield invalid(errors.FIELD_TYPE, "it cannot be null", name=column.name, type=rule.types[0])
    if rule.categorical is not None and column.categorical != rule.categorical:
        yield invalid(errors.CATEGORICAL, name=column.name, must=_must(rule.categorical))
    if rule.textual and not column.textual:
        yield invalid(errors.NOT_TEXTUAL, name=column.name)


def _check_metadata(schema: Schema) -> Iterator[InvalidInputException]:
    own = [column for column in schema.columns if _rule(schema, column) is None]
    most = METADATA_FIELDS[schema.dataset_type]
    if len(own) > most:
        yield invalid(errors.TOO_MUCH_METADATA, f"it has {len(own)}", most=most)
    if schema.dataset_type in NEED_METADATA and not any(_is_metadata(schema, column) for column in schema.columns):
        yield invalid(
            errors.NO_METADATA,
            "a number, or a string with categorical (in Items also textual) set to true",
        )


def _is_metadata(schema: Schema, column: Column) -> bool:
    rule = _rule(schema, column)
    usable = column.type in NUMBERS or column.categorical or column.textual
    return usable and (rule is None or rule.metadata)


def _rule(schema: Schema, column: Column) -> Rule | None:
    rules, name = RULES[schema.domain, schema.dataset_type], column.name.upper()
    return rules.get(name) or next((rule for rule in rules.values() if rule.also == name), None)


def _name_hint(name: str, domain: str | None) -> str:
    kinds = [kind.title().replace("_", "") for place, kind in RULES if place == domain]
    return f"the record is named {_short(name)}; names here: {', '.join(kinds)}"


def _must(wanted: bool) -> str:
    return "must" if wanted else "cannot"


def _folded(name: str) -> str:
    return name.replace("_", "").upper()


def _listed(names: Iterable[str]) -> str:
    return f"[{', '.join(names)}]"


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
