"""What is known beside the histories helps, and helps no more once it is shuffled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from fakepersonalize.recipes.evaluation import evaluate
from fakepersonalize.recipes.models.blend import Blend
from fakepersonalize.recipes.models.side_information import Likeness
from fakepersonalize.recipes.models.similar_items import SimilarItems
from fakepersonalize.recipes.training import Queries, TrainingData

NDCG = "normalized_discounted_cumulative_gain_at_25"
GROUPS = 6
N_ITEMS = 240
# By this much a shuffled column is worse, in the mean over five seeds.
MARGIN = 0.05


def one_hot(codes: np.ndarray) -> csr_matrix:
    return csr_matrix((np.ones(len(codes), np.float32), (np.arange(len(codes)), codes)), shape=(len(codes), GROUPS))


def sparse_shop() -> TrainingData:
    """Two hundred users with four visits each, nearly all within the group of items that is theirs."""
    random = np.random.default_rng(11)
    group_of_user, group_of_item = random.integers(0, GROUPS, 200), np.arange(N_ITEMS) % GROUPS
    users = np.repeat(np.arange(200), 4)
    own = random.integers(0, N_ITEMS // GROUPS, 800) * GROUPS + group_of_user[users]
    items = np.where(random.random(800) < 0.9, own, random.integers(0, N_ITEMS, 800))
    data = TrainingData.from_columns(users, items, np.arange(800), 200, N_ITEMS)
    return replace(data, item_features=one_hot(group_of_item), user_features=one_hot(group_of_user))


def by_the_hour() -> TrainingData:
    """Users whose interest depends on the hour, which changes from visit to visit."""
    random = np.random.default_rng(12)
    n = 200 * 12
    hours = random.integers(0, GROUPS, n)
    items = random.integers(0, 60 // GROUPS, n) * GROUPS + hours
    return TrainingData.from_columns(
        np.repeat(np.arange(200), 12), items, np.arange(n), 200, 60, contexts=one_hot(hours)
    )


def test_the_likeness_to_one_item_is_that_to_a_user_who_met_it():
    random = np.random.default_rng(3)
    likeness = Likeness.of(csr_matrix(np.where(random.random((40, 9)) < 0.4, random.random((40, 9)), 0)))
    for item in range(40):
        to_user = likeness.to(np.zeros(1, int), np.array([item], np.int32), np.ones(1), 1)[0]
        np.testing.assert_allclose(likeness.to_one(item), to_user, atol=1e-6)


def quality(kind, data: TrainingData, recipe_type: str = "USER_PERSONALIZATION") -> float:
    runs = [evaluate(recipe_type, kind, data, {"factors": 8}, seed, 1, lambda share: None) for seed in range(5)]
    return float(np.mean([metrics[NDCG] for metrics in runs]))


def shuffled(features: csr_matrix) -> csr_matrix:
    return features[np.random.default_rng(13).permutation(features.shape[0])]


@pytest.mark.parametrize(
    ("kind", "recipe_type"),
    [(Blend, "USER_PERSONALIZATION"), (SimilarItems, "RELATED_ITEMS")],
    ids=["blend", "similar"],
)
def test_metadata_of_items_help_where_interactions_are_few(kind, recipe_type):
    data = replace(sparse_shop(), user_features=None)
    without = replace(data, item_features=shuffled(data.item_features))
    assert quality(kind, data, recipe_type) > quality(kind, without, recipe_type) + MARGIN


def test_metadata_of_users_help_where_histories_are_short():
    data = replace(sparse_shop(), item_features=None)
    without = replace(data, user_features=shuffled(data.user_features))
    assert quality(Blend, data) > quality(Blend, without) + MARGIN / 3


def test_context_helps():
    data = by_the_hour()
    without = replace(data, contexts=shuffled(data.contexts))
    assert quality(Blend, data) > quality(Blend, without) + MARGIN


def fitted(data: TrainingData, **params) -> Blend:
    return Blend.fit(data, {"factors": 8, **params}, 0, 1, lambda share: None)


def best(model: Blend, *items: int, features=None, context=None, k: int = 10) -> np.ndarray:
    codes = [None if given is None else np.array(given, np.int32) for given in (features, context)]
    return model.recommend(
        Queries.of_one(np.array(items, np.int32), np.arange(len(items)), len(model.popularity), *codes), None, k
    ).items[0]


def test_a_new_user_gets_what_users_of_the_same_kind_like():
    model = fitted(sparse_shop())
    shares = [np.mean(best(model, features=[group]) % GROUPS == group) for group in range(GROUPS)]
    assert np.mean(shares) > 0.8


def test_the_context_of_a_request_counts():
    model = fitted(by_the_hour())
    for hour in range(GROUPS):
        assert np.mean(best(model, 0, 1, 2, context=[hour]) % GROUPS == hour) > 0.8


def test_features_that_the_training_did_not_know_change_nothing():
    model = fitted(sparse_shop())
    assert best(model, 3, features=[99], context=[5]).tolist() == best(model, 3).tolist()


def test_one_user_and_many_get_the_same_from_features_and_contexts():
    data = by_the_hour()
    data = replace(data, user_features=one_hot(np.arange(200) % GROUPS))
    model = fitted(data)
    few, asked = data.only(np.arange(5)), one_hot(np.arange(5))
    lists = model.recommend(Queries.of(few, asked), None, 10).table(10)
    for user in range(5):
        own = few.items[few.offsets[user] : few.offsets[user + 1]]
        assert lists[user].tolist() == best(model, *own, features=[user], context=[user]).tolist()


def test_an_item_without_interactions_is_recommended_to_who_likes_its_kind():
    data = sparse_shop()
    data = data.keep(data.items != 7)
    liked = [1, 13, 19]
    assert 7 in best(fitted(data), *liked, k=60)
    assert best(fitted(replace(data, item_features=None)), *liked, k=240).tolist().index(7) > 100


def test_a_larger_event_weight_brings_what_such_events_are_about():
    random = np.random.default_rng(14)
    items = random.integers(0, 40, 4000)
    users = np.repeat(np.arange(200), 20)

    def purchases_recommended(weight: float) -> float:
        weights = np.where(items < 20, weight, 1.0)  # the first half is bought, the rest viewed
        data = TrainingData.from_columns(users, items, np.arange(4000), 200, 40, weights=weights)
        model = fitted(data)
        return float(np.mean([np.mean(best(model, item, 39 - item) < 20) for item in range(40)]))

    assert purchases_recommended(0.1) < 0.3 < purchases_recommended(1.0) < 0.7 < purchases_recommended(10.0)


def test_a_more_sensitive_objective_earns_more():
    data = replace(sparse_shop(), rewards=np.random.default_rng(15).random(N_ITEMS).astype(np.float32))

    def earned(sensitivity: str) -> float:
        lists = fitted(data, objective_sensitivity=sensitivity).recommend(Queries.of(data), None, 10).table(10)
        return float(data.rewards[lists].mean())

    assert earned("OFF") < earned("LOW") < earned("MEDIUM") < earned("HIGH")


def test_rewards_that_are_not_known_count_as_the_least():
    data = replace(sparse_shop(), rewards=np.full(N_ITEMS, np.nan, np.float32))
    assert fitted(data, objective_sensitivity="HIGH").boosts is None
    data.rewards[:3] = [1, 2, 3]
    assert fitted(data, objective_sensitivity="HIGH").boosts[:4].tolist() == [1, 2, 3, 1]
