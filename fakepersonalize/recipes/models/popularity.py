"""Popularity: the items that most users have interacted with, the same list for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.training import (
    Codes,
    History,
    Mask,
    Model,
    Scores,
    Settings,
    Shortlists,
    Tick,
    TrainingData,
    UserState,
    by_popularity,
    distinct_users,
    padded,
    runs,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


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

    def fold_in(self, history: History) -> UserState:
        return UserState(self.counts.astype(np.float64))

    def recommend(self, user: UserState, allowed: Mask | None, k: int) -> Scores:
        return Scores((self.order if allowed is None else self.order[allowed[self.order]])[:k])

    def recommend_many(self, histories: TrainingData, k: int, contexts: csr_matrix | None = None) -> Codes:
        return np.tile(padded(self.order[:k], k), (histories.n_users, 1))

    def shortlists(
        self, histories: TrainingData, allowed: Mask | None, k: int, contexts: csr_matrix | None = None
    ) -> Shortlists:
        if allowed is None or allowed.ndim == 1:
            row = padded((self.order if allowed is None else self.order[allowed[self.order]])[:k], k)
            return Shortlists(np.tile(row, (histories.n_users, 1)))
        open_to = allowed[:, self.order]
        open_to &= np.cumsum(open_to, axis=1) <= k
        rows, places = np.nonzero(open_to)
        found = np.full((histories.n_users, k), -1, np.int32)
        lengths = np.count_nonzero(open_to, axis=1)
        found[rows, runs(np.zeros(len(lengths), np.int64), lengths)] = self.order[places]
        return Shortlists(found)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {"counts": self.counts}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], manifest: Settings) -> Self:
        return cls(arrays["counts"], by_popularity(arrays["counts"]))
