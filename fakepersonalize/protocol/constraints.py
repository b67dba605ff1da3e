"""Requests are checked against what the models declare: required, length, range, pattern, enum, unknown members.

botocore checks only a part of this on the client's side, so the server must do all of it. The sentences are those of
AWS's own framework, as its services send them; one error names every violation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import TYPE_CHECKING, Any

from fakepersonalize import errors
from fakepersonalize.errors import InvalidInputException, ServiceError, TooManyTagKeysException, shortened
from fakepersonalize.protocol.patterns import matches
from fakepersonalize.protocol.service_models import Operation

if TYPE_CHECKING:
    from botocore.model import ListShape, MapShape, Shape, StructureShape

_VALUE, _LENGTH = (errors.VALUE_AT_MOST, errors.VALUE_AT_LEAST), (errors.LENGTH_AT_MOST, errors.LENGTH_AT_LEAST)

# Lists for whose length an operation models an error of its own.
OWN_ERRORS: Mapping[tuple[str, str], type[ServiceError]] = {("UntagResource", "tagKeys"): TooManyTagKeysException}

_MOST_VIOLATIONS_NAMED = 100
_LONGEST_SHOWN = 256

Check = Callable[[Any, str, list[str]], None]  # value, its path, the violations found so far


def check(operation: Operation, request: Mapping[str, Any]) -> None:
    """Raise one InvalidInputException that names every violation of the operation's input shape.

    A few lists that are too long have an error of their own instead. `request` comes from `messages.read`: types are
    right already. Lengths count Unicode code points.
    """
    found: list[str] = []
    _request_check(operation)(request, "", found)
    if found:
        violations = "; ".join(found[:_MOST_VIOLATIONS_NAMED])
        s = "" if len(found) == 1 else "s"
        raise _error(operation, violations)(errors.DETECTED.format(count=len(found), s=s, violations=violations))


def _error(operation: Operation, violations: str) -> type[ServiceError]:
    for (name, path), error in OWN_ERRORS.items():
        too_long = f"'{path}' failed to satisfy constraint: {errors.LENGTH_AT_MOST.partition('{')[0]}"
        if operation.name == name and too_long in violations:
            return error
    return InvalidInputException


@cache
def _request_check(operation: Operation) -> Check:
    return _structure_check(operation.input)


# A check walks down to every member that has a path of its own; below that, rules look at one value as a whole.


def _check(shape: Shape) -> Check:
    if shape.type_name == "structure":
        return _structure_check(shape)
    own = _rules_check(shape)
    if shape.type_name == "list" and not _is_flat(shape.member):
        return _members_check(shape, own)
    return own


def _structure_check(shape: StructureShape) -> Check:
    checks = {name: _check(member) for name, member in shape.members.items()}
    required, refuse = tuple(shape.required_members), _unknown_member_check(shape)

    def check_structure(value: Mapping[str, Any], path: str, found: list[str]) -> None:
        prefix = f"{path}." if path else ""
        for name in required:
            if name not in value:
                found.append(_null_violation(prefix + name))
        for name, member in value.items():
            checks.get(name, refuse)(member, prefix + name, found)

    return check_structure


def _members_check(shape: ListShape, own: Check) -> Check:
    member_check = _check(shape.member)

    def check_members(value: list[Any], path: str, found: list[str]) -> None:
        before = len(found)
        own(value, path, found)
        if len(found) > before:  # a list of a million members is refused by its length alone
            return
        for place, member in enumerate(value, 1):
            if member is None:
                found.append(_null_violation(f"{path}.{place}.member"))
            else:
                member_check(member, f"{path}.{place}.member", found)

    return check_members


def _rules_check(shape: Shape) -> Check:
    rules, secret = _rules(shape), _is_secret(shape)

    def check_rules(value: Any, path: str, found: list[str]) -> None:
        for rule in rules:
            if not rule.holds(value):
                shown = "" if secret else f"'{_shown(value)}' "
                found.append(errors.VIOLATION.format(value=shown, path=path, constraint=rule.text))

    return check_rules


def _unknown_member_check(shape: StructureShape) -> Check:
    constraint = errors.UNKNOWN_MEMBER.format(shape=shape.name)

    def refuse(value: Any, path: str, found: list[str]) -> None:
        found.append(errors.VIOLATION.format(value="", path=shortened(path, _LONGEST_SHOWN), constraint=constraint))

    return refuse


def _null_violation(path: str) -> str:
    return errors.VIOLATION.format(value="null ", path=path, constraint=errors.NOT_NULL)


def _shown(value: Any) -> str:
    """Return a value as the framework prints it: `true`, `[a, b]`, `{k=v}`; long ones are cut."""
    return shortened(_printed(value), _LONGEST_SHOWN)


def _printed(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}={_printed(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_printed, value))}]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value)


# Rules: what one value must satisfy, and how AWS says it.


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that holds for a value or does not, with the words for it."""

    holds: Callable[[Any], bool]
    text: str


