"""DuckDB reads the same CSV files and finds the rows that the store holds."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from fakepersonalize.datasets import csv_rows, schema

FILMS = Path(__file__).parents[2] / "fixtures" / "films"
TYPES = {"string": "VARCHAR", "int": "INTEGER", "long": "BIGINT", "float": "FLOAT", "boolean": "BOOLEAN"}
FILES = {"interactions": "interactions.csv.gz", "items": "films.csv", "users": "users.csv"}
ODD = '''ITEM_ID,GENRES,CREATION_TIMESTAMP,x,PRICE,ready
1,"a,b|c",1600000000,unused,1.5,true
2,,1600000001,,,false
"3 ","é ""quoted""",1600000002,,-0.25,
'''
ODD_SCHEMA = schema.Schema(
    "ITEMS",
    (
        schema.Column("ITEM_ID", "string"),
        schema.Column("GENRES", "string", nullable=True, categorical=True),
        schema.Column("CREATION_TIMESTAMP", "long"),
        schema.Column("PRICE", "float", nullable=True),
        schema.Column("READY", "boolean", nullable=True),
    ),
)


@pytest.fixture
def differences(tmp_path: Path) -> Callable[..., list[Any]]:
    """A function that returns the rows which only one side has, with how often."""

    def compare(file: Path, of: schema.Schema) -> list[Any]:
        stored = tmp_path / "stored.parquet"
        rows = csv_rows.spool_parquet([file], of, stored, minimum_rows=0).rows
        columns = ", ".join(f"CAST({column.name} AS {TYPES[column.type]}) AS {column.name}" for column in of.columns)
        with duckdb.connect() as database:
            database.execute(f"CREATE VIEW text AS SELECT {columns} FROM read_csv('{file}', all_varchar = true)")
            database.execute(f"CREATE VIEW store AS SELECT * FROM read_parquet('{stored}')")
            assert database.execute("SELECT count(*) FROM text").fetchone() == (rows,)
            sides = (("text", "store"), ("store", "text"))
            either = [f"(FROM {one} EXCEPT ALL FROM {other})" for one, other in sides]
            return database.execute(" UNION ALL ".join(either)).fetchall()

    return compare


@pytest.mark.parametrize("kind", FILES)
def test_the_store_holds_the_films_as_duckdb_reads_them(
    kind: str, differences: Callable[..., list[Any]], tmp_path: Path
) -> None:
    file, of = tmp_path / "rows.csv", schema.parse((FILMS / "schemas" / f"{kind}.json").read_text("utf-8"))
    source = FILMS / FILES[kind]
    with gzip.open(source) if source.suffix == ".gz" else source.open("rb") as packed, file.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    assert differences(file, of) == []


def test_the_store_holds_odd_rows_as_duckdb_reads_them(differences: Callable[..., list[Any]], tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text(ODD, "utf-8")
    assert differences(tmp_path / "odd.csv", ODD_SCHEMA) == []
