"""docs/coverage.md and the README are current, and docs/members.toml names members and tests that there are."""

import ast
import re
import runpy
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest

from fakepersonalize.operations.registry import handlers
from fakepersonalize.protocol.service_models import ServiceModels

ROOT = Path(__file__).resolve().parents[1]
# Defects that are known; the list may only get shorter.
IGNORED: set[str] = set()


@pytest.fixture(scope="module")
def coverage() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(ROOT / "docs" / "coverage.py")))


@cache
def named_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / "client_tests" / file).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test")}


def test_every_member_has_a_row(coverage: SimpleNamespace) -> None:
    assert [f"{each.operation.name}.{each.path}" for each in coverage.members() if each.row is None] == []


def test_the_page_is_current(coverage: SimpleNamespace) -> None:
    assert coverage.PAGE.read_text("utf-8") == coverage.page(), "run: python docs/coverage.py"


def test_the_table_in_the_readme_is_current(coverage: SimpleNamespace) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert coverage.with_table(readme) == readme, "run: python docs/coverage.py"


def test_the_table_counts_every_operation_and_names_the_missing(coverage: SimpleNamespace) -> None:
    counts = re.findall(r"^\| personalize\S* \| (\d+) of (\d+) operations \|", coverage.table(), re.M)
    missing = [operation.name for operation in ServiceModels() if operation.function not in handlers()]
    assert sum(int(all_) for _, all_ in counts) == len(ServiceModels())
    assert sum(int(built) for built, _ in counts) == len(ServiceModels()) - len(missing)
    assert [name for name in missing if name not in coverage.table()] == []


def test_every_row_names_members_that_no_row_above_it_names(coverage: SimpleNamespace) -> None:
    counted = {each.row for each in coverage.members()}
    built = [each for each in coverage.members() if each.operation.function in handlers()]
    for row in coverage.rows():
        assert row.state in coverage.STATES
        assert row in counted, row
        for pattern in row.members:
            assert any(coverage.names(pattern, f"{each.operation.name}.{each.path}") for each in built), pattern


def test_every_test_that_a_row_names_is_there(coverage: SimpleNamespace) -> None:
    for row in coverage.rows():
        file, _, name = row.words.partition("::")
        assert row.state != "honoured" or name in named_in(file), row


def test_no_more_is_ignored_than_is_known(coverage: SimpleNamespace) -> None:
    found = {f"{each.operation.name}.{each.path}" for each in coverage.members() if each.row.state == "ignored"}
    assert found == IGNORED
