"""Loading a snapshot: what there was goes, what the file holds takes its place, in one transaction.

Everything is checked, and files lie in a folder of their own, before anything changes. Numbers of resources, segments
and events are never used twice here, so all get new ones, in the same order.
"""

from __future__ import annotations

import bisect
import json
import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from fakepersonalize.datasets import schema as schemas
from fakepersonalize.lifecycle.clock import ManualClock
from fakepersonalize.lifecycle.machine import APPOINTMENT, STATUS
from fakepersonalize.resources.kinds import DATASET, RECOMMENDER, SOLUTION_VERSION
from fakepersonalize.resources.processes import DONE, PROCESSES, RUNNING
from fakepersonalize.settings import LATEST_TIME
from fakepersonalize.snapshots import buckets, parts, rows
from fakepersonalize.snapshots.archive import BLOCK_BYTES, Reader, Unusable
from fakepersonalize.snapshots.rows import CLOCK, EVENTS, JOBS, LINKS, RECORDS, RESOURCES, SEGMENTS, STEPS, TAGS, Row
from fakepersonalize.snapshots.state import State
from fakepersonalize.storage import files
from fakepersonalize.storage.streamed import Event, Record

log = logging.getLogger(__name__)
Numbers = dict[int, int]  # of the snapshot -> of this folder


def load(state: State, source: BinaryIO) -> int:
    """Put what a file holds in the place of all resources, and return how many there are now.

    Work that was under way here is stopped and forgotten; what was under way in the snapshot begins again. Buckets and
    objects of the file are added to those that there are. Raises Unusable, and has changed nothing then.
    """
    reader = Reader(source)
    state.folder.mkdir(parents=True, exist_ok=True)
    with state.busy, tempfile.TemporaryDirectory(dir=state.folder, prefix="snapshot-") as folder:
        found = _Found(reader, Path(folder), state.lifecycle.workshop.kinds)
        with _intent(state, source) if found.buckets and state.keeps_objects else nullcontext():
            _put_in_place(state, found, reader)
    return len(found.resources)


def again(state: State) -> None:
    """Load what an earlier run was killed at, as a whole: a part of it, or all, may be there already."""
    log.warning("the server ended while a snapshot was loaded; it is loaded again")
    try:
        with open(_copy(state), "rb") as source:
            load(state, source)
    except (Unusable, FileNotFoundError) as problem:
        log.error("the snapshot cannot be loaded again: %s", problem)
        _end(state)


@contextmanager
def _intent(state: State, source: BinaryIO) -> Iterator[None]:
    """Make sure that what is done inside is done as a whole: whoever finds the row loads the copy once more."""
    copy = _copy(state)
    if not state.database.row("loading"):
        draft = copy.with_suffix(".part")
        try:
            source.seek(0)
            with open(draft, "wb") as file:
                shutil.copyfileobj(source, file, BLOCK_BYTES)
            files.move(draft, copy)
            with state.database.transaction():
                state.database.run("begin_loading", now=state.clock.now())
        except BaseException:
            files.remove(draft)
            files.remove(copy)
            raise
    try:
        yield
    except BaseException:
        _end(state)  # it was undone
        raise
    files.remove(copy)


def _end(state: State) -> None:
    with state.database.transaction():
        state.database.run("end_loading")
    files.remove(_copy(state))


def _copy(state: State) -> Path:
    return state.folder.parent / "loading.zip"


def _put_in_place(state: State, found: _Found, reader: Reader) -> None:
    with buckets.load(state, found.buckets, found.objects, reader, found.folder) as undoing:
        loading = _Loading(state, found)
        try:
            with state.database.transaction():
                loading.run()
                state.database.run("end_loading")
        except BaseException:
            loading.undo()
            raise
        undoing.pop_all()


