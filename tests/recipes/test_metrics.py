from __future__ import annotations

import numpy as np
import pytest

from fakepersonalize.recipes.metrics import (
    average_rewards,
    measure,
    of_actions,
    of_segments,
    of_trend,
    with_event_weights,
)
from fakepersonalize.recipes.training import TrainingData

WEIGHTED = "normalized_discounted_cumulative_gain_with_event_weights_at_5"


def truth(rows: list[tuple[int, int, float]], n_users: int = 1, n_items: int = 200) -> TrainingData:
    users, items, weights = (np.array(column) for column in zip(*rows))
    return TrainingData.from_columns(users, items, np.arange(len(rows)), n_users, n_items, weights=weights)


LISTS = np.arange(25, dtype=np.int32)[None]


def test_a_hit_is_worth_the_weight_of_its_event():
    # Weights of 0.3 and 0.1 are 1.5 and 0.5 of their mean.
    metrics = with_event_weights(LISTS, truth([(0, 0, 0.5), (0, 1, 1.5)]))
    expected = (0.5 + 1.5 / np.log2(3)) / (1.5 + 0.5 / np.log2(3))
    assert metrics[WEIGHTED] == round(expected, 4)
    assert len(metrics) == 3


def test_the_largest_weight_of_several_events_counts():
    once = with_event_weights(LISTS, truth([(0, 0, 1.5), (0, 3, 0.5)]))
    assert with_event_weights(LISTS, truth([(0, 0, 0.5), (0, 0, 1.5), (0, 3, 0.5)])) == once


def test_equal_weights_give_the_plain_ndcg():
    held = truth([(0, 2, 1.0), (0, 7, 1.0)])
    plain = measure(LISTS, held, 25)["normalized_discounted_cumulative_gain_at_25"]
    assert with_event_weights(LISTS, held)[WEIGHTED.replace("at_5", "at_25")] == plain


def test_rewards_are_a_share_of_what_as_many_recommendations_could_have_earned():
    rewards = np.arange(200, dtype=np.float32)
    held = truth([(0, 4, 1), (0, 6, 1), (0, 6, 1), (0, 30, 1)])  # 30 is not listed; what was held out twice counts once
    assert average_rewards(LISTS, held, rewards) == {"average_rewards_at_k": (4 + 6) / (4 + 6 + 30)}
    assert average_rewards(LISTS, truth([(0, 150, 1)]), rewards) == {"average_rewards_at_k": 0.0}
    assert average_rewards(LISTS, truth([(0, 24, 1)]), rewards) == {"average_rewards_at_k": 1.0}


def test_no_more_rewards_are_possible_than_recommendations():
    rewards = np.arange(200, dtype=np.float32)
    held = truth([(0, item, 1) for item in (1, 3, 5, 40, 50)])
    assert average_rewards(LISTS[:, :2], held, rewards) == {"average_rewards_at_k": round(1 / 90, 4)}


def test_rewards_are_a_mean_over_users_whose_interactions_earn_anything():
    rewards = np.array([0, 10, 20], np.float32)
    lists = np.array([[1, -1], [2, -1], [1, 2]], np.int32)
    held = truth([(0, 1, 1), (0, 2, 1), (1, 2, 1), (2, 0, 1)], n_users=3, n_items=3)
    assert average_rewards(lists, held, rewards) == {"average_rewards_at_k": round((1 / 3 + 1) / 2, 4)}
    rewards[1] = np.nan
    assert average_rewards(lists, held, rewards) == {"average_rewards_at_k": 0.5}


def test_negative_rewards_count_from_the_smallest():
    held = truth([(0, 1, 1), (0, 2, 1)], n_items=3)
    assert average_rewards(np.array([[1]], np.int32), held, np.array([-5, 0, 15], np.float32)) == {
        "average_rewards_at_k": 0.25
    }


def test_segments_are_the_most_interested_hundredth():
    interest = np.zeros((200, 2))
    interest[[5, 9], 0] = 2, 1
    interest[[5, 7], 1] = 1, 2
    right = np.zeros((200, 2), bool)
    right[[5, 100, 101, 102], 0] = True
    right[[5, 7], 1] = True
    assert of_segments(interest, right) == {
        "coverage": 3 / 200,
        "hits_at_1_percent": 1.5,
        "recall_at_1_percent": (1 / 4 + 1) / 2,
    }


def test_trend_accuracy_is_the_share_of_the_largest_increase():
    increases = np.array([5, 0, 3, 2])
    assert of_trend(np.array([0, 3]), increases, 4) == {"coverage": 0.5, "trend_prediction_accuracy": 7 / 8}
    assert of_trend(np.array([0, 3]), np.zeros(4, int), 4)["trend_prediction_accuracy"] == 0


def test_of_a_hundred_takers_fifty_are_foretold():
    """The guide: recommended to a hundred of whom sixty took it, and of a hundred takers fifty foretold."""
    propensities = np.zeros((200, 2))
    propensities[:100, 0] = 0.9
    propensities[100:, 1] = 0.9
    first = [(user, 0, 1.0) for user in range(60)] + [(user, 0, 0.0) for user in range(60, 100)]
    second = [(user, 1, 1.0) for user in range(50, 150)]
    events = truth(first + second, 200, 2)
    metrics = of_actions(propensities, events, events.weights > 0, 1)
    assert metrics["precision"] == (0.6 + 0.5) / 2
    assert metrics["recall"] == (1.0 + 0.5) / 2
    assert metrics["coverage"] == 1


def test_the_area_under_the_curve_is_the_chance_to_rank_a_taker_higher():
    random = np.random.default_rng(1)
    propensities = random.random((300, 1)).round(1)
    taken = random.random(300) < propensities[:, 0]
    events = truth([(user, 0, float(took)) for user, took in enumerate(taken)], 300, 1)
    right, wrong = propensities[taken, 0], propensities[~taken, 0]
    wins = (right[:, None] > wrong).mean() + (right[:, None] == wrong).mean() / 2
    assert of_actions(propensities, events, taken, 5)["area_under_curve"] == pytest.approx(wins, abs=5.1e-5)


def test_without_events_of_both_kinds_the_area_is_a_half():
    events = truth([(0, 0, 1.0)], 1, 1)
    assert of_actions(np.ones((1, 1)), events, np.ones(1, bool), 5)["area_under_curve"] == 0.5
