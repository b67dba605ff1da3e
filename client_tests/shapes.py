"""Hold every answer against the shapes of botocore's models, as bytes and before botocore's tolerant parser sees it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from botocore.client import BaseClient
from botocore.model import ListShape, MapShape, OperationModel, Shape, StringShape, StructureShape

CONTENT_TYPES = {"json": "application/x-amz-json-1.1", "rest-json": "application/json"}
# What AWS answers for any operation, modelled or not; the last is ours.
ANYWHERE = frozenset(
    {
        "AccessDeniedException",
        "ThrottlingException",
        "UnknownOperationException",
        "SerializationException",
        "NotImplementedByFakePersonalize",
    }
)
# Constraints of the model are checked before an operation is asked, also where it models no InvalidInputException.
CONSTRAINT = re.compile(r"\d+ validation errors? detected: ")
ARN = re.compile(r"arn:([a-z\d-]+):(personalize|iam|kms):.*:.*:.+")
REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def watch(client: BaseClient) -> BaseClient:
    """Check every answer that a client gets from now on."""
    client.meta.events.register("before-parse", check)
    return client


def check(operation_model: OperationModel, response_dict: dict[str, Any], **_: Any) -> None:
    """Fail when an answer is not what the model promises."""
    problems = list(violations(operation_model, response_dict))
    assert not problems, f"{operation_model.name}: {'; '.join(problems)}\n{response_dict['body'][:2000]!r}"


def violations(operation: OperationModel, answer: dict[str, Any]) -> Iterator[str]:
    """Name all that is wrong with an answer: `status_code`, `headers` and `body` as they came."""
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    protocol = operation.service_model.metadata["protocol"]
    if not REQUEST_ID.fullmatch(headers.get("x-amzn-requestid", "")):
        yield f"x-amzn-requestid is {headers.get('x-amzn-requestid')!r}"
    if answer["status_code"] >= 300:
        yield from _of_error(operation, protocol, answer, headers)
    elif operation.output_shape is None or (protocol == "rest-json" and not operation.output_shape.members):
        yield from _of_nothing(protocol, answer["body"])
    else:
        if headers.get("content-type") != CONTENT_TYPES[protocol]:
            yield f"content-type is {headers.get('content-type')!r}"
        yield from of_value(operation.output_shape, json.loads(answer["body"], parse_constant=_refuse), "answer")


def of_value(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Name all that keeps a JSON value from being of a shape."""
    if isinstance(shape, StructureShape):
        yield from _of_structure(shape, value, path)
    elif isinstance(shape, ListShape):
        yield from _of_list(shape, value, path)
    elif isinstance(shape, MapShape):
        yield from _of_map(shape, value, path)
    elif not _is_of_type(shape, value):
        yield f"{path} is no {shape.type_name}: {value!r}"
    elif isinstance(shape, StringShape):
        yield from _of_string(shape, value, path)


def _of_structure(shape: StructureShape, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path} is no structure: {value!r}"
        return
    for name in value.keys() - shape.members.keys():
        yield f"{path}.{name} is not declared"
    for name in set(shape.required_members) - value.keys():
        yield f"{path}.{name} is missing"
    for name in value.keys() & shape.members.keys():
        yield from of_value(shape.members[name], value[name], f"{path}.{name}")


def _of_list(shape: ListShape, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path} is no list: {value!r}"
        return
    if len(value) > shape.metadata.get("max", len(value)):
        yield f"{path} has {len(value)} members"
    for place, each in enumerate(value):
        yield from of_value(shape.member, each, f"{path}[{place}]")


def _of_map(shape: MapShape, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path} is no map: {value!r}"
        return
    for key, each in value.items():
        yield from of_value(shape.value, each, f"{path}[{key}]")


def _of_string(shape: StringShape, value: str, path: str) -> Iterator[str]:
    if not shape.metadata.get("min", 0) <= len(value) <= shape.metadata.get("max", len(value)):
        yield f"{path} has {len(value)} characters"
    if shape.enum and value not in shape.enum:
        yield f"{path} is none of {shape.enum}: {value!r}"
    # Other patterns are AWS's rules for requests: the name of a solution version breaks its own.
    if path.endswith("Arn") and not ARN.fullmatch(value):
        yield f"{path} is no ARN: {value!r}"


def _is_of_type(shape: Shape, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return {
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "integer": whole,
        "long": whole,
        "float": number,
        "double": number,
        "timestamp": number and 1e9 < value < 1e10,  # seconds, not milliseconds
    }[shape.type_name]


def _of_nothing(protocol: str, body: bytes) -> Iterator[str]:
    if body != (b"{}" if protocol == "json" else b""):
        yield f"an empty answer is {body!r}"


def _of_error(
    operation: OperationModel, protocol: str, answer: dict[str, Any], headers: dict[str, str]
) -> Iterator[str]:
    body = json.loads(answer["body"])
    code = body.get("__type") if protocol == "json" else headers.get("x-amzn-errortype")
    modelled = {shape.name: shape.metadata.get("error", {}).get("httpStatusCode") for shape in operation.error_shapes}
    if set(body) != {"message"} | ({"__type"} if protocol == "json" else set()):
        yield f"an error with the members {sorted(body)}"
    if not body.get("message"):
        yield "an error without a message"
    constraint = code == "InvalidInputException" and CONSTRAINT.match(body.get("message", ""))
    if code not in modelled.keys() | ANYWHERE and not constraint:
        yield f"the error {code} is not modelled: {body.get('message')}"
    if code in modelled and answer["status_code"] != (modelled[code] or 400):
        yield f"{code} with status {answer['status_code']}"


def _refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is not JSON")
