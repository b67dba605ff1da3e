from __future__ import annotations

import numpy as np
import pytest

from fakepersonalize.recipes.evaluation import evaluate
from fakepersonalize.recipes.models.popularity import Popularity
from fakepersonalize.recipes.models.trending import STANDING_USERS, Trending
from fakepersonalize.recipes.training import TrainingData

DAY = 86400


def fitted(data: TrainingData, frequency: str = "3 hours") -> Trending:
    return Trending.fit(data, {"trend_discovery_frequency": frequency}, 0, 1, lambda share: None)


def waves() -> TrainingData:
    """A hundred days in which each of fifty items has a fortnight, and item 0 is always liked a little."""
    random = np.random.default_rng(5)
    days = random.uniform(0, 100, 20_000)
    items = np.clip((days / 2 + random.normal(0, 2, 20_000)).astype(int), 1, 49)
    items[random.random(20_000) < 0.1] = 0
    times = (days * DAY).astype(np.int64)
    return TrainingData.from_columns(random.integers(0, 400, 20_000), items, times, 400, 50)


def test_what_is_visited_now_stands_before_what_was_visited_more():
    model = fitted(waves())
    assert set(model.order[:6].tolist()) - {0} <= set(range(40, 50))
    assert Popularity.fit(waves(), {}, 0, 1, lambda share: None).order[0] == 0


def of_days(*days: int) -> TrainingData:
    """Item i is visited once, by user i, on a day."""
    n = len(days)
    return TrainingData.from_columns(np.arange(n), np.arange(n), np.array(days) * DAY, n, n)


def lately(model: Trending) -> np.ndarray:
    """What is left of the heat when the share of popularity is taken off."""
    return model.heat - STANDING_USERS / len(model.heat)


@pytest.mark.parametrize(
    ("frequency", "half_life"), [("30 minutes", 1 / 3), ("1 hour", 2 / 3), ("3 hours", 2), ("1 day", 12.5)]
)
def test_the_half_life_grows_with_the_frequency_up_to_an_eighth_of_the_span(frequency, half_life):
    model = fitted(of_days(0, 96, 99, 100), frequency)
    expected = 0.5 ** (np.array([100, 4, 1, 0]) / half_life)
    np.testing.assert_allclose(lately(model), expected, atol=1e-12)


def test_a_user_counts_once_for_each_item():
    users, items = np.array([0, 0, 0, 0, 1, 2]), np.array([0, 0, 0, 0, 1, 1])
    heat = fitted(TrainingData.from_columns(users, items, np.full(6, 7), 3, 2)).heat
    np.testing.assert_allclose(heat, np.array([1, 2]) * (1 + STANDING_USERS / 3))


def test_trends_are_foretold_better_than_by_popularity():
    class Standing(Popularity):
        protocol = "trend"

    found, popular = (
        evaluate("POPULAR_ITEMS", kind, waves(), {}, 0, 1, lambda share: None) for kind in (Trending, Standing)
    )
    assert found.keys() == {"coverage", "trend_prediction_accuracy"}
    assert found["coverage"] == popular["coverage"]
    assert found["trend_prediction_accuracy"] > popular["trend_prediction_accuracy"] + 0.1
