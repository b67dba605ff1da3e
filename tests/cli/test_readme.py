"""README.md says what is true: its commands, its example and its map."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text("utf-8")


def test_the_two_commands_come_first(readme: str) -> None:
    block = re.findall(r"(?:^    .*\n)+", readme, re.M)[0]
    commands = [line.partition("#")[0].strip() for line in block.splitlines()]
    assert commands == ["python -m pip install . && fakepersonalize demo", "python -m pip install tox && tox"]


def test_the_example_recommends_five_films(readme: str, run: Any) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.S)
    ran = run("-P", "-c", example, cwd=ROOT)
    assert (ran.returncode, ran.stderr) == (0, "")
    items = ast.literal_eval(ran.stdout)
    assert len({item["itemId"] for item in items}) == 5


def test_it_leads_to_every_page_and_to_nothing_else(readme: str) -> None:
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    assert set(re.findall(r"\]\((?!https:)([^)]+)\)", readme)) == pages


def test_files_and_folders_that_it_names_exist(readme: str) -> None:
    section = readme.split("## Where things are")[1]
    named = re.findall(r"^\| `([^`]+)`", section, re.M)
    assert len(named) > 3
    assert [path for path in named if not (ROOT / path).exists()] == []
