"""Schemas: usable when Create returns, never changed, gone at once."""

from __future__ import annotations

from typing import Any

from fakepersonalize.datasets import schema
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.registry import operation
from fakepersonalize.operations.verbs import begin_creation, delete, describe, list_
from fakepersonalize.resources.kinds import SCHEMA


@operation
def create_schema(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    schema.parse(request["schema"], request.get("domain"))
    return begin_creation(call, call.resources.add(SCHEMA, request["name"], request))


@operation
def describe_schema(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return describe(call, SCHEMA, request)


@operation
def list_schemas(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return list_(call, SCHEMA, request)


@operation
def delete_schema(call: Call, request: dict[str, Any]) -> None:
    delete(call, SCHEMA, request)
