"""Themes: what the items of a list have in common, told in the words of their own metadata. No language model is used.

Items are rows of TF-IDF features of their categories and words (`features.Encoding`). A list is its centroid; the theme
names the categories, and the words, that weigh most in it, and the relevance of an item is its cosine to the centroid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.features import Cells, Encoding, Kind

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MOST_NAMED = 2  # categories, and words
SHARED_BY = 0.5  # of the items of a list, at least
FEWEST = 2  # items must share what is named
SHORTEST_WORD = 4  # letters: shorter words seldom say what something is about


@dataclass(frozen=True, slots=True)
class Theme:
    """What a list is about, and how well each of its items fits."""

    title: str
    relevance: npt.NDArray[np.float64]  # [items of the list], 0 to 1


class Themes:
    """Finds the themes of lists of items, by code."""

    def __init__(self, columns: Mapping[str, tuple[Kind, Cells]], n_items: int) -> None:
        """`columns` has the kind, category or text, and the cells of each column, [n_items]."""
        encoding = Encoding.learn(columns)
        self._rows: csr_matrix = encoding.rows({name: cells for name, (_, cells) in columns.items()}, n_items)
        self._words = [value for column in encoding.columns for value in column.values]
        self._are_categories = np.array(
            [column.kind == "category" for column in encoding.columns for _ in column.values], bool
        )

        long = np.array([len(word) >= SHORTEST_WORD for word in self._words], bool)
        self._are_telling = long & ~self._are_categories

    def of(self, items: npt.NDArray[np.integer]) -> Theme | None:
        """Return the theme of a list; None where no two of its items share anything."""
        if not len(items) or not self._words:
            return None
        rows = self._rows[items]
        centroid = np.asarray(rows.mean(axis=0), np.float64).ravel()
        shared_by = np.bincount(rows.indices, minlength=rows.shape[1])
        title = self._title(centroid, shared_by, len(items))
        if title is None:
            return None
        lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1), np.float64).ravel())
        scale = np.maximum(lengths * np.linalg.norm(centroid), 1e-12)
        return Theme(title, np.clip((rows @ centroid) / scale, 0, 1))  # of float32, which round beyond 1

    def _title(self, centroid: npt.NDArray[np.float64], shared_by: npt.NDArray[np.integer], amount: int) -> str | None:
        common = shared_by >= max(FEWEST, SHARED_BY * amount)
        categories = self._heaviest(centroid, common & self._are_categories)
        words = self._heaviest(centroid, common & self._are_telling)
        if not categories and not words:
            words = self._heaviest(centroid, (shared_by >= FEWEST) & self._are_telling)
        if not categories:
            return _joined(words).capitalize() if words else None
        return f"{_joined(categories)} with {_joined(words)}" if words else _joined(categories)

    def _heaviest(self, centroid: npt.NDArray[np.float64], named: npt.NDArray[np.bool_]) -> list[str]:
        codes = np.flatnonzero(named & (centroid > 0))
        order = np.argsort(-centroid[codes], kind="stable")[:MOST_NAMED]
        return [self._words[code] for code in codes[order].tolist()]


def _joined(words: Sequence[str]) -> str:
    return " and ".join(words)
