from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import botocore.session
import pytest

from fakepersonalize.errors import InvalidInputException
from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.models import MODELS, model_class

CUSTOM = {
    "aws-user-personalization-v2": "USER_PERSONALIZATION",
    "aws-user-personalization": "USER_PERSONALIZATION",
    "aws-hrnn": "USER_PERSONALIZATION",
    "aws-hrnn-metadata": "USER_PERSONALIZATION",
    "aws-hrnn-coldstart": "USER_PERSONALIZATION",
    "aws-popularity-count": "USER_PERSONALIZATION",
    "aws-trending-now": "POPULAR_ITEMS",
    "aws-sims": "RELATED_ITEMS",
    "aws-similar-items": "RELATED_ITEMS",
    "aws-semantic-similarity": "RELATED_ITEMS",
    "aws-personalized-ranking-v2": "PERSONALIZED_RANKING",
    "aws-personalized-ranking": "PERSONALIZED_RANKING",
    "aws-item-affinity": "USER_SEGMENTATION",
    "aws-item-attribute-affinity": "USER_SEGMENTATION",
    "aws-next-best-action": "PERSONALIZED_ACTIONS",
}
DOMAIN = {
    "aws-ecomm-customers-who-viewed-x-also-viewed": "RELATED_ITEMS",
    "aws-ecomm-frequently-bought-together": "RELATED_ITEMS",
    "aws-ecomm-popular-items-by-purchases": "POPULAR_ITEMS",
    "aws-ecomm-popular-items-by-views": "POPULAR_ITEMS",
    "aws-ecomm-recommended-for-you": "USER_PERSONALIZATION",
    "aws-vod-because-you-watched-x": "RELATED_ITEMS",
    "aws-vod-more-like-x": "RELATED_ITEMS",
    "aws-vod-most-popular": "POPULAR_ITEMS",
    "aws-vod-top-picks": "USER_PERSONALIZATION",
    "aws-vod-trending-now": "POPULAR_ITEMS",
}
UNLISTED = {"aws-hrnn", "aws-hrnn-metadata", "aws-hrnn-coldstart"}


def one(name: str) -> catalogue.Recipe:
    found = catalogue.recipe(name)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def service():
    return botocore.session.Session().get_service_model("personalize")


def test_all_recipes_are_there_by_name():
    assert [recipe.name for recipe in catalogue.recipes()] == sorted(CUSTOM | DOMAIN)
    assert {recipe.name: recipe.recipe_type for recipe in catalogue.recipes()} == CUSTOM | DOMAIN
    assert {recipe.name for recipe in catalogue.recipes() if not recipe.listed} == UNLISTED


def test_domain_recipes_name_their_domain_and_custom_ones_none():
    for name in CUSTOM:
        assert one(name).domain is None
    for name in DOMAIN:
        assert one(name).domain == ("ECOMMERCE" if "ecomm" in name else "VIDEO_ON_DEMAND")
        assert one(name).summary()["domain"] == one(name).domain
        assert not one(name).returns_scores


STANDING_BEHIND = {
    "blend": {
        "aws-user-personalization",
        "aws-user-personalization-v2",
        "aws-hrnn",
        "aws-hrnn-metadata",
        "aws-hrnn-coldstart",
        "aws-personalized-ranking",
        "aws-personalized-ranking-v2",
        "aws-ecomm-recommended-for-you",
        "aws-vod-top-picks",
    },
    "item-item": {
        "aws-sims",
        "aws-ecomm-customers-who-viewed-x-also-viewed",
        "aws-ecomm-frequently-bought-together",
        "aws-vod-because-you-watched-x",
    },
    "popularity": {
        "aws-popularity-count",
        "aws-ecomm-popular-items-by-purchases",
        "aws-ecomm-popular-items-by-views",
        "aws-vod-most-popular",
    },
    "similar-items": {"aws-similar-items", "aws-vod-more-like-x"},
    "semantic": {"aws-semantic-similarity"},
    "trending": {"aws-trending-now", "aws-vod-trending-now"},
    "item-affinity": {"aws-item-affinity"},
    "attribute-affinity": {"aws-item-attribute-affinity"},
    "next-best-action": {"aws-next-best-action"},
}


def test_every_recipe_has_its_model():
    assert {recipe.name: recipe.model for recipe in catalogue.recipes()} == {
        name: model for model, names in STANDING_BEHIND.items() for name in names
    }
    assert STANDING_BEHIND.keys() == MODELS.keys()


ASKED = {
    "RELATED_ITEMS": {"similar"},
    "PERSONALIZED_RANKING": {"recommend", "rank"},
    "USER_SEGMENTATION": {"interest"},
    "PERSONALIZED_ACTIONS": {"act"},
}


def test_models_do_what_their_recipes_are_asked_for():
    for recipe in catalogue.recipes():
        assert model_class(recipe.model).does >= ASKED.get(recipe.recipe_type, {"recommend"}), recipe.name


def test_rows_use_the_known_capabilities():
    used = set().union(*(recipe.does for recipe in catalogue.recipes()))
    assert used == catalogue.CAPABILITIES


