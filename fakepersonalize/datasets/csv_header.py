"""The first line of CSV files: which columns stand where, or why that cannot be told.

Source: the developer guide's "Preparing training data",
https://docs.aws.amazon.com/personalize/latest/dg/data-prep-formatting.html.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from fakepersonalize.datasets.schema import Schema
from fakepersonalize.errors import (
    COLUMNS_TWICE,
    HEADERS_DIFFER,
    MALFORMED_LINE,
    MISSING_COLUMNS,
    NO_DATA,
    JobFailed,
    shortened,
)

Source = str | os.PathLike[str] | BinaryIO

HEADER_BYTES = 64 << 10
MARK = b"\xef\xbb\xbf"
MAGIC = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zstd"}
UTF_16 = "UTF-16"
MAGIC |= {b"PAR1": "Parquet", b"\xff\xfe": UTF_16, b"\xfe\xff": UTF_16}
_LINE_END = re.compile(rb"\r*\n|\r")


@dataclass(frozen=True, slots=True)
class Copy:
    """A file that reasons call by another name than its own: that of the object which it is a copy of."""

    path: Path
    name: str

    def __fspath__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the columns of a schema stand in a file: `places` calls them by the schema's names, others by number."""

    schema: Schema
    header: tuple[str, ...]
    places: tuple[str, ...]


def layout_of_all(files: Sequence[Source], schema: Schema) -> Layout:
    """Return where the columns stand in the files, empty ones aside; JobFailed where the headers will not do."""
    layouts = []
    for number, file in enumerate(files, start=1):
        with opened(file) as stream:
            header, _ = first_line(stream)
        try:
            layouts += [] if header is None else [_layout(header, schema)]
        except JobFailed as problem:
            which = f"{name_of(file, number)}: " if len(files) > 1 else ""
            raise JobFailed(problem.message, f"{which}{problem.hint}") from None
    if not layouts:
        raise JobFailed(NO_DATA, "there is no file, or only empty ones")
    for layout in layouts[1:]:
        if layout != layouts[0]:
            raise JobFailed(HEADERS_DIFFER, f"{','.join(layouts[0].header)} and {','.join(layout.header)}")
    return layouts[0]


def first_line(stream: BinaryIO) -> tuple[bytes | None, int]:
    """Return a file's first line without its end, None for an empty file, and where the next line begins."""
    stream.seek(0)
    head = stream.read(HEADER_BYTES)
    end = _LINE_END.search(head)
    if end is None:
        return head or None, len(head)
    return head[: end.start()], end.end()


def _layout(header: bytes, schema: Schema) -> Layout:
    names = _names(header)
    folded = [name.upper() for name in names]
    missing = [column.name for column in schema.columns if column.name.upper() not in folded]
    if len(header) == HEADER_BYTES:
        raise JobFailed(
            MALFORMED_LINE.format(line=1), f"the header, which is the first line, has over {HEADER_BYTES} bytes"
        )
    if missing:
        raise JobFailed(MISSING_COLUMNS.format(names=", ".join(missing)), _header_hint(header, missing))
    twice = [column.name for column in schema.columns if folded.count(column.name.upper()) > 1]
    if twice:
        raise JobFailed(COLUMNS_TWICE.format(names=", ".join(twice)), "case does not tell names apart")
    spelled = {column.name.upper(): column.name for column in schema.columns}
    return Layout(schema, tuple(folded), tuple(spelled.get(name, str(at)) for at, name in enumerate(folded)))


def header(file: Source) -> list[str]:
    """Return the names in the first line of a file, as they stand there; none where it is empty or no CSV."""
    with opened(file) as stream:
        line, _ = first_line(stream)
    return _names(line or b"")


def form(file: Source) -> str | None:
    """Return what a file is by its first bytes, such as `zip` or `UTF-16`; None where it may be CSV in UTF-8."""
    with opened(file) as stream:
        stream.seek(0)
        return _form(stream.read(max(map(len, MAGIC))))


def has_mark(file: Source) -> bool:
    """Say whether a file begins with a byte order mark of UTF-8."""
    with opened(file) as stream:
        stream.seek(0)
        return stream.read(len(MARK)) == MARK


def has_quotes(file: Source) -> bool:
    """Say whether names in the first line of a file stand in quotes, which the guide forbids."""
    with opened(file) as stream:
        line, _ = first_line(stream)
    return b'"' in (line or b"")


def mended_layout(file: Source, schema: Schema) -> Layout | None:
    """Return what a header seems to mean, if in other spellings; else None.

    Where some names are missing, but not most, the layout is of the columns that are there.
    """
    meant = {_bare(column.name): column.name for column in schema.columns}
    names = [meant.get(_bare(name), name) for name in header(file)]
    there = tuple(column for column in schema.columns if column.name in names)
    if 2 * len(there) <= len(schema.columns):
        return None
    try:
        return _layout(",".join(names).encode(), schema if there == schema.columns else replace(schema, columns=there))
    except JobFailed:
        return None


def _names(header: bytes) -> list[str]:
    """Return the names in a header line, without the quotes that some stand in."""
    try:
        return next(csv.reader([header.decode("utf-8-sig")]), [])
    except (UnicodeDecodeError, csv.Error):
        return []


def _form(head: bytes) -> str | None:
    return next((form for magic, form in MAGIC.items() if head.startswith(magic)), None)


def _header_hint(header: bytes, missing: Sequence[str]) -> str:
    if form := _form(header):
        return f"the file is {form}; it must be plain CSV text in UTF-8"
    names = _names(header)
    if not names:
        return "the first line must be the header, and this one is empty or not CSV in UTF-8"
    close = [name for name in names if _bare(name) in {_bare(column) for column in missing}]
    if close:
        return f"the header has {', '.join(close)}; names must equal the schema's, without spaces around them"
    separator = next((sign for sign in ";\t|" if len(names) == 1 and sign in names[0]), None)
    if separator:
        return f"the header is separated by {separator!r}; it must be commas"
    return f"the first line must be the header; it reads {shown(header.decode('utf-8-sig'))}"


def _bare(name: str) -> str:
    return re.sub(r"[\W_]", "", name).upper()


def shown(text: str) -> str:
    """Return a text in quotes, if need be cut."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def name_of(file: Source, number: int) -> str:
    """Return what reasons call one of several files."""
    if isinstance(file, Copy):
        return shortened(file.name)
    return Path(file).name if isinstance(file, str | os.PathLike) else f"file {number}"


@contextmanager
def opened(file: Source) -> Iterator[BinaryIO]:
    """Open a path; a stream is lent as it is."""
    if isinstance(file, str | os.PathLike):
        with open(file, "rb") as stream:
            yield stream
    else:
        yield file
