"""Dataset groups: custom ones, or of a domain."""

from __future__ import annotations

from typing import Any

from fakepersonalize import errors
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.registry import operation
from fakepersonalize.operations.verbs import begin_creation, delete, describe, list_
from fakepersonalize.resources.kinds import DATASET_GROUP


@operation
def create_dataset_group(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    if bool(request.get("roleArn")) != bool(request.get("kmsKeyArn")):
        raise InvalidInputException(errors.ROLE_WITHOUT_KEY)
    call.house.permissions.require_passable(call.scope, request.get("roleArn"))
    group = call.resources.add(DATASET_GROUP, request["name"], request)
    return begin_creation(call, group) | {"domain": request.get("domain")}


@operation
def describe_dataset_group(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return describe(call, DATASET_GROUP, request)


@operation
def list_dataset_groups(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return list_(call, DATASET_GROUP, request)


@operation
def delete_dataset_group(call: Call, request: dict[str, Any]) -> None:
    delete(call, DATASET_GROUP, request)
