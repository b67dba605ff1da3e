"""The machine of lives: begins processes, applies their steps on time, stops them, takes them up again."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from fakepersonalize.disk import complaint
from fakepersonalize.faults import Event, Faults
from fakepersonalize.lifecycle.clock import Clock, ManualClock
from fakepersonalize.lifecycle.pace import Pace
from fakepersonalize.lifecycle.workshop import Workshop
from fakepersonalize.resources.kinds import Kind
from fakepersonalize.resources.processes import DONE, PROCESSES, RUNNING, STOP_CREATION, Process
from fakepersonalize.resources.shelf import Resource, Shelf
from fakepersonalize.settings import LATEST_TIME
from fakepersonalize.storage.metadata import Row

log = logging.getLogger(__name__)
STATUS = "status"
UPDATES = "latest"  # how the members begin that updates are tracked in
APPOINTMENT = "appointment"  # a step of no process: somebody wants to be called at a time
HELD = 1e15  # when steps are due that a rule holds without an end
CLOCK_MOVES = "This clock moves by itself; the lifecycle profile manual has one that is moved."
NO_SUCH_TIME = "The clock cannot move {seconds} seconds on: only forward, and to the year 9999 at most."
OPERATIONS = {  # what begins a process, by its name
    "create": "Create{}",
    "update": "Update{}",
    "delete": "Delete{}",
    "delete-data": "Create{}",
    "start": "Start{}",
    "stop": "Stop{}",
    "stop-creation": "Stop{}Creation",
}
OWN_MEMBERS = frozenset({"status", "creationDateTime", "lastUpdatedDateTime", "failureReason"})


class Lifecycle:
    """When a status changes. Nothing changes because it is read: `settle` applies what is due, and nothing else does.

    `gone` hears of each resource whose life is over, inside the transaction that removes it; `arrived` of each that is
    ready or has been updated, inside the transaction that says so; `kept` of each whose appointment has come.
    """

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        pace: Pace,
        workshop: Workshop,
        gone: Callable[[Resource], None],
        faults: Faults | None = None,
    ) -> None:
        self.shelf, self.clock, self.pace, self.workshop = shelf, clock, pace, workshop
        self._faults = Faults() if faults is None else faults
        self._database = shelf.database
        # Inline, a thread that settles also does what other threads' calls began: those wait for it.
        self._settling: AbstractContextManager[Any] = threading.RLock() if workshop.inline else nullcontext()
        self._gone = gone
        self._next_due = math.inf
        self._wake = threading.Event()
        self._advancing = threading.Lock()
        self._ticker: threading.Thread | None = None
        self._closed = False
        self._complaint: str | None = None  # about the disk, while that keeps steps waiting
        self.kept: Callable[[Resource], None] = lambda resource: None
        self.arrived: Callable[[Resource], None] = lambda resource: None
        workshop.moved = self._moved
        # Steps come and go with changes of resources, and only what is committed may be looked at.
        self._database.listeners.append(lambda _: self._look_ahead())

    def begin(
        self,
        resource: Resource,
        process: Process,
        job: str | None = None,
        track: tuple[str, ...] = (STATUS,),
        size: int = 0,
    ) -> None:
        """Begin a process inside the caller's transaction; a job's work starts after the commit.

        `track` names what the steps write: the resource's own status, a `latest...Update` member, or both. `size` is
        how many rows the work is about, on which its pace may depend.
        """
        number = self._add_job(resource.arn, job) if job else None
        if track != (STATUS,) or resource.status != process.pending:  # a new resource stands there with its status
            self._write(resource, track, process.pending)
        pending, running = self.pace.seconds(resource.kind.name, process.name, size)
        times = self.pace.times(resource.kind.name)
        now = self.clock.now()
        for stage, due, told in ((RUNNING, now + pending, times), (DONE, now + pending + running, 2 * times)):
            self._database.run(
                "add_step",
                arn=resource.arn,
                track=",".join(track),
                process=process.name,
                stage=stage,
                due=round(due, 3),  # as clocks tell it, or the manual one would never reach it
                times=told,
                job=number,
            )

    def appoint(self, resource: Resource, due: float) -> None:
        """Have `kept` hear of a resource at a time instead of one appointed before, inside the caller's transaction."""
        self._database.run("remove_steps_of_track", arn=resource.arn, track=APPOINTMENT)
        same = dict.fromkeys(("track", "process", "stage"), APPOINTMENT)
        self._database.run("add_step", arn=resource.arn, due=round(due, 3), times=0, job=None, **same)

    def settle(self) -> None:
        """Apply every step that is due, oldest first; where work is done inline, return when it is done.

        Raises what a full or failing disk raises: the steps are still due then.
        """
        with self._settling:
            while self.workshop.unsaid or self._next_due <= self.clock.now():
                self.workshop.say()
                self._take_next()

    def settle_if_possible(self) -> bool:
        """Settle; say whether that went well. Where the disk is full or fails, the steps wait until it does not."""
        try:
            self.settle()
        except Exception as problem:
            said = complaint(problem)
            if said is None:
                raise
            if said != self._complaint:
                log.error("statuses stay as they are for now: %s", said)
            self._complaint = said
            return False
        self._complaint = None
        return True

    def advance(self, seconds: float) -> None:
        """Move the manual clock on, applying the steps on the way in their order.

        Raises ValueError where the clock moves by itself, and for a time that it cannot show.
        """
        if not seconds:
            return
        if not isinstance(self.clock, ManualClock):
            raise ValueError(CLOCK_MOVES)
        with self._advancing:
            target = self.clock.now() + seconds
            if not (seconds > 0 and target < LATEST_TIME):
                raise ValueError(NO_SUCH_TIME.format(seconds=seconds))
            self.settle()
            while self._next_due <= target:
                self.clock.move_to(self._next_due)
                self.settle()
            self.clock.move_to(target)

    def tell(self, times: int = 1) -> None:
        """Tell the steps that wait for being told, so many times; what they waited for happens in its order."""
        for _ in range(times):
            with self._database.transaction():
                self._database.run("tell_steps")
                self._look_ahead()
            self.settle()

    def hurry(self, arn: str) -> None:
        """Make the steps of a resource due now, whatever its pace; they still wait for their work."""
        with self._database.transaction():
            self._database.run("hurry_steps", arn=arn, now=self.clock.now())
            self._look_ahead()

    def stop_creation(self, resource: Resource) -> None:
        """Stop what creates a resource, inside the caller's transaction: pending work at once, running work soon."""
        was_pending = resource.status == "CREATE PENDING"
        self.abandon(resource)
        if was_pending:
            self.shelf.put(resource, status=STOP_CREATION.done)
        else:
            self.begin(resource, STOP_CREATION)

    def abandon(self, resource: Resource) -> None:
        """Stop all work on a resource and forget its steps, inside the transaction that changes or removes it."""
        for job in self._database.rows("jobs_of", arn=resource.arn):
            self.workshop.finish(job["number"])
        self._database.run("remove_steps", arn=resource.arn)

    def release(self, arns: Iterable[str]) -> None:
        """Let resources get on that a rule held."""
        with self._database.transaction():
            for arn in arns:
                self._database.run("release_steps", arn=arn, now=self.clock.now())
            self._look_ahead()

    def recover(self) -> None:
        """Take up what an earlier run of this data folder left behind."""
        with self._database.transaction():
            self._database.run("release_held_steps", now=self.clock.now(), held=HELD)
            self._hasten()
            self._look_ahead()
        self.workshop.recover()

    @property
    def ticks(self) -> bool:
        """Whether steps are applied on time even when nobody calls."""
        return self._ticker is not None

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

    def _hasten(self) -> None:
        """Make nothing wait for a clock that ran ahead of this one (a scaled one, in an earlier run)."""
        row = self._database.row("latest_change")
        ahead = (row["at"] or 0.0) - self.clock.now() if row else 0.0
        if ahead > 0:
            self._database.run("hasten_steps", seconds=ahead)

    def _take_next(self) -> None:
        """Apply the oldest step that is due; a job whose step the disk does not take fails."""
        step: Row | None = None
        try:
            with self._database.transaction():
                step = self._database.row("next_step", now=self.clock.now())
                if step:
                    self._take(step)
                else:
                    self._look_ahead()
        except Exception as problem:
            if step is None or step["job"] is None or step["job_state"] == "failed" or complaint(problem) is None:
                raise
            self.workshop.give_up(
                step["job"], self.workshop.reason(problem, f"the {step['stage']} step of {step['arn']}")
            )
            if self.workshop.unsaid:
                raise
            self._moved()

    def _take(self, step: Row) -> None:
        """Apply a step; where that cannot be done the process fails, lest the step stand in the way of all others."""
        resource = self.shelf.find(step["arn"])
        assert resource is not None, "steps go with their resource"
        if step["stage"] == APPOINTMENT:
            self._keep(step, resource)
            return
        process = PROCESSES[step["process"]]
        track = tuple(step["track"].split(","))
        event = Event(begun_by(resource.kind, process, track), resource.scope.account, (resource.arn, resource.name))
        until = self._faults.stuck(event, resource.arn) if self._faults and step["stage"] == DONE else None
        if until is not None:
            self._database.run("hold_step", number=step["number"], due=min(until, HELD))
            self._look_ahead()
            return
        try:
            with self._database.savepoint():
                self._apply(step, resource, process, track, event)
        except Exception as problem:
            if process.failed is None or complaint(problem):
                raise
            reason = self.workshop.reason(problem, f"the {step['stage']} step of {resource.arn}")
            self._fail(resource, process, track, step["job"], reason)

    def _keep(self, step: Row, resource: Resource) -> None:
        self._database.run("remove_step", number=step["number"])
        try:
            with self._database.savepoint():
                self.kept(resource)
        except Exception as problem:
            if complaint(problem):  # it is done when the disk takes it
                raise
            log.exception("what was to be done for %s failed", resource.arn)

    def _apply(self, step: Row, resource: Resource, process: Process, track: tuple[str, ...], event: Event) -> None:
        self._database.run("remove_step", number=step["number"])
        if step["job_state"] == "failed":
            self._fail(resource, process, track, step["job"], step["job_failure"])
        elif step["stage"] == RUNNING:
            self._write(resource, track, process.running)
            if step["job"] is not None:
                self._begin_work(step["job"], self._faults.failure(event))
        elif step["job"] is None and process.failed and (reason := self._faults.failure(event)):
            self._fail(resource, process, track, None, reason)
        else:
            self._complete(resource, process, track, step["job"])

    def _begin_work(self, job: int, failure: str | None) -> None:
        """Have a job do its work, or fail for a reason that a rule gives."""
        if failure is None:
            self._afterwards(lambda: self.workshop.work(job))
        else:
            self._database.run("job_failed", number=job, failure=failure)

    def _complete(self, resource: Resource, process: Process, track: tuple[str, ...], job: int | None) -> None:
        changes: dict[str, Any] = {}
        if job is not None:
            changes = self.workshop.record(job)
            self.workshop.finish(job)
        if process.done is None:
            for each in self.shelf.remove(resource):
                self._gone(each)
        else:
            self.arrived(self._write(resource, track, process.done, changes, adopt=True))

    def _fail(self, resource: Resource, process: Process, track: tuple[str, ...], job: int | None, reason: str) -> None:
        assert process.failed is not None, "only what may fail has a job"
        self._database.run("remove_steps_of_track", arn=resource.arn, track=",".join(track))
        if job is not None:
            self.workshop.finish(job)
        written = self._write(resource, track, process.failed, reason=reason)
        if track != (STATUS,):
            self.shelf.link(written)  # what the update would have used is free again

    def _write(
        self,
        resource: Resource,
        track: tuple[str, ...],
        status: str,
        changes: dict[str, Any] | None = None,
        reason: str | None = None,
        adopt: bool = False,
    ) -> Resource:
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
        return written

    def _add_job(self, arn: str, kind: str) -> int:
        number = self._database.run("add_job", arn=arn, kind=kind).lastrowid
        assert number is not None
        self._afterwards(lambda: self.workshop.gather(number))
        return number

    def _afterwards(self, action: Callable[[], None]) -> None:
        assert self._database.current is not None
        self._database.current.afterwards.append(action)

    def _look_ahead(self) -> None:
        """Note when the next step is due; under the lock of the writer, so that nobody else changes steps meanwhile."""
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
            well = False
            try:
                well = self.settle_if_possible()
            except Exception:
                if not self._closed:
                    log.exception("a step could not be applied")
            if not (well or self._closed):
                self._wake.clear()
                self._wake.wait(timeout=1.0)


def begun_by(kind: Kind, process: Process, track: tuple[str, ...]) -> str:
    """Return the name of the operation that begins a process of a kind; some updates show the statuses of creations."""
    name = "update" if any(each.startswith(UPDATES) for each in track) else process.name
    return OPERATIONS[name].format("".join(word.capitalize() for word in kind.name.split("_")))
