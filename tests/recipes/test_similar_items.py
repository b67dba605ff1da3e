from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix

from fakepersonalize.errors import JobFailed
from fakepersonalize.recipes.models import similar_items
from fakepersonalize.recipes.models.semantic import Semantic
from fakepersonalize.recipes.models.similar_items import SimilarItems
from fakepersonalize.recipes.training import TrainingData, by_popularity, distinct_users


def described(data: TrainingData, width: int = 10) -> TrainingData:
    """Let items whose codes have the same rest share a feature; half of them have a second one."""
    codes = np.arange(data.n_items)
    table = np.zeros((data.n_items, 2 * width), np.float32)
    table[codes, codes % width] = 1
    table[codes[::2], width + codes[::2] // 2 % width] = 0.5
    return replace(data, item_features=csr_matrix(table))


def without_item(data: TrainingData, item: int) -> TrainingData:
    return data.keep(data.items != item)


def fitted(kind, data, **params):
    return kind.fit(data, {"id_factors": 8, **params}, 0, 1, lambda share: None)


def test_an_item_that_nobody_met_is_answered_by_its_metadata(films):
    model = fitted(SimilarItems, described(without_item(films, 37)))
    assert_array_equal(model.similar(37, None, 9).items % 10, 7)


def test_without_metadata_such_an_item_is_answered_by_popularity(films):
    data = without_item(films, 37)
    popular = by_popularity(distinct_users(data))
    assert_array_equal(fitted(SimilarItems, data).similar(37, None, 25).items, popular[popular != 37][:25])


def test_well_known_items_are_answered_by_their_users(films):
    model = fitted(SimilarItems, described(films))
    lists = model.similar_many(np.arange(10, 110, dtype=np.int32), 3)
    assert (lists > np.arange(10, 110)[:, None]).mean() > 0.8


def test_the_number_of_factors_is_that_of_the_settings(films):
    model = fitted(SimilarItems, described(films, 30), id_factors=5, metadata_dimensions=6)
    assert (model.vectors.shape, model.descriptions.shape) == ((120, 5), (120, 6))
    lengths = np.linalg.norm(model.descriptions, axis=1)
    np.testing.assert_allclose(lengths[lengths > 0.5], 1, rtol=1e-5)


def test_more_dimensions_keep_more_of_the_metadata(films):
    data = described(films, 30)

    def likeness(dimensions: int) -> np.ndarray:
        rows = fitted(SimilarItems, data, metadata_dimensions=dimensions).descriptions
        return (rows @ rows.T).ravel()

    truth = likeness(100)
    kept = [float(np.corrcoef(truth, likeness(dimensions))[0, 1]) for dimensions in (2, 10, 40)]
    assert kept[0] + 0.1 < kept[1] < kept[2] - 0.1


def test_texts_alone_make_a_model(films):
    data = described(films.keep(np.zeros(len(films.items), bool)))
    model = fitted(Semantic, data)
    for item in (1, 4, 8):
        near = model.similar(item, None, 5).items
        assert np.mean(near % 10 == item % 10) == 1
        assert item not in near


def test_influence_shifts_the_order_to_popular_or_new_items(films):
    data = replace(described(films), item_times=np.random.default_rng(1).integers(1, 10**6, 120))
    model = fitted(Semantic, data)
    users = distinct_users(films)

    def mean(values: np.ndarray, **influence: float) -> float:
        return float(np.mean([values[model.similar(item, None, 3, influence=influence).items] for item in range(120)]))

    assert mean(users) < mean(users, POPULARITY=0.5) < mean(users, POPULARITY=1.0)
    assert mean(data.item_times) < mean(data.item_times, FRESHNESS=0.5) < mean(data.item_times, FRESHNESS=1.0)


def test_an_item_without_text_is_answered_by_popularity(films):
    data = described(films)
    rows = data.item_features.tolil()
    rows[5] = 0
    model = fitted(Semantic, replace(data, item_features=rows.tocsr()))
    popular = by_popularity(distinct_users(films))
    assert_array_equal(model.similar(5, None, 10).items, popular[popular != 5][:10])


def test_without_texts_training_fails(films):
    with pytest.raises(JobFailed, match="textual"):
        fitted(Semantic, films)


def test_both_ways_of_reducing_metadata_agree(monkeypatch):
    spread = np.random.default_rng(0).random((60, 40)) * np.geomspace(1, 0.01, 40)
    rows = [similar_items._decomposed(csr_matrix(spread), 5)]
    monkeypatch.setattr(similar_items, "FEW_COLUMNS", 0)
    rows.append(similar_items._decomposed(csr_matrix(spread), 5))
    one, other = (each @ each.T for each in rows)
    np.testing.assert_allclose(one, other, atol=1e-4)
