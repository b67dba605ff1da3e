from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix

from fakepersonalize.recipes.evaluation import evaluate, split_users
from fakepersonalize.recipes.models import one_user
from fakepersonalize.recipes.models.blend import Blend
from fakepersonalize.recipes.models.popularity import Popularity
from fakepersonalize.recipes.training import Queries, TrainingData, distinct_users

FILMS = 120


def fitted(data: TrainingData, **params) -> Blend:
    return Blend.fit(data, {"factors": 8, **params}, 0, 1, lambda share: None)


def history(*items: int, n_items: int = FILMS) -> Queries:
    return Queries.of_one(np.array(items, np.int32), np.arange(len(items)), n_items)


NOBODY = history()


def of_user(data: TrainingData, user: int) -> Queries:
    rows = slice(data.offsets[user], data.offsets[user + 1])
    return Queries.of_one(data.items[rows], data.times[rows], data.n_items)


@pytest.fixture(scope="module")
def film_model(films):
    return fitted(films)


def test_seen_films_stay_away_until_nothing_else_is_left(films, film_model):
    for user in range(20):
        seen = of_user(films, user)
        items = film_model.recommend(seen, None, 120).items[0]
        met = np.unique(seen.histories.items)
        assert not np.isin(items[: 120 - len(met)], met).any()
        assert sorted(items) == list(range(120))


def test_repeated_purchases_come_back(groceries):
    model = fitted(groceries)
    share = np.mean(
        [
            np.isin(
                model.recommend(of_user(groceries, user), None, 5).items[0],
                groceries.only(np.array([user])).items,
            )
            for user in range(40)
        ]
    )
    assert share > 0.7


def test_what_comes_back_foretells_the_next_purchases(groceries):
    metrics = evaluate("USER_PERSONALIZATION", Blend, groceries, {"factors": 8}, 0, 1, lambda share: None)
    by_popularity = evaluate("USER_PERSONALIZATION", Popularity, groceries, {}, 0, 1, lambda share: None)
    assert metrics["mean_reciprocal_rank_at_25"] > 3 * by_popularity["mean_reciprocal_rank_at_25"]


def test_the_order_of_films_is_learnt(film_model):
    user = history(50, 51, 52)
    assert set(film_model.recommend(user, None, 5).items[0].tolist()) <= set(range(53, 75))
    wanted = film_model.score(user)[0]
    assert wanted[53:58].min() > wanted[45:50].max()


def test_the_scores_of_all_items_sum_to_one_and_fall(films, film_model):
    for user in (history(3, 4), NOBODY):
        answer = film_model.recommend(user, None, films.n_items).row(0)
        assert answer.scores.sum() == pytest.approx(1)
        assert (np.diff(answer.scores) <= 0).all()
        assert (answer.scores > 0).all()


def test_a_mask_does_not_change_the_scores(film_model):
    user = history(3, 4)
    everything = film_model.recommend(user, None, 120).row(0)
    some = film_model.recommend(user, np.arange(120) % 2 == 0, 120).row(0)
    assert len(some.items) == 60
    scores = dict(zip(everything.items, everything.scores))
    assert [scores[item] for item in some.items] == some.scores.tolist()


def test_an_unknown_user_gets_popular_items_scored_by_their_share(films, film_model):
    answer = film_model.recommend(NOBODY, None, 10).row(0)
    popularity = distinct_users(films)
    assert_array_equal(answer.items, np.argsort(-popularity, kind="stable")[:10])
    np.testing.assert_allclose(answer.scores, (1 + popularity[answer.items]) / (1 + popularity).sum())


def test_one_event_changes_the_list_of_a_new_user(film_model):
    before = film_model.recommend(NOBODY, None, 10).items[0]
    after = film_model.recommend(history(30), None, 10).items[0]
    assert before.tolist() != after.tolist()
    assert after[0] in range(31, 35)


def test_many_users_get_the_lists_that_each_gets_alone(monkeypatch, groceries):
    monkeypatch.setattr("fakepersonalize.recipes.models.blend.BLOCK_BYTES", 8 * 80 * 7)
    model = fitted(groceries)
    together = model.recommend(Queries.of(groceries), None, 25).table(25)
    alone = [model.recommend(of_user(groceries, user), None, 25).items[0] for user in range(200)]
    assert_array_equal(together, alone)


