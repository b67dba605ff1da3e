"""Semantic similarity: items whose texts use the same telling words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from fakepersonalize.errors import JobFailed
from fakepersonalize.recipes.explanation import ALIKE, Contribution, Explanation
from fakepersonalize.recipes.models.side_information import Likeness
from fakepersonalize.recipes.selection import filled, nearest
from fakepersonalize.recipes.training import (
    Codes,
    Mask,
    Model,
    ProtocolName,
    Scores,
    Settings,
    Tick,
    TrainingData,
    by_popularity,
    distinct_users,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

UNKNOWN_AGE = 0.5
NO_TEXT = "Did not find any textual column to train on in the Items dataset."


@dataclass(frozen=True)
class Semantic(Model):
    """Items by the cosine of their TF-IDF rows, shifted towards popular or new ones as far as a campaign asks for it.

    The order is by cosine x popularity^p x freshness^f; both are fixed at the training. Popularity is (users + 1) /
    (most users + 1); freshness is the share of items that are not newer.
    """

    does: ClassVar[frozenset[str]] = frozenset({"similar"})
    protocol: ClassVar[ProtocolName] = "texts"

    likeness: Likeness | None
    popularity: npt.NDArray[np.int64]  # [n_items], distinct users
    freshness: npt.NDArray[np.float32]  # [n_items], above 0 and at most 1

    @classmethod
    def fit(cls, data: TrainingData, params: Settings, seed: int, threads: int, tick: Tick) -> Self:
        if data.item_features is None:
            raise JobFailed(NO_TEXT)
        likeness = Likeness.of(data.item_features)
        tick(1.0)
        return cls(likeness, distinct_users(data), _freshness(data))

    def similar(
        self, item: int | None, allowed: Mask | None, k: int, influence: Mapping[str, float] | None = None
    ) -> Scores:
        """Return the items like `item`, then popular ones; `influence` maps POPULARITY and FRESHNESS to 0..1."""
        if item is None or self.likeness is None:
            return Scores(filled(np.zeros(0, np.int32), self._popular, allowed, k, without=item))
        return Scores(nearest(self.scores(item, influence), self._popular, allowed, k, without=item))

    @cached_property
    def _popular(self) -> Codes:
        return by_popularity(self.popularity)

    def scores(self, item: int, influence: Mapping[str, float] | None = None) -> npt.NDArray[np.float64]:
        """Return how near all items are to one, [n_items]."""
        if self.likeness is None:
            return np.zeros(len(self.popularity))
        scores = self.likeness.to_one(item)
        wanted = influence or {}
        scores *= ((self.popularity + 1) / (self.popularity.max() + 1)) ** wanted.get("POPULARITY", 0.0)
        scores *= self.freshness ** wanted.get("FRESHNESS", 0.0)
        return scores

    def explain_similar(self, item: int, items: Codes, influence: Mapping[str, float] | None = None) -> Explanation:
        scores = self.scores(item, influence)[items]
        return Explanation(scores, [Contribution(ALIKE, item, scores)])

    def updated(self, items: npt.NDArray[np.int64], features: csr_matrix, n_items: int) -> Semantic:
        """Return the model of `n_items` items with the features [items, features] that some of them have now.

        Nobody has met the ones that it did not have, and nothing is known of their age.
        """
        more = n_items - len(self.popularity)
        likeness = self.likeness.updated(items, features, n_items) if self.likeness else None
        popularity = np.append(self.popularity, np.zeros(more, np.int64))
        return Semantic(likeness, popularity, np.append(self.freshness, np.full(more, UNKNOWN_AGE, np.float32)))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        own: dict[str, npt.NDArray[Any]] = {"popularity": self.popularity, "freshness": self.freshness}
        return own | (self.likeness.arrays() if self.likeness else {})

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], manifest: Settings) -> Self:
        return cls(Likeness.from_arrays(arrays), arrays["popularity"], arrays["freshness"])


def _freshness(data: TrainingData) -> npt.NDArray[np.float32]:
    """Return the share of items that are not newer, [n_items]; `UNKNOWN_AGE` where the creation time is unknown."""
    fresh = np.full(data.n_items, UNKNOWN_AGE, np.float32)
    if data.item_times is not None:
        known = np.flatnonzero(data.item_times)
        times = data.item_times[known]
        fresh[known] = np.searchsorted(np.sort(times), times, side="right") / max(1, len(known))
    return fresh
