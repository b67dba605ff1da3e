"""What filters choose from, and what they look at beside it, in the terms of the filter language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from fakepersonalize.datasets.schema import Schema
from fakepersonalize.filters.columns import Codes, Column, Mask, column
from fakepersonalize.filters.evaluate import BoundFilter, Candidates, FilterContext
from fakepersonalize.filters.syntax import INCLUDE
from fakepersonalize.recommend.metadata import Rows


class Items:
    """Items, or actions, in an order of their own, with what is known of them now; `events` is what users do there."""

    def __init__(self, ids: Sequence[str], rows: Rows | None, schema: Schema | None, events: str) -> None:
        self.ids, self.rows, self.events = ids, rows, events
        self.codes = {id_: code for code, id_ in enumerate(ids)}
        self.candidates = Candidates(len(ids), _Columns(ids, rows, schema))
        self._placed: tuple[Sequence[str], Codes] = (), np.zeros(0, np.int64)

    def places(self, ids: Sequence[str]) -> Codes:
        """Return the codes here of other ids, -1 where there is none; those asked for last are remembered."""
        placed, codes = self._placed
        if placed is not ids:
            codes = np.array([self.codes.get(id_, -1) for id_ in ids], np.int64)
            self._placed = ids, codes
        return codes


class Look:
    """Items as one request sees them."""

    def __init__(self, items: Items, context: FilterContext) -> None:
        self._items, self._context = items, context

    def allowed(self, filters: Iterable[BoundFilter], amount: int) -> Mask | None:
        """Return which of the first `amount` items pass all filters; None where there is no filter."""
        found: Mask | None = None
        for each in filters:
            mask = each.mask(self._items.candidates, self._context)[:amount]
            found = mask if found is None else found & mask
        return found

    def removed(self, bound: BoundFilter) -> list[tuple[str, Mask]]:
        """Return the parts of a filter that have their values, as they were written, with the items that each removes.

        An INCLUDE removes what no INCLUDE matches, an EXCLUDE what it matches, and a part whose IF is false nothing.
        """
        matching = {part: mask.reshape(-1) for part, _, mask in bound.matches(self._items.candidates, self._context)}
        kept = [found for part, found in matching.items() if part.effect == INCLUDE]
        included = np.logical_or.reduce(kept) if kept else np.ones(self._items.candidates.amount, bool)
        nothing = np.zeros(self._items.candidates.amount, bool)
        removed = {part: ~included if part.effect == INCLUDE else found for part, found in matching.items()}
        return [(each.part.text, removed.get(each.part, nothing)) for each in bound.parts]


class _Columns(Mapping[str, Column]):
    """The columns of items, each made when a filter first reads it."""

    def __init__(self, ids: Sequence[str], rows: Rows | None, schema: Schema | None) -> None:
        there = set(rows.table.column_names) if rows else set()
        self._ids, self._rows = ids, rows
        self._fields = {field.name: field for field in schema.columns if field.name in there} if schema else {}
        self._made: dict[str, Column] = {}

    def __getitem__(self, name: str) -> Column:
        if name not in self._made:
            field = self._fields[name]
            assert self._rows is not None
            self._made[name] = column(field, self._rows.only([name]).aligned(self._ids)[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)
