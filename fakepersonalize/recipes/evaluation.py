"""Train a model, and measure it offline on interactions that it has not seen.

Protocols: https://docs.aws.amazon.com/personalize/latest/dg/working-with-training-metrics.html. For most recipes a
tenth of the users are test users; the model knows nothing of them, is given the oldest 90 % of each one's interactions,
and is asked for the rest. The lists are those that GetRecommendations would return at that moment, without filters of
the request, promotions and exploration. Where the guide is silent, the choices are in the docstrings below.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from fakepersonalize.errors import JobFailed
from fakepersonalize.recipes.catalogue import Recipe
from fakepersonalize.recipes.metrics import (
    Metrics,
    average_rewards,
    coverage,
    measure,
    of_actions,
    of_segments,
    of_trend,
    rounded,
    with_event_weights,
)
from fakepersonalize.recipes.models import model_class
from fakepersonalize.recipes.models.actions import NO_ACTIONS, NextBestAction
from fakepersonalize.recipes.models.affinity import Affinity, AttributeAffinity
from fakepersonalize.recipes.training import (
    Codes,
    Mask,
    Model,
    ProtocolName,
    Queries,
    Settings,
    Tick,
    TrainingData,
    distinct_users,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LIST_LENGTH = 25
TEST_SHARE = 0.1
ACTIONS_RECOMMENDED = 5
BYTES_OF_INTEREST = 256 << 20
# A filter looks at so many of a user's newest events of a type.
# https://docs.aws.amazon.com/personalize/latest/dg/limits.html
FILTER_WINDOW = 100
BLOCK_BYTES = 64 << 20  # of the masks of a block of users
POPULAR_WHEN_ALONE = "popular-when-alone"


@dataclass(frozen=True, slots=True)
class Split:
    """Histories to train on, and those of the test users, cut in two: what is given and what is to be foretold."""

    training: TrainingData
    given: TrainingData
    truth: TrainingData

    @property
    def last_given(self) -> Codes:
        """The last item that is given of each test user, [test users]."""
        return self.given.items[self.given.offsets[1:] - 1]

    @property
    def following(self) -> Codes:
        """The item that each test user went on with, [test users]."""
        return self.truth.items[self.truth.offsets[:-1]]


@dataclass(frozen=True, slots=True)
class Trained:
    """A model fitted to all data, the metrics of its twin that had not seen the test users, and how long both took."""

    model: Model
    metrics: Metrics
    seconds: dict[str, float]


@dataclass(frozen=True, slots=True)
class Measured:
    """Metrics of a model, and settings that only held-out data could teach it."""

    metrics: Metrics
    learnt: dict[str, Any] = field(default_factory=dict)


def train(recipe: Recipe, data: TrainingData, params: Settings, seed: int, threads: int, tick: Tick) -> Trained:
    """Evaluate a recipe on a split of `data`, then fit it again to all of it, from what the first fit found on.

    `params` are those of `Recipe.parse`, and `objective_sensitivity` where there is an optimisation objective. Equal
    data, parameters and seed give equal models and metrics, whatever `threads`. A KeyError says that no model is built
    for the recipe.
    """
    kind, settings = _kind(recipe), settings_of(recipe, params)
    fitted_to = within_percentiles(data, params)
    begun = time.perf_counter()
    measured = _measured(recipe.recipe_type, kind, fitted_to, settings, seed, threads, lambda share: tick(0.45 * share))
    tick(0.55)
    settings, evaluated = {**settings, **measured.learnt}, time.perf_counter()
    model = kind.fit(fitted_to, settings, seed, threads, lambda share: tick(0.55 + 0.45 * share))
    seconds = {"evaluation": evaluated - begun, "fit": time.perf_counter() - evaluated}
    return Trained(model, measured.metrics, seconds)


def evaluate(
    recipe_type: str,
    kind: type[Model],
    data: TrainingData,
    settings: Settings,
    seed: int,
    threads: int,
    tick: Tick,
) -> Metrics:
    """Fit on a split of `data` and return the metrics of what was held out; `settings` as `Model.fit` takes them."""
    return _measured(recipe_type, kind, data, settings, seed, threads, tick).metrics


def settings_of(recipe: Recipe, params: Settings) -> dict[str, object]:
    """Return what the model of a recipe is to be fitted with: the recipe's parameters in our units, the rest as is."""
    known = {parameter.name for parameter in recipe.parameters}
    rest = {name: value for name, value in params.items() if name not in known}
    own = {"popular_when_alone": True} if POPULAR_WHEN_ALONE in recipe.does else {}
    return recipe.settings({name: value for name, value in params.items() if name in known}) | rest | own


def only_for(recipe: Recipe, data: TrainingData) -> TrainingData:
    """Leave out of the data what a recipe does not learn from: with AutoML recipes of several kinds compete."""
    use = recipe.learns_from
    return replace(
        data,
        item_features=data.item_features if use & {"items", "texts"} else None,
        user_features=data.user_features if "users" in use else None,
        contexts=data.contexts if "context" in use else None,
    )


