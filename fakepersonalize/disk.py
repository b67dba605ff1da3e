"""A disk that is full, or that fails: how such an error is told from others, and the sentence about it.

Error codes: https://man7.org/linux/man-pages/man3/errno.3.html and https://www.sqlite.org/rescode.html.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from pathlib import Path

FULL = "The disk is full. Make room on the disk of the data folder, then try again."
FAILING = "The disk of the data folder cannot be used: {reason}."
LEAST_BYTES = 2**20  # with less room than this, hardly anything can be done
FULL_ERRORS = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
FAILING_ERRORS = frozenset({errno.EIO, errno.EROFS, errno.EFBIG})
FAILING_CODES = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY})


class DiskTrouble(Exception):
    """The disk is full or fails, as another process or service has found; its text is a sentence."""


def is_full(folder: Path) -> bool:
    """Say whether there is no room left to speak of on the disk of a folder."""
    return shutil.disk_usage(folder).free < LEAST_BYTES


def complaint(problem: BaseException) -> str | None:
    """Return a sentence about the disk if it is to blame for an error, or for one that caused it; else None."""
    seen: BaseException | None = problem
    while seen is not None:
        if isinstance(seen, DiskTrouble):
            return str(seen)
        if isinstance(seen, OSError) and seen.errno in FULL_ERRORS:
            return FULL
        if isinstance(seen, OSError) and seen.errno in FAILING_ERRORS:
            return FAILING.format(reason=os.strerror(seen.errno or 0))
        if isinstance(seen, sqlite3.Error):
            code = getattr(seen, "sqlite_errorcode", 0) & 0xFF  # the rest says in which way
            if code == sqlite3.SQLITE_FULL:
                return FULL
            if code in FAILING_CODES:
                return FAILING.format(reason=str(seen).rstrip("."))
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return None
