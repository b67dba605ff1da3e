"""Recipes, algorithms and feature transformations: read-only rows of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from fakepersonalize import errors
from fakepersonalize.arns import parse, service_owned
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.registry import operation
from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.catalogue import Recipe
from fakepersonalize.resources import paging

Row = TypeVar("Row")


@operation
def list_recipes(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Recipes by name; without `domain` all of them."""
    domain = request.get("domain")
    question = (call.operation.name, domain)
    found = [
        recipe
        for recipe in catalogue.recipes(call.scope.partition)
        if recipe.listed and domain in (None, recipe.domain)
    ]
    token, size = request.get("nextToken"), request.get("maxResults") or 100
    first = paging.read(token, question) if token is not None else 0
    rest = first + size < len(found)
    return {
        "recipes": [recipe.summary() for recipe in found[first : first + size]],
        "nextToken": paging.write(first + size, question) if rest else None,
    }


@operation
def describe_recipe(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return {"recipe": find_recipe(call, request["recipeArn"]).describe()}


@operation
def describe_algorithm(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return {"algorithm": _find(call, request["algorithmArn"], "algorithm", catalogue.algorithm).describe()}


@operation
def describe_feature_transformation(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["featureTransformationArn"]
    found = _find(call, arn, "feature-transformation", catalogue.feature_transformation)
    return {"featureTransformation": found.describe()}


def find_recipe(call: Call, arn: str) -> Recipe:
    """Return the recipe with an ARN; raises InvalidInputException or ResourceNotFoundException."""
    return _find(call, arn, "recipe", catalogue.recipe)


def _find(call: Call, arn: str, noun: str, row: Callable[[str, str], Row | None]) -> Row:
    parsed = parse(arn)
    if parsed is None or parsed.kind != noun or not parsed.id:
        raise errors.invalid_arn(arn, f"{noun}/<name>")
    partition = call.scope.partition
    found = row(parsed.id, partition) if arn == service_owned(f"{noun}/{parsed.id}", partition) else None
    if found is None:
        raise errors.not_found(arn)
    return found