def split_users(data: TrainingData, seed: int) -> Split:
    """Draw the test users and cut their histories; users with a single interaction are never test users.

    The newest tenth of a history is held out, rounded up, as if by pandas' `rank(pct=True) > 0.9`. Test users stand in
    random order.
    """
    drawn = _drawn(data.lengths, seed)
    trained_on = np.ones(data.n_users, bool)
    trained_on[drawn] = False
    return Split(data.only(trained_on), *_cut(data.only(drawn), 9, 10))


def within_percentiles(data: TrainingData, params: Settings) -> TrainingData:
    """Return the interactions of users and items within the percentile bounds that were given.

    Histories shorter or longer than the bounds of `..._user_history_length_percentile` are left out of the fit, and so
    are items rarer or more frequent than those of `..._item_interaction_count_percentile`; all stay in the catalogue.
    """
    users, items = data.users(), data.items
    keep = np.ones(len(items), bool)
    for codes, n, name in (
        (users, data.n_users, "user_history_length_percentile"),
        (items, data.n_items, "item_interaction_count_percentile"),
    ):
        counts = np.bincount(codes, minlength=n)
        keep &= _between_quantiles(counts, params.get(f"min_{name}"), params.get(f"max_{name}"))[codes]
    return data if keep.all() else data.keep(keep)


def _kind(recipe: Recipe) -> type[Model]:
    if recipe.model is None:
        raise KeyError(f"no model for {recipe.name}")
    return model_class(recipe.model)


def _measured(
    recipe_type: str,
    kind: type[Model],
    data: TrainingData,
    settings: Settings,
    seed: int,
    threads: int,
    tick: Tick,
) -> Measured:
    def fit(part: TrainingData, asked: Codes | None = None) -> Model:
        wanted = settings if asked is None else {**settings, "asked": asked}
        return kind.fit(part, wanted, seed, threads, tick)

    return _PROTOCOLS[kind.protocol](recipe_type, fit, data, seed)


class Fit(Protocol):
    """Fit to data; with `asked` the model has to know of these items alone."""

    def __call__(self, part: TrainingData, asked: Codes | None = None) -> Model: ...


def _of_lists(recipe_type: str, fit: Fit, data: TrainingData, seed: int) -> Measured:
    """One list per test user, seen items included; recipes of related items are asked beside the last given one."""
    split = split_users(data, seed)
    model = fit(split.training, split.last_given if recipe_type == "RELATED_ITEMS" else None)
    found = lists(recipe_type, model, split, LIST_LENGTH)
    metrics = measure(found, split.truth, data.n_items)
    if data.weights is not None:
        metrics |= with_event_weights(found, split.truth)
    if data.rewards is not None:
        metrics |= average_rewards(found, split.truth, data.rewards)
    return Measured(metrics, model.calibrate(split.given, split.following))


def _of_texts(recipe_type: str, fit: Fit, data: TrainingData, seed: int) -> Measured:
    """As for other lists where there are interactions; without any, only how many items are in the list of another."""
    if len(data.items):
        return _of_lists(recipe_type, fit, data, seed)
    found = fit(data).similar_many(np.arange(data.n_items, dtype=np.int32), LIST_LENGTH)
    return Measured(rounded({"coverage": coverage(found, data.n_items)}))


def _of_trend(recipe_type: str, fit: Fit, data: TrainingData, seed: int) -> Measured:
    """The newest tenth of all interactions is the test period; popularity increases by the users who come then."""
    newest = data.times >= np.quantile(data.times, 0.9) if len(data.times) else np.zeros(0, bool)
    before = data.keep(~newest)
    recommended = (
        fit(before).recommend(Queries.of(data.only(np.zeros(1, np.int64))), None, LIST_LENGTH).table(LIST_LENGTH)
        if data.n_users
        else None
    )
    items = np.zeros(0, np.int32) if recommended is None else recommended[0][recommended[0] >= 0]
    return Measured(of_trend(items, distinct_users(data.keep(newest)), data.n_items))


