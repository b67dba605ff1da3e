"""The files of batch jobs: from the bucket into the job's folder, and what was made of them back into a bucket.

Source: https://docs.aws.amazon.com/personalize/latest/dg/getting-batch-recommendations.html.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from fakepersonalize import errors
from fakepersonalize.errors import JobFailed, unreadable_bucket
from fakepersonalize.jobs.batch_lines import lines
from fakepersonalize.jobs.batch_spec import BatchSpec
from fakepersonalize.jobs.services import Services
from fakepersonalize.lifecycle.runners import Tick
from fakepersonalize.lifecycle.workshop import Job
from fakepersonalize.neighbours import BLOCK_BYTES, ObjectInfo, Unreadable, split_location
from fakepersonalize.permissions.access import reading, writing
from fakepersonalize.resources.quotas import BATCH_BYTES, BATCH_FILES
from fakepersonalize.resources.shelf import Resource

CHECK = "_CHECK"  # an object that was seen beside the output; what is in it is not known
ENDING = ".out"
WORK_SHARE = 0.9  # of the progress; the rest is the way into the bucket
GONE = {"NoSuchBucket", "NoSuchKey", "InvalidBucketName"}
INPUTS, OUTPUTS = "in", "out"
File = dict[str, Any]  # `key`: where the output goes; `name`: of the files in the job's folder; `bytes`: of the input


def gather(services: Services, job: Job, asked: Resource) -> list[File]:
    """Copy the input into the job's folder, so that the work can be repeated without the bucket."""
    source, target = asked["jobInput"]["s3DataSource"]["path"], asked["jobOutput"]["s3DataDestination"]["path"]
    services.permissions.require(job.arn, asked["roleArn"], reading(source), writing(folder_of(target)))
    (job.folder / INPUTS).mkdir()
    try:
        found = services.neighbours.beginning_with(asked.scope, source)
        if not found:
            raise JobFailed(errors.BAD_INPUT_PATH, f"no object has a key that begins with {source}")
        if services.settings.quotas:
            check(found)
        names = output_names([each.key for each in found], split_location(source)[1])
        return [_spool(services, job, asked, each, number, names[number]) for number, each in enumerate(found)]
    except Unreadable as problem:
        if problem.reason in GONE:
            raise JobFailed(
                errors.BAD_INPUT_PATH, f"{source}: {services.neighbours.why(asked.scope, problem)}"
            ) from None
        refused = unreadable_bucket(source, problem.reason)
        raise JobFailed(refused.message, refused.hint) from None


def check(found: Sequence[ObjectInfo]) -> None:
    """Refuse too many files and too many bytes."""
    if len(found) > BATCH_FILES:
        raise JobFailed(errors.TOO_MANY_FILES.format(most=BATCH_FILES), f"there are {len(found):,}")
    size = sum(each.size for each in found)
    if size > BATCH_BYTES:
        raise JobFailed(errors.TOO_MUCH_INPUT.format(most=BATCH_BYTES / 1e9), f"there are {size / 1e9:g} GB")


def output_names(keys: Sequence[str], prefix: str) -> list[str]:
    """Return the name of the output of each input: that of the file, and its folder where names are not distinct.

    Folders are counted from the one that the prefix is in (ours: what the service does is not known).
    """
    parent = prefix[: prefix.rfind("/") + 1]
    plain = [key.rpartition("/")[2] for key in keys]
    often = Counter(plain)
    return [(name if often[name] == 1 else key.removeprefix(parent)) + ENDING for key, name in zip(keys, plain)]


def folder_of(location: str) -> str:
    """Return a location with the slash behind it that makes it a folder."""
    return location if location.endswith("/") else f"{location}/"


class Desk(Protocol):
    """Answers lines of input, at most so many at once, each by one line of output in the same place."""

    at_once: int

    def answer(self, raw: Sequence[bytes]) -> list[bytes]: ...


def answer(spec: BatchSpec, folder: Path, desk: Desk, tick: Tick) -> dict[str, Any]:
    """Write for each input file in the job's folder its output, and return what there is to deliver."""
    (folder / OUTPUTS).mkdir(exist_ok=True)
    total, done = max(1, sum(file["bytes"] for file in spec.files)), 0
    for file in spec.files:
        counted = 0
        with open(folder / INPUTS / file["name"], "rb") as source, open(folder / OUTPUTS / file["name"], "wb") as out:
            found = lines(source)
            while block := list(islice(found, desk.at_once)):
                counted += len(block)
                if spec.most_lines is not None and counted > spec.most_lines:
                    name = file["key"].removesuffix(ENDING)
                    raise JobFailed(errors.TOO_MANY_LINES.format(most=spec.most_lines, name=name))
                out.writelines(desk.answer(block))
                tick(WORK_SHARE * (done + source.tell()) / total)
        done += file["bytes"]
    return {"files": spec.files}


def deliver(services: Services, job: Job, outcome: dict[str, Any], tick: Tick) -> dict[str, Any]:
    """Put the outputs into their bucket, and when all are there the mark of that."""
    asked = services.shelf.find(job.arn)
    assert asked is not None, "batch jobs cannot be deleted while they run"
    target = folder_of(asked["jobOutput"]["s3DataDestination"]["path"])
    sizes = [(job.folder / OUTPUTS / file["name"]).stat().st_size for file in outcome["files"]]
    done = 0
    try:
        for file, size in zip(outcome["files"], sizes):
            _upload(services, asked, job.folder / OUTPUTS / file["name"], target + file["key"])
            done += size
            tick(WORK_SHARE + (1 - WORK_SHARE) * done / max(1, sum(sizes)))
        services.neighbours.write_object(asked.scope, *split_location(target + CHECK), b"")
    except Unreadable as problem:
        if problem.reason in GONE:
            raise JobFailed(
                errors.BAD_OUTPUT_PATH, f"{target}: {services.neighbours.why(asked.scope, problem)}"
            ) from None
        refused = unreadable_bucket(target, problem.reason)
        raise JobFailed(refused.message, refused.hint) from None
    return {}


def record(services: Services, job: Job, outcome: dict[str, Any]) -> dict[str, Any]:
    """The outputs are where they belong."""
    return {}


def _spool(services: Services, job: Job, asked: Resource, found: ObjectInfo, number: int, key: str) -> File:
    name, size = f"{number:04d}", 0
    with open(job.folder / INPUTS / name, "wb") as file:
        for block in services.neighbours.read_object(asked.scope, found.bucket, found.key):
            size += file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return {"name": name, "key": key, "bytes": size}


def _upload(services: Services, asked: Resource, source: Path, location: str) -> None:
    with open(source, "rb") as file, services.neighbours.writing(asked.scope, location) as out:
        shutil.copyfileobj(file, out, BLOCK_BYTES)
