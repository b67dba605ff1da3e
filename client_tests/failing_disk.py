"""A disk that fails at the n-th write to a folder: files, folders, Parquet and SQLite, each by an error of its own.

SQLite's own testing does the same with a file system of its own, which Python cannot put below SQLite; here statements
that write fail instead, at times with SQLite's rollback. Source: https://www.sqlite.org/testing.html#i_o_error_testing
"""

from __future__ import annotations

import builtins
import errno
import functools
import io
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

READING = ("SELECT", "PRAGMA", "BEGIN", "ROLLBACK", "SAVEPOINT", "RELEASE")
SQLITE = {
    errno.ENOSPC: (sqlite3.SQLITE_FULL, "database or disk is full"),
    errno.EIO: (sqlite3.SQLITE_IOERR, "disk I/O error"),
}


class Disk:
    """Counts the writes below `folder` and fails at one of them, or at all from there on."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)
        self.writes = 0
        self.failed = 0
        self._at, self._stays, self._error = 0, False, errno.ENOSPC

    def fail(self, at: int, error: int, stays: bool) -> None:
        """Fail at the write of this number, counted from now on; once, or until `recover`."""
        self.writes = self.failed = 0
        self._at, self._error, self._stays = at, error, stays

    def recover(self) -> None:
        self._at = 0

    def write(self, path: Any = None) -> None:
        """Take a write, or raise OSError."""
        if self._refuses(path):
            raise OSError(self._error, os.strerror(self._error), str(path))

    def run(self, connection: Connection, statement: str) -> None:
        """Take a statement of SQLite, or raise sqlite3.OperationalError."""
        words = statement.lstrip().upper()
        commits = words.startswith("COMMIT")
        if words.startswith(READING) or (commits and not connection.wrote):
            connection.wrote = connection.wrote and not words.startswith("BEGIN")
            return
        connection.wrote = not commits
        if self._refuses(None):
            if self.writes % 2 and connection.in_transaction:
                connection.rollback()  # as SQLite may do by itself
            code, text = SQLITE[self._error]
            error = sqlite3.OperationalError(text)
            error.sqlite_errorcode = code
            raise error

    def _refuses(self, path: Any) -> bool:
        if path is not None and not os.fspath(path).startswith(self.folder):
            return False
        self.writes += 1
        refuses = bool(self._at) and (self.writes == self._at or (self._stays and self.writes > self._at))
        self.failed += refuses
        return refuses


class _File:
    """A file whose writes the disk may refuse."""

    def __init__(self, file: Any, disk: Disk, path: Any) -> None:
        self._file, self._disk, self._path = file, disk, path

    def write(self, data: Any) -> Any:
        self._disk.write(self._path)
        return self._file.write(data)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __iter__(self) -> Any:
        return iter(self._file)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()


class Connection(sqlite3.Connection):
    """A connection whose statements the disk may refuse; `wrote` says whether there is anything to commit."""

    disk: Disk
    wrote = False

    def execute(self, statement: str, *values: Any) -> Any:  # type: ignore[override]
        self.disk.run(self, statement)
        return super().execute(statement, *values)

    def executescript(self, script: str) -> Any:  # type: ignore[override]
        self.disk.run(self, "script")
        return super().executescript(script)


def put_in_place(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have everything that writes from now on ask the disk."""
    plain = builtins.open

    def opened(file: Any, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if isinstance(file, int) or not set(mode) & set("wax+") or not os.fspath(file).startswith(disk.folder):
            return plain(file, mode, *rest, **more)
        disk.write(file)
        return _File(plain(file, mode, *rest, **more), disk, file)

    def asking(function: Any, which: int = 0) -> Any:
        @functools.wraps(function)
        def asked(*args: Any, **more: Any) -> Any:
            disk.write(args[which])
            return function(*args, **more)

        return asked

    class Writer(pq.ParquetWriter):
        def __init__(self, where: Any, *args: Any, **more: Any) -> None:
            self.native = where if isinstance(where, str | Path) else None  # a file of Python asks by itself
            if self.native:
                disk.write(self.native)
            super().__init__(where, *args, **more)

        def write_table(self, *args: Any, **more: Any) -> None:
            if self.native:
                disk.write(self.native)
            super().write_table(*args, **more)

    monkeypatch.setattr(Connection, "disk", disk, raising=False)
    monkeypatch.setattr(builtins, "open", opened)
    monkeypatch.setattr(io, "open", opened)
    monkeypatch.setattr(pq, "ParquetWriter", Writer)
    monkeypatch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Connection))
    for name in ("mkdir", "link", "replace", "rename"):
        monkeypatch.setattr(os, name, asking(getattr(os, name), 0 if name == "mkdir" else 1))
    monkeypatch.setattr(shutil, "copyfile", asking(shutil.copyfile, 1))
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (disk.write(), sync(handle)))
