"""Why items stand where they stand: the score of each taken apart into what each source adds.

This works a score out once more, source by source; that the parts sum to what the model says is tested for every model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.models.actions import NextBestAction, counts_per_action, no_actions
from fakepersonalize.recipes.models.blend import (
    CONTENT_WEIGHT,
    MEETINGS,
    USER_WEIGHT,
    Blend,
)
from fakepersonalize.recipes.models.item_item import ItemItem
from fakepersonalize.recipes.models.popularity import Popularity
from fakepersonalize.recipes.models.semantic import Semantic
from fakepersonalize.recipes.models.side_information import DOUBT, Lifts, Likeness
from fakepersonalize.recipes.models.similar_items import COLD_BELOW, ID_WEIGHT, METADATA_WEIGHT, SimilarItems
from fakepersonalize.recipes.models.trending import Trending
from fakepersonalize.recipes.selection import softmax, to_maximum_one
from fakepersonalize.recipes.training import Codes, Model, Present, Queries

Numbers = npt.NDArray[np.float64]
# What an item of the history, or the item that was asked about, adds.
FOLLOWS, LIKED_TOGETHER, ALIKE = "follows", "likedTogether", "alike"
# What adds without an item.
POPULARITY, TREND, USER, CONTEXT, ACTIVITY, DEALINGS, NOTHING = (
    "popularity",
    "trend",
    "userMetadata",
    "context",
    "activity",
    "dealings",
    "nothingKnown",
)
EVEN_ODDS = 0.5  # the propensity of which nothing is known


class Contribution(NamedTuple):
    """What one source adds to the scores of some items."""

    source: str
    item: int | None  # the code of the item of the history, or of the item asked about, that it comes from
    amounts: Numbers  # [k]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Scores of k items and what they are made of: contributions sum to the scores."""

    scores: Numbers  # [k]
    contributions: Sequence[Contribution]

    def scaled_to(self, scores: Numbers) -> Explanation:
        """Return the same shares of other scores, [k]; a score without any share is that of an item unknown to all."""
        known = np.abs(self.scores) > 1e-300
        factors = np.divide(scores, self.scores, out=np.zeros(len(scores)), where=known)
        parts = [each._replace(amounts=each.amounts * factors) for each in self.contributions]
        if not known.all():
            parts.append(Contribution(NOTHING, None, np.where(known, 0.0, scores)))
        return Explanation(scores, parts)

    def spread(self, known: npt.NDArray[np.bool_]) -> Explanation:
        """Return the explanation of more items, [len(known)], of which these are the known ones; the others have 0."""

        def spread(amounts: Numbers) -> Numbers:
            found = np.zeros(len(known))
            found[known] = amounts
            return found

        parts = [each._replace(amounts=spread(each.amounts)) for each in self.contributions]
        return Explanation(spread(self.scores), parts)

    def with_more(self, more: Contribution) -> Explanation:
        """Return the explanation of scores that another source adds to."""
        return Explanation(self.scores + more.amounts, [*self.contributions, more])


def nothing(k: int) -> Explanation:
    """Return the explanation of `k` items that only fill a list."""
    return Explanation(np.zeros(k), [])


@singledispatch
def of_user(model: Model, queries: Queries, items: Codes) -> Explanation:
    """Return what a user's preferences for some items [k] are made of.

    Of the blend these are preferences before the softmax, of popularity users, of trending their heat, of actions
    propensities. Raises NotImplementedError for a model that does not look at users.
    """
    raise NotImplementedError(type(model).__name__)


@singledispatch
def of_item(model: Model, item: int, items: Codes, influence: Mapping[str, float] | None = None) -> Explanation:
    """Return what the similarity of some items [k] to an item is made of; 0 for those that only fill the list."""
    raise NotImplementedError(type(model).__name__)


def shares(model: Model, queries: Queries, items: Codes, among: Codes | None = None) -> Explanation:
    """Return what the scores of some items [k] are made of, as the model returns them.

    Those of the blend are a softmax over the items `among`, None for the whole catalogue, in proportion to preferences.
    """
    explained = of_user(model, queries, items)
    if not isinstance(model, Blend):
        return explained
    preferences = model.score(queries)[0]
    if among is None:
        return explained.scaled_to(softmax(preferences, model.temperature)[items])
    place = {int(code): number for number, code in enumerate(among)}
    scores = softmax(preferences[among], model.temperature)
    return explained.scaled_to(scores[[place[int(code)] for code in items]])


@of_user.register
def _(model: Popularity, queries: Queries, items: Codes) -> Explanation:
    counts = model.counts[items].astype(np.float64)
    return Explanation(counts, [Contribution(POPULARITY, None, counts)])


