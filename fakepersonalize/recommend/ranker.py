"""From what a model makes of users to the items of their lists; each step can be taken again, to explain an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fakepersonalize.recipes.exploration import Newcomers, Numbers
from fakepersonalize.recipes.models.blend import Blend
from fakepersonalize.recipes.selection import best_allowed, best_of_rows, softmax
from fakepersonalize.recipes.training import Codes, Mask, Model, Shortlists

# How many items have scores where only a subset has them (ours: as many as one answer can hold).
SCORED = 500
# As https://docs.aws.amazon.com/personalize/latest/dg/API_RS_PredictedItem.html spells them.
EXPLORED, POPULAR = "Exploration", "Popular item"


@dataclass(frozen=True, slots=True, eq=False)
class UserScores:
    """The scores of some users for all items of a catalogue, and what they are made of.

    Only items with a score above 0 are listed. With `popularity`, places have reasons, and where too few allowed items
    have a score, the most popular ones without a score fill the list.
    """

    wanted: Numbers  # [users, items of the model], preferences
    temperature: float
    new: Newcomers
    shares: Numbers  # [users, newcomers], what is tried out on the users
    scores: Numbers  # [users, n_items] = (1 - sum of shares) x relevance + shares; 0 of items without a score
    popularity: Numbers | None = None  # [items of the model]

    @classmethod
    def of(
        cls, model: Model, wanted: Numbers, new: Newcomers, shares: Numbers, n_items: int, reasons: bool
    ) -> UserScores:
        """Take preferences [users, items of the model]; with `reasons` only the `SCORED` best have a score."""
        assert isinstance(model, Blend), "no other model explores"
        scores, own = np.empty((len(wanted), n_items)), wanted.shape[1]
        _relevance(wanted, model.temperature, reasons, 1.0 - shares.sum(axis=1, keepdims=True), scores[:, :own])
        scores[:, own:] = 0.0
        for row, tried_out in zip(scores, shares):
            row[new.codes] += tried_out
        popularity = model.popularity.astype(np.float64) if reasons else None
        return cls(wanted, model.temperature, new, shares, scores, popularity)

    def relevance(self) -> Numbers:
        """Return what the model says by itself, [users, items of the model]; each row sums to 1."""
        found = np.empty(self.wanted.shape)
        _relevance(self.wanted, self.temperature, self.popularity is not None, 1.0, found)
        return found

    def pick(self, allowed: Mask | None, k: int) -> Shortlists:
        """Return the `k` best of the allowed items of each user; a mask is [n_items], or [users, n_items]."""
        items, scores = _best(self.scores, allowed, k)
        if self.popularity is None:
            return Shortlists(items, scores)
        reasons = dict(self._tried_out(items, allowed, k))
        return self._filled(items, scores, reasons, allowed, k)

    def _tried_out(self, items: Codes, allowed: Mask | None, k: int) -> Iterator[tuple[tuple[int, int], str]]:
        """Yield the places of items that the model would not have picked by itself."""
        if not self.shares.any():
            return
        relevance = self.relevance()
        for row in np.flatnonzero(self.shares.any(axis=1)).tolist():
            own = _row(allowed, row)
            found = best_allowed(relevance[row], None if own is None else own[: relevance.shape[1]], k)
            by_itself = {*found[relevance[row, found] > 0].tolist()}
            for place, item in enumerate(items[row].tolist()):
                if item >= 0 and item not in by_itself:
                    yield (row, place), EXPLORED

    def _filled(
        self, items: Codes, scores: Numbers, reasons: dict[tuple[int, int], str], allowed: Mask | None, k: int
    ) -> Shortlists:
        """Put popular items, which have no score, into what is left of short lists."""
        lengths = np.count_nonzero(items >= 0, axis=1)
        if lengths.min(initial=k) == k:
            return Shortlists(items, scores, reasons)
        left = ((0, 0), (0, k - items.shape[1]))
        items, scores = np.pad(items, left, constant_values=-1), np.pad(scores, left, constant_values=np.nan)
        for row in np.flatnonzero(lengths < k).tolist():
            chosen = items[row, : lengths[row]]
            more = self._most_popular(_row(allowed, row), chosen, k - len(chosen))
            places = slice(lengths[row], lengths[row] + len(more))
            items[row, places], scores[row, places] = more, np.nan
            reasons |= {(row, place): POPULAR for place in range(places.start, places.stop)}
        return Shortlists(items, scores, reasons)

    def _most_popular(self, allowed: Mask | None, chosen: Codes, k: int) -> Codes:
        """Return up to `k` allowed items that are not chosen yet and that anybody has met, most popular first."""
        assert self.popularity is not None
        n = len(self.popularity)
        left = self.popularity > 0 if allowed is None else allowed[:n] & (self.popularity > 0)
        left[chosen[chosen < n]] = False
        return best_allowed(self.popularity, left, k)


def _relevance(wanted: Numbers, temperature: float, best_alone: bool, total: float | Numbers, out: Numbers) -> None:
    """Write a softmax over all items of each row, or over the `SCORED` best alone, that sums to `total`."""
    if not best_alone or wanted.shape[1] <= SCORED:
        softmax(wanted, temperature, total, out)
        return
    rows, (best, values) = np.arange(len(wanted))[:, None], best_of_rows(wanted, SCORED)
    out[:] = 0.0
    out[rows, best] = softmax(values, temperature, total)


def _best(scores: Numbers, allowed: Mask | None, k: int) -> tuple[Codes, Numbers]:
    """Return the `k` best allowed items of each row that have a score, and those scores; -1 behind the last one."""
    if len(scores) == 1:  # one list needs no places behind it, and no table of what it may hold
        items = best_allowed(scores[0], _row(allowed, 0), k)
        values = scores[0, items]
        amount = np.count_nonzero(values)  # best first: those without a score are the last ones
        return items[None, :amount], values[None, :amount]
    open_to = scores > 0 if allowed is None else (scores > 0) & allowed
    items, found = best_of_rows(np.where(open_to, scores, -np.inf), k)
    return items, found.astype(np.float64, copy=False)


def _row(allowed: Mask | None, row: int) -> Mask | None:
    return allowed if allowed is None or allowed.ndim == 1 else allowed[row]
