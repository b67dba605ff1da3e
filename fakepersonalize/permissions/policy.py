"""AWS's policy language: does a document allow a request, deny it, or say nothing?

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html and
reference_policies_evaluation-logic.html there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from typing import Any

ALLOW, DENY = "Allow", "Deny"
Statement = Mapping[str, Any]

_VARIABLE = re.compile(r"\$\{([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a service by its name, or somebody of an account (`kind` AWS) by an ARN; `also` has further ones."""

    kind: str
    name: str
    also: tuple[str, ...] = ()

    @property
    def spellings(self) -> tuple[str, ...]:
        """How a policy may name this principal; who belongs to an account is also meant by that."""
        if self.kind != "AWS":
            return (self.name,)
        partition, account = self.name.split(":")[1], self.name.split(":")[4]
        return (self.name, *self.also, account, f"arn:{partition}:iam::{account}:root")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked; `principal` is None where the policy hangs on the one who asks, and so names nobody.

    `resource` is None for trust policies, which name none. The keys of `context` are in lower case; so are the patterns
    of `unsaid`, keys of which nothing can be said: a denial that hangs on one does not count.
    """

    action: str
    resource: str | None = None
    principal: Principal | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    unsaid: tuple[str, ...] = ()


def decide(documents: Iterable[str], request: Request) -> str | None:
    """Return "Allow" or "Deny" as the documents together say, a denial first; None when none of them says anything.

    A document, or a statement, that cannot be read says nothing.
    """
    found = {
        statement.get("Effect")
        for document in documents
        for statement in _statements(document)
        if _concerns(statement, request) and not (statement.get("Effect") == DENY and _left_open(statement, request))
    }
    return DENY if DENY in found else ALLOW if ALLOW in found else None


def _statements(document: str) -> list[Statement]:
    try:
        found = json.loads(document)["Statement"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
    return [statement for statement in listed(found) if isinstance(statement, dict)]


def _concerns(statement: Statement, request: Request) -> bool:
    return (
        _names(statement, "Action", lambda pattern: _like(str(pattern).lower(), request.action.lower()))
        and _on_resource(statement, request)
        and _by_principal(statement, request.principal)
        and _under_conditions(statement.get("Condition"), request.context)
    )


def _names(statement: Statement, element: str, matches: Callable[[Any], bool]) -> bool:
    """Say whether an element, or its opposite `Not...`, covers what is asked."""
    if element in statement:
        return any(map(matches, listed(statement[element])))
    opposite = statement.get(f"Not{element}")
    return opposite is not None and not any(map(matches, listed(opposite)))


def _on_resource(statement: Statement, request: Request) -> bool:
    if request.resource is None:
        return True
    resource = request.resource
    return _names(statement, "Resource", lambda pattern: _like(_filled(str(pattern), request.context), resource))


def _by_principal(statement: Statement, principal: Principal | None) -> bool:
    if principal is None:
        return True
    return _names(statement, "Principal", lambda named: _is(named, principal))


def _is(named: Any, principal: Principal) -> bool:
    if not isinstance(named, dict):
        return bool(named == "*")
    if "*" in listed(named.get("AWS", [])):
        return True
    return any(name in principal.spellings for name in listed(named.get(principal.kind, [])))


def _under_conditions(conditions: Any, context: Mapping[str, str]) -> bool:
    if not conditions:
        return True
    return isinstance(conditions, dict) and all(
        _holds(operator, str(key).lower(), [_filled(_text(value), context) for value in listed(wanted)], context)
        for operator, keys in conditions.items()
        for key, wanted in (keys.items() if isinstance(keys, dict) else [("", [])])
    )


def _left_open(statement: Statement, request: Request) -> bool:
    groups = (statement.get("Condition") or {}).values()
    keys = [key.lower() for group in groups if isinstance(group, dict) for key in group]
    return any(_like(pattern, key) for key in keys for pattern in request.unsaid)


def _holds(operator: str, key: str, wanted: list[str], context: Mapping[str, str]) -> bool:
    name = operator.rpartition(":")[2]  # ForAnyValue: and ForAllValues: make no difference to a single value
    if name == "Null":
        return (key not in context) == ("true" in wanted)
    bare = name.removesuffix("IfExists")
    negated = "Not" in bare
    if key not in context:
        return negated or bare != name or operator.startswith("ForAllValues:")
    matches = _COMPARISONS.get(bare.replace("Not", ""))
    if matches is None:  # numbers, dates and addresses: no key of ours has any
        return False
    return negated != any(matches(each, context[key]) for each in wanted)


def _filled(text: str, context: Mapping[str, str]) -> str:
    """Put in the policy variables, such as `${aws:SourceAccount}`; an unknown one matches nothing.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    return _VARIABLE.sub(lambda found: context.get(found[1].lower(), found[0]), text)


def _like(pattern: str, text: str) -> bool:
    return _compiled(pattern).match(text) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.replace("[", "[[]")))  # brackets are nothing special to AWS


def _same_ignoring_case(wanted: str, found: str) -> bool:
    return wanted.lower() == found.lower()


_COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringEqualsIgnoreCase": _same_ignoring_case,
    "StringLike": _like,
    "ArnEquals": _like,  # documented to be the same as ArnLike
    "ArnLike": _like,
    "Bool": _same_ignoring_case,
}


def listed(found: Any) -> list[Any]:
    """Return an element of a policy as a list: where it has one value, that may stand there alone."""
    return found if isinstance(found, list) else [found]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
