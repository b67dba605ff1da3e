"""Write docs/recipes.md from the catalogue of recipes: which model stands behind each, and what parameters mean here.

    python docs/recipes.py

A test checks that the page is current, that it speaks of every hyperparameter, and that the tests it names are there.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.catalogue import Parameter, Recipe

PAGE = Path(__file__).resolve().parent / "recipes.md"

MODELS = {
    "blend": "directed transitions between items, and a quarter of implicit's ALS; aware of repeats",
    "popularity": "distinct users of each item",
    "trending": "distinct users, of whom recent ones count more",
    "item-item": "what follows an item, and a twentieth of the cosine of users in common",
    "similar-items": "item-item, the cosine of ALS factors, and for rare items the likeness of metadata",
    "semantic": "likeness of texts by TF-IDF, without any download",
    "item-affinity": "the share of a user's preferences (as of blend) that is an item's, times the root of activity",
    "attribute-affinity": "item-affinity, summed over the items with an attribute",
    "next-best-action": "logistic regression of each action on what the user did",
}
SOURCES = {
    "items": "categorical and numeric columns of Items",
    "texts": "textual columns of Items",
    "users": "columns of Users",
    "context": "own columns of Interactions",
    "impressions": "impressions (for exploration)",
    "actions": "Actions and Action interactions",
    "new-items": "items of Items that nobody has met",
}
# What moves with a parameter, and the test in tests/recipes/ that shows it.
MEANINGS = {
    "hidden_dimension": (
        "factors of ALS: 32 at the default (64 for user segments), in proportion to it elsewhere",
        "test_blend.py::test_factors_are_as_many_as_asked_for",
    ),
    "bptt": (
        "how many of the latest interactions count: 20 at the default, in proportion to it elsewhere",
        "test_blend.py::test_only_the_latest_interactions_move_the_transitions",
    ),
    "recency_mask": (
        "each of the latest interactions weighs 0.85 of the one after it; without the mask all weigh the same",
        "test_blend.py::test_without_the_recency_mask_old_interactions_weigh_as_much_as_new_ones",
    ),
    "apply_recency_bias": (
        "the same as `recency_mask`",
        "test_evaluation.py::test_the_recency_bias_of_the_second_version_is_the_recency_mask",
    ),
    "popularity_discount_factor": (
        "the power of an item's popularity that its similarity is divided by, a fifth of it for what follows an item",
        "test_item_item.py::test_a_larger_discount_recommends_less_popular_items",
    ),
    "min_cointeraction_count": (
        "how many users two items must share to be neighbours",
        "test_item_item.py::test_more_users_in_common_are_asked_for_when_the_minimum_rises",
    ),
    "item_id_hidden_dim": (
        "factors of ALS: 64 at the default, in proportion to it elsewhere",
        "test_similar_items.py::test_the_number_of_factors_is_that_of_the_settings",
    ),
    "item_metadata_hidden_dim": (
        "dimensions that metadata are brought down to",
        "test_similar_items.py::test_more_dimensions_keep_more_of_the_metadata",
    ),
    "min_user_history_length_percentile": (
        "users with shorter histories are left out of the fit; no effect until it is given",
        "test_evaluation.py::test_percentile_bounds_keep_users_and_items_out_of_the_fit",
    ),
    "max_user_history_length_percentile": (
        "users with longer histories are left out of the fit; no effect until it is given",
        "test_evaluation.py::test_percentile_bounds_keep_users_and_items_out_of_the_fit",
    ),
    "min_item_interaction_count_percentile": (
        "rarer items are left out of the fit, not of the catalogue; no effect until it is given",
        "test_evaluation.py::test_items_beyond_the_bounds_stay_in_the_catalogue",
    ),
    "max_item_interaction_count_percentile": (
        "more frequent items are left out of the fit, not of the catalogue; no effect until it is given",
        "test_evaluation.py::test_items_beyond_the_bounds_stay_in_the_catalogue",
    ),
    "cold_start_max_interactions": (
        "up to so many interactions an item counts as cold: its metadata count in full",
        "test_cold_start.py::test_more_interactions_are_few_as_the_maximum_says",
    ),
    "cold_start_max_duration": (
        "days that an item counts as cold for",
        "test_cold_start.py::test_items_are_new_as_long_as_the_duration_says",
    ),
    "cold_start_relative_from": (
        "whether these days are counted back from the newest item or from the start of the training",
        "test_cold_start.py::test_time_is_counted_from_now_where_the_setting_says_so",
    ),
    "trend_discovery_frequency": (
        "the half-life of popularity grows in proportion to it",
        "test_trending.py::test_the_half_life_grows_with_the_frequency_up_to_an_eighth_of_the_span",
    ),
    "action_optimization_period": (
        "days within which an action has to be taken to count as a success",
        "test_actions.py::test_a_longer_period_makes_actions_likelier",
    ),
}

HEAD = """\
# Recipes

Which model stands behind each recipe, what it learns from, and what its hyperparameters mean here. Names, defaults and
ranges are those of Amazon Personalize; the models are not, for nobody outside knows them: see the
[developer guide](https://docs.aws.amazon.com/personalize/latest/dg/working-with-predefined-recipes.html) for what AWS
says of its own. Written by `python docs/recipes.py` from the catalogue; a test checks that it is current.

All recipes learn from who met what and when, except aws-semantic-similarity, which needs no interactions.
performHPO searches the tunable ones, and for the model blend three settings beside them that no request can name: the
window of transitions, how fast interactions age, and the share of ALS.
"""


def page() -> str:
    recipes = sorted(catalogue.recipes(), key=lambda recipe: recipe.name)
    parts = [HEAD, "## Models", _table(("model", "what it is"), sorted(MODELS.items()))]
    parts += ["## Recipes", _table(("recipe", "model", "learns from as well"), map(_recipe, recipes))]
    parts += ["## Hyperparameters", _table(("name", "recipes", "default", "values", "here"), _parameters(recipes))]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _recipe(recipe: Recipe) -> tuple[str, ...]:
    further = [words for source, words in SOURCES.items() if source in recipe.learns_from]
    return recipe.name, recipe.model or "none yet", "; ".join(further)


def _parameters(recipes: list[Recipe]) -> list[tuple[str, ...]]:
    """Return a row for each parameter with each of its defaults, with the recipes that have it."""
    of: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for recipe in recipes:
        for parameter in recipe.parameters:
            of[parameter.name, _default(parameter), _values(parameter)].append(recipe.name.removeprefix("aws-"))
    return [
        (f"`{name}`", ", ".join(names), default, values, MEANINGS[name][0])
        for (name, default, values), names in sorted(of.items())
    ]


def _default(parameter: Parameter) -> str:
    return str(parameter.default).lower() if parameter.kind == "bool" else str(parameter.default)


def _values(parameter: Parameter) -> str:
    if parameter.kind == "bool":
        return "true, false"
    if parameter.kind == "string":
        return ", ".join(parameter.values)
    return parameter.expected.removeprefix("an integer ").removeprefix("a number ").removeprefix("of ")


def _table(heads: tuple[str, ...], rows: object) -> str:
    lines = [heads, ("---",) * len(heads), *rows]  # type: ignore[misc]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
