"""A tenth of what `benchmarks/hardening/foreign.py` sends: foreign combinations of headers, all of them refused."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakepersonalize.server import Server, running
from fakepersonalize.settings import Settings

TOOL = Path(__file__).parents[2] / "benchmarks" / "hardening" / "foreign.py"
COUNT = 100


@pytest.fixture(scope="module")
def foreign() -> Any:
    spec = importlib.util.spec_from_file_location("foreign", TOOL)
    assert spec
    assert spec.loader
    module = sys.modules["foreign"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def served() -> Iterator[Server]:
    with running(Settings(port=0)) as server:
        yield server


@pytest.mark.parametrize("seed", [1, 2])
def test_foreign_combinations_are_refused_and_change_nothing(foreign: Any, served: Server, seed: int) -> None:
    before = foreign.state(served.url)
    assert foreign.passed(served.url, COUNT, seed) == []
    assert foreign.state(served.url) == before


def test_the_combinations_are_many_and_repeatable(foreign: Any) -> None:
    made = list(foreign.combinations(COUNT, 1, 80))
    assert made == list(foreign.combinations(COUNT, 1, 80))
    assert len(set(map(repr, made))) > 0.9 * COUNT


def test_the_tool_sees_what_passes(foreign: Any, served: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fakepersonalize.frontdoor.websites.is_foreign", lambda *_: False)
    assert len(foreign.passed(served.url, COUNT, 1)) > COUNT / 4
