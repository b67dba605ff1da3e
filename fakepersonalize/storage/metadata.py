"""SQLite: one file in WAL mode, one writer at a time, named statements, numbered migrations.

Source of the journal and durability settings: https://www.sqlite.org/wal.html and https://www.sqlite.org/pragma.html.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

Row = sqlite3.Row


@cache
def statements() -> dict[str, str]:
    """Return the statements of statements.sql by their names."""
    text = (files(__package__) / "statements.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return {
        name: re.sub(r"^--.*\n?", "", body, flags=re.MULTILINE).strip() for name, body in zip(parts[1::2], parts[2::2])
    }


@cache
def migrations() -> tuple[str, ...]:
    """Return the scripts of the migrations in their order."""
    found = sorted(
        (f for f in (files(__package__) / "migrations").iterdir() if f.name.endswith(".sql")), key=lambda f: f.name
    )
    return tuple(f.read_text("utf-8") for f in found)


class Transaction:
    """One write transaction: what it changed, and what is to happen once it is committed."""

    def __init__(self) -> None:
        self.changed: set[str] = set()
        self.afterwards: list[Callable[[], None]] = []


class Database:
    """The metadata of one data folder.

    Reading takes a connection of the calling thread and no lock; writing happens inside `transaction()`, one at a
    time, and reads inside it see what it wrote. With `durable`, a commit is on the disk when it returns.
    """

    def __init__(self, path: Path, durable: bool) -> None:
        self.path = path
        self._durable = durable
        self._lock = threading.RLock()
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._closed = False
        self.listeners: list[Callable[[set[str]], None]] = []
        self._writer = self._connect()
        self._migrate()

    def rows(self, statement: str, **values: Any) -> list[Row]:
        """Run a named query and return its rows."""
        return self._connection().execute(statements()[statement], values).fetchall()

    def row(self, statement: str, **values: Any) -> Row | None:
        """Run a named query and return its first row."""
        found: Row | None = self._connection().execute(statements()[statement], values).fetchone()
        return found

    def run(self, statement: str, **values: Any) -> sqlite3.Cursor:
        """Run a named statement that writes; only inside a transaction."""
        assert self.current is not None, f"{statement} outside a transaction"
        return self._writer.execute(statements()[statement], values)

    @property
    def current(self) -> Transaction | None:
        """The transaction of this thread, if it is inside one."""
        return getattr(self._local, "transaction", None)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open the write transaction of this thread; commit at the end, roll back on an exception.

        What the transaction asked for runs after the commit, outside the lock: first the listeners, who hear which
        resources changed, then `afterwards` in its order.
        """
        assert self.current is None, "transactions do not nest"
        transaction = Transaction()
        with self._lock:
            self._writer.execute("BEGIN IMMEDIATE")
            self._local.transaction = transaction
            try:
                yield transaction
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            finally:
                self._local.transaction = None
            # Views are replaced in the order of the commits, hence still under the lock.
            if transaction.changed:
                for listener in self.listeners:
                    listener(transaction.changed)
        for action in transaction.afterwards:
            action()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the block wrote when it raises, and only that; only inside a transaction."""
        self._writer.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._writer.execute("ROLLBACK TO part")
            raise
        finally:
            self._writer.execute("RELEASE part")

    def trace(self, callback: Callable[[str], None] | None) -> None:
        """Hand every statement that runs from now on to `callback` (for tests)."""
        self._trace = callback
        with self._lock:
            for connection in self._connections:
                connection.set_trace_callback(callback)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    _trace: Callable[[str], None] | None = None

    def _connection(self) -> sqlite3.Connection:
        if self.current is not None:
            return self._writer
        mine: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if mine is None:
            mine = self._local.connection = self._connect()
        return mine

    def _connect(self) -> sqlite3.Connection:
        # Connections are closed by whoever closes the database, hence not always in their own thread.
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=30)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'OFF'}")
        connection.set_trace_callback(self._trace)
        with self._lock:
            if self._closed:
                connection.close()
                raise sqlite3.ProgrammingError("the database is closed")
            self._connections.append(connection)
        return connection

    def _migrate(self) -> None:
        done = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if done > len(migrations()):
            raise RuntimeError(f"{self.path} was written by a newer version of fakepersonalize")
        for number, script in enumerate(migrations()[done:], start=done + 1):
            self._writer.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")
