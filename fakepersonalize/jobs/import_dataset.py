"""CreateDatasetImportJob: objects of a bucket become a segment of rows."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from fakepersonalize.errors import (
    BY_A_RULE,
    LARGE_IMPORT,
    MALFORMED_LINE,
    NO_DATA,
    NO_OBJECTS,
    NOT_CSV,
    JobFailed,
    shortened,
    unreadable_bucket,
)
from fakepersonalize.faults import IMPORT, Event
from fakepersonalize.jobs.services import Services
from fakepersonalize.lifecycle.runners import Tick
from fakepersonalize.lifecycle.workshop import Job
from fakepersonalize.neighbours import ObjectInfo, Unreadable
from fakepersonalize.permissions.access import reading, reporting
from fakepersonalize.resources.kinds import DATASET, SCHEMA
from fakepersonalize.resources.quotas import IMPORT_BYTES, MINIMUM_INTERACTIONS
from fakepersonalize.resources.shelf import Resource

# Below these types and modes, a job with few rows is refused.
MINIMUM = {("INTERACTIONS", "FULL"), ("INTERACTIONS", "INCREMENTAL"), ("ACTION_INTERACTIONS", "INCREMENTAL")}
ROWS = "rows.parquet"
log = logging.getLogger(__name__)
WORK = "fakepersonalize.jobs.import_dataset:work"


def gather(services: Services, job: Job) -> dict[str, Any]:
    """Copy the objects into the job's folder, so that the work can be repeated without them."""
    importing = services.shelf.find(job.arn)
    assert importing is not None
    location = importing["dataSource"]["dataLocation"]
    services.permissions.require(job.arn, importing["roleArn"], reading(location))
    if importing["publishAttributionMetricsToS3"]:
        _require_reporting(services, job, importing)
    try:
        objects, left_out = _objects(services, importing)
        files = [
            (_spool(services, importing, each, job.folder / f"{n}.csv"), _name(each)) for n, each in enumerate(objects)
        ]
    except Unreadable as problem:
        refused = unreadable_bucket(location, services.neighbours.why(importing.scope, problem))
        raise JobFailed(refused.message, refused.hint) from None
    dataset = _dataset(services, importing)
    schema = services.shelf.find(dataset["schemaArn"])
    assert schema is not None
    assert schema.kind is SCHEMA
    return {
        "files": files,
        "warnings": [NOT_CSV.format(names=shortened(", ".join(map(_name, left_out))))] if left_out else [],
        "schema": schema["schema"],
        "domain": schema.document.get("domain"),
        "minimum_rows": _minimum_rows(services, importing, dataset),
        "bad_row": services.faults.row(Event(IMPORT, importing.scope.account, (importing.arn, importing.name))),
    }


def work(spec: dict[str, Any], folder: Path, tick: Tick) -> dict[str, Any]:
    """Read the files as the schema says and write one Parquet file."""
    from fakepersonalize.datasets import csv_rows, schema
    from fakepersonalize.datasets.csv_header import Copy

    target = folder / ROWS
    imported = csv_rows.spool_parquet(
        [Copy(folder / copy, name) for copy, name in spec["files"]],
        schema.parse(spec["schema"], spec["domain"]),
        target,
        tick,
        minimum_rows=spec["minimum_rows"],
    )
    bad_row = spec["bad_row"]
    if bad_row is not None and bad_row <= imported.rows:
        raise JobFailed(MALFORMED_LINE.format(line=1 + bad_row), BY_A_RULE)
    return {"rows": imported.rows, "warnings": [*spec["warnings"], *imported.warnings]}


def deliver(services: Services, job: Job, outcome: dict[str, Any], tick: Tick) -> dict[str, Any]:
    """Report the metrics that are attributed to the rows."""
    importing = services.shelf.find(job.arn)
    assert importing is not None
    try:
        services.attributions.imported(importing, job.folder / ROWS)
    except Unreadable as problem:
        refused = unreadable_bucket(problem.bucket, services.neighbours.why(importing.scope, problem))
        raise JobFailed(refused.message, refused.hint) from None
    return outcome


def record(services: Services, job: Job, outcome: dict[str, Any]) -> dict[str, Any]:
    """Make the rows part of the dataset: in place of earlier bulk rows, or behind them.

    AWS has no member for what looks odd without being wrong: it goes to the log and to the page of jobs.
    """
    importing = services.shelf.find(job.arn)
    assert importing is not None
    keep = services.tables.append if importing["importMode"] == "INCREMENTAL" else services.tables.replace
    keep(_dataset(services, importing).number, job.folder / ROWS, str(job.number), outcome["rows"])
    for warning in outcome["warnings"]:
        log.warning("%s: %s", job.arn, warning)
    return {"warnings": outcome["warnings"]} if outcome["warnings"] else {}


def _require_reporting(services: Services, job: Job, importing: Resource) -> None:
    attribution = services.attributions.of(_dataset(services, importing)["datasetGroupArn"])
    if attribution and attribution["metricsOutputConfig"].get("s3DataDestination"):
        output = attribution["metricsOutputConfig"]
        services.permissions.require(job.arn, output["roleArn"], reporting(output["s3DataDestination"]["path"]))


def _dataset(services: Services, importing: Resource) -> Resource:
    dataset = services.shelf.find(importing["datasetArn"])
    if dataset is None or dataset.kind is not DATASET:
        raise JobFailed(f"Resource Arn {importing['datasetArn']} does not exist.")
    return dataset


def _minimum_rows(services: Services, importing: Resource, dataset: Resource) -> int:
    checked = services.settings.quotas and (dataset["datasetType"], importing["importMode"]) in MINIMUM
    return MINIMUM_INTERACTIONS if checked else 0


def _objects(services: Services, importing: Resource) -> tuple[list[ObjectInfo], list[ObjectInfo]]:
    """Return what to read, and what else is in the folder; programs write parts whose names have no ending at all."""
    found = services.neighbours.objects(importing.scope, importing["dataSource"]["dataLocation"])
    if not found:
        raise JobFailed(NO_DATA, NO_OBJECTS)
    chosen = [each for each in found if each.key.lower().endswith(".csv")] or found
    mode, size = importing["importMode"], sum(each.size for each in chosen)
    if services.settings.quotas and size > IMPORT_BYTES[mode]:
        raise JobFailed(
            LARGE_IMPORT.format(mode=mode, most=IMPORT_BYTES[mode] / 1e9),
            f"the files have {size / 1e9:g} GB; --limits off lifts all quotas",
        )
    taken = set(chosen)
    return chosen, [each for each in found if each not in taken]


def _name(found: ObjectInfo) -> str:
    return found.key.rpartition("/")[2]


def _spool(services: Services, importing: Resource, found: ObjectInfo, target: Path) -> str:
    with open(target, "wb") as file:
        for block in services.neighbours.read_object(importing.scope, found.bucket, found.key):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return target.name