def _of_segments(recipe_type: str, fit: Fit, data: TrainingData, seed: int) -> Measured:
    """The newest fifth of each user's interactions is held out; asked is for every item, or every feature of items.

    Where users and queries are too many for a table of `BYTES_OF_INTEREST`, so many queries are drawn.
    """
    given, truth = _cut(data, 4, 5)
    model = fit(given)
    assert isinstance(model, Affinity)
    items, groups, n_groups = _queries(model, data)
    drawn = np.random.default_rng(seed).permutation(n_groups)[: BYTES_OF_INTEREST // (4 * max(1, data.n_users))]
    chosen = np.isin(groups, drawn)
    items, groups = items[chosen], np.searchsorted(np.sort(drawn), groups[chosen])
    interest = model.interest(groups, items, len(drawn), Queries.of(given))
    return Measured(of_segments(interest, _interested(truth, groups, items, len(drawn))))


def _of_actions(recipe_type: str, fit: Fit, data: TrainingData, seed: int) -> Measured:
    """A tenth of the users who dealt with actions is tested on the newest tenth of their dealings."""
    if data.actions is None:
        raise JobFailed(NO_ACTIONS)
    drawn = _drawn(data.actions.lengths, seed)
    trained_on = np.ones(data.n_users, bool)
    trained_on[drawn] = False
    model = fit(data.only(trained_on))
    assert isinstance(model, NextBestAction)
    given, events = _cut(data.actions.only(drawn), 9, 10)
    propensities = model.score(Queries.of(replace(data.only(drawn), actions=given)))
    taken = np.zeros(len(events.items), bool) if events.weights is None else events.weights > 0
    return Measured(of_actions(propensities, events, taken, ACTIONS_RECOMMENDED))


_PROTOCOLS: dict[ProtocolName, Callable[[str, Fit, TrainingData, int], Measured]] = {
    "lists": _of_lists,
    "texts": _of_texts,
    "trend": _of_trend,
    "segments": _of_segments,
    "actions": _of_actions,
}


def lists(recipe_type: str, model: Model, split: Split, length: int) -> Codes:
    """Return a list per test user, [test users, length], as it would be served; see `_of_lists` for the queries."""
    given, truth = split.given, split.truth
    contexts = None if truth.contexts is None else truth.contexts[truth.offsets[:-1]]
    hidden = None if given.excluding is None else _hidden(given, given.excluding)

    def listed(users: npt.NDArray[np.int64], allowed: Mask | None) -> Codes:
        if recipe_type == "RELATED_ITEMS":
            return model.similar_many(split.last_given[users], length, allowed)
        queries = Queries.of(given.only(users), contexts if contexts is None else contexts[users])
        return model.recommend(queries, allowed, length).table(length)

    users = np.arange(given.n_users)
    if hidden is None:
        return listed(users, None)
    step = max(1, BLOCK_BYTES // max(1, given.n_items))
    blocks = [users[first : first + step] for first in range(0, len(users), step)]
    found = [listed(block, hidden[block].toarray() == 0) for block in blocks]
    return np.concatenate([np.empty((0, length), np.int32), *found])


def _hidden(given: TrainingData, events: TrainingData) -> csr_matrix:
    """Return what the filter of a use case hides from each test user, [test users, n_items].

    Those are the items of the newest `FILTER_WINDOW` events that were not later than what is given. At the time of the
    last given interaction only events with given items count: others may belong to what is to be foretold.
    """
    last = given.times[given.offsets[1:] - 1][events.users()]
    seen = np.isin(events.users() * given.n_items + events.items, given.meetings()[0])
    past = events.keep((events.times < last) | ((events.times == last) & seen))
    age = np.repeat(past.offsets[1:], past.lengths) - np.arange(len(past.items))
    return past.keep(age <= FILTER_WINDOW).pairs()


def _queries(model: Affinity, data: TrainingData) -> tuple[Codes, npt.NDArray[np.int64], int]:
    """Return what segments are asked for: items, and the query that each belongs to."""
    if isinstance(model, AttributeAffinity) and data.item_features is not None:
        items, features = data.item_features.nonzero()
        return items.astype(np.int32), features.astype(np.int64), data.item_features.shape[1]
    return np.arange(data.n_items, dtype=np.int32), np.arange(data.n_items), data.n_items


def _interested(
    truth: TrainingData, groups: npt.NDArray[np.int64], items: Codes, n_groups: int
) -> npt.NDArray[np.bool_]:
    """Return who met an item of each group, [n_users, n_groups]."""
    from scipy.sparse import csr_matrix

    member = csr_matrix((np.ones(len(items), np.float32), (items, groups)), shape=(truth.n_items, n_groups))
    met: npt.NDArray[np.bool_] = (truth.pairs() @ member).toarray() > 0
    return met


def _drawn(lengths: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """Draw a tenth of those who have a history, of those with at least two entries in theirs."""
    wanted = max(1, round(TEST_SHARE * int(np.count_nonzero(lengths))))
    drawn: npt.NDArray[np.int64] = np.random.default_rng(seed).permutation(np.flatnonzero(lengths >= 2))[:wanted]
    return drawn


def _cut(data: TrainingData, share: int, of: int) -> tuple[TrainingData, TrainingData]:
    """Return the oldest `share / of` of each history, rounded down, and the rest; single interactions are not cut."""
    kept = np.where(data.lengths >= 2, share * data.lengths // of, data.lengths)
    new = np.arange(len(data.items)) >= np.repeat(data.offsets[:-1] + kept, data.lengths)
    return data.keep(~new), data.keep(new)


def _between_quantiles(
    counts: npt.NDArray[np.int64], lowest: float | None, highest: float | None
) -> npt.NDArray[np.bool_]:
    present = counts[counts > 0]
    if not len(present):
        return counts >= 0
    low = np.quantile(present, lowest or 0)
    high = np.quantile(present, 1 if highest is None else highest)
    return (counts >= low) & (counts <= high)
