"""CSV files become typed Arrow rows, or a reason that a person can act on.

A file is cut at line ends into chunks of a few MiB. Each chunk is parsed by pyarrow and checked column by column, on a
few threads and with a handful of chunks in memory at a time. A chunk that is refused is halved again and again, by the
same code, until single lines stand out: there is one definition of a good row, and good files never pay for it.

The rules are those of the developer guide's pages "Preparing training data" and "Common error messages",
https://docs.aws.amazon.com/personalize/latest/dg/data-prep-formatting.html. In short: UTF-8; a header whose names match
the schema's, ignoring case and order; one record per physical line; double quotes, with a backslash or doubling to
escape them; an empty value is null.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from fakepersonalize.datasets.csv_header import (
    MARK,
    Layout,
    Source,
    first_line,
    has_quotes,
    layout_of_all,
    name_of,
    opened,
    shown,
)
from fakepersonalize.datasets.schema import (
    INTERACTIONS,
    ITEMS,
    NUMBERS,
    RULES,
    TYPE_RULES,
    USERS,
    Column,
    Schema,
)
from fakepersonalize.datasets.values import (
    ARROW_TYPES,
    SECONDS,
    arrow_schema,
    broken_rule,
    clipped,
    in_milliseconds,
    unlisted_nulls,
)
from fakepersonalize.errors import (
    LEFT_OUT,
    LONG_VALUE,
    MALFORMED_LINE,
    MILLISECONDS,
    NO_DATA,
    QUOTED_HEADER,
    TOO_FEW,
    UNLISTED_NULLS,
    WRONG_CELL,
    JobFailed,
)
from fakepersonalize.resources.quotas import MINIMUM_INTERACTIONS

Tick = Callable[[float], None]

MINIMUM_ROWS = {INTERACTIONS: MINIMUM_INTERACTIONS}  # per import job

CHUNK_BYTES = 2 << 20  # larger chunks parse no faster and take more memory
LINE_BYTES = 16 << 20
GROUP_BYTES = 24 << 20  # rows that meet in one Parquet row group: half a million interactions, or fewer long texts
THREADS = 4
SHOWN = 5  # offending rows that a reason names
# So many rows of Items and Users may be left out for values of own columns: the service took a file of 9,742 items with
# twelve empty years and a range of years in a column of whole numbers that cannot be null, and filtered by the others.
# Source: https://github.com/aws-samples/amazon-personalize-samples, POC_in_a_box, completed notebooks 02 to 05. The two
# limits are ours.
MOST_LEFT_OUT, MOST_LEFT_OUT_SHARE = 100, 0.01
FORGIVING = (ITEMS, USERS)

_HEXADECIMAL = re.compile(rb"(?<![^\s,\"])[+-]?0[xX]")


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import brought: the number of rows, and sentences on what looks odd in them without being wrong."""

    rows: int
    warnings: tuple[str, ...] = ()