@of_user.register
def _(model: Trending, queries: Queries, items: Codes) -> Explanation:
    parts = [Contribution(TREND, None, model.recent[items]), Contribution(POPULARITY, None, model.standing[items])]
    return Explanation(model.heat[items], parts)


@of_user.register
def _(model: Blend, queries: Queries, items: Codes) -> Explanation:
    parts = list(
        _of_history(model, queries, items) if len(queries.histories.items) else _of_nobody(model, queries, items)
    )
    return Explanation(np.sum([part.amounts for part in parts], axis=0), parts)


def _of_nobody(model: Blend, queries: Queries, items: Codes) -> list[Contribution]:
    """Return what is said of a user without history: the logarithm of popularity, shifted."""
    scale = model.temperature
    parts = [Contribution(POPULARITY, None, scale * np.log1p(model.popularity[items]))]
    if (features := _lifts_of_user(model, queries)) is not None:
        parts.append(Contribution(USER, None, scale * features[items]))
    if (lifts := _circumstances(model, queries)) is not None:
        parts.append(Contribution(CONTEXT, None, scale * lifts[items]))
    return parts


def _of_history(model: Blend, queries: Queries, items: Codes) -> list[Contribution]:
    met = queries.histories.items
    seen, times = np.unique(met, return_counts=True)
    unseen = ~np.isin(items, seen)
    latest = met[-model.history_length :]
    strengths = model.age_decay ** np.arange(len(latest) - 1, -1, -1.0)
    parts = _transitions(model, latest, strengths, seen, times, items)
    parts += _factors(model, seen, items, unseen)
    if model.likeness:
        parts += _likeness(model, model.likeness, latest, strengths, items, unseen)
    parts.append(Contribution(POPULARITY, None, model.standing[items] * unseen))
    if (features := _lifts_of_user(model, queries)) is not None:
        lifted = np.exp(np.log1p(model.popularity) + features)[None]
        doubt = DOUBT / (DOUBT + len(met))
        parts.append(Contribution(USER, None, USER_WEIGHT * doubt * to_maximum_one(lifted)[0][items] * unseen))
    lifts = _circumstances(model, queries)
    if lifts is None:
        return parts
    return [part._replace(amounts=part.amounts * np.exp(lifts[items])) for part in parts]


def _transitions(
    model: Blend, latest: Codes, strengths: Numbers, seen: Codes, times: npt.NDArray[np.int64], items: Codes
) -> list[Contribution]:
    """Return what each of the latest items says of what follows it; one that was met twice is one source."""
    table, n_items = model.transitions, len(model.popularity)
    each = np.zeros((len(latest), n_items))
    chances = 1 - model.repeated.astype(np.float64)
    chances[seen] = model.repeated[seen]
    for row, (item, strength) in enumerate(zip(latest.tolist(), strengths)):
        followers = slice(table.offsets[item], table.offsets[item + 1])
        each[row, table.items[followers]] = strength * table.weights[followers]
        each[row] *= chances
        each[row, item] += strength * table.repeats[item]
    each[:, seen] *= model.returns[np.minimum(times, MEETINGS)]
    most = each.sum(axis=0).max(initial=0)
    each /= most if most > 0 else 1.0
    return _by_item(FOLLOWS, latest, each[:, items])


def _factors(model: Blend, seen: Codes, items: Codes, unseen: npt.NDArray[np.bool_]) -> list[Contribution]:
    folded = model.projection[seen].astype(np.float64)
    liked = folded.sum(axis=0) @ model.factors.T
    liked[seen] = 0
    most = liked.max(initial=0)
    counts = unseen & (liked[items] > 0)
    scale = model.als_weight / most if most > 0 else 0.0
    return _by_item(LIKED_TOGETHER, seen, scale * counts * (folded @ model.factors[items].T.astype(np.float64)))


def _likeness(
    model: Blend,
    likeness: Likeness,
    latest: Codes,
    strengths: Numbers,
    items: Codes,
    unseen: npt.NDArray[np.bool_],
) -> list[Contribution]:
    each = likeness.to(np.arange(len(latest)), latest, strengths, len(latest))
    most = each.sum(axis=0).max(initial=0)
    doubt = DOUBT / (DOUBT + model.popularity)
    weight = CONTENT_WEIGHT * (doubt if model.cold is None else np.where(model.cold, 1.0, doubt))[items] * unseen
    return _by_item(ALIKE, latest, each[:, items] * weight / (most if most > 0 else 1.0))


def _lifts_of_user(model: Blend, queries: Queries) -> Numbers | None:
    """Return the logarithms of what the user's metadata make of popularity, [n_items]."""
    return None if queries.features is None else _lifts(model.user_lifts, queries.features)


