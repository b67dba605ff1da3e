"""README.md says what is true: its commands, its example and its table."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def coverage() -> ModuleType:
    spec = importlib.util.spec_from_file_location("coverage_of_operations", ROOT / "docs" / "coverage.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_two_commands_come_first(readme: str) -> None:
    block = re.findall(r"(?:^    .*\n)+", readme, re.M)[0]
    commands = [line.partition("#")[0].strip() for line in block.splitlines()]
    assert commands == ["python -m pip install . && fakepersonalize demo", "python -m pip install tox && tox"]


def test_the_example_recommends_five_films(readme: str, run: Any) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.S)
    ran = run("-P", "-c", example, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    items = ast.literal_eval(ran.stdout)
    assert len({item["itemId"] for item in items}) == 5


def test_the_table_of_what_works_is_current(readme: str, coverage: ModuleType) -> None:
    assert coverage.with_table(readme) == readme, "run: python docs/coverage.py"


def test_the_table_counts_every_operation_and_names_the_missing(coverage: ModuleType) -> None:
    from fakepersonalize.operations.registry import handlers
    from fakepersonalize.protocol.service_models import ServiceModels

    counts = re.findall(r"^\| personalize\S* \| (\d+) of (\d+) operations \|", coverage.table(), re.M)
    missing = [operation.name for operation in ServiceModels() if operation.function not in handlers()]
    assert sum(int(all_) for _, all_ in counts) == len(ServiceModels())
    assert sum(int(built) for built, _ in counts) == len(ServiceModels()) - len(missing)
    assert [name for name in missing if name not in coverage.table()] == []


def test_files_and_folders_that_it_names_exist(readme: str) -> None:
    section = readme.split("## Where things are")[1]
    named = re.findall(r"^\| `([^`]+)`", section, re.M)
    assert len(named) > 3
    assert [path for path in named if not (ROOT / path).exists()] == []
