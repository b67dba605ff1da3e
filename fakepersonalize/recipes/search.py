"""Look for better hyperparameters, and for the better of several recipes.

A seeded random search (Bergstra and Bengio, "Random search for hyper-parameter optimization", 2012). Its first trial
is the point within the ranges that is nearest to the parameters that would be trained without it, so where the ranges
contain these, the result is never worse on the users that it tunes on. Those are drawn from the users that the later
evaluation trains on: its test users stay unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np

from fakepersonalize.errors import Cancelled, InvalidInputException
from fakepersonalize.recipes.catalogue import Parameter, Recipe, Value, without_stage
from fakepersonalize.recipes.evaluation import evaluate, settings_of, split_users, within_percentiles
from fakepersonalize.recipes.models import model_class
from fakepersonalize.recipes.training import Settings, Tick, TrainingData

METRIC = "normalized_discounted_cumulative_gain_at_25"
METRICS = frozenset(
    {
        "coverage",
        "mean_reciprocal_rank_at_25",
        *(f"normalized_discounted_cumulative_gain_at_{cutoff}" for cutoff in (5, 10, 25)),
        *(f"precision_at_{cutoff}" for cutoff in (5, 10, 25)),
    }
)
DEFAULT_JOBS = 10
SECONDS_BETWEEN_TICKS = 0.2

# Settings that no request can name, searched beside those that it can; the first value is the default.
OWN_SETTINGS: Mapping[str, Mapping[str, tuple[Value, ...]]] = {
    "blend": {
        "window": (50, 20, 30, 100),
        "age_decay": (0.85, 0.8, 0.9),
        "als_weight": (0.25, 0.0, 0.4, 0.7),
    }
}


@dataclass(frozen=True, slots=True)
class Range:
    """Where a search may look for the value of one parameter: between two numbers, or among `values`."""

    name: str
    kind: str
    min: float = 0.0
    max: float = 0.0
    values: tuple[Value, ...] = ()

    def draw(self, random: np.random.Generator) -> Value:
        """Return a value, each as likely as any other."""
        if self.values:
            return self.values[int(random.integers(len(self.values)))]
        if self.kind == "int":
            return int(random.integers(int(self.min), int(self.max), endpoint=True))
        return float(random.uniform(self.min, self.max))

    def nearest(self, value: Value | None) -> Value:
        """Return the value of the range that is nearest to one; the first of `values` where that is not among them."""
        if self.values:
            return value if value is not None and value in self.values else self.values[0]
        assert isinstance(value, int | float)
        return type(value)(min(max(value, self.min), self.max))


@dataclass(frozen=True, slots=True)
class Trial:
    """Parameters that were tried, as `Recipe.parse` gives them, and the metric that they reached."""

    params: Mapping[str, Value]
    score: float


@dataclass(frozen=True, slots=True)
class Searched:
    """The outcome of a search: all trials in the order of their numbers, each within the ranges."""

    recipe: Recipe
    trials: tuple[Trial, ...]

    @property
    def best(self) -> Trial:
        """The trial with the highest metric, the earliest of equal ones."""
        return max(self.trials, key=lambda trial: trial.score)

    def tuned(self) -> dict[str, str]:
        """Return the algorithm's hyperparameters of the best trial as they travel, as `tunedHPOParams` shows them."""
        params = self.best.params
        return {p.name: _text(params[p.name]) for p in self.recipe.algorithm.parameters if p.name in params}


def ranges_of(recipe: Recipe, given: Mapping[str, Any] | None) -> tuple[Range, ...]:
    """Return the ranges of a request's `algorithmHyperParameterRanges`; without any, all that the recipe can tune.

    An InvalidInputException names a parameter that is unknown or not tunable, or a range beyond what is allowed.
    """
    asked = [
        *_asked(given, "integerHyperParameterRanges", "int"),
        *_asked(given, "continuousHyperParameterRanges", "float"),
        *_asked(given, "categoricalHyperParameterRanges", ""),
    ]
    if not asked:
        return tuple(_whole(parameter) for parameter in recipe.algorithm.parameters if parameter.tunable)
    known = {parameter.name: parameter for parameter in recipe.algorithm.parameters if parameter.tunable}
    return tuple(_checked(recipe, known.get(without_stage(row["name"])), kind, row) for kind, row in asked)


