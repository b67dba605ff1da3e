"""CSV files against a schema: what an import would refuse, and what a training on these rows alone would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from fakepersonalize.datasets import csv_header, csv_rows
from fakepersonalize.datasets.csv_header import Layout
from fakepersonalize.datasets.csv_rows import Offender
from fakepersonalize.datasets.schema import IDS, INTERACTIONS, NEED_METADATA, RESERVED, Column, Schema
from fakepersonalize.datasets.values import LAST_SECOND, in_milliseconds, unlisted_nulls
from fakepersonalize.errors import (
    COLUMNS_TWICE,
    HEADERS_DIFFER,
    MALFORMED_LINE,
    MILLISECONDS,
    MISSING_COLUMNS,
    NO_DATA,
    QUOTED_HEADER,
    TOO_FEW,
    TOO_FEW_USERS,
    TOO_SMALL_SHARE,
    UNLISTED_NULLS,
    JobFailed,
)
from fakepersonalize.lint.findings import WARNING, Finding
from fakepersonalize.resources.quotas import (
    INTERACTIONS_PER_USER,
    MINIMUM_INTERACTIONS,
    MINIMUM_SHARE_OF_USERS,
    MINIMUM_USERS,
)

MOST_REMEMBERED = 1_000_000  # rows, while we look for enough users who come back, and ids
SHOWN = 60  # characters of a value

# By the sentences that an import fails with; of each, what comes before the first gap.
HEADER_RULES = {
    MISSING_COLUMNS: (
        "missing-columns",
        "the first line must name every field of the schema, plainly: {header}",
    ),
    COLUMNS_TWICE: ("column-twice", "rename or drop one of the two; case does not tell names apart"),
    HEADERS_DIFFER: ("headers-differ", "give all files of one import the same first line"),
    NO_DATA: ("no-data", "put rows below the header"),
    MALFORMED_LINE: ("malformed", "put a line of column names first; one record on each line"),
}


def check(files: Sequence[Path], schema: Schema) -> Iterator[Finding]:
    """Yield what is found in files that are to be imported together, in bounded memory."""
    census, ids = _Census(schema), _Ids(schema)
    headers = set()
    for file in [file for file in files if file.stat().st_size] or files:  # empty ones are passed over
        layout, findings = _layout(file, schema)
        yield from findings
        if layout is None:
            census.whole = False
            continue
        headers.add(layout.header)
        census.knows_users &= layout.schema == schema
        yield from _rows(file, layout, census, ids)
    if len(headers) > 1:
        yield _of_header(files[0], JobFailed(HEADERS_DIFFER))
    if census.whole:
        yield from census.findings(files[0])


def _layout(file: Path, schema: Schema) -> tuple[Layout | None, list[Finding]]:
    """Return where the columns stand, as far as that can be told, and what is odd about the header."""
    try:
        layout: Layout | None = csv_header.layout_of_all([file], schema)
        return layout, list(_oddities(file, schema))
    except JobFailed as problem:
        mended = csv_header.mended_layout(file, schema)
        finding = _of_header(file, problem, schema)
        if mended and mended.schema == schema:
            finding = replace(finding, fix=f"write {','.join(name for name in mended.places if not name.isdigit())}")
        return mended, [finding, *_marks(file)]


def _of_header(file: Path, problem: JobFailed, schema: Schema | None = None) -> Finding:
    known = (said for sentence, said in HEADER_RULES.items() if problem.message.startswith(sentence.partition("{")[0]))
    rule, fix = next(known)
    if schema is not None:
        fix = fix.replace("{header}", ",".join(column.name for column in schema.columns))
    if rule == "missing-columns" and (form := csv_header.form(file)):
        fix = "save it as UTF-8" if form == csv_header.UTF_16 else f"import the CSV file itself, not {form}"
    return Finding(str(file), rule, problem.message, fix, problem.hint, line=None if rule == "no-data" else 1)


def _oddities(file: Path, schema: Schema) -> Iterator[Finding]:
    names = csv_header.header(file)
    spelled = {column.name.upper(): column.name for column in schema.columns}
    own = [name for name in names if name.upper() in spelled]

    def odd(rule: str, text: str, fix: str, column: str | None = None) -> Finding:
        return Finding(str(file), rule, text, fix, line=1, column=column, level=WARNING)

    yield from _marks(file)
    if csv_header.has_quotes(file):
        yield Finding(str(file), "quoted-header", QUOTED_HEADER, f"write {','.join(names)}", line=1)
    for name in own:
        if name != spelled[name.upper()]:
            text = f"The header spells {name}, the schema {spelled[name.upper()]}."
            yield odd("spelling", text, f"write {spelled[name.upper()]}", name)
    for name in names:
        if name.upper() not in spelled:
            fix = (
                "drop it, or add a field to the schema" if name else "pandas wrote its index: to_csv(..., index=False)"
            )
            yield odd("extra-column", f"Column {name!r} is not in the schema, and is ignored.", fix, name)


def _marks(file: Path) -> Iterator[Finding]:
    if csv_header.has_mark(file):
        text, fix = "The file begins with a byte order mark.", "save it as plain UTF-8 (not utf-8-sig)"
        yield Finding(str(file), "byte-order-mark", text, fix, line=1, level=WARNING)


def _rows(file: Path, layout: Layout, census: _Census, ids: _Ids) -> Iterator[Finding]:
    warned, line = set[str](), 2
    for found in csv_rows.examine([file], layout):
        if isinstance(found, pa.RecordBatch):
            for name in in_milliseconds(pa.Table.from_batches([found]), layout.schema):
                if name not in warned:
                    warned.add(name)
                    yield _in_milliseconds(file, line, name, found[name])
            for name in unlisted_nulls(found, layout.schema):
                yield from (_null(file, line + place, layout.schema, name) for place in _nulls(found[name]))
            census.count(found)
            yield from ids.findings(file, line, found)
            line += found.num_rows
        else:
            census.rows += 1
            line = found[0].line + 1
            for offender in found:
                yield _finding(file, offender)


def _in_milliseconds(file: Path, line: int, column: str, values: pa.Array) -> Finding:
    """Show the first of too many digits; `line` is that of the first value, if no line was empty."""
    place = pc.index(pc.greater(values, LAST_SECOND), True).as_py()
    value, text = values[place].as_py(), MILLISECONDS.format(column=column)
    fix = f"divide by 1000: {value // 1000} for {value}"
    return Finding(str(file), "milliseconds", text, fix, None, line + place, column, str(value), WARNING)


def _nulls(values: pa.Array) -> list[int]:
    places: list[int] = pc.indices_nonzero(pc.is_null(values)).to_pylist()
    return places


def _null(file: Path, line: int, schema: Schema, name: str) -> Finding:
    """Tell of a value that an import does without, but the schema does not; `line` is right if no line was empty."""
    column = schema.column(name)
    assert column is not None
    return Finding(str(file), "null", UNLISTED_NULLS.format(column=name), _filled(column), None, line, name)


def _finding(file: Path, offender: Offender) -> Finding:
    rule, fix = _explained(offender)
    column, value = offender.column.name if offender.column else None, offender.value
    shown = value if value is None or len(value) <= SHOWN else f"{value[:SHOWN]}..."
    return Finding(str(file), rule, offender.sentence, fix, offender.rule, offender.line, column, shown)


def _explained(offender: Offender) -> tuple[str, str]:
    """Return a name for what is wrong, and what to do about it."""
    column, value = offender.column, offender.value
    if column is None:
        return "malformed", "one record on each line; quote values with commas, and escape quotes by a backslash"
    if not value:
        return "null", _filled(column)
    if column.limit is not None and len(value) > column.limit:
        return "length", f"shorten it from {len(value)} to {column.limit} characters"
    if offender.rule == RESERVED:
        return "reserved", "use another value; perhaps this is the header of a second file"
    if offender.rule.startswith("a number from"):
        return "range", f"use {offender.rule}"
    return "type", _retyped(column.type, value)


def _filled(column: Column) -> str:
    if column.name.upper() == "EVENT_TYPE":
        return 'give every row a type, if only a placeholder such as "watch": EVENT_TYPE cannot be null'
    if column.name.upper() in IDS | {"TIMESTAMP"}:
        return "fill it in or drop the row: this field cannot be null"
    return f'fill it in, or make the field\'s type ["null", "{column.type}"] in a new schema'


def _retyped(type_: str, value: str) -> str:
    if type_ == "boolean":
        return "write true or false, in lower case"
    if type_ == "string":
        return "save the file as UTF-8"
    try:
        number = float(value)
    except ValueError:
        return _as_seconds(value) if type_ == "long" else "write a number such as 4.5, without units or separators"
    if type_ in ("int", "long") and number.is_integer():
        return (
            f"write {int(number)}; pandas makes fractions of whole numbers with gaps: astype('Int64') keeps them whole"
        )
    return "write a whole number" if type_ in ("int", "long") else "write a finite number"


def _as_seconds(value: str) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return "write a whole number; for a time, seconds since 1970-01-01 UTC"
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return f"write {int(seconds)}: seconds since 1970-01-01 UTC"


class _Census:
    """Counts rows, and users who come back, until there are enough of them however many are still to come."""

    def __init__(self, schema: Schema) -> None:
        self.rows, self.whole = 0, True
        self.knows_users = schema.dataset_type == INTERACTIONS  # as long as all columns are there
        self._columns = ("USER_ID", "ITEM_ID", "TIMESTAMP") if schema.dataset_type == INTERACTIONS else ()
        self._seen: set[int] = set()
        self._users: Counter[str] = Counter()
        self._back = 0

    def count(self, rows: pa.RecordBatch) -> None:
        self.rows += rows.num_rows
        if not self.knows_users or self._is_over():
            return
        for row in zip(*(_named(rows, name).to_pylist() for name in self._columns), strict=True):
            content = hash(row)
            if content not in self._seen:  # equal ones count once
                self._seen.add(content)
                self._users[row[0]] += 1
                self._back += self._users[row[0]] == INTERACTIONS_PER_USER

    def findings(self, file: Path) -> Iterator[Finding]:
        """Yield what is too few of interactions; other types need a row."""
        if not self.rows:
            yield _of_header(file, JobFailed(NO_DATA, "the header has no rows below it"))
        if not self._columns or not self.rows:
            return
        if self.rows < MINIMUM_INTERACTIONS:
            yield self._few(file, f"there are {self.rows}", "import more rows; a local server has --limits off")
        if not self.knows_users or self._is_over():
            return
        if len(self._seen) < MINIMUM_INTERACTIONS <= self.rows:
            found = f"there are {len(self._seen)} different ones; a training would fail"
            yield self._few(file, found, "import more rows; those of one user, item and time count once")
        if self._back < MINIMUM_USERS:
            text = TOO_FEW_USERS.format(least=MINIMUM_USERS, each=INTERACTIONS_PER_USER)
            fix = "take in more users; a local server has --limits off"
            yield Finding(str(file), "few-users", text, fix, f"there are {self._back}; a training would fail")
        elif self._back < MINIMUM_SHARE_OF_USERS * len(self._users):
            text = TOO_SMALL_SHARE.format(least=MINIMUM_SHARE_OF_USERS, each=INTERACTIONS_PER_USER)
            fix = "leave out users who came once; a local server has --limits off"
            found = f"{self._back} of {len(self._users)} have; a training would fail"
            yield Finding(str(file), "few-return", text, fix, found)

    def _few(self, file: Path, found: str, fix: str) -> Finding:
        return Finding(str(file), "few-rows", TOO_FEW.format(least=MINIMUM_INTERACTIONS), fix, found)

    def _is_over(self) -> bool:
        """Say whether there are enough, or more than we remember."""
        return self._back >= MINIMUM_SHARE_OF_USERS * MOST_REMEMBERED or len(self._seen) > MOST_REMEMBERED


class _Ids:
    """Remembers where each item, user or action stands; interactions have no id."""

    def __init__(self, schema: Schema) -> None:
        ids = [column.name for column in schema.columns if column.is_id]
        self._column = ids[0] if schema.dataset_type in NEED_METADATA and ids else None
        self._places: dict[str, str] = {}

    def findings(self, file: Path, line: int, rows: pa.RecordBatch) -> Iterator[Finding]:
        """Yield the ids that have stood elsewhere; `line` is that of the first row."""
        if self._column not in rows.schema.names or len(self._places) > MOST_REMEMBERED:
            return
        for number, id_ in enumerate(rows[self._column].to_pylist(), start=line):
            if id_ in self._places:
                text, fix = f"{id_} has a row already; the last one counts.", "keep one row for each id"
                why = f"the row before is {self._places[id_]}"
                yield Finding(str(file), "same-id", text, fix, why, number, self._column, id_, WARNING)
            self._places[id_] = f"line {number} of {file.name}"


def _named(rows: pa.RecordBatch, name: str) -> pa.Array:
    return next(rows[each] for each in rows.schema.names if each.upper() == name)