def test_rows_use_the_known_sources():
    assert set().union(*(recipe.learns_from for recipe in catalogue.recipes())) == catalogue.SOURCES


def test_unknown_names_are_not_found():
    assert catalogue.recipe("aws-deepfm") is None
    assert catalogue.algorithm("aws-deepfm") is None
    assert catalogue.feature_transformation("aws-deepfm") is None


def test_described_members_and_types_are_those_of_the_service_model(service):
    cases = [("DescribeRecipe", "recipe", recipe.describe()) for recipe in catalogue.recipes()]
    cases += [("DescribeAlgorithm", "algorithm", recipe.algorithm.describe()) for recipe in catalogue.recipes()]
    cases += [
        ("DescribeFeatureTransformation", "featureTransformation", recipe.feature_transformation.describe())
        for recipe in catalogue.recipes()
        if recipe.feature_transformation
    ]
    for operation, member, answer in cases:
        fits(service.operation_model(operation).output_shape.members[member], answer)
    for recipe in catalogue.recipes():
        fits(service.operation_model("ListRecipes").output_shape.members["recipes"].member, recipe.summary())


PYTHON_TYPES = {"string": str, "integer": int, "double": float, "timestamp": float, "boolean": bool}


def fits(shape, value) -> None:
    if shape.type_name == "structure":
        assert value.keys() <= shape.members.keys()
        assert set(shape.required_members) <= value.keys()
        for name, member in value.items():
            fits(shape.members[name], member)
    elif shape.type_name == "list":
        for entry in value:
            fits(shape.member, entry)
    elif shape.type_name == "map":
        for entry in value.values():
            fits(shape.value, entry)
    else:
        assert type(value) is PYTHON_TYPES[shape.type_name], shape


def test_a_recipe_is_described_as_the_service_describes_it():
    assert one("aws-sims").describe() == {
        "name": "aws-sims",
        "recipeArn": "arn:aws:personalize:::recipe/aws-sims",
        "algorithmArn": "arn:aws:personalize:::algorithm/aws-sims",
        "featureTransformationArn": "arn:aws:personalize:::feature-transformation/sims",
        "status": "ACTIVE",
        "description": one("aws-sims").description,
        "creationDateTime": datetime(2019, 6, 10, tzinfo=UTC).timestamp(),
        "recipeType": "RELATED_ITEMS",
        "lastUpdatedDateTime": datetime(2024, 6, 19, 16, 47, 19, 191000, UTC).timestamp(),
    }
    assert "featureTransformationArn" not in one("aws-user-personalization-v2").describe()


def test_every_algorithm_is_found_by_its_name():
    for recipe in catalogue.recipes():
        assert catalogue.algorithm(recipe.algorithm.name) is recipe.algorithm
    assert one("aws-trending-now").algorithm.name == "aws-trending-now-custom"
    assert one("aws-vod-trending-now").algorithm.name == "aws-trending-now"


def test_an_algorithm_shows_its_defaults_and_ranges():
    answer = catalogue.algorithm("aws-user-personalization").describe()
    assert answer["defaultHyperParameters"] == {"hidden_dimension": "149", "bptt": "32", "recency_mask": "true"}
    assert answer["defaultHyperParameterRanges"] == {
        "integerHyperParameterRanges": [
            {"name": "hidden_dimension", "minValue": 32, "maxValue": 256, "isTunable": True},
            {"name": "bptt", "minValue": 2, "maxValue": 32, "isTunable": True},
        ],
        "continuousHyperParameterRanges": [],
        "categoricalHyperParameterRanges": [{"name": "recency_mask", "values": ["true", "false"], "isTunable": True}],
    }
    assert answer["defaultResourceConfig"] == {"maxNumberOfTrainingJobs": "40", "maxParallelTrainingJobs": "10"}


def test_a_feature_transformation_shows_its_defaults():
    assert catalogue.feature_transformation("featurize_coldstart").describe()["defaultParameters"] == {
        "min_user_history_length_percentile": "0.0",
        "max_user_history_length_percentile": "0.99",
        "cold_start_max_interactions": "15",
        "cold_start_max_duration": "5.0",
        "cold_start_relative_from": "latestItem",
    }
    assert catalogue.feature_transformation("item-affinity").describe()["defaultParameters"] == {}


@pytest.mark.parametrize(
    ("name", "defaults"),
    [
        ("aws-popularity-count", {}),
        ("aws-semantic-similarity", {}),
        ("aws-vod-top-picks", {}),
        ("aws-user-personalization-v2", {"apply_recency_bias": True}),
        ("aws-trending-now", {"trend_discovery_frequency": "3 hours"}),
        ("aws-next-best-action", {"action_optimization_period": 14}),
        ("aws-item-affinity", {"hidden_dimension": 149}),
        ("aws-similar-items", {"item_id_hidden_dim": 100, "item_metadata_hidden_dim": 100}),
        (
            "aws-hrnn",
            {
                "hidden_dimension": 43,
                "bptt": 32,
                "recency_mask": True,
                "min_user_history_length_percentile": 0.0,
                "max_user_history_length_percentile": 0.99,
            },
        ),
        (
            "aws-sims",
            {
                "popularity_discount_factor": 0.5,
                "min_cointeraction_count": 3,
                "min_user_history_length_percentile": 0.005,
                "max_user_history_length_percentile": 0.995,
                "min_item_interaction_count_percentile": 0.01,
                "max_item_interaction_count_percentile": 0.9,
            },
        ),
    ],
)
def test_documented_defaults(name, defaults):
    assert {each.name: each.default for each in one(name).parameters} == defaults


