"""Items whose users are the same people: item-item nearest neighbours, fitted by implicit."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.selection import best, filled
from fakepersonalize.recipes.training import (
    Codes,
    Mask,
    Model,
    Scores,
    Settings,
    Tick,
    TrainingData,
    by_popularity,
    padded,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# As many as a caller can ask for: each place of the longest list is then earned, and filters leave something to choose.
NEIGHBOURS = 500


@dataclass(frozen=True)
class ItemItem(Model):
    """Items that share users with the query item, discounted by their popularity; popular items behind them.

    The similarity of i and j is (users of both) / (pop(i) pop(j))^f, where f is `popularity_discount_factor`: at its
    default of 0.5 the cosine of two columns of the binary matrix (Sarwar et al., "Item-based collaborative filtering
    recommendation algorithms", 2001), at 0 plain co-occurrence. Pairs with fewer than `min_cointeraction_count` users
    in common are no neighbours.
    """

    does: ClassVar[frozenset[str]] = frozenset({"similar"})

    offsets: npt.NDArray[np.int64]  # [n_items + 1]
    neighbours: Codes  # [n], by code within a row
    similarities: npt.NDArray[np.float32]  # [n]
    popular: Codes  # [n_items], most popular first

    @classmethod
    def fit(cls, data: TrainingData, params: Settings, seed: int, threads: int, tick: Tick) -> Self:
        """Fit to the pairs of user and item in `data`; equal settings give equal bytes, whatever `threads`."""
        pairs = data.pairs()
        popularity = np.bincount(pairs.indices, minlength=data.n_items)
        discount = np.maximum(popularity, 1.0) ** -params.get("popularity_discount_factor", 0.5)
        pairs.data = discount[pairs.indices]
        tick(0.1)
        found = _nearest(pairs, threads)
        rows = np.repeat(np.arange(data.n_items), np.diff(found.indptr))
        in_common = found.data / (discount[rows] * discount[found.indices])
        keep = (in_common > params.get("min_cointeraction_count", 3) - 0.5) & (rows != found.indices)
        offsets = np.concatenate([[0], np.cumsum(np.bincount(rows[keep], minlength=data.n_items))])
        tick(1.0)
        return cls(offsets, found.indices[keep], found.data[keep].astype(np.float32), by_popularity(popularity))

    def similar(self, item: int | None, allowed: Mask | None, k: int) -> Scores:
        """Return the neighbours of an item; for an unknown one (None) popular items."""
        near = np.zeros(0, np.int32) if item is None else self._nearest_first(item)
        return Scores(filled(near, self.popular, allowed, k, without=item))

    def similar_many(self, items: Codes, k: int) -> Codes:
        rows = [padded(self.similar(int(item), None, k).items, k) for item in items]
        return np.array(rows, np.int32).reshape(len(items), k)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        names = ("offsets", "neighbours", "similarities", "popular")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], manifest: Settings) -> Self:
        return cls(arrays["offsets"], arrays["neighbours"], arrays["similarities"], arrays["popular"])

    def _nearest_first(self, item: int) -> Codes:
        row = slice(self.offsets[item], self.offsets[item + 1])
        return self.neighbours[row][best(self.similarities[row], NEIGHBOURS)]


def _nearest(weighted: csr_matrix, threads: int) -> csr_matrix:
    """Return the largest products of columns, [n_items, n_items], the product of a column with itself among them."""
    from implicit.nearest_neighbours import ItemItemRecommender
    from implicit.utils import ParameterWarning

    knn = ItemItemRecommender(K=NEIGHBOURS + 1, num_threads=threads)
    with warnings.catch_warnings():
        # implicit hands its own matrix of another format to itself, and warns of it.
        warnings.simplefilter("ignore", ParameterWarning)
        knn.fit(weighted, show_progress=False)
    knn.similarity.sort_indices()
    return knn.similarity
