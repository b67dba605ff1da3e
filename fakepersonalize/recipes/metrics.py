"""The figures that tell how good a model is, as the service names, defines and rounds them.

https://docs.aws.amazon.com/personalize/latest/dg/working-with-training-metrics.html. Where the guide is silent, the
choices are in the docstrings below.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.selection import best
from fakepersonalize.recipes.training import Codes, TrainingData

CUTOFFS = (5, 10, 25)
DECIMALS = 4
Metrics = dict[str, float]


def measure(lists: Codes, truth: TrainingData, n_distinct: int) -> Metrics:
    """Return coverage, reciprocal rank, NDCG and precision of one list per user, rounded as the service prints them.

    `lists` is [users, 25], best first, -1 where there is no item; `truth` holds what each user went on with and counts
    as a set; `n_distinct` is the number of items that could have been recommended: those of the interactions, and those
    of the Items dataset if the recipe considers it. Without users all metrics are 0.

    NDCG is normalised by the best order of the hits that the list of 25 holds, as the guide's example does and as the
    figures that the service prints require: docs/metrics.md has the formula and the evidence.
    """
    means = {name: _mean(values) for name, values in of_users(lists, truth).items()}
    return rounded({"coverage": coverage(lists, n_distinct)} | means)


def coverage(lists: Codes, n_distinct: int) -> float:
    """Return the share of the items that are in any list."""
    return len(np.unique(lists[lists >= 0])) / max(1, n_distinct)


def of_users(lists: Codes, truth: TrainingData) -> dict[str, npt.NDArray[np.float64]]:
    """Return reciprocal rank, NDCG and precision of each user's list, as `measure` averages them."""
    hits = _hits(lists, truth)
    found: dict[str, npt.NDArray[np.float64]] = {"mean_reciprocal_rank_at_25": _reciprocal_ranks(hits)}
    for cutoff in CUTOFFS:
        found[f"normalized_discounted_cumulative_gain_at_{cutoff}"] = _gains(hits, cutoff)
    for cutoff in CUTOFFS:
        found[f"precision_at_{cutoff}"] = hits[:, :cutoff].sum(axis=1) / cutoff
    return found


def with_event_weights(lists: Codes, truth: TrainingData) -> Metrics:
    """Return the NDCG in which a hit is worth the weight of its event; of several events the largest counts.

    `truth.weights` are relative to the mean of the configured weights: of 0.3 and 0.1 they are 1.5 and 0.5.
    """
    weights = np.ones(len(truth.items)) if truth.weights is None else truth.weights
    worth = _looked_up(lists, truth, weights)
    name = "normalized_discounted_cumulative_gain_with_event_weights_at_"
    return rounded({f"{name}{cutoff}": _mean(_gains(worth, cutoff)) for cutoff in CUTOFFS})


def average_rewards(lists: Codes, truth: TrainingData, rewards: npt.NDArray[np.float32]) -> Metrics:
    """Return what the recommendations earned as a share of the most that as many could have earned, mean over users.

    A list [users, k] earns the rewards of the held-out items in it; the most that it could earn are the k largest
    rewards of held-out items. Users whose held-out items earn nothing are left out. Rewards [n_items] count from 0, or
    from the smallest one where that is negative; unknown ones count as nothing.

    https://docs.aws.amazon.com/personalize/latest/dg/optimizing-solution-for-objective.html divides the rewards of
    interactions with the top 25 recommendations by those of interactions with recommendations, of which it said before
    that they are the total possible rewards; it says that the metric rises with what the objective gains.
    """
    values = np.nan_to_num(rewards - np.nanmin(rewards, initial=0.0)).astype(np.float64)
    earned = (_hits(lists, truth) * values[lists]).sum(axis=1)
    users, items = np.divmod(truth.meetings()[0], max(1, truth.n_items))
    order = np.lexsort((-values[items], users))
    rank = np.arange(len(users)) - np.searchsorted(users, users)  # both are in the order of users
    counted = order[rank < lists.shape[1]]
    possible = np.bincount(users[counted], values[items[counted]], truth.n_users)
    return rounded({"average_rewards_at_k": _mean(earned[possible > 0] / possible[possible > 0])})


def of_segments(interest: npt.NDArray[np.floating], truth: npt.NDArray[np.bool_]) -> Metrics:
    """Return coverage, hits and recall of the most interested hundredth of the users.

    `interest` and `truth` are [n_users, queries]: how much each user is wanted, and who is right. The averages are over
    the queries that somebody is right for.
    """
    n_users = len(truth)
    most = min(n_users, max(1, round(n_users / 100)))
    asked = np.flatnonzero(truth.any(axis=0))
    segments = np.array([best(interest[:, query], most) for query in asked], np.int64).reshape(len(asked), most)
    hits = truth[segments, asked[:, None]].sum(axis=1)
    return rounded(
        {
            "coverage": len(np.unique(segments)) / max(1, n_users),
            "hits_at_1_percent": _mean(hits),
            "recall_at_1_percent": _mean(hits / truth[:, asked].sum(axis=0)),
        }
    )


