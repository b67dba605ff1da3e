"""SQLite: one file in WAL mode, one writer at a time, named statements, numbered migrations.

Source of the journal and durability settings: https://www.sqlite.org/wal.html and https://www.sqlite.org/pragma.html.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from fakepersonalize.disk import complaint

log = logging.getLogger(__name__)
Row = sqlite3.Row

METADATA, STREAMED, OBJECTS = "metadata", "streamed rows", "objects"  # the kinds of files
READERS = 4  # at once
STATEMENTS = {METADATA: "statements.sql", STREAMED: "streamed.sql", OBJECTS: "objects.sql"}
MIGRATIONS = {METADATA: "migrations", STREAMED: "migrations/streamed", OBJECTS: "migrations/objects"}


@cache
def statements(of: str = METADATA) -> dict[str, str]:
    """Return the statements about a kind of file by their names."""
    text = (files(__package__) / STATEMENTS[of]).read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return {
        name: re.sub(r"^--.*\n?", "", body, flags=re.MULTILINE).strip() for name, body in zip(parts[1::2], parts[2::2])
    }


@cache
def migrations(of: str = METADATA) -> tuple[str, ...]:
    """Return the scripts of the migrations of a kind of file in their order."""
    folder = files(__package__) / MIGRATIONS[of]
    found = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return tuple(f.read_text("utf-8") for f in found)


class Transaction:
    """One write transaction: what it changed, and what is to happen once it is committed."""

    def __init__(self) -> None:
        self.changed: set[str] = set()
        self.afterwards: list[Callable[[], None]] = []


class Database:
    """A file of one data folder: the metadata, or what else `of` names.

    Reading takes one of a few connections, which are open from the start: SQLite keeps the files of a closed connection
    open while there are others, so that as many descriptors stay as ever read at once. Writing happens inside
    `transaction()`, one at a time, and reads inside it see what it wrote. With `durable`, a commit is on the disk when
    it returns. Closing it waits for the writer; readers finish what they read.
    """

    def __init__(self, path: Path, durable: bool, of: str = METADATA) -> None:
        self.path = path
        self._durable = durable
        self._of, self._statements = of, statements(of)
        self._lock = threading.RLock()
        self._local = threading.local()
        self._reading_now = threading.Semaphore(READERS)
        self._idle: list[sqlite3.Connection] = []  # of readers; `append` and `pop` of a list need no lock
        self._closed = False
        self.listeners: list[Callable[[set[str]], None]] = []
        self.commits = 0  # what was read before this number changed may be out of date
        self._followed = threading.Event()  # not while listeners have yet to hear of what readers may see
        self._followed.set()
        self._writer = self._connect()
        try:
            self._migrate()
            for _ in range(READERS):
                self._idle.append(self._connect())
        except BaseException:
            self._close_idle()
            self._writer.close()
            raise

    def rows(self, statement: str, **values: Any) -> list[Row]:
        """Run a named query and return its rows."""
        with self._reading() as connection:
            return connection.execute(self._statements[statement], values).fetchall()

    def row(self, statement: str, **values: Any) -> Row | None:
        """Run a named query and return its first row."""
        with self._reading() as connection:
            found: Row | None = connection.execute(self._statements[statement], values).fetchone()
        return found

    def run(self, statement: str, **values: Any) -> sqlite3.Cursor:
        """Run a named statement that writes; only inside a transaction."""
        # SQLite rolls back on its own when the disk is full: what came next would be committed by itself.
        inside = self.current is not None and self._writer.in_transaction
        assert inside, f"{statement} outside a transaction"
        return self._writer.execute(self._statements[statement], values)

    @property
    def current(self) -> Transaction | None:
        """The transaction of this thread, if it is inside one."""
        return getattr(self._local, "transaction", None)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open the write transaction of this thread; commit at the end, roll back on an exception.

        After the commit run the listeners, who hear which resources changed, and then, outside the lock, `afterwards`
        in its order. What fails there is logged: it undoes no commit and keeps nothing else from running.
        """
        assert self.current is None, "transactions do not nest"
        transaction = Transaction()
        with self._lock:
            self._writer.execute("BEGIN IMMEDIATE")
            self._local.transaction = transaction
            try:
                yield transaction
                self._followed.clear()
                self._writer.execute("COMMIT")
                self.commits += 1
                self._local.transaction = None
                # Views are replaced in the order of the commits, hence still under the lock.
                for listener in self.listeners if transaction.changed else ():
                    _run(partial(listener, transaction.changed))
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            finally:
                self._local.transaction = None
                self._followed.set()
        for action in transaction.afterwards:
            _run(action)

    def wait_for_listeners(self) -> None:
        """Return when the listeners have heard of all that was read so far; not for those who hold what they need."""
        self._followed.wait()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the block wrote and asked for when it raises, and only that; only inside a transaction."""
        assert self.current is not None, "a savepoint outside a transaction"
        afterwards = self.current.afterwards
        asked_before = len(afterwards)
        self._writer.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            del afterwards[asked_before:]
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK TO part")
                self._writer.execute("RELEASE part")
            raise
        self._writer.execute("RELEASE part")

    def forget(self) -> None:
        """Take what was deleted off the disk: freed pages are overwritten, but the journal still holds them."""
        with self._lock:
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def trace(self, callback: Callable[[str], None] | None) -> None:
        """Hand every statement that runs from now on to `callback` (for tests)."""
        self._trace = callback
        with self._lock:
            self._writer.set_trace_callback(callback)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._close_idle()
            self._writer.close()

    _trace: Callable[[str], None] | None = None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Lend the writer inside a transaction, else a connection that goes back to the idle ones."""
        if self.current is not None:
            yield self._writer
            return
        with self._reading_now:
            try:
                connection = self._idle.pop()
            except IndexError:  # as many as may read are open until the database is closed
                raise sqlite3.ProgrammingError("the database is closed") from None
            connection.set_trace_callback(self._trace)
            try:
                yield connection
            finally:
                self._idle.append(connection)
                if self._closed:  # meanwhile, and perhaps after the idle ones were closed
                    self._close_idle()

    def _close_idle(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _connect(self) -> sqlite3.Connection:
        # A connection is used by one thread at a time, but not always by the same.
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=30)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'OFF'}")
        return connection

    def _migrate(self) -> None:
        done = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if done > len(migrations(self._of)):
            raise sqlite3.DatabaseError("it was written by a newer version of fakepersonalize")
        for number, script in enumerate(migrations(self._of)[done:], start=done + 1):
            self._writer.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")


def _run(action: Callable[[], None]) -> None:
    """Do what a transaction left to do; it is committed, so nobody is told of a failure but the log."""
    try:
        action()
    except Exception as problem:
        said = complaint(problem)
        log.error("something failed after a commit: %s", said or problem, exc_info=not said)
