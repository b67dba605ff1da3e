"""Values of columns as Arrow: their types, which rules they break, and what is odd in them without being wrong."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from fakepersonalize.datasets.schema import RANGES, RESERVED, TYPE_RULES, Column, Schema, keywords
from fakepersonalize.resources.quotas import TEXT_CHARACTERS, TEXT_CHARACTERS_HAN

SECONDS = frozenset({"TIMESTAMP", "CREATION_TIMESTAMP", "EXPIRATION_TIMESTAMP", "ACTION_EXPIRATION_TIMESTAMP"})
LAST_SECOND = 9_999_999_999  # more digits than this look like milliseconds

ARROW_TYPES = {
    "string": pa.string(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
}

_HAN = r"[\p{Han}\p{Hiragana}\p{Katakana}]"


def arrow_schema(schema: Schema) -> pa.Schema:
    """Return the Arrow schema of a dataset's rows: the schema's names, order and types, fields nullable as declared.

    Columns that an optional member of a request feeds are nullable in any case.
    int is int32, long is int64, float is float32, double is float64. Strings stay plain in memory; Parquet stores them
    as dictionaries, so that reading with `read_dictionary` gives integer codes without hashing any value.
    """
    return pa.schema([pa.field(column.name, ARROW_TYPES[column.type], column.may_be_null) for column in schema.columns])


def broken_rule(column: Column, values: pa.Array, dataset_type: str) -> str | None:
    """Return the rule that some of a column's typed values break, or None."""
    if values.null_count and not column.may_be_null:
        return "an empty value is null, and the schema does not list null for this field"
    if column.limit is not None and _is_longer(values, column.limit):
        return f"at most {column.limit} characters"
    if column.type == "string" and not column.textual and _any(pc.is_in(values, _keywords(dataset_type))):
        return RESERVED
    if column.type in ("float", "double") and not _all(pc.is_finite(values)):
        return f"{TYPE_RULES[column.type]}, neither infinite nor NaN"
    low, high = RANGES.get((dataset_type, column.name.upper()), (None, None))
    if low is not None and not _all(pc.and_(pc.greater_equal(values, low), pc.less_equal(values, high))):
        return f"a number from {low} to {high}"
    return None


@cache
def _keywords(dataset_type: str) -> pa.Array:
    return pa.array(keywords(dataset_type))


def _any(truths: pa.Array) -> bool:
    return bool(pc.any(truths, min_count=0).as_py())


def _all(truths: pa.Array) -> bool:
    return bool(pc.all(truths, min_count=0).as_py())


def _is_longer(strings: pa.Array, limit: int) -> bool:
    """Say whether a string has more characters than the limit; characters are counted only where bytes are too many."""
    most_bytes = pc.max(pc.binary_length(strings)).as_py() or 0
    return most_bytes > limit and pc.max(pc.utf8_length(strings)).as_py() > limit


def clipped(texts: pa.Array) -> pa.Array:
    """Cut textual values at 20,000 characters, at 7,000 where most are Chinese or Japanese."""
    if (pc.max(pc.binary_length(texts)).as_py() or 0) <= TEXT_CHARACTERS_HAN:
        return texts
    han = pc.count_substring_regex(texts, _HAN)
    mostly_han = pc.greater(pc.multiply(han, 2), pc.utf8_length(texts))
    return pc.if_else(
        mostly_han,
        pc.utf8_slice_codeunits(texts, 0, TEXT_CHARACTERS_HAN),
        pc.utf8_slice_codeunits(texts, 0, TEXT_CHARACTERS),
    )


def unlisted_nulls(rows: pa.Table | pa.RecordBatch, schema: Schema) -> Iterator[str]:
    """Yield the names of columns that lack values although their types do not list null."""
    for column in schema.columns:
        if not column.nullable and rows[column.name].null_count:
            yield column.name


def in_milliseconds(rows: pa.Table, schema: Schema) -> Iterator[str]:
    """Yield the names of columns of times that hold more digits than seconds have."""
    for column in schema.columns:
        if column.name.upper() in SECONDS and (pc.max(rows[column.name]).as_py() or 0) > LAST_SECOND:
            yield column.name
