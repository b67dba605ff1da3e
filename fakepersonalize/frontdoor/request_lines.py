"""A line for each request: when it was answered, its status, how long it took, and what was asked.

A thread of its own writes them: a request only appends to a queue. If nobody reads, lines are dropped and counted,
and no request waits. A server that is to be quiet does not have this in the way of its requests at all.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from fakepersonalize.protocol.service_models import ServiceModels

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

MOST_WAITING = 1000
MOST_AT_ONCE = 1000
LONGEST = 200
LEAVING_SECONDS = 0.3
GATHERING_SECONDS = 0.05  # between two writes
HEALTH = "/_fakepersonalize/health/"  # asked every few seconds by those who watch containers
CUT = "cut"
PERSONALIZE = "personalize"  # the signing name of all three services
ERROR = "fakepersonalize.error"  # in the environment of a WSGI request: the code of the error that answers it
DROPPED = "{amount} requests are not shown: nobody read as fast as they came\n"


class Line(NamedTuple):
    """A request that is being answered."""

    seconds: float
    status: str
    method: str
    path: str
    target: str  # X-Amz-Target
    authorization: str
    error: str  # AWS's code, if the answer is one

    def text(self) -> str:
        """Return it as `12:03:45 200    3.2 ms CreateDatasetGroup`; no query, which may hold a signature."""
        clock = time.strftime("%H:%M:%S")  # of this machine, now: a line is written right behind its answer
        took = f"{1000 * self.seconds:6.1f} ms" if self.seconds < 10 else f"{self.seconds:6.1f} s "
        text = f"{clock} {self.status} {took} {self._asked()} {self.error}".rstrip()
        return "".join(sign if sign.isprintable() else "?" for sign in text[:LONGEST])

    def _asked(self) -> str:
        service, operation = self._service(), self.target.rpartition(".")[2]
        if service == PERSONALIZE:
            operation = operation or _operations_by_path().get((self.method, self.path), "")
        if operation:
            return operation if service == PERSONALIZE else f"{service} {operation}".lstrip()
        return f"{service} {self.method} {self.path}".lstrip()

    def _service(self) -> str:
        """Return the signing name in `Credential=KEY/DATE/REGION/SERVICE/aws4_request`."""
        parts = self.authorization.partition("Credential=")[2].split("/", 4)
        return parts[3] if len(parts) == 5 else ""


@cache
def _operations_by_path() -> dict[tuple[str, str], str]:
    """Return the names of the operations that requests name by method and path."""
    return {(each.method, each.path): each.name for each in ServiceModels() if each.target is None}


class RequestLines:
    """A WSGI application around another one, whose requests it hands to `write` as lines of bytes."""

    def __init__(self, app: WSGIApplication, write: Callable[[bytes], object]) -> None:
        self._app, self._write = app, write
        self._waiting: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
        self._dropped = 0
        self._writing = threading.Thread(target=self._write_all, name="request lines", daemon=True)
        self._writing.start()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        begun = time.perf_counter()

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Callable[[bytes], object]:
            self._note(environ, begun, status[:3], environ.get(ERROR, ""))
            return start_response(status, headers, *exc_info)

        try:
            return self._app(environ, start)
        except BaseException:
            self._note(environ, begun, CUT, "")
            raise

    def close(self) -> None:
        """Write what waits, for a moment."""
        self._waiting.put(None)
        self._writing.join(LEAVING_SECONDS)

    def _note(self, environ: dict[str, Any], begun: float, status: str, error: str) -> None:
        path = environ.get("PATH_INFO", "")
        if path.startswith(HEALTH):
            return
        if self._waiting.qsize() >= MOST_WAITING:
            self._dropped += 1  # two threads at once may count one
            return
        target, authorization = environ.get("HTTP_X_AMZ_TARGET", ""), environ.get("HTTP_AUTHORIZATION", "")
        seconds = time.perf_counter() - begun
        self._waiting.put(Line(seconds, status, environ["REQUEST_METHOD"], path, target, authorization, error))

    def _write_all(self) -> None:
        line: Line | None
        while (line := self._waiting.get()) is not None:
            time.sleep(GATHERING_SECONDS)  # a thread that woke for each request would take turns with those that answer
            lines, last = [line], False
            while len(lines) < MOST_AT_ONCE and not self._waiting.empty():
                if (line := self._waiting.get()) is None:
                    last = True
                    break
                lines.append(line)
            text = "".join(f"{each.text()}\n" for each in lines)
            if self._dropped:
                text += DROPPED.format(amount=self._dropped)
                self._dropped = 0
            try:
                self._write(text.encode("utf-8", "replace"))
            except (OSError, ValueError):
                return  # whoever read has gone; what waits is bounded
            if last:
                return


@contextmanager
def shown(app: Any, write: Callable[[bytes], object]) -> Iterator[None]:
    """Write a line for each request of a Flask application while the context is open."""
    lines = RequestLines(app.wsgi_app, write)
    app.wsgi_app = lines
    try:
        yield
    finally:
        lines.close()
