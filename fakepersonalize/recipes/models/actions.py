"""Next best action: how likely a user is to take each action, by logistic regression on what the user did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from fakepersonalize.errors import JobFailed
from fakepersonalize.recipes.explanation import (
    ACTIVITY,
    DEALINGS,
    LIKED_TOGETHER,
    NOTHING,
    POPULARITY,
    USER,
    Contribution,
    Explanation,
    by_item,
)
from fakepersonalize.recipes.models.als import item_factors, projection
from fakepersonalize.recipes.training import (
    Codes,
    Model,
    ProtocolName,
    Queries,
    Settings,
    Tick,
    TrainingData,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DAY = 86400
# https://docs.aws.amazon.com/personalize/latest/dg/native-recipe-next-best-action.html
WINDOW_DAYS = 42
FEWEST_EVENTS = 50
DEFAULT_PERIOD_DAYS = 14
FACTORS = 16
PENALTY = 1.0
EVEN_ODDS = 0.5  # the propensity of which nothing is known
NO_ACTIONS = "Actions dataset not found in the dataset group."


@dataclass(frozen=True)
class NextBestAction(Model):
    """One logistic regression per action, on the user's tastes, activity, metadata and earlier dealings with actions.

    An event is a success when the action was taken then or within `action_optimization_period` days after it. Only the
    six weeks before the newest event count, and an action with fewer than 50 successes or 50 failures there scores 0.
    """

    does: ClassVar[frozenset[str]] = frozenset({"act"})
    protocol: ClassVar[ProtocolName] = "actions"

    coefficients: npt.NDArray[np.float64]  # [n_actions, features]
    eligible: npt.NDArray[np.bool_]  # [n_actions]
    projection: npt.NDArray[np.float32]  # [n_items, factors]
    n_user_features: int

    @classmethod
    def fit(cls, data: TrainingData, params: Settings, seed: int, threads: int, tick: Tick) -> Self:
        """Fit to `data.actions`; a JobFailed where there are none, not even of names without any event."""
        from threadpoolctl import threadpool_limits

        n_factors = min(FACTORS, max(1, data.n_items))
        onto = projection(item_factors(data, n_factors, seed, threads, lambda share: tick(0.4 * share)))
        width = 0 if data.user_features is None else data.user_features.shape[1]
        if data.actions is None:
            raise JobFailed(NO_ACTIONS)
        events = data.actions
        period = params.get("action_optimization_period", DEFAULT_PERIOD_DAYS) * DAY
        taken = _taken_soon(events, period)
        recent = events.times >= events.times.max(initial=0) - WINDOW_DAYS * DAY
        rows = np.concatenate([_of_users(data, onto, width)[events.users()], _before_each(events)], axis=1)
        coefficients = np.zeros((events.n_items, rows.shape[1]))
        eligible = _eligible(events, recent)
        with threadpool_limits(1, "blas"):  # the sums are short: threads would wait for each other
            for action in np.flatnonzero(eligible):
                chosen = recent & (events.items == action)
                coefficients[action] = _logistic(rows[chosen], taken[chosen])
                tick(0.4 + 0.6 * (action + 1) / events.n_items)
        tick(1.0)
        return cls(coefficients, eligible, onto, width)

    def score(self, queries: Queries) -> npt.NDArray[np.float64]:
        """Return how likely each user is to take each action next, [users, n_actions]."""
        features = np.zeros((len(queries), self.n_user_features))
        if queries.features is not None:
            rows, codes = queries.features
            known = codes < self.n_user_features
            features[rows[known], codes[known]] = 1
        acted = queries.actions or no_actions(len(queries), len(self.eligible))
        tastes = _tastes(queries.histories, self.projection)
        n_users, n_actions = len(tastes), len(self.eligible)
        own, all_ = counts_per_action(acted, n_users, n_actions)
        fixed = np.concatenate([tastes, features], axis=1)
        n_fixed = fixed.shape[1]
        logits = fixed @ self.coefficients[:, :n_fixed].T
        for place, counts in enumerate((all_[0], all_[1], own[0], own[1])):
            logits += np.log1p(counts) * self.coefficients[:, n_fixed + place]
        return np.where(self.eligible, _sigmoid(logits), 0.0)

    def explain(self, queries: Queries, items: Codes) -> Explanation:
        """Propensities, parted from even odds on in proportion to what each source adds to the log-odds."""
        scores = self.score(queries)[0, items]
        pulls = self._pulls(queries, items)
        total = np.sum([pull.amounts for pull in pulls], axis=0)
        known = (np.abs(total) > 1e-12) & self.eligible[items]
        base = np.where(known, EVEN_ODDS, scores)
        factors = np.divide(scores - EVEN_ODDS, total, out=np.zeros(len(items)), where=known)
        parts = [pull._replace(amounts=pull.amounts * factors) for pull in pulls]
        return Explanation(scores, [Contribution(NOTHING, None, base), *parts])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {
            "coefficients": self.coefficients,
            "eligible": self.eligible,
            "projection": self.projection,
            "n_user_features": np.array(self.n_user_features),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], manifest: Settings) -> Self:
        width = int(arrays["n_user_features"])
        return cls(arrays["coefficients"], arrays["eligible"], arrays["projection"], width)

    def _pulls(self, queries: Queries, items: Codes) -> list[Contribution]:
        """Return what adds to the log-odds of some actions [k]."""
        weights = self.coefficients[items]
        factors = 2 + self.projection.shape[1]
        met = queries.histories.items
        seen = np.unique(met)
        folded = self.projection[seen].astype(np.float64)
        length = max(float(np.linalg.norm(folded.sum(axis=0))), 1e-12)
        pulls = [
            Contribution(POPULARITY, None, weights[:, 0]),
            Contribution(ACTIVITY, None, weights[:, 1] * np.log1p(len(met))),
            *by_item(LIKED_TOGETHER, seen, folded @ weights[:, 2:factors].T / length),
        ]
        if queries.features is not None and len(queries.features[1]):
            known = queries.features[1][queries.features[1] < self.n_user_features]
            pulls.append(Contribution(USER, None, weights[:, factors + known].sum(axis=1)))
        acted = queries.actions or no_actions(1, len(self.eligible))
        own, everywhere = counts_per_action(acted, 1, len(self.eligible))
        counts = [*(np.broadcast_to(each[0], len(self.eligible)) for each in (*everywhere, *own))]
        first = factors + self.n_user_features
        dealings = sum(np.log1p(count[items]) * weights[:, first + place] for place, count in enumerate(counts))
        return [*pulls, Contribution(DEALINGS, None, np.asarray(dealings, np.float64))]


def _of_users(data: TrainingData, onto: npt.NDArray[np.float32], width: int) -> npt.NDArray[np.float64]:
    return np.concatenate([_tastes(data, onto), _dense(data.user_features, data.n_users, width)], axis=1)


def _tastes(data: TrainingData, onto: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return 1, the log of the activity and the user's ALS factors, of length 1, [n_users, 2 + factors]."""
    folded: npt.NDArray[np.float64] = np.asarray(data.pairs() @ onto, np.float64)
    folded /= np.maximum(np.linalg.norm(folded, axis=1, keepdims=True), 1e-12)
    return np.column_stack([np.ones(data.n_users), np.log1p(data.lengths), folded])


