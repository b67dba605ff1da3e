"""Recipes beside popularity and chance."""

from __future__ import annotations

import numpy as np
import pytest

from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.comparison import RANDOM, compare, interval
from fakepersonalize.recipes.evaluation import train

NDCG = "normalized_discounted_cumulative_gain_at_25"


@pytest.fixture(scope="module")
def compared(films):
    recipes = [catalogue.recipe(name) for name in ("aws-hrnn", "aws-sims", "aws-popularity-count")]
    return {each.name: each for each in compare(recipes, films, 0, 1, lambda share: None)}


def test_figures_are_those_of_a_training(compared, films):
    for name in ("aws-hrnn", "aws-sims", "aws-popularity-count"):
        recipe = catalogue.recipe(name)
        metrics = train(recipe, films, recipe.parse({}, {}), 0, 1, lambda share: None).metrics
        assert compared[name].interval(NDCG).mean == pytest.approx(metrics[NDCG], abs=5e-5)
        assert compared[name].coverage == pytest.approx(metrics["coverage"], abs=5e-5)


def test_who_knows_the_order_is_ahead_of_popularity_and_chance(compared):
    for yardstick in ("aws-popularity-count", RANDOM):
        assert compared["aws-hrnn"].ahead_of(compared[yardstick], NDCG).low > 0
    assert compared[RANDOM].ahead_of(compared["aws-hrnn"], NDCG).high < 0


def test_random_lists_have_no_item_twice_and_miss_few(compared):
    assert compared[RANDOM].coverage > 0.9


def test_an_interval_holds_the_truth_as_often_as_it_says():
    random = np.random.default_rng(4)
    held = [found.low <= 0.3 <= found.high for found in (interval(random.random(60) < 0.3) for _ in range(200))]
    assert 0.9 <= np.mean(held) <= 0.99


def test_an_interval_of_equal_values_is_a_point():
    found = interval(np.full(9, 0.25))
    assert (found.mean, found.low, found.high) == pytest.approx((0.25, 0.25, 0.25))
