from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fakepersonalize.errors import JobFailed
from fakepersonalize.recipes.evaluation import evaluate
from fakepersonalize.recipes.models.actions import NextBestAction
from fakepersonalize.recipes.training import Queries, TrainingData

DAY = 86400
NO_ITEMS, NO_TIMES = np.zeros(0, np.int32), np.zeros(0, np.int64)


@pytest.fixture(scope="module")
def shop() -> TrainingData:
    """Readers of books take up the newsletter (0), buyers of tools the warranty (1); action 2 was hardly ever shown."""
    random = np.random.default_rng(9)
    users = np.repeat(np.arange(300), 12)
    items = random.integers(0, 20, 3600) + 20 * (users % 2)
    data = TrainingData.from_columns(users, items, np.arange(3600), 300, 40)
    shown_to, actions = random.integers(0, 300, 2400), random.integers(0, 2, 2400)
    actions[:30] = 2
    taken = random.random(2400) < np.where(shown_to % 2 == actions, 0.8, 0.2)
    times = random.integers(0, 40 * DAY, 2400)
    return replace(data, actions=TrainingData.from_columns(shown_to, actions, times, 300, 3, weights=taken))


def fitted(data: TrainingData, **params) -> NextBestAction:
    return NextBestAction.fit(data, params, 0, 1, lambda share: None)


def user(data: TrainingData, code: int, **known) -> Queries:
    one = data.only(np.array([code]))
    return Queries.of_one(one.items, one.times, data.n_items, **known)


def test_users_are_told_apart_by_their_tastes(shop):
    model = fitted(shop, action_optimization_period=7)
    for code in range(40):
        propensities = model.score(user(shop, code))[0]
        assert propensities[code % 2] > propensities[1 - code % 2] + 0.1


def test_actions_have_their_probabilities(shop):
    model = fitted(shop)
    found = model.score(user(shop, 3))[0]
    assert 1 > found[1] > found[0] > found[2] == 0


def test_an_action_with_too_few_events_scores_nothing(shop):
    assert fitted(shop).eligible.tolist() == [True, True, False]


def test_events_of_more_than_six_weeks_ago_do_not_count(shop):
    actions = shop.actions
    late = TrainingData.from_columns(np.array([0]), np.array([2]), np.array([100 * DAY]), 300, 3, weights=np.ones(1))
    columns = [np.concatenate([getattr(actions, name), getattr(late, name)]) for name in ("items", "times", "weights")]
    users = np.append(actions.users(), 0)
    later = TrainingData.from_columns(users, columns[0], columns[1], 300, 3, weights=columns[2])
    assert not fitted(replace(shop, actions=later)).eligible.any()


def test_a_longer_period_makes_actions_likelier(shop):
    def mean(days: int) -> float:
        return float(fitted(shop, action_optimization_period=days).score(Queries.of(shop))[:, :2].mean())

    assert mean(7) < mean(14) < mean(28)


def test_who_took_an_action_before_takes_it_again(shop):
    random = np.random.default_rng(2)
    faithful = np.repeat(random.random(300) < 0.5, 6)
    taken = random.random(1800) < np.where(faithful, 0.9, 0.1)
    events = TrainingData.from_columns(
        np.repeat(np.arange(300), 6), np.zeros(1800, int), np.arange(1800) * DAY // 100, 300, 1, weights=taken
    )
    model = fitted(replace(shop, actions=events))
    without = model.score(user(shop, 0))[0, 0]
    acted = TrainingData.from_columns(np.zeros(3, int), np.zeros(3, int), np.arange(3), 1, 1, weights=np.ones(3))
    assert model.score(user(shop, 0, actions=acted))[0, 0] > without + 0.1


def test_one_user_and_many_get_the_same_propensities(shop):
    model = fitted(shop)
    few = shop.only(np.arange(7))
    for code, row in enumerate(model.score(Queries.of(few))):
        known = user(shop, code, actions=shop.actions.only(np.array([code])))
        np.testing.assert_allclose(model.score(known)[0], row, rtol=1e-6)


def test_a_new_user_gets_a_probability_too(shop):
    assert np.all(fitted(shop).score(Queries.of_one(NO_ITEMS, NO_TIMES, shop.n_items))[0, :2] > 0)


def test_held_out_actions_are_foretold(shop):
    metrics = evaluate("PERSONALIZED_ACTIONS", NextBestAction, shop, {}, 0, 1, lambda share: None)
    assert metrics.keys() == {
        "coverage",
        "precision",
        "recall",
        "area_under_curve",
        *(f"normalized_discounted_cumulative_gain_at_{k}" for k in (5, 10, 25)),
    }
    assert metrics["area_under_curve"] > 0.6
    assert metrics["coverage"] == round(2 / 3, 4)


def test_without_actions_training_fails(shop):
    with pytest.raises(JobFailed, match="Actions"):
        fitted(replace(shop, actions=None))
