"""Rows become CSV files that an import reads back: distinct rows, in files of bounded size, in bounded memory.

Source: the developer guide's "Exporting a dataset to Amazon S3" and "Preparing training data",
https://docs.aws.amazon.com/personalize/latest/dg/export-data.html. A record stands on one line there, so line breaks
within values, which only streamed records can have, become spaces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from fakepersonalize.datasets.schema import Schema
from fakepersonalize.datasets.streamed_rows import in_columns_of
from fakepersonalize.datasets.values import arrow_schema

Tick = Callable[[float], None]

NAME = "{job}-part-{number:05}.csv"  # ours: no name is public
FILE_BYTES = 128 << 20
BATCH_ROWS = 1 << 16
# What is compared at once; of more, the rows are dealt out by their first column and each share is compared by itself.
SHARE_ROWS, SHARE_BYTES = 2 << 20, 64 << 20
MOST_SHARES = 500  # each is a file that is open while rows are dealt out


def distinct(files: Sequence[Path], schema: Schema, folder: Path) -> Iterator[tuple[pa.Table, float]]:
    """Yield the rows of Parquet files, of equal ones the first, and which share of all (0 to 1) is done with them.

    Rows that are too many to be compared at once lie in the folder meanwhile.
    """
    shares = _shares(files)
    batches = _batches(files, schema)
    dealt = [pa.Table.from_batches(batches, arrow_schema(schema))] if shares == 1 else _dealt(batches, folder, shares)
    for done, rows in enumerate(dealt, start=1):
        yield rows.take(_first_of_equals(rows)), done / shares


def write(
    rows: Iterator[tuple[pa.Table, float]], schema: Schema, folder: Path, job: str, tick: Tick = lambda share: None
) -> list[str]:
    """Write rows into CSV files with the schema's names as header; return the files' names, one at least."""
    names: list[str] = []
    header = ",".join(column.name for column in schema.columns).encode() + b"\n"
    pieces = _pieces(rows, tick)
    piece: bytes | None = next(pieces, b"")
    while piece is not None:
        names.append(NAME.format(job=job, number=len(names)))
        with open(folder / names[-1], "wb") as file:
            file.write(header)
            piece = _fill(file, piece, pieces)
    return names


def _fill(file: BinaryIO, piece: bytes | None, pieces: Iterator[bytes]) -> bytes | None:
    """Write pieces until the file is full; return the one that is to open the next file."""
    while piece is not None:
        file.write(piece)
        piece = next(pieces, None)
        if file.tell() >= FILE_BYTES:
            break
    return piece


def _pieces(rows: Iterator[tuple[pa.Table, float]], tick: Tick) -> Iterator[bytes]:
    done = 0.0
    for table, share in rows:
        for batch in table.to_batches(BATCH_ROWS):
            yield _text(batch)
            tick(done)
        done = share


def _text(batch: pa.RecordBatch) -> bytes:
    """Return rows as lines; only where a value asks for it are texts quoted."""
    written = [_escaped(column) if pa.types.is_string(column.type) else column for column in batch.columns]
    table = pa.Table.from_arrays(written, names=batch.schema.names)
    try:
        return _lines(table, "none")
    except pa.ArrowInvalid:
        return _lines(table, "needed")


def _lines(table: pa.Table, quoting: str) -> bytes:
    out = pa.BufferOutputStream()
    pacsv.write_csv(table, out, pacsv.WriteOptions(include_header=False, quoting_style=quoting))
    text: bytes = out.getvalue().to_pybytes()
    return text


def _escaped(texts: pa.Array) -> pa.Array:
    return pc.replace_substring(pc.replace_substring_regex(texts, r"\r\n|\r|\n", " "), "\\", "\\\\")


def _shares(files: Sequence[Path]) -> int:
    rows = size = 0
    for file in files:
        facts = pq.read_metadata(file)
        rows += facts.num_rows
        size += sum(facts.row_group(number).total_byte_size for number in range(facts.num_row_groups))
    return min(1 + max(rows // SHARE_ROWS, size // SHARE_BYTES), MOST_SHARES)


def _batches(files: Sequence[Path], schema: Schema) -> Iterator[pa.RecordBatch]:
    for path in files:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH_ROWS):
                yield from in_columns_of(schema, pa.Table.from_batches([batch])).to_batches()


def _dealt(batches: Iterable[pa.RecordBatch], folder: Path, shares: int) -> Iterator[pa.Table]:
    """Yield the rows by their shares; each batch is read once."""
    files = [folder / f"share-{share}.arrow" for share in range(shares)]
    with ExitStack() as open_:
        writers: list[Any] = []
        for batch in batches:
            if not writers:
                writers = [open_.enter_context(pa.ipc.new_file(str(file), batch.schema)) for file in files]
            share = _share(batch[0], shares)
            order = np.argsort(share, kind="stable")
            sorted_, ends = batch.take(pa.array(order)), np.cumsum(np.bincount(share, minlength=shares)).tolist()
            for writer, begin, end in zip(writers, [0, *ends], ends):
                if begin < end:
                    writer.write(sorted_.slice(begin, end - begin))
    for file in files:
        with pa.OSFile(str(file)) as source:
            yield pa.ipc.open_file(source).read_all()
        file.unlink()


def _first_of_equals(rows: pa.Table) -> pa.Array:
    """Return the places of the rows that no equal row precedes, in their order."""
    numbered = rows.append_column("#", pa.array(np.arange(rows.num_rows)))  # which no field can be called
    first = numbered.group_by(rows.column_names).aggregate([("#", "min")])["#_min"]
    return first.take(pc.sort_indices(first)).combine_chunks()


def _share(column: pa.Array, shares: int) -> Any:
    """Return the share of each row: those with equal values in the column have the same one."""
    from pandas.util import hash_array

    codes = column.dictionary_encode()
    places = hash_array(codes.dictionary.to_numpy(zero_copy_only=False)) % np.uint64(shares)
    return places[codes.indices.to_numpy()].astype(np.int64)
