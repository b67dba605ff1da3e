from __future__ import annotations

import math
import os
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix

from fakepersonalize.errors import Cancelled, JobFailed
from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.evaluation import evaluate, split_users, train, within_percentiles
from fakepersonalize.recipes.metrics import measure
from fakepersonalize.recipes.models.item_item import ItemItem
from fakepersonalize.recipes.models.popularity import Popularity
from fakepersonalize.recipes.training import TrainingData, padded

NAMES = {
    "coverage",
    "mean_reciprocal_rank_at_25",
    *(f"normalized_discounted_cumulative_gain_at_{k}" for k in (5, 10, 25)),
    *(f"precision_at_{k}" for k in (5, 10, 25)),
}
MRR, NDCG_5, PRECISION_5 = "mean_reciprocal_rank_at_25", "normalized_discounted_cumulative_gain_at_5", "precision_at_5"


def truths(sets: list[list[int]], n_items: int = 1000) -> TrainingData:
    users = np.repeat(np.arange(len(sets)), [len(wanted) for wanted in sets])
    items = np.array([item for wanted in sets for item in wanted], np.int64)
    return TrainingData.from_columns(users, items, np.arange(len(items)), len(sets), n_items)


def lists_with_hits(ranks: list[list[int]]) -> tuple[np.ndarray, TrainingData]:
    """Lists of 25 in which the items at the given ranks (from 1) are right."""
    lists = np.arange(25 * len(ranks), dtype=np.int32).reshape(-1, 25)
    return lists, truths([[int(row[rank - 1]) for rank in own] for row, own in zip(lists, ranks)])


def ideal(hits: int) -> float:
    """Return the DCG of a list that begins with so many hits."""
    return sum(1 / math.log2(1 + rank) for rank in range(1, hits + 1))


def no_tick(share: float) -> None:
    pass


# Examples of https://docs.aws.amazon.com/personalize/latest/dg/working-with-training-metrics.html


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [([[4, 10]], 0.25), ([[2, 4, 12]], 0.5), ([[6]], 0.1667), ([[4, 10], [2, 4, 12], [6]], 0.3056)],
)
def test_reciprocal_rank_is_that_of_the_first_hit(ranks, expected):
    assert measure(*lists_with_hits(ranks), 100)[MRR] == expected


def test_hits_at_two_and_five_are_worth_what_the_guide_says():
    metrics = measure(*lists_with_hits([[2, 5]]), 100)
    assert (metrics[MRR], metrics[NDCG_5], metrics[PRECISION_5]) == (0.5, 0.6241, 0.4)


def test_three_hits_in_ten_are_a_precision_of_three_tenths():
    assert measure(*lists_with_hits([[1, 7, 10]]), 100)["precision_at_10"] == 0.3


def test_ndcg_is_normalised_by_what_the_list_holds():
    lists, truth = lists_with_hits([[1]])
    missed = truths([[0, 900, 901, 902]])
    assert measure(lists, truth, 100)[NDCG_5] == measure(lists, missed, 100)[NDCG_5] == 1
    late = measure(*lists_with_hits([[1, 20]]), 100)[NDCG_5]
    assert late == round(1 / (1 + 1 / np.log2(3)), 4)


def test_coverage_is_the_share_of_items_in_any_list():
    lists = np.tile(np.arange(25, dtype=np.int32), (10, 1))
    assert measure(lists, truths([[0]] * 10), 1845)["coverage"] == 0.0136


def test_what_was_held_out_twice_counts_once():
    lists, _ = lists_with_hits([[1]])
    assert measure(lists, truths([[0, 0, 0]]), 100)[PRECISION_5] == 0.2


def test_padding_is_no_hit_and_no_item():
    lists = np.tile(padded(np.array([4], np.int32), 25), (2, 1))
    metrics = measure(lists, truths([[999], [4]]), 5)
    assert (metrics[MRR], metrics["coverage"]) == (0.5, 0.2)


