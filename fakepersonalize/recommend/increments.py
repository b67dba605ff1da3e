"""Semantic similarity without a new training: items that came, or whose texts changed, since the model was trained.

Words and their weights stay those of the training, and so do popularity and freshness.
https://docs.aws.amazon.com/personalize/latest/dg/native-recipe-semantic-similarity.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix, vstack

from fakepersonalize.recipes.models.semantic import Semantic
from fakepersonalize.recipes.training import Mask, Scores
from fakepersonalize.recommend.candidates import Items
from fakepersonalize.recommend.loaded import LoadedModel
from fakepersonalize.recommend.metadata import Rows


class Increment(NamedTuple):
    """A model in the codes of a catalogue, and which of its items are known by now, [items]; the others wait."""

    model: Semantic
    known: Mask

    def picker(self, item: int | None, further: Mapping[str, Any]) -> Callable[[Mask | None, int], Scores]:
        """Return what picks so many of the allowed items that are known, beside one of the catalogue."""
        seed = item if item is not None and self.known[item] else None

        def pick(allowed: Mask | None, k: int) -> Scores:
            return self.model.similar(seed, self.known if allowed is None else allowed & self.known, k, **further)

        return pick


class Increments:
    """One model with the texts of now. Safe for threads."""

    def __init__(self, loaded: LoadedModel, pause: float, now: Callable[[], float]) -> None:
        """`pause` seconds of the clock pass between two increments."""
        assert isinstance(loaded.model, Semantic), "no other model learns in increments"
        assert loaded.texts is not None
        self._trained, self._texts, self._own = loaded.model, loaded.texts, len(loaded.item_ids)
        self._pause, self._now = pause, now
        self._lock = threading.Lock()
        self._cells: dict[str, tuple[str | None, ...]] = {}  # of each item that was taken in
        self._features = csr_matrix((0, loaded.texts.width), dtype=np.float32)  # of the same, in the same order
        self._looked: float | None = None
        self._taken: Items | None = None
        self._shown: tuple[Items, Increment] | None = None

    def of(self, catalogue: Items) -> Increment:
        """Return the model with all items of a catalogue, after an increment if it is time for one."""
        with self._lock:
            is_due = self._looked is None or self._now() >= self._looked + self._pause
            if catalogue is not self._taken and is_due:
                self._looked, self._taken, self._shown = self._now(), catalogue, None
                if catalogue.rows:
                    self._take_in(catalogue.rows)
            if self._shown is None or self._shown[0] is not catalogue:
                self._shown = catalogue, self._in_codes_of(catalogue)
            return self._shown[1]

    def _take_in(self, rows: Rows) -> None:
        """Read the texts of items that are new or have other ones than before."""
        own = {name.upper(): name for name in rows.table.column_names}
        names = [column.name for column in self._texts.columns if column.name.upper() in own]
        columns = [rows.table[own[name.upper()]].to_pylist() for name in names]
        cells = {id_: tuple(column[place] for column in columns) for id_, place in rows.places.items()}
        changed = {id_: of for id_, of in cells.items() if self._cells.get(id_) != of}
        kept = np.array([id_ not in changed for id_ in self._cells], bool)
        read = self._texts.rows(
            {name: [of[place] for of in changed.values()] for place, name in enumerate(names)}, len(changed)
        )
        self._features = csr_matrix(vstack([self._features[np.flatnonzero(kept)], read], format="csr"))
        self._cells = {id_: of for id_, of in self._cells.items() if id_ not in changed} | changed

    def _in_codes_of(self, catalogue: Items) -> Increment:
        places = np.array([catalogue.codes.get(id_, -1) for id_ in self._cells], np.int64)
        there = np.flatnonzero(places >= 0)
        known = np.zeros(len(catalogue.ids), bool)
        known[: self._own] = True
        known[places[there]] = True
        return Increment(self._trained.updated(places[there], self._features[there], len(known)), known)
