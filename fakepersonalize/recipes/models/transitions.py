"""What follows what: directed item-to-item transitions whose weight decays with the gap between two interactions.

M[i, j] = sum over users and positions of decay^(gap - 1) for j that follows i at gaps 1..window, each times the weight
of the event that is j where events have weights, divided by pop(i)^0.5 pop(j)^0.2. A user's scores are the sum of the
rows of the latest items, each weighted by its age. This is the order-aware relative of item-item nearest neighbours
(Linden, Smith and York, "Amazon.com recommendations", 2003).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.training import Codes, Mask, Tick, TrainingData, runs

WINDOW = 50
DECAY = 0.95
FROM_POPULARITY, TO_POPULARITY = 0.5, 0.2
NEIGHBOURS = 200
# Counting is several times faster while the table stays in the second-level cache.
BLOCK_BYTES = 1 << 20
PAIRS_AT_ONCE = 1 << 20
WIDEST = 2 * NEIGHBOURS  # where ties make a row longer, windows as wide as that would read too much

Row = tuple[Codes, npt.NDArray[np.float32]]
Rows = tuple[npt.NDArray[np.int64], Codes, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Transitions:
    """Rows of what follows each item, compressed, and apart from them how strongly each item follows itself."""

    offsets: npt.NDArray[np.int64]  # [n_items + 1]
    items: Codes  # [n]
    weights: npt.NDArray[np.float32]  # [n]
    repeats: npt.NDArray[np.float32]  # [n_items]: the diagonal of M, which the rows leave out

    def grown(self, more: int) -> Transitions:
        """Return these rows with `more` items behind the others, which nothing follows."""
        offsets = np.append(self.offsets, np.full(more, self.offsets[-1]))
        return replace(self, offsets=offsets, repeats=np.append(self.repeats, np.zeros(more, np.float32)))

    def followers(
        self, users: npt.NDArray[np.int64], items: Codes, strengths: npt.NDArray[np.floating], n_users: int
    ) -> npt.NDArray[np.float64]:
        """Return the sums of rows, [n_users, n_items]: row `items[e]` times `strengths[e]` goes to user `users[e]`."""
        return row_sums(self.rows, users, items, strengths, (n_users, len(self.repeats)))

    @property
    def rows(self) -> Rows:
        """The rows as a table."""
        return self.offsets, self.items, self.weights


def row_sums(
    table: Rows,
    owners: npt.NDArray[np.int64],
    rows: Codes,
    strengths: npt.NDArray[np.floating],
    shape: tuple[int, int],
) -> npt.NDArray[np.float64]:
    """Return sums of rows of a compressed table, [owners, columns]: `strengths[e]` x row `rows[e]` to `owners[e]`."""
    lengths, columns, weights = entries(table, rows, strengths)
    return sums(np.repeat(owners * shape[1], lengths) + columns, weights, shape[0] * shape[1]).reshape(shape)


def entries(
    table: Rows, rows: Codes, strengths: npt.NDArray[np.floating]
) -> tuple[npt.NDArray[np.int64], Codes, npt.NDArray[np.floating]]:
    """Return the lengths of rows of a compressed table, and column and strength x value of all that is in them."""
    offsets, columns, values = table
    starts = offsets[rows]
    lengths: npt.NDArray[np.int64] = offsets[rows + 1] - starts
    found = runs(starts, lengths)
    return lengths, columns[found], values[found] * np.repeat(strengths, lengths)


class RowSums:
    """Sums of a few rows of a compressed table, for which the steps count rather than the entries.

    All rows are read as windows as wide as the longest one; what these show of the rows behind counts nothing.
    """

    def __init__(self, table: Rows, n_columns: int) -> None:
        self._table, self._n_columns = table, n_columns
        offsets, columns, values = table
        self._starts, self._lengths = offsets[:-1], np.diff(offsets)
        width = int(self._lengths.max(initial=0))
        self._last = len(columns) - width if 0 < width <= WIDEST else -1  # where a window may begin
        if self._last >= 0:
            view = np.lib.stride_tricks.sliding_window_view
            self._columns, self._values = view(columns, width), view(values, width)
            self._places = np.arange(width)

    def of(self, rows: Codes, strengths: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return the sum of at least one row, each times its strength, [n_columns]."""
        starts = self._starts[rows]
        if starts.max() > self._last:
            _, columns, weights = entries(self._table, rows, strengths)
            return sums(columns, weights, self._n_columns)
        lengths, weights = self._lengths[rows], self._values[starts] * strengths[:, None]
        shortest = int(lengths.min())
        weights[:, shortest:] *= self._places[shortest:] < lengths[:, None]
        return sums(self._columns[starts].ravel(), weights.ravel(), self._n_columns)


