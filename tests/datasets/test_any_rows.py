"""Whatever the rows are: they survive import, export and import; whatever the bytes are: they are rows or a reason."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from fakepersonalize.datasets import csv_files, csv_rows
from fakepersonalize.datasets.schema import ITEMS, RULES, Column, Schema
from fakepersonalize.errors import JobFailed

FEW = settings(max_examples=60, deadline=None, derandomize=True, database=None)
MANY = settings(max_examples=400, deadline=None, derandomize=True, database=None)
PLAIN = Schema(ITEMS, (Column("ITEM_ID", "string"), Column("GENRES", "string", nullable=True), Column("YEAR", "int")))

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1, max_size=20).filter(
    lambda text: text not in RULES[None, ITEMS]
)
values = {
    "string": texts,
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
}
Rows = list[tuple[Any, ...]]


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    types = draw(st.lists(st.tuples(st.sampled_from(sorted(values)), st.booleans()), min_size=1, max_size=6))
    return Schema(ITEMS, (Column("ITEM_ID", "string"), *(Column(f"c{n}", *kind) for n, kind in enumerate(types))))


@st.composite
def tables(draw: st.DrawFn) -> tuple[Schema, Rows]:
    schema = draw(schemas())
    cells = [st.none() | values[each.type] if each.nullable else values[each.type] for each in schema.columns]
    return schema, draw(st.lists(st.tuples(*cells), min_size=1, max_size=12))


def written(schema: Schema, rows: Rows, path: Path) -> Path:
    """Write a file as a careful person would: with Python's csv module, backslashes escaped."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.name for column in schema.columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    path.write_bytes(text.getvalue().encode())
    return path


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return value.replace("\\", "\\\\") if isinstance(value, str) else repr(value) if isinstance(value, float) else value


def imported(files: list[Path], schema: Schema, target: Path) -> Rows:
    csv_rows.spool_parquet(files, schema, target, minimum_rows=0)
    return [tuple(row.values()) for row in pq.read_table(target).to_pylist()]


def exported(parquet: Path, schema: Schema, folder: Path) -> list[Path]:
    return [
        folder / name for name in csv_files.write(csv_files.distinct([parquet], schema, folder), schema, folder, "job")
    ]


def as_kept(schema: Schema, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row with floats of their 32 bits."""
    types = [column.type for column in schema.columns]
    return tuple(
        float(np.float32(value)) if type_ == "float" and value is not None else value
        for type_, value in zip(types, row)
    )


@FEW
@given(tables())
def test_rows_survive_an_import_an_export_and_an_import(table: tuple[Schema, Rows]) -> None:
    schema, rows = table
    with TemporaryDirectory() as name:
        folder = Path(name)
        first = imported([written(schema, rows, folder / "rows.csv")], schema, folder / "first.parquet")
        assert first == [as_kept(schema, row) for row in rows]
        second = imported(exported(folder / "first.parquet", schema, folder), schema, folder / "second.parquet")
        assert len(second) == len(set(second))
        assert set(map(repr, second)) <= set(map(repr, first))
        assert set(second) == set(first)


lines = st.lists(
    st.sampled_from(
        [b"ITEM_ID", b"GENRES", b"YEAR", b",", b'"', b"\\", b"\r", b"\n", b"i", b"1", b"|", b"\xff", b"\x00"]
    ),
    max_size=30,
).map(b"".join)
almost = st.tuples(st.lists(st.sampled_from([b"i,g,1\n", b'"a,b",,2\n', b"i,g,1\r\n"]), max_size=4), lines).map(
    lambda parts: b"ITEM_ID,GENRES,YEAR\n" + b"".join(parts[0]) + parts[1]
)


@MANY
@given(st.binary(max_size=200) | lines | almost)
def test_any_bytes_are_rows_or_a_reason(data: bytes) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rows.csv").write_bytes(data)
        try:
            rows = imported([folder / "rows.csv"], PLAIN, folder / "rows.parquet")
        except JobFailed as problem:
            rows, reason = [], problem.text()
        else:
            reason = ""
        assert bool(rows) != bool(reason)
        assert (folder / "rows.parquet").exists() == bool(rows)
        assert all(item and year is not None for item, _, year in rows)
