"""Datasets: one of each type in a group, with a schema of that type and of the group's domain."""

from __future__ import annotations

from typing import Any

from fakepersonalize.datasets import schema
from fakepersonalize.errors import InvalidInputException, shortened
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.registry import operation
from fakepersonalize.operations.verbs import begin_creation, delete, describe, list_
from fakepersonalize.resources.kinds import DATASET, DATASET_GROUP, SCHEMA
from fakepersonalize.resources.shelf import Resource

# Ours, all of them.
UNKNOWN_TYPE = "Invalid dataset type: {type}."
TYPE_MISMATCH = "Schema name must match the dataset type."
DOMAIN_MISMATCH = "The domain of the schema must match the domain of the dataset group."
NO_ACTIONS_IN_DOMAINS = "Actions and Action interactions datasets can only be created in Custom dataset groups."


@operation
def create_dataset(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    type_ = schema.dataset_type(request["datasetType"])
    if type_ is None:
        raise InvalidInputException(UNKNOWN_TYPE.format(type=shortened(request["datasetType"])))
    of = call.resources.get(SCHEMA, request["schemaArn"])
    group = call.resources.active(DATASET_GROUP, request["datasetGroupArn"])
    _require_fit(type_, of, group)
    document = request | {"datasetType": type_}
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


def _require_fit(type_: str, of: Resource, group: Resource) -> None:
    domain = group.document.get("domain")
    if of.document.get("domain") != domain:
        raise InvalidInputException(
            DOMAIN_MISMATCH, f"schema: {of.document.get('domain')}, dataset group: {domain} (None: custom)"
        )
    if domain and type_ in ("ACTIONS", "ACTION_INTERACTIONS"):
        raise InvalidInputException(NO_ACTIONS_IN_DOMAINS)
    described = schema.parse(of["schema"], domain).dataset_type
    if described != type_:
        raise InvalidInputException(TYPE_MISMATCH, f"the schema is of {described}, the dataset of {type_}")
