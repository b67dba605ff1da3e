"""Requests at which moto would fail, or has failed, and which AWS refuses: with a 4xx, which no SDK retries.

Read off botocore's service models: is there such an operation, is the body what its protocol says, are the required
members there? Sources: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs
from xml.parsers.expat import ExpatError

from fakepersonalize import errors

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel, StructureShape

# Signing names that botocore has other names for, or several services share; all others are the same.
SERVICES = {
    "elasticloadbalancing": ("elbv2", "elb"),
    "email": ("ses",),
    "monitoring": ("cloudwatch",),
    "rds": ("rds", "neptune", "docdb"),
    "states": ("stepfunctions",),
    "tagging": ("resourcegroupstaggingapi",),
}
QUERIES = {"query", "ec2"}  # protocols with an Action in a form or a query
KNOWN_SERVICES = 64  # models that stay in memory
BAD_REQUEST, METHOD_NOT_ALLOWED = 400, 405

UNREADABLE = (json.JSONDecodeError, UnicodeDecodeError, ExpatError)
CANNOT_READ = "The request body could not be read"
NO_ACTION = "The action {action} is not valid for this web service."
MALFORMED = "The authorization header is malformed"
NO_METHOD = "The specified method is not allowed against this resource."
NOT_A_NUMBER = "{value} is not a valid value for {name}: expected a whole number"


class Refusal(NamedTuple):
    """An error as AWS would send it."""

    code: str
    message: str
    status: int = BAD_REQUEST


class Asked(NamedTuple):
    """A request as far as it matters here: signing name, value of X-Amz-Target or "", and the body or the query."""

    service: str
    target: str
    body: bytes


def unknown(asked: Asked) -> Refusal | None:
    """Return the refusal of an operation that AWS does not have; moto would call any method that is named so."""
    if asked.target:
        prefix, dot, name = asked.target.rpartition(".")
        judged = [model for model in _models(asked.service) if model.metadata.get("targetPrefix") == prefix]
        if not dot or (judged and _operation(judged, name) is None):
            return Refusal("UnknownOperationException", "")
        return None
    judged = [model for model in _models(asked.service) if _takes_queries(model)]
    action = _fields(asked).get("Action", "")
    if judged and _operation(judged, action) is None:
        return Refusal("InvalidAction", NO_ACTION.format(action=action[:100]))
    return None


def incomplete(asked: Asked) -> Refusal | None:
    """Return the refusal of a body that is not what its protocol says, or lacks a required member."""
    operation = _operation(_models(asked.service), asked.target.rpartition(".")[2] or _fields(asked).get("Action", ""))
    if operation is None:
        return None
    return _json_problem(operation, asked) if asked.target else _query_problem(operation, asked)


def refusal_after(error: Exception, asked: Asked | None, authorization: str) -> Refusal | None:
    """Return the refusal of a request, if it is one, at which moto failed; `authorization` is the header's value."""
    if found := incomplete(asked) if asked else None:
        return found
    if isinstance(error, NotImplementedError) and str(error).startswith("Method "):
        return Refusal("MethodNotAllowed", NO_METHOD, METHOD_NOT_ALLOWED)
    if isinstance(error, KeyError) and error.args == ("DEFAULT",):  # a POST for an object, without ?uploads
        return Refusal("MethodNotAllowed", NO_METHOD, METHOD_NOT_ALLOWED)
    if isinstance(error, KeyError) and error.args == ("HTTP_X_AMZ_TARGET",):
        return Refusal("UnknownOperationException", "")
    if isinstance(error, UNREADABLE) or type(error).__name__ == "RequestParserError":  # the latter is moto's
        return Refusal("SerializationException", CANNOT_READ)
    if type(error).__name__ == "OperationNotFoundError":  # botocore's, of a service whose model is not known here
        return Refusal("InvalidAction", NO_ACTION.format(action=str(error)[:100]))
    if isinstance(error, IndexError) and authorization and len(authorization.split()) < 2:
        return Refusal("AuthorizationHeaderMalformed", MALFORMED)
    return None


def _json_problem(operation: OperationModel, asked: Asked) -> Refusal | None:
    try:
        members = json.loads(asked.body or b"{}")
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        return Refusal("SerializationException", errors.NOT_AN_OBJECT)
    return _missing(operation, members, "ValidationException")


def _query_problem(operation: OperationModel, asked: Asked) -> Refusal | None:
    fields, shape = _fields(asked), operation.input_shape
    members = {name: _field(name, shape) for name in shape.members} if shape else {}
    given = {name for name, field in members.items() if any(f == field or f.startswith(f"{field}.") for f in fields)}
    for name in given:
        value = fields.get(members[name], "0")
        if shape and shape.members[name].type_name in ("integer", "long") and not value.lstrip("+-").isdecimal():
            return Refusal("ValidationError", NOT_A_NUMBER.format(value=value[:100], name=members[name]))
    return _missing(operation, dict.fromkeys(given, ""), "ValidationError")


def _fields(asked: Asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(asked.body.decode("latin-1"), True).items()}


def _takes_queries(model: ServiceModel) -> bool:
    found: list[str] = model.metadata.get("protocols", [model.metadata["protocol"]])
    return not QUERIES.isdisjoint(found)


def _field(name: str, shape: StructureShape) -> str:
    found: str = shape.members[name].serialization.get("name", name)
    return found


def _missing(operation: OperationModel, members: Mapping[str, Any], code: str) -> Refusal | None:
    """Return the refusal of a request without its required members, in the words that AWS's services share."""
    shape = operation.input_shape
    names = [name for name in (shape.required_members if shape else ()) if members.get(name) is None]
    if not names:
        return None
    found = "; ".join(
        errors.VIOLATION.format(value="null ", path=name[:1].lower() + name[1:], constraint=errors.NOT_NULL)
        for name in names
    )
    plural = "" if len(names) == 1 else "s"
    return Refusal(code, errors.DETECTED.format(count=len(names), s=plural, violations=found))


def _operation(models: Iterable[ServiceModel], name: str) -> OperationModel | None:
    return next((model.operation_model(name) for model in models if name in model.operation_names), None)


def _models(service: str) -> list[ServiceModel]:
    return [model for name in SERVICES.get(service, (service,)) if name and (model := _model(name))]


@lru_cache(maxsize=KNOWN_SERVICES)
def _model(service: str) -> ServiceModel | None:
    from botocore.exceptions import UnknownServiceError
    from botocore.model import ServiceModel

    try:
        return ServiceModel(_loader().load_service_model(service, "service-2"), service)
    except UnknownServiceError:
        return None


@cache
def _loader() -> Any:
    from botocore.loaders import create_loader

    return create_loader()