class _Found:
    """What a file holds, checked, with its segments and models in a folder."""

    def __init__(self, reader: Reader, folder: Path, job_kinds: frozenset[str]) -> None:
        self.folder = folder
        read = partial(rows.read, reader)
        self.resources, self.links, self.tags = read(RESOURCES), read(LINKS), read(TAGS)
        self.jobs, self.steps, self.clock = read(JOBS), read(STEPS), read(CLOCK)
        self.segments, self.events, self.records = read(SEGMENTS), read(EVENTS), read(RECORDS)
        rows.check_resources(self.resources)
        self.by_arn = {row["arn"]: row for row in self.resources}
        self.datasets = {row["number"]: row for row in self.resources if row["kind"] == DATASET.name}
        self._check_names()
        self._check_work(job_kinds)
        self._check_streamed()
        self._take_segments(reader)
        self.manifests = self._take_models(reader)
        self.buckets, self.objects = buckets.read(reader)

    def _check_names(self) -> None:
        for file, members in ((LINKS, ("arn", "ancestor")), (TAGS, ("arn",)), (JOBS, ("arn",)), (STEPS, ("arn",))):
            for line, row in enumerate(getattr(self, file), start=1):
                for member in members:
                    if row[member] not in self.by_arn:
                        raise rows.bad(file, line, f"whose {member} names nothing")

    def _check_work(self, job_kinds: frozenset[str]) -> None:
        jobs = {row["number"] for row in self.jobs}
        for line, row in enumerate(self.jobs, start=1):
            if row["kind"] not in job_kinds or len(jobs) != len(self.jobs):
                raise rows.bad(JOBS, line, "which nobody can do")
        for line, row in enumerate(self.steps, start=1):
            if row["times"] < 0 or (row["job"] is not None and row["job"] not in jobs) or not _may_be_taken(row):
                raise rows.bad(STEPS, line, "which nobody can take")

    def _check_streamed(self) -> None:
        numbers: set[int] = set()
        for file, column in ((EVENTS, "more"), (RECORDS, "columns")):
            for line, row in enumerate(getattr(self, file), start=1):
                if row["dataset"] not in self.datasets or row["number"] in numbers or not _is_object(row[column]):
                    raise rows.bad(file, line, "which is no row of a dataset")
                numbers.add(row["number"])

    def _take_segments(self, reader: Reader) -> None:
        named = {f"segments/{row['number']}.parquet" for row in self.segments}
        if named != {name for name in reader.files if name.startswith("segments/")} or len(named) != len(self.segments):
            raise Unusable(parts.BAD_SEGMENT.format(number="of many", why="which is there too often, or not at all"))
        for line, row in enumerate(self.segments, start=1):
            dataset = self.datasets.get(row["dataset"])
            if dataset is None:
                raise rows.bad(SEGMENTS, line, "which belongs to no dataset")
            schema = self.by_arn[dataset["document"]["schemaArn"]]["document"]
            path = self.segment(row["number"])
            reader.extract(f"segments/{row['number']}.parquet", path)
            parts.check_segment(row["number"], path, row["rows"], schemas.parse(schema["schema"], schema.get("domain")))

    def _take_models(self, reader: Reader) -> dict[int, dict[str, Any]]:
        """Return the manifests of all models by their keys."""
        keys = {row["number"] for row in self.resources if row["kind"] == SOLUTION_VERSION.name}
        keys |= {row["document"].get("model") for row in self.resources if row["kind"] == RECOMMENDER.name}
        found = {int(name.split("/")[1]) for name in reader.files if name.startswith("models/")}
        if not found <= keys:
            raise Unusable(parts.BAD_MODEL.format(number=min(found - keys), why="which belongs to nothing"))
        for key in found:
            self.model(key).mkdir()
            for file in ("manifest.json", "arrays.npz"):
                if f"models/{key}/{file}" not in reader.files:
                    raise Unusable(parts.BAD_MODEL.format(number=key, why=f"which lacks {file}"))
                reader.extract(f"models/{key}/{file}", self.model(key) / file)
        return {key: parts.check_model(key, self.model(key)) for key in found}

    def segment(self, number: int) -> Path:
        return self.folder / f"{number}.parquet"

    def model(self, key: int) -> Path:
        return self.folder / f"model{key}"


