"""Bodies of PutEvents and its like, each a JSON text or one on each line, against the schema of their dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
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
from fakepersonalize.protocol.messages import Incoming
from fakepersonalize.protocol.service_models import Operation, ServiceModels

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
SHAPE = "change the request as the sentence says"
TIME = "write the time as a number of seconds since 1970-01-01 UTC; divide milliseconds by 1000"


def check(file: Path, operation: str, schema: Schema) -> Iterator[Finding]:
    """Yield what is wrong with the requests in a file, in bounded memory."""
    found = next(each for each in ServiceModels() if each.name == operation)
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
    inlet, said = Inlet(0, schema), set[str]()
    member, key = PAYLOADS[operation.name]
    for place, part in enumerate(_parts(body, member)):
        where = f"{member}[{place}]"
        request = _request(operation, part)
        if isinstance(request, ServiceError):
            if request.message not in said:
                said.add(request.message)
                yield _refusal(file, line, request, where)
            continue
        (sent,) = request[member]
        if isinstance(sent[key], float) and sent[key] > LAST_SECOND:
            text, fix = MILLISECONDS.format(column=key), f"divide by 1000: {sent[key] / 1000:.0f}"
            yield Finding(str(file), "milliseconds", text, fix, line=line, column=f"{where}.{key}", level=WARNING)
        for refusal in inlet.problems(sent, partial(_row, inlet, operation.name, request, sent)):
            fixes = (fix for sentence, fix in FIXES.items() if refusal.message.startswith(sentence.partition("{")[0]))
            yield Finding(str(file), "value", refusal.message, next(fixes, SHAPE), refusal.hint, line, where)
    whole = _request(operation, body)
    if isinstance(whole, ServiceError) and not said:
        yield _refusal(file, line, whole, None)


def _parts(body: bytes, member: str) -> list[bytes]:
    """Return a request for each event or record of one; none where it is no such request."""
    try:
        request = messages.parse_json(body)
    except ServiceError:
        return []
    sent = request.get(member) if isinstance(request, dict) else None
    return [json.dumps(request | {member: [each]}).encode() for each in sent] if isinstance(sent, list) else []


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
