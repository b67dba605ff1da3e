"""Describe, list and delete: what the families share. The keys of the answers are read off the operation's shapes."""

from __future__ import annotations

from typing import Any

from fakepersonalize import errors
from fakepersonalize.operations.call import Call
from fakepersonalize.resources.kinds import Kind
from fakepersonalize.resources.processes import IN_TRANSITION
from fakepersonalize.resources.shelf import Resource


def describe(call: Call, kind: Kind, request: dict[str, Any]) -> dict[str, Any]:
    """Answer with the whole record; the output shape cuts it to size."""
    return {_answer_member(call): call.resources.get(kind, request[kind.member]).record()}


def list_(call: Call, kind: Kind, request: dict[str, Any], strict_parent: bool = False) -> dict[str, Any]:
    """Answer with one page, newest first."""
    found, token = call.resources.page(kind, request, call.operation.name, strict_parent)
    return {_answer_member(call): [resource.record() for resource in found], "nextToken": token}


def begin_creation(call: Call, resource: Resource, job: str | None = None, size: int = 0) -> dict[str, Any]:
    """Begin the life of a new resource, whose job works on `size` rows; answer with its ARN."""
    if resource.kind.create:
        call.lifecycle.begin(resource, resource.kind.create, job, size=size)
    return {resource.kind.member: resource.arn}


def delete(call: Call, kind: Kind, request: dict[str, Any]) -> None:
    """Begin the deletion of a resource that nothing depends on."""
    resource = call.resources.get(kind, request[kind.member])
    if resource.status in IN_TRANSITION:
        raise errors.in_transition(resource.arn, resource.status)
    call.resources.require_deletable(resource)
    if kind.delete:
        call.lifecycle.abandon(resource)  # an update that is under way is not worth its end any more
        call.lifecycle.begin(resource, kind.delete)
    else:
        call.resources.shelf.remove(resource)


def _answer_member(call: Call) -> str:
    """Return the member of the output that carries the answer: `campaign`, `campaigns`, or the odd `Filters`."""
    assert call.operation.output is not None
    members: list[str] = list(call.operation.output.members)
    return next(name for name in members if name != "nextToken")
