"""A socket around an emulator: the Flask application, and the process that serves it."""

from __future__ import annotations

import atexit
import errno
import json
import os
import secrets
import signal
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.exceptions import HTTPException

from fakepersonalize import announcing
from fakepersonalize.admin import control, explaining, faults, health, pins, snapshot, view
from fakepersonalize.admin.answers import failed, refused
from fakepersonalize.disk import DiskTrouble
from fakepersonalize.emulator import Emulator
from fakepersonalize.frontdoor.door import Door
from fakepersonalize.frontdoor.hosts import is_loopback
from fakepersonalize.frontdoor.pages import ADMIN, Guard
from fakepersonalize.settings import Settings
from fakepersonalize.version import __version__

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

EXTENSION = "fakepersonalize"
PORT_FILE_IN_USE = "The port file {path} is in use by another server."
SEVERAL_PROCESSES = (
    "This server runs in several processes, each of which would have a Personalize of its own. Run one process with "
    "many threads, such as: gunicorn --workers 1 --threads 16."
)
SEVERAL = "SeveralProcesses"
LAST_RESORT_SECONDS = 1.5
M_ARENA_MAX, ARENAS = -8, 1  # the number is from malloc.h
TOKEN_BYTES = 24
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


def create_app(settings: Settings | None = None) -> Flask:
    """Return the Flask application that answers on one port for Personalize, its neighbours and admin.

    It owns an emulator, `app.extensions["fakepersonalize"]`, which is started here and closed when the process ends,
    or earlier by its `close()`. Serve it with one process and many threads: buckets, models and the lock of the data
    folder belong to one process. Only admin pages pass through Flask itself; its WSGI middleware takes the rest.
    """
    emulator = Emulator(settings or Settings())
    app = Flask(EXTENSION, static_folder=None)
    app.extensions[EXTENSION] = emulator
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.register_error_handler(HTTPException, refused)
    for kind in (OSError, sqlite3.Error, DiskTrouble):
        app.register_error_handler(kind, failed)
    app.register_blueprint(health.blueprint(lambda: emulator.ready), url_prefix=ADMIN)
    for pages in (control, explaining, faults, pins, snapshot, view):
        app.register_blueprint(pages.blueprint(emulator), url_prefix=ADMIN)
    guard = Guard(emulator.settings.token, not is_loopback(emulator.settings.host))
    door = Door(app.wsgi_app, emulator.answer, emulator.neighbour_app, emulator.hosts, guard)
    app.wsgi_app = _in_one_process(door)  # type: ignore[method-assign,assignment]
    atexit.register(emulator.close)
    try:
        emulator.start()
    except BaseException:
        atexit.unregister(emulator.close)
        emulator.close()
        raise
    return app


