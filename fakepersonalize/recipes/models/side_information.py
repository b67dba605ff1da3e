"""What is known of items, users and circumstances beside who met what: likeness of items, and lifts of features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.models.transitions import RowSums, row_sums
from fakepersonalize.recipes.training import Codes, Present

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# So many interactions with an item are expected before its features say much: the weight of one that says nothing.
DOUBT = 5.0


@dataclass(frozen=True)
class Likeness:
    """Items by their features, each a row of length 1: the likeness of two is the cosine of their rows."""

    features: csr_matrix  # [n_items, features], float32

    @classmethod
    def of(cls, features: csr_matrix | None) -> Self | None:
        """Return None where nothing is known of any item."""
        if features is None or not features.nnz:
            return None
        scaled = features.astype(np.float32).tocsr()
        rows = np.repeat(np.arange(scaled.shape[0]), np.diff(scaled.indptr))
        lengths = np.sqrt(np.bincount(rows, scaled.data.astype(np.float64) ** 2, scaled.shape[0]))
        scaled.data = (scaled.data / np.maximum(lengths, 1e-12)[rows]).astype(np.float32)
        return cls(scaled)

    @cached_property
    def rows(self) -> RowSums:
        """The features of each item, for one user at a time."""
        return RowSums((self.features.indptr, self.features.indices, self.features.data), self.features.shape[1])

    def grown(self, features: csr_matrix | None, more: int) -> Self:
        """Return these items with `more` behind them, of which nothing is known where `features` are None."""
        from scipy.sparse import csr_matrix, vstack

        added = type(self).of(features)
        below = added.features if added else csr_matrix((more, self.features.shape[1]), dtype=np.float32)
        return type(self)(csr_matrix(vstack([self.features, below], format="csr")))

    def updated(self, items: npt.NDArray[np.int64], features: csr_matrix, n_items: int) -> Self:
        """Return `n_items` items, the given ones with these features; nothing is known of further ones."""
        from scipy.sparse import csr_matrix, vstack

        own, width = self.features.shape
        added = type(self).of(features)
        now = added.features if added else csr_matrix((len(items), width), dtype=np.float32)
        rows = np.arange(n_items)
        rows[items] = n_items + np.arange(len(items))
        unknown = csr_matrix((n_items - own, width), dtype=np.float32)
        return type(self)(csr_matrix(vstack([self.features, unknown, now], format="csr")[rows]))

    def to(
        self, users: npt.NDArray[np.integer], items: Codes, strengths: npt.NDArray[np.floating], n_users: int
    ) -> npt.NDArray[np.float64]:
        """Return the likeness of all items to what each user met, [n_users, n_items]: the sum of strength x cosine."""
        from scipy.sparse import csr_matrix

        met = csr_matrix((strengths.astype(np.float32), (users, items)), shape=(n_users, self.features.shape[0]))
        found: npt.NDArray[np.float64] = (met @ self.features @ self.features.T).toarray().astype(np.float64)
        return found

    def to_one(self, item: int) -> npt.NDArray[np.float64]:
        """Return the likeness of all items to one, [n_items]."""
        own = slice(*self.features.indptr[item : item + 2])
        row = np.zeros(self.features.shape[1], np.float32)
        row[self.features.indices[own]] = self.features.data[own]
        found: npt.NDArray[np.float64] = (self.features @ row).astype(np.float64)
        return found

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        matrix = self.features
        return {
            "features.values": matrix.data,
            "features.codes": matrix.indices,
            "features.offsets": matrix.indptr,
            "features.shape": np.array(matrix.shape),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self | None:
        if "features.values" not in arrays:
            return None
        from scipy.sparse import csr_matrix

        parts = (arrays["features.values"], arrays["features.codes"], arrays["features.offsets"])
        return cls(csr_matrix(parts, shape=tuple(arrays["features.shape"].tolist())))


@dataclass(frozen=True, slots=True)
class Lifts:
    """How much likelier each item is where a feature is present: (count + doubt) / (expected count + doubt)."""

    offsets: npt.NDArray[np.int64]  # [features + 1]
    items: Codes  # [n]
    logs: npt.NDArray[np.float32]  # [n], log(1 + count / doubt)
    totals: npt.NDArray[np.float32]  # [features], interactions with the feature
    shares: npt.NDArray[np.float32]  # [n_items], of all interactions

    @classmethod
    def count(cls, features: csr_matrix | None, met: csr_matrix) -> Self | None:
        """Count over the rows of `features` [rows, features] and of `met` [rows, n_items]; None without features."""
        if features is None or not features.nnz:
            return None
        counts = ((features != 0).astype(np.float32).T @ met).tocsr()
        counts.sort_indices()
        shares = np.asarray(met.sum(axis=0), np.float64).ravel()
        return cls(
            counts.indptr.astype(np.int64),
            counts.indices.astype(np.int32),
            np.log1p(counts.data / DOUBT).astype(np.float32),
            np.asarray(counts.sum(axis=1), np.float32).ravel(),
            (shares / max(1.0, shares.sum())).astype(np.float32),
        )

    def of(self, rows: npt.NDArray[np.int64], features: Codes, n_rows: int) -> npt.NDArray[np.float64]:
        """Return the logarithms of the lifts of items, summed over the features of each row, [n_rows, n_items]."""
        found = row_sums(
            (self.offsets, self.items, self.logs), rows, features, np.ones(len(rows)), (n_rows, len(self.shares))
        )
        np.subtract.at(found, rows, np.log1p(self.totals[features, None] * self.shares / DOUBT))
        return found

    def grown(self, more: int) -> Self:
        """Return these lifts with `more` items behind the others, which nobody has met."""
        return replace(self, shares=np.append(self.shares, np.zeros(more, np.float32)))

    def known(self, present: Present | None) -> Present | None:
        """Return the features that were there when the lifts were counted; None where there are none."""
        if present is None:
            return None
        rows, features = present
        known = features < len(self.totals)
        return (rows[known], features[known]) if known.any() else None

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        return {f"{prefix}.{name}": getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> Self | None:
        if f"{prefix}.offsets" not in arrays:
            return None
        return cls(*(arrays[f"{prefix}.{name}"] for name in cls.__slots__))
