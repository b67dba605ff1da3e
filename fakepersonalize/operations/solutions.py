"""Solutions and their versions: what to train, and the trainings."""

from __future__ import annotations

from typing import Any

from fakepersonalize import errors
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.recipes import find_recipe
from fakepersonalize.operations.registry import operation
from fakepersonalize.operations.verbs import begin_creation, delete, describe, list_
from fakepersonalize.recipes.catalogue import Recipe
from fakepersonalize.resources.kinds import DATASET, DATASET_GROUP, SOLUTION, SOLUTION_VERSION
from fakepersonalize.resources.processes import ACTIVE, CREATING
from fakepersonalize.resources.shelf import Resource

# Ours, all of them.
RECIPE_OR_AUTO_ML = "Provide either a recipeArn or performAutoML, not both or neither."
DOMAIN_RECIPE = "The recipe {arn} is a use case of a domain: create a recommender with it."
THRESHOLD_WITHOUT_TYPE = "eventValueThreshold can only be given together with eventType."
THRESHOLD_NOT_A_NUMBER = "eventValueThreshold must be a number: {value}"
UPDATE_REFUSED = "trainingMode UPDATE is not supported for the recipe {arn}."
UPDATE_BEFORE_FULL = "trainingMode UPDATE needs an earlier ACTIVE solution version with trainingMode FULL."
OUTPUT_ONLY_MODE = "trainingMode AUTOTRAIN cannot be requested."
MISSING_DATASET = "The recipe requires an ACTIVE {type} dataset in the dataset group."
NOT_STOPPABLE = "Only solution versions in CREATE PENDING or CREATE IN_PROGRESS can be stopped; the status is {status}."
INCREMENTAL_REFUSED = "performIncrementalUpdate is only supported for the recipe aws-semantic-similarity."

DEFAULT_SCHEDULE = "rate(7 days)"
UPDATABLE = ("aws-user-personalization", "aws-hrnn-coldstart")
LATEST_MEMBERS = (
    "solutionVersionArn",
    "status",
    "trainingMode",
    "trainingType",
    "creationDateTime",
    "lastUpdatedDateTime",
    "failureReason",
)
# What a version takes over from its solution as it was then.
INHERITED = (
    "performHPO",
    "performAutoML",
    "performIncrementalUpdate",
    "recipeArn",
    "datasetGroupArn",
    "eventType",
    "solutionConfig",
)


@operation
def create_solution(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    call.resources.active(DATASET_GROUP, request["datasetGroupArn"])
    recipe = _recipe(request)
    if recipe:
        _check_config(recipe, request)
    document = {"performHPO": False, "performAutoML": False, "performAutoTraining": True} | request
    if document["performAutoTraining"]:
        config = document.get("solutionConfig") or {}
        schedule = {"schedulingExpression": DEFAULT_SCHEDULE} | (config.get("autoTrainingConfig") or {})
        document["solutionConfig"] = config | {"autoTrainingConfig": schedule}
    return begin_creation(call, call.resources.add(SOLUTION, request["name"], document))


@operation
def describe_solution(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    answer = describe(call, SOLUTION, request)
    versions = call.resources.below(request["solutionArn"], SOLUTION_VERSION)
    if versions:
        record = versions[-1].record()
        answer["solution"]["latestSolutionVersion"] = {name: record.get(name) for name in LATEST_MEMBERS}
    return answer


@operation
def list_solutions(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return list_(call, SOLUTION, request)


@operation
def delete_solution(call: Call, request: dict[str, Any]) -> None:
    delete(call, SOLUTION, request)


@operation
def create_solution_version(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    solution = call.resources.active(SOLUTION, request["solutionArn"])
    mode = request.get("trainingMode") or "FULL"
    _require_trainable(call, solution, mode)
    id_ = request.get("name") or call.house.identifiers.hex8(
        call.scope.account, call.scope.region, "version", solution.name
    )
    document = {name: solution.document[name] for name in INHERITED if name in solution.document} | {
        "name": f"{solution.name}/{id_}",
        "solutionArn": solution.arn,
        "trainingMode": mode,
        "trainingType": "MANUAL",
        "tags": request.get("tags"),
    }
    version = call.resources.add(SOLUTION_VERSION, document["name"], document, solution=solution.name, id=id_)
    return begin_creation(call, version, "train")


@operation
def describe_solution_version(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return describe(call, SOLUTION_VERSION, request)


@operation
def list_solution_versions(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return list_(call, SOLUTION_VERSION, request, strict_parent=True)


@operation
def stop_solution_version_creation(call: Call, request: dict[str, Any]) -> None:
    version = call.resources.get(SOLUTION_VERSION, request["solutionVersionArn"])
    if version.status not in CREATING:
        raise InvalidInputException(NOT_STOPPABLE.format(status=version.status))
    call.lifecycle.stop_creation(version)


@operation
def get_solution_metrics(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    version = call.resources.active(SOLUTION_VERSION, request["solutionVersionArn"])
    return {"solutionVersionArn": version.arn, "metrics": version["metrics"]}


def _recipe(request: dict[str, Any]) -> Recipe | None:
    """Return the recipe that a solution names; None with AutoML."""
    if bool(request.get("performAutoML")) == bool(request.get("recipeArn")):
        raise InvalidInputException(RECIPE_OR_AUTO_ML)
    if request.get("performAutoML"):
        return None
    recipe = find_recipe(request["recipeArn"])
    if recipe.domain:
        raise InvalidInputException(DOMAIN_RECIPE.format(arn=recipe.arn))
    return recipe


def _check_config(recipe: Recipe, request: dict[str, Any]) -> None:
    config = request.get("solutionConfig") or {}
    recipe.parse(config.get("algorithmHyperParameters") or {}, config.get("featureTransformationParameters") or {})
    threshold = config.get("eventValueThreshold")
    if threshold is not None:
        if not request.get("eventType"):
            raise InvalidInputException(THRESHOLD_WITHOUT_TYPE)
        _require_number(threshold)
    if request.get("performIncrementalUpdate") and recipe.name != "aws-semantic-similarity":
        raise InvalidInputException(INCREMENTAL_REFUSED)


def _require_number(text: str) -> None:
    try:
        float(text)
    except ValueError:
        raise InvalidInputException(THRESHOLD_NOT_A_NUMBER.format(value=errors.shortened(text))) from None


def _require_trainable(call: Call, solution: Resource, mode: str) -> None:
    if mode == "AUTOTRAIN":
        raise InvalidInputException(OUTPUT_ONLY_MODE)
    recipe = find_recipe(solution["recipeArn"]) if solution.document.get("recipeArn") else None
    if mode == "UPDATE":
        _require_updatable(call, solution, recipe)
    group = call.resources.active(DATASET_GROUP, solution["datasetGroupArn"])
    active = {each["datasetType"] for each in call.resources.below(group.arn, DATASET) if each.status == ACTIVE}
    for type_ in recipe.required_datasets if recipe else ("INTERACTIONS",):
        if type_ not in active:
            raise InvalidInputException(MISSING_DATASET.format(type=type_))


def _require_updatable(call: Call, solution: Resource, recipe: Recipe | None) -> None:
    if recipe is None or recipe.name not in UPDATABLE:
        raise InvalidInputException(UPDATE_REFUSED.format(arn=solution.document.get("recipeArn")))
    versions = call.resources.below(solution.arn, SOLUTION_VERSION)
    if not any(version.status == ACTIVE and version["trainingMode"] == "FULL" for version in versions):
        raise InvalidInputException(UPDATE_BEFORE_FULL)
