from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fakepersonalize.recipes.features import Encoding

GENRES = ["Comedy|Drama", "Drama", None, "Horror", "Comedy"]
YEARS = [1990.0, 1995.0, float("nan"), 2000.0, 2010.0]
PLOTS = ["A ship sinks; a love ends.", "Two ships, one love", None, "The sinking of a SHIP", "Nothing at all"]


def learnt(**columns) -> Encoding:
    return Encoding.learn(columns)


def test_several_values_stand_in_one_cell():
    encoding = learnt(GENRE=("category", GENRES))
    assert encoding.names() == ["GENRE=Comedy", "GENRE=Drama", "GENRE=Horror"]
    rows = encoding.rows({"GENRE": GENRES}, 5).toarray()
    assert_array_equal(rows > 0, [[1, 1, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0]])


def test_rows_that_say_something_have_the_length_one_in_each_column():
    encoding = learnt(GENRE=("category", GENRES), YEAR=("number", YEARS))
    rows = encoding.rows({"GENRE": GENRES, "YEAR": YEARS}, 5).toarray()
    for block in (rows[:, :3], rows[:, 3:]):
        assert_allclose(np.linalg.norm(block, axis=1), [1, 1, 0, 1, 1], rtol=1e-6)


def test_numbers_fall_into_bins_in_their_order():
    encoding = learnt(AGE=("number", list(range(100))))
    bins = encoding.rows({"AGE": list(range(100))}, 100).indices
    assert_array_equal(np.sort(bins), bins)
    assert encoding.width == 8
    assert set(np.bincount(bins)) <= {12, 13}
    assert encoding.codes({"AGE": -5.0}).tolist() == [0]
    assert encoding.codes({"AGE": 1e9}).tolist() == [7]


def test_the_widest_numbers_there_are_fall_into_bins():
    widest = np.finfo(np.float64).max
    encoding = learnt(PRICE=("number", [-widest, widest] * 20))
    assert encoding.codes({"PRICE": -widest}).tolist() != encoding.codes({"PRICE": widest}).tolist()


def test_words_that_many_texts_have_weigh_less():
    texts = ["the ship sails", "the ship sinks", "the love sinks", "the dog"]
    encoding = learnt(PLOT=("text", texts))
    assert encoding.names() == ["PLOT=ship", "PLOT=sinks"]
    texts.append("a ship of dogs and a love")
    column = learnt(PLOT=("text", texts)).columns[0]
    weights = dict(zip(column.values, column.weights))
    assert weights["the"] < weights["ship"] < weights["love"]


def test_words_ignore_case_and_punctuation():
    row = learnt(PLOT=("text", PLOTS)).codes({"PLOT": "SHIP! love?"})
    assert len(row) == 2


@pytest.mark.parametrize("kind", ["category", "text"])
def test_columns_that_tell_no_rows_apart_are_left_out(kind):
    assert learnt(X=(kind, ["same"] * 4)).width == 0
    assert learnt(X=(kind, [None] * 4)).rows({"X": ["new"]}, 1).shape == (1, 0)
    assert learnt(X=("number", [3.0] * 4)).width == 0


def test_values_that_were_not_learnt_say_nothing():
    encoding = learnt(GENRE=("category", GENRES))
    assert encoding.rows({"GENRE": ["Western"]}, 1).nnz == 0
    assert encoding.rows({}, 2).shape == (2, 3)
    assert encoding.codes({"GENRE": "Drama|Western"}).tolist() == [1]


def test_an_encoding_comes_back_from_its_description():
    encoding = learnt(GENRE=("category", GENRES), YEAR=("number", YEARS), PLOT=("text", PLOTS))
    again = Encoding.from_description(json.loads(json.dumps(encoding.describe())))
    assert again == encoding
    assert again.only("text").width < again.width


def test_permuted_rows_give_permuted_features():
    order = np.array([3, 1, 4, 0, 2])
    encoding = learnt(GENRE=("category", GENRES), PLOT=("text", PLOTS))
    other = learnt(GENRE=("category", [GENRES[i] for i in order]), PLOT=("text", [PLOTS[i] for i in order]))
    assert other == encoding
