"""Lists for many users at once are the lists that each of them gets alone."""

from __future__ import annotations

import numpy as np
import pytest

from fakepersonalize.recipes.models.blend import Blend
from fakepersonalize.recipes.models.popularity import Popularity
from fakepersonalize.recipes.selection import best, best_of_rows
from fakepersonalize.recipes.training import Queries, TrainingData

USERS, ITEMS, K = 40, 60, 7


@pytest.fixture(scope="module")
def data() -> TrainingData:
    rng = np.random.default_rng(0)
    n = 900
    items = np.minimum(rng.geometric(0.08, n) - 1, ITEMS - 1)
    return TrainingData.from_columns(rng.integers(1, USERS, n), items, np.arange(n), USERS, ITEMS)  # nobody is user 0


def history(data: TrainingData, user: int) -> Queries:
    own = slice(data.offsets[user], data.offsets[user + 1])
    return Queries.of_one(data.items[own], data.times[own], ITEMS)


def test_the_best_of_rows_are_the_best_of_each() -> None:
    rng = np.random.default_rng(0)
    for columns, k in ((1, 1), (5, 3), (40, 7), (40, 40), (3, 9), (6, 0)):
        values = rng.integers(0, 4, (50, columns)).astype(float)  # many are equal
        codes, found = best_of_rows(values, k)
        assert codes.tolist() == [best(row, k).tolist() for row in values]
        assert found.tolist() == np.take_along_axis(values, codes, axis=1).tolist()


def test_minus_infinity_is_no_candidate() -> None:
    codes, _ = best_of_rows(np.array([[1.0, -np.inf, 2.0, -np.inf], [-np.inf] * 4]), 3)
    assert codes.tolist() == [[2, 0, -1], [-1, -1, -1]]


@pytest.mark.parametrize("model_class", [Blend, Popularity])
@pytest.mark.parametrize("masked", ["no", "one for all", "one each"])
def test_a_list_among_many_is_the_list_of_one(
    data: TrainingData, model_class: type[Blend] | type[Popularity], masked: str
) -> None:
    rng = np.random.default_rng(1)
    model = model_class.fit(data, {}, 0, 1, lambda share: None)
    each = rng.random((USERS, ITEMS)) < 0.5
    each[3], each[4, 5:] = False, False
    allowed = {"no": None, "one for all": each[7], "one each": each}[masked]
    lists = model.recommend(Queries.of(data), allowed, K)
    for user in range(USERS):
        own = each[user] if masked == "one each" else allowed
        alone = model.recommend(history(data, user), own, K).row(0)
        row = lists.items[user]
        assert row[row >= 0].tolist() == alone.items.tolist()
        if alone.scores is not None:
            assert lists.scores is not None
            assert lists.scores[user][row >= 0] == pytest.approx(alone.scores, rel=1e-5, abs=1e-7)


def test_rankings_of_many_are_those_of_each(data: TrainingData) -> None:
    model = Blend.fit(data, {}, 0, 1, lambda share: None)
    lists = [np.array([5, user, 17][: 1 + user % 3], np.int32) for user in range(USERS)]
    for user, (items, found) in enumerate(zip(lists, model.rank(Queries.of(data), lists))):
        (alone,) = model.rank(history(data, user), [items])
        assert found.items.tolist() == alone.items.tolist()
        assert found.scores == pytest.approx(alone.scores)


def test_nobody_gets_no_lists(data: TrainingData) -> None:
    nobody = Queries.of(data.only(np.zeros(0, np.int64)))
    assert Blend.fit(data, {}, 0, 1, lambda share: None).recommend(nobody, None, K).items.shape == (0, K)
