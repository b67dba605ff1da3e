"""Streamed rows: the events and records that clients put one by one, in an SQLite file of their own.

A file of its own, because whoever puts an event does not wait behind a long transaction of the metadata. Calls that
come while a commit is under way share the next one: each waits for its own rows, and the disk is asked once for many.
What a commit costs: https://www.sqlite.org/faq.html#q19.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import NamedTuple

from fakepersonalize.storage.metadata import STREAMED, Database
from fakepersonalize.storage.metadata import Row as DatabaseRow

PAGE_ROWS = 10_000
SLOW_COMMIT_SECONDS = 0.001  # a disk that is never quicker is worth waking another thread for
REMEMBERED_COMMITS = 16


class Event(NamedTuple):
    """One interaction with an item (or an action); `number` orders all streamed rows by their arrival."""

    dataset: int
    user: str | None  # None while anonymous
    session: str
    id: str | None  # as the client named the event, if it did
    item: str
    time: int  # seconds since 1970
    type: str
    more: str  # JSON of further columns, by their names
    number: int = 0
    at: float = 0.0  # when it came, by the emulator's clock

    @property
    def owner(self) -> str:
        """Whose history it is part of: the user's, or the session's while that is anonymous."""
        return self.session if self.user is None else self.user


class Record(NamedTuple):
    """One item, user or action with all its metadata; a later one of the same id takes its place."""

    dataset: int
    id: str
    after: int  # the dataset's newest bulk segment then: later segments are newer than this record
    columns: str  # JSON, by their names
    number: int = 0
    at: float = 0.0  # when it came, by the emulator's clock


Row = Event | Record
Listener = Callable[[Sequence[Row]], None]
ADD: Mapping[type, str] = {Event: "add_event", Record: "add_record"}


class _Batch:
    """The rows of one call, and what came of them. Its caller sleeps on `bell`, which another caller rings."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.over = False
        self.first = 0  # the number that its first row got
        self.problem: BaseException | None = None
        self.bell = threading.Lock()
        self.bell.acquire()


class StreamedRows:
    """The streamed rows of all datasets. Listeners hear of rows in the order of their numbers, once they are kept."""

    def __init__(self, path: Path, durable: bool, now: Callable[[], float] = float) -> None:
        self._database = Database(path, durable, STREAMED)
        self._now = now
        self._queue = threading.Lock()  # guards the two below; nobody sleeps while holding it
        self._waiting: list[_Batch] = []
        self._writing = False
        self._last = self._highest()
        self._order = threading.Lock()  # what comes and what goes is told in the order in which it happened
        # Called by who is going to wait, for the disk or for others.
        self.before_waiting: Callable[[], object] = lambda: None
        self._took: deque[float] = deque(maxlen=REMEMBERED_COMMITS)  # seconds
        self.listeners: list[Listener] = []
        self.removals: list[Callable[[int, Set[int]], None]] = []  # they hear of a dataset, and numbers of its rows

    def add(self, rows: Sequence[Row]) -> Sequence[int]:
        """Keep rows, all or none; return their numbers when they are on the disk and the listeners have heard of them.

        Whoever finds nobody writing writes for all who wait, and then wakes one of those who came meanwhile to write.
        """
        if not rows:
            return ()
        batch = _Batch(rows)
        with self._queue:
            self._waiting.append(batch)
            writes, self._writing = not self._writing, True
        if not writes:
            self.before_waiting()
            batch.bell.acquire()
        if not batch.over:
            self._write_group()
        if batch.problem:
            raise batch.problem
        return range(batch.first, batch.first + len(rows))

    def events(self, dataset: int) -> list[Event]:
        """Return the events of a dataset in the order of their arrival."""
        return [Event._make(row) for row in self._database.rows("events", dataset=dataset)]

    def records(self, dataset: int) -> list[Record]:
        """Return the records of a dataset in the order of their arrival, several of one id included."""
        return [Record._make(row) for row in self._database.rows("records", dataset=dataset)]

    def latest(self, dataset: int) -> int:
        """Return the number of the newest event of a dataset, 0 where there is none."""
        row = self._database.row("latest_event", dataset=dataset)
        return (row and row["number"]) or 0

    def pages_of_events(self, dataset: int) -> Iterator[list[Event]]:
        """Yield the events that are there now as `events` does, a few at a time."""
        for page in self._pages("event_page", dataset):
            yield [Event._make(row) for row in page]

    def pages_of_records(self, dataset: int) -> Iterator[list[Record]]:
        """Yield the records that are there now as `records` does, a few at a time."""
        for page in self._pages("record_page", dataset):
            yield [Record._make(row) for row in page]

    def datasets(self) -> set[int]:
        """Return the numbers of the datasets that have streamed rows."""
        return {row["dataset"] for row in self._database.rows("streamed_datasets")}

    def drop(self, dataset: int) -> None:
        """Give up the streamed rows of a dataset."""
        with self._database.transaction():
            for statement in ("drop_events", "drop_records"):
                self._database.run(statement, dataset=dataset)
        self._database.forget()

    def remove(self, dataset: int, numbers: Collection[int]) -> None:
        """Give up the streamed rows of a dataset that have these numbers; `forget` takes them off the disk."""
        with self._order:
            with self._database.transaction():
                for number in numbers:
                    for statement in ("remove_event", "remove_record"):
                        self._database.run(statement, dataset=dataset, number=number)
            for hear in self.removals:
                hear(dataset, frozenset(numbers))

    def forget(self) -> None:
        """Take what was removed off the disk."""
        self._database.forget()

    def close(self) -> None:
        self._database.close()

    def _pages(self, statement: str, dataset: int) -> Iterator[list[DatabaseRow]]:
        after, last = 0, self._last
        while page := self._database.rows(statement, dataset=dataset, after=after, last=last, size=PAGE_ROWS):
            yield page
            after = page[-1]["number"]

    def _write_group(self) -> None:
        with self._queue:
            group, self._waiting = self._waiting, []
        first = self._last + 1
        problem = self._write([row for batch in group for row in batch.rows])
        for batch in group:
            batch.over, batch.problem, batch.first = True, problem, first
            first += len(batch.rows)
        with self._queue:
            self._writing = bool(self._waiting)
            following = self._waiting[:1]
        for batch in (*following, *group):
            batch.bell.release()

    def _write(self, rows: Sequence[Row]) -> BaseException | None:
        """Keep the rows of a group; return what went wrong."""
        at = self._now()
        numbered = [row._replace(number=number, at=at) for number, row in enumerate(rows, self._last + 1)]
        if min(self._took, default=0.0) > SLOW_COMMIT_SECONDS:
            self.before_waiting()
        try:
            with self._order:
                begun = time.perf_counter()
                with self._database.transaction():
                    for row in numbered:
                        self._database.run(ADD[type(row)], **row._asdict())
                self._took.append(time.perf_counter() - begun)
                self._last += len(numbered)
                for listener in self.listeners:
                    listener(numbered)
        except BaseException as problem:  # whatever it is, those who wait must hear of it
            return problem
        return None

    def _highest(self) -> int:
        row = self._database.row("last_streamed")
        return row["number"] if row else 0
