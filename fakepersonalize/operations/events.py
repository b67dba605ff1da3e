"""Streamed records. Nothing here opens a transaction of the metadata, and events ask the database nothing."""

from __future__ import annotations

from typing import Any

from fakepersonalize import arns, errors
from fakepersonalize.datasets import live, schema
from fakepersonalize.datasets.live import Inlet, Listing
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.registry import operation
from fakepersonalize.resources.kinds import DATASET

MOST_SHOWN = 25  # as many as an event may name itself


@operation
def put_events(call: Call, request: dict[str, Any]) -> None:
    inlet = _tracked(call, request["trackingId"], schema.INTERACTIONS)
    call.stream(inlet.events(request, lambda id_: _shown(call, id_)))


@operation
def put_action_interactions(call: Call, request: dict[str, Any]) -> None:
    inlet = _tracked(call, request["trackingId"], schema.ACTION_INTERACTIONS)
    call.stream(inlet.action_interactions(request["actionInteractions"]))


@operation
def put_items(call: Call, request: dict[str, Any]) -> None:
    _put_records(call, request["datasetArn"], schema.ITEMS, request["items"], "itemId")


@operation
def put_users(call: Call, request: dict[str, Any]) -> None:
    _put_records(call, request["datasetArn"], schema.USERS, request["users"], "userId")


@operation
def put_actions(call: Call, request: dict[str, Any]) -> None:
    _put_records(call, request["datasetArn"], schema.ACTIONS, request["actions"], "actionId")


def _tracked(call: Call, tracking_id: str, type_: str) -> Inlet:
    tracking = call.house.inlets.find(tracking_id, type_, call.scope)
    if tracking is None:
        raise errors.invalid(errors.UNKNOWN_TRACKING_ID, id=tracking_id)
    call.count("dataset group", tracking.group)
    inlet = call.house.inlets.of(tracking.dataset)
    if inlet is None:
        raise errors.invalid(errors.TRACKER_WITHOUT_DATASET)
    return inlet


def _shown(call: Call, recommendation_id: str) -> Listing | None:
    """Return what an answer listed; an id that is unknown, too old or of another account says nothing."""
    answer = call.house.answers.find(recommendation_id)
    own = arns.parse(answer.endpoint.arn) if answer else None
    known = answer is not None and own is not None and own.scope == call.scope
    return Listing(answer.items[:MOST_SHOWN], answer.endpoint.arn) if answer and known else None


def _put_records(call: Call, arn: str, type_: str, sent: list[dict[str, Any]], id_member: str) -> None:
    dataset = call.resources.active(DATASET, arn)
    if dataset["datasetType"] != type_:
        raise errors.invalid(errors.WRONG_DATASET, arn=arn, type=dataset["datasetType"], wanted=type_)
    call.count("dataset group", dataset["datasetGroupArn"])
    described = call.resources.shelf.find(dataset["schemaArn"])
    assert described is not None, "a dataset keeps its schema"
    inlet = live.inlet(dataset.number, described["schema"], described.document.get("domain"))
    after = call.house.tables.latest(dataset.number)
    rows = [inlet.record(each[id_member], each.get("properties")) for each in sent]
    call.stream([row._replace(after=after) for row in rows])
