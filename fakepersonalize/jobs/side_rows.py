"""What a training reads beside the interactions: the current rows of Items and Users, and the columns that train.

Source: https://docs.aws.amazon.com/personalize/latest/dg/custom-config-columns.html.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize.datasets import schema
from fakepersonalize.datasets.schema import NUMBERS, Column, Schema
from fakepersonalize.jobs.services import Services
from fakepersonalize.lifecycle.workshop import Job
from fakepersonalize.resources.shelf import Resource
from fakepersonalize.storage.streamed import Record

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from scipy.sparse import csr_matrix

    from fakepersonalize.recipes.features import Encoding, Kind

# What a recipe learns from that takes columns of Items of a kind.
SOURCES: Mapping[Kind, str] = {"category": "items", "number": "items", "text": "texts"}
CREATED = "CREATION_TIMESTAMP"
# Columns that say who, what and when, or what only the past can know: no features.
NO_FEATURES = schema.IDS | {
    *("TIMESTAMP", CREATED, "EVENT_TYPE", "EVENT_VALUE", "IMPRESSION"),
    *("RECOMMENDATION_ID", "EVENT_ATTRIBUTION_SOURCE"),
}


@dataclass(frozen=True, slots=True)
class Side:
    """The newest row of each item, user or action, and the schema that they have."""

    schema: Schema
    table: pa.Table
    ids: list[str]

    def cells(self, name: str, ids: Sequence[str] | None = None) -> list[Any]:
        """Return a column of all rows, or of the given ids: None where nothing is known of one."""
        column: list[Any] = self.table[name].to_pylist()
        if ids is None:
            return column
        known = dict(zip(self.ids, column))
        return [known.get(id_) for id_ in ids]


def spool(services: Services, job: Job, dataset: Resource) -> dict[str, Any]:
    """Pin the rows of a dataset as they are now, inside the caller's transaction, and return where they are."""
    of = services.shelf.find(dataset["schemaArn"])
    assert of is not None, "a dataset keeps its schema"
    services.tables.pin(dataset.number, job.number)
    records = job.folder / f"{dataset['datasetType'].lower()}.json"
    records.write_text(json.dumps(services.streamed.records(dataset.number)), "utf-8")
    return {
        "schema": of["schema"],
        "domain": of.document.get("domain"),
        "segments": [(number, str(path)) for number, path in services.tables.numbered(dataset.number)],
        "records": str(records),
    }


def read(spooled: Mapping[str, Any] | None) -> Side | None:
    """Return the rows that `spool` pinned; None where there is no such dataset."""
    from fakepersonalize.datasets import streamed_rows

    if spooled is None:
        return None
    of = schema.parse(spooled["schema"], spooled["domain"])
    records = [Record(*row) for row in json.loads(Path(spooled["records"]).read_text("utf-8"))]
    table = streamed_rows.current([(number, Path(path)) for number, path in spooled["segments"]], records, of)
    return Side(of, table, table[streamed_rows.id_column(of)].to_pylist())


def trained_columns(of: Schema, choice: Mapping[str, Any], kinds: Collection[Kind]) -> dict[str, Kind]:
    """Return the columns that train and how: of these kinds, and as a `trainingDataConfig` chooses."""
    known = {column.name: kind for column in of.columns if (kind := _kind(column))}
    return {name: kind for name, kind in known.items() if kind in kinds and is_chosen(of, choice, name)}


def is_chosen(of: Schema, choice: Mapping[str, Any], name: str) -> bool:
    """Tell whether a `trainingDataConfig` lets a column train, and whether it was `known` early enough."""
    included = _of_type(choice.get("includedDatasetColumns"), of.dataset_type)
    excluded = _of_type(choice.get("excludedDatasetColumns"), of.dataset_type) or ()
    known = _of_type(choice.get("known"), of.dataset_type)
    return name.upper() not in excluded and all(names is None or name.upper() in names for names in (included, known))


def features(side: Side, columns: Mapping[str, Kind], ids: Sequence[str]) -> tuple[Encoding, csr_matrix]:
    """Return the encoding that all rows teach, and the features of the ids, float32 [ids, features]."""
    from fakepersonalize.recipes.features import Encoding

    known = {name: (kind, cells) for name, kind in columns.items() if _tells(kind, cells := side.cells(name))}
    encoding = Encoding.learn(known)
    return encoding, encoding.rows({name: side.cells(name, ids) for name in known}, len(ids))


def contexts(table: pa.Table, columns: Mapping[str, Kind]) -> tuple[Encoding, csr_matrix]:
    """Return the encoding of columns of interactions, and the features of each row, float32 [n, features].

    Rows are many and their values few: each combination of values is encoded once. A value is there or not; how rare it
    is does not count.
    """
    import numpy as np

    from fakepersonalize.recipes.features import Encoding

    combinations = np.zeros(table.num_rows, np.int64)
    for name in columns:
        codes = table[name].combine_chunks().dictionary_encode("encode")
        joined = combinations * (len(codes.dictionary) + 1) + codes.indices.to_numpy(zero_copy_only=False)
        combinations = np.unique(joined, return_inverse=True)[1].reshape(-1)
    first = np.unique(combinations, return_index=True)[1]
    cells = {name: table[name].take(first).to_pylist() for name in columns}
    everything = {name: _numbers(table[name]) for name, kind in columns.items() if kind == "number"}
    learnt = Encoding.learn({name: (kind, everything.get(name, cells[name])) for name, kind in columns.items()})
    encoding = Encoding(tuple(replace(column, weights=(1.0,) * len(column.values)) for column in learnt.columns))
    return encoding, encoding.rows(cells, len(first))[combinations]


def item_times(side: Side, choice: Mapping[str, Any], ids: Sequence[str]) -> np.ndarray | None:
    """Return when each item was made, int64 seconds since 1970, 0 where that is unknown; None without the column."""
    import numpy as np

    column = side.schema.column(CREATED)
    if column is None or not is_chosen(side.schema, choice, column.name):
        return None
    return np.array([int(cell or 0) for cell in side.cells(column.name, ids)], np.int64)


def _kind(column: Column) -> Kind | None:
    """Booleans and plain strings never train."""
    if column.name.upper() in NO_FEATURES:
        return None
    if column.textual:
        return "text"
    return "category" if column.categorical else "number" if column.type in NUMBERS else None


def _tells(kind: Kind, cells: Sequence[Any]) -> bool:
    """Categories of one row each say of no two rows that they are alike."""
    if kind != "category":
        return True
    present = [value for cell in cells if cell is not None for value in cell.split("|")]
    return len({*present}) < len(present)


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    import numpy as np

    numbers: np.ndarray = column.cast("float64").to_numpy().astype(np.float64)
    return numbers


def _of_type(columns: Mapping[str, Sequence[str]] | None, type_: str) -> set[str] | None:
    lists = [names for given, names in (columns or {}).items() if schema.dataset_type(given) == type_]
    return {name.upper() for names in lists for name in names} if lists else None
