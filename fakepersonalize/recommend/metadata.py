"""Current metadata: what is known of items, users and actions now, imported or streamed, whatever a model learnt.

Filters and answers with metadata read these rows, so a record counts from the call after the one that put it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fakepersonalize import arns
from fakepersonalize.datasets.inlets import Inlets
from fakepersonalize.recommend.lags import Brought, Waiting, is_late
from fakepersonalize.resources.kinds import DATASET, DATASET_IMPORT_JOB
from fakepersonalize.resources.shelf import Shelf
from fakepersonalize.storage.streamed import Event, Record, StreamedRows
from fakepersonalize.storage.tables import TableStore

if TYPE_CHECKING:
    import pyarrow as pa

    from fakepersonalize.datasets.live import Inlet


Segments = list[tuple[int, "Path"]]


class Imported(NamedTuple):
    """The files of a dataset as an import left them."""

    dataset: int
    files: Segments
    number: int = 0  # no streamed row has it
    at: float = 0.0  # what was imported before a restart counts after it


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of one dataset as they stood at one moment; the next ones are another object."""

    table: pa.Table
    places: dict[str, int]  # the row of each id

    def row(self, id_: str) -> dict[str, Any] | None:
        """Return the columns of an item, user or action by the schema's names; None where nothing is known of it."""
        place = self.places.get(id_)
        return None if place is None else self.table.slice(place, 1).to_pylist()[0]

    def texts(self, ids: Sequence[str], columns: Mapping[str, str]) -> list[dict[str, str]]:
        """Return for each id the values of columns as texts, but nulls; `columns` has their names by those to show."""
        rows = self.only(list(dict.fromkeys(columns.values()))).aligned(ids)
        found = {shown: [_text(value) for value in rows[name]] for shown, name in columns.items()}
        return [
            {shown: text for shown, texts in found.items() if (text := texts[place]) is not None}
            for place in range(len(ids))
        ]

    def only(self, columns: Sequence[str]) -> Rows:
        """Return the same rows with some of their columns."""
        return Rows(self.table.select(columns), self.places)

    def aligned(self, ids: Sequence[str]) -> pa.Table:
        """Return a row for each id in their order, of nulls where nothing is known."""
        import pyarrow as pa

        return self.table.take(pa.array([self.places.get(id_) for id_ in ids], pa.int64()))