class _Loading:
    """Puts what was found in the place of what there is, inside a transaction."""

    def __init__(self, state: State, found: _Found) -> None:
        self._state, self._found, self._database = state, found, state.database
        self._streams: set[int] = set()  # datasets that got streamed rows, which lie in another file

    def run(self) -> None:
        self._remove()
        self._move_clock()
        models = self._models()
        resources = self._resources(models)
        segments = self._segments(resources)
        streamed = self._streamed(resources, segments)
        for key, manifest in self._found.manifests.items():
            folder = self._found.model(key)
            last = _newest(streamed, manifest["learnt"]["last"])
            (folder / "manifest.json").write_text(parts.with_last(manifest, last), "utf-8")
            self._state.models.keep(models.get(key, resources.get(key, 0)), folder)
        self._work()

    def undo(self) -> None:
        """Forget what is not in the database that rolled back: its numbers will be others' again."""
        for dataset in self._streams:
            self._state.forget(dataset)

    def _remove(self) -> None:
        for resource in self._state.resources():
            self._state.lifecycle.abandon(resource)
            self._state.shelf.remove(resource)
            self._state.gone(resource)

    def _move_clock(self) -> None:
        times = [row["updated"] for row in self._found.resources] + [row["now"] for row in self._found.clock]
        latest = min(max(times, default=0), LATEST_TIME - 1)
        if isinstance(self._state.clock, ManualClock):
            self._state.clock.move_to(latest)

    def _models(self) -> Numbers:
        """Return new keys for the models of recommenders: those of jobs that there never will be."""
        keys = [key for key in self._found.manifests if key < 0]
        numbers = {}
        for key in sorted(keys):
            job = self._add_job("", "")
            self._database.run("remove_job", number=job)
            numbers[key] = self._state.model_key(job)
        return numbers

    def _resources(self, models: Numbers) -> Numbers:
        numbers: Numbers = {}
        for row in sorted(self._found.resources, key=_number):
            document = row["document"]
            if document.get("model") in models:
                document = document | {"model": models[document["model"]]}
            scope = rows.scope_of(row)
            columns = {name: row[name] for name in ("arn", "kind", "name", "status", "created", "updated")}
            columns |= {"account": scope.account, "region": scope.region, "document": json.dumps(document)}
            numbers[row["number"]] = self._insert("restore_resource", **columns)
        for link in self._found.links:
            self._database.run("add_link", **link)
        for tag in self._found.tags:
            self._database.run("set_tag", **tag)
        assert self._database.current is not None
        self._database.current.changed |= self._found.by_arn.keys()
        return numbers

    def _segments(self, datasets: Numbers) -> Numbers:
        numbers: Numbers = {}
        for row in sorted(self._found.segments, key=_number):
            dataset = datasets[row["dataset"]]
            path = self._found.segment(row["number"])
            self._state.tables.append(dataset, path, f"{dataset}-{row['number']}", row["rows"])
            numbers[row["number"]] = self._state.tables.latest(dataset)
        return numbers

    def _streamed(self, datasets: Numbers, segments: Numbers) -> Numbers:
        kept: list[Event | Record] = []
        for row in sorted([*self._found.events, *self._found.records], key=_number):
            row = row | {"dataset": datasets[row["dataset"]]}
            if "columns" in row:
                kept.append(Record(**row | {"after": _newest(segments, row["after"])}))
            else:
                kept.append(Event(**row))
        if not kept:
            return {}
        self._streams = {row.dataset for row in kept}
        added = self._state.streamed.add(kept)
        return {row.number: number for row, number in zip(kept, added)}

    def _work(self) -> None:
        assert self._database.current is not None
        jobs = {row["number"]: self._add_job(row["arn"], row["kind"]) for row in sorted(self._found.jobs, key=_number)}
        waiting = {step["job"] for step in self._found.steps}
        for old, new in jobs.items():
            if old in waiting:
                self._database.current.afterwards.append(partial(self._state.lifecycle.workshop.gather, new))
            else:
                self._database.run("remove_job", number=new)
        for step in self._found.steps:
            self._database.run("add_step", **step | {"job": jobs.get(step["job"])})

    def _add_job(self, arn: str, kind: str) -> int:
        return self._insert("add_job", arn=arn, kind=kind)

    def _insert(self, statement: str, **columns: Any) -> int:
        number = self._database.run(statement, **columns).lastrowid
        assert number is not None
        return number


def _number(row: Row) -> int:
    number: int = row["number"]
    return number


def _newest(numbers: Numbers, until: int) -> int:
    """Return the new number of the newest of those that have old ones up to one; 0 where there is none."""
    old = sorted(numbers)
    place = bisect.bisect_right(old, until)
    return numbers[old[place - 1]] if place else 0


def _may_be_taken(step: Row) -> bool:
    """Say whether a step is an appointment, or one of a process that writes statuses and updates."""
    if {step["track"], step["process"], step["stage"]} == {APPOINTMENT}:
        return step["job"] is None
    tracks = step["track"].split(",")
    known = step["process"] in PROCESSES and step["stage"] in (RUNNING, DONE)
    return known and all(track == STATUS or (track.startswith("latest") and track.isalpha()) for track in tracks)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
