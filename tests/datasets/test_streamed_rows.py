"""Streamed events make the same columns as an import."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fakepersonalize.datasets import schema, streamed_rows
from fakepersonalize.datasets.values import arrow_schema
from fakepersonalize.storage.streamed import Event

FIELDS = {"user_id": "string", "ITEM_ID": "string", "TIMESTAMP": "long", "EVENT_TYPE": "string"}
FURTHER = {"EVENT_VALUE": ["float", "null"], "deviceType": ["string", "null"], "OWN": ["boolean", "null"]}
SCHEMA = schema.parse(
    json.dumps(
        {
            "type": "record",
            "name": "Interactions",
            "fields": [{"name": name, "type": type_} for name, type_ in (FIELDS | FURTHER).items()],
        }
    )
)
EVENTS = [
    Event(1, "u1", "s1", None, "i1", 5, "watch", '{"EVENT_VALUE": 2, "deviceType": "a\\u0000b", "OWN": true}'),
    Event(1, "u2", "s2", "e", "i2", 6, "click", '{"RECOMMENDATION_ID": "RID"}'),
]


def test_events_are_rows_of_the_schema() -> None:
    found = streamed_rows.table(EVENTS, SCHEMA)
    assert found.schema == arrow_schema(SCHEMA)
    assert [list(row.values()) for row in found.to_pylist()] == [
        ["u1", "i1", 5, "watch", 2.0, "a\u0000b", True],
        ["u2", "i2", 6, "click", None, None, None],
    ]


def test_no_events_are_no_rows() -> None:
    found = streamed_rows.table([], SCHEMA)
    assert (found.num_rows, found.schema) == (0, arrow_schema(SCHEMA))


def test_a_file_holds_them(tmp_path: Path) -> None:
    streamed_rows.write(EVENTS, SCHEMA, tmp_path / "rows.parquet")
    read: pa.Table = pq.read_table(tmp_path / "rows.parquet")
    assert read.equals(streamed_rows.table(EVENTS, SCHEMA))


def test_a_training_learns_what_the_list_of_an_event_held_where_it_names_no_impressions(tmp_path: Path) -> None:
    fields = FIELDS | {"Impression": ["string", "null"]}
    text = {"type": "record", "name": "Interactions", "fields": [{"name": n, "type": t} for n, t in fields.items()]}
    own = schema.parse(json.dumps(text))
    more = ('{"(SHOWN)": "i1|i2"}', '{"(SHOWN)": "i1|i2", "Impression": "i3"}', "{}")
    events = [Event(1, "u", "s", None, "i1", n, "watch", each) for n, each in enumerate(more)]
    streamed_rows.write(events, own, tmp_path / "rows.parquet")
    assert pq.read_table(tmp_path / "rows.parquet")["Impression"].to_pylist() == ["i1|i2", "i3", None]
    assert streamed_rows.table(events, own)["Impression"].to_pylist() == [None, "i3", None]  # as it is exported
