"""All operations by botocore's models, and the smallest request that the model of each allows."""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

SERVICES = ("personalize", "personalize-runtime", "personalize-events")
NUMBERS = {"integer": 1, "long": 1, "float": 1.0, "double": 1.0, "timestamp": 1_600_000_000, "boolean": True}
ARN = "arn:aws:personalize:us-east-1:123456789012:thing/name"
ROLE = "arn:aws:iam::123456789012:role/name"


def operations() -> list[OperationModel]:
    session = botocore.session.Session()
    models = [session.get_service_model(service) for service in SERVICES]
    return [model.operation_model(name) for model in models for name in model.operation_names]


def request(operation: OperationModel) -> dict[str, Any]:
    """Return a request that holds what is required and nothing else."""
    found: dict[str, Any] = value(operation.input_shape, "") if operation.input_shape else {}
    return found


def value(shape: Shape, name: str) -> Any:
    """Return a value of a shape; names and patterns of the model tell what a text looks like."""
    if isinstance(shape, StructureShape):
        return {member: value(shape.members[member], member) for member in shape.required_members}
    if isinstance(shape, ListShape):
        return [value(shape.member, name)]
    if isinstance(shape, MapShape):
        return {}
    return NUMBERS[shape.type_name] if shape.type_name in NUMBERS else _text(shape, name)


def _text(shape: Shape, name: str) -> str:
    if getattr(shape, "enum", None):
        return str(shape.enum[0])
    if shape.name == "RoleArn":
        return ROLE
    if name.lower().endswith("arn"):
        return ARN
    return "s3://films/rows.csv" if "s3" in str(shape.metadata.get("pattern")) else "name"
