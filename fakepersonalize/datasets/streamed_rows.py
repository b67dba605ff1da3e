"""Streamed rows as Arrow tables, with the same columns as an import of the same schema makes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fakepersonalize.datasets.live import SHOWN
from fakepersonalize.datasets.schema import ACTIONS, ITEMS, USERS, Schema
from fakepersonalize.datasets.values import arrow_schema
from fakepersonalize.storage.streamed import Event, Record

MEMBERS = {"USER_ID": "user", "ITEM_ID": "item", "ACTION_ID": "item", "TIMESTAMP": "time", "EVENT_TYPE": "type"}
ID_COLUMNS = {ITEMS: "ITEM_ID", USERS: "USER_ID", ACTIONS: "ACTION_ID"}


def table(events: Sequence[Event], schema: Schema, implicit: bool = False) -> pa.Table:
    """Return events as rows of `arrow_schema(schema)`; what the schema has no column for is left out.

    With `implicit`, what the list of an event's recommendationId held are its impressions where it names none.
    """
    further = [json.loads(event.more) for event in events]
    impressions = schema.column("IMPRESSION")
    if implicit and impressions:
        further = [{impressions.name: known.get(SHOWN)} | known for known in further]
    columns = [_values(column.name, events, further) for column in schema.columns]
    types = arrow_schema(schema)
    return pa.table([pa.array(values, field.type) for values, field in zip(columns, types)], schema=types)


def write(events: Sequence[Event], schema: Schema, target: Path) -> None:
    """Write what a training learns from as a Parquet file that is on the disk when this returns."""
    write_tables([table(events, schema, implicit=True)], schema, target)


def write_tables(tables: Iterable[pa.Table], schema: Schema, target: Path) -> None:
    """Write rows as a Parquet file, table by table; it is on the disk when this returns."""
    with open(target, "wb") as file:
        with pq.ParquetWriter(file, arrow_schema(schema)) as writer:
            for rows in tables:
                writer.write_table(rows)
        file.flush()
        os.fsync(file.fileno())


def current(segments: Iterable[tuple[int, Path]], records: Iterable[Record], schema: Schema) -> pa.Table:
    """Return the newest row of each item, user or action, whether it was imported or streamed.

    `segments` are numbered files of bulk rows; a record is newer than the segments that were there when it was put.
    """
    layers = [(float(number), in_columns_of(schema, pq.read_table(path))) for number, path in segments]
    by_after: dict[int, list[Record]] = {}
    for record in records:
        by_after.setdefault(record.after, []).append(record)
    layers += [(after + 0.5, of_records(found, schema)) for after, found in by_after.items()]
    rows = pa.concat_tables([arrow_schema(schema).empty_table(), *(rows for _, rows in sorted(layers, key=_first))])
    return rows.take(_last_of_each(rows[id_column(schema)]))


def id_column(schema: Schema) -> str:
    """Return the name of the column that tells items, users or actions apart."""
    return next(column.name for column in schema.columns if column.name.upper() == ID_COLUMNS[schema.dataset_type])


def _first(layer: tuple[float, pa.Table]) -> float:
    return layer[0]


def in_columns_of(schema: Schema, rows: pa.Table) -> pa.Table:
    """Return rows in today's columns: a schema may have got some since they came."""
    types, there = arrow_schema(schema), set(rows.column_names)
    columns = [rows[f.name] if f.name in there else pa.nulls(rows.num_rows, f.type) for f in types]
    return pa.table(columns, schema=types)


def of_records(records: Sequence[Record], schema: Schema) -> pa.Table:
    """Return records as rows of `arrow_schema(schema)`, several of one id included."""
    key, types = id_column(schema), arrow_schema(schema)
    rows = [json.loads(record.columns) | {key: record.id} for record in records]
    return pa.table([pa.array([row.get(f.name) for row in rows], f.type) for f in types], schema=types)


def _last_of_each(ids: pa.ChunkedArray) -> pa.Array:
    codes = ids.combine_chunks().dictionary_encode()
    last = np.zeros(len(codes.dictionary), np.int64)
    last[codes.indices.to_numpy()] = np.arange(len(codes))  # of several assignments to one place the last holds
    return pa.array(np.sort(last))


def _values(column: str, events: Sequence[Event], further: Sequence[dict[str, Any]]) -> list[Any]:
    member = MEMBERS.get(column.upper())
    if member is None:
        return [columns.get(column) for columns in further]
    return [getattr(event, member) for event in events]
