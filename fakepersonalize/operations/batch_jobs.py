"""Batch jobs: items for many users or items, and users for many items, from files to files.

Sources: https://docs.aws.amazon.com/personalize/latest/dg/getting-batch-recommendations.html, and
getting-user-segments.html there.
"""

from __future__ import annotations

from typing import Any

from fakepersonalize import errors
from fakepersonalize.datasets.schema import ITEMS
from fakepersonalize.filters.syntax import INTERACTIONS, ITEM_ID, USER_ID
from fakepersonalize.operations import serving_config, solution_versions
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.data_jobs import require_location
from fakepersonalize.operations.datasets import schemas
from fakepersonalize.operations.recipes import find_recipe
from fakepersonalize.operations.registry import operation
from fakepersonalize.operations.verbs import begin_creation, describe, list_
from fakepersonalize.recipes.catalogue import Recipe
from fakepersonalize.resources.kinds import BATCH_INFERENCE_JOB, BATCH_SEGMENT_JOB, FILTER
from fakepersonalize.resources.shelf import Resource

DEFAULT_RESULTS = 25
MOST_ITEMS, MOST_USERS = 500, 5_000_000
THEMES = "THEME_GENERATION"


@operation
def create_batch_inference_job(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    version, recipe = _version(call, request, "batch-inference")
    serving_config.check(recipe, request.get("batchInferenceJobConfig"))
    _check_themes(call, version, recipe, request)
    filter_ = _check(call, version, request, ITEM_ID, MOST_ITEMS)
    if filter_ and recipe.needs_item != "required" and call.house.recommender.filters.compiled(filter_).needs_item:
        raise errors.invalid(errors.NO_CURRENT_ITEM, arn=filter_.arn, recipe=recipe.arn)
    document = {"numResults": DEFAULT_RESULTS, "batchInferenceJobMode": "BATCH_INFERENCE"} | request
    job = call.resources.add(BATCH_INFERENCE_JOB, request["jobName"], document)
    return begin_creation(call, job, "batch-inference")


@operation
def describe_batch_inference_job(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return describe(call, BATCH_INFERENCE_JOB, request)


@operation
def list_batch_inference_jobs(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return list_(call, BATCH_INFERENCE_JOB, request)


@operation
def create_batch_segment_job(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    version, recipe = _version(call, request, "batch-segment")
    filter_ = _check(call, version, request, USER_ID, MOST_USERS)
    if filter_ and recipe.name == "aws-item-attribute-affinity" and _reads(filter_, INTERACTIONS):
        raise errors.invalid(errors.NO_INTERACTIONS_IN_FILTER, arn=recipe.arn)
    document = {"numResults": DEFAULT_RESULTS} | request
    job = call.resources.add(BATCH_SEGMENT_JOB, request["jobName"], document)
    return begin_creation(call, job, "batch-segment")


@operation
def describe_batch_segment_job(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return describe(call, BATCH_SEGMENT_JOB, request)


@operation
def list_batch_segment_jobs(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return list_(call, BATCH_SEGMENT_JOB, request)


def _version(call: Call, request: dict[str, Any], ability: str) -> tuple[Resource, Recipe]:
    """Return the ACTIVE solution version, and its recipe, which must be able to do the job."""
    version = solution_versions.usable(call, request["solutionVersionArn"])
    recipe = find_recipe(call, version["recipeArn"])
    if ability not in recipe.does:
        raise errors.invalid(errors.NO_BATCH, arn=recipe.arn, job=f"{ability.replace('-', ' ')} job")
    return version, recipe


def _check(call: Call, version: Resource, request: dict[str, Any], subject: str, most: int) -> Resource | None:
    """Check what both kinds of jobs have; return the filter, if there is one."""
    call.house.permissions.require_passable(call.scope, request["roleArn"])
    amount = request.get("numResults", DEFAULT_RESULTS)
    if not 0 <= amount <= most:
        raise errors.invalid(errors.RESULTS_OUT_OF_RANGE, most=most, value=amount)
    source = request["jobInput"]["s3DataSource"]["path"]
    target = request["jobOutput"]["s3DataDestination"]["path"]
    require_location(source, errors.BAD_INPUT_PATH)
    require_location(target, errors.BAD_OUTPUT_PATH)
    if source.rstrip("/") == target.rstrip("/"):  # a folder goes without its slash, too
        raise errors.invalid(errors.BAD_OUTPUT_PATH, "it is the input path")
    return _filter(call, version, request["filterArn"], subject) if request.get("filterArn") else None


def _filter(call: Call, version: Resource, arn: str, subject: str) -> Resource:
    """Return an ACTIVE filter of the version's dataset group that is about the rows that the job chooses from."""
    found = call.resources.active(FILTER, arn)
    if found["datasetGroupArn"] != version["datasetGroupArn"]:
        raise errors.invalid(errors.FILTER_OF_OTHER_GROUP, arn=arn)
    if found["subject"] != subject:
        raise errors.invalid(errors.WRONG_SUBJECT, arn=arn, subject=subject)
    return found


def _reads(filter_: Resource, dataset_type: str) -> bool:
    return any(field.startswith(f"{dataset_type}.") for field in filter_["fields"])


def _check_themes(call: Call, version: Resource, recipe: Recipe, request: dict[str, Any]) -> None:
    """Themes need their configuration, a recipe that makes them, and items that have names and texts."""
    config = request.get("themeGenerationConfig")
    if bool(config) != (request.get("batchInferenceJobMode") == THEMES):
        raise errors.invalid(errors.THEMES_OR_CONFIG)
    if not config:
        return
    if "themes" not in recipe.does:
        raise errors.invalid(errors.NO_THEMES)
    name, items = config["fieldsForThemeGeneration"]["itemName"], schemas(call, version["datasetGroupArn"]).get(ITEMS)
    column = items.column(name) if items else None
    if items is None or column is None or column.type != "string":
        raise errors.invalid(errors.NO_ITEM_NAME, name=name)
    if not any(each.textual for each in items.columns):
        raise errors.invalid(errors.NO_THEME_TEXT)
