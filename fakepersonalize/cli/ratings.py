"""Interactions and items from files that people have: the columns of Amazon Personalize, or MovieLens' layouts."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from fakepersonalize.cli.refusal import Refused
from fakepersonalize.datasets.csv_header import MAGIC
from fakepersonalize.jobs.training_rows import Encoded, encode

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_matrix

    from fakepersonalize.recipes.features import Cells, Kind

USER, ITEM, TIME = "USER_ID", "ITEM_ID", "TIMESTAMP"
# Other names of the columns, in lower case: those of MovieLens.
NAMES = {"userid": USER, "user_id": USER, "movieid": ITEM, "item_id": ITEM, "timestamp": TIME}
# https://files.grouplens.org/datasets/movielens/ml-1m-README.txt and ml-100k-README.txt: files without a header.
RATINGS = [USER, ITEM, "RATING", TIME]
IN_ARCHIVES, ITEMS_IN_ARCHIVES = ("ratings.csv", "ratings.dat", "u.data"), ("movies.csv",)
DAT = [USER, "", ITEM, "", "RATING", "", TIME]  # "::" is a separator with nothing between its halves
CANNOT_READ = "{path} cannot be read: {reason}."
NO_COLUMN = "{path} has no column {name}; it needs {names}."
NO_ROWS = "{path} has no rows."
NO_ITEM = "{path} has none of the items that the interactions are with."
NO_MEMBER = "{path} is a zip file with none of {names} in it."
NO_TEXT = "{path} is {form}; save it as CSV in UTF-8."
NOT_UTF8 = "it is not UTF-8; save it as CSV in UTF-8"
BAD_TIMES = "{path}: TIMESTAMP must be whole seconds since 1970."
MOST_CATEGORIES = 0.5  # a column with more distinct texts than this share of its rows is free text
CREATED = "CREATION_TIMESTAMP"


def read(interactions: Path, items: Path | None) -> Encoded:
    """Return the interactions by codes, and features of their items; a Refused says what is wrong with a file."""
    rows = _interactions(interactions)
    encoded = encode(rows)
    if items is None:
        return encoded
    features, times = _of_items(items, encoded.items)
    return replace(encoded, data=replace(encoded.data, item_features=features, item_times=times))


def _interactions(path: Path) -> pa.Table:
    rows = _columns(path, _table(path, IN_ARCHIVES), (USER, ITEM, TIME))
    if not rows.num_rows:
        raise Refused(NO_ROWS.format(path=path))
    try:
        times = pc.cast(pc.cast(rows[TIME], "float64"), "int64")  # times that a spreadsheet wrote end in .0
    except pa.ArrowInvalid:
        raise Refused(BAD_TIMES.format(path=path)) from None
    if times.null_count:
        raise Refused(BAD_TIMES.format(path=path))
    return pa.table({USER: rows[USER], ITEM: rows[ITEM], TIME: times})


def _table(path: Path, members: Sequence[str]) -> pa.Table:
    """Return all cells of a file as text; of a zip file, of the first of `members` in it."""
    try:
        first = _first_line(path, members)
        if "::" in first:
            return _parsed(path, members, ":", DAT).select([0, 2, 4, 6])
        if first.count("\t") == 3:
            return _parsed(path, members, "\t", RATINGS)
        return _parsed(path, members, ",", None)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise Refused(CANNOT_READ.format(path=path, reason=getattr(error, "strerror", None) or error)) from None
    except UnicodeDecodeError:
        raise Refused(CANNOT_READ.format(path=path, reason=NOT_UTF8)) from None
    except pa.ArrowInvalid as error:
        if "UTF8" in str(error):
            raise Refused(CANNOT_READ.format(path=path, reason=NOT_UTF8)) from None
        raise Refused(CANNOT_READ.format(path=path, reason=str(error).splitlines()[0].rstrip("."))) from None


@contextmanager
def _opened(path: Path, members: Sequence[str]) -> Iterator[IO[bytes]]:
    """Lend the bytes of a file, unpacked where it is gzip or a zip file, whatever its name ends in."""
    with open(path, "rb") as file:
        first = file.read(6)
        form = next((form for magic, form in MAGIC.items() if first.startswith(magic)), None)
        file.seek(0)
        if form == "gzip":
            with gzip.open(file) as unpacked:
                yield cast(IO[bytes], unpacked)
        elif form == "zip":
            with zipfile.ZipFile(file) as archive, archive.open(_member(path, archive, members)) as unpacked:
                yield unpacked
        elif form:
            raise Refused(NO_TEXT.format(path=path, form=form))
        else:
            yield file


def _member(path: Path, archive: zipfile.ZipFile, members: Sequence[str]) -> zipfile.ZipInfo:
    """Return the file of an archive that has one of some names, in whatever folder."""
    found = {info.filename.rpartition("/")[2]: info for info in reversed(archive.infolist())}
    for name in members:
        if name in found:
            if found[name].flag_bits & 1:
                raise Refused(CANNOT_READ.format(path=path, reason=f"{name} is encrypted"))
            return found[name]
    raise Refused(NO_MEMBER.format(path=path, names=", ".join(members)))


def _first_line(path: Path, members: Sequence[str]) -> str:
    with _opened(path, members) as file, io.TextIOWrapper(file, "utf-8") as text:
        return text.readline()


def _parsed(path: Path, members: Sequence[str], separator: str, names: list[str] | None) -> pa.Table:
    header = _first_line(path, members).rstrip("\r\n").split(",") if names is None else []
    types = {name.strip('"'): pa.string() for name in header}
    places = None if names is None else [f"{name}{number}" for number, name in enumerate(names)]
    with _opened(path, members) as file:
        table = csv.read_csv(
            file,
            csv.ReadOptions(column_names=places),
            csv.ParseOptions(delimiter=separator, newlines_in_values=names is None),
            csv.ConvertOptions(
                column_types=types or dict.fromkeys(places or (), pa.string()), strings_can_be_null=True
            ),
        )
    return table if names is None else table.rename_columns(names)


def _columns(path: Path, table: pa.Table, needed: tuple[str, ...]) -> pa.Table:
    """Return the table with the names that Personalize has for its columns."""
    table = table.rename_columns([NAMES.get(name.lower(), name) for name in table.column_names])
    for name in needed:
        if table.column_names.count(name) != 1:
            raise Refused(NO_COLUMN.format(path=path, name=name, names=", ".join(needed)))
    rows = table.select(list(dict.fromkeys([*needed, *_others(table, needed)])))
    for name in needed:
        rows = rows.filter(pc.is_valid(rows[name]))
    return rows


def _others(table: pa.Table, needed: tuple[str, ...]) -> list[str]:
    return [name for name in table.column_names if name not in needed and table.column_names.count(name) == 1]


def _of_items(path: Path, ids: list[str]) -> tuple[csr_matrix | None, np.ndarray | None]:
    """Return what columns tell of items, and when items were made, as `TrainingData` has it."""
    import numpy as np

    from fakepersonalize.recipes.features import Encoding

    rows = _columns(path, _table(path, ITEMS_IN_ARCHIVES), (ITEM,))
    places = {id_: place for place, id_ in enumerate(rows[ITEM].to_pylist())}
    at = pa.array([places.get(id_) for id_ in ids], "int64")
    if at.null_count == len(at):
        raise Refused(NO_ITEM.format(path=path))
    own = {name: rows[name] for name in rows.column_names if name not in (ITEM, CREATED)}
    cells = {name: _cells(column) for name, column in own.items()}
    encoding = Encoding.learn(cells)
    known = {name: _cells(column.combine_chunks().take(at), cells[name][0])[1] for name, column in own.items()}
    features = encoding.rows(known, len(ids)) if encoding.columns else None
    if CREATED not in rows.column_names:
        return features, None
    return features, np.nan_to_num(_numbers(rows[CREATED].combine_chunks().take(at))).astype(np.int64)


def _cells(column: pa.ChunkedArray | pa.Array, kind: Kind | None = None) -> tuple[Kind, Cells]:
    """Return what a column is, and its cells: numbers, categories separated by "|", or free text."""
    if kind == "number" or (kind is None and _is_numeric(column)):
        return "number", list(_numbers(column))
    texts = column.to_pylist()
    if kind is None:
        present = [text for text in texts if text]
        categories = {part for text in present for part in text.split("|")}
        kind = "category" if len(categories) <= MOST_CATEGORIES * max(1, len(present)) else "text"
    return kind, texts


def _is_numeric(column: pa.ChunkedArray | pa.Array) -> bool:
    try:
        return bool(pc.cast(column, "float64").null_count < len(column))
    except pa.ArrowInvalid:
        return False


def _numbers(column: pa.ChunkedArray | pa.Array) -> list[float]:
    return [float("nan") if cell is None else float(cell) for cell in column.to_pylist()]
