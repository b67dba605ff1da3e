"""Columns that train, and the features that they become."""

import numpy as np
import pyarrow as pa
import pytest
import shops

from fakepersonalize.datasets import schema
from fakepersonalize.jobs import side_rows
from fakepersonalize.jobs.side_rows import Side

ITEMS = schema.parse(
    shops.schema(
        "Items",
        "ITEM_ID string",
        "CREATION_TIMESTAMP long",
        {"name": "GENRE", "type": ["null", "string"], "categorical": True},
        {"name": "CODE", "type": "string", "categorical": True},
        {"name": "PLOT", "type": "string", "textual": True},
        "LABEL string",
        "NEW boolean",
        "PRICE float",
    )
)


@pytest.fixture
def side() -> Side:
    table = pa.table(
        {
            "ITEM_ID": ["a", "b", "c"],
            "CREATION_TIMESTAMP": [5, 6, 7],
            "GENRE": ["calm|long", "loud|long", None],
            "CODE": ["x", "y", "z"],
        }
    )
    return Side(ITEMS, table, ["a", "b", "c"])


def test_ids_times_plain_strings_and_booleans_never_train() -> None:
    columns = side_rows.trained_columns(ITEMS, {}, ("category", "number", "text"))
    assert columns == {"GENRE": "category", "CODE": "category", "PLOT": "text", "PRICE": "number"}
    assert [*side_rows.trained_columns(ITEMS, {}, ("text",))] == ["PLOT"]


def test_columns_are_chosen_by_dataset_and_whatever_their_case() -> None:
    kinds = ("category", "number", "text")
    excluded = {"excludedDatasetColumns": {"Items": ["genre", "PLOT"], "USERS": ["PRICE"]}}
    assert [*side_rows.trained_columns(ITEMS, excluded, kinds)] == ["CODE", "PRICE"]
    twice = {"excludedDatasetColumns": {"Items": ["genre"], "ITEMS": ["PLOT"]}}
    assert [*side_rows.trained_columns(ITEMS, twice, kinds)] == ["CODE", "PRICE"]
    included = {"includedDatasetColumns": {"ITEMS": ["price"]}}
    assert [*side_rows.trained_columns(ITEMS, included, kinds)] == ["PRICE"]


def test_features_stand_in_the_order_of_the_ids(side: Side) -> None:
    encoding, rows = side_rows.features(side, {"GENRE": "category"}, ["b", "nobody", "a"])
    assert encoding.names() == ["GENRE=calm", "GENRE=long", "GENRE=loud"]
    assert (rows.toarray() > 0).tolist() == [[False, False, True], [False] * 3, [True, False, False]]


def test_a_category_of_one_row_each_is_left_out(side: Side) -> None:
    encoding, rows = side_rows.features(side, {"CODE": "category"}, side.ids)
    assert encoding.columns == ()
    assert rows.shape == (3, 0)


def test_times_of_items_are_zero_where_nothing_is_known(side: Side) -> None:
    times = side_rows.item_times(side, {}, ["c", "nobody"])
    assert times is not None
    assert times.tolist() == [7, 0]
    excluded = {"excludedDatasetColumns": {"ITEMS": ["CREATION_TIMESTAMP"]}}
    assert side_rows.item_times(side, excluded, ["c"]) is None


def test_contexts_have_a_row_for_each_interaction() -> None:
    places = ["bus", "home", None, "bus", "home"]
    table = pa.table({"PLACE": places, "SPEED": pa.array([50.0, 0.0, None, 49.0, 1.0], pa.float32())})
    encoding, rows = side_rows.contexts(table, {"PLACE": "category", "SPEED": "number"})
    assert encoding.names()[:2] == ["PLACE=bus", "PLACE=home"]
    present = (rows.toarray() > 0).astype(int)
    assert present[:, :2].tolist() == [[1, 0], [0, 1], [0, 0], [1, 0], [0, 1]]
    assert present[:, 2:].sum(axis=1).tolist() == [1, 1, 0, 1, 1]
    assert set(encoding.codes({"PLACE": "bus", "SPEED": 50.0})) == set(np.flatnonzero(present[0]))
