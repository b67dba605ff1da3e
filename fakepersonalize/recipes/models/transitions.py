"""What follows what: directed item-to-item transitions whose weight decays with the gap between two interactions.

M[i, j] = sum over users and positions of decay^(gap - 1) for j that follows i at gaps 1..window, divided by
pop(i)^0.5 pop(j)^0.2. A user's scores are the sum of the rows of the latest items, each weighted by its age. This is
the order-aware relative of item-item nearest neighbours (Linden, Smith and York, "Amazon.com recommendations", 2003).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.training import Codes, Tick, TrainingData, runs

WINDOW = 50
DECAY = 0.95
FROM_POPULARITY, TO_POPULARITY = 0.5, 0.2
NEIGHBOURS = 200
# Counting costs seven nanoseconds a pair while the table stays in the second-level cache, and ten times that beyond it.
BLOCK_BYTES = 1 << 20
PAIRS_AT_ONCE = 1 << 20


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
        n_items = len(self.repeats)
        starts = self.offsets[items]
        lengths = self.offsets[items + 1] - starts
        entries = runs(starts, lengths)
        cells = np.repeat(users * n_items, lengths) + self.items[entries]
        weights = self.weights[entries] * np.repeat(strengths, lengths)
        return _sums(cells, weights, n_users * n_items).reshape(n_users, n_items)


def fit_transitions(data: TrainingData, popularity: npt.NDArray[np.integer], window: int, tick: Tick) -> Transitions:
    """Count, normalise and prune the transitions of `data`; memory stays near that of `data` plus the result."""
    n_items = data.n_items
    counted = _Followers(data, window)
    rows_at_once = max(1, BLOCK_BYTES // (8 * max(n_items, 1)))
    leaving = np.maximum(popularity, 1) ** FROM_POPULARITY
    arriving = np.maximum(popularity, 1) ** TO_POPULARITY
    repeats = np.zeros(n_items, np.float32)
    kept: list[tuple[npt.NDArray[np.int64], Codes, npt.NDArray[np.float32]]] = []
    for first in range(0, n_items, rows_at_once):
        last = min(first + rows_at_once, n_items)
        block = counted.rows(first, last) / (leaving[first:last, None] * arriving)
        diagonal = (np.arange(last - first), np.arange(first, last))
        repeats[first:last] = block[diagonal]
        block[diagonal] = 0
        kept.append(_strongest(block))
        tick(last / n_items)
    lengths = np.concatenate([np.zeros(1, np.int64), *(part[0] for part in kept)])
    items = np.concatenate([np.zeros(0, np.int32), *(part[1] for part in kept)])
    weights = np.concatenate([np.zeros(0, np.float32), *(part[2] for part in kept)])
    return Transitions(np.cumsum(lengths), items, weights, repeats)


class _Followers:
    """The interactions grouped by item, each with the window of what followed it."""

    def __init__(self, data: TrainingData, window: int) -> None:
        self.n_items = data.n_items
        self.window = max(1, min(window, int(data.lengths.max(initial=1)) - 1))
        behind = np.repeat(data.offsets[1:], data.lengths) - np.arange(len(data.items)) - 1
        self.reach = np.minimum(behind, self.window).astype(np.int16)
        sources = np.flatnonzero(self.reach)
        keys = data.items[sources].astype(np.int64) * max(len(data.items), 1) + sources
        keys.sort()
        self.positions = keys % max(len(data.items), 1)
        counts = np.bincount(data.items[sources], minlength=data.n_items)
        self.offsets = np.concatenate([[0], np.cumsum(counts)])
        self.items = data.items
        behind_all = np.concatenate([data.items[1:], np.zeros(self.window + 1, np.int32)])
        self.windows = np.lib.stride_tricks.sliding_window_view(behind_all, self.window)
        self.decays = DECAY ** np.arange(self.window)

    def rows(self, first: int, last: int) -> npt.NDArray[np.float64]:
        """Return the decayed counts of what follows the items first..last - 1, [last - first, n_items]."""
        size = (last - first) * self.n_items
        total = np.zeros(size)
        step = max(1, PAIRS_AT_ONCE // self.window)
        for begin in range(int(self.offsets[first]), int(self.offsets[last]), step):
            at = self.positions[begin : min(begin + step, int(self.offsets[last]))]
            inside = self.reach[at, None] > np.arange(self.window)
            cells = self.windows[at] + (self.items[at].astype(np.int64) - first)[:, None] * self.n_items
            weights = np.broadcast_to(self.decays, inside.shape)
            total += _sums(cells[inside], weights[inside], size)
        return total.reshape(last - first, self.n_items)


def _sums(cells: npt.NDArray[np.int64], weights: npt.NDArray[np.floating], size: int) -> npt.NDArray[np.float64]:
    return np.bincount(cells, weights, size).astype(np.float64, copy=False)  # without any cell it counts in integers


def _strongest(block: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], Codes, npt.NDArray[np.float32]]:
    """Return the row lengths, columns and values of the strongest entries above zero of each row."""
    if block.shape[1] > NEIGHBOURS:
        threshold = np.partition(block, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS, None]
        strong = (block >= threshold) & (block > 0)
    else:
        strong = block > 0
    columns = np.nonzero(strong)[1].astype(np.int32)
    return strong.sum(axis=1), columns, block[strong].astype(np.float32)
