"""Bodies of PutEvents and its like, each a JSON text or one on each line, against the schema of their dataset."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from fakepersonalize.datasets.csv_rows import LINE_BYTES
from fakepersonalize.datasets.live import Inlet
from fakepersonalize.datasets.schema import Schema
from fakepersonalize.datasets.values import LAST_SECOND
from fakepersonalize.errors import (
    BAD_PROPERTIES,
    EVENT_WITHOUT_ITEM,
    FORBIDDEN_KEY,
    LARGE_EVENT,
    MILLISECONDS,
    NULL_VALUE,
    WRONG_VALUE,
    ServiceError,
)
from fakepersonalize.lint.findings import WARNING, Finding
from fakepersonalize.protocol import constraints, messages
from fakepersonalize.protocol.service_models import Operation, ServiceModels
from fakepersonalize.protocol.wire import Incoming

# The operations: the member with events or records, and in each of these the one with its time or its id.
PAYLOADS = {
    "PutEvents": ("eventList", "sentAt"),
    "PutActionInteractions": ("actionInteractions", "timestamp"),
    "PutItems": ("items", "itemId"),
    "PutUsers": ("users", "userId"),
    "PutActions": ("actions", "actionId"),
}
FIXES = {
    BAD_PROPERTIES: "properties is a JSON text of one object: json.dumps it once, not twice and not never",
    FORBIDDEN_KEY: "make it a member of the event, beside properties",
    EVENT_WITHOUT_ITEM: "add itemId to the event",
    LARGE_EVENT: "send less in properties",
    NULL_VALUE: 'add it to properties in camel case, or make the field\'s type ["null", ...]',
    WRONG_VALUE: "write the value in the type of the schema's field",
}
WORD, ARN = "Viewed", "arn:aws:personalize:us-east-1:123456789012:dataset/group/ITEMS"  # in the place of what is wrong
SHAPE = "change the request as the sentence says"
TIME = "write the time as a number of seconds since 1970-01-01 UTC; divide milliseconds by 1000"


def check(file: Path, operation: str, schema: Schema) -> Iterator[Finding]:
    """Yield what is wrong with the requests in a file, in bounded memory."""
    found = ServiceModels().operation(operation)
    for line, body in _bodies(file):
        if len(body) > LINE_BYTES:
            yield Finding(str(file), "shape", f"The request is larger than {LINE_BYTES >> 20} MiB.", SHAPE, line=line)
        else:
            yield from _of_request(file, line, body, found, schema)


def _bodies(file: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the requests in a file with their lines: the file is one, or each of its lines is."""
    with open(file, "rb") as stream:
        start = stream.read(LINE_BYTES + 1)
        if len(start) <= LINE_BYTES and _is_json(start):
            yield 1, start
            return
        stream.seek(0)
        number = 0
        while line := stream.readline(LINE_BYTES + 1):
            number += 1
            if line.strip():
                yield number, line
            while len(line) > LINE_BYTES and not line.endswith(b"\n"):
                line = stream.readline(LINE_BYTES + 1)


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _of_request(file: Path, line: int, body: bytes, operation: Operation, schema: Schema) -> Iterator[Finding]:
    """Yield what is wrong with each event or record as if it came alone; what is left is about all together."""
    inlet = Inlet(0, schema)
    member, key = PAYLOADS[operation.name]
    request = _parsed(body)
    sent = request[member] if isinstance(request.get(member), list) else []
    whole = request | {member: [_blank(operation, member)] * len(sent)}  # with nothing wrong in its parts
    about_all = _request(operation, json.dumps(whole).encode() if sent else body)
    envelope = whole if not isinstance(about_all, ServiceError) else _stand_ins(operation.input)
    for place, part in enumerate(sent):
        where = f"{member}[{place}]"
        mended, refusals = _mended(operation, member, part, envelope)
        yield from (_refusal(file, line, refused, where) for refused in refusals)
        if mended is None:
            continue
        (row,) = mended[member]
        if isinstance(row[key], float) and row[key] > LAST_SECOND:
            text, fix = MILLISECONDS.format(column=key), f"divide by 1000: {row[key] / 1000:.0f}"
            yield Finding(str(file), "milliseconds", text, fix, line=line, column=f"{where}.{key}", level=WARNING)
        session = row.get("sessionId") or mended.get("sessionId", "")
        for refusal in inlet.problems(row, partial(_row, inlet, operation.name, mended, row), session):
            fixes = (fix for sentence, fix in FIXES.items() if refusal.message.startswith(sentence.partition("{")[0]))
            yield Finding(str(file), "value", refusal.message, next(fixes, SHAPE), refusal.hint, line, where)
    if isinstance(about_all, ServiceError):
        yield _refusal(file, line, about_all, None)


