"""Requests at which moto would fail, or has failed, and which AWS refuses: with a 4xx, which no SDK retries.

Read off botocore's service models: is there such an operation, is the body what its protocol says, are the required
members there and of their types, and was it something that the request names that moto did not find? Sources: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree
from xml.parsers.expat import ExpatError

from fakepersonalize import errors

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

# Signing names that botocore has other names for, or several services share; all others are the same.
SERVICES = {
    "airflow": ("mwaa",),
    "apigateway": ("apigateway", "apigatewayv2"),
    "aps": ("amp",),
    "elasticfilesystem": ("efs",),
    "es": ("es", "opensearch"),
    "mobiletargeting": ("pinpoint",),
    "ses": ("ses", "sesv2"),
    "elasticloadbalancing": ("elbv2", "elb"),
    "email": ("ses",),
    "monitoring": ("cloudwatch",),
    "rds": ("rds", "neptune", "docdb"),
    "states": ("stepfunctions",),
    "tagging": ("resourcegroupstaggingapi",),
}
QUERIES = {"query", "ec2"}  # protocols with an Action in a form or a query
KNOWN_SERVICES = 64  # models that stay in memory
REST_JSON, REST_XML = "rest-json", "rest-xml"
TYPES: Mapping[str, type | tuple[type, ...]] = {  # of values in JSON
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
}
BAD_REQUEST, NOT_FOUND, METHOD_NOT_ALLOWED = 400, 404, 405

UNREADABLE = (json.JSONDecodeError, UnicodeDecodeError, ExpatError)
CANNOT_READ = "The request body could not be read"
NO_ACTION = "The action {action} is not valid for this web service."
MALFORMED = "The authorization header is malformed"
NO_METHOD = "The specified method is not allowed against this resource."
NOT_A_NUMBER = "{value} is not a valid value for {name}: expected a whole number"
NO_NUMBER = "{value} is not a valid value: expected a whole number"
OTHER_TYPE = "The value at '{path}' is not of type {type}"
NOT_THERE = "The resource does not exist: {name}"
LACKS_ELEMENT = "The XML that you provided lacks the element {name}"

_NO_INTEGER = re.compile(r"invalid literal for int\(\) with base \d+: '(.*)'", re.DOTALL)  # Python's words
_MISSING = re.compile("NotFound|NoSuch|NotExist")  # in the codes of errors


class Refusal(NamedTuple):
    """An error as AWS would send it."""

    code: str
    message: str
    status: int = BAD_REQUEST


class Asked(NamedTuple):
    """A request as far as it matters here: signing name, value of X-Amz-Target or "", and the body or the query.

    Where method and path say which operation it is, as in REST, they are there as well.
    """

    service: str
    target: str
    body: bytes
    method: str = ""
    path: str = ""


def unknown(asked: Asked) -> Refusal | None:
    """Return the refusal of an operation that AWS does not have; moto would call any method that is named so."""
    if asked.path:  # to read a model takes time; moto answers 404
        return None
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
    operation = _asked_for(asked)
    if operation is None:
        return None
    if asked.path:
        try:
            return _rest_problem(operation, asked)
        except RecursionError:
            return Refusal("SerializationException", CANNOT_READ)
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
    return _refusal_of_value(error, asked) if asked else None


def _refusal_of_value(error: Exception, asked: Asked) -> Refusal | None:
    """Return the refusal of a value in a request: moto looked for it in vain, or took it for a number."""
    sent = _sent(asked)
    if isinstance(error, KeyError):
        if lacking := _taken_for_granted(error, asked):
            return lacking
        names = [name for found in error.args for name in (found if isinstance(found, tuple) else (found,))]
        if names and all(isinstance(name, str) and name in sent for name in names):
            operation = _asked_for(asked)
            codes = (shape for shape in operation.error_shapes if _MISSING.search(shape.name)) if operation else ()
            found = next((shape.metadata.get("error", {}).get("code", shape.name) for shape in codes), None)
            return Refusal(found or "ResourceNotFoundException", NOT_THERE.format(name=names[-1][:100]), NOT_FOUND)
    literal = _NO_INTEGER.fullmatch(str(error)) if isinstance(error, ValueError) else None
    if literal and literal[1] in sent:
        return Refusal("ValidationError" if not asked.target else "ValidationException", _no_number(literal[1]))
    return None


def _taken_for_granted(error: KeyError, asked: Asked) -> Refusal | None:
    """Return the refusal of a body without a member that botocore calls optional, and moto needs nevertheless."""
    operation = _asked_for(asked)
    shape: Any = operation.input_shape if operation else None
    if shape is None or not (asked.path or asked.target):
        return None
    if payload := shape.serialization.get("payload"):
        shape = shape.members[payload]
    names = {_field(name, shape) for name in _in_body(shape)} if shape.type_name == "structure" else set()
    if len(error.args) != 1 or error.args[0] not in names or f'"{error.args[0]}"'.encode() in asked.body:
        return None
    return _lacking([_path("", error.args[0])], "ValidationException")


def _no_number(value: str) -> str:
    return NO_NUMBER.format(value=value[:100])


def _sent(asked: Asked) -> set[str]:
    """Return the texts that a request consists of: parts of its path, and values of its query or body."""
    parts = {unquote(part) for part in asked.path.split("/")} - {""}
    try:
        return parts | set(_texts(json.loads(asked.body)))
    except (ValueError, RecursionError):
        return parts | {value for values in parse_qs(asked.body.decode("latin-1"), True).values() for value in values}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(each)


def _rest_problem(operation: OperationModel, asked: Asked) -> Refusal | None:
    """Look at the members that lie in the body; those in the path are there, or it were another operation."""
    shape: Any = operation.input_shape
    if shape is None:
        return None
    if payload := shape.serialization.get("payload"):
        shape = shape.members[payload]
        if shape.type_name != "structure":
            return None
    if operation.service_model.metadata["protocol"] == REST_XML:
        return _xml_problem(shape, asked.body) if _in_body(shape) else None
    members = _json_members(asked)
    if members is None:
        return Refusal("SerializationException", errors.NOT_AN_OBJECT)
    return _misfit(shape, members, "")


def _json_members(asked: Asked) -> dict[str, Any] | None:
    """Return the object that the body holds; None where it holds none."""
    try:
        members = json.loads(asked.body or b"{}")
    except (ValueError, RecursionError):
        return None
    return members if isinstance(members, dict) else None


def _misfit(shape: Any, value: Any, path: str) -> Refusal | None:
    """Return the refusal of the first member that a value in JSON lacks, or has of another type."""
    wanted: Any = TYPES.get(shape.type_name, object)
    if not isinstance(value, wanted) or (isinstance(value, bool) and shape.type_name != "boolean"):
        return Refusal("SerializationException", OTHER_TYPE.format(path=path, type=shape.type_name))
    inner: Iterable[tuple[Shape, Any, str]] = ()
    if shape.type_name == "structure":
        members = {_field(name, shape): member for name, member in _in_body(shape).items()}
        for name in shape.required_members:
            if name in _in_body(shape) and value.get(_field(name, shape)) is None:
                return _lacking([_path(path, _field(name, shape))], "ValidationException")
        inner = ((members[name], each, _path(path, name)) for name, each in value.items() if name in members)
    elif shape.type_name == "list":
        inner = ((shape.member, each, f"{path}.{place}.member") for place, each in enumerate(value, start=1))
    elif shape.type_name == "map":
        inner = ((shape.value, each, f"{path}.{name}.member") for name, each in value.items())
    return next((found for each in inner if each[1] is not None and (found := _misfit(*each))), None)


def _path(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name[:1].lower() + name[1:]


def _in_body(shape: StructureShape) -> dict[str, Shape]:
    return {name: member for name, member in shape.members.items() if not member.serialization.get("location")}


def _xml_problem(shape: StructureShape, body: bytes) -> Refusal | None:
    try:
        lacking = _lacks(shape, ElementTree.fromstring(body))  # noqa: S314 - a megabyte at most
    except (ElementTree.ParseError, ValueError, LookupError):
        return Refusal("MalformedXML", CANNOT_READ)
    return Refusal("MalformedXML", LACKS_ELEMENT.format(name=lacking)) if lacking else None


def _lacks(shape: StructureShape, element: ElementTree.Element) -> str | None:
    """Return the first required element that is not there, in structures that are."""
    children = {child.tag.rpartition("}")[2]: child for child in element}
    for name, member in _in_body(shape).items():
        child = children.get(_field(name, shape))
        if child is None and name in shape.required_members:
            return _field(name, shape)
        if child is not None and member.type_name == "structure" and (found := _lacks(cast(Any, member), child)):
            return found
    return None


def _json_problem(operation: OperationModel, asked: Asked) -> Refusal | None:
    members = _json_members(asked)
    if members is None:
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
    return _lacking([_path("", name) for name in names], code) if names else None


def _lacking(paths: list[str], code: str) -> Refusal:
    found = "; ".join(errors.VIOLATION.format(value="null ", path=path, constraint=errors.NOT_NULL) for path in paths)
    plural = "" if len(paths) == 1 else "s"
    return Refusal(code, errors.DETECTED.format(count=len(paths), s=plural, violations=found))


def _asked_for(asked: Asked) -> OperationModel | None:
    """Return the operation that a request asks for, if there is one."""
    models = _models(asked.service)
    if asked.path:
        return next((found for model in models if (found := _at(model, asked.method, asked.path))), None)
    return _operation(models, asked.target.rpartition(".")[2] or _fields(asked).get("Action", ""))


def _at(model: ServiceModel, method: str, path: str) -> OperationModel | None:
    """Return the operation of REST at a path; of several, the one with the fewest names in it."""
    found = [name for names, wanted, pattern, name in _paths(model) if wanted == method and pattern.fullmatch(path)]
    return model.operation_model(found[0]) if found else None


@lru_cache(maxsize=KNOWN_SERVICES)
def _paths(model: ServiceModel) -> list[tuple[int, str, re.Pattern[str], str]]:
    if model.metadata["protocol"] not in (REST_JSON, REST_XML):
        return []
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        parts = re.split(r"(\{[^}]*\})", http["requestUri"].partition("?")[0].rstrip("/"))
        pattern = "".join(
            re.escape(part) if not part.startswith("{") else ".+" if part.endswith("+}") else "[^/]+" for part in parts
        )
        found.append((len(parts), http["method"], re.compile(pattern + "/?"), name))
    return sorted(found, key=lambda each: each[0])


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
