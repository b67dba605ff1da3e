"""Jobs on data: imports (exports and deletions follow)."""

from __future__ import annotations

from typing import Any

from fakepersonalize import errors
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.neighbours import Unreadable
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.registry import operation
from fakepersonalize.operations.verbs import begin_creation, describe, list_
from fakepersonalize.resources.kinds import DATASET, DATASET_IMPORT_JOB
from fakepersonalize.resources.processes import ACTIVE, CREATING, UNDER_WAY
from fakepersonalize.resources.shelf import Resource

# Ours: the guide only says that FULL must come first.
INCREMENTAL_FIRST = "importMode INCREMENTAL needs an earlier FULL import of the dataset."
ROLE_REQUIRED = "A roleArn is required to read from Amazon S3."
NO_ATTRIBUTION = "publishAttributionMetricsToS3 needs a metric attribution with an S3 destination in the dataset group."


@operation
def create_dataset_import_job(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    dataset = call.resources.get(DATASET, request["datasetArn"])
    mode = request.get("importMode") or "FULL"
    _require_importable(call, dataset, mode)
    if request.get("publishAttributionMetricsToS3"):
        raise InvalidInputException(NO_ATTRIBUTION)
    _require_readable(call, (request.get("dataSource") or {}).get("dataLocation"))
    document = {"publishAttributionMetricsToS3": False} | request | {"importMode": mode}
    return begin_creation(call, call.resources.add(DATASET_IMPORT_JOB, request["jobName"], document), "import")


@operation
def describe_dataset_import_job(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return describe(call, DATASET_IMPORT_JOB, request)


@operation
def list_dataset_import_jobs(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return list_(call, DATASET_IMPORT_JOB, request)


def _require_importable(call: Call, dataset: Resource, mode: str) -> None:
    if dataset.status not in CREATING | {ACTIVE}:
        raise errors.not_active(dataset.arn, dataset.status)
    for job in call.resources.below(dataset.arn, DATASET_IMPORT_JOB):
        if job.status in UNDER_WAY:
            raise errors.in_use(dataset.arn, job.arn, job.status)
    if mode == "INCREMENTAL" and not call.house.tables.has_rows(dataset.number):
        raise InvalidInputException(INCREMENTAL_FIRST)


def _require_readable(call: Call, location: str | None) -> None:
    if not location or not location.startswith("s3://") or not location.removeprefix("s3://").partition("/")[0]:
        raise errors.bad_location(location or "")
    try:
        call.house.neighbours.objects(call.scope, location)
    except Unreadable as problem:
        raise errors.unreadable_bucket(location, problem.reason) from None
