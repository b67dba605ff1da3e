"""A small house for tests of time and work: a shelf, a manual clock, and jobs whose stages the test decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakepersonalize.arns import Scope
from fakepersonalize.lifecycle.clock import Clock, ManualClock
from fakepersonalize.lifecycle.machine import Lifecycle
from fakepersonalize.lifecycle.pace import EvenPace, Pace
from fakepersonalize.lifecycle.runners import InlineRunner, Runner, Tick, WorkerProcess
from fakepersonalize.lifecycle.workshop import Body, Job, Workshop
from fakepersonalize.resources.kinds import DATASET_GROUP, SOLUTION, SOLUTION_VERSION, Kind
from fakepersonalize.resources.processes import CREATE
from fakepersonalize.resources.shelf import Resource, Shelf
from fakepersonalize.storage.metadata import Database

SCOPE = Scope("123456789012", "us-east-1")
STEP = 10.0


class Trade:
    """What the job `train` does: functions that a test may replace."""

    def __init__(self) -> None:
        self.gather: Callable[[Job], dict[str, Any]] = lambda job: {"arn": job.arn}
        self.work: Callable[[dict[str, Any], Path, Tick], dict[str, Any]] = lambda spec, folder, tick: dict(spec)
        self.deliver: Callable[[Job, dict[str, Any], Tick], dict[str, Any]] = lambda job, outcome, tick: outcome
        self.record: Callable[[Job, dict[str, Any]], dict[str, Any]] = lambda job, outcome: {"metrics": outcome}
        self.calls: list[str] = []


TRADE = Trade()


def do(spec: dict[str, Any], folder: Path, tick: Tick) -> dict[str, Any]:
    """Do the work of the trade; jobs name work by its dotted name."""
    TRADE.calls.append("work")
    return TRADE.work(spec, folder, tick)


class House:
    """A lifecycle on a database in a folder; `again()` is what the next run of the same folder makes."""

    scope = SCOPE

    def __init__(
        self,
        folder: Path,
        clock: Clock | None = None,
        pace: Pace | None = None,
        light: Runner | None = None,
        heavy: Runner | None = None,
        process: WorkerProcess | None = None,
        work: str | None = None,
    ) -> None:
        self.folder = folder
        self.database = Database(folder / "metadata.db", durable=False)
        self.clock = clock or ManualClock(1000.0)
        self.shelf = Shelf(self.database, self.clock.now, quotas=False)
        self.gone: list[str] = []
        light = light or InlineRunner()
        self.workshop = Workshop(
            self.database,
            folder / "jobs",
            {"train": Body(self._gather, work or f"{__name__}:do", self._record, heavy is not None, self._deliver)},
            light,
            heavy or light,
            process,
            teach=True,
        )
        self.lifecycle = Lifecycle(
            self.shelf,
            self.clock,
            pace or EvenPace(STEP),
            self.workshop,
            lambda resource: self.gone.append(resource.arn),
        )

    def add(self, kind: Kind = DATASET_GROUP, name: str = "films", job: str | None = None, **members: Any) -> Resource:
        """Put a resource on the shelf and begin its life."""
        with self.database.transaction():
            resource = self.shelf.at(SCOPE).add(kind, name, members, solution=name, id="v1")
            self.lifecycle.begin(resource, CREATE, job)
        return resource

    def version(self, name: str = "films") -> Resource:
        """Put a solution version on the shelf, which is made by a job."""
        return self.add(
            SOLUTION_VERSION, name, "train", solutionArn=f"arn:aws:personalize:us-east-1:123456789012:{name}"
        )

    def solution(self, name: str = "films") -> Resource:
        with self.database.transaction():
            return self.shelf.at(SCOPE).add(SOLUTION, name, {})

    def now(self, resource: Resource) -> Resource | None:
        """Return a resource as it is now."""
        return self.shelf.find(resource.arn)

    def status(self, resource: Resource) -> str | None:
        found = self.now(resource)
        return found.status if found else None

    def stop(self, version: Resource) -> None:
        with self.database.transaction():
            self.lifecycle.stop_creation(version)

    def leftovers(self) -> list[str]:
        """Return what jobs have left on the disk and in the database."""
        rows = self.database._writer.execute(
            "SELECT 'job', number FROM job UNION ALL SELECT 'step', arn FROM step UNION ALL SELECT 'pin', job FROM pin"
        )
        return [" ".join(map(str, row)) for row in rows] + [
            str(path.relative_to(self.folder)) for path in self.folder.glob("jobs/*")
        ]

    def close(self) -> None:
        self.lifecycle.close()
        self.database.close()

    def _gather(self, job: Job) -> dict[str, Any]:
        TRADE.calls.append("gather")
        return TRADE.gather(job)

    def _deliver(self, job: Job, outcome: dict[str, Any], tick: Tick) -> dict[str, Any]:
        assert self.database.current is None
        return TRADE.deliver(job, outcome, tick)

    def _record(self, job: Job, outcome: dict[str, Any]) -> dict[str, Any]:
        TRADE.calls.append("record")
        return TRADE.record(job, outcome)


@pytest.fixture(autouse=True)
def trade() -> Trade:
    """What jobs do in a test: nothing much, unless the test says so."""
    TRADE.__init__()  # type: ignore[misc]
    return TRADE


@pytest.fixture
def new_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """A function that opens the test's folder: again and again, as one server after the other would."""
    opened: list[House] = []

    def build(**parts: Any) -> House:
        if opened:
            opened[-1].close()
        opened.append(House(tmp_path, **parts))
        return opened[-1]

    yield build
    opened[-1].close()


@pytest.fixture
def house(new_house: Callable[..., House]) -> House:
    return new_house()
