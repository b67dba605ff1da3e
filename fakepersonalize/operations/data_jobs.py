"""Jobs on data: imports, exports, and deletions of users."""

from __future__ import annotations

from typing import Any

from fakepersonalize import arns, errors
from fakepersonalize.datasets.schema import INTERACTIONS
from fakepersonalize.errors import InvalidInputException, ServiceError
from fakepersonalize.neighbours import Unreadable, split_location
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.registry import before, operation
from fakepersonalize.operations.verbs import begin_creation, describe, list_
from fakepersonalize.permissions.access import reading
from fakepersonalize.resources.kinds import (
    DATA_DELETION_JOB,
    DATASET,
    DATASET_EXPORT_JOB,
    DATASET_GROUP,
    DATASET_IMPORT_JOB,
    METRIC_ATTRIBUTION,
)
from fakepersonalize.resources.processes import ACTIVE, CREATING, UNDER_WAY
from fakepersonalize.resources.shelf import Resource


@before("create_dataset_import_job")
def look_at_rows(call: Call, request: dict[str, Any]) -> None:
    """An S3 elsewhere may take its time, so nobody waits for it; a refusal comes after those for other reasons."""
    location = (request.get("dataSource") or {}).get("dataLocation")
    try:
        if request.get("roleArn"):
            _require_readable(call, request["jobName"], request["roleArn"], location)
    except ServiceError as refusal:
        call.seen.append(refusal)


@operation
def create_dataset_import_job(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    dataset = call.resources.get(DATASET, request["datasetArn"])
    mode = request.get("importMode") or "FULL"
    _require_importable(call, dataset, mode)
    if not request.get("roleArn"):
        raise InvalidInputException(errors.ROLE_REQUIRED)
    if request.get("publishAttributionMetricsToS3"):
        _require_attribution(call, dataset)
    call.house.permissions.require_passable(call.scope, request["roleArn"])
    for refusal in call.seen:
        raise refusal
    document = {"publishAttributionMetricsToS3": False} | request | {"importMode": mode}
    return begin_creation(call, call.resources.add(DATASET_IMPORT_JOB, request["jobName"], document), "import")


@operation
def describe_dataset_import_job(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return describe(call, DATASET_IMPORT_JOB, request)


@operation
def list_dataset_import_jobs(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return list_(call, DATASET_IMPORT_JOB, request)


@operation
def create_dataset_export_job(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    call.resources.active(DATASET, request["datasetArn"])
    call.house.permissions.require_passable(call.scope, request["roleArn"])
    require_location(request["jobOutput"]["s3DataDestination"]["path"], errors.BAD_OUTPUT_PATH)
    document = {"ingestionMode": "PUT"} | request
    return begin_creation(call, call.resources.add(DATASET_EXPORT_JOB, request["jobName"], document), "export")


@operation
def describe_dataset_export_job(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return describe(call, DATASET_EXPORT_JOB, request)


@operation
def list_dataset_export_jobs(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return list_(call, DATASET_EXPORT_JOB, request)


@operation
def create_data_deletion_job(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The file is looked at when the job runs: one that is missing fails it."""
    call.resources.active(DATASET_GROUP, request["datasetGroupArn"])
    call.house.permissions.require_passable(call.scope, request["roleArn"])
    require_location(request["dataSource"].get("dataLocation"))
    return begin_creation(call, call.resources.add(DATA_DELETION_JOB, request["jobName"], request), "delete-data")


@operation
def describe_data_deletion_job(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return describe(call, DATA_DELETION_JOB, request)


@operation
def list_data_deletion_jobs(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return list_(call, DATA_DELETION_JOB, request)


def require_location(location: str | None, sentence: str | None = None) -> None:
    """Refuse what names no place in S3, with AWS's sentence for the member it stands in."""
    try:
        split_location(location or "")
    except ValueError:
        refused = errors.bad_location(location or "")
        raise errors.invalid(sentence, refused.hint) if sentence else refused from None


def _require_attribution(call: Call, dataset: Resource) -> None:
    """Reports are about interactions, and need a place to go to."""
    attributions = call.resources.below(dataset["datasetGroupArn"], METRIC_ATTRIBUTION)
    with_place = [each for each in attributions if each["metricsOutputConfig"].get("s3DataDestination")]
    if dataset["datasetType"] != INTERACTIONS or not with_place:
        raise errors.invalid(errors.NO_ATTRIBUTION)


def _require_importable(call: Call, dataset: Resource, mode: str) -> None:
    if dataset.status not in CREATING | {ACTIVE}:
        raise errors.not_active(dataset.arn, dataset.status)
    for job in call.resources.below(dataset.arn, DATASET_IMPORT_JOB):
        if job.status in UNDER_WAY:
            raise errors.in_use(dataset.arn, job.arn, job.status)
    if mode == "INCREMENTAL" and not call.house.tables.has_rows(dataset.number):
        raise InvalidInputException(errors.INCREMENTAL_FIRST)


def _require_readable(call: Call, name: str, role_arn: str, location: str | None) -> None:
    require_location(location)
    assert location is not None
    job_arn = arns.build(call.scope, f"dataset-import-job/{name}")
    call.house.permissions.require_at_once(job_arn, role_arn, reading(location))
    try:
        call.house.neighbours.objects(call.scope, location)
    except Unreadable as problem:
        raise errors.unreadable_bucket(location, call.house.neighbours.why(call.scope, problem)) from None
