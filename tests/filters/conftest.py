from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fakepersonalize.datasets.schema import Column
from fakepersonalize.filters.columns import column
from fakepersonalize.filters.evaluate import Candidates, FilterContext, compile_filter, newest

FIXTURES = Path(__file__).parents[2] / "fixtures" / "filters"
DATASETS = {"ItemID": "ITEMS", "UserID": "USERS", "ActionID": "ACTIONS"}


@dataclass(frozen=True)
class World:
    """The shop of world.toml."""

    content: Mapping[str, Any]

    @property
    def fields(self) -> dict[str, list[Column]]:
        return {
            dataset: [
                Column(name, words.split()[0], True, "categorical" in words, "textual" in words)
                for name, words in columns.items()
            ]
            for dataset, columns in self.content["columns"].items()
        }

    def ids(self, dataset: str) -> list[str]:
        return [row[f"{dataset[:-1]}_ID"] for row in self.content[dataset]]

    def candidates(self, dataset: str) -> Candidates:
        rows = self.content[dataset]
        fields = [field for field in self.fields[dataset] if field.type != "boolean" and not field.textual]
        return Candidates(
            len(rows), {field.name: column(field, [row.get(field.name) for row in rows]) for field in fields}
        )

    def events(self, dataset: str, user: str) -> dict[str, np.ndarray]:
        """What filters see: the items or actions of a user, or, of all users, who has such events."""
        name = "ACTION_INTERACTIONS" if dataset == "ACTIONS" else "INTERACTIONS"
        ids = self.ids(dataset)
        rows = [
            (ids.index(who if dataset == "USERS" else what), type_)
            for who, type_, whats in self.content["events"][name]
            for what in whats
            if dataset == "USERS" or who == user
        ]
        names = [type_ for _, type_ in rows]
        found = newest(
            name, np.zeros(len(rows), int), np.array([code for code, _ in rows]), np.arange(len(rows)), names
        )
        return {type_: codes for type_, (_, codes) in found.items()}

    def user(self, id_: str) -> dict[str, Any] | None:
        return next((row for row in self.content["USERS"] if row["USER_ID"] == id_ and len(row) > 1), None)

    def kept(
        self, expression: str, values: Mapping[str, str] | None = None, user: str = "u", item: str | None = "c"
    ) -> list[str]:
        """Return the ids that a filter keeps."""
        filter_ = compile_filter(expression, self.fields)
        dataset = DATASETS[filter_.subject]
        code = self.ids("ITEMS").index(item) if item else None
        around = FilterContext.of_one(self.events(dataset, user), self.user(user), code)
        mask = filter_.bind(values).mask(self.candidates(dataset), around)
        return [id_ for id_, allowed in zip(self.ids(dataset), mask) if allowed]


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((FIXTURES / name).read_text("utf-8"))


@pytest.fixture(scope="session")
def world() -> World:
    return World(read("world.toml"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give `valid` and `invalid` the expressions of the files of that name, each one a test."""
    for name in {"valid", "invalid"} & set(metafunc.fixturenames):
        cases = read(f"{name}.toml")["filter"]
        metafunc.parametrize(name, cases, ids=[str(case["number"]) for case in cases])