def test_all_metrics_agree_with_ranx_on_random_lists(monkeypatch):
    monkeypatch.setitem(os.environ, "NUMBA_DISABLE_JIT", "1")  # compiling takes longer than these few lists
    ranx = pytest.importorskip("ranx")
    random = np.random.default_rng(6)
    lists = np.array([random.permutation(60)[:25] for _ in range(80)], np.int32)
    wanted = [random.choice(60, random.integers(1, 12), replace=False).tolist() for _ in range(80)]
    metrics = measure(lists, truths(wanted, 60), 60)
    run = ranx.Run({f"u{u}": {f"i{i}": 1 / (rank + 1) for rank, i in enumerate(row)} for u, row in enumerate(lists)})
    qrels = ranx.Qrels({f"u{u}": {f"i{i}": 1 for i in items} for u, items in enumerate(wanted)})
    precision = ranx.evaluate(qrels, run, ["precision@5", "precision@10", "precision@25", "mrr@25"])
    for k in (5, 10, 25):
        assert metrics[f"precision_at_{k}"] == pytest.approx(precision[f"precision@{k}"], abs=5.1e-5)
    assert metrics[MRR] == pytest.approx(precision["mrr@25"], abs=5.1e-5)
    # NDCG as docs/metrics.md writes it: DCG@k over the DCG@k of the list with its hits in front. The oracle computes
    # NDCG@k by all that was held out, whose ideal DCG depends on how many that is alone: times that it is DCG@k.
    for k in (5, 10, 25):
        ranx.evaluate(qrels, run, f"ndcg@{k}")
        by_all = run.scores[f"ndcg@{k}"]
        gains = []
        for user, (row, items) in enumerate(zip(lists.tolist(), wanted)):
            gain = by_all[f"u{user}"] * ideal(min(k, len(items)))
            hits = len(set(row) & set(items))
            gains.append(gain / ideal(min(k, hits)) if hits else 0.0)
        name = f"normalized_discounted_cumulative_gain_at_{k}"
        assert metrics[name] == pytest.approx(np.mean(gains), abs=5.1e-5)


def test_a_tenth_of_the_users_is_tested_and_unknown_in_training(films):
    split = split_users(films, 0)
    assert (split.training.n_users, split.given.n_users, split.truth.n_users) == (180, 20, 20)
    assert len(split.training.items) + len(split.given.items) + len(split.truth.items) == len(films.items)


def test_the_newest_tenth_is_held_out_rounded_up(films):
    split = split_users(films, 0)
    whole = split.given.lengths + split.truth.lengths
    assert_array_equal(split.truth.lengths, np.ceil(whole / 10))
    for user in range(split.given.n_users):
        given = split.given.times[split.given.offsets[user] : split.given.offsets[user + 1]]
        truth = split.truth.times[split.truth.offsets[user] : split.truth.offsets[user + 1]]
        assert given.max() < truth.min()


def test_what_follows_is_the_first_held_out_item():
    data = TrainingData.from_columns(np.zeros(11, int), np.arange(11), np.arange(11), 1, 11)
    split = split_users(data, 0)
    assert_array_equal(split.given.items, range(9))
    assert_array_equal(split.following, [9])


def test_users_with_one_interaction_are_not_tested():
    users = np.concatenate([np.arange(50), [0, 1]])
    data = TrainingData.from_columns(users, np.zeros(52, int), np.arange(52), 50, 1)
    for seed in range(5):
        split = split_users(data, seed)
        assert split.given.n_users == 2
        assert_array_equal(split.given.lengths, [1, 1])
        assert_array_equal(split.truth.lengths, [1, 1])
        assert split.training.n_users == 48


def test_the_seed_decides_who_is_tested(films):
    assert_array_equal(split_users(films, 3).given.items, split_users(films, 3).given.items)
    assert split_users(films, 3).given.items.tolist() != split_users(films, 4).given.items.tolist()


