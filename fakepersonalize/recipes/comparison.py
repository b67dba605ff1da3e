"""Recipes beside popularity and chance: on the same users, with how far chance alone could move the figures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.catalogue import Recipe
from fakepersonalize.recipes.evaluation import (
    LIST_LENGTH,
    Split,
    lists,
    only_for,
    settings_of,
    split_users,
)
from fakepersonalize.recipes.metrics import coverage, of_users
from fakepersonalize.recipes.models import model_class
from fakepersonalize.recipes.training import Codes, Tick, TrainingData

RANDOM = "random"
RESAMPLES = 2000
RESAMPLES_AT_ONCE = 100
CONFIDENCE = 0.95
LISTING = frozenset({"USER_PERSONALIZATION", "POPULAR_ITEMS", "RELATED_ITEMS", "PERSONALIZED_RANKING"})


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over users, and between which bounds it would lie for 95 % of other draws of as many users."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Compared:
    """What one recipe reached."""

    name: str
    of_users: Mapping[str, npt.NDArray[np.float64]]  # metric -> [test users]
    coverage: float
    seconds: float  # that fitting took

    def interval(self, metric: str) -> Interval:
        return interval(self.of_users[metric])

    def ahead_of(self, other: Compared, metric: str) -> Interval:
        """Return by how much this one is better, user by user: closer bounds than those of two means say."""
        return interval(self.of_users[metric] - other.of_users[metric])


def compare(recipes: Sequence[Recipe], data: TrainingData, seed: int, threads: int, tick: Tick) -> list[Compared]:
    """Fit recipes with their defaults to all but the test users, and measure one list of 25 for each test user.

    All get the same users, the documented split of `split_users`. The last one of the answer is `RANDOM`: lists drawn
    from the items that anybody has met. Recipes have a type in `LISTING`.
    """
    split = split_users(data, seed)
    found = []
    for number, recipe in enumerate(recipes):
        begun = time.perf_counter()
        assert recipe.model is not None
        model = model_class(recipe.model).fit(
            only_for(recipe, split.training),
            settings_of(recipe, recipe.parse({}, {})),
            seed,
            threads,
            lambda share, number=number: tick((number + share) / len(recipes)),  # type: ignore[misc]
        )
        seconds = time.perf_counter() - begun
        found.append(_compared(recipe.name, lists(recipe.recipe_type, model, split, LIST_LENGTH), split, data, seconds))
    return [*found, _compared(RANDOM, _random_lists(split, data, seed), split, data, 0.0)]


def interval(values: npt.NDArray[np.float64], resamples: int = RESAMPLES) -> Interval:
    """Return the mean and its percentile bootstrap interval (Efron, "Bootstrap methods", 1979), always the same."""
    random = np.random.default_rng(0)
    n = max(1, len(values))
    means = [
        random.multinomial(n, np.full(n, 1 / n), size=RESAMPLES_AT_ONCE) @ values / n
        for _ in range(resamples // RESAMPLES_AT_ONCE)
    ]
    low, high = np.quantile(np.concatenate(means), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(values.mean()), float(low), float(high))


def _compared(name: str, found: Codes, split: Split, data: TrainingData, seconds: float) -> Compared:
    return Compared(name, of_users(found, split.truth), coverage(found, data.n_items), seconds)


def _random_lists(split: Split, data: TrainingData, seed: int) -> Codes:
    random, met = np.random.default_rng([seed, 2]), np.unique(data.items)
    k = min(LIST_LENGTH, len(met))
    rows = [random.choice(met, k, replace=False) for _ in range(split.given.n_users)]
    found = np.full((len(rows), LIST_LENGTH), -1, np.int32)
    found[:, :k] = np.array(rows).reshape(len(rows), k)
    return found
