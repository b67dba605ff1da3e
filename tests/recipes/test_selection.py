from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fakepersonalize.recipes.selection import MANY, best, best_allowed, filled, nearest, shares, softmax

POPULAR = np.array([3, 0, 4, 1, 2], np.int32)


@pytest.mark.parametrize("k", [0, 1, 5, 39, 40, 99])
def test_the_best_are_what_a_stable_sort_gives(k):
    random = np.random.default_rng(4)
    for distinct in (1, 3, 1000):
        values = random.integers(0, distinct, 40).astype(float)
        assert_array_equal(best(values, k), np.argsort(-values, kind="stable")[:k])


def test_only_allowed_items_are_chosen():
    values = np.array([5.0, 4.0, 3.0, 2.0])
    assert_array_equal(best_allowed(values, np.array([False, True, False, True]), 3), [1, 3])
    assert_array_equal(best_allowed(values, None, 2), [0, 1])
    assert best_allowed(values, np.zeros(4, bool), 2).shape == (0,)


def test_popular_items_fill_a_list_without_repeating_any():
    assert_array_equal(filled(np.array([4, 1], np.int32), POPULAR, None, 4), [4, 1, 3, 0])
    assert_array_equal(filled(np.array([4, 1], np.int32), POPULAR, None, 1), [4])
    assert_array_equal(filled(np.array([4, 1], np.int32), POPULAR, None, 99), [4, 1, 3, 0, 2])


def test_filling_leaves_out_one_item_and_what_the_mask_forbids():
    allowed = np.array([True, True, False, True, True])
    assert_array_equal(filled(np.array([2, 4], np.int32), POPULAR, allowed, 5, without=3), [4, 0, 1])
    assert allowed.all() == np.False_
    assert allowed[4]


@pytest.mark.parametrize("k", [0, 1, 3, 10, 60])
@pytest.mark.parametrize("filtered", [False, True])
def test_the_nearest_come_before_popular_ones(k, filtered):
    random = np.random.default_rng(k)
    scores, popular = random.integers(-3, 4, 50).astype(float), random.permutation(50).astype(np.int32)
    allowed = random.random(50) < 0.5 if filtered else None
    near = np.flatnonzero(scores > 0)
    near = near[np.argsort(-scores[near], kind="stable")].astype(np.int32)
    assert_array_equal(nearest(scores, popular, allowed, k, 7), filled(near, popular, allowed, k, 7))


def test_softmax_sums_to_one_even_for_large_values():
    shares = softmax(np.array([1000.0, 999.0, -1000.0]), 1.0)
    assert shares.sum() == pytest.approx(1)
    assert shares[0] / shares[1] == pytest.approx(np.e)
    assert softmax(np.zeros(0), 1.0).shape == (0,)


@pytest.mark.parametrize("distinct", [1, 3, 50, 10**9])
@pytest.mark.parametrize("k", [1, 25, 100, 500])
def test_the_best_of_many_are_those_of_a_full_sort(distinct, k):
    random = np.random.default_rng(distinct + k)
    values = random.integers(0, distinct, 4 * MANY).astype(float)
    assert_array_equal(best(values, k), np.argsort(-values, kind="stable")[:k])
    values[::16] = values.max() + 1  # the sample misleads
    assert_array_equal(best(values, k), np.argsort(-values, kind="stable")[:k])
    values[::16] = -1
    assert_array_equal(best(values, k), np.argsort(-values, kind="stable")[:k])


def test_shares_are_those_of_the_softmax():
    values = np.random.default_rng(0).random(50)
    items = np.array([3, 0, 49])
    assert_array_equal(shares(values, 0.1, items).round(12), softmax(values, 0.1)[items].round(12))
    assert shares(np.zeros(0), 1.0, np.zeros(0, int)).shape == (0,)
