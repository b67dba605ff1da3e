"""docs/recipes.md is current, and speaks of all hyperparameters and of tests that there are."""

import ast
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.models import MODELS

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def recipes() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(ROOT / "docs" / "recipes.py")))


def test_the_page_is_current(recipes: SimpleNamespace) -> None:
    assert recipes.PAGE.read_text("utf-8") == recipes.page(), "run: python docs/recipes.py"


def test_every_hyperparameter_has_a_meaning_and_a_test_that_shows_it(recipes: SimpleNamespace) -> None:
    assert {*recipes.MEANINGS} == {each.name for recipe in catalogue.recipes() for each in recipe.parameters}
    for _, test in recipes.MEANINGS.values():
        file, _, name = test.partition("::")
        tree = ast.parse((ROOT / "tests" / "recipes" / file).read_text("utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, test


def test_every_model_and_source_is_explained(recipes: SimpleNamespace) -> None:
    assert {*recipes.MODELS} == {*MODELS}
    assert {*recipes.SOURCES} == catalogue.SOURCES
