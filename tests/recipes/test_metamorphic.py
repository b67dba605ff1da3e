"""Changes of the data that say the same in other words, and what may not change with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix

from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.evaluation import evaluate, train
from fakepersonalize.recipes.models import MODELS, model_class
from fakepersonalize.recipes.models.als import item_factors
from fakepersonalize.recipes.training import TrainingData, distinct_users

MRR = "mean_reciprocal_rank_at_25"


def no_tick(share: float) -> None:
    pass


def columns(data: TrainingData) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return data.users(), data.items.astype(np.int64), data.times


def with_features(data: TrainingData) -> TrainingData:
    codes = np.arange(data.n_items)
    dealings = TrainingData.from_columns(
        np.arange(data.n_users), np.zeros(data.n_users, int), np.arange(data.n_users), data.n_users, 1
    )
    features = csr_matrix((np.ones(len(codes)), (codes, codes % 5)), shape=(len(codes), 5))
    return replace(data, item_features=features, actions=dealings)


def permuted(data: TrainingData) -> TrainingData:
    order = np.random.default_rng(1).permutation(len(data.items))
    return TrainingData.from_columns(*(column[order] for column in columns(data)), data.n_users, data.n_items)


def renamed(data: TrainingData) -> tuple[TrainingData, np.ndarray]:
    """Give the items other codes; return them too."""
    names = np.random.default_rng(2).permutation(data.n_items)
    users, items, times = columns(data)
    return TrainingData.from_columns(users, names[items], times, data.n_users, data.n_items), names


def doubled(data: TrainingData) -> TrainingData:
    return TrainingData.from_columns(*(np.tile(column, 2) for column in columns(data)), data.n_users, data.n_items)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_order_of_rows_changes_no_byte(films, name):
    kind = model_class(name)
    plain, other = (
        kind.fit(with_features(data), {"factors": 8}, 0, 1, no_tick).arrays() for data in (films, permuted(films))
    )
    for key, array in plain.items():
        assert array.tobytes() == other[key].tobytes(), key


def test_the_order_of_rows_changes_no_metric(films):
    recipe = catalogue.recipe("aws-user-personalization")
    one, other = (train(recipe, data, recipe.parse({}, {}), 0, 1, no_tick) for data in (films, permuted(films)))
    assert one.metrics == other.metrics


@pytest.mark.parametrize("name", ["item-item", "popularity", "trending"])
def test_other_codes_give_the_same_scores(films, name):
    other, names = renamed(films)
    plain, moved = (model_class(name).fit(data, {}, 0, 1, no_tick).arrays() for data in (films, other))
    if name == "item-item":
        for item in range(0, 120, 7):
            rows = [
                arrays["similarities"][arrays["offsets"][code] : arrays["offsets"][code + 1]]
                for arrays, code in ((plain, item), (moved, names[item]))
            ]
            np.testing.assert_allclose(np.sort(rows[0]), np.sort(rows[1]), rtol=1e-5)
    else:
        for key in ("counts",) if name == "popularity" else ("recent", "standing"):
            np.testing.assert_allclose(moved[key][names], plain[key], rtol=1e-12)


def test_other_codes_give_as_good_lists(films):
    kind = model_class("blend")
    figures = [
        np.mean([evaluate("USER_PERSONALIZATION", kind, data, {"factors": 8}, s, 1, no_tick)[MRR] for s in range(3)])
        for data in (films, renamed(films)[0])
    ]
    # ALS begins at random with each code, and no two beginnings end alike.
    assert figures[0] == pytest.approx(figures[1], abs=0.03)


def test_rows_that_are_there_twice_change_nothing_that_counts_users(films):
    assert_array_equal(distinct_users(doubled(films)), distinct_users(films))
    one, other = (item_factors(data, 8, 0, 1, no_tick) for data in (films, doubled(films)))
    assert one.tobytes() == other.tobytes()
    for name in ("popularity", "trending"):
        one, other = (model_class(name).fit(data, {}, 0, 1, no_tick).arrays() for data in (films, doubled(films)))
        for key, array in one.items():
            assert array.tobytes() == other[key].tobytes(), key


def test_a_later_clock_changes_no_list(films):
    later = replace(films, times=films.times + 10**9)
    for name in ("blend", "item-item", "trending"):
        one, other = (model_class(name).fit(data, {"factors": 8}, 0, 1, no_tick).arrays() for data in (films, later))
        if name == "trending":
            assert other["newest"] - one.pop("newest") == 10**9
        for key, array in one.items():
            assert array.tobytes() == other[key].tobytes(), (name, key)


def test_users_without_interactions_change_no_list(films):
    more = replace(films, n_users=300, offsets=np.append(films.offsets, np.full(100, films.offsets[-1])))
    for name in ("popularity", "trending", "item-item"):
        one, other = (model_class(name).fit(data, {}, 0, 1, no_tick).arrays() for data in (films, more))
        for key, array in one.items():
            assert array.tobytes() == other[key].tobytes(), (name, key)