def _dense(features: csr_matrix | None, n_users: int, width: int) -> npt.NDArray[np.float64]:
    dense: npt.NDArray[np.float64] = np.zeros((n_users, width))
    if features is not None:
        dense[features.nonzero()] = 1
    return dense


def no_actions(n_users: int, n_actions: int) -> TrainingData:
    none, no_times = np.zeros(0, np.int32), np.zeros(0, np.int64)
    offsets = np.zeros(n_users + 1, np.int64)
    return TrainingData(n_users, n_actions, offsets, none, no_times, np.zeros(0, np.float32))


def _was_taken(events: TrainingData) -> npt.NDArray[np.bool_]:
    return np.zeros(len(events.items), bool) if events.weights is None else events.weights > 0


def _eligible(events: TrainingData, recent: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    taken = _was_taken(events)
    counts = [np.bincount(events.items[recent & kind], minlength=events.n_items) for kind in (taken, ~taken)]
    enough: npt.NDArray[np.bool_] = np.minimum(*counts) >= FEWEST_EVENTS
    return enough


def _taken_soon(events: TrainingData, period: int) -> npt.NDArray[np.float64]:
    """Return 1 for events whose user takes the action then or within `period` seconds after it."""
    if not len(events.items):
        return np.zeros(0)
    since = events.times - events.times.min()
    span = int(since.max()) + period + 2
    keys = (events.users() * events.n_items + events.items) * span + since
    taken = np.sort(keys[_was_taken(events)])
    following = np.append(taken, np.iinfo(np.int64).max)[np.searchsorted(taken, keys)]
    # Within a user and an action keys differ by seconds; the next pair is farther away than any period.
    soon: npt.NDArray[np.bool_] = following - keys <= period
    return soon.astype(np.float64)


def _before_each(events: TrainingData) -> npt.NDArray[np.float64]:
    """Return logs of how often the user had taken, and not taken, any action and this action before, [n, 4]."""
    taken = _was_taken(events).astype(np.float64)
    users = events.users()
    cells = users * max(1, events.n_items) + events.items
    by_cell = np.argsort(cells, kind="stable")
    back = np.argsort(by_cell, kind="stable")
    columns = [_earlier(kind, users) for kind in (taken, 1 - taken)]
    columns += [_earlier(kind[by_cell], cells[by_cell])[back] for kind in (taken, 1 - taken)]
    return np.log1p(np.column_stack(columns))


def _earlier(values: npt.NDArray[np.float64], groups: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the sum of the values that stand before each one within its group; groups stand together."""
    before = np.cumsum(values) - values
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    earlier: npt.NDArray[np.float64] = before - np.repeat(before[starts], np.diff(starts, append=len(groups)))
    return earlier


def counts_per_action(
    acted: TrainingData, n_users: int, n_actions: int
) -> tuple[list[npt.NDArray[np.float64]], list[npt.NDArray[np.float64]]]:
    """Return how often each user took, and did not take, each action [n_users, n_actions], and any one [n_users, 1]."""
    taken = _was_taken(acted)
    cells = acted.users() * n_actions + acted.items
    own = [
        np.bincount(cells[kind], minlength=n_users * n_actions).reshape(n_users, n_actions).astype(np.float64)
        for kind in (taken, ~taken)
    ]
    return own, [counts.sum(axis=1, keepdims=True) for counts in own]


def _logistic(rows: npt.NDArray[np.float64], taken: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the coefficients of a logistic regression with a ridge penalty on all but the first one."""
    from scipy.optimize import minimize

    penalty = np.full(rows.shape[1], PENALTY)
    penalty[0] = 1e-6

    def loss(beta: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        logits = rows @ beta
        value = np.logaddexp(0, logits).sum() - taken @ logits + 0.5 * (penalty * beta) @ beta
        return float(value), rows.T @ (_sigmoid(logits) - taken) + penalty * beta

    found: npt.NDArray[np.float64] = minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x
    return found


def _sigmoid(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    likely: npt.NDArray[np.float64] = 0.5 * (1 + np.tanh(0.5 * logits))
    return likely
