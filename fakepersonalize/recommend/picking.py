"""From what a model makes of a user to the items of an answer; each step can be taken again, to explain the answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fakepersonalize.recipes import exploration
from fakepersonalize.recipes.exploration import Newcomers, Numbers
from fakepersonalize.recipes.models.blend import Blend
from fakepersonalize.recipes.selection import best, best_allowed, softmax
from fakepersonalize.recipes.training import Codes, Mask, Model, Scores, UserState

# How many items have scores where only a subset has them (ours: as many as one answer can hold).
SCORED = 500
# As https://docs.aws.amazon.com/personalize/latest/dg/API_RS_PredictedItem.html spells them.
EXPLORED, POPULAR = "Exploration", "Popular item"


@dataclass(frozen=True, slots=True, eq=False)
class Taste:
    """A user's scores of all items of a catalogue, and what they are made of."""

    relevance: Numbers  # [items of the model], sums to 1
    new: Newcomers
    shares: Numbers  # [newcomers], what is tried out on the user
    scores: Numbers  # [n_items] = (1 - sum of shares) x relevance + shares; 0 of items that have no score

    @classmethod
    def of(cls, relevance: Numbers, new: Newcomers, shares: Numbers, n_items: int) -> Taste:
        return cls(relevance, new, shares, exploration.mixed(relevance, new, shares, n_items))

    def pick(self, allowed: Mask | None, k: int) -> Scores:
        """Return the `k` best of the allowed items that have scores."""
        found = best_allowed(self.scores, allowed, k)
        scores = self.scores[found]
        amount = np.count_nonzero(scores)  # best first: those without a score are the last ones
        return Scores(found[:amount], scores[:amount])

    def without_exploration(self, allowed: Mask | None, k: int) -> Codes:
        """Return the items that the model would have picked by itself."""
        found = best_allowed(self.relevance, None if allowed is None else allowed[: len(self.relevance)], k)
        return found[self.relevance[found] > 0]


@dataclass(frozen=True, slots=True, eq=False)
class Reasoned:
    """Picks with reasons; where too few allowed items have scores, popular ones without a score fill the list."""

    taste: Taste
    popularity: Numbers  # [items of the model]

    @classmethod
    def of(cls, taste: Taste, model: Model) -> Reasoned:
        assert isinstance(model, Blend), "no other model gives reasons"
        return cls(taste, model.popularity.astype(np.float64))

    def pick(self, allowed: Mask | None, k: int) -> Scores:
        picked = self.taste.pick(allowed, k)
        by_itself = {*self.taste.without_exploration(allowed, k).tolist()} if len(self.taste.shares) else None
        tried = [code for code in picked.items.tolist() if by_itself is not None and code not in by_itself]
        more = self.most_popular(self.popularity, allowed, picked.items, k - len(picked.items))
        reasons = dict.fromkeys(tried, (EXPLORED,)) | dict.fromkeys(more.tolist(), (POPULAR,))
        assert picked.scores is not None
        scores = np.concatenate([picked.scores, np.full(len(more), np.nan)])
        return Scores(np.concatenate([picked.items, more]), scores, reasons)

    @staticmethod
    def most_popular(popularity: Numbers, allowed: Mask | None, chosen: Codes, k: int) -> Codes:
        """Return up to `k` allowed items that are not chosen yet and that anybody has met, most popular first."""
        if k <= 0:
            return np.zeros(0, np.int32)
        n = len(popularity)
        left = np.ones(n, bool) if allowed is None else allowed[:n].copy()
        left[chosen[chosen < n]] = False
        return best_allowed(popularity, left & (popularity > 0), k)


def relevance(model: Model, user: UserState, scored: int | None = None) -> Numbers:
    """Return what a model says of a user, [n_items]: a softmax over all items, or over the `scored` best alone."""
    assert isinstance(model, Blend), "no other model explores"
    if scored is None or scored >= len(user.preferences):
        return softmax(user.preferences, model.temperature)
    chosen = best(user.preferences, scored)
    shares = np.zeros(len(user.preferences))
    shares[chosen] = softmax(user.preferences[chosen], model.temperature)
    return shares
