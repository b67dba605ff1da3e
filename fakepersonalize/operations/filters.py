"""Filters: expressions, checked against the schemas of a dataset group; they never change."""

from __future__ import annotations

from typing import Any

from fakepersonalize import errors
from fakepersonalize.errors import InvalidInputException, ResourceInUseException
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.datasets import schemas
from fakepersonalize.operations.registry import operation
from fakepersonalize.operations.verbs import begin_creation, delete, describe, list_
from fakepersonalize.resources.kinds import DATASET_GROUP, FILTER
from fakepersonalize.resources.quotas import FILTERED_FIELDS_PER_GROUP
from fakepersonalize.resources.shelf import Resource


@operation
def create_filter(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """What later requests ask of the expression, its subject and its fields, is kept beside it."""
    from fakepersonalize.filters.evaluate import compile_filter

    group = _active_group(call, request["datasetGroupArn"])
    columns = {type_: schema.columns for type_, schema in schemas(call, group.arn).items()}
    compiled = compile_filter(request["filterExpression"], columns)
    fields = sorted(".".join(field) for field in compiled.fields)
    document = request | {"subject": compiled.subject, "fields": fields}
    made = call.resources.add(FILTER, request["name"], document)
    if call.house.settings.quotas:
        _check_fields(call, group)
    return begin_creation(call, made)


@operation
def describe_filter(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return describe(call, FILTER, request)


@operation
def list_filters(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return list_(call, FILTER, request)


@operation
def delete_filter(call: Call, request: dict[str, Any]) -> None:
    """Nothing holds a filter; who names it later is told that it is not there."""
    delete(call, FILTER, request)


def _active_group(call: Call, arn: str) -> Resource:
    try:
        return call.resources.active(DATASET_GROUP, arn)
    except ResourceInUseException as refused:  # CreateFilter models no such error
        raise InvalidInputException(refused.message, refused.hint) from None


def _check_fields(call: Call, group: Resource) -> None:
    fields = {field for each in call.resources.below(group.arn, FILTER) for field in each["fields"]}
    if len(fields) > FILTERED_FIELDS_PER_GROUP:
        raise errors.quota_reached(errors.TOO_MANY_FIELDS.format(most=FILTERED_FIELDS_PER_GROUP))
