from __future__ import annotations

import numpy as np
from numpy.testing import assert_array_equal

from fakepersonalize.recipes.models.popularity import Popularity
from fakepersonalize.recipes.training import Queries, TrainingData

NOBODY = Queries.of_one(np.zeros(0, np.int32), np.zeros(0, np.int64), 4)


def fitted(users, items, n_items):
    data = TrainingData.from_columns(np.array(users), np.array(items), np.arange(len(users)), max(users) + 1, n_items)
    return Popularity.fit(data, {}, 0, 1, lambda share: None)


def test_popularity_counts_users_not_interactions():
    model = fitted([0, 0, 0, 0, 1, 2], [3, 3, 3, 1, 1, 0], 4)
    assert_array_equal(model.recommend(NOBODY, None, 4).items[0], [1, 0, 3, 2])


def test_everybody_gets_the_same_list_without_scores(films):
    model = Popularity.fit(films, {}, 0, 1, lambda share: None)
    rows = model.recommend(Queries.of(films), None, 25).table(25)
    assert rows.shape == (200, 25)
    assert len(np.unique(rows, axis=0)) == 1
    answer = model.recommend(NOBODY, None, 25).row(0)
    assert_array_equal(answer.items, rows[0])
    assert answer.scores is None
