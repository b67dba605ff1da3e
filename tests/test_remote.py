"""What tells a server what to do, where there is none, or another."""

from __future__ import annotations

import inspect
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from fakepersonalize import Remote
from fakepersonalize.emulator import Emulator
from fakepersonalize.server import running
from fakepersonalize.settings import Settings


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


OF_THE_PROCESS = {"answer", "start", "close", "wait_by"}  # what only the process of an emulator can do
PUBLIC = sorted({name for name in dir(Emulator) if name[0] != "_"} - OF_THE_PROCESS)


def test_it_has_all_that_tests_may_ask_of_an_emulator() -> None:
    assert {"reset", "advance", "save_snapshot", "load_snapshot", "is_strict", "calls", "pin", "fail"} <= {*PUBLIC}
    assert [name for name in PUBLIC if not hasattr(Remote, name)] == []


@pytest.mark.parametrize("name", [name for name in PUBLIC if inspect.isfunction(getattr(Emulator, name))])
def test_it_takes_what_an_emulator_in_this_process_takes(name: str) -> None:
    assert inspect.signature(getattr(Remote, name)) == inspect.signature(getattr(Emulator, name))


def test_what_is_newest_works_over_the_wire(tmp_path: Path) -> None:
    setup = tmp_path / "setup.yaml"
    setup.write_text("dataset_groups: [films]")
    with running(
        Settings(port=0, lifecycle="manual", step_seconds=0, setup=str(setup), setup_region="eu-west-1")
    ) as server:
        remote = Remote(server.url)
        personalize = remote.client("personalize", "eu-west-1")

        def groups() -> list[str]:
            return sorted(group["name"] for group in personalize.list_dataset_groups()["datasetGroups"])

        assert (groups(), remote.is_strict) == (["films"], False)
        personalize.create_dataset_group(name="songs")
        remote.save_snapshot(tmp_path / "two.snapshot")
        assert remote.reset(setup=True) == 2
        assert groups() == ["films"]
        assert remote.load_snapshot(tmp_path / "two.snapshot") == 2
        assert groups() == ["films", "songs"]
        with open(tmp_path / "two.snapshot", "rb") as file:
            assert remote.load_snapshot(file) == 2
        with pytest.raises(ValueError, match="snapshot"):
            remote.load_snapshot(setup)
        with pytest.raises(ValueError, match="no operation 'ListDatasetGroup'; did you mean ListDatasetGroups"):
            remote.calls("ListDatasetGroup")
        remote.strict()
        assert remote.is_strict


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
