"""Turn columns of metadata and context into rows of numbers, and later rows into the same numbers.

A categorical column gives one feature per value, and several values may stand in a cell, separated by "|". A numeric
column is cut at its quantiles. A textual one gives one feature per word, weighted by TF-IDF as implicit computes it
(Salton and Buckley, "Term-weighting approaches in automatic text retrieval", 1988).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Kind = Literal["category", "number", "text"]
Cells = Sequence[str | float | None]

BINS = 8
HUGE = np.finfo(np.float64).max / 4
MOST_WORDS = 50_000
WORD = re.compile(r"[^\W_]{2,}")


@dataclass(frozen=True, slots=True)
class Column:
    """What was learnt of one column: its values or words, or the edges between its bins, and the weight of each."""

    name: str
    kind: Kind
    values: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """The number of features."""
        return len(self.edges) + 1 if self.kind == "number" else len(self.values)


@dataclass(frozen=True, slots=True)
class Encoding:
    """Columns side by side, as they were when the encoding was learnt."""

    columns: tuple[Column, ...]

    @classmethod
    def learn(cls, columns: Mapping[str, tuple[Kind, Cells]]) -> Self:
        """Learn from the cells of each column; columns that tell no two rows apart are left out.

        Missing cells are None, or NaN in numeric columns.
        """
        found = (_learn(name, kind, cells) for name, (kind, cells) in columns.items())
        return cls(tuple(column for column in found if column is not None))

    @property
    def width(self) -> int:
        """The number of features of all columns."""
        return sum(column.width for column in self.columns)

    def rows(self, cells: Mapping[str, Cells], n: int) -> csr_matrix:
        """Return float32 features [n, width]; in each row every column that says something has the length 1.

        Columns that `cells` lacks say nothing, and so do values that were not there when the encoding was learnt.
        """
        from scipy.sparse import csr_matrix, hstack

        if not self.columns:
            return csr_matrix((n, 0), dtype=np.float32)
        blocks = [_lengths_one(_block(column, cells.get(column.name, [None] * n))) for column in self.columns]
        return csr_matrix(hstack(blocks, format="csr", dtype=np.float32))

    def codes(self, cells: Mapping[str, str | float | None]) -> npt.NDArray[np.int32]:
        """Return the features that one row of cells has."""
        codes: npt.NDArray[np.int32] = self.rows({name: [cell] for name, cell in cells.items()}, 1).indices
        return codes.astype(np.int32)

    def only(self, *kinds: Kind) -> Encoding:
        """Return the encoding of the columns of some kinds."""
        return Encoding(tuple(column for column in self.columns if column.kind in kinds))

    def names(self) -> list[str]:
        """Return one name per feature, such as `GENRE=Comedy`."""
        return [
            f"{column.name}={value}"
            for column in self.columns
            for value in (column.values if column.kind != "number" else range(column.width))
        ]

    def describe(self) -> list[dict[str, Any]]:
        """Return what a manifest needs to say for `from_description`."""
        return [
            {"name": c.name, "kind": c.kind, "values": [*c.values], "edges": [*c.edges], "weights": [*c.weights]}
            for c in self.columns
        ]

    @classmethod
    def from_description(cls, description: Sequence[Mapping[str, Any]]) -> Self:
        return cls(
            tuple(
                Column(row["name"], row["kind"], tuple(row["values"]), tuple(row["edges"]), tuple(row["weights"]))
                for row in description
            )
        )


def _learn(name: str, kind: Kind, cells: Cells) -> Column | None:
    if kind == "number":
        numbers = np.array(cells, np.float64)
        present = np.clip(numbers[np.isfinite(numbers)], -HUGE, HUGE)  # or quantiles between two would overflow
        cuts = np.unique(np.quantile(present, np.arange(1, BINS) / BINS)) if len(present) else present
        edges = cuts[cuts > present.min(initial=np.inf)]
        return Column(name, kind, edges=tuple(edges.tolist())) if len(edges) else None
    terms = [_terms(kind, cell) for cell in cells]
    counts = Counter(term for row in terms for term in set(row))
    # What all rows have tells none apart; a word that a single text has is like no other.
    telling = [(term, n) for term, n in counts.items() if n < len(terms) and (n > 1 or kind == "category")]
    kept = sorted(term for term, _ in sorted(telling, key=lambda pair: (-pair[1], pair[0]))[:MOST_WORDS])
    return Column(name, kind, tuple(kept), weights=_rarities(terms, kept)) if kept else None


def _rarities(terms: list[list[str]], kept: list[str]) -> tuple[float, ...]:
    """Return the inverse document frequency of each term."""
    from implicit.nearest_neighbours import tfidf_weight

    present = _counts([[*set(row)] for row in terms], kept)
    weighted = tfidf_weight(present)
    rarities = np.zeros(len(kept))
    rarities[weighted.col] = weighted.data
    return tuple(np.maximum(rarities, 0).round(6).tolist())


def _block(column: Column, cells: Cells) -> csr_matrix:
    from scipy.sparse import csr_matrix

    if column.kind == "number":
        numbers = np.array(cells, np.float64)
        rows = np.flatnonzero(np.isfinite(numbers))
        bins = np.searchsorted(np.array(column.edges), numbers[rows], side="right")
        return csr_matrix((np.ones(len(rows), np.float32), (rows, bins)), shape=(len(numbers), column.width))
    counts = _counts([_terms(column.kind, cell) for cell in cells], column.values)
    counts.data = np.sqrt(counts.data) * np.array(column.weights, np.float32)[counts.indices]
    return counts


def _counts(terms: Sequence[Sequence[str]], kept: Sequence[str]) -> csr_matrix:
    """Return how often each row has each of the kept terms, float32 [rows, kept]."""
    from scipy.sparse import csr_matrix

    places = {term: code for code, term in enumerate(kept)}
    found = [[places[term] for term in row if term in places] for row in terms]
    offsets = np.cumsum([0, *(len(row) for row in found)])
    codes = np.array([code for row in found for code in row], np.int32)
    matrix = csr_matrix((np.ones(len(codes), np.float32), codes, offsets), shape=(len(terms), len(kept)))
    matrix.sum_duplicates()
    return matrix


def _terms(kind: Kind, cell: str | float | None) -> list[str]:
    if cell is None or cell != cell:
        return []
    if kind == "text":
        return WORD.findall(str(cell).lower())
    return [value for value in str(cell).split("|") if value]


def _lengths_one(matrix: csr_matrix) -> csr_matrix:
    """Return the matrix with rows of length 1; rows of nothing stay so."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    lengths = np.sqrt(np.bincount(rows, matrix.data.astype(np.float64) ** 2, matrix.shape[0]))
    matrix.data = (matrix.data / np.maximum(lengths, 1e-12)[rows]).astype(np.float32)
    return matrix