def test_popularity_covers_one_list(films):
    metrics = evaluate("USER_PERSONALIZATION", Popularity, films, {}, 0, 1, no_tick)
    assert metrics["coverage"] == round(25 / 120, 4)
    assert metrics.keys() == NAMES


def test_related_items_are_asked_for_the_last_given_item(films):
    split = split_users(films, 0)
    model = ItemItem.fit(split.training, {}, 0, 1, no_tick)
    last = [split.given.items[end - 1] for end in split.given.offsets[1:]]
    lists = np.array([model.similar(int(item), None, 25).items for item in last])
    expected = measure(lists, split.truth, len(np.unique(films.items)))
    assert evaluate("RELATED_ITEMS", ItemItem, films, {}, 0, 1, no_tick) == expected


@pytest.mark.parametrize("name", ["aws-popularity-count", "aws-sims", "aws-user-personalization", "aws-hrnn"])
def test_training_measures_a_twin_and_fits_to_everything(films, name):
    recipe = catalogue.recipe(name)
    shares: list[float] = []
    trained = train(recipe, films, recipe.parse({}, {}), 0, 1, shares.append)
    assert trained.metrics.keys() == NAMES
    assert trained.metrics[MRR] > 0
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    arrays = trained.model.arrays()
    counts = arrays.get("popularity", arrays.get("counts"))
    if counts is not None:
        assert_array_equal(counts, np.bincount(films.items, minlength=120))


def test_training_is_repeatable(films):
    recipe = catalogue.recipe("aws-user-personalization")
    one, other = (train(recipe, films, recipe.parse({}, {}), 5, threads, no_tick) for threads in (1, 2))
    assert one.metrics == other.metrics
    for name, array in one.model.arrays().items():
        assert array.tobytes() == other.model.arrays()[name].tobytes(), name


def test_hyperparameters_reach_the_model(films):
    recipe = catalogue.recipe("aws-hrnn")
    params = recipe.parse({"hidden_dimension": "86", "bptt": "8", "recency_mask": "false"}, {})
    model = train(recipe, films, params, 0, 1, no_tick).model
    assert model.factors.shape == (120, 64)
    assert (model.history_length, model.age_decay) == (5, 1.0)


def test_training_stops_when_it_is_cancelled(films):
    recipe = catalogue.recipe("aws-user-personalization")

    def cancel(share: float) -> None:
        if share > 0.6:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(recipe, films, recipe.parse({}, {}), 0, 1, cancel)


def test_a_recipe_without_a_model_is_not_trained(films):
    unbuilt = replace(catalogue.recipe("aws-sims"), model=None)
    with pytest.raises(KeyError, match=unbuilt.name):
        train(unbuilt, films, {}, 0, 1, no_tick)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_training_on_next_to_nothing_gives_metrics_of_zero_or_more(n):
    data = TrainingData.from_columns(np.zeros(n, int), np.zeros(n, int), np.arange(n), 1, 1)
    for name in ("aws-popularity-count", "aws-sims", "aws-user-personalization"):
        recipe = catalogue.recipe(name)
        metrics = train(recipe, data, recipe.parse({}, {}), 0, 1, no_tick).metrics
        assert metrics.keys() == NAMES
        assert all(0 <= value <= 1 for value in metrics.values())


def test_percentile_bounds_keep_users_and_items_out_of_the_fit():
    lengths = np.arange(1, 11)  # user u has u + 1 interactions
    users = np.repeat(np.arange(10), lengths)
    data = TrainingData.from_columns(users, np.arange(55) % 5, np.arange(55), 10, 5)
    bounds = {"min_user_history_length_percentile": 0.25, "max_user_history_length_percentile": 0.75}
    kept = within_percentiles(data, bounds)
    assert (kept.n_users, kept.n_items) == (10, 5)
    assert np.flatnonzero(kept.lengths).tolist() == [3, 4, 5, 6]
    assert within_percentiles(data, {}) is data


