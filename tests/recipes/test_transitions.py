from __future__ import annotations

import numpy as np
import pytest

from fakepersonalize.recipes.models import transitions
from fakepersonalize.recipes.models.transitions import DECAY, WIDEST, RowSums, fit_transitions
from fakepersonalize.recipes.training import TrainingData, distinct_users


def random_data(seed: int, n_users: int = 30, n_items: int = 17, n: int = 400) -> TrainingData:
    random = np.random.default_rng(seed)
    users, items = random.integers(0, n_users, n), random.integers(0, n_items, n)
    return TrainingData.from_columns(users, items, np.arange(n), n_users, n_items)


def by_hand(data: TrainingData, window: int) -> np.ndarray:
    table = np.zeros((data.n_items, data.n_items))
    for user in range(data.n_users):
        items = data.items[data.offsets[user] : data.offsets[user + 1]]
        for at, item in enumerate(items):
            for gap, follower in enumerate(items[at + 1 : at + 1 + window], 1):
                table[item, follower] += DECAY ** (gap - 1)
    popularity = np.maximum(distinct_users(data), 1)
    return table / (popularity[:, None] ** 0.5 * popularity**0.2)


def dense(found: transitions.Transitions) -> np.ndarray:
    table = np.diag(found.repeats).astype(np.float64)
    for item in range(len(found.repeats)):
        row = slice(found.offsets[item], found.offsets[item + 1])
        table[item, found.items[row]] += found.weights[row]
    return table


def fitted(data: TrainingData, window: int) -> transitions.Transitions:
    return fit_transitions(data, distinct_users(data), window, lambda share: None)


@pytest.mark.parametrize("window", [1, 3, 50])
@pytest.mark.parametrize(("block_bytes", "pairs"), [(1 << 20, 1 << 20), (8 * 17 * 3, 1 << 20), (8, 7)])
def test_transitions_are_those_counted_by_hand(monkeypatch, window, block_bytes, pairs):
    monkeypatch.setattr(transitions, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(transitions, "PAIRS_AT_ONCE", pairs)
    data = random_data(window)
    np.testing.assert_allclose(dense(fitted(data, window)), by_hand(data, window), rtol=1e-6)


def test_only_the_strongest_followers_are_kept(monkeypatch):
    monkeypatch.setattr(transitions, "NEIGHBOURS", 3)
    data = random_data(9)
    table = by_hand(data, 50)
    np.fill_diagonal(table, 0)
    table[table < np.sort(table, axis=1)[:, -3, None]] = 0
    found = dense(fitted(data, 50))
    np.fill_diagonal(found, 0)
    np.testing.assert_allclose(found, table, rtol=1e-6)


def test_direction_matters():
    data = TrainingData.from_columns(np.zeros(2, int), np.array([0, 1]), np.arange(2), 1, 2)
    assert dense(fitted(data, 50)).tolist() == [[0, 1], [0, 0]]


def test_nothing_follows_across_users():
    data = TrainingData.from_columns(np.arange(3), np.arange(3), np.arange(3), 3, 3)
    assert not dense(fitted(data, 50)).any()


def test_the_followers_of_a_user_are_the_weighted_sum_of_rows():
    data = random_data(5)
    found = fitted(data, 50)
    rows = dense(found) - np.diag(found.repeats)
    sums = found.followers(np.array([0, 0, 1]), np.array([4, 2, 4], np.int32), np.array([1.0, 0.5, 2.0]), 3)
    np.testing.assert_allclose(sums, [rows[4] + 0.5 * rows[2], 2 * rows[4], np.zeros(17)], rtol=1e-6)


def test_progress_goes_up_to_the_whole(monkeypatch):
    monkeypatch.setattr(transitions, "BLOCK_BYTES", 8)
    shares: list[float] = []
    fit_transitions(random_data(1), np.ones(17, int), 50, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) == 17


@pytest.mark.parametrize("longest", [0, 1, 7, WIDEST, WIDEST + 1])
def test_a_few_rows_add_up_however_long_they_are(longest):
    random = np.random.default_rng(longest)
    lengths = np.array([longest, 0, longest // 2, longest, min(longest, 1)])
    table = [random.choice(WIDEST + 1, length, replace=False) for length in lengths]
    values = [random.random(length).astype(np.float32) for length in lengths]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    found = RowSums((offsets, np.concatenate(table).astype(np.int32), np.concatenate(values)), WIDEST + 1)
    for rows in ([0], [1], [2, 0, 2], [0, 1, 2, 3, 4], [4, 3]):
        strengths = random.random(len(rows))
        wanted = np.zeros(WIDEST + 1)
        for row, strength in zip(rows, strengths):
            wanted[table[row]] += strength * values[row]
        np.testing.assert_allclose(found.of(np.array(rows, np.int32), strengths), wanted, rtol=1e-12)