def _circumstances(model: Blend, queries: Queries) -> Numbers | None:
    """Return the logarithms of what the context, and the objective of the training, multiply by, [n_items]."""
    lifts = None if model.boosts is None else np.log(model.boosts, dtype=np.float64)
    context = None if queries.contexts is None else _lifts(model.context_lifts, queries.contexts)
    return context if lifts is None else lifts if context is None else lifts + context


def _lifts(lifts: Lifts | None, present: Present) -> Numbers | None:
    known = lifts.known(present) if lifts else None
    return None if lifts is None or known is None else lifts.of(*known, 1)[0]


def _by_item(source: str, items: Codes, rows: Numbers) -> list[Contribution]:
    """Return the sums of rows [n, k] over the same item, newest item first, without those that add nothing."""
    found: dict[int, Numbers] = {}
    for item, row in zip(items.tolist()[::-1], rows[::-1]):
        found[item] = found[item] + row if item in found else row
    return [Contribution(source, item, row) for item, row in found.items() if row.any()]


@of_user.register
def _(model: NextBestAction, queries: Queries, items: Codes) -> Explanation:
    """Propensities, parted from even odds on in proportion to what each source adds to the log-odds."""
    scores = model.score(queries)[0, items]
    pulls = _pulls(model, queries, items)
    total = np.sum([pull.amounts for pull in pulls], axis=0)
    known = (np.abs(total) > 1e-12) & model.eligible[items]
    base = np.where(known, EVEN_ODDS, scores)
    factors = np.divide(scores - EVEN_ODDS, total, out=np.zeros(len(items)), where=known)
    parts = [pull._replace(amounts=pull.amounts * factors) for pull in pulls]
    return Explanation(scores, [Contribution(NOTHING, None, base), *parts])


def _pulls(model: NextBestAction, queries: Queries, items: Codes) -> list[Contribution]:
    """Return what adds to the log-odds of some actions [k]."""
    weights = model.coefficients[items]
    factors = 2 + model.projection.shape[1]
    met = queries.histories.items
    seen = np.unique(met)
    folded = model.projection[seen].astype(np.float64)
    length = max(float(np.linalg.norm(folded.sum(axis=0))), 1e-12)
    pulls = [
        Contribution(POPULARITY, None, weights[:, 0]),
        Contribution(ACTIVITY, None, weights[:, 1] * np.log1p(len(met))),
        *_by_item(LIKED_TOGETHER, seen, folded @ weights[:, 2:factors].T / length),
    ]
    if queries.features is not None and len(queries.features[1]):
        known = queries.features[1][queries.features[1] < model.n_user_features]
        pulls.append(Contribution(USER, None, weights[:, factors + known].sum(axis=1)))
    acted = queries.actions or no_actions(1, len(model.eligible))
    own, everywhere = counts_per_action(acted, 1, len(model.eligible))
    counts = [*(np.broadcast_to(each[0], len(model.eligible)) for each in (*everywhere, *own))]
    first = factors + model.n_user_features
    dealings = sum(np.log1p(count[items]) * weights[:, first + place] for place, count in enumerate(counts))
    return [*pulls, Contribution(DEALINGS, None, np.asarray(dealings, np.float64))]


@of_item.register
def _(model: ItemItem, item: int, items: Codes, influence: Mapping[str, float] | None = None) -> Explanation:
    amounts = _neighbours(model, item)[items]
    return Explanation(amounts, [Contribution(FOLLOWS, item, amounts)])


@of_item.register
def _(model: SimilarItems, item: int, items: Codes, influence: Mapping[str, float] | None = None) -> Explanation:
    alike = np.maximum(model.descriptions @ model.descriptions[item], 0).astype(np.float64)[items]
    if model.popularity[item] < COLD_BELOW:
        return Explanation(alike, [Contribution(ALIKE, item, alike)])
    doubt = DOUBT / (DOUBT + model.popularity)
    parts = [
        Contribution(FOLLOWS, item, _neighbours(model.together, item)[items]),
        Contribution(LIKED_TOGETHER, item, ID_WEIGHT * np.maximum(model.vectors @ model.vectors[item], 0)[items]),
        Contribution(ALIKE, item, METADATA_WEIGHT * (doubt[item] + doubt[items]) * alike),
    ]
    return Explanation(np.sum([part.amounts for part in parts], axis=0), parts)


@of_item.register
def _(model: Semantic, item: int, items: Codes, influence: Mapping[str, float] | None = None) -> Explanation:
    scores = model.scores(item, influence)[items]
    return Explanation(scores, [Contribution(ALIKE, item, scores)])


def _neighbours(model: ItemItem, item: int) -> Numbers:
    row = slice(model.offsets[item], model.offsets[item + 1])
    found = np.zeros(len(model.popular))
    found[model.neighbours[row]] = model.similarities[row]
    return found
