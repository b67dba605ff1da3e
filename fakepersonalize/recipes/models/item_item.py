"""Items that go together: what follows an item, and whose users are the same people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.explanation import FOLLOWS, Contribution, Explanation
from fakepersonalize.recipes.models.transitions import Followers, joined, row_blocks, strongest
from fakepersonalize.recipes.selection import best, filled, to_maximum_one
from fakepersonalize.recipes.training import (
    Codes,
    Mask,
    Model,
    Scores,
    Settings,
    Tick,
    TrainingData,
    by_popularity,
)

# As many as a caller can ask for: each place of the longest list is then earned, and filters leave something to choose.
NEIGHBOURS = 500
# Chosen on ml-100k and POC (benchmarks/quality.py).
WINDOW, DECAY = 50, 0.9
COSINE_WEIGHT = 0.05
# What follows an item is directed already, and less of a crowd effect: at the default it gets no discount for
# popularity, beyond it so much of the rest.
DEFAULT_DISCOUNT, DISCOUNT_OF_FOLLOWERS = 0.5, 0.2
NOTHING = (np.zeros(0, np.int32), np.zeros(0, np.float32))


@dataclass(frozen=True)
class ItemItem(Model):
    """Items that follow the query item, and items that share its users; popular items behind them.

    The similarity of i to j is the sum of two evidences, each scaled to a maximum of 1 among the neighbours of i: the
    decayed count of j behind i in histories (`transitions.Followers`) / pop(j)^((f - 0.5) / 5), and `COSINE_WEIGHT` x
    (users of both) / pop(j)^f. Here f is `popularity_discount_factor`; at its default of 0.5 the second one is the
    cosine of two columns of the binary matrix (Sarwar et al., "Item-based collaborative filtering recommendation
    algorithms", 2001).
    Pairs with fewer than `min_cointeraction_count` users in common are no neighbours.

    A list never holds the query item, but for an item without neighbours under the setting `popular_when_alone`: its
    list is that of an unknown item.
    """

    does: ClassVar[frozenset[str]] = frozenset({"similar"})

    offsets: npt.NDArray[np.int64]  # [n_items + 1]
    neighbours: Codes  # [n], by code within a row
    similarities: npt.NDArray[np.float32]  # [n]
    popular: Codes  # [n_items], most popular first
    popular_when_alone: bool = False

    @classmethod
    def fit(cls, data: TrainingData, params: Settings, seed: int, threads: int, tick: Tick) -> Self:
        """Fit to `data`, in blocks of items: the memory is near that of `data` plus the result.

        Settings are `popularity_discount_factor`, `min_cointeraction_count`, `popular_when_alone`, and `asked`, the
        codes of the only items that will be asked for: the others get no neighbours.
        """
        pairs = data.pairs()
        popularity = np.bincount(pairs.indices, minlength=data.n_items)
        factor = params.get("popularity_discount_factor", DEFAULT_DISCOUNT)
        discount = np.maximum(popularity, 1.0) ** -factor
        of_followers = np.maximum(popularity, 1.0) ** (DISCOUNT_OF_FOLLOWERS * (DEFAULT_DISCOUNT - factor))
        fewest = max(1, params.get("min_cointeraction_count", 3))
        asked = np.isin(np.arange(data.n_items), params.get("asked", np.arange(data.n_items)))
        followers, users_of = Followers(data, WINDOW, asked, DECAY), pairs.T.tocsr()
        found = [NOTHING] * data.n_items
        for first, last in row_blocks(data.n_items):
            items = first + np.flatnonzero(asked[first:last])
            together = (users_of[items] @ pairs).toarray()
            near = together > fewest - 0.5
            near[np.arange(len(items)), items] = False
            similar = to_maximum_one(followers.rows(first, last)[items - first] * of_followers * near)
            similar += COSINE_WEIGHT * to_maximum_one(near * together * discount)
            for item, row in zip(items, similar):
                near_items = np.flatnonzero(row)
                found[item] = strongest(near_items, row[near_items], NEIGHBOURS)
            tick(last / data.n_items)
        alone = params.get("popular_when_alone", False)
        offsets, neighbours, similarities = joined(found)
        return cls(offsets, neighbours, similarities, by_popularity(popularity), alone)

    def similar(self, item: int | None, allowed: Mask | None, k: int) -> Scores:
        """Return the neighbours of an item; for an unknown one (None) popular items."""
        near = np.zeros(0, np.int32) if item is None else self._nearest_first(item)
        without = None if self.popular_when_alone and not len(near) else item
        return Scores(filled(near, self.popular, allowed, k, without=without))

    def explain_similar(self, item: int, items: Codes, influence: Mapping[str, float] | None = None) -> Explanation:
        amounts = self.similarities_to(item)[items]
        return Explanation(amounts, [Contribution(FOLLOWS, item, amounts)])

    def similarities_to(self, item: int) -> npt.NDArray[np.float64]:
        """Return how near all items are to one, [n_items]; 0 for those that are no neighbours."""
        row = slice(self.offsets[item], self.offsets[item + 1])
        found = np.zeros(len(self.popular))
        found[self.neighbours[row]] = self.similarities[row]
        return found

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        names = ("offsets", "neighbours", "similarities", "popular")
        return {name: getattr(self, name) for name in names} | {"popular_when_alone": np.array(self.popular_when_alone)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], manifest: Settings) -> Self:
        names = ("offsets", "neighbours", "similarities", "popular")
        alone = bool(arrays.get("popular_when_alone", False))
        return cls(**{name: arrays[name] for name in names}, popular_when_alone=alone)

    def _nearest_first(self, item: int) -> Codes:
        row = slice(self.offsets[item], self.offsets[item + 1])
        return self.neighbours[row][best(self.similarities[row], NEIGHBOURS)]
