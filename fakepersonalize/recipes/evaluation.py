"""Train a model, and measure it offline on interactions that it has not seen.

Protocol and definitions: https://docs.aws.amazon.com/personalize/latest/dg/working-with-training-metrics.html. A tenth
of the users are test users; the model knows nothing of them, is given the oldest 90 % of each one's interactions, and
is asked for the rest. Where the guide is silent, the choices are in the docstrings below.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.catalogue import Recipe
from fakepersonalize.recipes.models import model_class
from fakepersonalize.recipes.training import Codes, Model, Settings, Tick, TrainingData

LIST_LENGTH = 25
CUTOFFS = (5, 10, 25)
TEST_SHARE = 0.1
DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Split:
    """Histories to train on, and those of the test users, cut in two: what is given and what is to be foretold."""

    training: TrainingData
    given: TrainingData
    truth: TrainingData

    @property
    def following(self) -> Codes:
        """The item that each test user went on with, [test users]."""
        return self.truth.items[self.truth.offsets[:-1]]


@dataclass(frozen=True, slots=True)
class Trained:
    """A model fitted to all data, and the metrics of its twin that had not seen the test users."""

    model: Model
    metrics: dict[str, float]


def train(recipe: Recipe, data: TrainingData, params: Settings, seed: int, threads: int, tick: Tick) -> Trained:
    """Evaluate a recipe on a split of `data`, then fit it again to all of it.

    `params` are those of `Recipe.parse`. Equal data, parameters and seed give equal models and metrics, whatever
    `threads`. A KeyError says that no model is built for the recipe.
    """
    if recipe.model is None:
        raise KeyError(f"no model for {recipe.name}")
    kind = model_class(recipe.model)
    fitted_to, settings = within_percentiles(data, params), recipe.settings(params)
    split = split_users(fitted_to, seed)
    model = kind.fit(split.training, settings, seed, threads, lambda share: tick(0.45 * share))
    metrics = measure(_lists(recipe.recipe_type, model, split.given), split.truth, _distinct(data))
    settings = {**settings, **model.calibrate(split.given, split.following)}
    tick(0.55)
    model = kind.fit(fitted_to, settings, seed, threads, lambda share: tick(0.55 + 0.45 * share))
    return Trained(model, metrics)


def evaluate(
    recipe_type: str,
    kind: type[Model],
    data: TrainingData,
    settings: Settings,
    seed: int,
    threads: int,
    tick: Tick,
) -> dict[str, float]:
    """Fit on a split of `data` and return the eight metrics of the test users; `settings` as `Model.fit` takes them."""
    split = split_users(data, seed)
    model = kind.fit(split.training, settings, seed, threads, tick)
    return measure(_lists(recipe_type, model, split.given), split.truth, _distinct(data))


def split_users(data: TrainingData, seed: int) -> Split:
    """Draw the test users and cut their histories; users with a single interaction are never test users.

    The newest tenth of a history is held out, rounded up, as if by pandas' `rank(pct=True) > 0.9`. Test users stand in
    random order.
    """
    candidates = np.flatnonzero(data.lengths >= 2)
    wanted = max(1, round(TEST_SHARE * int(np.count_nonzero(data.lengths))))
    drawn = np.random.default_rng(seed).permutation(candidates)[:wanted]
    trained_on = np.ones(data.n_users, bool)
    trained_on[drawn] = False
    tested = data.only(drawn)
    first_new = tested.offsets[:-1] + 9 * tested.lengths // 10
    new = np.arange(len(tested.items)) >= np.repeat(first_new, tested.lengths)
    return Split(data.only(trained_on), tested.keep(~new), tested.keep(new))


def measure(lists: Codes, truth: TrainingData, n_distinct: int) -> dict[str, float]:
    """Return coverage, reciprocal rank, NDCG and precision of one list per user, rounded as the service prints them.

    `lists` is [users, 25], best first, -1 where there is no item; `truth` holds what each user went on with and counts
    as a set; `n_distinct` is the number of items that could have been recommended. Without users all metrics are 0.

    NDCG is normalised by the best order of the hits that the list of 25 holds, as the guide's example does and as the
    figures that the service prints require: dividing by the best order of all that was held out gives half of them.
    """
    hits = _hits(lists, truth)
    metrics = {
        "coverage": len(np.unique(lists[lists >= 0])) / max(1, n_distinct),
        "mean_reciprocal_rank_at_25": _mean(_reciprocal_ranks(hits)),
    }
    for cutoff in CUTOFFS:
        metrics[f"normalized_discounted_cumulative_gain_at_{cutoff}"] = _mean(_gains(hits, cutoff))
    for cutoff in CUTOFFS:
        metrics[f"precision_at_{cutoff}"] = _mean(hits[:, :cutoff].sum(axis=1) / cutoff)
    return {name: round(value, DECIMALS) for name, value in metrics.items()}


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


def _between_quantiles(
    counts: npt.NDArray[np.int64], lowest: float | None, highest: float | None
) -> npt.NDArray[np.bool_]:
    present = counts[counts > 0]
    if not len(present):
        return counts >= 0
    low = np.quantile(present, lowest or 0)
    high = np.quantile(present, 1 if highest is None else highest)
    return (counts >= low) & (counts <= high)


def _lists(recipe_type: str, model: Model, given: TrainingData) -> Codes:
    """Ask for one list per test user; recipes of related items are asked for what is like the last item given."""
    if recipe_type == "RELATED_ITEMS":
        return model.similar_many(given.items[given.offsets[1:] - 1], LIST_LENGTH)
    return model.recommend_many(given, LIST_LENGTH)


def _hits(lists: Codes, truth: TrainingData) -> npt.NDArray[np.bool_]:
    """Return which places of the lists are right, [users, 25]."""
    wanted = np.unique(truth.users() * truth.n_items + truth.items)
    places = np.arange(len(lists))[:, None] * truth.n_items + lists
    return np.isin(places, wanted) & (lists >= 0)


def _reciprocal_ranks(hits: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0)


def _gains(hits: npt.NDArray[np.bool_], cutoff: int) -> npt.NDArray[np.float64]:
    """Return the NDCG of each user's first `cutoff` places, 0 for users without a hit."""
    discounts = 1 / np.log2(np.arange(cutoff) + 2)
    ideal = np.cumsum(discounts)[np.clip(hits.sum(axis=1), 1, cutoff) - 1]
    gains: npt.NDArray[np.float64] = (hits[:, :cutoff] @ discounts) / ideal
    return gains


def _mean(values: npt.NDArray[np.floating]) -> float:
    return float(values.mean()) if len(values) else 0.0


def _distinct(data: TrainingData) -> int:
    return int(np.count_nonzero(np.bincount(data.items, minlength=1)))
