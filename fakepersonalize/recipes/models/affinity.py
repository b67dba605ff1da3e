"""Segments: the users who are most likely to take to an item, or to items with an attribute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from fakepersonalize.errors import JobFailed
from fakepersonalize.recipes.models.blend import BLOCK_BYTES, Blend
from fakepersonalize.recipes.training import Codes, Model, ProtocolName, Queries, Settings, Tick, TrainingData

# Seen in the failureReason of the service.
NO_ATTRIBUTE = (
    "Did not find any attribute to train on. There may not be any attribute in the items dataset, or all attribute "
    "values either have same or all distinct values."
)
# Who likes an item in general says more than who comes to it next (chosen on MovieLens 100k).
ALS_WEIGHT = 1.0


@dataclass(frozen=True)
class Affinity(Model):
    """Users by the share of their preferences that falls on the items asked for, times the root of their activity.

    https://docs.aws.amazon.com/personalize/latest/dg/item-affinity-recipe.html
    """

    does: ClassVar[frozenset[str]] = frozenset({"interest"})
    protocol: ClassVar[ProtocolName] = "segments"

    blend: Blend

    @classmethod
    def fit(cls, data: TrainingData, params: Settings, seed: int, threads: int, tick: Tick) -> Self:
        return cls(Blend.fit(data, {"als_weight": ALS_WEIGHT, **params}, seed, threads, tick))

    def interest(
        self, groups: npt.NDArray[np.int64], items: Codes, n_groups: int, queries: Queries
    ) -> npt.NDArray[np.float32]:
        from scipy.sparse import csr_matrix

        member = csr_matrix((np.ones(len(items)), (groups, items)), shape=(n_groups, queries.histories.n_items))
        interest = np.zeros((len(queries), n_groups), np.float32)
        for first, block in queries.blocks(BLOCK_BYTES):
            wanted = self.blend.score(block)
            shares = (member @ wanted.T).T / np.maximum(wanted.sum(axis=1, keepdims=True), 1e-12)
            interest[first : first + len(block)] = shares
        interest *= np.sqrt(queries.histories.lengths, dtype=np.float32)[:, None]
        return interest

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return self.blend.arrays()

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], manifest: Settings) -> Self:
        return cls(Blend.from_arrays(arrays, manifest))


@dataclass(frozen=True)
class AttributeAffinity(Affinity):
    """The same for items with an attribute: it needs features of items.

    https://docs.aws.amazon.com/personalize/latest/dg/item-attribute-affinity-recipe.html
    """

    @classmethod
    def fit(cls, data: TrainingData, params: Settings, seed: int, threads: int, tick: Tick) -> Self:
        if len(data.items) and (data.item_features is None or not data.item_features.nnz):
            raise JobFailed(NO_ATTRIBUTE)
        return super().fit(data, params, seed, threads, tick)
