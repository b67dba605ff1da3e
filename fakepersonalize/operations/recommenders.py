"""Recommenders: use cases of a domain, trained and answering in one."""

from __future__ import annotations

from typing import Any

from fakepersonalize import errors
from fakepersonalize.operations import automatic_training, serving_config, solution_config
from fakepersonalize.operations.automatic_training import UPDATE
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.datasets import columns, require_active_datasets, schemas
from fakepersonalize.operations.recipes import find_recipe
from fakepersonalize.operations.registry import operation
from fakepersonalize.operations.verbs import begin_creation, delete, describe, list_
from fakepersonalize.recipes.catalogue import Recipe
from fakepersonalize.resources.kinds import DATASET_GROUP, RECOMMENDER
from fakepersonalize.resources.processes import (
    ACTIVE,
    CREATE,
    CREATING,
    DELETING,
    FAILED_CREATION,
    INACTIVE,
    START,
    STOP,
)
from fakepersonalize.resources.shelf import Resource

# Ours: the least that https://docs.aws.amazon.com/personalize/latest/dg/API_RecommenderConfig.html allows.
DEFAULTS = {"minRecommendationRequestsPerSecond": 1}


@operation
def create_recommender(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    group = call.resources.active(DATASET_GROUP, request["datasetGroupArn"])
    recipe = _use_case(call, request["recipeArn"], group)
    config = DEFAULTS | (request.get("recommenderConfig") or {})
    _check_config(call, recipe, group.arn, config)
    require_active_datasets(call, group, recipe.required_datasets)
    document = request | {"recommenderConfig": config, "knownColumns": columns(call, group.arn)}
    recommender = call.resources.add(RECOMMENDER, request["name"], document)
    automatic_training.appoint(call, recommender)
    return begin_creation(call, recommender, "train")


@operation
def describe_recommender(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    answer = describe(call, RECOMMENDER, request)
    if answer["recommender"]["status"] in DELETING:
        answer["recommender"].pop("modelMetrics", None)
    return answer


@operation
def list_recommenders(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return list_(call, RECOMMENDER, request)


@operation
def update_recommender(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The old configuration and model go on serving until the update is ACTIVE; other data to train on train anew."""
    recommender = call.resources.get(RECOMMENDER, request["recommenderArn"])
    _require(recommender, ACTIVE, INACTIVE, FAILED_CREATION)
    config = DEFAULTS | request["recommenderConfig"]
    _check_config(call, find_recipe(call, recommender["recipeArn"]), recommender["datasetGroupArn"], config)
    failed = recommender.status == FAILED_CREATION
    trains = failed or config.get("trainingDataConfig") != recommender["recommenderConfig"].get("trainingDataConfig")
    known = {"knownColumns": columns(call, recommender["datasetGroupArn"])} if trains else {}
    update = {UPDATE: {"recommenderConfig": config}}
    changed = call.resources.shelf.put(recommender, recommender.document | known | update)
    call.lifecycle.begin(changed, CREATE, "train" if trains else None, ("status", UPDATE) if failed else (UPDATE,))
    if trains:
        automatic_training.appoint(call, changed)
    return {"recommenderArn": recommender.arn}


@operation
def start_recommender(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    recommender = call.resources.get(RECOMMENDER, request["recommenderArn"])
    _require(recommender, INACTIVE)
    call.lifecycle.begin(recommender, START)
    return {"recommenderArn": recommender.arn}


@operation
def stop_recommender(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """A recommender that is stopped answers nothing; its model stays."""
    recommender = call.resources.get(RECOMMENDER, request["recommenderArn"])
    _require(recommender, ACTIVE)
    call.lifecycle.begin(recommender, STOP)
    return {"recommenderArn": recommender.arn}


@operation
def delete_recommender(call: Call, request: dict[str, Any]) -> None:
    delete(call, RECOMMENDER, request)


def _use_case(call: Call, arn: str, group: Resource) -> Recipe:
    """Return the recipe, which must be a use case of the group's domain."""
    domain = group.document.get("domain")
    if domain is None:
        raise errors.invalid(errors.CUSTOM_GROUP)
    recipe = find_recipe(call, arn)
    if recipe.domain != domain:
        raise errors.invalid(errors.OTHER_DOMAIN, arn=recipe.arn, domain=domain)
    return recipe


def _check_config(call: Call, recipe: Recipe, group_arn: str, config: dict[str, Any]) -> None:
    serving_config.check(recipe, config)
    if config.get("trainingDataConfig"):
        solution_config.check_columns(config["trainingDataConfig"], schemas(call, group_arn))


def _require(recommender: Resource, *statuses: str) -> None:
    """Refuse a recommender that is in another status, or whose update is under way."""
    if recommender.status not in statuses:
        raise errors.not_in(statuses[0], recommender.arn, recommender.status)
    running = recommender.document.get(UPDATE, {}).get("status")
    if running in CREATING:
        raise errors.in_transition(recommender.arn, f"{UPDATE} {running}")
