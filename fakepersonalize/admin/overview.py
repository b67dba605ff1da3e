"""What the emulator works on, what became of it, and what there is: facts for `GET /jobs` and `GET /status`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from fakepersonalize.emulator import Emulator
from fakepersonalize.resources.kinds import (
    BATCH_INFERENCE_JOB,
    BATCH_SEGMENT_JOB,
    CAMPAIGN,
    DATA_DELETION_JOB,
    DATASET,
    DATASET_EXPORT_JOB,
    DATASET_GROUP,
    DATASET_IMPORT_JOB,
    EVENT_TRACKER,
    FILTER,
    RECOMMENDER,
    SOLUTION,
    SOLUTION_VERSION,
    Kind,
)
from fakepersonalize.resources.processes import IN_TRANSITION
from fakepersonalize.resources.shelf import Resource
from fakepersonalize.version import __version__

MOST_OVER = 100  # finished resources that the page of jobs lists
JOB_KINDS = (
    (DATASET_IMPORT_JOB, "import"),
    (DATASET_EXPORT_JOB, "export"),
    (DATA_DELETION_JOB, "delete-data"),
    (SOLUTION_VERSION, "train"),
    (RECOMMENDER, "train"),
    (BATCH_INFERENCE_JOB, "batch-inference"),
    (BATCH_SEGMENT_JOB, "batch-segment"),
)
UPDATES = ("latestCampaignUpdate", "latestRecommenderUpdate")


def jobs(emulator: Emulator) -> dict[str, Any]:
    """Return the jobs under way, oldest first, and the newest 100 resources whose job is over, newest first."""
    running = [_located(job["resource"], emulator) | job for job in emulator.lifecycle.workshop.jobs()]
    busy = {job["resource"] for job in running}
    over = [
        {"resource": each.arn, "kind": name, **_place(each), "finished": _time(each.updated), **_outcome(each)}
        for kind, name in JOB_KINDS
        for each in emulator.shelf.of_kind(kind)
        if each.arn not in busy and each.status not in IN_TRANSITION
    ]
    over.sort(key=lambda each: each["finished"], reverse=True)
    odd = [each for each in emulator.shelf.of_kind(DATASET_IMPORT_JOB) if "warnings" in each.document]
    return {
        "time": _time(emulator.clock.now()),
        "jobs": running,
        "over": over[:MOST_OVER],
        "warnings": [{"resource": each.arn, "warnings": each["warnings"]} for each in odd],
    }


def status(emulator: Emulator, account: str | None = None, region: str | None = None) -> dict[str, Any]:
    """Return every dataset group with what is in it, oldest first; of one account or region where these are given."""
    groups = [
        group
        for group in emulator.shelf.of_kind(DATASET_GROUP)
        if account in (None, group.scope.account) and region in (None, group.scope.region)
    ]
    return {
        "version": __version__,
        "lifecycle": emulator.settings.lifecycle,
        "time": _time(emulator.clock.now()),
        "jobs": len(emulator.lifecycle.workshop.jobs()),
        "datasetGroups": [_group(emulator, group) for group in groups],
    }


def _group(emulator: Emulator, group: Resource) -> dict[str, Any]:
    def below(kind: Kind) -> list[Resource]:
        return emulator.shelf.below(group.arn, kind)

    return {
        **_described(group, "domain"),
        "account": group.scope.account,
        "region": group.scope.region,
        "datasets": [
            _described(each, "datasetType") | {"importedRows": emulator.tables.count(each.number)}
            for each in below(DATASET)
        ],
        "eventTrackers": [_described(each, "trackingId") for each in below(EVENT_TRACKER)],
        "filters": [_described(each, "filterExpression") for each in below(FILTER)],
        "solutions": [
            _described(each, "recipeArn", "performAutoTraining")
            | {"versions": [*_versions(emulator.shelf.below(each.arn, SOLUTION_VERSION))]}
            for each in below(SOLUTION)
        ],
        "campaigns": [_described(each, "solutionVersionArn", "minProvisionedTPS") for each in below(CAMPAIGN)],
        "recommenders": [_described(each, "recipeArn", "modelMetrics") for each in below(RECOMMENDER)],
    }


def _versions(found: Iterable[Resource]) -> Iterator[dict[str, Any]]:
    for each in found:
        yield _described(each, "trainingMode", "trainingHours", "metrics")


def _described(resource: Resource, *members: str) -> dict[str, Any]:
    shown = {name: resource[name] for name in members if resource.document.get(name) is not None}
    return {"name": resource.name, "arn": resource.arn, **_outcome(resource), **shown}


def _outcome(resource: Resource) -> dict[str, Any]:
    """Return the status, why it failed, what an import warned of, and an update that is not over or failed."""
    members = {name: resource[name] for name in ("failureReason", "warnings") if resource.document.get(name)}
    for name in UPDATES:
        update = resource.document.get(name) or {}
        if update.get("status") not in (None, resource.status):
            reason = {"failureReason": update["failureReason"]} if update.get("failureReason") else {}
            members["latestUpdate"] = {"status": update["status"], **reason}
    return {"status": resource.status, **members}


def _located(arn: str, emulator: Emulator) -> dict[str, Any]:
    found = emulator.shelf.find(arn)
    return {**_place(found), "status": found.status} if found else {}


def _place(resource: Resource) -> dict[str, str]:
    return {"account": resource.scope.account, "region": resource.scope.region}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
