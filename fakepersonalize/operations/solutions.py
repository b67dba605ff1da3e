"""Solutions and their versions: what to train, and the trainings."""

from __future__ import annotations

from typing import Any

from fakepersonalize import errors
from fakepersonalize.datasets.schema import INTERACTIONS
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.operations import solution_config
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.datasets import columns, require_active_datasets, schemas
from fakepersonalize.operations.recipes import find_recipe
from fakepersonalize.operations.registry import operation
from fakepersonalize.operations.verbs import begin_creation, delete, describe, list_
from fakepersonalize.recipes.catalogue import Recipe
from fakepersonalize.resources.kinds import DATASET, DATASET_GROUP, SOLUTION, SOLUTION_VERSION
from fakepersonalize.resources.processes import ACTIVE, CREATE, CREATING
from fakepersonalize.resources.shelf import Resource

UPDATE = "latestSolutionUpdate"
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
    "knownColumns",
)


@operation
def create_solution(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    call.resources.active(DATASET_GROUP, request["datasetGroupArn"])
    recipe = _recipe(request)
    if recipe:
        solution_config.check(recipe, request, schemas(call, request["datasetGroupArn"]))
    else:
        _check_auto_ml(request)
    document = {"performHPO": False, "performAutoML": False, "performAutoTraining": True} | request
    if document["performAutoML"]:
        document["performHPO"] = True
    if document["performAutoTraining"]:
        document["solutionConfig"] = _scheduled(document.get("solutionConfig") or {})
    document["knownColumns"] = columns(call, request["datasetGroupArn"])
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
def update_solution(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The solution stays ACTIVE and as it was until the update is over; versions keep what they were trained with."""
    solution = call.resources.active(SOLUTION, request["solutionArn"])
    running = solution.document.get(UPDATE, {}).get("status")
    if running in CREATING:
        raise errors.in_transition(solution.arn, f"{UPDATE} {running}")
    arn = solution.document.get("recipeArn")
    solution_config.check_update(find_recipe(arn) if arn else None, request, schemas(call, solution["datasetGroupArn"]))
    flags = ("performAutoTraining", "performIncrementalUpdate")
    asked = {name: request[name] for name in (*flags, "solutionUpdateConfig") if request.get(name) is not None}
    config = (solution.document.get("solutionConfig") or {}) | (request.get("solutionUpdateConfig") or {})
    if asked.get("performAutoTraining", solution["performAutoTraining"]):
        config = _scheduled(config)
    update = {"solutionConfig": config} | asked if config else asked
    call.lifecycle.begin(
        call.resources.shelf.put(solution, solution.document | {UPDATE: update}), CREATE, track=(UPDATE,)
    )
    return {"solutionArn": solution.arn}


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
    return begin_creation(call, version, "train", _interactions(call, solution))


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
        raise InvalidInputException(errors.NOT_STOPPABLE.format(status=version.status))
    call.lifecycle.stop_creation(version)


@operation
def get_solution_metrics(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    version = call.resources.active(SOLUTION_VERSION, request["solutionVersionArn"])
    return {"solutionVersionArn": version.arn, "metrics": version["metrics"]}


def _interactions(call: Call, solution: Resource) -> int:
    datasets = call.resources.below(solution["datasetGroupArn"], DATASET)
    return sum(call.house.tables.count(each.number) for each in datasets if each["datasetType"] == "INTERACTIONS")


def _recipe(request: dict[str, Any]) -> Recipe | None:
    """Return the recipe that a solution names; None with AutoML."""
    if bool(request.get("performAutoML")) == bool(request.get("recipeArn")):
        raise InvalidInputException(errors.RECIPE_OR_AUTO_ML)
    if request.get("performAutoML"):
        return None
    recipe = find_recipe(request["recipeArn"])
    if recipe.domain:
        raise InvalidInputException(errors.DOMAIN_RECIPE.format(arn=recipe.arn))
    return recipe


def _check_auto_ml(request: dict[str, Any]) -> None:
    config = (request.get("solutionConfig") or {}).get("autoMLConfig") or {}
    solution_config.check_auto_ml(map(find_recipe, config.get("recipeList") or ()))


def _scheduled(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with automatic training, once a week unless it says otherwise."""
    schedule = {"schedulingExpression": DEFAULT_SCHEDULE} | (config.get("autoTrainingConfig") or {})
    return config | {"autoTrainingConfig": schedule}


def _require_trainable(call: Call, solution: Resource, mode: str) -> None:
    if mode == "AUTOTRAIN":
        raise InvalidInputException(errors.OUTPUT_ONLY_MODE)
    recipe = find_recipe(solution["recipeArn"]) if solution.document.get("recipeArn") else None
    if mode == "UPDATE":
        _require_updatable(call, solution, recipe)
    group = call.resources.active(DATASET_GROUP, solution["datasetGroupArn"])
    require_active_datasets(call, group, recipe.required_datasets if recipe else (INTERACTIONS,))


def _require_updatable(call: Call, solution: Resource, recipe: Recipe | None) -> None:
    if recipe is None or recipe.name not in UPDATABLE:
        raise InvalidInputException(errors.UPDATE_REFUSED.format(arn=solution.document.get("recipeArn")))
    versions = call.resources.below(solution.arn, SOLUTION_VERSION)
    if not any(version.status == ACTIVE and version["trainingMode"] == "FULL" for version in versions):
        raise InvalidInputException(errors.UPDATE_BEFORE_FULL)
