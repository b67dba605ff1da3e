from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix

from fakepersonalize.recipes.training import Queries, TrainingData, by_popularity, distinct_users, padded, runs


def of_rows(rows, n_users=4, n_items=5):
    users, items, times = np.array(rows, np.int64).reshape(-1, 3).T
    return TrainingData.from_columns(users, items, times, n_users, n_items)


ROWS = [(2, 1, 30), (0, 4, 20), (2, 0, 10), (0, 3, 20), (0, 4, 5), (2, 1, 40), (3, 2, 1)]


def test_histories_are_chronological_and_ties_keep_the_order_of_the_file():
    data = of_rows(ROWS)
    assert_array_equal(data.offsets, [0, 3, 3, 6, 7])
    assert_array_equal(data.items, [4, 4, 3, 0, 1, 1, 2])
    assert_array_equal(data.times, [5, 20, 20, 10, 30, 40, 1])
    assert (data.items.dtype, data.times.dtype, data.offsets.dtype) == (np.int32, np.int64, np.int64)


@pytest.mark.parametrize("unit", [1, 2**40], ids=["one sort of whole numbers", "sort by two columns"])
def test_any_order_of_rows_gives_the_histories_that_sorting_gives(unit):
    random = np.random.default_rng(3)
    for _ in range(20):
        users, items, times = (random.integers(0, high, 200) for high in (15, 9, 12))
        data = TrainingData.from_columns(users, items, times * unit - 5, 15, 9)
        expected = sorted(zip(users, times, range(200), items))
        assert_array_equal(data.items, [row[3] for row in expected])
        assert_array_equal(data.users(), [row[0] for row in expected])
        assert_array_equal(data.times, [row[1] * unit - 5 for row in expected])


def test_rows_in_order_stay_as_they_are():
    data = of_rows([(0, 3, 1), (0, 2, 1), (0, 4, 2), (3, 0, 0)])
    assert_array_equal(data.items, [3, 2, 4, 0])


def test_the_matrix_counts_and_the_pairs_do_not():
    data = of_rows(ROWS)
    counts = [[0, 0, 0, 1, 2], [0, 0, 0, 0, 0], [1, 2, 0, 0, 0], [0, 0, 1, 0, 0]]
    assert_array_equal(data.matrix().toarray(), counts)
    assert_array_equal(data.pairs().toarray(), np.sign(counts))
    assert data.matrix().dtype == np.float32


def test_popularity_counts_a_user_once():
    assert_array_equal(distinct_users(of_rows([*ROWS, (1, 0, 3)])), [2, 1, 1, 1, 1])


def test_users_are_selected_in_the_order_asked_for():
    data = of_rows(ROWS)
    some = data.only(np.array([3, 1, 0]))
    assert_array_equal(some.offsets, [0, 1, 1, 4])
    assert_array_equal(some.items, [2, 4, 4, 3])
    masked = data.only(np.array([True, False, False, True]))
    assert_array_equal(masked.items, [4, 4, 3, 2])
    assert masked.n_users == 2


def test_interactions_are_kept_without_renumbering_anybody():
    data = of_rows(ROWS)
    late = data.keep(data.times >= 20)
    assert (late.n_users, late.n_items) == (4, 5)
    assert_array_equal(late.offsets, [0, 2, 2, 4, 4])
    assert_array_equal(late.items, [4, 3, 1, 1])


def test_no_rows_make_empty_histories():
    data = of_rows([])
    assert_array_equal(data.offsets, [0, 0, 0, 0, 0])
    assert data.matrix().shape == (4, 5)
    assert_array_equal(distinct_users(data), [0, 0, 0, 0, 0])


def test_queries_come_in_blocks_with_all_that_is_known_of_each_user():
    rows = of_rows([(0, 1, 5), (1, 2, 6), (1, 3, 7), (3, 4, 8)])
    features = csr_matrix(np.array([[0, 1], [1, 1], [0, 0], [1, 0]]))
    contexts = csr_matrix(np.array([[1], [0], [1], [0]]))
    queries = Queries.of(replace(rows, user_features=features), contexts)
    whole, blocks = [*queries.blocks(10**9)], [*queries.blocks(2 * 8 * rows.n_items)]
    assert [(first, len(block)) for first, block in whole] == [(0, 4)]
    assert [(first, len(block)) for first, block in blocks] == [(0, 2), (2, 2)]
    (_, before), (_, behind) = blocks
    assert_array_equal(before.histories.items, [1, 2, 3])
    assert_array_equal(behind.histories.offsets, [0, 0, 1])
    assert [column.tolist() for column in before.features] == [[0, 1, 1], [1, 0, 1]]
    assert [column.tolist() for column in behind.features] == [[1], [0]]
    assert [column.tolist() for column in behind.contexts] == [[0], [0]]


def test_runs_are_ranges_one_after_the_other():
    assert_array_equal(runs(np.array([5, 0, 9]), np.array([2, 0, 3])), [5, 6, 9, 10, 11])
    assert runs(np.array([], int), np.array([], int)).shape == (0,)


def test_equally_popular_items_stand_by_code():
    assert_array_equal(by_popularity(np.array([1, 3, 1, 3])), [1, 3, 0, 2])


def test_short_rows_are_padded():
    assert_array_equal(padded(np.array([4, 2], np.int32), 4), [4, 2, -1, -1])
