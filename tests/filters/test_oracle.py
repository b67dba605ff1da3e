"""Generated filters against the same questions asked of DuckDB: the generator writes both texts, side by side.

FAKEPERSONALIZE_FILTER_CASES sets how many.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pytest

from fakepersonalize.datasets.schema import Column
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.filters.columns import column
from fakepersonalize.filters.evaluate import Candidates, FilterContext, compile_filter, newest

CASES = int(os.environ.get("FAKEPERSONALIZE_FILTER_CASES", "10000"))
WORLDS = 10
A_QUERY = 100  # expressions
WINDOW = 3
ROWS = 25  # of users, items and actions

SETS = ["Comedy", "Drama", "Film-Noir", "購入", "sci fi"]
TEXTS = ["x", "X", 'say "hi"', "it's", "a, b", "back\\slash", "", "10", "$P", "AND"]
NUMBERS = [-2, 0, 1, 2, 3, 1970, 2.5, 9007199254740993]
TYPES = ["click", "Click", "watch", "Not Taken", "not_taken", "Ünder"]

COLUMNS = {
    "ITEMS": {"GENRE": "categorical", "CITY": "text", "YEAR": "long", "PRICE": "double"},
    "USERS": {"GROUPS": "categorical", "CITY": "text", "AGE": "long"},
    "ACTIONS": {"KIND": "categorical", "VALUE": "long"},
}
SUBJECTS = {
    "ItemID": ("ITEMS", "INTERACTIONS"),
    "UserID": ("USERS", "INTERACTIONS"),
    "ActionID": ("ACTIONS", "ACTION_INTERACTIONS"),
}
SQL_TYPES = {"categorical": "VARCHAR[]", "text": "VARCHAR", "long": "BIGINT", "double": "DOUBLE"}

FIELDS = {
    dataset: [
        Column(name, "string" if kind in ("categorical", "text") else kind, True, kind == "categorical")
        for name, kind in columns.items()
    ]
    for dataset, columns in COLUMNS.items()
} | {events: [Column("EVENT_TYPE", "string")] for events in ("INTERACTIONS", "ACTION_INTERACTIONS")}


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def listed(texts: list[str]) -> str:
    return "[" + ", ".join(map(quoted, texts)) + "]::VARCHAR[]"


@dataclass
class World:
    """Random rows, in Python and in DuckDB; code n is row n, and who has no row has no metadata."""

    random: random.Random
    rows: dict[str, list[dict[str, Any] | None]] = field(default_factory=dict)
    events: dict[str, list[tuple[int, int, str]]] = field(default_factory=dict)  # user, code, type; oldest first

    def __post_init__(self) -> None:
        self.database = duckdb.connect(":memory:", config={"threads": 1})
        self.database.execute("PRAGMA disable_optimizer")  # tables are small, expressions are not
        for dataset, columns in COLUMNS.items():
            self.rows[dataset] = [self._row(columns) for _ in range(ROWS)]
            self._store(dataset)
        for name in ("INTERACTIONS", "ACTION_INTERACTIONS"):
            draws = range(self.random.randrange(400))
            self.events[name] = [
                (self.random.randrange(ROWS), self.random.randrange(ROWS), self.random.choice(TYPES)) for _ in draws
            ]
            self._store_events(name)

    def _row(self, columns: dict[str, str]) -> dict[str, Any] | None:
        if self.random.random() < 0.1:
            return None
        return {name: None if self.random.random() < 0.15 else self._value(kind) for name, kind in columns.items()}

    def _value(self, kind: str) -> Any:
        if kind == "categorical":
            bar = self.random.choice(["|", " | ", "| "])
            return bar.join(self.random.sample(SETS, self.random.randint(1, 3)))
        if kind == "text":
            return self.random.choice(TEXTS)
        numbers = [value for value in NUMBERS if (value < 2**53 if kind == "double" else isinstance(value, int))]
        return self.random.choice(numbers)

    def _store(self, dataset: str) -> None:
        columns = COLUMNS[dataset]
        raw = ", ".join(f"{name} {SQL_TYPES[kind].removesuffix('[]')}" for name, kind in columns.items())
        self.database.execute(f"CREATE TABLE raw_{dataset} (code INTEGER, there BOOLEAN, {raw})")
        for code, row in enumerate(self.rows[dataset]):
            values = [code, row is not None, *(row[name] if row else None for name in columns)]
            self.database.execute(f"INSERT INTO raw_{dataset} VALUES ({', '.join('?' * len(values))})", values)
        split = r"string_split(regexp_replace(trim({0}), ' *\| *', '|', 'g'), '|') AS {0}"
        names = ", ".join(split.format(name) if kind == "categorical" else name for name, kind in columns.items())
        self.database.execute(f"CREATE TABLE {dataset} AS SELECT code, there, {names} FROM raw_{dataset}")

    def _store_events(self, name: str) -> None:
        self.database.execute(f"CREATE TABLE raw_{name} (n INTEGER, user_ INTEGER, code INTEGER, type VARCHAR)")
        rows = [(n, *event) for n, event in enumerate(self.events[name])]
        if rows:
            self.database.executemany(f"INSERT INTO raw_{name} VALUES (?, ?, ?, ?)", rows)
        spelling = "replace(lower(type), ' ', '_')" if name == "ACTION_INTERACTIONS" else "lower(type)"
        self.database.execute(
            f"CREATE TABLE {name} AS SELECT user_, code, {spelling} AS type FROM raw_{name} "
            f"QUALIFY row_number() OVER (PARTITION BY user_, {spelling} ORDER BY n DESC) <= {WINDOW}"
        )

    def candidates(self, dataset: str) -> Candidates:
        rows = self.rows[dataset]
        return Candidates(
            len(rows),
            {
                field.name: column(field, [row[field.name] if row else None for row in rows])
                for field in FIELDS[dataset]
            },
        )

    def seen(self, subject: str, user: int) -> dict[str, np.ndarray]:
        """Return the events that count, as the server would gather them."""
        dataset, name = SUBJECTS[subject]
        by_type: dict[str, list[np.ndarray]] = {}
        for who in range(ROWS) if dataset == "USERS" else [user]:
            rows = [event for event in self.events[name] if event[0] == who]
            codes = np.array([who if dataset == "USERS" else code for _, code, _ in rows], np.int32)
            types = np.array([TYPES.index(type_) for _, _, type_ in rows], np.int32)
            for type_, (_, found) in newest(name, np.zeros(len(rows), int), codes, types, TYPES, WINDOW).items():
                by_type.setdefault(type_, []).append(found)
        return {type_: np.concatenate(found) for type_, found in by_type.items()}

    def ask(self, subject: str, user: int, item: int | None, conditions: list[str]) -> np.ndarray:
        """Return what DuckDB answers, a row for each candidate and a column for each condition."""
        dataset, name = SUBJECTS[subject]
        other = "e.user_ = c.code" if dataset == "USERS" else f"e.code = c.code AND e.user_ = {user}"
        group = ", ".join(["c.code", *(f"c.{column}" for column in COLUMNS[dataset])])
        group += "".join(f", cu.{column}" for column in ["there", *COLUMNS["USERS"]])
        group += "".join(f", ci.{column}" for column in COLUMNS["ITEMS"])
        rows = self.database.execute(
            f"SELECT {', '.join(f'({condition}) AS c{n}' for n, condition in enumerate(conditions))} FROM {dataset} c "
            f"LEFT JOIN {name} e ON {other} LEFT JOIN USERS cu ON cu.code = {user} "
            f"LEFT JOIN ITEMS ci ON ci.code = {-1 if item is None else item} GROUP BY {group} ORDER BY c.code"
        ).fetchall()
        return np.array(rows, bool)


@dataclass
class Case:
    """A filter as a client would write it, and what it means in SQL."""

    subject: str
    random: random.Random
    values: dict[str, str] = field(default_factory=dict)
    lacks: bool = False  # a parameter of an INCLUDE has no value
    names: int = 0

    def __post_init__(self) -> None:
        parts = [self._part() for _ in range(self.random.choice([1, 1, 2, 3]))]
        self.text = self._space("|").join(text for _, text, _, _ in parts)
        included = [(applies, sql) for effect, _, applies, sql in parts if effect == "INCLUDE"]
        excluded = [(applies, sql) for effect, _, applies, sql in parts if effect == "EXCLUDE"]
        either = " OR ".join(f"(({applies}) AND ({sql}))" for applies, sql in included) or "false"
        unasked = " AND ".join(f"NOT ({applies})" for applies, _ in included) or "true"
        barred = " OR ".join(f"(({applies}) AND ({sql}))" for applies, sql in excluded) or "false"
        self.sql = f"(({unasked}) OR {either}) AND NOT ({barred})"

    def _part(self) -> tuple[str, str, str, str]:
        effect = self.random.choice(["INCLUDE", "EXCLUDE"])
        self.absent = False
        dataset = self.random.choice(SUBJECTS[self.subject])
        lines = [[self._condition(dataset) for _ in range(self._few())] for _ in range(self._few())]
        text = self._space("OR").join(self._space("AND").join(text for text, _ in line) for line in lines)
        sql = " OR ".join(" AND ".join(sql for _, sql in line) for line in lines)
        text = f"{self._case(effect)} {self._case(self.subject)}{self._space('WHERE')}{text}"
        applies = "true"
        if self.subject != "UserID" and self.random.random() < 0.3:
            users = [self._test("USERS", "CurrentUser", "cu") for _ in range(self._few())]
            text += self._space("IF") + self._space("AND").join(text for text, _ in users)
            applies = " AND ".join(["coalesce(cu.there, false)", *(sql for _, sql in users)])
        if self.absent and effect == "INCLUDE":
            self.lacks = True
        return effect, text, "false" if self.absent else applies, sql

    def _condition(self, dataset: str) -> tuple[str, str]:
        if dataset in COLUMNS:
            spelled = self.random.choice(["Action", "Actions"]) if dataset == "ACTIONS" else dataset.title()
            return self._test(dataset, spelled, "c")
        negated = self.random.random() < 0.4
        types = self.random.sample([*TYPES, "*", "nowhere"], self._few())
        values = self._operands([self._string(type_) for type_ in types], negated)
        known = [type_.lower() for type_ in types]
        if dataset == "ACTION_INTERACTIONS":
            known = [type_.replace(" ", "_") for type_ in known]
        listing = "e.type" if "*" in types else ", ".join(map(quoted, known))
        sql = f"coalesce(bool_or(e.type {'NOT ' if negated else ''}IN ({listing})), false)"
        return f"{self._case(dataset)}.{self._case('EVENT_TYPE')} {self._in(negated)} ({values})", sql

    def _test(self, dataset: str, spelled: str, row: str) -> tuple[str, str]:
        name, kind = self.random.choice(list(COLUMNS[dataset].items()))
        left = f"{self._case(spelled)}.{self._case(name)}"
        if kind in ("categorical", "text"):
            test = self.random.choice(["IN", "IN", "=", "!="])
        else:
            test = self.random.choice(["IN", "=", "!=", "<", "<=", ">", ">="])
        negated = test == "!=" or (test == "IN" and self.random.random() < 0.4)
        if dataset == "ITEMS" and self.random.random() < 0.2:
            right, sql = self._reference(name, kind, test)
        else:
            right, sql = self._values(f"{row}.{name}", kind, test, negated)
        word = self._in(negated) if test == "IN" else test
        return f"{left} {word} {right}", f"{'NOT ' if negated else ''}coalesce({sql}, false)"

    def _values(self, name: str, kind: str, test: str, negated: bool) -> tuple[str, str]:
        amount = self._few() if test == "IN" else 1
        if kind in ("categorical", "text"):
            values = self.random.sample(SETS if kind == "categorical" else TEXTS, amount)
            texts = [self._string(value) for value in values]
            sql = (
                f"list_has_any({name}, {listed(values)})"
                if kind == "categorical"
                else f"{name} IN {self._in_sql(values)}"
            )
        else:
            numbers = self.random.sample(NUMBERS, amount)
            texts = [self.random.choice([f"{value}", f'"{value}"']) for value in numbers]
            own = ", ".join(map(str, numbers))
            sql = f"{name} IN ({own})" if test == "IN" else f"{name} {'=' if test == '!=' else test} {own}"
        values_text = self._operands(texts, negated and test == "IN")
        return (f"({values_text})" if test == "IN" or self.random.random() < 0.2 else values_text), sql

    def _in_sql(self, values: list[str]) -> str:
        return f"({', '.join(map(quoted, values))})"

    def _reference(self, name: str, kind: str, test: str) -> tuple[str, str]:
        alike = ("categorical", "text") if kind in ("categorical", "text") else ("long", "double")
        others = [(other, its) for other, its in COLUMNS["ITEMS"].items() if its in alike]
        other, its = self.random.choice(others)
        left = f"c.{name}" if kind != "text" else f"[c.{name}]"
        right = f"ci.{other}" if its != "text" else f"[ci.{other}]"
        sign = "=" if test in ("IN", "!=") else test
        sql = f"list_has_any({left}, {right})" if alike[0] == "categorical" else f"{left} {sign} {right}"
        return f"{self._case('CurrentItem')}.{self._case(other)}", sql

    def _operands(self, texts: list[str], literal: bool) -> str:
        """Write values into the expression, or put a parameter there and the values into the request."""
        if literal or self.random.random() < 0.7:
            return self.random.choice([",", ", ", " ,\n"]).join(texts)
        self.names += 1
        if self.random.random() < 0.1:
            self.absent = True
        else:
            self.values[f"p_{self.names}"] = self.random.choice([",", ", "]).join(texts)
        return f"$p_{self.names}"

    def _string(self, text: str) -> str:
        quote = self.random.choice("\"'")
        return quote + text.replace("\\", "\\\\").replace(quote, f"\\{quote}") + quote

    def _in(self, negated: bool) -> str:
        return self._case(self.random.choice(["NOT IN", "NOT_IN", "NOT \n IN"]) if negated else "IN")

    def _case(self, word: str) -> str:
        return self.random.choice([word, word, word.upper(), word.lower()])

    def _space(self, word: str) -> str:
        return self.random.choice([f" {self._case(word)} ", f"\n  {self._case(word)}\t"])

    def _few(self) -> int:
        return self.random.choice([1, 1, 1, 2, 3])


def rounds(seed: int) -> Iterator[tuple[World, str, int, int | None, list[Case]]]:
    """Give a world with a user, an item and filters about one subject, a share of the cases in all."""
    world = World(random.Random(seed))
    left = -(-CASES // WORLDS)
    while left > 0:
        subject = world.random.choice(list(SUBJECTS))
        user, item = world.random.randrange(ROWS), world.random.choice([None, *range(ROWS)])
        amount = min(left, A_QUERY)
        yield world, subject, user, item, [Case(subject, world.random) for _ in range(amount)]
        left -= amount


@pytest.mark.parametrize("seed", range(WORLDS))
def test_generated_filters_keep_what_the_same_question_in_sql_keeps(seed):
    asked, kept = 0, 0
    for world, subject, user, item, cases in rounds(seed):
        answers = world.ask(subject, user, item, [case.sql for case in cases])
        candidates = world.candidates(SUBJECTS[subject][0])
        around = FilterContext.of_one(world.seen(subject, user), world.rows["USERS"][user], item)
        for case, expected in zip(cases, answers.T, strict=True):
            asked += 1
            filter_ = compile_filter(case.text, FIELDS)
            if case.lacks:
                with pytest.raises(InvalidInputException, match="Missing value"):
                    filter_.bind(case.values)
                continue
            mask = filter_.bind(case.values).mask(candidates, around)
            assert mask.tolist() == expected.tolist(), (case.text, case.values, case.sql)
            kept += int(mask.sum())
    assert asked * WORLDS >= CASES
    assert 0.05 < kept / (asked * ROWS) < 0.95, "neither all nor nothing, or the comparison says little"
