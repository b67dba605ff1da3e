"""Solution versions: the trainings."""

from __future__ import annotations

from typing import Any

from fakepersonalize import errors
from fakepersonalize.datasets.schema import INTERACTIONS
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.datasets import require_active_datasets
from fakepersonalize.operations.recipes import find_recipe
from fakepersonalize.operations.registry import operation
from fakepersonalize.operations.verbs import begin_creation, describe, list_
from fakepersonalize.recipes.catalogue import Recipe
from fakepersonalize.resources.kinds import DATASET, DATASET_GROUP, SOLUTION, SOLUTION_VERSION
from fakepersonalize.resources.processes import ACTIVE, CREATING
from fakepersonalize.resources.shelf import Resource

UPDATABLE = ("aws-user-personalization", "aws-hrnn-coldstart")
KNOWS = "knows"  # which interactions there were when a version began
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
def create_solution_version(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    solution = call.resources.active(SOLUTION, request["solutionArn"])
    mode = request.get("trainingMode") or "FULL"
    if mode == "AUTOTRAIN":
        raise InvalidInputException(errors.OUTPUT_ONLY_MODE)
    version = begin(call, solution, mode, "MANUAL", request.get("name"), request.get("tags"))
    return {"solutionVersionArn": version.arn}


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


def usable(call: Call, arn: str) -> Resource:
    """Return an ACTIVE version whose solution stays: versions go away with it, whatever their own status."""
    version = call.resources.active(SOLUTION_VERSION, arn)
    call.resources.active(SOLUTION, version["solutionArn"])
    return version


def begin(
    call: Call, solution: Resource, mode: str, type_: str, name: str | None = None, tags: list[Any] | None = None
) -> Resource:
    """Begin a version of a solution, which must be trainable now; without a name it gets an id of its own."""
    _require_trainable(call, solution, mode)
    scope = call.scope
    id_ = name or call.house.identifiers.hex8(scope.account, scope.region, "version", solution.name)
    document = {name: solution.document[name] for name in INHERITED if name in solution.document} | {
        "name": f"{solution.name}/{id_}",
        "solutionArn": solution.arn,
        "trainingMode": mode,
        "trainingType": type_,
        "tags": tags,
        KNOWS: known(call, solution),
    }
    version = call.resources.add(SOLUTION_VERSION, document["name"], document, solution=solution.name, id=id_)
    begin_creation(call, version, "train", _interactions(call, solution))
    return version


def known(call: Call, solution: Resource) -> list[int]:
    """Return what changes with new interactions: the newest imported rows and the newest event of the dataset group."""
    datasets = call.resources.below(solution["datasetGroupArn"], DATASET)
    numbers = [each.number for each in datasets if each["datasetType"] == INTERACTIONS]
    return [newest for each in numbers for newest in (call.house.tables.latest(each), call.house.streamed.latest(each))]


def _interactions(call: Call, solution: Resource) -> int:
    datasets = call.resources.below(solution["datasetGroupArn"], DATASET)
    return sum(call.house.tables.count(each.number) for each in datasets if each["datasetType"] == "INTERACTIONS")


def _require_trainable(call: Call, solution: Resource, mode: str) -> None:
    recipe = find_recipe(call, solution["recipeArn"]) if solution.document.get("recipeArn") else None
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