def _parsed(body: bytes) -> dict[str, Any]:
    """Return the object in a body, an empty one where it is none."""
    try:
        request = messages.parse_json(body)
    except ServiceError:
        return {}
    return request if isinstance(request, dict) else {}


def _mended(
    operation: Operation, member: str, event: Any, envelope: Mapping[str, Any]
) -> tuple[dict[str, Any] | None, list[ServiceError]]:
    """Return a request with one event or record in which others stand for what is wrong, and the refusals of that.

    Each member is looked at by itself, since the first that cannot be read hides the others. Of properties that are
    wrong nothing can be told, hence None.
    """

    def asked(part: Any) -> dict[str, Any] | ServiceError:
        return _request(operation, json.dumps({**envelope, member: [part]}).encode())

    answer, blank = asked(event), _blank(operation, member)
    if not isinstance(answer, ServiceError):
        return answer, []
    if not isinstance(event, dict):
        return None, [answer]
    answers = {name: asked(blank | {name: value}) for name, value in event.items()}
    wrong = {name: answer for name, answer in answers.items() if isinstance(answer, ServiceError)}
    missing = asked({name: value for name, value in blank.items() if name in event})
    refusals = [*wrong.values(), *([missing] if isinstance(missing, ServiceError) else [])]
    instead = _stand_ins(operation.input.members[member].member, wrong)
    mended = asked(blank | {name: value for name, value in event.items() if name not in wrong} | instead)
    return (None if isinstance(mended, ServiceError) or "properties" in wrong else mended), refusals


def _blank(operation: Operation, member: str) -> dict[str, Any]:
    """Return an event or record with only what it must have."""
    return _stand_ins(operation.input.members[member].member)


def _stand_ins(shape: Any, names: Collection[str] | None = None) -> dict[str, Any]:
    """Return good values of some members, or of all that are required; of structures there are none."""
    wanted = shape.required_members if names is None else names
    values = {name: _stand_in(shape.members[name]) for name in wanted if name in shape.members}
    return {name: value for name, value in values.items() if value is not None}


def _stand_in(shape: Any) -> Any:
    """Return a value that no rule is against."""
    if shape.type_name == "list":
        return [_stand_in(shape.member)]
    if shape.type_name == "string":
        return ARN if "Arn" in shape.name else WORD
    return 0 if shape.type_name in ("timestamp", "float", "double", "integer", "long") else None


def _request(operation: Operation, body: bytes) -> dict[str, Any] | ServiceError:
    """Read a request as the server does."""
    try:
        request = messages.read(operation, Incoming("POST", "/", {}, body))
        constraints.check(operation, request)
    except ServiceError as problem:
        return problem
    return request


def _refusal(file: Path, line: int, problem: ServiceError, where: str | None) -> Finding:
    fix = TIME if "Timestamp" in problem.message else SHAPE
    return Finding(str(file), "shape", problem.message, fix, problem.hint, line, where)


def _row(inlet: Inlet, operation: str, request: Mapping[str, Any], sent: Mapping[str, Any]) -> object:
    """Make the row of an event or record as the server does."""
    if operation == "PutEvents":
        return inlet.events({**request, "eventList": [sent]})
    if operation == "PutActionInteractions":
        return inlet.action_interactions([sent])
    return inlet.record(sent[PAYLOADS[operation][1]], sent.get("properties"))
