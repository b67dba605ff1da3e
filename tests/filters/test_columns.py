from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from fakepersonalize.datasets.schema import Column
from fakepersonalize.filters.columns import Labels, Numbers, column, number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1970", 1970),
        ("-1", -1),
        ("1970.0", 1970),
        ("2.5", 2.5),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", float(2**63)),
        ("9" * 400, float("inf")),
        ("1e5", None),
        ("", None),
        (" 1", None),
        ("\u0661", None),
        ("nan", None),
    ],
)
def test_texts_that_are_numbers(text, value):
    assert number(text) == value


def test_label_is_found_among_the_elements_of_categorical_values_only():
    values = ["Crime|Film-Noir", None, "Crime", "Film-Noir | Drama", None]

    assert Labels.of(values, categorical=True).select("IN", ["Film-Noir"]).tolist() == [True, False, False, True, False]
    assert Labels.of(values).select("IN", ["Film-Noir"]).tolist() == [False] * 5
    assert Labels.of(values).select("=", ["Crime"]).tolist() == [False, False, True, False, False]


@pytest.mark.parametrize("values", [[], [None], [None, "a"], ["a", None], ["b", None, "a", None, "a"]])
def test_row_of_labels_gives_back_its_elements(values):
    labels = Labels.of(values)

    assert [labels.at(row) for row in range(len(values))] == [() if value is None else (value,) for value in values]
    assert labels.select("IN", ["a"]).tolist() == [value == "a" for value in values]
    assert not labels.select("IN", []).any()
    assert not labels.select("IN", ["unknown"]).any()


def test_null_is_never_selected_and_has_no_value():
    numbers = Numbers.of([3, None, 0], "long")

    assert numbers.select("<", [1]).tolist() == [False, False, True]
    assert numbers.select("IN", [0, 3]).tolist() == [True, False, True]
    assert [numbers.at(row) for row in range(3)] == [(3,), (), (0,)]


def test_nan_is_null():
    numbers = Numbers.of(np.array([1.5, np.nan]))

    assert numbers.select("<", [9]).tolist() == [True, False]
    assert numbers.at(1) == ()


def test_longs_are_compared_exactly():
    big = 2**53
    numbers = Numbers.of([big, big + 1, None], "long")

    assert numbers.select("=", [big + 1]).tolist() == [False, True, False]
    assert numbers.select(">", [big]).tolist() == [False, True, False]
    assert numbers.select("=", [float(big)]).tolist() == [True, False, False]
    assert numbers.select("IN", [big + 1, 2.5, float(2**70)]).tolist() == [False, True, False]


def test_floats_are_as_they_were_written():
    """A schema's float has 32 bits: 0.1 is stored as a little more than the 0.1 of an expression."""
    numbers = Numbers.of(pa.array([0.1, 0.2], pa.float32()).to_pylist(), "float")

    assert numbers.select("=", [0.1]).tolist() == [True, False]
    assert numbers.select("<=", [0.1]).tolist() == [True, False]
    assert numbers.select("<", [1e300]).tolist() == [True, True]


@pytest.mark.parametrize("values", [[1, None, 2], np.array([1, np.nan, 2]), pa.array([1, None, 2], pa.int32())])
def test_column_of_numbers_comes_from_lists_and_arrays(values):
    made = column(Column("YEAR", "int"), values)

    assert made.select("IN", [2]).tolist() == [False, False, True]
    assert made.at(0) == (1,)


@pytest.mark.parametrize("values", [["a|b", None], pa.array(["a|b", None]), pa.chunked_array([["a|b"], [None]])])
def test_column_of_strings_comes_from_lists_and_arrays(values):
    made = column(Column("GENRE", "string", categorical=True), values)

    assert made.select("IN", ["b"]).tolist() == [True, False]
