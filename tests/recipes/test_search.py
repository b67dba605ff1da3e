from __future__ import annotations

import numpy as np
import pytest

from fakepersonalize.errors import Cancelled, InvalidInputException
from fakepersonalize.recipes import catalogue, search
from fakepersonalize.recipes.models import model_class
from fakepersonalize.recipes.search import OWN_SETTINGS, ranges_of
from fakepersonalize.recipes.training import TrainingData

HRNN, SIMS = catalogue.recipe("aws-hrnn"), catalogue.recipe("aws-sims")


def no_tick(share: float) -> None:
    pass


def searched(recipe, data, seed=0, jobs=6, tick=no_tick, given=None, params=None, parallel=1):
    params = recipe.parse(params or {}, {})
    return search.search(recipe, data, params, ranges_of(recipe, given), seed, 1, tick, jobs, parallel)


def asked(**ranges) -> dict[str, list]:
    return {f"{kind}HyperParameterRanges": rows for kind, rows in ranges.items()}


def test_the_first_trial_is_what_would_be_trained_without_a_search(films):
    found = searched(SIMS, films, params={"min_cointeraction_count": "2"})
    assert found.trials[0].params == {"popularity_discount_factor": 0.5, "min_cointeraction_count": 2}
    assert len(found.trials) == 6
    assert len({tuple(trial.params.items()) for trial in found.trials}) == 6


@pytest.mark.parametrize("recipe", [HRNN, SIMS], ids=lambda recipe: recipe.name)
def test_the_best_trial_is_never_worse_than_the_first(groceries, recipe):
    for seed in range(3):
        found = searched(recipe, groceries, seed, jobs=4)
        assert found.best.score == max(trial.score for trial in found.trials)
        assert found.best.score >= found.trials[0].score > 0


def test_a_search_finds_what_helps(groceries):
    gains = [
        found.best.score - found.trials[0].score for found in (searched(SIMS, groceries, seed) for seed in range(3))
    ]
    assert np.mean(gains) > 0.01


def test_tuned_hyperparameters_travel_as_texts(films):
    tuned = searched(HRNN, films, jobs=3).tuned()
    assert tuned.keys() == {"hidden_dimension", "bptt", "recency_mask"}
    assert HRNN.parse(tuned, {}).keys() == tuned.keys()
    assert tuned["recency_mask"] in ("true", "false")


def test_equal_seeds_find_the_same_one_by_one_and_at_once(films):
    once, again, at_once = (searched(HRNN, films, 3, jobs=4, parallel=parallel) for parallel in (1, 1, 3))
    assert once == again == at_once
    assert searched(HRNN, films, 4, jobs=4).trials != once.trials


def test_values_stay_within_the_ranges_asked_for(films):
    given = asked(
        integer=[{"name": "min_cointeraction_count", "minValue": 4, "maxValue": 5}],
        continuous=[{"name": "training.popularity_discount_factor", "minValue": 0.6, "maxValue": 0.7}],
    )
    trials = searched(SIMS, films, jobs=12, given=given).trials
    for trial in trials:
        assert trial.params["min_cointeraction_count"] in (4, 5)
        assert 0.6 <= trial.params["popularity_discount_factor"] <= 0.7
    # The defaults are 3 and 0.5.
    assert trials[0].params == {"min_cointeraction_count": 4, "popularity_discount_factor": 0.6}


@pytest.mark.parametrize(
    ("ranges", "params", "first", "allowed"),
    [
        ({"integer": [{"name": "bptt", "minValue": 4, "maxValue": 6}]}, {}, 6, {4, 5, 6}),
        ({"integer": [{"name": "bptt", "minValue": 4, "maxValue": 6}]}, {"bptt": "5"}, 5, {4, 5, 6}),
        ({"integer": [{"name": "hidden_dimension", "minValue": 50, "maxValue": 50}]}, {}, 50, {50}),
        ({"categorical": [{"name": "recency_mask", "values": ["false"]}]}, {}, False, {False}),
        ({"categorical": [{"name": "recency_mask", "values": ["false", "true"]}]}, {}, True, {False, True}),
    ],
)
def test_every_trial_is_within_the_range_and_the_first_is_nearest_to_the_parameters(
    films, ranges, params, first, allowed
):
    (range_,) = ranges_of(HRNN, asked(**ranges))
    values = [
        trial.params[range_.name] for trial in searched(HRNN, films, 0, 6, given=asked(**ranges), params=params).trials
    ]
    assert values[0] == first
    assert type(values[0]) is type(first)
    assert set(values) <= allowed


