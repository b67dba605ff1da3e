"""Tags of resources."""

from __future__ import annotations

from typing import Any

from fakepersonalize import errors
from fakepersonalize.arns import service_owned
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.registry import operation
from fakepersonalize.resources.shelf import Resource


@operation
def tag_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    call.resources.tag(_taggable(call, request).arn, request["tags"])
    return {}


@operation
def untag_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    call.resources.untag(_taggable(call, request).arn, request["tagKeys"])
    return {}


@operation
def list_tags_for_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return {"tags": call.resources.tags(_taggable(call, request).arn)}


def _taggable(call: Call, request: dict[str, Any]) -> Resource:
    arn = request["resourceArn"]
    resource = None if arn.startswith(service_owned("", call.scope.partition)) else call.resources.any(arn)
    if resource is None or not resource.kind.taggable:
        raise InvalidInputException(errors.NOT_TAGGABLE.format(arn=arn))
    return resource