def of_trend(recommended: Codes, increases: npt.NDArray[np.integer], n_distinct: int) -> Metrics:
    """Return the increase of popularity of the recommended items relative to that of the items that increased most."""
    top = np.sort(increases)[::-1][: len(recommended)].sum()
    return rounded(
        {
            "coverage": len(recommended) / max(1, n_distinct),
            "trend_prediction_accuracy": float(increases[recommended].sum() / top) if top else 0.0,
        }
    )


def of_actions(
    propensities: npt.NDArray[np.float64], events: TrainingData, taken: npt.NDArray[np.bool_], most: int
) -> Metrics:
    """Return the metrics of propensities [n_users, n_actions] against held-out events, `taken` or not.

    An action counts as recommended where it is among the `most` likeliest of a user and not at 0. Precision is the mean
    over actions that were recommended, recall over those that were taken. The area under the curve is over all events.
    """
    lists = np.array([best(row, CUTOFFS[-1]) for row in propensities], np.int32).reshape(len(propensities), -1)
    likely = np.take_along_axis(propensities, lists.astype(np.int64), axis=1) > 0
    lists = np.where(likely, lists, -1)
    truth = events.keep(taken)
    named = measure(_wide(lists), truth, events.n_items)
    gains = {name: value for name, value in named.items() if name.startswith("normalized")}
    recommended, took = np.zeros((2, *propensities.shape), bool)
    users, places = np.nonzero(lists[:, :most] >= 0)
    recommended[users, lists[users, places]] = True
    took[truth.users(), truth.items] = True
    right = (recommended & took).sum(axis=0)
    by_action, takers = recommended.sum(axis=0), took.sum(axis=0)
    own = {
        "coverage": np.count_nonzero(by_action) / max(1, events.n_items),
        "precision": _mean(right[by_action > 0] / by_action[by_action > 0]),
        "recall": _mean(right[takers > 0] / takers[takers > 0]),
        "area_under_curve": _area_under_curve(propensities[events.users(), events.items], taken),
    }
    return gains | rounded(own)


def rounded(metrics: Metrics) -> Metrics:
    """Return the figures as the service prints them."""
    return {name: round(value, DECIMALS) for name, value in metrics.items()}


def _area_under_curve(scores: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """Return the chance that a right one is scored above a wrong one; a half where one kind is missing."""
    from scipy.stats import rankdata

    n_right, n_wrong = np.count_nonzero(right), np.count_nonzero(~right)
    if not n_right or not n_wrong:
        return 0.5
    return float((rankdata(scores)[right].sum() - n_right * (n_right + 1) / 2) / (n_right * n_wrong))


def _wide(lists: Codes) -> Codes:
    """Return the lists with room for as many places as metrics look at."""
    missing = max(0, CUTOFFS[-1] - lists.shape[1])
    return np.pad(lists, ((0, 0), (0, missing)), constant_values=-1)


def _looked_up(lists: Codes, truth: TrainingData, values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the largest value of each listed item in its user's truth, 0 where it is not there, [users, places]."""
    cells = truth.users() * truth.n_items + truth.items
    order = np.lexsort((values, cells))
    last = np.append(cells[order][1:] != cells[order][:-1], True) if len(cells) else np.zeros(0, bool)
    known, worth = cells[order][last], values[order][last]
    if not len(known):
        return np.zeros(lists.shape)
    places = np.arange(len(lists))[:, None] * truth.n_items + lists
    at = np.minimum(np.searchsorted(known, places), len(known) - 1)
    return np.where((known[at] == places) & (lists >= 0), worth[at], 0.0)


def _hits(lists: Codes, truth: TrainingData) -> npt.NDArray[np.bool_]:
    """Return which places of the lists are right, [users, 25]."""
    wanted = np.unique(truth.users() * truth.n_items + truth.items)
    places = np.arange(len(lists))[:, None] * truth.n_items + lists
    return np.isin(places, wanted) & (lists >= 0)


def _reciprocal_ranks(hits: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0)


def _gains(worth: npt.NDArray[Any], cutoff: int) -> npt.NDArray[np.float64]:
    """Return the NDCG of each user's first `cutoff` places, 0 for users without a hit; a miss is worth 0."""
    discounts = 1 / np.log2(np.arange(cutoff) + 2)
    ideal = -np.sort(-worth.astype(np.float64), axis=1)[:, :cutoff] @ discounts
    gains: npt.NDArray[np.float64] = (worth[:, :cutoff] @ discounts) / np.where(ideal > 0, ideal, 1)
    return gains


def _mean(values: npt.NDArray[np.floating]) -> float:
    return float(values.mean()) if len(values) else 0.0
