"""What is left of the data where there is more than a training considers."""

from dataclasses import asdict, fields, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fakepersonalize.jobs.considered import most_recent, newest
from fakepersonalize.jobs.training_rows import prepare
from fakepersonalize.jobs.training_spec import TrainingSpec
from fakepersonalize.resources import quotas


def rows(*cells: tuple[str, int]) -> pa.Table:
    ids, times = zip(*cells)
    return pa.table({"ITEM_ID": pa.array(ids).dictionary_encode(), "TIMESTAMP": pa.array(times, "int64")})


SOME = rows(("a", 5), ("b", 1), ("c", 9), ("a", 2), ("d", 5))


def test_the_newest_rows_stay_in_their_order() -> None:
    assert newest(SOME, 3).to_pydict() == {"ITEM_ID": ["a", "c", "d"], "TIMESTAMP": [5, 9, 5]}
    assert newest(SOME, 5) is SOME


def test_new_items_come_first_and_then_those_met_last() -> None:
    kept, further = most_recent(SOME, "ITEM_ID", ["new", "b", "c"], 3)
    assert kept["ITEM_ID"].to_pylist() == ["a", "c", "a"]
    assert further == ["c", "new"]


def test_where_there_are_only_too_many_new_items_no_row_is_left() -> None:
    kept, further = most_recent(SOME, "ITEM_ID", ["new1", "new2", "new3"], 2)
    assert (kept.num_rows, further) == (0, ["new1", "new2"])


def prepared(folder: Path, **most: int) -> list[str]:
    """Return the items that a training looks at."""
    many = rows(*((f"i{number % 4}", number) for number in range(40)))
    pq.write_table(many.append_column("USER_ID", pa.array(["u1", "u2"] * 20)), folder / "rows.parquet")
    spec = TrainingSpec.from_json(
        dict.fromkeys(field.name for field in fields(TrainingSpec))
        | {
            "segments": [str(folder / "rows.parquet")],
            "considered": asdict(replace(quotas.considered(None), **most)),
            "acted": [],
            "sides": {},
            "choice": {},
            "events": [],
            "needed": True,
        }
    )
    return prepare(spec, frozenset()).items


def test_a_training_looks_at_no_more_than_is_considered(tmp_path: Path) -> None:
    assert prepared(tmp_path) == ["i0", "i1", "i2", "i3"]
    assert prepared(tmp_path, interactions=2) == ["i2", "i3"]
    assert prepared(tmp_path, items=3) == ["i1", "i2", "i3"]


def test_what_is_considered_goes_by_the_recipe() -> None:
    found = {name: quotas.considered(name).items for name in ("aws-sims", "aws-user-personalization-v2")}
    assert found == {"aws-sims": 750_000, "aws-user-personalization-v2": 5_000_000}
    assert quotas.considered("aws-next-best-action").actions == 1000
