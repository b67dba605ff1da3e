from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fakepersonalize.recipes.models import transitions
from fakepersonalize.recipes.models.item_item import WINDOW, ItemItem
from fakepersonalize.recipes.training import TrainingData, by_popularity, distinct_users


def fitted(data: TrainingData, **params) -> ItemItem:
    return ItemItem.fit(data, params, 0, 1, lambda share: None)


def by_hand(data: TrainingData, discount: float, fewest: int) -> np.ndarray:
    """Similarities, 0 for pairs that are no neighbours."""
    pairs = data.pairs().toarray()
    together = pairs.T @ pairs
    popularity = np.maximum(pairs.sum(axis=0), 1)
    followed = np.zeros_like(together)
    for items in np.split(data.items, data.offsets[1:-1]):
        for at, item in enumerate(items):
            for gap, follower in enumerate(items[at + 1 : at + 1 + WINDOW]):
                followed[item, follower] += 0.9**gap
    evidences = [followed / popularity ** ((discount - 0.5) / 5), together / popularity**discount]
    for table in evidences:
        table[(together < fewest) | np.eye(len(table), dtype=bool)] = 0
        table /= np.maximum(table.max(axis=1, keepdims=True), 1e-300)
    return evidences[0] + 0.05 * evidences[1]


@pytest.mark.parametrize(("discount", "fewest"), [(0.5, 1), (0.5, 3), (0.0, 3), (1.0, 2)])
def test_neighbours_are_those_counted_by_hand(monkeypatch, groceries, discount, fewest):
    monkeypatch.setattr(transitions, "BLOCK_BYTES", 7 * 80 * 8)
    model = fitted(groceries, popularity_discount_factor=discount, min_cointeraction_count=fewest)
    table = by_hand(groceries, discount, fewest)
    for item in range(groceries.n_items):
        row = slice(model.offsets[item], model.offsets[item + 1])
        assert_array_equal(model.neighbours[row], np.flatnonzero(table[item]))
        np.testing.assert_allclose(model.similarities[row], table[item][table[item] > 0], rtol=1e-5)


def test_answers_are_the_best_of_pairs_seen_three_times(films):
    model = fitted(films)
    table = by_hand(films, 0.5, 3)
    item = int(np.argmax(distinct_users(films)))
    near = model.similar(item, None, 10).items
    np.testing.assert_allclose(table[item][near], np.sort(table[item])[::-1][:10], rtol=1e-5)


def test_what_follows_an_item_stands_before_what_came_before_it(films):
    lists = fitted(films).similar_many(np.arange(10, 110, dtype=np.int32), 3)
    after = (lists > np.arange(10, 110)[:, None]).mean()
    assert after > 0.9


def test_more_users_in_common_are_asked_for_when_the_minimum_rises(groceries):
    sizes = [len(fitted(groceries, min_cointeraction_count=fewest).neighbours) for fewest in (0, 1, 5, 10)]
    assert sizes[0] == sizes[1] > sizes[2] > sizes[3] > 0


def test_a_larger_discount_recommends_less_popular_items(groceries):
    popularity = distinct_users(groceries)

    def popularity_recommended(discount: float) -> float:
        lists = fitted(groceries, popularity_discount_factor=discount).similar_many(np.arange(80, dtype=np.int32), 10)
        return float(popularity[lists].mean())

    assert popularity_recommended(0.0) > popularity_recommended(0.5) > popularity_recommended(1.0)


def test_an_unknown_item_gets_popular_items(films):
    popular = by_popularity(distinct_users(films))
    assert_array_equal(fitted(films).similar(None, None, 25).items, popular[:25])


def test_a_rare_item_gets_popular_items_without_itself():
    users = np.array([0, 1, 2, 0, 1, 2, 0])
    items = np.array([0, 0, 0, 1, 1, 1, 2])
    data = TrainingData.from_columns(users, items, np.arange(7), 3, 3)
    assert_array_equal(fitted(data).similar(2, None, 25).items, [0, 1])


def test_the_query_is_never_its_own_neighbour_and_lists_are_full(films):
    model = fitted(films)
    for item, near in enumerate(model.similar_many(np.arange(120, dtype=np.int32), 119)):
        assert sorted([item, *near]) == list(range(120))


def test_a_list_never_holds_its_query_even_where_people_repeat(groceries):
    items = np.arange(80, dtype=np.int32)
    lists = fitted(groceries).similar_many(items, 79)
    assert [sorted([item, *row]) for item, row in enumerate(lists.tolist())] == [list(range(80))] * 80


def test_masks_hide_items_from_single_rows(groceries):
    items, masks = np.array([3, 3, 4], np.int32), np.ones((3, 80), bool)
    plain = fitted(groceries).similar_many(items, 10)
    masks[1, plain[0, :3]] = False
    masked = fitted(groceries).similar_many(items, 10, masks)
    assert_array_equal(masked[[0, 2]], plain[[0, 2]])
    assert_array_equal(masked[1, :7], plain[0, 3:])


def test_an_item_without_neighbours_may_be_answered_like_an_unknown_one():
    users = np.array([0, 1, 2, 0, 1, 2, 0])
    items = np.array([0, 0, 0, 1, 1, 1, 2])
    data = TrainingData.from_columns(users, items, np.arange(7), 3, 3)
    model = fitted(data, popular_when_alone=True)
    again = ItemItem.from_arrays(model.arrays(), {})
    for each in (model, again):
        assert_array_equal(each.similar(2, None, 25).items, [0, 1, 2])
        assert_array_equal(each.similar(0, None, 25).items, [1, 2])


def test_items_that_alone_are_asked_for_have_the_neighbours_that_they_always_have(monkeypatch, groceries):
    monkeypatch.setattr(transitions, "BLOCK_BYTES", 7 * 80 * 8)
    asked = np.array([3, 4, 50], np.int32)
    whole, part = fitted(groceries), fitted(groceries, asked=asked)
    assert_array_equal(part.similar_many(asked, 40), whole.similar_many(asked, 40))
    assert np.flatnonzero(np.diff(part.offsets)).tolist() == [3, 4, 50]