def search(
    recipe: Recipe,
    data: TrainingData,
    params: Settings,
    ranges: Sequence[Range],
    seed: int,
    threads: int,
    tick: Tick,
    jobs: int = DEFAULT_JOBS,
    parallel: int = 1,
    metric: str = METRIC,
) -> Searched:
    """Try `jobs` sets of parameters, at most `parallel` at a time; equal arguments find the same.

    `params` are those of `Recipe.parse`; the ones without a range stay as they are. `seed` is that of the later
    `train`.
    """
    from threadpoolctl import threadpool_limits

    assert recipe.model is not None
    kind = model_class(recipe.model)
    tuning = split_users(within_percentiles(data, params), seed).training
    trials = list(_drawn(params, (*ranges, *_own(recipe)), seed, max(1, jobs)))

    def score(number: int, heard: Tick) -> float:
        metrics = evaluate(
            recipe.recipe_type, kind, tuning, settings_of(recipe, trials[number]), seed + 1, threads, heard
        )
        return metrics[metric]

    with threadpool_limits(1, "blas"):  # here too: limits set by fits that overlap would not be taken back
        scores = (
            _one_by_one(score, len(trials), tick) if parallel <= 1 else _at_once(score, len(trials), parallel, tick)
        )
    return Searched(recipe, tuple(Trial(trial, found) for trial, found in zip(trials, scores)))


def _drawn(params: Settings, ranges: Iterable[Range], seed: int, jobs: int) -> Iterator[dict[str, Any]]:
    """Draw parameters for every trial; the first one stays as near to `params` as the ranges allow."""
    random = np.random.default_rng([seed, 1])
    ranges = tuple(ranges)
    yield {**params, **{row.name: row.nearest(params.get(row.name)) for row in ranges}}
    for _ in range(jobs - 1):
        yield {**params, **{row.name: row.draw(random) for row in ranges}}


def _own(recipe: Recipe) -> list[Range]:
    own = OWN_SETTINGS.get(recipe.model or "", {})
    return [Range(name, "", values=values) for name, values in own.items()]


def _one_by_one(score: Any, n: int, tick: Tick) -> list[float]:
    return [score(number, _part(tick, number, n)) for number in range(n)]


def _at_once(score: Any, n: int, parallel: int, tick: Tick) -> list[float]:
    """Run trials in threads; this one reports progress, and stops them all when it hears that it is cancelled."""
    stopped = Event()

    def heard(share: float) -> None:
        if stopped.is_set():
            raise Cancelled

    with ThreadPoolExecutor(parallel) as pool:
        futures: list[Future[float]] = [pool.submit(score, number, heard) for number in range(n)]
        pending = set(futures)
        try:
            while pending:
                done, pending = wait(pending, SECONDS_BETWEEN_TICKS, FIRST_COMPLETED)
                tick(1 - len(pending) / n)
                for future in done:
                    future.result()
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [future.result() for future in futures]


def _part(tick: Tick, number: int, of: int) -> Tick:
    return lambda share: tick((number + share) / of)


def _asked(given: Mapping[str, Any] | None, name: str, kind: str) -> list[tuple[str, Mapping[str, Any]]]:
    return [(kind, row) for row in (given or {}).get(name) or ()]


def _whole(parameter: Parameter) -> Range:
    if parameter.kind in ("bool", "string"):
        values: tuple[Value, ...] = parameter.values or (True, False)
        return Range(parameter.name, parameter.kind, values=values)
    return Range(parameter.name, parameter.kind, parameter.min, parameter.max)


def _checked(recipe: Recipe, parameter: Parameter | None, kind: str, row: Mapping[str, Any]) -> Range:
    if parameter is None:
        raise InvalidInputException(f"Hyperparameter {row['name']} of recipe {recipe.arn} cannot be tuned.")
    if (parameter.kind if parameter.kind in ("int", "float") else "") != kind:
        raise InvalidInputException(f"The range of hyperparameter {row['name']} is of the wrong type.")
    if not kind:
        values = tuple(parameter.parse(text) for text in row.get("values") or ())
        return Range(parameter.name, parameter.kind, values=values) if values else _whole(parameter)
    whole = {"minValue": parameter.min, "maxValue": parameter.max}
    number = int if parameter.kind == "int" else float
    lowest, highest = (parameter.parse(str(number(row.get(name, bound)))) for name, bound in whole.items())
    assert isinstance(lowest, int | float)
    assert isinstance(highest, int | float)
    if lowest > highest:
        raise InvalidInputException(f"The range of hyperparameter {row['name']} ends before it begins.")
    return Range(parameter.name, kind, lowest, highest)


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
