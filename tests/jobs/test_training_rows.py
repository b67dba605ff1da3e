"""Rows become codes and counts."""

import pyarrow as pa

from fakepersonalize.jobs.training_rows import passed_over


def test_items_shown_beside_the_chosen_one_were_passed_over():
    rows = pa.table(
        {
            "ITEM_ID": ["b", "a", "c", "a"],
            "IMPRESSION": pa.array(["a|b|c", "a|unknown", None, "c|b"]),
        }
    )
    assert passed_over(rows, "IMPRESSION", ["a", "b", "c"]).tolist() == [1, 1, 2]


def test_ids_read_as_codes_are_counted_alike():
    rows = pa.table({"ITEM_ID": pa.array(["b", "a"]).dictionary_encode(), "IMPRESSION": pa.array(["a", "b"])})
    chunked = pa.concat_tables([rows, rows])
    assert passed_over(chunked, "IMPRESSION", ["a", "b"]).tolist() == [2, 2]
