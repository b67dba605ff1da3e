"""Shares and probabilities lie between 0 and 1 as they are served: rounded, and for any data."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fakepersonalize.jobs.batch_lines import DECIMALS, ItemLines, Line, number
from fakepersonalize.recipes import catalogue, evaluation, exploration, metrics
from fakepersonalize.recipes.metrics import CUTOFFS
from fakepersonalize.recipes.models.actions import _sigmoid
from fakepersonalize.recipes.models.blend import Blend
from fakepersonalize.recipes.themes import Themes
from fakepersonalize.recipes.training import Queries, TrainingData
from fakepersonalize.recommend.ranker import UserScores

SEEDS = st.integers(0, 2**32 - 1)
UNBOUNDED = {"hits_at_1_percent"}  # a number of users
# One recipe of each model; these three learn from more than interactions.
MORE = {"aws-next-best-action", "aws-semantic-similarity", "aws-item-attribute-affinity"}
PLAIN = sorted({each.model: each.name for each in catalogue.recipes() if each.name not in MORE}.values())


def some_data(rng: np.random.Generator, n_users: int, n_items: int, met: int, rows: int) -> TrainingData:
    """Return interactions with the first items; nobody has met the others."""
    users, items = rng.integers(0, n_users, rows), rng.integers(0, met, rows)
    weights = rng.uniform(0, 2, rows).astype(np.float32)
    return TrainingData.from_columns(users, items, rng.integers(0, 10**6, rows), n_users, n_items, weights)


def outside(found: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in found.items() if name not in UNBOUNDED and not 0 <= value <= 1}


@given(seed=SEEDS, n_users=st.integers(1, 8), n_items=st.integers(1, 60), rows=st.integers(0, 80))
@settings(max_examples=100, deadline=None)
def test_metrics_of_any_lists(seed: int, n_users: int, n_items: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    truth = some_data(rng, n_users, n_items, n_items, rows)
    length = min(n_items, CUTOFFS[-1])
    lists = np.full((n_users, 100), -1, np.int32)
    lists[:, :length] = np.argsort(rng.random((n_users, n_items)), axis=1)[:, :length]
    interest = rng.random((n_users, 3))
    right = rng.random((n_users, 3)) < 0.5
    taken = rng.random(rows) < 0.5
    found = [
        metrics.measure(lists[:, : CUTOFFS[-1]], truth, n_items),
        metrics.with_event_weights(lists[:, : CUTOFFS[-1]], truth),
        metrics.of_segments(interest, right),
        metrics.of_trend(lists[0, :length], rng.integers(0, 5, n_items), n_items),
        metrics.of_actions(rng.random((n_users, n_items)), truth, taken, 5),
    ]
    assert [outside(each) for each in found] == [{}] * len(found)


@pytest.mark.parametrize("name", PLAIN)
def test_metrics_and_progress_where_many_items_are_new(name: str) -> None:
    recipe = catalogue.recipe(name)
    assert recipe is not None
    told: list[float] = []
    data = some_data(np.random.default_rng(0), 40, 40, 10, 320)
    trained = evaluation.train(recipe, data, recipe.parse({}, {}), 0, 1, told.append)
    assert trained.metrics
    assert outside(trained.metrics) == {}
    assert told == sorted(told)
    assert 0 <= told[0] <= told[-1] <= 1


@given(seed=SEEDS, n_items=st.integers(2, 30))
@example(seed=0, n_items=2)
@settings(max_examples=100, deadline=None)
def test_relevance_of_items_to_a_theme(seed: int, n_items: int) -> None:
    rng = np.random.default_rng(seed)
    words = [" ".join(rng.choice(["detective", "pirates", "robbers", "comedy", "space"], 3)) for _ in range(n_items)]
    genres = ["|".join(rng.choice(["drama", "crime", "noir"], 2)) for _ in range(n_items)]
    themes = Themes({"GENRES": ("category", genres), "PLOT": ("text", words)}, n_items)
    same = np.zeros(n_items, np.int32)  # one item again and again: each is its own centroid
    for items in (np.arange(n_items), same):
        found = themes.of(items)
        if found is not None:
            lines = ItemLines(map(str, range(n_items)), scores=False)
            line = lines.themed(Line({}, "{}"), items, found.title, found.relevance)
            served = json.loads(line)["output"]["itemsThemeRelevanceScores"]
            assert all(0 <= score <= 1 for score in served), served


@given(seed=SEEDS, n_items=st.integers(1, 30), met=st.integers(1, 30), rows=st.integers(1, 200))
@settings(max_examples=25, deadline=None)
def test_scores_of_recommendations_and_rankings(seed: int, n_items: int, met: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    data = some_data(rng, 5, n_items, min(met, n_items), rows)
    model = Blend.fit(data, {}, 0, 1, lambda share: None)
    nobody = data.keep(np.zeros(len(data.items), bool))
    every = np.arange(n_items, dtype=np.int32)
    for histories in (data, nobody):
        for users in (np.arange(5), np.array([0])):  # together and alone
            queries = Queries.of(histories.only(users))
            listed = model.recommend(queries, None, n_items)
            assert listed.scores is not None
            assert_served(listed.scores[listed.items >= 0])
            for ranked in model.rank(queries, [every] * len(queries)):
                assert ranked.scores is not None
                assert_served(ranked.scores)
                assert ranked.scores.sum() == pytest.approx(1)


@given(seed=SEEDS, n_users=st.integers(1, 4), n_items=st.integers(1, 20), weight=st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_scores_with_exploration(seed: int, n_users: int, n_items: int, weight: float) -> None:
    rng = np.random.default_rng(seed)
    known = exploration.Knowledge(*np.zeros((3, n_items), np.int64), latest=0)
    keys, askers = rng.integers(1, 2**63, n_items, np.uint64), rng.integers(1, 2**63, n_users, np.uint64)
    new = exploration.newcomers(known, 30, keys)
    shares = exploration.shares(new, catalogue.Exploration(weight, 30), askers, (np.zeros(0, int), np.zeros(0, int)))
    model = Blend.fit(some_data(rng, 5, n_items, n_items, 20), {}, 0, 1, lambda share: None)
    wanted = 1e6 * np.eye(n_items)[rng.integers(0, n_items, n_users)]  # one item has all of the relevance
    scores = UserScores.of(model, wanted, new, shares, n_items, reasons=False).scores
    assert_served(scores)
    assert scores.sum(axis=1) == pytest.approx(np.ones(n_users))


@given(st.lists(st.floats(-1e300, 1e300), min_size=1))
def test_propensities(logits: list[float]) -> None:
    assert_served(_sigmoid(np.array(logits)))


def assert_served(scores: Any) -> None:
    """Look at scores as answers and batch jobs write them."""
    rounded = scores.round(DECIMALS)
    assert ((rounded >= 0) & (rounded <= 1)).all(), rounded
    assert all(0 <= float(number(score)) <= 1 for score in scores.ravel().tolist())
