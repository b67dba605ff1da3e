"""Solutions: what to train."""

from __future__ import annotations

from typing import Any

from fakepersonalize import errors
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.operations import automatic_training, solution_config
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.datasets import columns, schemas
from fakepersonalize.operations.recipes import find_recipe
from fakepersonalize.operations.registry import operation
from fakepersonalize.operations.verbs import begin_creation, delete, describe, list_
from fakepersonalize.recipes.catalogue import Recipe
from fakepersonalize.resources.kinds import DATASET_GROUP, SOLUTION, SOLUTION_VERSION
from fakepersonalize.resources.processes import CREATE, CREATING

UPDATE = "latestSolutionUpdate"
LATEST_MEMBERS = (
    "solutionVersionArn",
    "status",
    "trainingMode",
    "trainingType",
    "creationDateTime",
    "lastUpdatedDateTime",
    "failureReason",
)


@operation
def create_solution(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    call.resources.active(DATASET_GROUP, request["datasetGroupArn"])
    recipe = _recipe(call, request)
    if recipe:
        solution_config.check(recipe, request, schemas(call, request["datasetGroupArn"]))
    else:
        _check_auto_ml(call, request)
    document = {"performHPO": False, "performAutoML": False, "performAutoTraining": True} | request
    if document["performAutoML"]:
        document["performHPO"] = True
    if document["performAutoTraining"]:
        document["solutionConfig"] = _scheduled(document.get("solutionConfig") or {})
    document["knownColumns"] = columns(call, request["datasetGroupArn"])
    solution = call.resources.add(SOLUTION, request["name"], document)
    automatic_training.appoint(call, solution)
    return begin_creation(call, solution)


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
    solution_config.check_update(
        find_recipe(call, arn) if arn else None, request, schemas(call, solution["datasetGroupArn"])
    )
    flags = ("performAutoTraining", "performIncrementalUpdate")
    asked = {name: request[name] for name in (*flags, "solutionUpdateConfig") if request.get(name) is not None}
    config = (solution.document.get("solutionConfig") or {}) | (request.get("solutionUpdateConfig") or {})
    if asked.get("performAutoTraining", solution["performAutoTraining"]):
        config = _scheduled(config)
    update = {"solutionConfig": config} | asked if config else asked
    call.lifecycle.begin(
        call.resources.shelf.put(solution, solution.document | {UPDATE: update}), CREATE, track=(UPDATE,)
    )
    automatic_training.appoint(call, solution)
    return {"solutionArn": solution.arn}


@operation
def delete_solution(call: Call, request: dict[str, Any]) -> None:
    delete(call, SOLUTION, request)


def _recipe(call: Call, request: dict[str, Any]) -> Recipe | None:
    """Return the recipe that a solution names; None with AutoML."""
    if bool(request.get("performAutoML")) == bool(request.get("recipeArn")):
        raise InvalidInputException(errors.RECIPE_OR_AUTO_ML)
    if request.get("performAutoML"):
        return None
    recipe = find_recipe(call, request["recipeArn"])
    if recipe.domain:
        raise InvalidInputException(errors.DOMAIN_RECIPE.format(arn=recipe.arn))
    return recipe


def _check_auto_ml(call: Call, request: dict[str, Any]) -> None:
    config = request.get("solutionConfig") or {}
    candidates = (find_recipe(call, arn) for arn in (config.get("autoMLConfig") or {}).get("recipeList") or ())
    solution_config.check_auto_ml(candidates, config)


def _scheduled(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with automatic training, once a week unless it says otherwise."""
    schedule = {"schedulingExpression": solution_config.DEFAULT_SCHEDULE} | (config.get("autoTrainingConfig") or {})
    return config | {"autoTrainingConfig": schedule}
