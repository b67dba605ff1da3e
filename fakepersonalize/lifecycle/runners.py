"""Where work runs: in the caller's thread, in daemon threads, or in one warm worker process.

A runner runs errands; the worker process runs the `work` of heavy jobs, of which it is given a dotted name, plain
values and a folder, over pipes that carry one JSON object a line.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from fakepersonalize.disk import DiskTrouble
from fakepersonalize.errors import Cancelled, JobFailed

LONGEST_GOODBYE_SECONDS = 0.5
LAST_LINES = 20
# The worker imports what the server imports, in the same order, and nothing else: a module of the standard library must
# not be looked for in the folder where somebody happened to start the server.
BEGIN = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from fakepersonalize.lifecycle import worker
worker.main()
"""
KILLED = "the worker process was killed by {signal}"
OUT_OF_MEMORY = "the worker process was killed by SIGKILL, perhaps because memory ran out"
EXITED = "the worker process exited with status {status}"
GARBLED = "the worker process gave an answer that cannot be read"
Errand = Callable[[], None]
Tick = Callable[[float], None]
log = logging.getLogger(__name__)


class Interrupted(Exception):
    """The worker process ended in the middle of work: it was killed, or ran out of memory. The text says how."""


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
        self._process: _Process | None = None
        self._at: int | None = None
        self._closed = False

    def start(self) -> None:
        """Start the process, which loads the libraries that work needs while nobody waits for it."""
        with self._lock:
            if self._closed:
                raise Cancelled
            if self._process and self._process.poll() is not None:
                self._process.end()
                self._process = None
            if self._process is None:
                self._process = _Process()
                with suppress(OSError):  # it died at once, which the first work will find out
                    self._process.send({"warm": list(self._warm)})

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
            process.send({"work": name, "spec": spec, "folder": str(folder)})
            said = process.last_word(tick)
        except (OSError, ValueError, EOFError):  # the pipe broke, or was closed, or ended within or behind a line
            how = process.obituary()
            self._give_up(process)
            raise Interrupted(how) from None
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
            process.end()
        elif process:  # `run` reads from it, and ends it when it finds that it is dead
            process.kill()

    def _give_up(self, process: _Process) -> None:
        process.end()
        with self._lock:
            if self._process is process:
                self._process = None


class _Process:
    """A process that works, the pipes to and from it, and the last lines that it wrote to its standard error."""

    def __init__(self) -> None:
        # BLAS threads beside implicit's own make it crawl, hence one of each.
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-c", BEGIN, json.dumps(import_path())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=os.environ | threads,
            creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
        )
        assert self._popen.stdin
        assert self._popen.stdout
        assert self._popen.stderr
        self._input, self._output, self._errors = self._popen.stdin, self._popen.stdout, self._popen.stderr
        self._unwanted = False  # whether we ended it
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._listener = threading.Thread(target=self._listen, name="worker-errors", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def poll(self) -> int | None:
        return self._popen.poll()

    def send(self, message: dict[str, Any]) -> None:
        """Hand the process a message. Raises OSError when it is gone."""
        self._input.write(json.dumps(message) + "\n")
        self._input.flush()

    def last_word(self, tick: Tick) -> dict[str, Any]:
        """Read what the process says of its work up to the end of it. Raises EOFError when it ends before."""
        for line in self._output:
            said: dict[str, Any] = json.loads(line)
            if "share" not in said:
                return said
            tick(said["share"])
        raise EOFError

    def obituary(self) -> str:
        """Return how the process ended by itself, and put that into the log with its last lines."""
        try:
            how = _how(self._popen.wait(LONGEST_GOODBYE_SECONDS))
        except subprocess.TimeoutExpired:
            how = GARBLED
        self._listener.join(LONGEST_GOODBYE_SECONDS)
        if not self._unwanted:
            log.warning("%s; its last lines: %s", how, "\n".join(self._last_lines) or "none")
        return how

    def kill(self) -> None:
        self._unwanted = True
        self._popen.kill()
        self._popen.wait()

    def end(self) -> None:
        """Kill the process unless it has ended, and close the pipes."""
        self.kill()
        self._listener.join(LONGEST_GOODBYE_SECONDS)
        for pipe in (self._input, self._output, self._errors):
            with suppress(OSError):
                pipe.close()

    def _listen(self) -> None:
        with suppress(OSError, ValueError):  # closed, as the server ends
            for line in self._errors:
                self._last_lines.append(line.rstrip())
                print(line, end="", file=sys.stderr)


def import_path() -> list[str]:
    """Return where the worker looks for modules: where the server does, but for the current directory.

    The folder of this package comes last where it is not among those, as in a checkout that is run without installing.
    """
    here, own = os.getcwd(), str(Path(__file__).resolve().parent.parent.parent)
    path = [entry for entry in sys.path if os.path.abspath(entry) != here]
    return path if own in path else [*path, own]


def _how(status: int) -> str:
    if status >= 0:
        return EXITED.format(status=status)
    if -status == getattr(signal, "SIGKILL", None):
        return OUT_OF_MEMORY
    return KILLED.format(signal=signal.Signals(-status).name)


def _outcome(said: dict[str, Any]) -> dict[str, Any]:
    if "failed" in said:
        raise JobFailed(said["failed"], said["hint"])
    if "disk" in said:
        raise DiskTrouble(said["disk"])
    if "error" in said:
        raise RuntimeError(said["error"])
    found: dict[str, Any] = said["outcome"]
    return found
