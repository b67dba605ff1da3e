"""The data folder: where everything lies, and whose it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import FileLock

LOCK, OWNER = "server.lock", "server.pid"
# Again and again: until its server has ended, files may come, and Windows removes none that is open.
REMOVAL = """if True:
    import os, shutil, sys, time
    for _ in range(100):
        shutil.rmtree(sys.argv[1], ignore_errors=True)
        if not os.path.exists(sys.argv[1]):
            break
        time.sleep(0.1)
"""


class FolderInUse(Exception):
    """Another server has the folder."""


class DataFolder:
    """A folder that one server has at a time; a temporary one leaves the disk when it is closed.

    A temporary one may start as a copy of a `template`, the folder of a server that was closed.
    """

    def __init__(self, path: str | None, template: Path | None = None) -> None:
        self.temporary = not path
        self.path = Path(path).expanduser().resolve() if path else Path(tempfile.mkdtemp(prefix="fakepersonalize-"))
        self._owned_by = os.getpid()
        self.path.mkdir(parents=True, exist_ok=True)
        if template and self.temporary:
            shutil.copytree(template, self.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns(LOCK, OWNER))
        self._lock = None if self.temporary else self._take()

    @property
    def inherited(self) -> bool:
        """Whether this process was forked from the one that has the folder."""
        return os.getpid() != self._owned_by

    def close(self) -> None:
        if self.inherited:
            return
        if self._lock:
            (self.path / OWNER).unlink(missing_ok=True)
            self._lock.release()
            self._lock = None  # the folder may be another server's from now on
        if self.temporary:
            shutil.rmtree(self.path, ignore_errors=True)

    def abandon(self) -> None:
        """Let a process that outlives this one remove a temporary folder, because there is no time left to close it."""
        if self.temporary and not self.inherited:
            command = [sys.executable, "-I", "-S", "-c", REMOVAL, str(self.path)]
            nowhere = subprocess.DEVNULL
            subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True)

    def _take(self) -> FileLock:
        from filelock import FileLock, Timeout

        lock = FileLock(self.path / LOCK, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise FolderInUse(
                f"The data folder {self.path} is in use by another server (pid {self._owner()})."
            ) from None
        with suppress(OSError):  # a full disk keeps others from reading whose the folder is, and nothing more
            (self.path / OWNER).write_text(str(os.getpid()), "utf-8")
        return lock

    def _owner(self) -> str:
        try:
            return (self.path / OWNER).read_text("utf-8") or "unknown"
        except OSError:
            return "unknown"