class LiveMetadata:
    """The current rows of Items, Users and Actions datasets; made when first asked for, kept until they change.

    `refresh` hears of every commit, `take` of every streamed row; asking takes no SQL. New rows, streamed or imported,
    count `lag` seconds of the clock after they came.
    """

    def __init__(
        self,
        shelf: Shelf,
        tables: TableStore,
        streamed: StreamedRows,
        inlets: Inlets,
        lag: float = 0.0,
        now: Callable[[], float] = float,
    ) -> None:
        self._shelf, self._tables, self._inlets = shelf, tables, inlets
        self._making, self._noting = threading.Lock(), threading.Lock()
        self._segments: dict[int, Segments] = {}  # those that count
        self._latest: dict[int, Segments] = {}  # those that there are
        self._records: dict[int, dict[str, Record]] = {}  # by id, the newest
        self._came: dict[int, dict[str, Record]] = {}  # by id, the first
        self._lag, self._now = lag, now
        self._made: dict[int, tuple[Inlet, Rows]] = {}
        self._changes = 0
        self._waiting: Waiting[Event | Record | Imported] = Waiting(self.take, lag, now)
        for dataset in streamed.datasets():
            self._waiting.resume(streamed.records(dataset))
        self.refresh({dataset.arn for dataset in shelf.of_kind(DATASET)})
        streamed.listeners.append(self._waiting.take)
        streamed.removals.append(self.remove)

    def of(self, dataset_arn: str) -> Rows | None:
        """Return the current rows of the dataset that has the ARN now, if there is one."""
        self._waiting.settle()
        inlet = self._inlets.of(dataset_arn)
        if inlet is None:
            return None
        with self._making:
            known, rows = self._made.get(inlet.dataset, (None, None))
            while rows is None or known is not inlet:  # another inlet has another schema
                known, rows = inlet, self._make(inlet)
        return rows

    def segments(self, dataset: int) -> Segments:
        """Return the numbered files of any dataset, oldest first; another list when an import has changed them."""
        self._waiting.settle()
        return self._segments.get(dataset, [])

    def late(self, dataset_arn: str, when: float) -> set[str]:
        """Return what nobody imported and what began to count after a moment; what is imported does not tell when."""
        return {*self._put(dataset_arn, lambda first: is_late(first.at, when - self._lag, self._now()))}

    def put_since(self, dataset_arn: str, number: int) -> dict[str, Brought]:
        """Return what nobody imported and what was put first by a row behind a number, with that row."""
        return self._put(dataset_arn, lambda first: first.number > number)

    def _put(self, dataset_arn: str, is_new: Callable[[Record], bool]) -> dict[str, Brought]:
        from fakepersonalize.datasets import streamed_rows

        inlet = self._inlets.of(dataset_arn)
        came = self._came.get(inlet.dataset, {}) if inlet else {}
        found = {id_: Brought(first.number, first.at + self._lag) for id_, first in [*came.items()] if is_new(first)}
        if not found:
            return found
        assert inlet is not None
        with suppress(FileNotFoundError):  # an import has just taken its place
            imported = streamed_rows.current(self._segments.get(inlet.dataset, []), [], inlet.schema)
            for id_ in imported[streamed_rows.id_column(inlet.schema)].to_pylist():
                found.pop(id_, None)
        return found

    def read(self) -> set[int]:
        """Return the numbers of the segments that answers read, or will read before newer ones count."""
        coming = [row.files for row in self._waiting.rows() if isinstance(row, Imported)]
        return {number for files in (*self._segments.values(), *coming) for number, _ in files}

    def take(self, rows: Iterable[Event | Record | Imported]) -> None:
        """Hear of new rows."""
        for row in rows:
            if isinstance(row, Record):
                self._records.setdefault(row.dataset, {})[row.id] = row
                self._came.setdefault(row.dataset, {}).setdefault(row.id, row)
                self._change(row.dataset)
            elif isinstance(row, Imported):
                self._segments[row.dataset] = row.files
                self._change(row.dataset)

    def refresh(self, changed: set[str]) -> None:
        """Look again at the segments of datasets that changed, which count at once, or that an import changed."""
        for arn in changed:
            named = arns.parse(arn)
            found = self._shelf.find(arn) if named and named.kind in (DATASET.noun, DATASET_IMPORT_JOB.noun) else None
            dataset = self._shelf.find(found["datasetArn"]) if found and found.kind is DATASET_IMPORT_JOB else found
            if dataset:
                self._look(dataset.number, dataset.arn not in changed)

    def remove(self, dataset: int, numbers: Set[int]) -> None:
        """Forget streamed records of a dataset by their numbers."""
        self._waiting.remove(numbers)
        records = self._records.get(dataset, {})
        self._records[dataset] = {id_: record for id_, record in records.items() if record.number not in numbers}
        self._came[dataset] = {id_: self._came[dataset][id_] for id_ in self._records[dataset]}
        self._change(dataset)

    def drop(self, dataset: int) -> None:
        """Forget a dataset."""
        self._waiting.drop(dataset)
        self._segments.pop(dataset, None)
        self._latest.pop(dataset, None)
        self._records.pop(dataset, None)
        self._came.pop(dataset, None)
        self._change(dataset)

    def _look(self, dataset: int, later: bool) -> None:
        files = self._tables.numbered(dataset)
        if not later:
            self._waiting.forget(lambda row: row.dataset == dataset and isinstance(row, Imported))
            self.take([Imported(dataset, files)])
        elif files != self._latest.get(dataset):
            self._waiting.take([Imported(dataset, files)])
        self._latest[dataset] = files

    def _make(self, inlet: Inlet) -> Rows | None:
        """Return the rows as they are now, and keep them unless they change meanwhile; None if a file has just gone."""
        from fakepersonalize.datasets import streamed_rows

        changes = self._changes
        segments, records = self._segments.get(inlet.dataset, []), self._records.get(inlet.dataset, {})
        try:
            table = streamed_rows.current(segments, list(records.values()), inlet.schema)
        except FileNotFoundError:
            if changes == self._changes:
                raise
            return None
        ids = table[streamed_rows.id_column(inlet.schema)].to_pylist()
        rows = Rows(table, {id_: place for place, id_ in enumerate(ids)})
        with self._noting:
            if changes == self._changes:
                self._made[inlet.dataset] = inlet, rows
        return rows

    def _change(self, dataset: int) -> None:
        with self._noting:
            self._changes += 1
            self._made.pop(dataset, None)


def _text(value: pa.Scalar) -> str | None:
    """Return a value as files spell it: a float as short as tells it from its neighbours, with a decimal point.

    The service was seen to give a price of 130 as `130.0`
    (https://github.com/aws-samples/amazon-personalize-immersion-day, Retail_03).
    """
    import numpy as np
    import pyarrow as pa

    plain = value.as_py()
    if plain is None or isinstance(plain, str):
        return plain
    if not isinstance(plain, float):
        return str(plain).lower()  # true and false
    shortest = float(str(np.float32(plain))) if pa.types.is_float32(value.type) else plain
    digits, e, exponent = str(shortest).partition("e")
    return f"{digits if '.' in digits else f'{digits}.0'}{e}{exponent}"
