"""docs/coverage.md is current, and what docs/members.toml says of members is about members and tests that there are."""

import ast
import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from fakepersonalize.operations.registry import handlers

ROOT = Path(__file__).resolve().parents[1]
# Defects that are known; the list may only get shorter.
IGNORED: set[str] = set()


@pytest.fixture(scope="module")
def coverage() -> ModuleType:
    spec = importlib.util.spec_from_file_location("coverage_of_members", ROOT / "docs" / "coverage.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def named_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / "client_tests" / file).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test")}


def test_every_member_has_a_row(coverage: ModuleType) -> None:
    assert [f"{each.operation.name}.{each.path}" for each in coverage.members() if each.row is None] == []


def test_the_page_is_current(coverage: ModuleType) -> None:
    assert coverage.PAGE.read_text("utf-8") == coverage.page(), "run: python docs/coverage.py"


def test_every_row_names_members_that_no_row_above_it_names(coverage: ModuleType) -> None:
    counted = {each.row for each in coverage.members()}
    built = [each for each in coverage.members() if each.operation.function in handlers()]
    for row in coverage.rows():
        assert row.state in coverage.STATES
        assert row in counted, row
        for pattern in row.members:
            assert any(coverage.names(pattern, f"{each.operation.name}.{each.path}") for each in built), pattern


def test_every_test_that_a_row_names_is_there(coverage: ModuleType) -> None:
    for row in coverage.rows():
        file, _, name = row.words.partition("::")
        assert row.state != "honoured" or name in named_in(file), row


def test_no_more_is_ignored_than_is_known(coverage: ModuleType) -> None:
    found = {f"{each.operation.name}.{each.path}" for each in coverage.members() if each.row.state == "ignored"}
    assert found == IGNORED
