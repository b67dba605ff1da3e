"""Segments of rows, written once more without some of them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

BATCH_ROWS = 1 << 19


def without(segment: Path, column: str, values: pa.Array, target: Path) -> tuple[int, int]:
    """Write the rows of a Parquet file but those with one of the values in a column, whatever its name's case.

    Return how many rows stay and how many go; where none goes, there is no target.
    """
    with pq.ParquetFile(segment) as file:
        types = file.schema_arrow
        name = next(name for name in types.names if name.upper() == column)
        stay = gone = 0
        with pq.ParquetWriter(target, types, compression="zstd") as writer:
            for batch in file.iter_batches(BATCH_ROWS):
                kept = batch.filter(pc.invert(pc.is_in(batch[name], value_set=values)))
                writer.write_batch(kept)
                stay, gone = stay + kept.num_rows, gone + batch.num_rows - kept.num_rows
    if not gone:
        target.unlink()
    return stay, gone
