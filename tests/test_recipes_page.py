"""docs/recipes.md is current, and speaks of all hyperparameters and of tests that there are."""

import ast
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.models import MODELS

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def recipes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("page_of_recipes", ROOT / "docs" / "recipes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current(recipes: ModuleType) -> None:
    assert recipes.PAGE.read_text("utf-8") == recipes.page(), "run: python docs/recipes.py"


def test_every_hyperparameter_has_a_meaning_and_a_test_that_shows_it(recipes: ModuleType) -> None:
    assert {*recipes.MEANINGS} == {each.name for recipe in catalogue.recipes() for each in recipe.parameters}
    for _, test in recipes.MEANINGS.values():
        file, _, name = test.partition("::")
        tree = ast.parse((ROOT / "tests" / "recipes" / file).read_text("utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, test


def test_every_model_and_source_is_explained(recipes: ModuleType) -> None:
    assert {*recipes.MODELS} == {*MODELS}
    assert {*recipes.SOURCES} == catalogue.SOURCES
