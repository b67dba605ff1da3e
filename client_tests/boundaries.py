"""Every constraint of every input member, at its boundary and beyond: one change to a good request for each.

Shapes are botocore's; nothing of the emulator is used.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

# A text that obeys a pattern: what stands first, what fills it up to any length, what stands last.
WORDS = {
    None: ("", "a", ""),
    r"(s3|http|https)://.+": ("s3://", "a", ""),
    r"[A-Za-z0-9_]+": ("", "a", ""),
    r"[A-Za-z\d_]+": ("", "a", ""),
    r"[A-Za-z_][A-Za-z\d_]*": ("", "a", ""),
    r"\p{ASCII}{0,1500}": ("", "~", ""),
    r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$": ("", "é", ""),
    r"^[A-Za-z_]+$": ("", "a", ""),
    r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*": ("", "a", ""),
    r"^[\x20-\x7E]*[\x21-\x7E]+[\x20-\x7E]*$": ("", "a", ""),
    r"arn:([a-z\d-]+):iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+": ("arn:aws:iam::123456789012:role/", "a", ""),
    r"arn:([a-z\d-]+):personalize:.*:.*:.+": ("arn:aws:personalize:::", "a", ""),
    r"arn:aws.*:kms:.*:[0-9]{12}:key/.*": ("arn:aws:kms::123456789012:key/", "a", ""),
    r"rate\(\d+ days?\)": ("rate(", "1", " days)"),
}
WRONG_TYPES: dict[str, Any] = {
    "string": 5,
    "boolean": "true",
    "integer": "5",
    "double": "5",
    "float": "5",
    "timestamp": True,
    "list": {},
    "map": [],
    "structure": [],
}
MISSING = object()
# Lists for whose length the service has an error of its own.
TOO_LONG = {"tagKeys": "TooManyTagKeysException"}
INVALID, SERIALIZATION = "InvalidInputException", "SerializationException"


@dataclass(frozen=True)
class Case:
    """One change to a good request, and the code of the error that it must meet (None: accepted)."""

    what: str
    way: tuple[Any, ...]  # keys and indices to the value that is changed
    value: Any
    refused: str | None
    path: str  # how the refusal names the value


def word(shape: Any, length: int = 1) -> str:
    """Return a text of this length that obeys the shape's pattern, or the shortest one where it needs more."""
    first, fill, last = WORDS[shape.metadata.get("pattern")]
    return first + fill * max(1, length - len(first + last)) + last if length else ""


def number(shape: Any) -> Any:
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 10**6)
    value = min(max(low, 1), high)
    return value if shape.type_name == "integer" else float(value)


def good(shape: Any) -> Any:
    """Return a value with every member that the shape knows."""
    if "enum" in shape.metadata:
        return shape.metadata["enum"][0]
    if shape.type_name == "structure":
        return {name: good(member) for name, member in shape.members.items()}
    if shape.type_name == "list":
        return [good(shape.member)]
    if shape.type_name == "map":
        return {good(shape.key): good(shape.value)}
    if shape.type_name in ("boolean", "timestamp"):
        return True if shape.type_name == "boolean" else 1.0
    return word(shape) if shape.type_name == "string" else number(shape)


def holds_structures(shape: Any) -> bool:
    return shape.type_name == "structure" or (shape.type_name == "list" and holds_structures(shape.member))


def cases(shape: Any, way: tuple[Any, ...], path: str) -> Iterator[Case]:
    def case(what: str, value: Any, refused: str | None) -> Case:
        return Case(what, way, value, refused, path)

    yield case("wrong type", WRONG_TYPES[shape.type_name], SERIALIZATION)
    for value in shape.metadata.get("enum", []):
        yield case("enum value", value, None)
    if "enum" in shape.metadata:
        yield case("bad enum value", "NO_SUCH_VALUE", INVALID)
    if "pattern" in shape.metadata:
        yield case("pattern", "é\n", INVALID)
    yield from limit_cases(shape, path, case)
    yield from inner_cases(shape, way, path)


def sized(shape: Any, size: int) -> Any:
    """Return a good value of this length, or the number itself."""
    if shape.type_name == "string":
        return word(shape, size)
    if shape.type_name == "list":
        return [good(shape.member)] * size
    if shape.type_name == "map":
        return {word(shape.key, length): good(shape.value) for length in range(1, size + 1)}
    return size


def limit_cases(shape: Any, path: str, case: Callable[[str, Any, str | None], Case]) -> Iterator[Case]:
    is_number = shape.type_name in ("integer", "float", "double")
    if "max" in shape.metadata:
        yield case("at maximum", sized(shape, shape.metadata["max"]), None)
        code = TOO_LONG.get(path, INVALID) if shape.type_name == "list" else INVALID
        yield case("above maximum", sized(shape, shape.metadata["max"] + 1), code)
    if "min" in shape.metadata:
        least = shape.metadata["min"]
        if is_number or len(sized(shape, least)) == least:  # else the pattern needs more
            yield case("at minimum", sized(shape, least), None)
        if is_number or least > 0:
            yield case("below minimum", sized(shape, least - 1), INVALID)


def inner_cases(shape: Any, way: tuple[Any, ...], path: str) -> Iterator[Case]:
    if shape.type_name == "structure":
        prefix = f"{path}." if path else ""
        yield Case("unknown member", (*way, "notAMember"), 1, INVALID, f"{prefix}notAMember")
        for name, member in shape.members.items():
            inner = prefix + name
            refused = INVALID if name in shape.required_members else None
            yield Case("missing", (*way, name), MISSING, refused, inner)
            yield Case("null", (*way, name), None, refused, inner)
            yield from cases(member, (*way, name), inner)
    if shape.type_name == "list":
        inner = f"{path}.1.member" if holds_structures(shape.member) else path
        yield Case("null", (*way, 0), None, INVALID, inner)
        yield from cases(shape.member, (*way, 0), inner)
    if shape.type_name == "map":
        key = good(shape.key)
        yield Case("null", (*way, key), None, INVALID, path)
        yield from cases(shape.value, (*way, key), path)
        for change in cases(shape.key, way, path):
            if change.what != "wrong type":  # JSON has only text for keys
                yield Case(f"key {change.what}", way, {change.value: good(shape.value)}, change.refused, path)


def changed(request: dict[str, Any], case: Case) -> Any:
    request = copy.deepcopy(request)
    if not case.way:
        return case.value
    *outer, last = case.way
    place: Any = request
    for step in outer:
        place = place[step]
    if case.value is MISSING:
        del place[last]
    else:
        place[last] = case.value
    return request
