"""Jobs: gather what the work needs, do it, deliver and keep what came of it, from one state of a row to the next.

A job's folder holds what `gather` spooled and what `work` made. `record` is called by the machine, in the transaction
that sets the final status.
"""

from __future__ import annotations

import importlib
import json
import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakepersonalize.disk import complaint
from fakepersonalize.errors import Cancelled, JobFailed
from fakepersonalize.lifecycle.runners import InlineRunner, Interrupted, Runner, Tick, WorkerProcess
from fakepersonalize.storage.metadata import Database

log = logging.getLogger(__name__)
ATTEMPTS = 3
LEAST_SHARE = 0.02  # of the work, before it can be told how long the rest takes
INTERNAL = "Internal error. Please retry."
INTERRUPTED = f"{INTERNAL} The work was interrupted {ATTEMPTS} times; the last time {{how}}."
SERVER_ENDED = "the server ended"


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work for one resource."""

    number: int
    arn: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Body:
    """What a kind of job does: two functions that may use the house, and the dotted name of the work between them.

    `gather(job) -> spec` and `record(job, outcome) -> changes of the resource's document` run in the server's process.
    So does `deliver(job, outcome, tick) -> outcome`, right behind the work and outside of any transaction: it hands to
    the neighbours what the work made, which may take a while, and like the work it may be interrupted and repeated.
    """

    gather: Callable[[Job], dict[str, Any]]
    work: str
    record: Callable[[Job, dict[str, Any]], dict[str, Any]]
    heavy: bool = False
    deliver: Callable[[Job, dict[str, Any], Tick], dict[str, Any]] | None = None


class Workshop:
    """Takes jobs through their stages.

    Calls `moved` when one got further, `released` when one lets go of its input, and `swept` when one is over that
    failed and may have left files.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        bodies: Mapping[str, Body],
        light: Runner,
        heavy: Runner,
        process: WorkerProcess | None,
        teach: bool,
    ) -> None:
        self._database, self._folder, self._bodies = database, folder, bodies
        self._light, self._heavy, self._process, self._teach = light, heavy, process, teach
        self.inline = isinstance(light, InlineRunner)
        self.moved: Callable[[], None] = lambda: None
        self.released: Callable[[], None] = lambda: None
        self.swept: Callable[[], None] = lambda: None
        self.unsaid: dict[int, str] = {}  # why jobs failed, where the disk did not take it yet
        self._strewn = False  # whether files of jobs that failed may lie where they were to stay
        self.progress: dict[int, float] = {}
        self._begun: dict[int, float] = {}  # when work on it began, by a clock of which nobody is told the time
        self._lock = threading.Lock()  # guards the two below
        self._attempted: set[int] = set()  # a thread is at them now
        self._over: set[int] = set()  # those among them that nobody waits for any more
        self._closed = False

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of jobs that can be done here."""
        return frozenset(self._bodies)

    def gather(self, number: int) -> None:
        """Have a queued job gather what it needs."""
        self._light.submit(lambda: self._attempt(number, self._gather))

    def work(self, number: int) -> None:
        """Have a gathered job do its work."""
        body = self._body(number)
        if body:
            (self._heavy if body.heavy else self._light).submit(lambda: self._attempt(number, self._work))

    def record(self, number: int) -> dict[str, Any]:
        """Take over what a job made, inside the caller's transaction; return changes of the resource's document."""
        row = self._database.row("job", number=number)
        assert row is not None
        return self._bodies[row["kind"]].record(self._job(number, row["arn"]), json.loads(row["outcome"]))

    def finish(self, number: int) -> None:
        """Forget a job, inside the caller's transaction; work on it that still goes on is stopped after the commit."""
        for statement, value in (("remove_job", {"number": number}), ("unpin", {"job": number})):
            self._database.run(statement, **value)
        assert self._database.current is not None
        self._database.current.afterwards.append(lambda: self._clean(number))

    def jobs(self) -> list[dict[str, Any]]:
        """Return the jobs of resources whose process is under way: what they are, and which share is done (0 to 1).

        `state` is `waiting` (for its turn, or for its time to come), `reading` its input, `working`, `done` or
        `failed`. `secondsLeft` is how long the rest takes if it goes on like this; it is not there before that can be
        told.
        """
        return [
            {
                "job": row["number"],
                "resource": row["arn"],
                "kind": row["kind"],
                "state": self._state(row["number"], row["state"]),
                "attempts": row["attempts"],
                "progress": 1.0 if row["state"] == "done" else self.progress.get(row["number"], 0.0),
                **self._estimate(row["number"]),
            }
            for row in self._database.rows("jobs")
        ]

    def _state(self, number: int, stage: str) -> str:
        """Say what happens to a job now; `stage` is how far it has got."""
        if stage in ("done", "failed"):
            return stage
        if number in self.progress:
            return "working"
        return "reading" if stage == "queued" and number in self._attempted else "waiting"

    def _estimate(self, number: int) -> dict[str, float]:
        begun, share = self._begun.get(number), self.progress.get(number, 0.0)
        if begun is None or share < LEAST_SHARE:
            return {}
        return {"secondsLeft": round((time.monotonic() - begun) * (1 - share) / share, 1)}

    def reason(self, problem: Exception, what: str) -> str:
        """Return why something failed as its owner reads it; what is not his business goes into the log."""
        if isinstance(problem, JobFailed):
            return problem.text(self._teach)
        said = complaint(problem)
        log.error("%s failed: %s", what, said or problem, exc_info=None if said else problem)
        return JobFailed(INTERNAL, said).text(self._teach)

    def give_up(self, number: int, reason: str) -> None:
        """Have a job fail. Its files go first: on a full disk that makes room to write the failure down."""
        shutil.rmtree(self._folder / str(number), ignore_errors=True)
        self.unsaid[number] = reason
        try:
            self.say()
        except Exception as problem:
            said = complaint(problem)
            if said is None:
                raise
            log.error("the failure of job %d cannot be written down yet: %s", number, said)

    def say(self) -> None:
        """Write down the failures that could not be written before. Raises what keeps them from it now."""
        for number, reason in list(self.unsaid.items()):
            with self._database.transaction():
                self._database.run("job_failed", number=number, failure=reason)
            self.unsaid.pop(number, None)
            self._strewn = True

    def recover(self) -> None:
        """Take up what another run left behind; clear away folders of jobs that are over."""
        for row in self._database.rows("unfinished_jobs"):
            if row["state"] == "queued":
                self.gather(row["number"])
            elif row["in_progress"]:
                self._work_again(row["number"], SERVER_ENDED)
        known = {str(row["number"]) for row in self._database.rows("open_jobs")}
        if self._folder.is_dir():
            for folder in self._folder.iterdir():
                if folder.name not in known:
                    shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Stop all work; what was not finished is taken up by `recover` of the next run."""
        self._closed = True
        if self._process:
            self._process.close()
        self._light.close()
        self._heavy.close()

    def _attempt(self, number: int, stage: Callable[[int], None]) -> None:
        with self._lock:
            self._attempted.add(number)
        problem: Exception | None = None
        try:
            stage(number)
        except Exception as raised:
            problem = raised
        if self._closed or self._leave(number):
            log.info("job %d was stopped", number)
        elif isinstance(problem, Interrupted):
            self._work_again(number, str(problem))
        else:
            if problem:
                self.give_up(number, self.reason(problem, f"job {number}"))
            self.moved()

    def _leave(self, number: int) -> bool:
        """End an attempt; say whether the job ended before it, and clean up behind it then."""
        with self._lock:
            self._attempted.discard(number)
            over = number in self._over
            self._over.discard(number)
        self.progress.pop(number, None)
        self._begun.pop(number, None)
        if over:
            shutil.rmtree(self._folder / str(number), ignore_errors=True)
        return over

    def _work_again(self, number: int, how: str) -> None:
        """Do work that was interrupted once more, or no more; `how` says in what way it was."""
        row = self._database.row("job", number=number)
        if row and row["attempts"] < ATTEMPTS:
            self.work(number)
        elif row:
            self.give_up(number, INTERRUPTED.format(how=how))
            self.moved()

    def _gather(self, number: int) -> None:
        row = self._database.row("job", number=number)
        if row is None or row["state"] != "queued":
            return
        job = self._job(number, row["arn"])
        shutil.rmtree(job.folder, ignore_errors=True)
        job.folder.mkdir(parents=True)
        spec = self._bodies[row["kind"]].gather(job)
        with self._database.transaction():
            self._database.run("job_gathered", number=number, spec=json.dumps(spec))

    def _work(self, number: int) -> None:
        row = self._database.row("job", number=number)
        if row is None or row["state"] != "gathered":
            return
        with self._database.transaction():
            if not self._database.run("job_attempted", number=number).rowcount:
                return
        self.progress[number] = 0.0
        job, body = self._job(number, row["arn"]), self._bodies[row["kind"]]
        outcome = self._outcome(job, body, json.loads(row["spec"]), self._tick(job))
        if body.deliver:
            outcome = body.deliver(job, outcome, self._tick(job))
        with self._database.transaction():
            self._database.run("job_done", number=number, outcome=json.dumps(outcome))

    def _tick(self, job: Job) -> Tick:
        def tick(share: float) -> None:
            if self._closed or job.number in self._over:
                raise Cancelled
            self._begun.setdefault(job.number, time.monotonic())
            self.progress[job.number] = share

        return tick

    def _outcome(self, job: Job, body: Body, spec: dict[str, Any], tick: Tick) -> dict[str, Any]:
        if body.heavy and self._process:
            return self._process.run(job.number, body.work, spec, job.folder, tick)
        module, _, function = body.work.partition(":")
        found: dict[str, Any] = getattr(importlib.import_module(module), function)(spec, job.folder, tick)
        return found

    def _body(self, number: int) -> Body | None:
        row = self._database.row("job", number=number)
        return self._bodies[row["kind"]] if row else None

    def _job(self, number: int, arn: str) -> Job:
        return Job(number, arn, self._folder / str(number))

    def _clean(self, number: int) -> None:
        """Remove what a job leaves, or have the attempt on it stop and do that."""
        with self._lock:
            attempted = number in self._attempted
            if attempted:
                self._over.add(number)
        if not attempted:
            shutil.rmtree(self._folder / str(number), ignore_errors=True)
        elif self._process:
            self._process.cancel(number)
        self.released()
        if self._strewn:
            self._strewn = False
            self.swept()