def test_ranking_orders_the_given_items_as_recommending_does(film_model):
    user = history(50, 51, 52)
    given = np.array([7, 54, 52, 53], np.int32)
    (ranked,) = film_model.rank(user, [given])
    everything = film_model.recommend(user, None, 120).items[0]
    assert ranked.items.tolist() == [item for item in everything if item in given]
    assert ranked.items.tolist()[:2] == [53, 54]
    assert ranked.scores.sum() == pytest.approx(1)


def test_folding_in_is_the_closed_form_of_als(film_model):
    factors = film_model.factors.astype(np.float64)
    seen = np.array([3, 10, 77])
    exact = np.linalg.solve(factors.T @ factors + 10 * np.eye(8), factors[seen].sum(axis=0))
    np.testing.assert_allclose(film_model.projection[seen].sum(axis=0), exact, rtol=1e-3, atol=1e-6)


def test_only_the_latest_interactions_move_the_transitions(films):
    model = fitted(films, history_length=1)
    long, short = history(90, 5, 50), history(50)
    first = [model.recommend(user, None, 1).items[0][0] for user in (long, short)]
    assert first == [51, 51]


def test_without_the_recency_mask_old_interactions_weigh_as_much_as_new_ones(films):
    def preference(model: Blend, item: int) -> float:
        return float(model.score(history(20, 60, 61, 62, 63, 64, 100, 101, 102, 103))[0, item])

    assert preference(fitted(films, recency_mask=False), 21) > 1.3 * preference(fitted(films), 21)


def test_factors_are_as_many_as_asked_for(films):
    assert fitted(films, factors=5).factors.shape == (120, 5)


def test_the_calibrated_temperature_makes_the_next_items_likelier(films, film_model):
    split = split_users(films, 0)
    calibrated = film_model.calibrate(split.given, split.following)["temperature"]

    def likelihood(temperature: float) -> float:
        model = replace(film_model, temperature=temperature)
        answers = [model.recommend(of_user(split.given, u), None, 120).row(0) for u in range(split.given.n_users)]
        return float(np.mean([np.log(a.scores[a.items == item][0]) for a, item in zip(answers, split.following)]))

    assert likelihood(calibrated) > max(likelihood(calibrated * 1.3), likelihood(calibrated / 1.3))


def test_what_everybody_does_twice_comes_back_once():
    random = np.random.default_rng(4)
    clicked_then_watched = np.concatenate([np.repeat(random.permutation(40)[:12], 2) for _ in range(150)])
    users = np.repeat(np.arange(150), 24)
    model = fitted(TrainingData.from_columns(users, clicked_then_watched, np.arange(len(users)), 150, 40))
    user = history(7, 7, 3, 3, 5, n_items=40)
    found = model.recommend(user, None, 40).items[0].tolist()
    assert found[0] == 5
    assert found.index(7) > 30
    assert found.index(3) > 30


def test_a_grown_model_knows_of_further_items_by_their_features_alone(films):
    features = csr_matrix(np.eye(4, dtype=np.float32)[np.arange(120) % 4])
    model = fitted(replace(films, item_features=features, user_features=csr_matrix(np.ones((200, 1), np.float32))))
    grown = model.grown(csr_matrix(np.eye(4, dtype=np.float32)[[1, 2]]), 2)
    again = Blend.from_arrays(grown.arrays(), {})
    seen = history(5, 9, 13)  # items of the second kind, and so is the first new one
    before, after = (one.score(seen)[0] for one in (model, again))
    assert_array_equal(after[:120], before)
    assert after[120] > after[121]
    assert after[121] == 0


@pytest.mark.parametrize("recency_mask", [True, False])
@pytest.mark.parametrize("described", [True, False])
@pytest.mark.parametrize("small", [0, 10**9])
def test_one_user_is_told_what_many_are_told(films, groceries, recency_mask, described, small, monkeypatch):
    monkeypatch.setattr(one_user, "SMALL_CATALOGUE", small)
    for data in (films, groceries):
        kinds = np.arange(data.n_items)
        features = csr_matrix((np.ones(data.n_items), (kinds, kinds % 4)), shape=(data.n_items, 4))
        data = replace(data, item_features=features) if described else data
        model = fitted(data, recency_mask=recency_mask)
        together = model.score(Queries.of(data))
        for user in range(0, data.n_users, 7):
            alone = model.score(of_user(data, user))[0]
            np.testing.assert_allclose(alone, together[user], rtol=1e-5, atol=1e-6)
