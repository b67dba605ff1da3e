"""Requests are read from bytes and answers are written to bytes, both along the shapes of an operation.

Wire formats: AWS JSON 1.1 (https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html) for the control plane, REST
JSON (https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html) for runtime and events; all members of these
services travel in the body. Each shape is compiled once into nested functions, because GetRecommendations pays for them
in every call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from fakepersonalize import errors
from fakepersonalize.errors import SerializationException, ServiceError
from fakepersonalize.protocol.service_models import Operation
from fakepersonalize.protocol.wire import Incoming, Reply, WireProtocol

if TYPE_CHECKING:
    from botocore.model import ListShape, MapShape, Shape, StructureShape

Reader = Callable[[Any], Any]
Writer = Callable[[Any], Any]

REQUEST_ID = "x-amzn-requestid"
CONTENT_TYPES: Mapping[WireProtocol, str] = {"json": "application/x-amz-json-1.1", "rest-json": "application/json"}

_WANTED = {
    "boolean": "a Boolean",
    "double": "a Double",
    "float": "a Float",
    "integer": "an Integer",
    "list": "a List",
    "long": "a Long",
    "map": "a Map",
    "string": "a String",
    "structure": "a Structure",
    "timestamp": "a Timestamp",
}
_PYTHON_TYPES = {"string": str, "boolean": bool}
_WHOLE_BOUNDS = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_LARGEST_FRACTION = {"float": 3.4028234663852886e38, "double": 1.7976931348623157e308}
# What datetime can hold, years 1 to 9999, so that no later conversion can fail; in epoch seconds.
_EARLIEST, _LATEST = -62_135_596_800.0, 253_402_300_799.0
_LONGEST_NAME_SHOWN = 64


class Written(list[Any]):
    """A list of what JSON can hold already, cut to what its shape declares: the longest part of a hot answer."""


def read(operation: Operation, incoming: Incoming) -> dict[str, Any]:
    """Return the members of a request as Python values of the types that the model declares.

    Null means absent and is dropped. Numbers of doubles and floats become float, timestamps float epoch seconds (from a
    number, a numeric string or ISO 8601 text). Unknown members stay: `constraints.check` names them. Raises
    SerializationException for what is no JSON object, and for a value of the wrong type with a sentence naming it.
    """
    document = parse_json(incoming.body) if incoming.body else {}
    if type(document) is not dict:
        raise SerializationException(errors.NOT_AN_OBJECT)
    try:
        request: dict[str, Any] = _request_reader(operation)(document)
    except _WrongTypeError as wrong:
        raise SerializationException(wrong.sentence()) from None
    return request


def write(operation: Operation, result: Mapping[str, Any] | None, request_id: str) -> Reply:
    """Return the answer of a call that went well, cut to the members that its output shape declares.

    Members that are None are left out. A timestamp, an aware datetime or epoch seconds, becomes seconds with
    milliseconds. Without an output shape the body is `{}` on the control plane and empty elsewhere.
    """
    headers = _headers(operation.protocol, request_id)
    if operation.output is None:
        return Reply(200, headers, b"{}" if operation.protocol == "json" else b"")
    return Reply(200, headers, _encoded(_answer_writer(operation)(result or {})))


def again(reply: Reply, request_id: str) -> Reply:
    """Return the same answer to another request."""
    return Reply(reply.status, reply.headers | {REQUEST_ID: request_id}, reply.body)


def write_error(
    operation: Operation | None,
    error: ServiceError,
    request_id: str,
    protocol: WireProtocol = "json",
    teach: bool = True,
) -> Reply:
    """Return the answer of a call that failed, in the operation's protocol, or in `protocol` where none was found.

    The HTTP status is the model's for this operation and code, else the error's own.
    """
    protocol = operation.protocol if operation else protocol
    status = int(operation.errors.get(error.code, error.status) if operation else error.status)
    headers, message = _headers(protocol, request_id), error.text(teach)
    if protocol == "json":
        return Reply(status, headers, _encoded({"__type": error.code, "message": message}), error.code)
    return Reply(status, headers | {"x-amzn-ErrorType": error.code}, _encoded({"message": message}), error.code)


def parse_json(body: bytes) -> Any:
    """Return the value of a JSON text in UTF-8; SerializationException where it is not one."""
    try:
        return json_value(body)
    except ValueError as error:
        raise SerializationException(errors.NOT_JSON.format(reason=error)) from None


def json_value(text: bytes) -> Any:
    """Return the value of a JSON text in UTF-8; ValueError, which says why, where it is not one.

    Strict where Python is not: no NaN, no infinity, no lone surrogates (nothing could store them), no endless nesting.
    """
    try:
        decoded = text.decode("utf-8")
        value = _DECODER.decode(decoded)
        if "\\ud" in decoded or "\\uD" in decoded:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError:
        raise ValueError("it is not valid UTF-8") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:
        raise ValueError(f"a number of {len(digits):,} digits is too long") from None


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_integer)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))


def _encoded(value: Mapping[str, Any]) -> bytes:
    # A lone surrogate (from a strange path, say) comes out as the \udc80 that JSON has for it.
    return _ENCODER.encode(value).encode("utf-8", "backslashreplace")


def _headers(protocol: WireProtocol, request_id: str) -> dict[str, str]:
    return {"content-type": CONTENT_TYPES[protocol], REQUEST_ID: request_id}


# Reading: a reader takes a JSON value and returns it as the declared type, or raises _WrongTypeError.


class _WrongTypeError(Exception):
    """A value of the wrong JSON type; the readers around it add where it stands, innermost first."""

    def __init__(self, value: Any, type_name: str) -> None:
        super().__init__()
        self.value, self.type_name = value, type_name
        self.path: list[str] = []

    def at(self, *names: str) -> _WrongTypeError:
        self.path.extend(name[:_LONGEST_NAME_SHOWN] for name in names)
        return self

    def sentence(self) -> str:
        path = ".".join(reversed(self.path))
        if isinstance(self.value, dict):
            return errors.STRUCTURE_NOT_EXPECTED.format(path=path)
        if isinstance(self.value, list):
            return errors.LIST_NOT_EXPECTED.format(path=path)
        return errors.NOT_CONVERTIBLE.format(token=self._token(), wanted=_WANTED[self.type_name], path=path)

    def _token(self) -> str:
        if isinstance(self.value, bool):
            return f"{self.value}_VALUE".upper()
        return "STRING_VALUE" if isinstance(self.value, str) else "NUMBER_VALUE"


@cache
def _request_reader(operation: Operation) -> Reader:
    return _reader(operation.input)


def _reader(shape: Shape) -> Reader:
    return _READERS[shape.type_name](shape)


def _structure_reader(shape: StructureShape) -> Reader:
    readers = {name: _reader(member) for name, member in shape.members.items()}

    def read_structure(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise _WrongTypeError(value, "structure")
        members = {}
        for name, member in value.items():
            if member is None:
                continue
            reader = readers.get(name)
            try:
                members[name] = reader(member) if reader else member
            except _WrongTypeError as wrong:
                raise wrong.at(name) from None
        return members

    return read_structure


def _list_reader(shape: ListShape) -> Reader:
    reader = _reader(shape.member)

    def read_list(value: Any) -> list[Any]:
        if type(value) is not list:
            raise _WrongTypeError(value, "list")
        items: list[Any] = []
        for item in value:
            try:
                items.append(None if item is None else reader(item))
            except _WrongTypeError as wrong:
                raise wrong.at("member", str(len(items) + 1)) from None
        return items

    return read_list


def _map_reader(shape: MapShape) -> Reader:
    reader = _reader(shape.value)

    def read_map(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise _WrongTypeError(value, "map")
        entries = {}
        for key, item in value.items():
            try:
                entries[key] = None if item is None else reader(item)
            except _WrongTypeError as wrong:
                raise wrong.at("member", key) from None
        return entries

    return read_map


def _plain_reader(shape: Shape) -> Reader:
    kind, python_type = shape.type_name, _PYTHON_TYPES[shape.type_name]

    def read_plain(value: Any) -> Any:
        if type(value) is not python_type:
            raise _WrongTypeError(value, kind)
        return value

    return read_plain


def _whole_number_reader(shape: Shape) -> Reader:
    kind, (low, high) = shape.type_name, _WHOLE_BOUNDS[shape.type_name]

    def read_whole_number(value: Any) -> int:
        number = int(value) if type(value) is float and value.is_integer() else value
        if type(number) is not int or not low <= number <= high:  # a bool is no number here
            raise _WrongTypeError(value, kind)
        return number

    return read_whole_number


def _fraction_reader(shape: Shape) -> Reader:
    kind, largest = shape.type_name, _LARGEST_FRACTION[shape.type_name]

    def read_fraction(value: Any) -> float:
        if type(value) not in (int, float) or not -largest <= value <= largest:
            raise _WrongTypeError(value, kind)
        return float(value)

    return read_fraction


def _timestamp_reader(shape: Shape) -> Reader:
    def read_timestamp(value: Any) -> float:
        try:
            seconds = _epoch_seconds(value) if type(value) in (int, float, str) else None
        except (ValueError, OverflowError):
            seconds = None
        if seconds is None or not _EARLIEST <= seconds <= _LATEST:
            raise _WrongTypeError(value, shape.type_name)
        return seconds

    return read_timestamp


def _epoch_seconds(value: float | str) -> float:
    """Return epoch seconds from a number, its text, or ISO 8601 text; text without a zone is UTC."""
    try:
        return float(value)
    except ValueError:
        moment = datetime.fromisoformat(str(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


_READERS: Mapping[str, Callable[[Any], Reader]] = {
    "structure": _structure_reader,
    "list": _list_reader,
    "map": _map_reader,
    "string": _plain_reader,
    "boolean": _plain_reader,
    "integer": _whole_number_reader,
    "long": _whole_number_reader,
    "float": _fraction_reader,
    "double": _fraction_reader,
    "timestamp": _timestamp_reader,
}


# Writing: a writer takes a value of ours and returns what JSON can hold of it.


@cache
def _answer_writer(operation: Operation) -> Writer:
    return _structure_writer(operation.output)


def _writer(shape: Shape) -> Writer | None:
    """Return what turns a value into what JSON can hold; None where it is that already."""
    kind = shape.type_name
    return _CONVERSIONS[kind] if kind in _CONVERSIONS else _CONTAINER_WRITERS[kind](shape)


def _structure_writer(shape: StructureShape) -> Writer:
    writers = {name: _writer(member) for name, member in shape.members.items()}

    def write_structure(value: Mapping[str, Any]) -> dict[str, Any]:
        written = {}
        for name, member in value.items():
            if member is not None and name in writers:
                writer = writers[name]
                written[name] = writer(member) if writer else member
        return written

    return write_structure


def _list_writer(shape: ListShape) -> Writer:
    writer = _writer(shape.member)
    if writer is None:
        return list

    def write_list(value: Iterable[Any]) -> list[Any]:
        return value if type(value) is Written else [writer(item) for item in value]

    return write_list


def _map_writer(shape: MapShape) -> Writer:
    writer = _writer(shape.value)

    def write_map(value: Mapping[str, Any]) -> dict[str, Any]:
        return {key: writer(item) if writer else item for key, item in value.items() if item is not None}

    return write_map


def _written_timestamp(value: datetime | float) -> float:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("A timestamp without a zone would be read in the zone of this machine")
        value = value.timestamp()
    return round(float(value), 3)


_CONTAINER_WRITERS: Mapping[str, Callable[[Any], Writer]] = {
    "structure": _structure_writer,
    "list": _list_writer,
    "map": _map_writer,
}
# float() and int() also take numpy's scalars, which JSON would refuse.
_CONVERSIONS: Mapping[str, Writer | None] = {
    "string": None,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "timestamp": _written_timestamp,
}
