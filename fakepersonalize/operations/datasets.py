"""Datasets: one of each type in a group, with a schema of that type and of the group's domain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fakepersonalize import errors
from fakepersonalize.datasets import schema
from fakepersonalize.errors import InvalidInputException, shortened
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.registry import operation
from fakepersonalize.operations.verbs import begin_creation, delete, describe, list_
from fakepersonalize.resources.kinds import DATASET, DATASET_GROUP, DATASET_IMPORT_JOB, SCHEMA
from fakepersonalize.resources.processes import ACTIVE, DELETING, UNDER_WAY, UPDATE
from fakepersonalize.resources.shelf import Resource

LATEST_UPDATE = "latestDatasetUpdate"


@operation
def create_dataset(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    type_ = schema.dataset_type(request["datasetType"])
    if type_ is None:
        raise InvalidInputException(errors.UNKNOWN_DATASET_TYPE.format(type=shortened(request["datasetType"])))
    of = call.resources.get(SCHEMA, request["schemaArn"])
    group = call.resources.active(DATASET_GROUP, request["datasetGroupArn"])
    _require_fit(type_, of, group)
    document = request | {"datasetType": type_}
    if type_ == schema.ACTION_INTERACTIONS:  # PutActionInteractions names the dataset by it
        document["trackingId"] = tracking_id(call, group)
    return begin_creation(call, call.resources.add(DATASET, request["name"], document, group=group.name))


@operation
def describe_dataset(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return describe(call, DATASET, request)


@operation
def list_datasets(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return list_(call, DATASET, request)


@operation
def delete_dataset(call: Call, request: dict[str, Any]) -> None:
    delete(call, DATASET, request)


@operation
def update_dataset(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The new schema takes the place of the old one when the update is over."""
    dataset = call.resources.active(DATASET, request["datasetArn"])
    for job in call.resources.below(dataset.arn, DATASET_IMPORT_JOB):
        if job.status in UNDER_WAY:
            raise errors.in_use(dataset.arn, job.arn, job.status)
    new = call.resources.get(SCHEMA, request["schemaArn"])
    schema.check_replacement(_schema(call, dataset), schema.parse(new["schema"], new.document.get("domain")))
    # Until the update is over, both schemas are in use and neither can go.
    call.resources.shelf.add_links(dataset.arn, [new.arn])
    changed = call.resources.shelf.put(dataset, dataset.document | {LATEST_UPDATE: {"schemaArn": new.arn}})
    call.lifecycle.begin(changed, UPDATE, track=("status", LATEST_UPDATE))
    return {"datasetArn": dataset.arn}


def schemas(call: Call, group_arn: str) -> dict[str, schema.Schema]:
    """Return the schemas of the datasets that a group has, by their types."""
    datasets = call.resources.below(group_arn, DATASET)
    return {each["datasetType"]: _schema(call, each) for each in datasets if each.status not in DELETING}


def columns(call: Call, group_arn: str) -> dict[str, list[str]]:
    """Return the columns of the datasets of a group: what a solution or recommender made now is to train on.

    Those that a later UpdateDataset brings are for later ones.
    Source: https://docs.aws.amazon.com/personalize/latest/dg/updating-dataset-schema.html
    """
    found = schemas(call, group_arn)
    return {type_: [column.name.upper() for column in each.columns] for type_, each in found.items()}


def require_active_datasets(call: Call, group: Resource, types: Iterable[str]) -> None:
    """Refuse to train while a dataset that the recipe needs is not there or not ACTIVE."""
    active = {each["datasetType"] for each in call.resources.below(group.arn, DATASET) if each.status == ACTIVE}
    for type_ in types:
        if type_ not in active:
            raise errors.invalid(errors.MISSING_DATASET, type=type_)


def tracking_id(call: Call, group: Resource) -> str:
    """Return a new id that streamed events of a dataset group are sent to."""
    return call.house.identifiers.uuid(call.scope.account, call.scope.region, "tracking", group.name)


def _schema(call: Call, dataset: Resource) -> schema.Schema:
    of = call.resources.get(SCHEMA, dataset["schemaArn"])
    return schema.parse(of["schema"], of.document.get("domain"))


def _require_fit(type_: str, of: Resource, group: Resource) -> None:
    domain = group.document.get("domain")
    if of.document.get("domain") != domain:
        raise InvalidInputException(
            errors.DOMAIN_MISMATCH, f"schema: {of.document.get('domain')}, dataset group: {domain} (None: custom)"
        )
    if domain and type_ in ("ACTIONS", "ACTION_INTERACTIONS"):
        raise InvalidInputException(errors.NO_ACTIONS_IN_DOMAINS)
    described = schema.parse(of["schema"], domain).dataset_type
    if described != type_:
        raise InvalidInputException(errors.TYPE_MISMATCH, f"the schema is of {described}, the dataset of {type_}")
