"""A real Chromium, a server, and a website of somebody else. Run by `tox -e browser`."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from selenium import webdriver

from fakepersonalize.server import Server, running
from fakepersonalize.settings import Settings

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    "--host-resolver-rules=MAP *.example 127.0.0.1, MAP *.lan 127.0.0.1",
)


class Seen(NamedTuple):
    """A request as it came to the server, and the status of the answer."""

    status: int
    method: str
    path: str
    site: str | None
    origin: str | None


@dataclass
class Recorder:
    """Stands before the server's application and notes what passes by."""

    application: Callable[..., Iterable[bytes]]
    seen: list[Seen] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
            asked = environ["REQUEST_METHOD"], environ["PATH_INFO"] + query
            browser = environ.get("HTTP_SEC_FETCH_SITE"), environ.get("HTTP_ORIGIN")
            self.seen.append(Seen(int(status.split()[0]), *asked, *browser))
            return start_response(status, headers, *more)

        return self.application(environ, start)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running(Settings(port=0, allow_host=("emulator.lan",))) as served:
        served.app.wsgi_app = Recorder(served.app.wsgi_app)  # type: ignore[method-assign]
        yield served


@pytest.fixture
def seen(server: Server) -> list[Seen]:
    """What the server was asked during the test."""
    recorder: Any = server.app.wsgi_app
    recorder.seen.clear()
    found: list[Seen] = recorder.seen
    return found


class Website(BaseHTTPRequestHandler):
    """One empty page at every address."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>foreign</title><body>")

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(scope="module")
def foreign_port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Website) as website:
        thread = threading.Thread(target=website.serve_forever)
        thread.start()
        yield website.server_port
        website.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    chromium, driver = (shutil.which(name) for name in ("chromium", "chromedriver"))
    if not chromium or not driver:
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    profile: Path = tmp_path_factory.mktemp("profile")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    with webdriver.Chrome(options, webdriver.ChromeService(driver)) as found:
        found.set_script_timeout(120)
        yield found
