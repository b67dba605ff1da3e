"""A page costs as much among 10,000 resources as among 100: one query, by an index, counted in SQLite's own steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fakepersonalize.arns import Scope
from fakepersonalize.resources.kinds import DATASET_GROUP, SOLUTION, Kind
from fakepersonalize.resources.shelf import Document, Shelf
from fakepersonalize.storage.metadata import statements

HOME, ABROAD = Scope("111111111111", "us-east-1"), Scope("222222222222", "us-east-1")
FEW, MANY = 100, 10_000


def fill(shelf: Shelf, scope: Scope, amount: int) -> Document:
    """Put so many solutions below one of two groups, turn by turn; return what names the first group."""
    with shelf.database.transaction():
        groups = [shelf.at(scope).add(DATASET_GROUP, name, {}).arn for name in ("films", "books")]
        for number in range(2 * amount):
            shelf.at(scope).add(SOLUTION, f"s{number}", {"datasetGroupArn": groups[number % 2]})
    return {"datasetGroupArn": groups[0]}


@contextmanager
def counted(shelf: Shelf) -> Iterator[list[int]]:
    """Count the steps of SQLite's machine."""
    steps = [0]

    def count() -> int:
        steps[0] += 1
        return 0

    with shelf.database.transaction():  # which lends one connection to all that is asked
        shelf.database._writer.set_progress_handler(count, 1)
        yield steps
        shelf.database._writer.set_progress_handler(None, 0)


def steps_of_a_page(shelf: Shelf, scope: Scope, question: Document, kind: Kind = SOLUTION) -> int:
    with counted(shelf) as steps:
        found, _ = shelf.at(scope).page(kind, question, "ListSolutions")
    assert len(found) == FEW
    return steps[0]


@pytest.fixture
def crowded(shelf: Shelf) -> tuple[Shelf, Document, Document]:
    return shelf, fill(shelf, HOME, FEW), fill(shelf, ABROAD, MANY)


def test_a_page_costs_the_same_among_many(crowded: tuple[Shelf, Document, Document]) -> None:
    shelf, few, many = crowded
    assert steps_of_a_page(shelf, ABROAD, {}) < 1.5 * steps_of_a_page(shelf, HOME, {})
    assert steps_of_a_page(shelf, ABROAD, many) < 1.5 * steps_of_a_page(shelf, HOME, few)
    _, token = shelf.at(ABROAD).page(SOLUTION, many | {"maxResults": 50}, "ListSolutions")
    assert steps_of_a_page(shelf, ABROAD, many | {"nextToken": token}) < 1.5 * steps_of_a_page(shelf, HOME, few)


@pytest.mark.parametrize("statement", ["page", "page_below", "below", "resource", "ancestors", "tags"])
def test_nothing_is_scanned_and_nothing_is_sorted(shelf: Shelf, statement: str) -> None:
    names = ("account", "region", "kind", "before", "size", "ancestor", "arn")
    plan = shelf.database._writer.execute(
        f"EXPLAIN QUERY PLAN {statements()[statement]}", dict.fromkeys(names, 1)
    ).fetchall()
    shown = [row["detail"] for row in plan]
    assert shown
    assert not [line for line in shown if "SCAN" in line or "TEMP B-TREE" in line], shown
