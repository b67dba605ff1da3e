"""Past events: what was imported of users' interactions, and with actions, with types, which models do not keep."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fakepersonalize.datasets.inlets import Inlets
from fakepersonalize.datasets.schema import Schema
from fakepersonalize.recommend.metadata import LiveMetadata, Segments

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

COLUMNS = ("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE")
CALLED = {"ACTION_ID": "ITEM_ID"}  # what action interactions call the same


class Interaction(NamedTuple):
    """One event of a user with an item, or with an action."""

    time: int  # seconds since 1970
    item: str
    type: str


@dataclass(frozen=True, slots=True, eq=False)
class UserInteractions:
    """The imported events of all users in compressed form, oldest first within a user."""

    users: dict[str, int]
    item_ids: list[str]
    type_names: list[str]
    offsets: np.ndarray  # int64[users + 1]
    items: np.ndarray  # int32[n]
    types: np.ndarray  # int32[n]
    times: np.ndarray  # int64[n], seconds since 1970

    def of(self, user: str) -> list[Interaction]:
        """Return what one user did, oldest first."""
        code = self.users.get(user)
        if code is None:
            return []
        own = slice(self.offsets[code], self.offsets[code + 1])
        columns = (self.times[own].tolist(), self.items[own].tolist(), self.types[own].tolist())
        return [Interaction(at, self.item_ids[item], self.type_names[type_]) for at, item, type_ in zip(*columns)]


class PastEvents:
    """The imported interactions by user: read when first asked for, kept until an import changes them, without SQL."""

    def __init__(self, metadata: LiveMetadata, inlets: Inlets) -> None:
        self._metadata, self._inlets = metadata, inlets
        self._reading = threading.Lock()
        self._read: dict[int, tuple[Segments, UserInteractions]] = {}

    def of(self, dataset_arn: str) -> UserInteractions | None:
        """Return what users did as the dataset that has the ARN now was imported; None where it is not there."""
        inlet = self._inlets.of(dataset_arn)
        if inlet is None:
            return None
        with self._reading:
            segments, histories = self._read.get(inlet.dataset, (None, None))
            while histories is None or segments != self._metadata.segments(inlet.dataset):
                segments = self._metadata.segments(inlet.dataset)
                histories = self._histories(inlet.dataset, segments, inlet.schema)
        return histories

    def drop(self, dataset: int) -> None:
        """Forget a dataset."""
        self._read.pop(dataset, None)

    def _histories(self, dataset: int, segments: Segments, schema: Schema) -> UserInteractions | None:
        """Read the files; None if one has just gone because an import took its place."""
        try:
            found = user_interactions(rows_of([path for _, path in segments], schema))
        except FileNotFoundError:
            if segments == self._metadata.segments(dataset):
                raise
            return None
        self._read[dataset] = segments, found
        return found


def rows_of(segments: Sequence[Path], schema: Schema) -> pa.Table:
    """Return USER_ID, ITEM_ID, TIMESTAMP and EVENT_TYPE of files, so called; a type that is not there is empty."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    called = {column.name: CALLED.get(column.name.upper(), column.name.upper()) for column in schema.columns}
    own = {name: known for name, known in called.items() if known in COLUMNS}
    types = {"TIMESTAMP": pa.int64()}
    none = pa.table({name: pa.array([], types.get(name, pa.string())) for name in COLUMNS})
    tables = [none]
    for path in segments:
        there = [name for name in pq.read_schema(path).names if name in own]
        tables.append(pq.read_table(path, columns=there).rename_columns([own[name] for name in there]))
    return pa.concat_tables(tables, promote_options="permissive")


def user_interactions(rows: pa.Table) -> UserInteractions:
    """Gather rows of the columns that `rows_of` returns by their users."""
    import numpy as np
    import pyarrow.compute as pc

    from fakepersonalize.recipes.training import chronological

    users, items = (rows[name].combine_chunks().dictionary_encode() for name in ("USER_ID", "ITEM_ID"))
    types = pc.fill_null(rows["EVENT_TYPE"], "").combine_chunks().dictionary_encode()
    codes, times = users.indices.to_numpy(), rows["TIMESTAMP"].to_numpy()
    order = chronological(codes, times) if len(codes) else None
    user_ids = users.dictionary.to_pylist()
    offsets = np.zeros(len(user_ids) + 1, np.int64)
    np.cumsum(np.bincount(codes, minlength=len(user_ids)), out=offsets[1:])
    columns = (items.indices.to_numpy(), types.indices.to_numpy(), times)
    ordered = columns if order is None else tuple(column[order] for column in columns)
    return UserInteractions(
        {id_: code for code, id_ in enumerate(user_ids)},
        items.dictionary.to_pylist(),
        types.dictionary.to_pylist(),
        offsets,
        *ordered,
    )
