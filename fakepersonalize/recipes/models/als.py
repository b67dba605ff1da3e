"""The blend behind the personalising recipes: directed transitions, and a little implicit-feedback ALS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.models.transitions import WINDOW, Transitions, fit_transitions
from fakepersonalize.recipes.selection import best, best_allowed, softmax
from fakepersonalize.recipes.training import (
    Codes,
    History,
    Mask,
    Model,
    Scores,
    Settings,
    Tick,
    TrainingData,
    UserState,
    distinct_users,
    padded,
    runs,
)

FACTORS = 64
REGULARIZATION = 10.0
ITERATIONS = 15
ALS_WEIGHT = 0.2
HISTORY_LENGTH = 20
AGE_DECAY = 0.85
TEMPERATURE = 0.1
# Below every real evidence: orders the items about which nothing is known, and keeps seen ones without evidence last.
POPULARITY_WEIGHT = 1e-4
BLOCK_BYTES = 16 << 20
CALIBRATION_USERS = 256


@dataclass(frozen=True)
class Blend(Model):
    """Transitions of the latest items plus `ALS_WEIGHT` x ALS, both scaled to a maximum of 1; aware of repeats.

    A seen item scores by its repeat evidence: its transition to itself, and of what leads to it from other items the
    share of its interactions that are repeats; an unseen item gets the rest. So seen items come back where people
    repeat, and come last where nobody does.

    ALS (Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets", 2008) is fitted to the pairs
    of user and item with confidence 1; then folding a user in is the sum of one row of `projection` per distinct item.
    Scores are a softmax over the whole catalogue; those of a user without history are the shares of popularity.
    """

    does: ClassVar[frozenset[str]] = frozenset({"recommend", "rank"})

    transitions: Transitions
    factors: npt.NDArray[np.float32]  # [n_items, n_factors]
    projection: npt.NDArray[np.float32]  # [n_items, n_factors]: factors (factors' factors + regularisation)^-1
    popularity: npt.NDArray[np.int64]  # [n_items], distinct users
    repeated: npt.NDArray[np.float32]  # [n_items], the share of interactions by users who had met the item before
    history_length: int  # how many of the latest interactions count
    age_decay: float  # weight of each interaction relative to the one after it
    temperature: float  # of the softmax

    @classmethod
    def fit(cls, data: TrainingData, params: Settings, seed: int, threads: int, tick: Tick) -> Self:
        """Fit to `data`; known settings are `factors`, `history_length`, `recency_mask` and `temperature`."""
        popularity = distinct_users(data)
        transitions = fit_transitions(data, popularity, WINDOW, lambda share: tick(0.4 * share))
        factors = _als(data, params.get("factors", FACTORS), seed, threads, lambda share: tick(0.4 + 0.6 * share))
        return cls(
            transitions,
            factors,
            _projection(factors),
            popularity,
            _repeated(data, popularity),
            params.get("history_length", HISTORY_LENGTH),
            AGE_DECAY if params.get("recency_mask", True) else 1.0,
            params.get("temperature", TEMPERATURE),
        )

    def calibrate(self, given: TrainingData, following: Codes) -> dict[str, float]:
        """Return the temperature under which the held-out next items are likeliest."""
        sample = given.only(np.arange(min(given.n_users, CALIBRATION_USERS)))
        if not sample.n_users:
            return {}
        preferences = np.concatenate(list(self._preferences_in_blocks(sample)))
        return {"temperature": _likeliest_temperature(preferences, following[: sample.n_users])}

    def fold_in(self, history: History) -> UserState:
        return UserState(self._preferences(history.alone(len(self.popularity)))[0])

    def recommend(self, user: UserState, allowed: Mask | None, k: int) -> Scores:
        items = best_allowed(user.preferences, allowed, k)
        return Scores(items, softmax(user.preferences, self.temperature)[items])

    def recommend_many(self, histories: TrainingData, k: int) -> Codes:
        rows = [
            padded(best_allowed(user, None, k), k) for block in self._preferences_in_blocks(histories) for user in block
        ]
        return np.array(rows, np.int32).reshape(histories.n_users, k)

    def rank(self, user: UserState, items: Codes) -> Scores:
        """Return the given items in the user's order, with a softmax over them alone."""
        scores = softmax(user.preferences[items], self.temperature)
        order = best(scores, len(items))
        return Scores(items[order], scores[order])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {
            "offsets": self.transitions.offsets,
            "followers": self.transitions.items,
            "weights": self.transitions.weights,
            "repeats": self.transitions.repeats,
            "factors": self.factors,
            "projection": self.projection,
            "popularity": self.popularity,
            "repeated": self.repeated,
            "history_length": np.array(self.history_length),
            "age_decay": np.array(self.age_decay),
            "temperature": np.array(self.temperature),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], manifest: Settings) -> Self:
        followers = Transitions(arrays["offsets"], arrays["followers"], arrays["weights"], arrays["repeats"])
        return cls(
            followers,
            factors=arrays["factors"],
            projection=arrays["projection"],
            popularity=arrays["popularity"],
            repeated=arrays["repeated"],
            history_length=int(arrays["history_length"]),
            age_decay=float(arrays["age_decay"]),
            temperature=float(arrays["temperature"]),
        )

    def _preferences_in_blocks(self, histories: TrainingData) -> Iterator[npt.NDArray[np.float64]]:
        step = max(1, BLOCK_BYTES // (8 * max(1, histories.n_items)))
        for first in range(0, histories.n_users, step):
            yield self._preferences(histories.only(np.arange(first, min(first + step, histories.n_users))))

    def _preferences(self, histories: TrainingData) -> npt.NDArray[np.float64]:
        """Return what each user is likely to want, [n_users, n_items]: one code path for one user and for many."""
        shape = (histories.n_users, histories.n_items)
        seen = histories.cells()
        wanted = self._from_transitions(histories, seen)
        unseen = self._from_factors(seen, shape)
        unseen += POPULARITY_WEIGHT * (self.popularity / max(1, self.popularity.max(initial=0)))
        unseen.reshape(-1)[seen] = 0
        wanted += unseen
        wanted[histories.lengths == 0] = self.temperature * np.log1p(self.popularity)
        return wanted

    def _from_transitions(self, histories: TrainingData, seen: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        users, items, strengths = self._latest(histories)
        wanted = self.transitions.followers(users, items, strengths, histories.n_users)
        again = self.repeated[seen % max(1, histories.n_items)] * wanted.reshape(-1)[seen]
        wanted *= 1 - self.repeated
        wanted.reshape(-1)[seen] = again
        np.add.at(wanted, (users, items), strengths * self.transitions.repeats[items])
        return _to_maximum_one(wanted)

    def _latest(self, histories: TrainingData) -> tuple[npt.NDArray[np.int64], Codes, npt.NDArray[np.float64]]:
        """Return user, item and weight of the latest interactions of every user."""
        lengths = np.minimum(histories.lengths, self.history_length)
        ages = np.repeat(np.cumsum(lengths), lengths) - np.arange(lengths.sum()) - 1
        latest = runs(histories.offsets[1:] - lengths, lengths)
        return np.repeat(np.arange(histories.n_users), lengths), histories.items[latest], self.age_decay**ages

    def _from_factors(self, seen: npt.NDArray[np.int64], shape: tuple[int, int]) -> npt.NDArray[np.float64]:
        users, items = np.divmod(seen, max(1, shape[1]))
        folded = np.zeros((shape[0], self.factors.shape[1]), np.float32)
        present, starts = np.unique(users, return_index=True)
        if len(present):
            folded[present] = np.add.reduceat(self.projection[items], starts, axis=0)
        liked = np.maximum(folded @ self.factors.T, 0).astype(np.float64)
        liked.reshape(-1)[seen] = 0
        return ALS_WEIGHT * _to_maximum_one(liked)


def _to_maximum_one(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    largest = rows.max(axis=1, keepdims=True, initial=0)
    np.divide(rows, largest, out=rows, where=largest > 0)
    return rows


def _als(data: TrainingData, n_factors: int, seed: int, threads: int, tick: Tick) -> npt.NDArray[np.float32]:
    """Return the item factors of implicit's alternating least squares, [n_items, n_factors]."""
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    if not len(data.items):
        return np.zeros((data.n_items, n_factors), np.float32)
    # Without the limit the threads of implicit and those of the BLAS library fight for the cores.
    with threadpool_limits(1, "blas"):
        als = AlternatingLeastSquares(
            n_factors, REGULARIZATION, iterations=ITERATIONS, num_threads=threads, random_state=seed
        )
        als.fit(data.pairs(), show_progress=False, callback=lambda i, *_: tick((i + 1) / ITERATIONS))
    found: npt.NDArray[np.float32] = als.item_factors
    return found


def _repeated(data: TrainingData, popularity: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    interactions = np.bincount(data.items, minlength=data.n_items)
    return (1 - popularity / np.maximum(interactions, 1)).astype(np.float32) * (interactions > 0)


def _projection(factors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return what each item of a history adds to its user's factors: the closed form of one step of ALS."""
    exact = factors.astype(np.float64)
    gram = exact.T @ exact + REGULARIZATION * np.eye(factors.shape[1])
    return np.linalg.solve(gram, exact.T).T.astype(np.float32)


def _likeliest_temperature(preferences: npt.NDArray[np.float64], following: Codes) -> float:
    """Return the softmax temperature that makes item `following[u]` likeliest given row u of preferences."""
    from scipy.optimize import minimize_scalar

    below_best = (preferences - preferences.max(axis=1, keepdims=True)).astype(np.float32)
    chosen = below_best[np.arange(len(following)), following].mean(dtype=np.float64)

    def surprise(log_temperature: float) -> float:
        temperature = np.float32(np.exp(log_temperature))
        return float(np.log(np.exp(below_best / temperature).sum(axis=1)).mean() - chosen / temperature)

    return float(np.exp(minimize_scalar(surprise, bounds=(np.log(0.01), np.log(10)), method="bounded").x))
