from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.sparse import csr_matrix

from fakepersonalize.recipes.models.blend import Blend
from fakepersonalize.recipes.models.cold_start import DAY, cold_items
from fakepersonalize.recipes.training import Queries, TrainingData


def shop() -> TrainingData:
    """Item 0 is old; 1 is new and loved; 2 is new; 3 was made lately and nobody met it; 4 was made long ago."""
    items = np.array([0] * 4 + [1] * 20 + [2] * 3)
    times = np.array([0] * 4 + [19] * 20 + [18] * 3) * DAY
    data = TrainingData.from_columns(np.arange(27), items, times, 27, 5)
    return replace(data, item_times=np.array([0, 0, 0, 20, 3]) * DAY)


def cold(**params) -> list[int]:
    return np.flatnonzero(cold_items(shop(), params)).tolist()


def test_new_items_with_few_interactions_are_cold():
    assert cold() == [2, 3]


def test_more_interactions_are_few_as_the_maximum_says():
    assert cold(cold_start_max_interactions=2) == [3]
    assert cold(cold_start_max_interactions=20) == [1, 2, 3]


def test_items_are_new_as_long_as_the_duration_says():
    assert cold(cold_start_max_duration=1.0) == [3]
    assert cold(cold_start_max_duration=30.0) == [0, 2, 3, 4]


def test_time_is_counted_from_now_where_the_setting_says_so():
    assert cold(cold_start_relative_from="currentTime", now=24 * DAY) == [3]


def test_what_is_cold_gets_the_full_weight_of_its_metadata():
    random = np.random.default_rng(3)
    data = TrainingData.from_columns(
        np.repeat(np.arange(100), 10), random.integers(0, 30, 1000), np.arange(1000), 100, 30
    )
    features = csr_matrix((np.ones(30), (np.arange(30), np.arange(30) % 3)), shape=(30, 3))
    data = replace(data, item_features=features, item_times=np.where(np.arange(30) < 6, 10**9, 1))
    params = {"factors": 8, "cold_start_max_interactions": 1000}
    plain, cold = (Blend.fit(data, wanted, 0, 1, lambda share: None) for wanted in ({"factors": 8}, params))
    assert np.flatnonzero(cold.cold).tolist() == list(range(6))

    def met(model: Blend) -> float:
        return float((model.recommend(Queries.of(data), None, 10).table(10) < 6).mean())

    assert met(cold) > met(plain) + 0.1
