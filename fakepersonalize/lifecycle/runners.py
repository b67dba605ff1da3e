"""Where work runs: in the caller's thread, in daemon threads, or in one warm worker process.

A runner runs errands; the worker process runs the `work` of heavy jobs, of which it is given a dotted name, plain
values and a folder, over pipes that carry one JSON object a line.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from fakepersonalize.errors import Cancelled, JobFailed

LONGEST_GOODBYE_SECONDS = 0.5
Errand = Callable[[], None]
Tick = Callable[[float], None]
log = logging.getLogger(__name__)


class Interrupted(Exception):
    """The worker process ended in the middle of work: it was killed, or ran out of memory."""


class Runner(Protocol):
    def submit(self, errand: Errand) -> None: ...

    def close(self) -> None: ...


class InlineRunner:
    """Runs errands at once in the calling thread; those they submit follow them, not nest in them."""

    def __init__(self) -> None:
        self._local = threading.local()

    def submit(self, errand: Errand) -> None:
        waiting: deque[Errand] | None = getattr(self._local, "waiting", None)
        if waiting is not None:
            waiting.append(errand)
            return
        self._local.waiting = waiting = deque([errand])
        try:
            while waiting:
                waiting.popleft()()
        finally:
            self._local.waiting = None

    def close(self) -> None:
        """Nothing runs between calls."""


class ThreadRunner:
    """Runs errands in a few daemon threads, started when the first errand comes."""

    def __init__(self, name: str, threads: int) -> None:
        self._name, self._most = name, threads
        self._errands: queue.SimpleQueue[Errand | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, errand: Errand) -> None:
        with self._lock:
            if self._closed:
                return
            self._errands.put(errand)
            if len(self._threads) < self._most:
                thread = threading.Thread(target=self._run, name=f"{self._name}-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for _ in self._threads:
                self._errands.put(None)
        for thread in self._threads:
            thread.join(timeout=LONGEST_GOODBYE_SECONDS / len(self._threads))

    def _run(self) -> None:
        while (errand := self._errands.get()) is not None:
            if self._closed:
                return
            try:
                errand()
            except Exception:
                if not self._closed:
                    log.exception("an errand failed")


class WorkerProcess:
    """One warm process of low priority that does heavy work, piece by piece; killing it is how work is cancelled."""

    def __init__(self, warm: tuple[str, ...]) -> None:
        self._warm = warm
        self._lock = threading.Lock()  # guards the three below; `run` itself is called by one thread at a time
        self._process: subprocess.Popen[str] | None = None
        self._at: int | None = None
        self._closed = False

    def start(self) -> None:
        """Start the process, which loads the libraries that work needs while nobody waits for it."""
        with self._lock:
            if self._closed:
                raise Cancelled
            if self._process and self._process.poll() is not None:
                _end(self._process)
                self._process = None
            if self._process is None:
                self._process = _spawn()
                with suppress(OSError):  # it died at once, which the first work will find out
                    _send(self._process, {"warm": list(self._warm)})

    def warm_up(self) -> None:
        """Start the process unless all is over already."""
        with suppress(Cancelled):
            self.start()

    def run(self, number: int, name: str, spec: dict[str, Any], folder: Path, tick: Tick) -> dict[str, Any]:
        """Do one piece of work and return its outcome.

        Raises JobFailed with its reason, Interrupted when the process ended meanwhile, and what `tick` raises; after
        the latter two the process is gone, so that nothing it says later is taken for the outcome of other work.
        """
        self.start()
        with self._lock:
            process = self._process
            if process is None:
                raise Cancelled
            self._at = number
        try:
            tick(0.0)  # `cancel` reaches us from here on; this is for whoever was told to stop before
            _send(process, {"work": name, "spec": spec, "folder": str(folder)})
            said = _last_word(process, tick)
        except (OSError, ValueError, EOFError):  # the pipe broke, or was closed, or ended within or behind a line
            self._give_up(process)
            raise Interrupted from None
        except BaseException:
            self._give_up(process)
            raise
        finally:
            with self._lock:
                self._at = None
        return _outcome(said)

    def cancel(self, number: int) -> None:
        """End the work on a job, if it is what the process does now."""
        with self._lock:
            if self._at == number and self._process:
                self._process.kill()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            process, self._process, at = self._process, None, self._at
        if process and at is None:
            _end(process)
        elif process:  # `run` reads from it, and ends it when it finds that it is dead
            process.kill()
            process.wait()

    def _give_up(self, process: subprocess.Popen[str]) -> None:
        _end(process)
        with self._lock:
            if self._process is process:
                self._process = None


def _last_word(process: subprocess.Popen[str], tick: Tick) -> dict[str, Any]:
    """Read what a process says of its work up to the end of it."""
    assert process.stdout is not None
    for line in process.stdout:
        said: dict[str, Any] = json.loads(line)
        if "share" not in said:
            return said
        tick(said["share"])
    raise EOFError


def _outcome(said: dict[str, Any]) -> dict[str, Any]:
    if "failed" in said:
        raise JobFailed(said["failed"], said["hint"])
    if "error" in said:
        raise RuntimeError(said["error"])
    found: dict[str, Any] = said["outcome"]
    return found


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with suppress(OSError):
                pipe.close()


def _spawn() -> subprocess.Popen[str]:
    # BLAS threads beside implicit's own make it crawl, hence one of each.
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    path = os.pathsep.join(p for p in sys.path if p)
    flags = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
    return subprocess.Popen(
        [sys.executable, "-m", "fakepersonalize.lifecycle.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | threads | {"PYTHONPATH": path},
        creationflags=flags,
    )


def _send(process: subprocess.Popen[str], message: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()
