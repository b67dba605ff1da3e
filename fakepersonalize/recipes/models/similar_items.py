"""Similar items: what goes together and, where little is known of that, what is described alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.explanation import ALIKE, FOLLOWS, LIKED_TOGETHER, Contribution, Explanation
from fakepersonalize.recipes.models.als import item_factors
from fakepersonalize.recipes.models.item_item import ItemItem
from fakepersonalize.recipes.models.side_information import DOUBT, Likeness
from fakepersonalize.recipes.selection import nearest
from fakepersonalize.recipes.training import (
    Codes,
    Mask,
    Model,
    Scores,
    Settings,
    Tick,
    TrainingData,
    distinct_users,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ID_FACTORS = 64
METADATA_DIMENSIONS = 100
ID_WEIGHT = 0.03
METADATA_WEIGHT = 0.5
# https://docs.aws.amazon.com/personalize/latest/dg/native-recipe-similar-items.html
COLD_BELOW = 5
FEW_COLUMNS = (
    2000  # so few that all directions are found at once, by a dense decomposition that cannot fail to converge
)


@dataclass(frozen=True)
class SimilarItems(Model):
    """Item-item neighbours, plus the cosine of ALS factors, plus the likeness of metadata the less both items are met.

    An item with fewer than `COLD_BELOW` users is answered by metadata alone. `id_factors` is the number of ALS factors;
    metadata are brought to `metadata_dimensions` by a truncated singular value decomposition (Deerwester et al.,
    "Indexing by latent semantic analysis", 1990).
    """

    does: ClassVar[frozenset[str]] = frozenset({"similar"})

    together: ItemItem
    vectors: npt.NDArray[np.float32]  # [n_items, id_factors], of length 1
    descriptions: npt.NDArray[np.float32]  # [n_items, metadata_dimensions], of length 1; 0 wide without metadata
    popularity: npt.NDArray[np.int64]  # [n_items], distinct users

    @classmethod
    def fit(cls, data: TrainingData, params: Settings, seed: int, threads: int, tick: Tick) -> Self:
        """Fit to `data`; settings are `id_factors`, `metadata_dimensions` and those of `ItemItem`."""
        together = ItemItem.fit(data, params, seed, threads, lambda share: tick(0.5 * share))
        n_factors = params.get("id_factors", ID_FACTORS)
        factors = item_factors(data, n_factors, seed, threads, lambda share: tick(0.5 + 0.4 * share))
        described = _reduced(data, params.get("metadata_dimensions", METADATA_DIMENSIONS))
        tick(1.0)
        return cls(together, _lengths_one(factors), _lengths_one(described), distinct_users(data))

    def similar(self, item: int | None, allowed: Mask | None, k: int) -> Scores:
        """Return what is like an item; for an unknown one (None) popular items."""
        if item is None:
            return self.together.similar(None, allowed, k)
        return Scores(nearest(self._scores(item), self.together.popular, allowed, k, without=item))

    def explain_similar(self, item: int, items: Codes, influence: Mapping[str, float] | None = None) -> Explanation:
        parts = [part._replace(amounts=part.amounts[items]) for part in self._parts(item)]
        return Explanation(np.sum([part.amounts for part in parts], axis=0), parts)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        own: dict[str, npt.NDArray[Any]] = {"vectors": self.vectors, "descriptions": self.descriptions}
        return self.together.arrays() | own | {"popularity": self.popularity}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], manifest: Settings) -> Self:
        together = ItemItem.from_arrays(arrays, manifest)
        return cls(together, arrays["vectors"], arrays["descriptions"], arrays["popularity"])

    def _scores(self, item: int) -> npt.NDArray[np.float64]:
        found: npt.NDArray[np.float64] = np.sum([part.amounts for part in self._parts(item)], axis=0)
        return found

    def _parts(self, item: int) -> list[Contribution]:
        """Return what adds to the likeness of all items to one, [n_items] each."""
        alike: npt.NDArray[np.float64] = np.maximum(self.descriptions @ self.descriptions[item], 0).astype(np.float64)
        if self.popularity[item] < COLD_BELOW:
            return [Contribution(ALIKE, item, alike)]
        doubt = DOUBT / (DOUBT + self.popularity)
        liked = ID_WEIGHT * np.maximum(self.vectors @ self.vectors[item], 0)
        return [
            Contribution(ALIKE, item, METADATA_WEIGHT * (doubt[item] + doubt) * alike),
            Contribution(LIKED_TOGETHER, item, liked.astype(np.float64)),
            Contribution(FOLLOWS, item, self.together.similarities_to(item)),
        ]


def _reduced(data: TrainingData, dimensions: int) -> npt.NDArray[np.float32]:
    likeness = Likeness.of(data.item_features)
    if likeness is None:
        return np.zeros((data.n_items, 0), np.float32)
    if min(likeness.features.shape) <= dimensions + 1:
        return np.asarray(likeness.features.toarray(), np.float32)
    return _decomposed(likeness.features, dimensions)


def _decomposed(features: csr_matrix, dimensions: int) -> npt.NDArray[np.float32]:
    """Return the rows in the `dimensions` directions that tell most of them apart (truncated SVD)."""
    from threadpoolctl import threadpool_limits

    exact = features.astype(np.float64)
    with threadpool_limits(1, "blas"):  # the same sums in the same order on every machine
        rows = _by_gram(exact, dimensions) if exact.shape[1] <= FEW_COLUMNS else _by_iteration(exact, dimensions)
    return rows.astype(np.float32)


def _by_gram(features: csr_matrix, dimensions: int) -> npt.NDArray[np.float64]:
    _, directions = np.linalg.eigh((features.T @ features).toarray())
    found: npt.NDArray[np.float64] = features @ directions[:, ::-1][:, :dimensions]
    return found


def _by_iteration(features: csr_matrix, dimensions: int) -> npt.NDArray[np.float64]:
    from scipy.sparse.linalg import svds

    start = np.random.default_rng(0).standard_normal(min(features.shape))
    left, strengths, _ = svds(features, k=dimensions, v0=start)
    found: npt.NDArray[np.float64] = left * strengths
    return found


def _lengths_one(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: npt.NDArray[np.float32] = (rows / np.maximum(lengths, 1e-12)).astype(np.float32)
    return scaled