def fit_transitions(data: TrainingData, popularity: npt.NDArray[np.integer], window: int, tick: Tick) -> Transitions:
    """Count, normalise and prune the transitions of `data`; memory stays near that of `data` plus the result."""
    counted = Followers(data, window)
    leaving = np.maximum(popularity, 1) ** FROM_POPULARITY
    arriving = np.maximum(popularity, 1) ** TO_POPULARITY
    repeats = np.zeros(data.n_items, np.float32)
    rows = []
    for first, last in row_blocks(data.n_items):
        for item, counts in enumerate(counted.rows(first, last), first):
            near = np.flatnonzero(counts > 0)  # few of many cells are filled
            weights = counts[near] / (leaving[item] * arriving[near])
            itself = near == item
            repeats[item] = weights[itself].sum()
            weights[itself] = 0
            rows.append(strongest(near, weights, NEIGHBOURS))
        tick(last / data.n_items)
    return Transitions(*joined(rows), repeats)


def row_blocks(n_items: int) -> Iterator[tuple[int, int]]:
    """Cut the rows of a table [n_items, n_items] into runs (first, last + 1) of `BLOCK_BYTES` at 8 bytes a cell."""
    rows = max(1, BLOCK_BYTES // (8 * max(n_items, 1)))
    return ((first, min(first + rows, n_items)) for first in range(0, n_items, rows))


class Followers:
    """The interactions grouped by item, each with the window of what followed it; `of` some items alone."""

    def __init__(self, data: TrainingData, window: int, of: Mask | None = None, decay: float = DECAY) -> None:
        from scipy.sparse import csr_matrix

        n, self.n_items = len(data.items), data.n_items
        self.window = max(1, min(window, int(data.lengths.max(initial=1)) - 1))
        # Behind each history stand so many items that do not exist that no window reaches into the next one.
        places = np.arange(n) + np.repeat(np.arange(data.n_users) * self.window, data.lengths)
        items = np.full(n + (data.n_users + 1) * self.window + 1, data.n_items, np.int32)
        items[places] = data.items
        self.windows = np.lib.stride_tricks.sliding_window_view(items[1:], self.window)
        self.weights = None if data.weights is None else self._weights(data.weights, places, len(items))
        sources = places if of is None else places[of[data.items]]
        # To transpose is to sort by counting.
        by_item = csr_matrix((sources, items[sources], [0, len(sources)]), shape=(1, data.n_items)).tocsc()
        self.places, self.offsets = by_item.data, by_item.indptr.astype(np.int64)
        self.decays = decay ** np.arange(self.window)
        self.step = max(1, PAIRS_AT_ONCE // self.window)
        self.many_decays = np.tile(self.decays, self.step)

    def rows(self, first: int, last: int) -> npt.NDArray[np.float64]:
        """Return the decayed counts of what follows the items first..last - 1, [last - first, n_items]."""
        begin, end = int(self.offsets[first]), int(self.offsets[last])
        total = self._counts(first, last, begin, min(begin + self.step, end))
        for at in range(begin + self.step, end, self.step):
            total += self._counts(first, last, at, min(at + self.step, end))
        return total

    def _counts(self, first: int, last: int, begin: int, end: int) -> npt.NDArray[np.float64]:
        """Count what follows the interactions begin..end - 1: making a table dense adds up what falls into one cell."""
        from scipy.sparse import csr_matrix

        places = self.places[begin:end]
        decays = self.many_decays[: len(places) * self.window]
        if self.weights is not None:
            decays = decays * self.weights[places].ravel()
        offsets = (np.clip(self.offsets[first : last + 1], begin, end) - begin) * self.window
        shape = (last - first, self.n_items + 1)
        table: npt.NDArray[np.float64] = csr_matrix(
            (decays, self.windows[places].ravel(), offsets), shape=shape
        ).toarray()
        return table[:, :-1]

    def _weights(
        self, given: npt.NDArray[np.float32], places: npt.NDArray[np.int64], length: int
    ) -> npt.NDArray[np.float64]:
        weights = np.zeros(length)
        weights[places] = given
        return np.lib.stride_tricks.sliding_window_view(weights[1:], self.window)


def sums(cells: npt.NDArray[np.integer], weights: npt.NDArray[np.floating], size: int) -> npt.NDArray[np.float64]:
    """Return the sum of the weights of each cell, [size]."""
    return np.bincount(cells, weights, size).astype(np.float64, copy=False)  # without any cell it counts in integers


def strongest(columns: npt.NDArray[np.int64], values: npt.NDArray[np.float64], most: int) -> Row:
    """Return the columns and values of at most about `most` strongest entries above zero of a row."""
    strong = values > 0
    if len(values) > most:
        strong &= values >= np.partition(values, -most)[-most]
    return columns[strong].astype(np.int32), values[strong].astype(np.float32)


def joined(rows: Sequence[Row]) -> Rows:
    """Return rows as one table: the offsets of the rows, their columns and values."""
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(columns) for columns, _ in rows], out=offsets[1:])
    columns = np.concatenate([np.zeros(0, np.int32), *(columns for columns, _ in rows)])
    values = np.concatenate([np.zeros(0, np.float32), *(values for _, values in rows)])
    return offsets, columns, values
