"""Recipes, algorithms and feature transformations: read-only rows of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, TypeVar

from fakepersonalize import errors
from fakepersonalize.arns import parse, service_owned
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.registry import operation
from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.catalogue import Recipe
from fakepersonalize.resources import paging

Row = TypeVar("Row")
RECIPES_PER_PAGE = 13  # so that page one ends with aws-similar-items, and page two has the other nine, as seen in 2024


@operation
def list_recipes(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Answer with one page of the recipes by name, less those of another domain than `domain`, if it is given.

    AWS cuts the pages before it looks at the domain, so that one can be empty and have a token. Seen in 2024:
    https://github.com/aws-samples/amazon-personalize-immersion-day, notebooks Retail_02, Media_03 and Travel_01.
    """
    domain = request.get("domain")
    question = (call.operation.name, domain)
    listed = [recipe for recipe in catalogue.recipes(call.scope.partition) if recipe.listed]
    token, size = request.get("nextToken"), request.get("maxResults") or RECIPES_PER_PAGE
    first = paging.read(token, question) if token is not None else 0
    page = listed[first : first + size]
    return {
        "recipes": [recipe.summary() for recipe in page if domain in (None, recipe.domain)],
        "nextToken": paging.write(first + size, question) if first + size < len(listed) else None,
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
    wanted = service_owned(f"{noun}/{parsed.id}", partition)
    found = row(parsed.id, partition)
    if found is None or arn != wanted:
        words = noun.replace("-", " ")
        raise errors.not_found(arn, call.operation.name, words, _meant(noun, parsed.id, partition, found is not None))
    return found


def _meant(noun: str, name: str, partition: str, exists: bool) -> str | None:
    """Return a hint at the ARN that was probably meant: of what exists under the name, or of a similar recipe."""
    recipes = [recipe.name for recipe in catalogue.recipes(partition)] if noun == "recipe" else []
    close = [name] if exists else get_close_matches(name[:300].lower().replace("_", "-"), recipes, 1)
    return errors.DID_YOU_MEAN.format(name=service_owned(f"{noun}/{close[0]}", partition)) if close else None
