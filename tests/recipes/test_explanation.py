"""Contributions sum to the score, for every model that scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_matrix

from fakepersonalize.recipes.explanation import (
    ALIKE,
    CONTEXT,
    FOLLOWS,
    LIKED_TOGETHER,
    NOTHING,
    POPULARITY,
    USER,
    Contribution,
    Explanation,
)
from fakepersonalize.recipes.models import model_class
from fakepersonalize.recipes.training import Model, Queries, TrainingData

NO_ITEMS, NO_TIMES = np.zeros(0, np.int32), np.zeros(0, np.int64)


def described(data: TrainingData) -> TrainingData:
    """Add metadata of items and users, circumstances, an objective and dealings with five actions."""
    random = np.random.default_rng(4)

    def one_of(kinds: int, rows: int) -> csr_matrix:
        return csr_matrix((np.ones(rows, np.float32), (np.arange(rows), np.arange(rows) % kinds)), shape=(rows, kinds))

    n = 40 * data.n_users
    users, actions = np.repeat(np.arange(data.n_users), 40), random.integers(0, 5, n)
    dealings = TrainingData.from_columns(
        users, actions, np.arange(n), data.n_users, 5, weights=(random.random(n) < 0.1 + 0.15 * actions)
    )
    return replace(
        data,
        item_features=one_of(4, data.n_items),
        user_features=one_of(3, data.n_users),
        contexts=one_of(2, len(data.items)),
        rewards=random.random(data.n_items).astype(np.float32),
        actions=dealings,
    )


def fitted(name: str, data: TrainingData, **params: object) -> Model:
    return model_class(name).fit(data, {"factors": 8, **params}, 0, 1, lambda share: None)


def nobody(data: TrainingData, **more: object) -> Queries:
    return Queries.of_one(NO_ITEMS, NO_TIMES, data.n_items, **more)  # type: ignore[arg-type]


def of_user(data: TrainingData, user: int, **more: object) -> Queries:
    own = slice(data.offsets[user], data.offsets[user + 1])
    return Queries.of_one(data.items[own], data.times[own], data.n_items, **more)  # type: ignore[arg-type]


def total(explained: Explanation) -> np.ndarray:
    return np.sum([each.amounts for each in explained.contributions], axis=0)


@pytest.mark.parametrize("user", [0, 7, 31])
@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("data", ["films", "groceries"])
def test_preferences_of_the_blend_are_the_sum_of_what_adds_to_them(
    request: pytest.FixtureRequest, data: str, beside: bool, user: int
) -> None:
    rows: TrainingData = request.getfixturevalue(data)
    rows = described(rows) if beside else rows
    model = fitted("blend", rows, objective_sensitivity="HIGH" if beside else "OFF")
    more = {"features": np.array([user % 3], np.int32), "context": np.array([1], np.int32)} if beside else {}
    history, items = of_user(rows, user, **more), np.arange(rows.n_items, dtype=np.int32)
    preferences = model.score(history)[0]
    explained = model.explain(history, items)
    assert_allclose(total(explained), preferences, atol=1e-6)
    shares = model.explain_list(history, items)
    assert_allclose(
        shares.scores,
        model.recommend(history, None, rows.n_items).scores[0][
            np.argsort(model.recommend(history, None, rows.n_items).items[0])
        ],
        atol=1e-9,
    )
    assert_allclose(total(shares), shares.scores, atol=1e-9)


def test_a_user_without_a_history_is_told_by_popularity_and_what_is_known_of_him(films: TrainingData) -> None:
    rows = described(films)
    model = fitted("blend", rows)
    items = np.arange(rows.n_items, dtype=np.int32)
    for history in (
        nobody(rows),
        nobody(rows, features=np.array([2], np.int32)),
        nobody(rows, context=np.array([0], np.int32)),
    ):
        explained = model.explain(history, items)
        assert_allclose(total(explained), model.score(history)[0], atol=1e-6)
        sources = {each.source for each in explained.contributions}
        expected = {POPULARITY}
        expected |= {USER} if history.features is not None else set()
        expected |= {CONTEXT} if history.contexts is not None else set()
        assert sources == expected


def test_a_ranking_is_explained_among_what_was_ranked(films: TrainingData) -> None:
    model, history = fitted("blend", films), of_user(films, 3)
    asked = np.array([9, 2, 30, 4], np.int32)
    (ranked,) = model.rank(history, [asked])
    explained = model.explain_list(history, ranked.items, among=asked)
    assert_allclose(explained.scores, ranked.scores, atol=1e-9)
    assert_allclose(total(explained), ranked.scores, atol=1e-6)


def test_the_item_that_is_followed_pulls_its_follower_up(films: TrainingData) -> None:
    model = fitted("blend", films)
    history = of_user(films, 0)
    best = model.recommend(history, None, 1).items[0]
    pulls = {
        each.item: each.amounts[0] for each in model.explain(history, best).contributions if each.source == FOLLOWS
    }
    assert pulls
    assert set(pulls) <= set(history.histories.items[-model.history_length :].tolist())  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["popularity", "trending"])
def test_lists_that_are_the_same_for_all_say_what_they_count(name: str, films: TrainingData) -> None:
    model = fitted(name, films)
    items = model.recommend(nobody(films), None, 10).items[0]
    explained = model.explain_list(nobody(films), items)
    assert (np.diff(explained.scores) <= 0).all()
    assert_allclose(total(explained), explained.scores)


@pytest.mark.parametrize("name", ["item-item", "similar-items", "semantic"])
def test_similar_items_are_told_by_what_makes_them_similar(name: str, films: TrainingData) -> None:
    model = fitted(name, described(films))
    items = model.similar(3, None, films.n_items).items
    explained = model.explain_similar(3, items)
    assert_allclose(total(explained), explained.scores, atol=1e-6)
    near = explained.scores > 0
    assert near.any()
    assert (np.diff(explained.scores[near]) <= 1e-6).all()  # in the order of the list
    assert not near[np.argmin(near) :].any() or near.all()  # and popular ones behind
    assert {each.item for each in explained.contributions} == {3}
    assert {each.source for each in explained.contributions} <= {FOLLOWS, LIKED_TOGETHER, ALIKE}


def test_semantic_scores_are_told_under_the_influence_of_a_campaign(films: TrainingData) -> None:
    model, influence = fitted("semantic", described(films)), {"POPULARITY": 0.9}
    items = model.similar(3, None, 10, influence=influence).items  # type: ignore[call-arg]
    explained = model.explain_similar(3, items, influence)
    near = explained.scores > 0
    assert (np.diff(explained.scores[near]) <= 1e-6).all()


@pytest.mark.parametrize("user", [None, 5])
def test_propensities_are_parted_from_even_odds_on(films: TrainingData, user: int | None) -> None:
    rows = described(films)
    model = fitted("next-best-action", rows)
    more = {"features": np.array([1], np.int32)} if user is not None else {}
    history = nobody(rows) if user is None else of_user(rows, user, **more)
    if user is not None and rows.actions:
        history = replace(history, actions=rows.actions.only(np.array([user])))
    actions = np.arange(5, dtype=np.int32)
    explained = model.explain_list(history, actions)
    assert_allclose(explained.scores, model.score(history)[0])
    assert explained.scores.any()
    assert_allclose(total(explained), explained.scores, atol=1e-6)


def test_a_score_that_nothing_adds_to_is_said_to_be_so() -> None:
    explained = Explanation(np.array([2.0, 0.0]), [Contribution(POPULARITY, None, np.array([2.0, 0.0]))])
    scaled = explained.scaled_to(np.array([0.5, 0.25]))
    assert [(each.source, each.amounts.tolist()) for each in scaled.contributions] == [
        (POPULARITY, [0.5, 0.0]),
        (NOTHING, [0.0, 0.25]),
    ]


def test_models_that_do_not_look_at_users_or_items_say_so(films: TrainingData) -> None:
    with pytest.raises(NotImplementedError):
        fitted("item-item", films).explain(nobody(films), np.zeros(1, np.int32))
    with pytest.raises(NotImplementedError):
        fitted("popularity", films).explain_similar(1, np.zeros(1, np.int32))
