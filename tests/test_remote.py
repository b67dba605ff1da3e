"""What tells a server what to do, where there is none, or another."""

from __future__ import annotations

import inspect
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from fakepersonalize import Remote
from fakepersonalize.controls import Controls


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[str]:
    """A server that is none of ours."""

    def application(environ, start_response):  # type: ignore[no-untyped-def]
        start_response("418 I'm a teapot", [("Content-Type", "text/plain")])
        return [b"short and stout"]

    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "name", [name for name, _ in inspect.getmembers(Controls, inspect.isfunction) if name[0] != "_"]
)
def test_it_takes_what_an_emulator_in_this_process_takes(name: str) -> None:
    assert inspect.signature(getattr(Remote, name)) == inspect.signature(getattr(Controls, name))


@pytest.mark.parametrize("url", ["localhost:7377", "file:///etc/passwd", ""])
def test_a_server_is_named_by_a_url(url: str) -> None:
    with pytest.raises(ValueError, match="A server is named by a URL"):
        Remote(url)


def test_where_nobody_listens_it_is_an_oserror() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        Remote(f"http://127.0.0.1:{port}/").pins()


def test_a_stranger_is_told_by_its_status(stranger: str) -> None:
    with pytest.raises(ValueError, match="418 I'm a teapot"):
        Remote(stranger).faults()


def test_its_clients_have_the_account_of_the_environment_or_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    remote, found = Remote("http://127.0.0.1:1"), []
    for key in ("", "111111111111"):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        found += [remote.client("personalize"), remote.client("personalize", account="222222222222")]
    keys = [client._get_credentials().access_key for client in found]
    assert keys == ["123456789012", "222222222222", "111111111111", "222222222222"]
    assert {client.meta.endpoint_url for client in found} == {"http://127.0.0.1:1"}
