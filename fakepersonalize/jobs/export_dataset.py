"""CreateDatasetExportJob: the rows of a dataset become CSV objects in a bucket.

Source: https://docs.aws.amazon.com/personalize/latest/dg/export-data.html.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from fakepersonalize.datasets import schema as schemas
from fakepersonalize.errors import JobFailed, unreadable_bucket
from fakepersonalize.jobs.services import Services
from fakepersonalize.lifecycle.runners import Tick
from fakepersonalize.lifecycle.workshop import Job
from fakepersonalize.neighbours import BLOCK_BYTES, Unreadable
from fakepersonalize.permissions.access import writing
from fakepersonalize.resources.shelf import Resource
from fakepersonalize.storage.streamed import Record

BULK, PUT, ALL = "BULK", "PUT", "ALL"
STREAMED, RECORDS, NEWEST = "streamed.parquet", "records.json", "newest.parquet"
WORK = "fakepersonalize.jobs.export_dataset:work"


def gather(services: Services, job: Job) -> dict[str, Any]:
    """Pin the imported rows as they are now, and write down those that were put one by one."""
    exporting = services.shelf.find(job.arn)
    assert exporting is not None
    dataset = services.shelf.find(exporting["datasetArn"])
    if dataset is None:
        raise JobFailed(f"Resource Arn {exporting['datasetArn']} does not exist.")
    services.permissions.require(job.arn, exporting["roleArn"], writing(_folder(exporting)))
    of = services.shelf.find(dataset["schemaArn"])
    assert of is not None, "a dataset keeps its schema"
    mode, schema = exporting["ingestionMode"], schemas.parse(of["schema"], of.document.get("domain"))
    newest = mode == ALL and schema.dataset_type in schemas.NEED_METADATA
    segments: list[tuple[int, str]] = []
    if mode != PUT:
        with services.database.transaction():
            services.tables.pin(dataset.number, job.number)
            segments = [(number, str(path)) for number, path in services.tables.numbered(dataset.number)]
    if newest:
        records = services.streamed.records(dataset.number)
        (job.folder / RECORDS).write_text(json.dumps(records), "utf-8")
    elif mode != BULK:
        _spool(services, dataset, schema, job.folder / STREAMED)
    return {
        "name": exporting["jobName"],
        "schema": of["schema"],
        "domain": of.document.get("domain"),
        "segments": segments,
        "streamed": mode != BULK and not newest,
        "newest": newest,
    }


def work(spec: dict[str, Any], folder: Path, tick: Tick) -> dict[str, Any]:
    """Write the distinct rows into CSV files."""
    from fakepersonalize.datasets import csv_files, streamed_rows

    schema = schemas.parse(spec["schema"], spec["domain"])
    segments = [(number, Path(path)) for number, path in spec["segments"]]
    files = [path for _, path in segments] + [folder / STREAMED] * spec["streamed"]
    if spec["newest"]:
        records = [Record(*row) for row in json.loads((folder / RECORDS).read_text("utf-8"))]
        streamed_rows.write_tables([streamed_rows.current(segments, records, schema)], schema, folder / NEWEST)
        files = [folder / NEWEST]
    rows = csv_files.distinct(files, schema, folder)
    return {"files": csv_files.write(rows, schema, folder, spec["name"], tick)}


def deliver(services: Services, job: Job, outcome: dict[str, Any], tick: Tick) -> dict[str, Any]:
    """Put the files into the bucket."""
    exporting = services.shelf.find(job.arn)
    assert exporting is not None
    try:
        for done, name in enumerate(outcome["files"]):
            tick(done / len(outcome["files"]))
            location = _folder(exporting) + name
            with open(job.folder / name, "rb") as file, services.neighbours.writing(exporting.scope, location) as out:
                shutil.copyfileobj(file, out, BLOCK_BYTES)
    except Unreadable as problem:
        refused = unreadable_bucket(_folder(exporting), services.neighbours.why(exporting.scope, problem))
        raise JobFailed(refused.message, refused.hint) from None
    return {}


def record(services: Services, job: Job, outcome: dict[str, Any]) -> dict[str, Any]:
    """The files are where they belong; the dataset is as it was."""
    return {}


def _folder(exporting: Resource) -> str:
    path: str = exporting["jobOutput"]["s3DataDestination"]["path"]
    return path.removesuffix("/") + "/"


def _spool(services: Services, dataset: Resource, schema: schemas.Schema, target: Path) -> None:
    """Write what was put one by one as rows; an event of nobody yet is its session's."""
    from fakepersonalize.datasets import streamed_rows

    if schema.dataset_type in schemas.NEED_METADATA:
        pages = services.streamed.pages_of_records(dataset.number)
        tables = (streamed_rows.of_records(page, schema) for page in pages)
    else:
        events = services.streamed.pages_of_events(dataset.number)
        owned = ([event._replace(user=event.owner) for event in page] for page in events)
        tables = (streamed_rows.table(page, schema) for page in owned)
    streamed_rows.write_tables(tables, schema, target)
