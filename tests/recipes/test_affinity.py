from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix

from fakepersonalize.errors import JobFailed
from fakepersonalize.recipes.evaluation import evaluate
from fakepersonalize.recipes.models.affinity import Affinity, AttributeAffinity
from fakepersonalize.recipes.training import Queries, TrainingData


@pytest.fixture(scope="module")
def clubs() -> TrainingData:
    """Four hundred users, each faithful to one of four clubs of twenty items."""
    random = np.random.default_rng(3)
    users = np.repeat(np.arange(400), 15)
    items = random.integers(0, 20, 6000) + 20 * (users % 4)
    features = csr_matrix((np.ones(80), (np.arange(80), np.arange(80) // 20)), shape=(80, 4))
    return replace(TrainingData.from_columns(users, items, np.arange(6000), 400, 80), item_features=features)


def fitted(kind, data, **params):
    return kind.fit(data, {"factors": 8, **params}, 0, 1, lambda share: None)


def audience(model, items, data):
    """Return all users, those who want the items most first."""
    return np.argsort(
        -model.interest(np.zeros(len(items), np.int64), np.array(items, np.int32), 1, Queries.of(data))[:, 0]
    )


def test_the_audience_of_an_item_is_the_club_that_it_belongs_to(clubs):
    model = fitted(Affinity, clubs)
    for club in range(4):
        assert_array_equal(audience(model, [20 * club + 3], clubs)[:50] % 4, club)


def test_the_audience_of_an_attribute_is_that_of_its_items(clubs):
    assert_array_equal(audience(fitted(AttributeAffinity, clubs), range(40, 60), clubs)[:100] % 4, 2)


@pytest.mark.parametrize("kind", [Affinity, AttributeAffinity])
def test_segments_are_better_than_the_most_active_users(clubs, kind):
    metrics = evaluate("USER_SEGMENTATION", kind, clubs, {"factors": 8}, 0, 1, lambda share: None)
    assert metrics.keys() == {"coverage", "hits_at_1_percent", "recall_at_1_percent"}
    by_chance = 0.01
    assert metrics["recall_at_1_percent"] > 2 * by_chance
    assert metrics["coverage"] > (0.2 if kind is Affinity else 0.03)


def test_attributes_of_a_club_are_wanted_by_all_of_its_members(clubs):
    metrics = evaluate("USER_SEGMENTATION", AttributeAffinity, clubs, {"factors": 8}, 0, 1, lambda share: None)
    assert metrics["hits_at_1_percent"] == 4


def test_without_attributes_training_fails_in_the_words_of_the_service(clubs):
    with pytest.raises(JobFailed, match="Did not find any attribute to train on"):
        fitted(AttributeAffinity, replace(clubs, item_features=None))


def test_the_dimension_is_that_of_the_factors(clubs):
    assert fitted(Affinity, clubs, factors=5).arrays()["factors"].shape == (80, 5)


def test_interest_in_blocks_is_interest(clubs, monkeypatch):
    model = fitted(Affinity, clubs)
    items = np.arange(80, dtype=np.int32)
    whole = model.interest(items.astype(np.int64), items, 80, Queries.of(clubs))
    monkeypatch.setattr("fakepersonalize.recipes.models.affinity.BLOCK_BYTES", 80 * 8 * 7)
    np.testing.assert_allclose(
        model.interest(items.astype(np.int64), items, 80, Queries.of(clubs)), whole, rtol=1e-4, atol=1e-7
    )
