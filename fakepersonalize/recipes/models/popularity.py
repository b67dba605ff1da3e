"""Popularity: the items that most users have interacted with, the same list for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.explanation import POPULARITY, Contribution, Explanation
from fakepersonalize.recipes.training import (
    Codes,
    Mask,
    Model,
    Queries,
    Settings,
    Shortlists,
    Tick,
    TrainingData,
    by_popularity,
    distinct_users,
    runs,
)

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Popularity(Model):
    """Items ordered by their number of distinct users, what the guide's Popularity-Count recipe counts.

    https://docs.aws.amazon.com/personalize/latest/dg/native-recipe-popularity.html
    """

    does: ClassVar[frozenset[str]] = frozenset({"recommend"})

    counts: npt.NDArray[np.int64]  # [n_items]
    order: Codes  # [n_items], most popular first

    @classmethod
    def fit(cls, data: TrainingData, params: Settings, seed: int, threads: int, tick: Tick) -> Self:
        counts = distinct_users(data)
        tick(1.0)
        return cls(counts, by_popularity(counts))

    def score(self, queries: Queries) -> npt.NDArray[np.float64]:
        return np.broadcast_to(self.counts.astype(np.float64), (len(queries), len(self.counts)))

    def recommend(self, queries: Queries, allowed: Mask | None, k: int) -> Shortlists:
        return listed(self.order, len(queries), allowed, k)

    def explain(self, queries: Queries, items: Codes) -> Explanation:
        counts = self.counts[items].astype(np.float64)
        return Explanation(counts, [Contribution(POPULARITY, None, counts)])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {"counts": self.counts}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], manifest: Settings) -> Self:
        return cls(arrays["counts"], by_popularity(arrays["counts"]))


def listed(order: Codes, n_users: int, allowed: Mask | None, k: int) -> Shortlists:
    """Return for each user the first `k` allowed items of one order."""
    if allowed is None or allowed.ndim == 1:
        row = (order if allowed is None else order[allowed[order]])[:k]
        return Shortlists(np.repeat(row[None], n_users, axis=0))
    open_to = allowed[:, order]
    open_to &= np.cumsum(open_to, axis=1) <= k
    rows, places = np.nonzero(open_to)
    found = np.full((n_users, k), -1, np.int32)
    lengths = np.count_nonzero(open_to, axis=1)
    found[rows, runs(np.zeros(len(lengths), np.int64), lengths)] = order[places]
    return Shortlists(found)