def test_a_continuous_range_of_one_value_leaves_no_choice(films):
    given = asked(continuous=[{"name": "popularity_discount_factor", "minValue": 0.25, "maxValue": 0.25}])
    found = searched(SIMS, films, jobs=3, given=given)
    assert {trial.params["popularity_discount_factor"] for trial in found.trials} == {0.25}


def test_parameters_without_a_range_stay_fixed(films):
    given = asked(categorical=[{"name": "recency_mask", "values": ["false"]}])
    found = searched(HRNN, films, jobs=3, given=given, params={"bptt": "8"})
    assert {trial.params["bptt"] for trial in found.trials} == {8}
    assert [trial.params["recency_mask"] for trial in found.trials] == [False] * 3


def test_without_ranges_all_tunable_parameters_are_searched():
    assert {row.name: (row.min, row.max) for row in ranges_of(SIMS, None)} == {
        "popularity_discount_factor": (0, 1),
        "min_cointeraction_count": (0, 10),
    }
    assert {row.name for row in ranges_of(catalogue.recipe("aws-similar-items"), asked(integer=[]))} == {
        "item_id_hidden_dim",
        "item_metadata_hidden_dim",
    }
    assert ranges_of(catalogue.recipe("aws-user-personalization-v2"), None) == ()


def test_a_range_without_bounds_is_that_of_the_recipe():
    found = {row.name: row for row in ranges_of(HRNN, asked(integer=[{"name": "bptt"}]))}
    assert (found["bptt"].min, found["bptt"].max) == (2, 32)
    for values in ({}, {"values": []}):
        (found,) = ranges_of(HRNN, asked(categorical=[{"name": "recency_mask", **values}]))
        assert found.values == (True, False)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (asked(integer=[{"name": "layers", "minValue": 1, "maxValue": 2}]), "cannot be tuned"),
        (asked(continuous=[{"name": "min_user_history_length_percentile", "minValue": 0, "maxValue": 1}]), "cannot be"),
        (asked(integer=[{"name": "bptt", "minValue": 9, "maxValue": 3}]), "ends before it begins"),
        (asked(integer=[{"name": "bptt", "minValue": 2, "maxValue": 64}]), "bptt"),
        (asked(continuous=[{"name": "bptt", "minValue": 2, "maxValue": 3}]), "wrong type"),
        (asked(categorical=[{"name": "recency_mask", "values": ["maybe"]}]), "recency_mask"),
    ],
)
def test_wrong_ranges_are_refused(given, said):
    with pytest.raises(InvalidInputException, match=said):
        ranges_of(HRNN, given)


@pytest.mark.parametrize("parallel", [1, 2])
def test_a_search_stops_when_it_is_cancelled(films, parallel):
    heard: list[float] = []

    def cancel(share: float) -> None:
        heard.append(share)
        if share > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        searched(SIMS, films, jobs=20, tick=cancel, parallel=parallel)
    assert heard == sorted(heard)
    assert heard[-1] < 0.6


def test_test_users_of_the_later_evaluation_are_unseen(films, monkeypatch):
    sizes: set[int] = set()
    kind = model_class("item-item")

    def fit(data: TrainingData, *rest):
        sizes.add(data.n_users)
        return fitted(data, *rest)

    fitted = kind.fit
    monkeypatch.setattr(kind, "fit", fit)
    searched(SIMS, films, jobs=2)
    assert sizes == {162}  # of 200 users 20 are tested later, and 18 here


def test_own_settings_begin_with_their_defaults(films):
    for name, settings in OWN_SETTINGS.items():
        kind = model_class(name)
        first = {setting: values[0] for setting, values in settings.items()}
        plain, spelt = (kind.fit(films, {"factors": 8, **own}, 0, 1, no_tick).arrays() for own in ({}, first))
        for array, same in zip(plain.values(), spelt.values()):
            assert array.tobytes() == same.tobytes()
