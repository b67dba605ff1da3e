"""Fixtures for other people's tests. Nothing but pytest is imported before a test uses one of them.

`personalize`, `personalize_runtime` and `personalize_events` are boto3 clients, `personalize_emulator` is the Emulator
behind them, new for each test; `personalize_server` is a server of its own process, emptied after each test;
`trained_campaign` is trained once a session. Settings come from the ini option `fakepersonalize` and the marker
`fakepersonalize(...)`. Each worker of pytest-xdist has an account of its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from fakepersonalize.emulator import Emulator
    from fakepersonalize.remote import Remote
    from fakepersonalize.trained import Trained, TrainedCampaign

NAME = "fakepersonalize"
CAMPAIGN, EMULATOR, SERVER = "trained_campaign", "personalize_emulator", "personalize_server"
CLIENTS = ("personalize", "personalize_runtime", "personalize_events")
ACCOUNT, FIRST_OF_WORKERS, REGION = "123456789012", 100_000_000_001, "us-east-1"
SERVER_DEFAULTS: Mapping[str, Any] = {"limits": "off", "lifecycle": "instant", "step_seconds": 0, "seed": 0}

NO_SETTING = "{text!r} in the ini option fakepersonalize is no NAME=VALUE."
MARKER_HELP = "fakepersonalize(**settings): settings of the emulator in this test, such as lifecycle='manual'"
IN_PROCESS_ONLY = (
    "{name} is answered in process; personalize_server knows nothing of it, its clients are those of client()."
)
MISSET = "The settings of fakepersonalize in the ini file, or of the marker, are wrong: {problem}."
NOT_NAMED = "The marker fakepersonalize takes named settings, such as lifecycle='manual', not {given!r}."


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(NAME, "settings of fakepersonalize's emulators, one NAME=VALUE a line", "linelist", [])


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER_HELP)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let tests that ask for a trained campaign only, and make clients of their own, be answered as well."""
    names: list[str] = getattr(item, "fixturenames", [])
    if CAMPAIGN in names and EMULATOR not in names:
        names.insert(0, EMULATOR)


@pytest.fixture(scope="session")
def personalize_account() -> str:
    """The account of all clients: one for each worker of pytest-xdist."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    number = worker.removeprefix("gw")
    return str(FIRST_OF_WORKERS + int(number)) if number.isdecimal() else ACCOUNT


@pytest.fixture
def personalize_emulator(request: pytest.FixtureRequest, personalize_account: str) -> Iterator[Emulator]:
    """The emulator that answers boto3 during the test, new and empty, or with the trained campaign if that is used."""
    from fakepersonalize.mock import Mocked

    template = None
    if SERVER in request.fixturenames:
        names = (name for name in (CAMPAIGN, *CLIENTS) if name in request.fixturenames)
        pytest.fail(IN_PROCESS_ONLY.format(name=next(names, EMULATOR)), pytrace=False)
    if CAMPAIGN in request.fixturenames:
        template = request.getfixturevalue("_personalize_trained").folder
    with Mocked(_settings(request), template) as emulator, _environment(_of_account(personalize_account)):
        yield emulator


@pytest.fixture
def personalize(personalize_emulator: Emulator) -> Any:
    """A boto3 client of Amazon Personalize."""
    return _client("personalize")


@pytest.fixture
def personalize_runtime(personalize_emulator: Emulator) -> Any:
    """A boto3 client of Amazon Personalize Runtime."""
    return _client("personalize-runtime")


@pytest.fixture
def personalize_events(personalize_emulator: Emulator) -> Any:
    """A boto3 client of Amazon Personalize Events."""
    return _client("personalize-events")


@pytest.fixture(scope="session")
def trained_campaign(_personalize_trained: Trained) -> TrainedCampaign:
    """The ARN of a campaign of user personalization, with its `users`, its `items` and its `dataset_group`."""
    return _personalize_trained.campaign


@pytest.fixture(scope="session")
def _personalize_trained(
    pytestconfig: pytest.Config, personalize_account: str, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    from fakepersonalize.trained import train

    folder, seed = tmp_path_factory.mktemp("trained-campaign"), _of_ini(pytestconfig).get("seed", 0)
    return train(folder, personalize_account, _region(), seed)


@pytest.fixture
def personalize_server(
    request: pytest.FixtureRequest, personalize_account: str, _personalize_servers: _Servers
) -> Iterator[Remote]:
    """A server for clients that are not boto3's, empty; the environment points all AWS clients to it meanwhile."""
    server = _personalize_servers.at(_settings(request))
    with _environment(_of_account(personalize_account) | {"AWS_ENDPOINT_URL": server.url}):
        yield server
    server.empty()


@pytest.fixture(scope="session")
def _personalize_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Servers]:
    servers = _Servers(tmp_path_factory)
    yield servers
    servers.stop()


class _Servers:
    """Server processes by their settings, started when a test first asks for such a one."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._running: dict[str, _Running] = {}

    def at(self, settings: Mapping[str, Any]) -> Remote:
        from fakepersonalize.remote import Remote

        chosen = {**SERVER_DEFAULTS, **settings}
        key = repr(sorted(chosen.items()))
        if key not in self._running:
            self._running[key] = _started(self._folders.mktemp("personalize-server"), chosen)
        return Remote(self._running[key].url, self._running[key].token)

    def stop(self) -> None:
        for server in self._running.values():
            server.process.terminate()
        for server in self._running.values():
            server.process.wait(10)


class _Running(NamedTuple):
    process: Any
    url: str
    token: str


def _started(folder: Path, settings: Mapping[str, Any]) -> _Running:
    import secrets
    import subprocess

    from fakepersonalize.remote import port_of

    port_file, log = folder / "port", folder / "log"
    settings = {"token": secrets.token_urlsafe(), "quiet": True, **settings}
    variables = {f"FAKEPERSONALIZE_{name.upper()}": _text(value) for name, value in settings.items()}
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "fakepersonalize", "serve", "--port", "0", "--port-file", str(port_file)],
            env={**_outside(), **variables, "PYTHONPATH": path},
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    port = port_of(port_file, lambda: process.poll() is None)
    if port is None:
        pytest.fail(log.read_text("utf-8", "replace"), pytrace=False)
    return _Running(process, f"http://127.0.0.1:{port}", settings["token"])


def _outside() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("FAKEPERSONALIZE_", "AWS_"))}


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _client(service: str) -> Any:
    import boto3

    return boto3.client(service)


def _settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return what the ini file says, and over that what the markers of a test say, the nearest last."""
    from fakepersonalize.settings import unknown

    found = _of_ini(request.config)
    for marker in reversed(list(request.node.iter_markers(NAME))):
        if marker.args:
            pytest.fail(NOT_NAMED.format(given=marker.args[0]), pytrace=False)
        found.update(marker.kwargs)
    if problem := unknown(found):
        pytest.fail(MISSET.format(problem=problem), pytrace=False)
    return found


def _of_ini(config: pytest.Config) -> dict[str, Any]:
    from fakepersonalize.settings import read

    found = {}
    for text in config.getini(NAME):
        name, equals, value = text.partition("=")
        if not equals:
            raise pytest.UsageError(NO_SETTING.format(text=text))
        found[name.strip()] = read(name.strip(), value.strip())
    return found


def _of_account(account: str) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": NAME, "AWS_DEFAULT_REGION": _region()}


def _region() -> str:
    return os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION") or REGION


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables, and keep out what would name another account or region."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL"):
            patch.delenv(name, raising=False)
        for name, value in variables.items():
            patch.setenv(name, value)
        yield
