"""CSV files: good ones come back equal, bad ones with AWS's sentence and a hint, in bounded memory."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakepersonalize import errors
from fakepersonalize.datasets import csv_rows
from fakepersonalize.datasets.schema import Column, Schema
from fakepersonalize.datasets.values import arrow_schema
from fakepersonalize.errors import Cancelled, JobFailed

IDS = (Column("USER_ID", "string"), Column("ITEM_ID", "string"), Column("TIMESTAMP", "long"))
PLAIN = Schema("INTERACTIONS", IDS)
WIDE = Schema(
    "ITEMS",
    (
        Column("ITEM_ID", "string"),
        Column("genres", "string", nullable=True, categorical=True),
        Column("Text", "string", nullable=True, textual=True),
        Column("YEAR", "int", nullable=True),
        Column("CREATION_TIMESTAMP", "long"),
        Column("PRICE", "float", nullable=True),
        Column("RATING", "double", nullable=True),
        Column("NEW", "boolean", nullable=True),
    ),
)
HEADER = b"USER_ID,ITEM_ID,TIMESTAMP\n"


def rows(*files: bytes, schema: Schema = PLAIN) -> list[dict[str, Any]]:
    batches = csv_rows.read([io.BytesIO(file) for file in files], schema)
    return [row for batch in batches for row in batch.to_pylist()]


def failure(*files: bytes, schema: Schema = PLAIN) -> JobFailed:
    with pytest.raises(JobFailed) as caught:
        rows(*files, schema=schema)
    return caught.value


def outcome(data: bytes, schema: Schema) -> object:
    try:
        return rows(data, schema=schema)
    except JobFailed as reason:
        return reason.text()


# What is accepted.


def random_row(chance: random.Random) -> dict[str, Any]:
    def string() -> str:
        return "".join(chance.choices('ab,"\\ |#é人😀\t;\ufeff', k=chance.randint(1, 12)))

    def maybe(value: Any) -> Any:
        return None if chance.random() < 0.2 else value

    return {
        "ITEM_ID": string(),
        "genres": maybe(string()),
        "Text": maybe(string()),
        "YEAR": maybe(chance.randint(-(2**31), 2**31 - 1)),
        "CREATION_TIMESTAMP": chance.randint(-(2**63), 2**63 - 1),
        "PRICE": maybe(float(np.float32(chance.gauss(0, 1e3)))),
        "RATING": maybe(chance.gauss(0, 1e3)),
        "NEW": maybe(chance.random() < 0.5),
    }


def written(table: list[dict[str, Any]], **style: Any) -> bytes:
    """Write rows as the csv module does; backslashes within values are escaped, as Personalize wants them."""
    out = io.StringIO()
    writer = csv.writer(out, **style)
    writer.writerow(table[0])
    for row in table:
        writer.writerow([_cell(value) for value in row.values()])
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return value.replace("\\", "\\\\") if isinstance(value, str) else value


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\n\n"])
def test_rows_come_back_as_the_csv_module_wrote_them(seed: int, line_end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    table = [random_row(chance) for _ in range(50)]
    monkeypatch.setattr(csv_rows, "CHUNK_BYTES", chance.choice([64, 1000, 2 << 20]))
    assert rows(written(table, lineterminator=line_end), schema=WIDE) == table


def test_rows_come_back_as_pandas_wrote_them_index_and_all(tmp_path: Path) -> None:
    chance = random.Random(3)
    table = [{key: value for key, value in random_row(chance).items() if key != "NEW"} for _ in range(500)]
    frame = pd.DataFrame(table).sample(frac=1, axis="columns", random_state=1).astype({"YEAR": "Int64"})
    frame.to_csv(tmp_path / "items.csv", escapechar="\\")
    schema = Schema("ITEMS", WIDE.columns[:-1])
    batches = list(csv_rows.read([tmp_path / "items.csv"], schema))
    assert pa.Table.from_batches(batches).to_pylist() == table


def test_batches_have_the_arrow_schema_of_the_dataset() -> None:
    batch = next(csv_rows.read([io.BytesIO(written([random_row(random.Random(1))]))], WIDE))
    assert batch.schema == arrow_schema(WIDE)
    assert [str(field.type) for field in batch.schema] == [
        "string",
        "string",
        "string",
        "int32",
        "int64",
        "float",
        "double",
        "bool",
    ]
    assert [field.nullable for field in batch.schema] == [column.nullable for column in WIDE.columns]


@pytest.mark.parametrize(
    "data",
    [
        b"user_id,Item_Id,timestamp\nu,i,1\n",
        b"TIMESTAMP,ITEM_ID,USER_ID\n1,i,u\n",
        b"\xef\xbb\xbfUSER_ID,ITEM_ID,TIMESTAMP\nu,i,1",
        b",USER_ID,ITEM_ID,TIMESTAMP,,\n0,u,i,1,x,y\n",
        b'USER_ID,"a, b",ITEM_ID,TIMESTAMP\nu,"x,y",i,1\n',
        HEADER + b'\n"u","i","1"\n\n',
        HEADER + b"u,i, 1 \r\r\n",
    ],
)
def test_headers_and_line_ends_are_taken_as_programs_write_them(data: bytes) -> None:
    assert rows(data) == [{"USER_ID": "u", "ITEM_ID": "i", "TIMESTAMP": 1}]


def test_quotes_are_escaped_by_backslash_or_by_doubling() -> None:
    data = HEADER + b'"a\\"b","a""b",1\na\\\\,"\\\\,",2\n'
    assert [(row["USER_ID"], row["ITEM_ID"]) for row in rows(data)] == [('a"b', 'a"b'), ("a\\", "\\,")]


def test_empty_values_are_null_and_the_word_null_is_data() -> None:
    schema = Schema("USERS", (Column("USER_ID", "string"), Column("JOB", "string", nullable=True)))
    table = rows(b'USER_ID,JOB\nu,\nu,""\nu,null\nu,NA\n', schema=schema)
    assert [row["JOB"] for row in table] == [None, None, "null", "NA"]


def test_several_files_follow_each_other() -> None:
    assert [row["USER_ID"] for row in rows(HEADER + b"a,i,1\n", b"", HEADER, HEADER + b"b,i,1\nc,i,1")] == [
        "a",
        "b",
        "c",
    ]


def test_characters_are_counted_not_bytes() -> None:
    user = "é" * 256
    assert rows(HEADER + f"{user},i,1\n".encode())[0]["USER_ID"] == user


@pytest.mark.parametrize(("letter", "kept"), [("a", 20_000), ("é", 20_000), ("人", 7_000), ("か", 7_000)])
def test_textual_values_are_cut_not_refused(letter: str, kept: int) -> None:
    schema = Schema("ITEMS", (Column("ITEM_ID", "string"), Column("TEXT", "string", textual=True)))
    short, long = letter * 6_999, letter * 30_000
    table = rows(f"ITEM_ID,TEXT\n1,{short}\n2,{long}\n".encode(), schema=schema)
    assert [row["TEXT"] for row in table] == [short, letter * kept]


# What is refused.


@pytest.mark.parametrize("number", [b"0x1F", b"-0X1f", b"+0x1", b" 0x10 ", b'"0x1F"'])
def test_hexadecimal_numbers_are_no_numbers(number: bytes) -> None:
    text = failure(HEADER + b"0x1F,x0,1\nu,i," + number + b"\n").text()
    assert text.startswith("Invalid value for column TIMESTAMP at line 3.")
    assert "whole number of 64 bits" in text


def test_ids_may_look_like_hexadecimal_numbers() -> None:
    assert rows(HEADER + b"0x1F,0X1F,1\n")[0]["USER_ID"] == "0x1F"


@pytest.mark.parametrize("line", [b"USER_ID,i,1", b"u,EVENT_TYPE,1", b"u,TIMESTAMP,1"])
def test_names_of_columns_are_no_values(line: bytes) -> None:
    reason = failure(HEADER + b"u,i,1\n" + line + b"\n")
    assert "at line 3." in reason.message
    assert "reserved" in reason.text()


def test_names_of_columns_in_other_letters_or_longer_texts_are_values() -> None:
    assert len(rows(HEADER + b"user_id,USER_IDS,1\nu,GENRES,1\n")) == 2


@pytest.mark.parametrize(
    ("header", "warnings"),
    [
        ('"USER_ID","ITEM_ID","TIMESTAMP"', (errors.QUOTED_HEADER,)),
        ('USER_ID,ITEM_ID,"TIMESTAMP"', (errors.QUOTED_HEADER,)),
        ('\ufeff"USER_ID","ITEM_ID","TIMESTAMP"', (errors.QUOTED_HEADER,)),
        ("USER_ID,ITEM_ID,TIMESTAMP", ()),
    ],
)
def test_quotes_in_the_header_are_taken_with_a_warning(tmp_path: Path, header: str, warnings: tuple[str, ...]) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(f"{header}\nu,i,1\n", "utf-8")
    imported = csv_rows.spool_parquet([file], PLAIN, tmp_path / "rows.parquet", minimum_rows=0)
    assert imported == csv_rows.Imported(1, warnings)


MISSING_ALL = "Input CSV is missing the following columns:[USER_ID, ITEM_ID, TIMESTAMP]."


@pytest.mark.parametrize(
    ("data", "sentence", "hint"),
    [
        (b"USER_ID\nu\n", "Input CSV is missing the following columns:[ITEM_ID, TIMESTAMP].", "it reads 'USER_ID'"),
        (b"userId,itemId,time stamp\nu,i,1\n", MISSING_ALL, "userId, itemId, time stamp"),
        (b'"USER_ID,ITEM_ID,TIMESTAMP"\nu,i,1\n', MISSING_ALL, """it reads '"USER_ID,ITEM_ID,TIMESTAMP"'"""),
        (b"USER_ID;ITEM_ID;TIMESTAMP\nu;i;1\n", MISSING_ALL, "separated by ';'"),
        (b"u1,i1,1700000000\n", MISSING_ALL, "it reads 'u1,i1,1700000000'"),
        (b"\n" + HEADER, MISSING_ALL, "empty"),
        (b"\x1f\x8b\x08\x00\n\x00", MISSING_ALL, "gzip"),
        (b'"USER_ID,ITEM_ID,TIMESTAMP\nu,i,1\n', MISSING_ALL, """it reads '"USER_ID,ITEM_ID,TIMESTAMP'"""),
        (b"PAR1\x15\x04", MISSING_ALL, "Parquet"),
        ("\ufeffUSER_ID,ITEM_ID,TIMESTAMP\n".encode("utf-16"), MISSING_ALL, "UTF-16"),
        (
            b"USER_ID,user_id,ITEM_ID,TIMESTAMP\n",
            "Input CSV has the following columns more than once:[USER_ID].",
            "case",
        ),
        (b",".join(b"c%d" % n for n in range(1_000_000)), "Input CSV is malformed at line 1.", "65536 bytes"),
        (b"", "No data found at the given location.", "empty"),
        (HEADER, "No data found at the given location.", "no rows"),
        (HEADER + b"\r\n\n", "No data found at the given location.", "no rows"),
    ],
)
def test_files_without_header_or_rows_are_refused(data: bytes, sentence: str, hint: str) -> None:
    reason = failure(data)
    assert reason.message == sentence
    assert hint in (reason.hint or "")


def test_no_file_at_all_is_no_data() -> None:
    assert failure().message == "No data found at the given location."


def test_files_with_different_headers_are_refused() -> None:
    reason = failure(HEADER + b"u,i,1\n", b"ITEM_ID,USER_ID,TIMESTAMP\ni,u,1\n")
    assert reason.message == "Input CSV files must have identical headers."


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("TIMESTAMP", "1.0", "whole number"),
        ("TIMESTAMP", "2020-01-01", "seconds since 1970"),
        ("TIMESTAMP", "9223372036854775808", "64 bits"),
        ("TIMESTAMP", "", "does not list null"),
        ("USER_ID", "", "does not list null"),
        ("YEAR", "2147483648", "32 bits"),
        ("PRICE", "1.2.3", "4.5"),
        ("PRICE", "NaN", "neither infinite"),
        ("PRICE", "1e39", "neither infinite"),
        ("RATING", "cheap", "4.5"),
        ("NEW", "True", "lower case"),
        ("NEW", "1", "lower case"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_column_line_and_rule(column: str, value: str, rule: str) -> None:
    optional = tuple(each for each in WIDE.columns if each.name in ("YEAR", "PRICE", "RATING", "NEW"))
    schema = Schema("INTERACTIONS", IDS + optional)
    names = [each.name for each in schema.columns]
    good = {"USER_ID": "u", "ITEM_ID": "i", "TIMESTAMP": "1"}
    lines = [",".join(row.get(name, "") for name in names) for row in (good, good | {column: value}, good)]
    reason = failure("\n".join([",".join(names), *lines]).encode(), schema=schema)
    assert reason.message == f"Invalid value for column {column} at line 3."
    assert reason.hint is not None
    assert reason.hint.startswith(f"{column}: ")
    assert rule in reason.hint
    assert reason.hint.endswith(f"line 3 ({value!r})" if value else "line 3 (empty)")


@pytest.mark.parametrize(
    ("line", "sentence", "rule"),
    [
        (b"u,i", "Input CSV is malformed at line 2.", "2 values where the header has 3"),
        (b"u,i,1,x", "Input CSV is malformed at line 2.", "4 values where the header has 3"),
        (b'u,"i\ni",1', "Input CSV is malformed at line 2.", "line breaks"),
        (b'u,i,"1', "Input CSV is malformed at line 2.", "no partner"),
        (b'"u,i,1', "Input CSV is malformed at line 2.", "no partner"),
        (b"u,i,1\\", "Input CSV is malformed at line 2.", "backslash"),
        (b"u,i,1\\\n", "Input CSV is malformed at line 2.", "backslash"),
        (b"u\xff,i,1", "Invalid value for column USER_ID at line 2.", "UTF-8"),
        (b"u," + b"i" * 257 + b",1", errors.LONG_VALUE.format(limit=256, column="ITEM_ID"), "at most 256 characters"),
    ],
)
def test_a_broken_line_is_refused(line: bytes, sentence: str, rule: str) -> None:
    reason = failure(HEADER + line + b"\nu,i,1\n")
    assert reason.message == sentence
    assert rule in (reason.hint or "")
    assert "line 2" in (reason.hint or "")


def test_plain_strings_end_at_a_thousand_characters() -> None:
    schema = Schema("INTERACTIONS", (*IDS, Column("IMPRESSION", "string", nullable=True)))
    header, items = b"USER_ID,ITEM_ID,TIMESTAMP,IMPRESSION\n", b"|".join([b"i"] * 501)
    assert len(rows(header + b"u,i,1," + items[:1000], schema=schema)) == 1
    reason = failure(header + b"u,i,1," + items, schema=schema)
    assert reason.message.startswith("Length cannot be more than 1000 characters for IMPRESSION. ")


@pytest.mark.parametrize("value", [0, 11])
def test_the_value_of_an_action_lies_between_one_and_ten(value: int) -> None:
    schema = Schema("ACTIONS", (Column("ACTION_ID", "string"), Column("VALUE", "long", nullable=True)))
    assert len(rows(b"ACTION_ID,VALUE\na,1\nb,10\nc,\n", schema=schema)) == 3
    assert "from 1 to 10" in (failure(f"ACTION_ID,VALUE\na,{value}\n".encode(), schema=schema).hint or "")


def test_the_first_five_offending_lines_are_named_wherever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "CHUNK_BYTES", 200)
    bad = {7, 8, 400, 999, 1500, 1501}
    lines = [b"u,i,x" if number in bad else b"u,i,1" for number in range(2, 2001)]
    reason = failure(HEADER + b"\n".join(lines))
    assert reason.message == "Invalid value for column TIMESTAMP at line 7."
    assert reason.hint is not None
    assert [int(word) for word in reason.hint.replace(",", " ").split() if word.isdigit() and word != "64"][-5:] == [
        7,
        8,
        400,
        999,
        1500,
    ]


def test_no_rows_are_handed_out_behind_an_offending_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "CHUNK_BYTES", 60)
    data = HEADER + b"u,i,1\n" * 50 + b"u,i,x\n" + b"u,i,2\n" * 50
    times: set[int] = set()

    def collect() -> None:
        for batch in csv_rows.read([io.BytesIO(data)], PLAIN):
            times.update(batch["TIMESTAMP"].to_pylist())

    with pytest.raises(JobFailed):
        collect()
    assert times == {1}


def test_offending_lines_of_several_files_name_their_file(tmp_path: Path) -> None:
    for name, line in (("a.csv", b"u,i,1\n"), ("b.csv", b"u,i,1\nu,i,\n")):
        (tmp_path / name).write_bytes(HEADER + line)
    with pytest.raises(JobFailed) as caught:
        list(csv_rows.read([tmp_path / "a.csv", str(tmp_path / "b.csv")], PLAIN))
    assert "line 3 of b.csv (empty)" in (caught.value.hint or "")


@pytest.mark.parametrize("seed", range(8))
def test_where_a_file_is_cut_makes_no_difference(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    ended: dict[type, int] = {list: 0, str: 0}
    for _ in range(40):
        data = bytearray(written([random_row(chance) for _ in range(12)], lineterminator=chance.choice(["\n", "\r\n"])))
        body = data.index(b"\n") + 1
        for _ in range(chance.randint(0, 2)):
            data[chance.randrange(body, len(data))] = chance.choice(b'\n\r",\\a1\xff\xef\x00')
        monkeypatch.setattr(csv_rows, "CHUNK_BYTES", 2 << 20)
        whole = outcome(bytes(data), WIDE)
        monkeypatch.setattr(csv_rows, "CHUNK_BYTES", chance.randint(1, 300))
        assert outcome(bytes(data), WIDE) == whole
        ended[type(whole)] += 1
    assert min(ended.values()) > 0


@pytest.mark.parametrize("seed", range(4))
def test_any_bytes_end_in_rows_or_in_a_reason(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(200):
        data = bytes(chance.choices(b'ui1,,,\n\n"\\\r\x00\xff \xef\xbb\xbf', k=chance.randint(0, 60)))
        assert isinstance(outcome(HEADER + data, PLAIN), list | str)
        assert isinstance(outcome(data, PLAIN), str)


class OneLine(io.RawIOBase):
    """A gigabyte after a header without a single line end, made as it is read."""

    def __init__(self, size: int = 1 << 30) -> None:
        self.at, self.end, self.taken = 0, size, 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = offset if whence == io.SEEK_SET else self.end + offset
        return self.at

    def read(self, size: int = -1) -> bytes:
        data = HEADER[self.at : self.at + size].ljust(min(size, self.end - self.at), b"x")
        self.at += len(data)
        self.taken += len(data)
        return data


def test_a_line_of_a_gigabyte_is_refused_without_being_read() -> None:
    stream = OneLine()
    with pytest.raises(JobFailed) as caught:
        list(csv_rows.read([stream], PLAIN))  # type: ignore[list-item]
    assert caught.value.message == "Input CSV is malformed at line 2."
    assert "longer than 16 MiB" in (caught.value.hint or "")
    assert stream.taken < 20 << 20


def test_a_row_of_a_million_values_is_refused() -> None:
    assert "1000001 values where the header has 3" in (failure(HEADER + b"," * 1_000_000).hint or "")


# Into Parquet.


@pytest.fixture
def thousand(tmp_path: Path) -> Path:
    path = tmp_path / "thousand.csv"
    path.write_bytes(HEADER + b"".join(b"u%d,i%d,%d\n" % (n % 50, n % 7, 1_700_000_000 + n) for n in range(1000)))
    return path


def test_rows_are_spooled_into_one_parquet_file_in_order(thousand: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(csv_rows, "GROUP_BYTES", 5000)
    shares: list[float] = []
    target = thousand.with_suffix(".parquet")
    imported = csv_rows.spool_parquet([thousand, thousand], PLAIN, target, shares.append)
    assert imported == csv_rows.Imported(rows=2000)
    table = pq.read_table(target)
    assert table.schema.equals(arrow_schema(PLAIN))
    assert table.to_pylist() == rows(thousand.read_bytes()) * 2
    assert shares == sorted(shares)
    assert 0.9 < shares[-1] <= 1.0
    assert pq.ParquetFile(target).num_row_groups > 1


def test_parquet_gives_ids_as_codes(thousand: Path) -> None:
    target = thousand.with_suffix(".parquet")
    csv_rows.spool_parquet([thousand], PLAIN, target)
    codes = pq.read_table(target, read_dictionary=["USER_ID"])["USER_ID"].unify_dictionaries().chunk(0)
    assert pa.types.is_dictionary(codes.type)
    assert codes.to_pylist() == [row["USER_ID"] for row in rows(thousand.read_bytes())]
    assert len(codes.dictionary) == 50
    ids, _, times = (pq.ParquetFile(target).metadata.row_group(0).column(place) for place in range(3))
    assert "RLE_DICTIONARY" in ids.encodings
    assert "DELTA_BINARY_PACKED" in times.encodings


def test_nulls_and_every_type_survive_parquet(tmp_path: Path) -> None:
    chance = random.Random(5)
    table = [random_row(chance) for _ in range(300)]
    (tmp_path / "items.csv").write_bytes(written(table))
    csv_rows.spool_parquet([tmp_path / "items.csv"], WIDE, tmp_path / "items.parquet")
    assert pq.read_table(tmp_path / "items.parquet").to_pylist() == table


def test_fewer_than_a_thousand_interactions_are_refused_unless_told_otherwise(thousand: Path) -> None:
    lines = thousand.read_bytes().splitlines(keepends=True)
    thousand.write_bytes(b"".join(lines[:-1]))
    target = thousand.with_suffix(".parquet")
    with pytest.raises(JobFailed) as caught:
        csv_rows.spool_parquet([thousand], PLAIN, target)
    assert caught.value.message == "Dataset has fewer than 1000 interactions."
    assert not target.exists()
    assert csv_rows.spool_parquet([thousand], PLAIN, target, minimum_rows=999).rows == 999
    users = Schema("USERS", PLAIN.columns)
    assert csv_rows.spool_parquet([thousand], users, target).rows == 999


def test_a_failed_import_leaves_no_file(thousand: Path) -> None:
    thousand.write_bytes(thousand.read_bytes() + b"u,i,x\n")
    target = thousand.with_suffix(".parquet")
    with pytest.raises(JobFailed):
        csv_rows.spool_parquet([thousand], PLAIN, target)
    assert not target.exists()


def test_a_cancelled_import_stops_and_leaves_no_file(thousand: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "CHUNK_BYTES", 1000)
    calls: Iterator[float] = iter([0.1, 0.2])

    def tick(share: float) -> None:
        if next(calls, None) is None:
            raise Cancelled

    target = thousand.with_suffix(".parquet")
    with pytest.raises(Cancelled):
        csv_rows.spool_parquet([thousand], PLAIN, target, tick)
    assert not target.exists()


def test_milliseconds_are_taken_with_a_warning(thousand: Path) -> None:
    target = thousand.with_suffix(".parquet")
    thousand.write_bytes(thousand.read_bytes() + b"u,i,1700000000000\n")
    imported = csv_rows.spool_parquet([thousand], PLAIN, target)
    assert imported.rows == 1001
    assert len(imported.warnings) == 1
    assert imported.warnings[0].startswith("TIMESTAMP")
    assert "milliseconds" in imported.warnings[0]


# What is left out.

FILMS = Schema("ITEMS", (Column("ITEM_ID", "string"), Column("YEAR", "int"), Column("CREATION_TIMESTAMP", "long")))


def films(amount: int, *odd: bytes) -> bytes:
    """Return so many good films, and odd ones behind the tenth."""
    good = [b"f%d,19%02d,1600000000" % (number, number % 100) for number in range(amount)]
    return b"\n".join([b"ITEM_ID,YEAR,CREATION_TIMESTAMP", *good[:10], *odd, *good[10:]]) + b"\n"


ODD = (b"a,,1600000000", "b,2006\u20132007,1600000000".encode())


def test_a_few_items_with_impossible_values_in_own_columns_are_left_out(tmp_path: Path) -> None:
    imported = csv_rows.spool_parquet([io.BytesIO(films(200, *ODD))], FILMS, tmp_path / "films.parquet")
    assert imported.rows == 200
    assert imported.warnings[0].startswith("2 rows were left out")
    assert "line 12 (empty)" in imported.warnings[0]
    assert "line 13 ('2006\u20132007')" in imported.warnings[0].replace('"', "'")
    assert {"a", "b"}.isdisjoint(pq.read_table(tmp_path / "films.parquet")["ITEM_ID"].to_pylist())


def test_more_than_one_in_a_hundred_or_than_a_hundred_is_too_much() -> None:
    assert "YEAR" in failure(films(199, *ODD), schema=FILMS).message
    assert len(rows(films(20_000, *ODD * 50), schema=FILMS)) == 20_000
    assert "YEAR" in failure(films(20_000, *ODD * 50, ODD[0]), schema=FILMS).message


@pytest.mark.parametrize("odd", [b",1999,1600000000", b"a,1999,", b"a,1999,soon", b"a,1999"])
def test_nothing_is_forgiven_in_columns_of_the_service(odd: bytes) -> None:
    failure(films(1000, odd), schema=FILMS)


def test_nothing_is_forgiven_in_interactions(thousand: Path) -> None:
    own = Schema("INTERACTIONS", (*IDS, Column("PLACE", "int")))
    lines = thousand.read_bytes().replace(b"\n", b",1\n").replace(b"TIMESTAMP,1", b"TIMESTAMP,PLACE", 1)
    assert "PLACE" in failure(lines + b"u,i,1600000000,here\n", schema=own).message