def test_every_default_lies_in_its_range():
    for recipe in catalogue.recipes():
        for parameter in (*recipe.parameters, *recipe.campaign_parameters):
            assert parameter.parse(catalogue.as_texts([parameter])[parameter.name]) == parameter.default


def test_given_values_are_typed_and_the_others_have_their_defaults():
    params = one("aws-user-personalization").parse({"hidden_dimension": "55", "recency_mask": "False"}, {})
    assert params == {"hidden_dimension": 55, "bptt": 32, "recency_mask": False}


def test_names_may_carry_their_stage():
    assert one("aws-hrnn").parse({"training.bptt": "12", "data.recency_mask": "false"}, {})["bptt"] == 12


def test_percentiles_count_only_when_given():
    recipe = one("aws-sims")
    assert recipe.parse({}, {}).keys() == {"popularity_discount_factor", "min_cointeraction_count"}
    given = recipe.parse({}, {"max_item_interaction_count_percentile": "0.9"})
    assert given["max_item_interaction_count_percentile"] == 0.9
    assert "min_item_interaction_count_percentile" not in given


@pytest.mark.parametrize(
    ("name", "algorithm", "features"),
    [
        pytest.param("aws-hrnn", {"learning_rate": "0.1"}, {}, id="unknown"),
        pytest.param("aws-popularity-count", {}, {"min_item_interaction_count_percentile": "0"}, id="takes none"),
        pytest.param("aws-hrnn", {"max_user_history_length_percentile": "0.5"}, {}, id="in the wrong map"),
        pytest.param("aws-similar-items", {"item_id_hidden_dim": "100"}, {}, id="only in ranges of HPO"),
        pytest.param("aws-hrnn", {"hidden_dimension": "many"}, {}, id="no number"),
        pytest.param("aws-hrnn", {"hidden_dimension": "43.5"}, {}, id="no integer"),
        pytest.param("aws-hrnn", {"hidden_dimension": ""}, {}, id="empty"),
        pytest.param("aws-hrnn", {"hidden_dimension": "31"}, {}, id="too small"),
        pytest.param("aws-hrnn", {"hidden_dimension": "257"}, {}, id="too large"),
        pytest.param("aws-hrnn", {"recency_mask": "yes"}, {}, id="no boolean"),
        pytest.param("aws-sims", {"popularity_discount_factor": "nan"}, {}, id="not a number"),
        pytest.param("aws-sims", {"popularity_discount_factor": "1.01"}, {}, id="above one"),
        pytest.param("aws-hrnn-coldstart", {}, {"cold_start_max_duration": "0"}, id="not above zero"),
        pytest.param("aws-hrnn-coldstart", {}, {"cold_start_max_duration": "inf"}, id="infinite"),
        pytest.param("aws-hrnn-coldstart", {}, {"cold_start_relative_from": "now"}, id="no such choice"),
        pytest.param(
            "aws-hrnn",
            {},
            {"min_user_history_length_percentile": "0.6", "max_user_history_length_percentile": "0.5"},
            id="minimum above maximum",
        ),
    ],
)
def test_wrong_hyperparameters_are_refused_by_name(name, algorithm, features):
    with pytest.raises(InvalidInputException) as caught:
        one(name).parse(algorithm, features)
    assert next(iter(algorithm | features)) in caught.value.message


@pytest.mark.parametrize("written", ["30 minutes", "30 min", "1h", "1 hour", "3h", "3 hours", "1 day", "1 Day"])
def test_intervals_may_be_written_as_the_guide_and_the_samples_write_them(written):
    value = one("aws-trending-now").parse({}, {"trend_discovery_frequency": written})["trend_discovery_frequency"]
    assert value in ("30 minutes", "1 hour", "3 hours", "1 day")
    assert value[0] == written[0]


@pytest.mark.parametrize("name", ["aws-hrnn", "aws-user-personalization"])
def test_the_default_dimension_means_the_same_model_in_every_recipe(name):
    recipe = one(name)
    assert recipe.settings(recipe.parse({}, {})) == {"factors": 32, "history_length": 20, "recency_mask": True}


def test_settings_grow_in_proportion_to_hyperparameters():
    recipe = one("aws-user-personalization")
    settings = recipe.settings(recipe.parse({"hidden_dimension": "256", "bptt": "2"}, {}))
    assert (settings["factors"], settings["history_length"]) == (round(32 * 256 / 149), 1)


def test_reading_the_catalogue_needs_no_heavy_library():
    code = (
        "import sys, fakepersonalize.recipes.catalogue as c; c.recipes();"
        "print([n for n in ('numpy', 'scipy', 'implicit', 'pandas', 'moto') if n in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
