"""Many rows become several files, and equal rows one, however the rows are dealt out."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakepersonalize.datasets import csv_files, csv_rows
from fakepersonalize.datasets.schema import Column, Schema
from fakepersonalize.datasets.values import arrow_schema

SCHEMA = Schema("USERS", (Column("USER_ID", "string"), Column("AGE", "int", nullable=True)))
TYPES = arrow_schema(SCHEMA)
ROWS = [(f"u{n % 300}", None if n % 7 == 0 else n % 2) for n in range(2000)]


@pytest.fixture
def segments(tmp_path: Path) -> list[Path]:
    paths = []
    for number, rows in enumerate((ROWS[:900], ROWS[900:])):
        paths.append(tmp_path / f"{number}.parquet")
        columns = [pa.array(column, field.type) for column, field in zip(zip(*rows), TYPES)]
        pq.write_table(pa.table(columns, schema=TYPES), paths[-1])
    return paths


@pytest.mark.parametrize("at_once", [10_000, 999, 100])
def test_equal_rows_are_one_and_the_first_in_its_share_and_each_segment_is_read_once(
    segments: list[Path], tmp_path: Path, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "SHARE_ROWS", at_once)
    read: list[Path] = []

    class Noting(pq.ParquetFile):
        def __init__(self, path: Path) -> None:
            read.append(path)
            super().__init__(path)

    monkeypatch.setattr(csv_files.pq, "ParquetFile", Noting)
    shares = [
        [tuple(row.values()) for row in rows.to_pylist()] for rows, _ in csv_files.distinct(segments, SCHEMA, tmp_path)
    ]
    assert len(shares) == 1 + 2000 // at_once
    wanted = list(dict.fromkeys(ROWS))
    assert sorted(chain(*shares), key=wanted.index) == wanted
    assert all(share == sorted(share, key=wanted.index) for share in shares)
    assert read == segments
    assert sorted(tmp_path.iterdir()) == segments


def test_files_are_of_bounded_size_and_each_has_the_header(
    segments: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "FILE_BYTES", 1000)
    monkeypatch.setattr(csv_files, "BATCH_ROWS", 50)
    told: list[float] = []
    names = csv_files.write(csv_files.distinct(segments, SCHEMA, tmp_path), SCHEMA, tmp_path, "job", told.append)
    assert names[:2] == ["job-part-00000.csv", "job-part-00001.csv"]
    assert len(names) == 3
    texts = [(tmp_path / name).read_text("utf-8") for name in names]
    assert all(text.startswith("USER_ID,AGE\n") and 12 < len(text) < 2500 for text in texts)
    batches = csv_rows.read([tmp_path / name for name in names], SCHEMA)
    assert [tuple(row.values()) for batch in batches for row in batch.to_pylist()] == list(dict.fromkeys(ROWS))
    assert told


def test_a_segment_from_before_a_new_column_has_nulls_there(tmp_path: Path) -> None:
    pq.write_table(pa.table({"USER_ID": ["u1", "u1"]}), tmp_path / "old.parquet")
    rows = csv_files.distinct([tmp_path / "old.parquet"], SCHEMA, tmp_path)
    (name,) = csv_files.write(rows, SCHEMA, tmp_path, "job")
    assert (tmp_path / name).read_text("utf-8") == "USER_ID,AGE\nu1,\n"
