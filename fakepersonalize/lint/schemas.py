"""Schemas: every rule that CreateSchema would refuse one for, not only the first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from fakepersonalize.datasets import schema as schemas
from fakepersonalize.datasets.schema import Schema
from fakepersonalize.errors import (
    CATEGORICAL,
    FIELD_TYPE,
    FIELDS_ALIKE,
    FIELDS_MISSING,
    NO_METADATA,
    NOT_AVRO,
    NOT_TEXTUAL,
    TOO_MUCH_METADATA,
    TYPE_MISMATCH,
    InvalidInputException,
)
from fakepersonalize.lint.findings import WARNING, Finding
from fakepersonalize.protocol import constraints
from fakepersonalize.protocol.service_models import Operation, ServiceModels

SESSION = "SESSION_ID"  # takes the sessionId of requests, and is not there to be learnt from
FIXES = {
    NOT_AVRO: "see https://docs.aws.amazon.com/personalize/latest/dg/how-it-works-dataset-schema.html for examples",
    TYPE_MISMATCH: "name the record after its dataset type, such as Interactions, and check --type and --domain",
    FIELDS_ALIKE: "rename one of them",
    FIELDS_MISSING: "add these fields",
    FIELD_TYPE: "give it exactly this type; null only where the guide lists it",
    CATEGORICAL: 'set "categorical" as the sentence says',
    NOT_TEXTUAL: 'set "textual": true',
    TOO_MUCH_METADATA: "drop fields that neither filters nor trainings need",
    NO_METADATA: 'add a field: a number, or a string with "categorical": true',
}


def check(file: str, text: str, domain: str | None, wanted: str | None) -> tuple[Schema | None, list[Finding]]:
    """Return the schema in a text, if it is one, and what is found in it; `wanted` is a dataset type."""
    try:
        constraints.check(_create_schema(), {"name": "schema", "schema": text})
        schema = schemas.read(text, domain)
    except InvalidInputException as problem:
        return None, [_refusal(file, each) for each in schemas.not_avro(text) or [problem]]
    found = [_refusal(file, problem) for problem in schemas.problems(schema)]
    if wanted is not None and schemas.dataset_type(wanted) != schema.dataset_type:
        mismatch = InvalidInputException(TYPE_MISMATCH, f"the record is about {schema.dataset_type}, not {wanted}")
        found.append(_refusal(file, mismatch))
    return schema, [*found, *_oddities(file, schema)]


@cache
def _create_schema() -> Operation:
    return ServiceModels().operation("CreateSchema")


def _refusal(file: str, problem: InvalidInputException) -> Finding:
    said = (fix for sentence, fix in FIXES.items() if _fits(problem.message, sentence))
    return Finding(file, "schema", problem.message, next(said, "change the schema as the sentence says"), problem.hint)


def _fits(message: str, sentence: str) -> bool:
    """Say whether a message is this sentence with its gaps filled."""
    return re.fullmatch(re.sub(r"\\{\w+\\}", ".+", re.escape(sentence)), message, re.DOTALL) is not None


def _oddities(file: str, schema: Schema) -> Iterator[Finding]:
    known = schemas.RULES[schema.domain, schema.dataset_type]
    for column in schema.columns:

        def odd(rule: str, text: str, fix: str, name: str = column.name) -> Finding:
            return Finding(file, rule, text, fix, column=name, level=WARNING)

        if column.name.upper() in known:
            if column.name != column.name.upper():
                text = f"Field {column.name} is {column.name.upper()}, which AWS's pages only spell in upper case."
                yield odd("spelling", text, f"write {column.name.upper()}")
        elif column.type == "boolean":
            yield odd("unused", f"Field {column.name} is boolean, and so used nowhere.", "make it a categorical string")
        elif column.type == "string" and not (column.categorical or column.textual or column.name.upper() == SESSION):
            text = f"Field {column.name} is a plain string: filters may use it, no training does."
            yield odd("unused", text, 'set "categorical": true where trainings are to learn from it')