def _rules(shape: Shape) -> list[Rule]:
    rules = [*_limit_rules(shape), *_enum_rules(shape), *_pattern_rules(shape)]
    if shape.type_name == "list" and _is_flat(shape.member):
        rules.append(_each(errors.EACH_MEMBER, shape.member))
    if shape.type_name == "map":
        rules.extend(_map_rules(shape))
    return rules


def _limit_rules(shape: Shape) -> Iterable[Rule]:
    by_value = shape.type_name in ("integer", "long", "float", "double")
    as_number = float if shape.type_name in ("float", "double") else int  # Java prints 1.0 for a double
    at_most, at_least = _VALUE if by_value else _LENGTH
    if "max" in shape.metadata:
        largest = as_number(shape.metadata["max"])
        holds = (lambda value: value <= largest) if by_value else (lambda value: len(value) <= largest)
        yield Rule(holds, at_most.format(limit=largest))
    if "min" in shape.metadata:
        smallest = as_number(shape.metadata["min"])
        holds = (lambda value: value >= smallest) if by_value else (lambda value: len(value) >= smallest)
        yield Rule(holds, at_least.format(limit=smallest))


def _enum_rules(shape: Shape) -> Iterable[Rule]:
    if "enum" in shape.metadata:
        values = frozenset(shape.metadata["enum"])
        yield Rule(values.__contains__, errors.ENUM.format(values=", ".join(shape.metadata["enum"])))


def _pattern_rules(shape: Shape) -> Iterable[Rule]:
    if "pattern" in shape.metadata:
        # What is too long is refused by its length alone: no engine should try it.
        pattern, longest = shape.metadata["pattern"], shape.metadata.get("max", inf)
        yield Rule(
            lambda value: len(value) > longest or matches(pattern, value), errors.PATTERN.format(pattern=pattern)
        )


def _map_rules(shape: MapShape) -> Iterable[Rule]:
    yield _each(errors.EACH_KEY, shape.key)
    values = _each(errors.EACH_VALUE, shape.value)
    yield Rule(lambda value: values.holds(value.values()), values.text)


def _each(words: str, shape: Shape) -> Rule:
    """Return the rule that every member, key or value obeys the rules of its shape; the words name all of them."""
    rules = _rules(shape)
    tests = [rule.holds for rule in rules]

    def holds(values: Iterable[Any]) -> bool:
        return all(value is not None and all(test(value) for test in tests) for value in values)

    return Rule(holds, words.format(constraints=", ".join([*(rule.text for rule in rules), errors.NOT_NULL])))


def _is_flat(shape: Shape) -> bool:
    """Whether no structure is inside, so that the value is checked and named as a whole."""
    return not any(part.type_name == "structure" for part in _parts(shape))


def _is_secret(shape: Shape) -> bool:
    """Whether the model marks the value, or something in it, as sensitive; AWS does not print such values."""
    return any("sensitive" in part.metadata for part in _parts(shape))


def _parts(shape: Shape) -> Iterable[Shape]:
    yield shape
    for part in _inside(shape):
        yield from _parts(part)


def _inside(shape: Shape) -> Iterable[Shape]:
    match shape.type_name:
        case "structure":
            return list(shape.members.values())
        case "list":
            return [shape.member]
        case "map":
            return [shape.key, shape.value]
    return []
