"""What holds for every model."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix

from fakepersonalize.errors import Cancelled
from fakepersonalize.recipes.models import MODELS, model_class
from fakepersonalize.recipes.selection import best_allowed
from fakepersonalize.recipes.training import ABILITIES, Model, Queries, TrainingData

PARAMS = {"factors": 8}
NO_ITEMS, NO_TIMES = np.zeros(0, np.int32), np.zeros(0, np.int64)


@pytest.fixture(params=sorted(MODELS))
def kind(request) -> type[Model]:
    return model_class(request.param)


def known(data: TrainingData) -> TrainingData:
    """Add what some models need besides histories: a feature of items, and what users did with five actions."""
    kinds = np.arange(data.n_items)
    features = csr_matrix((np.ones(data.n_items), (kinds, kinds % 4)), shape=(data.n_items, 4))
    random = np.random.default_rng(8)
    n = 4 * data.n_users
    users, actions = np.repeat(np.arange(data.n_users), 4), random.integers(0, 5, n)
    taken = random.random(n) < 0.4
    dealings = TrainingData.from_columns(users, actions, np.arange(n), data.n_users, 5, weights=taken)
    return replace(data, item_features=features, actions=dealings)


def fitted(kind: type[Model], data: TrainingData, seed: int = 0, threads: int = 1) -> Model:
    return kind.fit(known(data), PARAMS, seed, threads, lambda share: None)


def choices(kind: type[Model], data: TrainingData) -> int:
    """How many things the lists of a model are made of."""
    if "interest" in kind.does:
        return data.n_users
    return 5 if "act" in kind.does else data.n_items


def interest(model: Model, items: np.ndarray, data: TrainingData) -> np.ndarray:
    return model.interest(np.zeros(len(items), np.int64), items, 1, Queries.of(data))[:, 0]


def answer(model: Model, data: TrainingData, k: int, allowed=None, items=(3, 4)) -> np.ndarray:
    """A list for a user with a history, for an item, or of whatever else the model gives."""
    if "similar" in model.does:
        return model.similar(items[-1] if items else None, allowed, k).items
    codes = np.array(items, np.int32)
    if "interest" in model.does:
        return best_allowed(interest(model, codes, data), allowed, k)
    user = Queries.of_one(codes, np.arange(len(items)), data.n_items)
    return (
        best_allowed(model.score(user)[0], allowed, k)
        if "act" in model.does
        else model.recommend(user, allowed, k).items[0]
    )


def test_a_model_says_what_it_does_and_refuses_the_rest(kind, films):
    model = fitted(kind, films)
    assert kind.does <= ABILITIES
    nobody = Queries.of_one(NO_ITEMS, NO_TIMES, films.n_items)
    calls = {
        "recommend": lambda: model.recommend(nobody, None, 5).items[0],
        "rank": lambda: model.rank(nobody, [np.array([1, 2], np.int32)]),
        "similar": lambda: model.similar(1, None, 5).items,
        "interest": lambda: interest(model, np.array([1], np.int32), films),
    }
    if "act" in kind.does:
        assert model.score(nobody).shape == (1, 5)
    for name, call in calls.items():
        if name in kind.does:
            assert len(call())
        else:
            with pytest.raises(NotImplementedError):
                call()


def test_a_saved_model_answers_as_before(kind, films):
    model = fitted(kind, films)
    file = io.BytesIO()
    np.savez(file, **model.arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as saved:
        again = kind.from_arrays(dict(saved), {})
    for items in ((), (3, 4)):
        assert_array_equal(answer(again, films, 50, items=items), answer(model, films, 50, items=items))
    assert_same_bytes(again, model)


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_threads(kind, groceries):
    once, twice = fitted(kind, groceries, 7, threads=1), fitted(kind, groceries, 7, threads=2)
    assert_same_bytes(once, twice)


def assert_same_bytes(one: Model, other: Model) -> None:
    first, second = one.arrays(), other.arrays()
    assert first.keys() == second.keys()
    for name, array in first.items():
        assert (array.dtype, array.shape) == (second[name].dtype, second[name].shape)
        assert array.tobytes() == second[name].tobytes(), name


@pytest.mark.parametrize("k", [0, 1, 25, 119])
def test_lists_are_as_long_as_asked_for_and_repeat_nothing(kind, films, k):
    model = fitted(kind, films)
    for items in ((), (3, 4)):
        found = answer(model, films, k, items=items)
        assert len(found) == len(set(found.tolist())) == min(k, choices(kind, films))
        assert found.dtype == np.int32


def test_lists_end_where_the_catalogue_ends(kind, films):
    assert len(answer(fitted(kind, films), films, 500, items=())) == choices(kind, films)


def test_only_allowed_things_are_recommended(kind, films):
    few = [0, 1, 3] if "act" in kind.does else [2, 9, 60, 61, 100]
    allowed = np.zeros(choices(kind, films), bool)
    allowed[few] = True
    assert sorted(answer(fitted(kind, films), films, 25, allowed)) == few
    assert len(answer(fitted(kind, films), films, 25, np.zeros(choices(kind, films), bool))) == 0


def test_fitting_can_be_cancelled(kind, films):
    def cancel(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        kind.fit(known(films), PARAMS, 0, 1, cancel)


@pytest.mark.parametrize(
    ("users", "items", "n_users", "n_items"),
    [
        pytest.param([], [], 0, 0, id="nothing at all"),
        pytest.param([], [], 3, 4, id="no interaction"),
        pytest.param([0], [0], 1, 1, id="one interaction"),
        pytest.param([0] * 5, [0, 1, 2, 1, 0], 1, 3, id="one user"),
        pytest.param(range(5), [0] * 5, 5, 1, id="one item"),
        pytest.param([0, 0, 1], [4, 2, 2], 2, 9, id="items that nobody met"),
    ],
)
def test_tiny_data_makes_a_model_that_answers(kind, users, items, n_users, n_items):
    users, items = np.array(users, np.int64), np.array(items, np.int64)
    data = TrainingData.from_columns(users, items, np.arange(len(users)), n_users, n_items)
    model = fitted(kind, data)
    assert sorted(answer(model, data, 25, items=())) == list(range(choices(kind, data)))
    if "recommend" in kind.does:
        rows = model.recommend(Queries.of(data), None, 10).table(10)
        assert rows.shape == (n_users, 10)
        assert all(sorted(row[row >= 0]) == list(range(n_items)) for row in rows)
    if "similar" in kind.does:
        assert model.similar_many(np.arange(n_items, dtype=np.int32), 10).shape == (n_items, 10)
