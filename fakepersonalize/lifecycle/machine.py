"""The machine of lives: begins processes, applies their steps when their time has come, stops them, takes them up again."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from typing import Any

from fakepersonalize.errors import JobFailed
from fakepersonalize.lifecycle.clock import Clock, ManualClock
from fakepersonalize.lifecycle.pace import Pace
from fakepersonalize.lifecycle.workshop import INTERNAL, Workshop
from fakepersonalize.resources.processes import DONE, PROCESSES, RUNNING, STOP_CREATION, Process
from fakepersonalize.resources.shelf import Resource, Shelf
from fakepersonalize.storage.metadata import Row

log = logging.getLogger(__name__)
STATUS = "status"
OWN_MEMBERS = frozenset({"status", "creationDateTime", "lastUpdatedDateTime", "failureReason"})


class Lifecycle:
    """When a status changes. Nothing changes because it is read: `settle` applies what is due, and nothing else does."""

    def __init__(
        self, shelf: Shelf, clock: Clock, pace: Pace, workshop: Workshop, gone: Callable[[Resource], None]
    ) -> None:
        self.shelf, self.clock, self.pace, self.workshop = shelf, clock, pace, workshop
        self._database = shelf.database
        self._gone = gone
        self._next_due = math.inf
        self._wake = threading.Event()
        self._ticker: threading.Thread | None = None
        self._closed = False
        workshop.moved = self._moved

    def begin(
        self, resource: Resource, process: Process, job: str | None = None, track: tuple[str, ...] = (STATUS,)
    ) -> None:
        """Begin a process inside the caller's transaction; a job's work starts after the commit.

        `track` names what the steps write: the resource's own status, a `latest...Update` member, or both.
        """
        number = self._add_job(resource.arn, job) if job else None
        self._write(resource, track, process.pending)
        pending, running = self.pace.seconds(resource.kind.name, process.name)
        now = self.clock.now()
        for stage, due in ((RUNNING, now + pending), (DONE, now + pending + running)):
            self._database.run(
                "add_step",
                arn=resource.arn,
                track=",".join(track),
                process=process.name,
                stage=stage,
                due=due,
                job=number,
            )
        self._look_ahead()

    def settle(self) -> None:
        """Apply every step that is due, oldest first."""
        while self._next_due <= self.clock.now():
            with self._database.transaction():
                step = self._database.row("next_step", now=self.clock.now())
                if step:
                    self._apply(step)
                self._look_ahead()

    def advance(self, seconds: float) -> None:
        """Move the manual clock on, applying the steps on the way in their order."""
        assert isinstance(self.clock, ManualClock)
        target = self.clock.now() + seconds
        self.settle()
        while self._next_due <= target:
            self.clock.move_to(self._next_due)
            self.settle()
        self.clock.move_to(target)

    def stop_creation(self, resource: Resource) -> None:
        """Stop what creates a resource, inside the caller's transaction: pending work at once, running work soon."""
        was_pending = resource.status == "CREATE PENDING"
        self.abandon(resource)
        if was_pending:
            self.shelf.put(resource, status=STOP_CREATION.done)
        else:
            self.begin(resource, STOP_CREATION)

    def abandon(self, resource: Resource) -> None:
        """Stop all work on a resource and forget its steps, inside the caller's transaction."""
        for job in self._database.rows("open_jobs_of", arn=resource.arn):
            self.workshop.cancel(job["number"])
        self._database.run("remove_steps", arn=resource.arn)
        self._look_ahead()

    def recover(self) -> None:
        """Take up what an earlier run of this data folder left behind."""
        with self._database.transaction():
            self._look_ahead()
        self.workshop.recover()

    def start_ticker(self) -> None:
        """Apply steps on time even when nobody calls."""
        self._ticker = threading.Thread(target=self._tick, name="lifecycle", daemon=True)
        self._ticker.start()

    def close(self) -> None:
        self._closed = True
        self._wake.set()
        if self._ticker:
            self._ticker.join(timeout=1)
        self.workshop.close()

    def _apply(self, step: Row) -> None:
        resource, process = self.shelf.find(step["arn"]), PROCESSES[step["process"]]
        track = tuple(step["track"].split(","))
        self._database.run("remove_step", number=step["number"])
        assert resource is not None, "steps go with their resource"
        if step["job_state"] == "failed":
            self._fail(resource, process, track, step["job"])
        elif step["stage"] == RUNNING:
            self._write(resource, track, process.running)
            if step["job"] is not None:
                self._afterwards(lambda: self.workshop.work(step["job"]))
        else:
            self._complete(resource, process, track, step["job"])

    def _complete(self, resource: Resource, process: Process, track: tuple[str, ...], job: int | None) -> None:
        changes: dict[str, Any] = {}
        if job is not None:
            try:
                with self._database.savepoint():
                    changes = self.workshop.record(job)
            except Exception as problem:
                log.exception("job %d could not be recorded", job)
                reason = problem.message if isinstance(problem, JobFailed) else INTERNAL
                self._database.run("job_failed", number=job, failure=reason)
                self._fail(resource, process, track, job)
                return
            self.workshop.finish(job)
        if process.done is None:
            self._remove(resource)
        else:
            self._write(resource, track, process.done, changes, adopt=True)

    def _fail(self, resource: Resource, process: Process, track: tuple[str, ...], number: int) -> None:
        job = self._database.row("job", number=number)
        assert job is not None and process.failed is not None
        self._database.run("remove_steps_of_track", arn=resource.arn, track=",".join(track))
        self.workshop.finish(number)
        self._write(resource, track, process.failed, reason=job["failure"])

    def _remove(self, resource: Resource) -> None:
        for each in self.shelf.remove(resource):
            self._afterwards(lambda each=each: self._gone(each))  # type: ignore[misc]

    def _write(
        self,
        resource: Resource,
        track: tuple[str, ...],
        status: str,
        changes: dict[str, Any] | None = None,
        reason: str | None = None,
        adopt: bool = False,
    ) -> None:
        """Write a status where the tracks say; a finished update hands its members to the resource itself."""
        document = resource.document | (changes or {})
        failure = {"failureReason": reason} if reason else {}
        for name in track:
            if name == STATUS:
                document = {k: v for k, v in document.items() if k != "failureReason"} | failure
                continue
            now = self.clock.now()
            update = (
                {"creationDateTime": now} | document[name] | {"status": status, "lastUpdatedDateTime": now} | failure
            )
            document = document | {name: update}
            if adopt:
                document |= {member: value for member, value in update.items() if member not in OWN_MEMBERS}
        written = self.shelf.put(resource, document, status if STATUS in track else None)
        if adopt and track != (STATUS,):
            self.shelf.link(written)

    def _add_job(self, arn: str, kind: str) -> int:
        number = self._database.run("add_job", arn=arn, kind=kind).lastrowid
        assert number is not None
        self._afterwards(lambda: self.workshop.gather(number))
        return number

    def _afterwards(self, action: Callable[[], None]) -> None:
        assert self._database.current is not None
        self._database.current.afterwards.append(action)

    def _look_ahead(self) -> None:
        """Note when the next step is due; inside a transaction, so that nobody else changes steps meanwhile."""
        row = self._database.row("next_due")
        self._next_due = math.inf if row is None or row["due"] is None else row["due"]
        self._wake.set()

    def _moved(self) -> None:
        with self._database.transaction():
            self._look_ahead()

    def _tick(self) -> None:
        while not self._closed:
            self._wake.wait(timeout=min(self.clock.seconds_until(self._next_due), 1.0))
            self._wake.clear()
            try:
                self.settle()
            except Exception:
                if not self._closed:
                    log.exception("a step could not be applied")
                    self._wake.wait(timeout=1.0)
