"""Event trackers: where streamed events of a dataset group are sent to; their tracking id is usable at once."""

from __future__ import annotations

from typing import Any

from fakepersonalize import errors
from fakepersonalize.datasets.schema import INTERACTIONS
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.datasets import schemas, tracking_id
from fakepersonalize.operations.registry import operation
from fakepersonalize.operations.verbs import begin_creation, delete, describe, list_
from fakepersonalize.resources.kinds import DATASET_GROUP, EVENT_TRACKER


@operation
def create_event_tracker(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """A dataset group has one tracker at most."""
    group = call.resources.active(DATASET_GROUP, request["datasetGroupArn"])
    for tracker in call.resources.below(group.arn, EVENT_TRACKER):
        raise errors.already_exists(tracker.arn)
    if INTERACTIONS not in schemas(call, group.arn):
        raise errors.invalid(errors.NO_INTERACTIONS)
    document = request | {"trackingId": tracking_id(call, group), "accountId": call.scope.account}
    id_ = call.house.identifiers.hex8(call.scope.account, call.scope.region, "event tracker", group.name)
    tracker = call.resources.add(EVENT_TRACKER, request["name"], document, id=id_)
    return begin_creation(call, tracker) | {"trackingId": tracker["trackingId"]}


@operation
def describe_event_tracker(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return describe(call, EVENT_TRACKER, request)


@operation
def list_event_trackers(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return list_(call, EVENT_TRACKER, request)


@operation
def delete_event_tracker(call: Call, request: dict[str, Any]) -> None:
    """What was streamed stays in the dataset."""
    delete(call, EVENT_TRACKER, request)
