"""Themes: named after what the items of a list share; the items that have it fit best."""

from __future__ import annotations

import numpy as np
import pytest

from fakepersonalize.recipes.themes import Themes

GENRES = ["crime|noir", "crime", "crime|drama", "comedy", "comedy", None]
TEXTS = [
    "a detective in the rain",
    "the detective and the bank",
    "bank robbers",
    "a dog in space",
    "space pirates",
    "a",
]


@pytest.fixture
def themes() -> Themes:
    return Themes({"GENRES": ("category", GENRES), "PLOT": ("text", TEXTS)}, 6)


def test_a_theme_is_named_after_what_most_items_share(themes: Themes) -> None:
    crime = themes.of(np.array([0, 1, 2]))
    assert crime is not None
    assert crime.title.startswith("crime with ")
    assert {*crime.title.removeprefix("crime with ").split(" and ")} == {"bank", "detective"}
    space = themes.of(np.array([3, 4]))
    assert space is not None
    assert space.title == "comedy with space"


def test_items_that_have_more_of_it_fit_better(themes: Themes) -> None:
    found = themes.of(np.array([0, 1, 2, 3]))
    assert found is not None
    assert found.relevance[1] > found.relevance[3]
    assert np.all(np.abs(found.relevance) <= 1)


def test_items_that_share_nothing_have_no_theme(themes: Themes) -> None:
    for items in ([0, 4], [5], [2, 3]):
        assert themes.of(np.array(items)) is None
    assert Themes({}, 6).of(np.array([0, 1])) is None
    assert themes.of(np.array([], int)) is None


def test_without_categories_words_are_the_theme() -> None:
    found = Themes({"PLOT": ("text", TEXTS)}, 6).of(np.array([1, 2]))
    assert found is not None
    assert found.title == "Bank"