def read(
    files: Sequence[Source],
    schema: Schema,
    tick: Tick = lambda share: None,
    left_out: list[Offender] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of CSV files in order, as record batches of `arrow_schema(schema)`.

    Files are paths or seekable binary streams; streams are left open. Empty files are passed over. Raises JobFailed,
    with AWS's sentence and a hint that names the column, the rule and the first five offending lines, once these are
    found or the files are at their end; no batch follows an offending line. `tick` hears the share of bytes read.
    Lines that are left out instead, one in a hundred at most, are appended to `left_out`.
    """
    rows = 0
    offenders: list[Offender] = []
    left_out = [] if left_out is None else left_out
    for found in examine(files, layout_of_all(files, schema), tick):
        if not isinstance(found, pa.RecordBatch):
            (left_out if _is_forgiven(found, schema) else offenders).append(found[0])
        elif not offenders:
            rows += found.num_rows
            yield found
        if len(offenders) == SHOWN or len(left_out) > MOST_LEFT_OUT:
            break
    if offenders or len(left_out) > min(MOST_LEFT_OUT, MOST_LEFT_OUT_SHARE * rows):
        raise _failure((offenders or left_out)[:SHOWN])
    if not rows:
        raise JobFailed(NO_DATA, "the header has no rows below it")


def examine(
    files: Sequence[Source], layout: Layout, tick: Tick = lambda share: None
) -> Iterator[pa.RecordBatch | list[Offender]]:
    """Yield the good rows of CSV files in batches, and for each bad line all that is wrong with it, in their order."""
    total = sum(_size(file) for file in files)
    done = 0
    for chunk, batch in _parsed(files, layout):
        if batch is None:
            yield from _sifted(chunk, layout)
        else:
            yield batch
        done += len(chunk.data)
        tick(min(1.0, done / total))


def spool_parquet(
    files: Sequence[Source],
    schema: Schema,
    target: str | os.PathLike[str],
    tick: Tick = lambda share: None,
    *,
    minimum_rows: int | None = None,
) -> Imported:
    """Write the rows of CSV files into one Parquet file, block by block, and return what it holds.

    `minimum_rows` defaults to 1000 for Interactions and 0 for the other types; an INCREMENTAL import of action
    interactions passes 1000 (https://docs.aws.amazon.com/personalize/latest/dg/limits.html). Raises what `read` raises,
    and leaves no file behind then.
    """
    minimum = MINIMUM_ROWS.get(schema.dataset_type, 0) if minimum_rows is None else minimum_rows
    left_out: list[Offender] = []
    try:
        imported = _write(read(files, schema, tick, left_out), schema, Path(target))
        if imported.rows < minimum:
            raise JobFailed(TOO_FEW.format(least=minimum), f"rows in the files: {imported.rows}")
    except BaseException:
        Path(target).unlink(missing_ok=True)
        raise
    quoted = [QUOTED_HEADER] if any(map(has_quotes, files)) else []
    return replace(imported, warnings=(*quoted, *imported.warnings, *_regrets(left_out)))


def _write(batches: Iterator[pa.RecordBatch], schema: Schema, target: Path) -> Imported:
    rows, warnings = 0, dict[str, None]()  # each once, in their order
    with pq.ParquetWriter(target, arrow_schema(schema), **_encodings(schema)) as writer:
        for group in _groups(batches):
            rows += group.num_rows
            for column in in_milliseconds(group, schema):
                warnings[MILLISECONDS.format(column=column)] = None
            for column in unlisted_nulls(group, schema):
                warnings[UNLISTED_NULLS.format(column=column)] = None
            writer.write_table(group)
    return Imported(rows, tuple(warnings))


def _encodings(schema: Schema) -> dict[str, Any]:
    """Choose how Parquet writes each column: as measured, differences of whole numbers under zstd are small and fast.

    Statistics of strings cost as much as compressing them, and nothing here asks for ranges of strings.
    """
    columns = schema.columns
    return {
        "compression": "zstd",
        "use_dictionary": [column.name for column in columns if column.type == "string" and not column.textual],
        "column_encoding": {column.name: "DELTA_BINARY_PACKED" for column in columns if column.type in ("int", "long")},
        "write_statistics": [column.name for column in columns if column.type in NUMBERS],
    }


def _groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    held, held_bytes = list[pa.RecordBatch](), 0
    for batch in batches:
        held.append(batch)
        held_bytes += batch.nbytes
        if held_bytes >= GROUP_BYTES:
            yield pa.Table.from_batches(held)
            held, held_bytes = [], 0
    if held:
        yield pa.Table.from_batches(held)


# Chunks of lines.


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Whole lines of one file; `line` is the number of the first. Without `data`: a line too long to be looked at."""

    source: str
    line: int
    data: bytes


def _chunks(files: Sequence[Source]) -> Iterator[_Chunk]:
    for number, file in enumerate(files, start=1):
        source = f" of {name_of(file, number)}" if len(files) > 1 else ""
        with opened(file) as stream:
            _, start = first_line(stream)
            stream.seek(start)
            yield from _cut(stream, source)


def _cut(stream: BinaryIO, source: str) -> Iterator[_Chunk]:
    line, rest = 2, b""
    while piece := stream.read(CHUNK_BYTES):
        piece = rest + piece
        end = piece.rfind(b"\n") + 1 or piece.rfind(b"\r", 0, -1) + 1  # a last \r may belong to a \n to come
        if end:
            yield _Chunk(source, line, piece[:end])
            line += _count_lines(piece[:end])
        elif len(piece) > LINE_BYTES:
            yield _Chunk(source, line, b"")
            return
        rest = piece[end:]
    if rest:
        yield _Chunk(source, line, rest + b"\n")


def _count_lines(data: bytes) -> int:
    """Count line ends: \\n, \\r\\n, and \\r alone as old Macs wrote them."""
    if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
        return len(data.splitlines())
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == ord("\n")))


