"""The part of the data that a training looks at, where there is more than AWS considers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def newest(rows: pa.Table, most: int) -> pa.Table:
    """Return the rows with the latest TIMESTAMP, at most so many, in the order that they have."""
    import numpy as np

    if len(rows) <= most:
        return rows
    times = rows["TIMESTAMP"].to_numpy()
    kept = np.sort(np.argsort(times, kind="stable")[len(rows) - most :])
    return rows.take(kept)


def most_recent(rows: pa.Table, column: str, further: Sequence[str], most: int) -> tuple[pa.Table, list[str]]:
    """Return the rows about at most so many ids, and those of the further ids that are among these.

    Ids without rows come before all others, then those with the latest interaction (equal ones by id).
    Source: https://docs.aws.amazon.com/personalize/latest/dg/limits.html
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    latest = _latest(rows, column)
    new = sorted({*further} - latest.keys())[:most]
    met = sorted(latest, key=lambda id_: (-latest[id_], id_))[: most - len(new)]
    chosen = rows.filter(pc.is_in(rows[column].cast("string"), pa.array(met, "string")))
    return chosen, sorted({*further} & {*new, *met})


def _latest(rows: pa.Table, column: str) -> dict[str, int]:
    """Return when each id of a column stands in it for the last time."""
    import pyarrow as pa

    plain = pa.table({"id": rows[column].cast("string"), "time": rows["TIMESTAMP"]})
    grouped = plain.group_by("id").aggregate([("time", "max")])
    return dict(zip(grouped["id"].to_pylist(), grouped["time_max"].to_pylist()))
