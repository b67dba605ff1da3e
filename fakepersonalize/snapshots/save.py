"""Writing a snapshot: all rows, segments and models as they are at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from fakepersonalize.lifecycle.clock import ManualClock
from fakepersonalize.resources.kinds import DATASET, RECOMMENDER, SOLUTION_VERSION
from fakepersonalize.resources.processes import RUNNING
from fakepersonalize.resources.shelf import Resource
from fakepersonalize.snapshots import buckets
from fakepersonalize.snapshots.archive import BLOCK_BYTES, Writer
from fakepersonalize.snapshots.rows import (
    CLOCK,
    EVENTS,
    JOBS,
    LINKS,
    MEMBERS,
    RECORDS,
    RESOURCES,
    SEGMENTS,
    STEPS,
    TAGS,
    Row,
)
from fakepersonalize.snapshots.state import State


def save(state: State, target: BinaryIO, objects: bool) -> None:
    """Write everything into a file that can be sought; nothing changes meanwhile but what is streamed.

    With `objects`, the buckets of the accounts that have resources go with it. Work that is under way is written down
    as not begun.
    """
    with state.busy:
        writer = Writer(target)
        try:
            _save(state, writer, objects)
        except BaseException:
            writer.abandon()
            raise


def _save(state: State, writer: Writer, objects: bool) -> None:
    with state.database.transaction():
        writer.add_rows(f"rows/{RESOURCES}.jsonl", map(_resource, state.resources()))
        for name, statement in ((LINKS, "all_links"), (TAGS, "all_tags")):
            writer.add_rows(f"rows/{name}.jsonl", map(dict, state.database.rows(statement)))
        jobs = {row["number"]: row for row in state.database.rows("jobs")}
        writer.add_rows(
            f"rows/{JOBS}.jsonl", ({name: row[name] for name in ("number", "arn", "kind")} for row in jobs.values())
        )
        writer.add_rows(f"rows/{STEPS}.jsonl", _steps(state))
        now = [{"now": state.clock.now()}] if isinstance(state.clock, ManualClock) else []
        writer.add_rows(f"rows/{CLOCK}.jsonl", now)
        _save_segments(state, writer)
        _save_streamed(state, writer)
        _save_models(state, writer)
    buckets.save(state, writer, objects)
    writer.finish()


def _resource(resource: Resource) -> Row:
    return {
        "number": resource.number,
        "arn": resource.arn,
        "kind": resource.kind.name,
        "name": resource.name,
        "status": resource.status,
        "created": resource.created,
        "updated": resource.updated,
        "document": resource.document,
    }


def _steps(state: State) -> Iterator[Row]:
    """Yield the steps; where a job had begun, the step that begins it comes once more."""
    rows = [dict(row) for row in state.database.rows("all_steps")]
    begins = {row["job"] for row in rows if row["stage"] == RUNNING}
    for row in rows:
        del row["number"]
        if row["job"] is not None and row["job"] not in begins:
            yield row | {"stage": RUNNING, "due": min(row["due"], state.clock.now()), "times": 0}
        yield row


def _save_segments(state: State, writer: Writer) -> None:
    kept = []
    for dataset in (each for each in state.resources() if each.kind is DATASET):
        for number, path in state.tables.numbered(dataset.number):
            writer.add(f"segments/{number}.parquet", _blocks(path))
            kept.append({"number": number, "dataset": dataset.number, "rows": state.tables.rows_of(number)})
    writer.add_rows(f"rows/{SEGMENTS}.jsonl", sorted(kept, key=lambda row: row["number"]))


def _save_streamed(state: State, writer: Writer) -> None:
    datasets = [each.number for each in state.resources() if each.kind is DATASET]
    for name, of in ((EVENTS, state.streamed.events), (RECORDS, state.streamed.records)):
        found = (row._asdict() for dataset in datasets for row in of(dataset))
        rows = ({member: row[member] for member in MEMBERS[name]} for row in found)
        writer.add_rows(f"rows/{name}.jsonl", rows)


def _save_models(state: State, writer: Writer) -> None:
    for key in sorted(models_of(state.resources())):
        with state.models.files(key) as files:
            for name, path in files.items():
                writer.add(f"models/{key}/{name}", _blocks(path))


def models_of(resources: list[Resource]) -> set[int]:
    """Return the keys of the models that may be there: of solution versions, and of recommenders."""
    keys: set[Any] = {each.number for each in resources if each.kind is SOLUTION_VERSION}
    keys |= {each.document.get("model") for each in resources if each.kind is RECOMMENDER}
    return keys - {None}


def _blocks(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block
