"""What people trip over in CSV files is found, all of it at once, with its place and a fix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import shops

from fakepersonalize.datasets import csv_rows, schema
from fakepersonalize.errors import JobFailed
from fakepersonalize.lint import rows
from fakepersonalize.lint.findings import Finding

EVENTS = schema.parse(shops.EVENTS)
USERS = schema.parse(shops.USERS)
HEADER = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE"
TAKEN_ALL_THE_SAME = {"quoted-header"}  # AWS's own workshops import such files, against the guide
ENOUGH = "".join(f"u{n % 50},i{n},1700000000,watch,\n" for n in range(1000))


@pytest.fixture
def found(tmp_path: Path) -> Any:
    def check(*texts: str | bytes, of: schema.Schema = EVENTS) -> list[Finding]:
        files = [tmp_path / f"{number}.csv" for number in range(len(texts))]
        for file, text in zip(files, texts):
            file.write_bytes(text.encode() if isinstance(text, str) else text)
        return list(rows.check(files, of))

    return check


def row(**cells: str) -> str:
    given = {"USER_ID": "u1", "ITEM_ID": "i1", "TIMESTAMP": "1700000000", "EVENT_TYPE": "watch", "EVENT_VALUE": ""}
    return ",".join((given | cells).values()) + "\n"


PAINS: dict[str, tuple[str, str, int | None, str | None, str]] = {
    "a quoted header": (f'"USER_ID"{HEADER[7:]}\n{ENOUGH}', "quoted-header", 1, None, f"write {HEADER}"),
    "spaces in the header": (
        HEADER.replace(",", ", ") + f"\n{ENOUGH}",
        "missing-columns",
        1,
        None,
        f"write {HEADER}",
    ),
    "names in camel case": (
        f"userId,itemId,timestamp,eventType,eventValue\n{ENOUGH}",
        "missing-columns",
        1,
        None,
        HEADER,
    ),
    "no header": (ENOUGH, "missing-columns", 1, None, f"plainly: {HEADER}"),
    "a column twice": (f"{HEADER},user_id\n" + "u,i,1,w,,u\n", "column-twice", 1, None, "rename or drop"),
    "a header alone": (f"{HEADER}\n\n", "no-data", None, None, "put rows below"),
    "an empty file": ("", "no-data", None, None, "put rows below"),
    "names in lower case": (f"{HEADER.lower()}\n{ENOUGH}", "spelling", 1, "user_id", "write USER_ID"),
    "the index of pandas": (
        f",{HEADER}\n" + "".join(f"{n},{line}\n" for n, line in enumerate(ENOUGH.splitlines())),
        "extra-column",
        1,
        "",
        "index=False",
    ),
    "a byte order mark": (f"\ufeff{HEADER}\n{ENOUGH}", "byte-order-mark", 1, None, "not utf-8-sig"),
    "milliseconds": (
        f"{HEADER}\n{ENOUGH}{row(TIMESTAMP='1700000000123')}",
        "milliseconds",
        1002,
        "TIMESTAMP",
        "1700000000 for 1700000000123",
    ),
    "a date": (
        f"{HEADER}\n{row(TIMESTAMP='2023-11-14T22:13:20Z')}{ENOUGH}",
        "type",
        2,
        "TIMESTAMP",
        "write 1700000000:",
    ),
    "a fraction": (f"{HEADER}\n{row(TIMESTAMP='1.7e9')}{ENOUGH}", "type", 2, "TIMESTAMP", "write 1700000000; pandas"),
    "no event type": (f"{HEADER}\n{row()}{row(EVENT_TYPE='')}{ENOUGH}", "null", 3, "EVENT_TYPE", "placeholder"),
    "no user": (f"{HEADER}\n{row(USER_ID='')}{ENOUGH}", "null", 2, "USER_ID", "drop the row"),
    "a long id": (f"{HEADER}\n{row(ITEM_ID='i' * 257)}{ENOUGH}", "length", 2, "ITEM_ID", "from 257 to 256"),
    "a second header": (f"{HEADER}\n{ENOUGH}{HEADER}\n", "reserved", 1002, "USER_ID", "header of a second file"),
    "a line break in quotes": (f'{HEADER}\n"u\n1",i,1,w,\n{ENOUGH}', "malformed", 2, None, "one record on each line"),
    "few rows": (f"{HEADER}\n{ENOUGH[:600]}", "few-rows", None, None, "--limits off"),
    "the same rows": (f"{HEADER}\n" + 2 * ENOUGH[: ENOUGH.index("u0,i900")], "few-rows", None, None, "count once"),
    "few who return": (
        f"{HEADER}\n{ENOUGH[: ENOUGH.index('u0,i100')]}" + "".join(f"v{n},i,1,w,\n" for n in range(9000)),
        "few-return",
        None,
        None,
        "leave out users",
    ),
    "few users": (f"{HEADER}\n" + 1000 * row(), "few-users", None, None, "take in more users"),
}


@pytest.mark.parametrize(("text", "rule", "line", "column", "fix"), PAINS.values(), ids=PAINS.keys())
def test_what_people_trip_over_is_found(
    found: Any, text: str, rule: str, line: int | None, column: str | None, fix: str
) -> None:
    finding = next(each for each in found(text) if each.rule == rule)
    assert (finding.line, finding.column) == (line, column)
    assert fix in finding.fix
    assert finding.text


def test_a_null_says_which_union_would_take_it(found: Any) -> None:
    (finding,) = found("USER_ID,AGE\nu1,\n", of=USERS)
    assert (finding.line, finding.column) == (2, "AGE")
    assert finding.fix == 'fill it in, or make the field\'s type ["null", "int"] in a new schema'


def test_a_good_file_is_good(found: Any) -> None:
    assert found(f"{HEADER}\n{ENOUGH}") == []
    assert found("USER_ID,AGE\nu1,1\n", of=USERS) == []


@pytest.mark.parametrize(("returning", "rules"), [(99, {"few-return"}), (100, set())])
def test_one_of_a_hundred_users_must_come_back(found: Any, returning: int, rules: set[str]) -> None:
    text = "".join(f"u{n},i,{time},watch,\n" for time in (1, 2) for n in range(10_000 if time == 1 else returning))
    assert {finding.rule for finding in found(f"{HEADER}\n{text}")} == rules


def test_empty_files_among_others_are_passed_over_and_rows_are_needed_of_every_type(found: Any) -> None:
    assert found("", "USER_ID,AGE\nu1,1\n", of=USERS) == []
    assert [finding.rule for finding in found("USER_ID,AGE\n", "", of=USERS)] == ["no-data"]
    assert [finding.rule for finding in found("", "", of=USERS)] == ["no-data", "no-data"]


def test_an_id_of_a_user_that_stands_twice_is_told_with_both_places(found: Any) -> None:
    findings = found("USER_ID,AGE\nu1,1\nu2,1\nu1,2\n", "USER_ID,AGE\nu2,2\nu3,3\n", of=USERS)
    assert [(each.rule, each.line, each.column, each.value, each.level) for each in findings] == [
        ("same-id", 4, "USER_ID", "u1", "warning"),
        ("same-id", 2, "USER_ID", "u2", "warning"),
    ]
    assert [each.why for each in findings] == ["the row before is line 2 of 0.csv", "the row before is line 3 of 0.csv"]


def test_the_order_of_columns_is_nobodys_business(found: Any) -> None:
    names = HEADER.split(",")
    rows = [line.split(",") for line in ENOUGH.splitlines()]
    turned = "".join(f"{','.join(reversed(row))}\n" for row in [names, *rows])
    assert found(turned) == []


def test_everything_is_found_at_once(found: Any) -> None:
    bad = row(USER_ID="", TIMESTAMP="now", EVENT_VALUE="much")
    text = f'\ufeff"USER_ID"{HEADER[7:]}\n{bad}{row()}{bad}u1,i1\n'
    places = [(finding.rule, finding.line, finding.column) for finding in found(text)]
    wrong = [("null", "USER_ID"), ("type", "TIMESTAMP"), ("type", "EVENT_VALUE")]
    assert places == [
        ("byte-order-mark", 1, None),
        ("quoted-header", 1, None),
        *((rule, line, column) for line in (2, 4) for rule, column in wrong),
        ("malformed", 5, None),
        ("few-rows", None, None),
        ("few-users", None, None),
    ]


def test_what_is_wrong_below_a_header_that_misses_a_column_is_found_too(found: Any) -> None:
    findings = found("USER_ID,ITEM_ID,EVENT_TYPE,EVENT_VALUE\nu1,i1,watch,\nu1,,watch,much\n")
    assert [(each.rule, each.line, each.column) for each in findings] == [
        ("missing-columns", 1, None),
        ("null", 3, "ITEM_ID"),
        ("type", 3, "EVENT_VALUE"),
        ("few-rows", None, None),
    ]
    assert findings[0].fix.startswith("the first line must name every field")
    (other,) = found("AGE,x\nold,1\n", of=USERS)
    assert other.rule == "missing-columns"
    assert other.fix.endswith(": " + ",".join(column.name for column in USERS.columns))


def test_rows_and_users_are_counted_over_all_files_and_headers_compared(found: Any) -> None:
    half = ENOUGH.index("u0,i500")
    assert found(f"{HEADER}\n{ENOUGH[:half]}", f"{HEADER}\n{ENOUGH[half:]}") == []
    assert {each.rule for each in found(f"{HEADER}\n{ENOUGH[:half]}")} == {"few-rows"}
    (finding,) = (each for each in found(f"{HEADER}\n{ENOUGH}", f"x,{HEADER}\n") if each.level == "error")
    assert finding.rule == "headers-differ"


@pytest.mark.parametrize("text", [f"{HEADER}\n{ENOUGH}", *(text for text, *_ in PAINS.values())])
def test_an_error_is_what_an_import_or_a_training_refuses(found: Any, tmp_path: Path, text: str) -> None:
    errors = [finding for finding in found(text) if finding.level == "error"]
    rules = {finding.rule for finding in errors if "training" not in (finding.why or "")}
    try:
        csv_rows.spool_parquet([tmp_path / "0.csv"], EVENTS, tmp_path / "rows.parquet")
        refused = False
    except JobFailed:
        refused = True
    assert refused == bool(rules - TAKEN_ALL_THE_SAME)


def test_values_that_an_event_may_lack_and_its_column_may_not_are_found_one_by_one(found: Any, tmp_path: Path) -> None:
    columns = ("USER_ID string", "ITEM_ID string", "TIMESTAMP long", "IMPRESSION string", "EVENT_VALUE float")
    events = schema.parse(shops.schema("Interactions", *columns))
    some = "".join(f"u{n % 50},i{n},1700000000,i1|i2,1\n" for n in range(1000))
    text = f"USER_ID,ITEM_ID,TIMESTAMP,IMPRESSION,EVENT_VALUE\nu1,i1,1,,1\n{some}u1,i1,2,,1\nu1,i1,3,i1,\n"
    findings = found(text, of=events)
    assert [(each.rule, each.line, each.column, each.level) for each in findings] == [
        ("null", 2, "IMPRESSION", "error"),
        ("null", 1003, "IMPRESSION", "error"),
        ("null", 1004, "EVENT_VALUE", "error"),
    ]
    assert findings[2].fix == 'fill it in, or make the field\'s type ["null", "float"] in a new schema'
    imported = csv_rows.spool_parquet([tmp_path / "0.csv"], events, tmp_path / "rows.parquet")
    assert imported.rows == 1003
    assert [warning.split()[1] for warning in imported.warnings] == ["IMPRESSION", "EVENT_VALUE"]


def test_packed_files_long_lines_and_wide_headers_are_found_in_bounded_memory(
    found: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_rows, "LINE_BYTES", 1 << 16)
    monkeypatch.setattr(csv_rows, "CHUNK_BYTES", 1 << 12)
    (packed, *_) = found(b"\x1f\x8b\x08\x00" + bytes(1000))
    assert (packed.rule, "gzip" in packed.why) == ("missing-columns", True)
    assert packed.fix == "import the CSV file itself, not gzip"
    (wide, *_) = found(",".join(f"c{n}" for n in range(100_000)))
    assert (wide.rule, wide.line) == ("malformed", 1)
    long = [finding for finding in found(f"{HEADER}\n{'x' * (1 << 18)}\n") if finding.line == 2]
    assert [finding.rule for finding in long] == ["malformed"]
    assert "longer than" in long[0].why
