"""Floors on made-up films, so that no change makes the models worse unnoticed; real data: `benchmarks/quality.py`."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.evaluation import evaluate, settings_of
from fakepersonalize.recipes.models import model_class
from fakepersonalize.recipes.training import TrainingData

MAKER = Path(__file__).parents[2] / "fixtures" / "make_films.py"
MRR, NDCG = "mean_reciprocal_rank_at_25", "normalized_discounted_cumulative_gain_at_25"


@pytest.fixture(scope="module")
def watched() -> TrainingData:
    made = runpy.run_path(str(MAKER))["make"](users=600, films=400, interactions=20_000, seed=3)
    return TrainingData.from_columns(made.user, made.film, made.time, 600, 400)


def mean(name: str, data: TrainingData, metric: str, seeds: int = 5) -> float:
    recipe = catalogue.recipe(name)
    kind, settings = model_class(recipe.model), settings_of(recipe, recipe.parse({}, {}))
    runs = [evaluate(recipe.recipe_type, kind, data, settings, seed, 1, lambda share: None) for seed in range(seeds)]
    return float(np.mean([metrics[metric] for metrics in runs]))


@pytest.mark.parametrize(
    ("name", "metric", "floor"),
    [
        ("aws-user-personalization", MRR, 0.27),
        ("aws-user-personalization", NDCG, 0.37),
        ("aws-sims", MRR, 0.23),
        ("aws-sims", NDCG, 0.295),
        ("aws-similar-items", MRR, 0.23),
        ("aws-popularity-count", MRR, 0.08),
        ("aws-trending-now", "trend_prediction_accuracy", 0.88),
        ("aws-item-affinity", "recall_at_1_percent", 0.13),
    ],
)
def test_models_are_as_good_as_they_were(watched, name, metric, floor):
    assert floor <= mean(name, watched, metric, seeds=5 if "aws-item" not in name else 1) < floor + 0.1


def test_popularity_is_far_behind(watched):
    for name in ("aws-user-personalization", "aws-sims"):
        assert mean(name, watched, MRR, seeds=3) > 2 * mean("aws-popularity-count", watched, MRR, seeds=3)
