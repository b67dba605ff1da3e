"""What follows what: directed item-to-item transitions whose weight decays with the gap between two interactions.

M[i, j] = sum over users and positions of decay^(gap - 1) for j that follows i at gaps 1..window, each times the weight
of the event that is j where events have weights, divided by pop(i)^0.5 pop(j)^0.2. A user's scores are the sum of the
rows of the latest items, each weighted by its age. This is the order-aware relative of item-item nearest neighbours
(Linden, Smith and York, "Amazon.com recommendations", 2003).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.training import Codes, Mask, Tick, TrainingData, runs

WINDOW = 50
DECAY = 0.95
FROM_POPULARITY, TO_POPULARITY = 0.5, 0.2
NEIGHBOURS = 200
# Counting costs seven nanoseconds a pair while the table stays in the second-level cache, and ten times that beyond it.
BLOCK_BYTES = 1 << 20
PAIRS_AT_ONCE = 1 << 20

Rows = tuple[npt.NDArray[np.int64], Codes, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Transitions:
    """Rows of what follows each item, compressed, and apart from them how strongly each item follows itself."""

    offsets: npt.NDArray[np.int64]  # [n_items + 1]
    items: Codes  # [n]
    weights: npt.NDArray[np.float32]  # [n]
    repeats: npt.NDArray[np.float32]  # [n_items]: the diagonal of M, which the rows leave out

    def followers(
        self, users: npt.NDArray[np.int64], items: Codes, strengths: npt.NDArray[np.floating], n_users: int
    ) -> npt.NDArray[np.float64]:
        """Return the sums of rows, [n_users, n_items]: row `items[e]` times `strengths[e]` goes to user `users[e]`."""
        rows = (self.offsets, self.items, self.weights)
        return row_sums(rows, users, items, strengths, (n_users, len(self.repeats)))


def row_sums(
    table: Rows,
    owners: npt.NDArray[np.int64],
    rows: Codes,
    strengths: npt.NDArray[np.floating],
    shape: tuple[int, int],
) -> npt.NDArray[np.float64]:
    """Return sums of rows of a compressed table, [owners, columns]: `strengths[e]` x row `rows[e]` to `owners[e]`."""
    offsets, columns, values = table
    starts = offsets[rows]
    lengths = offsets[rows + 1] - starts
    entries = runs(starts, lengths)
    cells = np.repeat(owners * shape[1], lengths) + columns[entries]
    weights = values[entries] * np.repeat(strengths, lengths)
    return _sums(cells, weights, shape[0] * shape[1]).reshape(shape)


def fit_transitions(data: TrainingData, popularity: npt.NDArray[np.integer], window: int, tick: Tick) -> Transitions:
    """Count, normalise and prune the transitions of `data`; memory stays near that of `data` plus the result."""
    n_items = data.n_items
    counted = Followers(data, window)
    leaving = np.maximum(popularity, 1) ** FROM_POPULARITY
    arriving = np.maximum(popularity, 1) ** TO_POPULARITY
    repeats = np.zeros(n_items, np.float32)
    kept = []
    for first, last in row_blocks(n_items):
        block = counted.rows(first, last) / (leaving[first:last, None] * arriving)
        diagonal = (np.arange(last - first), np.arange(first, last))
        repeats[first:last] = block[diagonal]
        block[diagonal] = 0
        kept.append(strongest(block, NEIGHBOURS))
        tick(last / n_items)
    return Transitions(*joined(kept), repeats)


def row_blocks(n_items: int) -> Iterator[tuple[int, int]]:
    """Cut the rows of a table [n_items, n_items] into runs (first, last + 1) of `BLOCK_BYTES` at 8 bytes a cell."""
    rows = max(1, BLOCK_BYTES // (8 * max(n_items, 1)))
    return ((first, min(first + rows, n_items)) for first in range(0, n_items, rows))


class Followers:
    """The interactions grouped by item, each with the window of what followed it; `of` some items alone."""

    def __init__(self, data: TrainingData, window: int, of: Mask | None = None) -> None:
        self.n_items = data.n_items
        self.window = max(1, min(window, int(data.lengths.max(initial=1)) - 1))
        behind = np.repeat(data.offsets[1:], data.lengths) - np.arange(len(data.items)) - 1
        self.reach = np.minimum(behind, self.window).astype(np.int16)
        sources = np.flatnonzero(self.reach if of is None else self.reach * of[data.items])
        keys = data.items[sources].astype(np.int64) * max(len(data.items), 1) + sources
        keys.sort()
        self.positions = keys % max(len(data.items), 1)
        counts = np.bincount(data.items[sources], minlength=data.n_items)
        self.offsets = np.concatenate([[0], np.cumsum(counts)])
        self.items = data.items
        behind_all = np.concatenate([data.items[1:], np.zeros(self.window + 1, np.int32)])
        self.windows = np.lib.stride_tricks.sliding_window_view(behind_all, self.window)
        self.decays = DECAY ** np.arange(self.window)
        weights = None if data.weights is None else np.concatenate([data.weights[1:], np.zeros(self.window + 1)])
        self.weights = None if weights is None else np.lib.stride_tricks.sliding_window_view(weights, self.window)

    def rows(self, first: int, last: int) -> npt.NDArray[np.float64]:
        """Return the decayed counts of what follows the items first..last - 1, [last - first, n_items]."""
        size = (last - first) * self.n_items
        total = np.zeros(size)
        step = max(1, PAIRS_AT_ONCE // self.window)
        for begin in range(int(self.offsets[first]), int(self.offsets[last]), step):
            at = self.positions[begin : min(begin + step, int(self.offsets[last]))]
            whole = self.reach[at] == self.window
            for positions, cut in ((at[whole], False), (at[~whole], True)):
                total += self._counts(positions, first, size, cut)
        return total.reshape(last - first, self.n_items)

    def _counts(self, at: npt.NDArray[np.int64], first: int, size: int, cut: bool) -> npt.NDArray[np.float64]:
        """Count what follows the interactions `at`; only windows that are `cut` short need a look at each place."""
        cells = self.windows[at] + (self.items[at].astype(np.int64) - first)[:, None] * self.n_items
        weights = np.broadcast_to(self.decays, cells.shape)
        if self.weights is not None:
            weights = weights * self.weights[at]
        inside = self.reach[at, None] > np.arange(self.window) if cut else slice(None)
        return _sums(cells[inside].ravel(), weights[inside].ravel(), size)


def _sums(cells: npt.NDArray[np.int64], weights: npt.NDArray[np.floating], size: int) -> npt.NDArray[np.float64]:
    return np.bincount(cells, weights, size).astype(np.float64, copy=False)  # without any cell it counts in integers


def strongest(block: npt.NDArray[np.float64], most: int) -> Rows:
    """Return the row lengths, columns and values of at most about `most` strongest entries above zero of each row."""
    strong = block > 0
    for row in np.flatnonzero(np.count_nonzero(strong, axis=1) > most):
        # Looking among the entries alone is several times faster than among all the zeros beside them.
        entries = block[row, strong[row]]
        strong[row] = block[row] >= np.partition(entries, -most)[-most]
    places = np.flatnonzero(strong)
    columns = (places % max(1, block.shape[1])).astype(np.int32)
    return np.count_nonzero(strong, axis=1), columns, block.ravel()[places].astype(np.float32)


def joined(blocks: list[Rows]) -> Rows:
    """Return blocks of rows as one table: the offsets of its rows, their columns and values."""
    lengths = np.concatenate([np.zeros(1, np.int64), *(block[0] for block in blocks)])
    columns = np.concatenate([np.zeros(0, np.int32), *(block[1] for block in blocks)])
    values = np.concatenate([np.zeros(0, np.float32), *(block[2] for block in blocks)])
    return np.cumsum(lengths), columns, values