def test_items_beyond_the_bounds_stay_in_the_catalogue(films):
    recipe = catalogue.recipe("aws-sims")
    params = recipe.parse({}, {"max_item_interaction_count_percentile": "0.5"})
    trained = train(recipe, films, params, 0, 1, no_tick)
    frequent = int(np.argmax(np.bincount(films.items)))
    lists = trained.model.similar_many(np.arange(120, dtype=np.int32), 119)
    assert (lists == frequent).any(axis=1).sum() == 119
    assert frequent not in trained.model.neighbours


def test_event_weights_and_an_objective_add_their_metrics(films):
    random = np.random.default_rng(0)
    weights = random.choice([0.5, 1.5], len(films.items)).astype(np.float32)
    data = replace(films, weights=weights, rewards=random.random(120).astype(np.float32))
    recipe = catalogue.recipe("aws-user-personalization")
    trained = train(recipe, data, {**recipe.parse({}, {}), "objective_sensitivity": "HIGH"}, 0, 1, no_tick)
    added = {f"normalized_discounted_cumulative_gain_with_event_weights_at_{k}" for k in (5, 10, 25)}
    assert trained.metrics.keys() == NAMES | added | {"average_rewards_at_k"}
    assert trained.model.boosts.max() == 3


@pytest.mark.parametrize("name", [recipe.name for recipe in catalogue.recipes()])
def test_every_recipe_is_trained_and_measured_in_the_terms_of_its_type(films, name):
    recipe = catalogue.recipe(name)
    features = csr_matrix((np.ones(120), (np.arange(120), np.arange(120) % 6)), shape=(120, 6))
    shown = np.arange(800)
    actions = TrainingData.from_columns(shown % 200, shown % 2, shown, 200, 2, weights=shown % 3 == 0)
    data = replace(films, item_features=features, actions=actions)
    metrics = train(recipe, data, recipe.parse({}, {}), 0, 1, no_tick).metrics
    assert metrics.keys() == EXPECTED.get(recipe.model, NAMES)
    assert all(value >= 0 for value in metrics.values())


SEGMENTS = {"coverage", "hits_at_1_percent", "recall_at_1_percent"}
EXPECTED = {
    "trending": {"coverage", "trend_prediction_accuracy"},
    "item-affinity": SEGMENTS,
    "attribute-affinity": SEGMENTS,
    "next-best-action": {
        "coverage",
        "precision",
        "recall",
        "area_under_curve",
        *(f"normalized_discounted_cumulative_gain_at_{k}" for k in (5, 10, 25)),
    },
}


def test_texts_without_interactions_are_measured_by_their_coverage(films):
    features = csr_matrix((np.ones(120), (np.arange(120), np.arange(120) % 6)), shape=(120, 6))
    data = replace(films.keep(np.zeros(len(films.items), bool)), item_features=features)
    recipe = catalogue.recipe("aws-semantic-similarity")
    assert train(recipe, data, {}, 0, 1, no_tick).metrics == {"coverage": 1.0}


def test_the_recency_bias_of_the_second_version_is_the_recency_mask(films):
    recipe = catalogue.recipe("aws-user-personalization-v2")
    model = train(recipe, films, recipe.parse({"apply_recency_bias": "false"}, {}), 0, 1, no_tick).model
    assert model.age_decay == 1.0


@pytest.mark.parametrize("name", ["aws-next-best-action", "aws-item-attribute-affinity", "aws-semantic-similarity"])
def test_a_recipe_fails_with_a_reason_where_its_other_datasets_are_missing(films, name):
    recipe = catalogue.recipe(name)
    with pytest.raises(JobFailed, match=r"Actions dataset|attribute to train on|textual column"):
        train(recipe, films, recipe.parse({}, {}), 0, 1, no_tick)
