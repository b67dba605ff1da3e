"""What exploring recipes make of many users at once: `picking` in rows, for jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fakepersonalize.recipes import exploration, noise
from fakepersonalize.recipes.catalogue import Exploration
from fakepersonalize.recipes.exploration import Newcomers, Numbers
from fakepersonalize.recipes.models.blend import LISTING_BYTES, Blend
from fakepersonalize.recipes.selection import best_of_rows
from fakepersonalize.recipes.training import Codes, Mask, Model, Shortlists, TrainingData
from fakepersonalize.recommend.everyone import Everyone
from fakepersonalize.recommend.picking import EXPLORED, POPULAR, SCORED, Reasoned, Taste

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class Tasting:
    """Lists of many users, each with its own share of new items: the same that each gets in real time."""

    def __init__(
        self,
        model: Model,
        setting: Exploration,
        new: Newcomers,
        met: Everyone,
        n_items: int,
        seed: tuple[int, str],
    ) -> None:
        """`seed` is that of the emulator, and the ARN of the version: noise is of both and of the user."""
        assert isinstance(model, Blend), "no other model explores"
        self._model, self._setting, self._new, self._met, self._n_items = model, setting, new, met, n_items
        self._seed = seed

    def lists(
        self,
        users: Sequence[str],
        histories: TrainingData,
        allowed: Mask | None,
        k: int,
        contexts: csr_matrix | None,
        reasons: bool,
    ) -> Shortlists:
        """Return the `k` best items of each user; with `reasons` only the best have scores, and some have reasons."""
        shares, first, found = self._shares(users), 0, []
        for block in self._model.preferences_in_blocks(histories, contexts, LISTING_BYTES):
            last = first + len(block)
            own = allowed if allowed is None or allowed.ndim == 1 else allowed[first:last]
            found.append(self._block(block, shares[first:last], own, k, reasons))
            first = last
        if not found:
            return Shortlists(np.zeros((0, k), np.int32), np.zeros((0, k)))
        items, scores, why = zip(*found)
        first, told = 0, dict[tuple[int, int], str]()
        for part, each in zip(items, why):
            told |= {(first + row, place): reason for (row, place), reason in each.items()}
            first += len(part)
        return Shortlists(np.concatenate(items), np.concatenate(scores), told)

    def _shares(self, users: Sequence[str]) -> Numbers:
        """Return the share of each newcomer for each user, [users, newcomers]."""
        seed, version = self._seed
        askers = np.array([noise.key(seed, user, version) for user in users], np.uint64)
        met = self._met.of_users(users)
        return exploration.tried_out_by_many(self._new, self._setting, askers, (met.users(), met.items))

    def _block(
        self, wanted: Numbers, shares: Numbers, allowed: Mask | None, k: int, reasons: bool
    ) -> tuple[Codes, Numbers, dict[tuple[int, int], str]]:
        relevance = self._relevance(wanted, SCORED if reasons else None)
        parts = shares.sum(axis=1, keepdims=True)
        scores = np.zeros((len(wanted), self._n_items))
        scores[:, : relevance.shape[1]] = relevance * (1.0 - parts)
        scores[:, self._new.codes] += shares
        open_to = scores > 0 if allowed is None else (scores > 0) & allowed
        items, values = best_of_rows(np.where(open_to, scores, -np.inf), k)
        found = values.astype(np.float64, copy=False)
        if not reasons:
            return items, found, {}
        told = dict(self._tried(relevance, shares, items, allowed, k)) | self._fill(items, found, allowed)
        return items, found, told

    def _relevance(self, wanted: Numbers, scored: int | None) -> Numbers:
        """Return a softmax over all items of each row, or over the `scored` best alone."""
        if scored is not None and scored < wanted.shape[1]:
            best, _ = best_of_rows(wanted, scored)
            kept = np.full(wanted.shape, -np.inf)
            rows = np.arange(len(wanted))[:, None]
            kept[rows, best] = wanted[rows, best]
            wanted = kept
        shares: Numbers = np.exp((wanted - wanted.max(axis=1, keepdims=True)) / self._model.temperature)
        shares /= shares.sum(axis=1, keepdims=True)
        return shares

    def _tried(
        self, relevance: Numbers, shares: Numbers, items: Codes, allowed: Mask | None, k: int
    ) -> Iterator[tuple[tuple[int, int], str]]:
        """Yield which places hold items that the model would not have picked by itself."""
        for row in np.flatnonzero(shares.any(axis=1)).tolist():
            taste = Taste(relevance[row], self._new, shares[row], relevance[row])
            by_itself = taste.without_exploration(_row(allowed, row), k)
            for place in np.flatnonzero(~np.isin(items[row], by_itself) & (items[row] >= 0)).tolist():
                yield (row, place), EXPLORED

    def _fill(self, items: Codes, scores: Numbers, allowed: Mask | None) -> dict[tuple[int, int], str]:
        """Put popular items without scores into what is left of short lists."""
        told = {}
        popular = self._model.popularity.astype(np.float64)
        for row in np.flatnonzero(items[:, -1] < 0).tolist() if items.shape[1] else ():
            length = int(np.count_nonzero(items[row] >= 0))
            more = Reasoned.most_popular(popular, _row(allowed, row), items[row, :length], items.shape[1] - length)
            for place, item in enumerate(more.tolist(), length):
                items[row, place], scores[row, place] = item, np.nan
                told[row, place] = POPULAR
        return told


def _row(allowed: Mask | None, row: int) -> Mask | None:
    return allowed if allowed is None or allowed.ndim == 1 else allowed[row]