def _parsed(files: Sequence[Source], layout: Layout) -> Iterator[tuple[_Chunk, pa.RecordBatch | None]]:
    """Parse chunks on a few threads and yield them in order, with None for a chunk that is refused."""
    threads = min(THREADS, os.cpu_count() or 1)
    running: deque[tuple[_Chunk, Future[pa.RecordBatch | None]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for chunk in _chunks(files):
            running.append((chunk, pool.submit(_rows, chunk.data, layout)))
            if len(running) > threads:
                first, future = running.popleft()
                yield first, future.result()
        for first, future in running:
            yield first, future.result()


# Rows.


class _Refused(Exception):
    """Bytes that are not rows of the layout."""


def _rows(data: bytes, layout: Layout) -> pa.RecordBatch | None:
    """Return the rows of some lines, or None if any of them breaks a rule."""
    if not data:
        return None
    types = arrow_schema(layout.schema)
    try:
        batch = _parse(data, layout, {field.name: field.type for field in types})
    except _Refused:
        return None
    columns = list(zip(layout.schema.columns, batch.columns, strict=True))
    if any(broken_rule(column, values, layout.schema.dataset_type) for column, values in columns):
        return None
    values = [clipped(values) if column.textual else values for column, values in columns]
    return pa.RecordBatch.from_arrays(values, schema=types)


def _parse(data: bytes, layout: Layout, types: Mapping[str, pa.DataType]) -> pa.RecordBatch:
    """Parse lines into the columns named in `types`, or raise _Refused.

    pyarrow accepts line breaks within quotes and a quote that nobody closes. A last line of nothing but commas is added
    and taken off again: where a quote has swallowed a line end, that line or another is missing from the count.
    """
    end = (b"," * (len(layout.places) - 1) or b'""') + b"\n"  # a line of nothing at all would be passed over
    start = b"\n" if data.startswith(MARK) else b""  # pyarrow drops a mark at the very start, also one that is data
    text = b"".join((start, data, end))
    try:
        [batch] = pacsv.read_csv(
            pa.BufferReader(text),
            pacsv.ReadOptions(column_names=layout.places, use_threads=False, block_size=len(text) + 1),
            pacsv.ParseOptions(escape_char="\\"),
            pacsv.ConvertOptions(
                include_columns=list(types),
                column_types=types,
                null_values=[""],
                strings_can_be_null=True,
                true_values=["true"],
                false_values=["false"],
            ),
        ).to_batches()
    except pa.ArrowInvalid as error:
        raise _Refused(str(error)) from None
    rows = batch.num_rows - 1
    if rows == _count_lines(data):
        _refuse_hexadecimal(data, layout, types)
        return batch.slice(0, rows)
    lines = data.splitlines(keepends=True)
    records = [line for line in lines if line.strip(b"\r\n")]
    if len(records) == len(lines):
        raise _Refused("a quote goes on over a line end")
    return _parse(b"".join(records), layout, types)


def _refuse_hexadecimal(data: bytes, layout: Layout, types: Mapping[str, pa.DataType]) -> None:
    """Raise _Refused for whole numbers such as 0x1F, which pyarrow reads; as a rule a look at the bytes is enough."""
    numbers = {name: pa.binary() for name, type_ in types.items() if pa.types.is_integer(type_)}
    if not numbers or not ((b"x" in data or b"X" in data) and _HEXADECIMAL.search(data)):
        return
    texts = _parse(data, layout, numbers)
    if any(_HEXADECIMAL.search(text.as_py() or b"") for column in texts.columns for text in column):
        raise _Refused("a hexadecimal number")


# What is wrong.


@dataclass(frozen=True, slots=True)
class Offender:
    """Something about a line that breaks a rule: in which column (none where the line itself is broken) and which rule.

    `source` names the file where there are several.
    """

    source: str
    line: int
    rule: str
    column: Column | None = None
    cell: bytes | None = None

    @property
    def value(self) -> str | None:
        return None if self.cell is None else self.cell.decode(errors="backslashreplace")

    @property
    def place(self) -> str:
        value = "" if self.column is None else f" ({shown(self.value) if self.value else 'empty'})"
        return f"line {self.line}{self.source}{value}"

    @property
    def sentence(self) -> str:
        if self.column is None:
            return MALFORMED_LINE.format(line=self.line)
        if self.column.limit is not None and len(self.value or "") > self.column.limit:
            return LONG_VALUE.format(limit=self.column.limit, column=self.column.name)
        return WRONG_CELL.format(column=self.column.name, line=self.line)


def _sifted(chunk: _Chunk, layout: Layout) -> Iterator[pa.RecordBatch | list[Offender]]:
    """Find the lines for which a chunk was refused, in order, by halving it; between them are good rows."""
    if not chunk.data:
        yield [Offender(chunk.source, chunk.line, f"the line is longer than {LINE_BYTES >> 20} MiB")]
        return
    open_parts = [(chunk.line, chunk.data.splitlines(keepends=True))]
    while open_parts:
        number, lines = open_parts.pop()
        rows = _rows(b"".join(lines), layout)
        if rows is not None:
            yield rows
        elif len(lines) == 1:
            yield _explained(_Chunk(chunk.source, number, lines[0]), layout)
        else:
            half = len(lines) // 2
            open_parts += [(number + half, lines[half:]), (number, lines[:half])]


def _explained(line: _Chunk, layout: Layout) -> list[Offender]:
    """Say all that is wrong with a single line that was refused."""
    columns = layout.schema.columns
    try:
        cells = _parse(line.data, layout, {column.name: pa.binary() for column in columns}).to_pylist()[0]
    except _Refused as refusal:
        return [Offender(line.source, line.line, _malformed_rule(line.data, str(refusal)))]
    found = [
        Offender(line.source, line.line, rule, column, cells[column.name])
        for column in columns
        if (rule := _cell_rule(line.data, column, layout))
    ]
    return found or [Offender(line.source, line.line, "it is not a record of these columns")]


def _cell_rule(line: bytes, column: Column, layout: Layout) -> str | None:
    try:
        batch = _parse(line, layout, {column.name: ARROW_TYPES[column.type]})
    except _Refused:
        return TYPE_RULES[column.type] + (" (seconds since 1970-01-01 UTC)" if column.name.upper() in SECONDS else "")
    return broken_rule(column, batch.column(0), layout.schema.dataset_type)


def _malformed_rule(line: bytes, refusal: str) -> str:
    unescaped = re.sub(rb"\\.", b"", line.rstrip(b"\r\n"))
    if unescaped.endswith(b"\\"):
        return "a backslash at the end of a line escapes nothing; write two"
    if unescaped.count(b'"') % 2:
        return "a double quote has no partner on its line; records cannot contain line breaks"
    counts = re.search(r"Expected (\d+) columns, got (\d+)", refusal)
    return f"{counts[2]} values where the header has {counts[1]}" if counts else refusal


def _is_forgiven(offenders: Sequence[Offender], schema: Schema) -> bool:
    """Say whether all that is wrong with a line stands in columns that the schema's author made up."""
    known = RULES[schema.domain, schema.dataset_type]
    columns = [offender.column for offender in offenders]
    return schema.dataset_type in FORGIVING and all(column and column.name.upper() not in known for column in columns)


def _regrets(left_out: Sequence[Offender]) -> Iterator[str]:
    if left_out:
        yield LEFT_OUT.format(amount=len(left_out), places=_places(left_out[:SHOWN]))


def _failure(offenders: Sequence[Offender]) -> JobFailed:
    more = ", and perhaps more" if len(offenders) == SHOWN else ""
    return JobFailed(offenders[0].sentence, _places(offenders) + more)


def _places(offenders: Sequence[Offender]) -> str:
    places: dict[str, list[str]] = {}
    for offender in offenders:
        column = f"{offender.column.name}: " if offender.column else ""
        places.setdefault(column + offender.rule, []).append(offender.place)
    return "; ".join(f"{rule}: {', '.join(where)}" for rule, where in places.items())


# Files.


def _size(file: Source) -> int:
    with opened(file) as stream:
        return stream.seek(0, os.SEEK_END)