def _in_one_process(application: WSGIApplication) -> WSGIApplication:
    """Refuse all requests where several processes serve the application, or another one than made it."""
    maker = os.getpid()

    def serve_here(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not environ.get("wsgi.multiprocess") and os.getpid() == maker:
            return application(environ, start_response)
        members = {"__type": SEVERAL, "message": SEVERAL_PROCESSES, "error": SEVERAL_PROCESSES}
        body = json.dumps(members).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("421 Misdirected Request", headers)  # a 5xx would be retried
        return [body]

    return serve_here


def serve(settings: Settings | None = None, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM, and stop within two seconds of it, whatever is running.

    Prints where it listens, where data live and the lines to export, and on stderr a line for each request, unless it
    is to be quiet; `on_ready` is called with the URL when it answers. Call it in the main thread. Raises
    OSError where the address cannot be used.
    """
    settings = settings or Settings()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read with numpy; the matrices of one answer are small
    _share_freed_memory()
    stopping = _Stopping()
    with (
        stopping.on_signals(),
        _port_file_locked(settings.port_file),
        running(settings) as server,
        _request_lines(server.app, settings.quiet),
        _port_file(settings.port_file, server.port),
    ):
        stopping.at_last = server.emulator.folder.abandon
        _announce(server, made_up=settings.token is None)
        if on_ready:
            on_ready(server.url)
        server.wait(stopping)


@contextmanager
def running(settings: Settings) -> Iterator[Server]:
    """Serve from a background thread while the context is open. A server that listens widely has a token."""
    if settings.token is None and not is_loopback(settings.host):
        settings = replace(settings, token=secrets.token_urlsafe(TOKEN_BYTES))
    listening = _listen(settings.host, settings.port)
    try:
        server = Server(listening, create_app(settings))
    except BaseException:
        listening.close()
        raise
    try:
        yield server
    finally:
        server.close()


class Server:
    """An application that is being served on a socket, from a thread of its own."""

    def __init__(self, listening: socket.socket, app: Flask) -> None:
        from fakepersonalize.frontdoor.waitress_server import WebServer

        self.app = app
        self.emulator: Emulator = app.extensions[EXTENSION]
        self.host, self.port = listening.getsockname()[:2]
        self._web = WebServer(listening, app)
        self.emulator.wait_by(self._web.before_waiting, self._web.sleep)
        self._web.start()

    @property
    def url(self) -> str:
        """Where clients on this machine find it."""
        host = ANY_ADDRESS.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def wait(self, until: Callable[[], bool]) -> None:
        """Return when `until()` is true or the server has ended; signals are handled meanwhile, on Windows too."""
        while not until() and not self._web.join(0.1):
            pass

    def close(self) -> None:
        """Stop answering and close the emulator; a request in progress does not hold it up."""
        self._web.close()
        self.emulator.close()
        atexit.unregister(self.emulator.close)


def _share_freed_memory() -> None:
    """Let threads share what they free: glibc keeps it in up to eight arenas for each core, and hands little back.

    After 100,000 requests of 64 clients a server held 449 MB so, and 298 with one arena, in no more time: threads of
    Python hardly ever take memory at the same moment.
    """
    if sys.platform == "linux" and "MALLOC_ARENA_MAX" not in os.environ:
        import ctypes

        with suppress(AttributeError):  # other C libraries have no such thing
            ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)


class _Stopping:
    """Whether a signal asked this process to stop; makes sure that it does, after `at_last` if that takes long."""

    def __init__(self) -> None:
        self._asked = False
        self.at_last: Callable[[], None] = lambda: None

    def __call__(self) -> bool:
        return self._asked

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _ask(self, *_: Any) -> None:
        if not self._asked:
            last_resort = threading.Timer(LAST_RESORT_SECONDS, self._leave)
            last_resort.daemon = True
            last_resort.start()
        self._asked = True

    def _leave(self) -> None:
        try:
            self.at_last()
        finally:
            os._exit(0)


def _listen(host: str, port: int) -> socket.socket:
    family, *_, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server(address[:2], family=family, backlog=1024)


class PortFileInUse(Exception):
    """Another server writes its port into the file."""


@contextmanager
def _port_file_locked(path: str | None) -> Iterator[None]:
    """Keep a port file for this server alone, from before it starts. Raises PortFileInUse."""
    if path is None or not Path(path).absolute().parent.is_dir():  # the latter is told when the file is written
        yield
        return
    from filelock import FileLock, Timeout

    lock = FileLock(f"{path}.lock", timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise PortFileInUse(PORT_FILE_IN_USE.format(path=path)) from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes no file that is open
            Path(lock.lock_file).unlink()
        lock.release()


@contextmanager
def _port_file(path: str | None, port: int) -> Iterator[None]:
    """Keep a file with the port while the server listens; it appears whole or not at all."""
    if path is None:
        yield
        return
    if Path(path).is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    unfinished = Path(f"{path}.{os.getpid()}")
    unfinished.write_text(f"{port}\n", encoding="ascii")
    unfinished.replace(path)
    try:
        yield
    finally:
        with suppress(OSError):  # gone already, or another server's by now
            if Path(path).read_text(encoding="ascii") == f"{port}\n":
                Path(path).unlink()


def _request_lines(app: Flask, quiet: bool) -> AbstractContextManager[None]:
    """Write a line for each request to stderr, past its buffer: no other thread may wait for a lock on that."""
    if quiet or sys.stderr is None:
        return nullcontext()
    from fakepersonalize.frontdoor.request_lines import shown

    return shown(app, partial(os.write, sys.stderr.fileno()))


def _announce(server: Server, made_up: bool) -> None:
    """Print where the server listens, where data live, the lines to export, and the admin token if it was `made_up`."""
    folder, settings = server.emulator.folder, server.emulator.settings
    line = "$env:{name} = '{value}'" if sys.platform == "win32" else "export {name}={value}"
    print(f"fakepersonalize {__version__} listens on {server.url}")
    if not is_loopback(settings.host):
        hosts = announcing.own_addresses() if settings.host in ANY_ADDRESS else [settings.host]
        print(*announcing.for_others(hosts, server.port, server.emulator.hosts.allows), sep="\n")
    print(f"Data: {folder.path}{', removed at exit' if folder.temporary else ''}")
    if made_up and settings.token:
        print(line.format(name="FAKEPERSONALIZE_TOKEN", value=settings.token))
    for name, value in announcing.variables(server.url).items():
        print(line.format(name=name, value=value))
    sys.stdout.flush()
