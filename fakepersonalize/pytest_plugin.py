"""Fixtures for other people's tests. Nothing but pytest is imported before a test uses one of them.

`personalize`, `personalize_runtime` and `personalize_events` are boto3 clients, `personalize_emulator` is the Emulator
behind them, new for each test, or that of `personalize_class`, `personalize_module` or `personalize_session`;
`personalize_server` is a server of its own process, emptied after each test; `trained_campaign` is trained once a
session, and so is a set-up file. Settings come from the ini option `fakepersonalize` and the marker
`fakepersonalize(...)`. Each worker of pytest-xdist has an account of its own. No test that uses a fixture of ours can
connect to AWS; with the ini option `fakepersonalize_guard = session`, no test can.
"""

from __future__ import annotations

import os
import sys
from collections import ChainMap
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
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
SHARED = ("personalize_class", "personalize_module", "personalize_session")  # the innermost first
OURS = (*CLIENTS, *SHARED, CAMPAIGN, EMULATOR, SERVER, "personalize_account")
GUARD, SESSION = "fakepersonalize_guard", "session"
PATHS = ("setup", "data_dir", "port_file")
ACCOUNT, FIRST_OF_WORKERS, REGION = "123456789012", 100_000_000_001, "us-east-1"
IN_PROCESS = {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}  # those of the user's profile
AT_ONCE = {"lifecycle": "manual", "step_seconds": 0}  # on a clock that starts where that of a test with the seed does
SERVER_DEFAULTS: Mapping[str, Any] = {"limits": "off", "lifecycle": "instant", "step_seconds": 0, "seed": 0}

FOREIGN = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
READERS: Mapping[str, Any] = {
    "allow_hosts": lambda text: [host.strip() for host in text.split(",") if host.strip()],
    "fast_retries": lambda text: text.lower() in ("1", "true", "yes", "on"),
}

NO_SETTING = "{text!r} in the ini option fakepersonalize is no NAME=VALUE."
MARKER_HELP = "fakepersonalize(**settings): settings of the emulator in this test, such as lifecycle='manual'"
NO_SUCH_GUARD = "The ini option fakepersonalize_guard is 'session' or left out, not {given!r}."
IN_PROCESS_ONLY = (
    "{name} is answered in process; personalize_server knows nothing of it, its clients are those of client()."
)
MISSET = "The settings of fakepersonalize in the ini file, or of the marker, are wrong: {problem}."
NOT_NAMED = "The marker fakepersonalize takes named settings, such as lifecycle='manual', not {given!r}."


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(NAME, "settings of fakepersonalize's emulators, one NAME=VALUE a line", "linelist", [])
    parser.addini(GUARD, "'session': no test can connect to AWS, whether it uses a fixture of fakepersonalize or not")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER_HELP)
    when = config.getini(GUARD)
    if when not in (None, "", SESSION):
        raise pytest.UsageError(NO_SUCH_GUARD.format(given=when))
    if when == SESSION:
        from fakepersonalize.guard import guarded

        guarding = ExitStack()
        guarding.enter_context(guarded(tuple(_of_ini(config).get("allow_hosts", ()))))
        config.add_cleanup(guarding.close)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Keep a test that uses a fixture of ours away from AWS, from before its other fixtures are made.

    Mocks that those enter have the account of ours, so that snapshots can be made in one and loaded in the other.
    """
    if not {*OURS}.intersection(getattr(item, "fixturenames", ())):
        return (yield)
    from fakepersonalize.guard import guarded
    from fakepersonalize.mock import default_account

    with guarded(), default_account(_account()):
        return (yield)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let tests that ask for a trained campaign only, and make clients of their own, be answered as well."""
    names: list[str] = getattr(item, "fixturenames", [])
    if CAMPAIGN in names and EMULATOR not in names:
        names.insert(0, EMULATOR)


@pytest.fixture(scope="session")
def personalize_account() -> str:
    """The account of all clients: one for each worker of pytest-xdist."""
    return _account()


def _account() -> str:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    number = worker.removeprefix("gw")
    return str(FIRST_OF_WORKERS + int(number)) if number.isdecimal() else ACCOUNT


@pytest.fixture
def personalize_emulator(
    request: pytest.FixtureRequest, personalize_account: str, _personalize_setups: _SetUps
) -> Iterator[Emulator]:
    """The emulator that answers boto3 during the test.

    It is that of `personalize_class`, `personalize_module` or `personalize_session` if the test uses one of those. Else
    it is new: with the trained campaign if that is used, with what the set-up file names if there is one, or empty.
    """
    if SERVER in request.fixturenames:
        names = (name for name in (CAMPAIGN, *CLIENTS, *SHARED) if name in request.fixturenames)
        pytest.fail(IN_PROCESS_ONLY.format(name=next(names, EMULATOR)), pytrace=False)
    shared = next((name for name in SHARED if name in request.fixturenames), None)
    if shared:
        yield request.getfixturevalue(shared)
        return
    template = None
    if CAMPAIGN in request.fixturenames:
        template = request.getfixturevalue("_personalize_trained").folder
    with _entered(request, personalize_account, _personalize_setups, template) as emulator:
        yield emulator


def _shared(scope: Any) -> Any:
    """Return a fixture: the emulator of a class, a module or the session."""

    @pytest.fixture(scope=scope, name=f"personalize_{scope}")
    def emulator(
        request: pytest.FixtureRequest, personalize_account: str, _personalize_setups: _SetUps
    ) -> Iterator[Emulator]:
        with _entered(request, personalize_account, _personalize_setups) as entered:
            yield entered

    emulator.__doc__ = f"The emulator that answers boto3 from its first use to the end of the {scope}."
    return emulator


personalize_class, personalize_module, personalize_session = map(_shared, ("class", "module", "session"))


@contextmanager
def _entered(
    request: pytest.FixtureRequest, account: str, setups: _SetUps, template: Path | None = None
) -> Iterator[Emulator]:
    """Answer boto3 by a new emulator, in the name of an account, until the context is left."""
    from fakepersonalize.mock import Mocked

    settings = _settings(request, account)
    is_set_up = template is None and "setup" in settings and not settings.get("data_dir")
    if is_set_up:
        template = setups.at(settings)
    with Mocked(settings, template, is_set_up) as emulator, _environment(_of_account(account), IN_PROCESS):
        yield emulator


@pytest.fixture(scope="session")
def _personalize_setups(tmp_path_factory: pytest.TempPathFactory) -> _SetUps:
    return _SetUps(tmp_path_factory)


class _SetUps:
    """Folders in which set-up files were done, by the settings with which they were."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._done: dict[str, Path] = {}

    def at(self, settings: Mapping[str, Any]) -> Path:
        from fakepersonalize.mock import Mocked

        key = repr(sorted(settings.items()))
        if key not in self._done:
            folder = self._folders.mktemp("personalize-setup")
            with Mocked({**settings, **AT_ONCE, "data_dir": str(folder)}):
                pass
            self._done[key] = folder
        return self._done[key]


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
    """A server for clients that are not boto3's, empty or with what the set-up file names.

    The environment points all AWS clients to it meanwhile.
    """
    from fakepersonalize.mock import OPTIONS, options, surrounded

    settings = _settings(request, personalize_account)
    server = _personalize_servers.at({name: value for name, value in settings.items() if name not in OPTIONS})
    with (
        surrounded(options(settings)),
        _environment(_of_account(personalize_account), {"AWS_ENDPOINT_URL": server.url}),
    ):
        yield server
    server.empty()
    if settings.get("setup"):
        server.reset(setup=True)


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


def _settings(request: pytest.FixtureRequest, account: str) -> dict[str, Any]:
    """Return what the ini file says, and over that what the markers of a test say, the nearest last.

    Paths are relative to pytest's rootdir. A set-up file that names no account and region is that of the fixtures'.
    """
    from fakepersonalize.mock import Mocked

    found = _of_ini(request.config)
    for marker in reversed(list(request.node.iter_markers(NAME))):
        if marker.args:
            pytest.fail(NOT_NAMED.format(given=marker.args[0]), pytrace=False)
        found.update(marker.kwargs)
    try:
        Mocked(found)
    except (TypeError, ValueError) as problem:
        pytest.fail(MISSET.format(problem=str(problem).rstrip(".")), pytrace=False)
    for name in PATHS:
        if found.get(name):
            found[name] = str(request.config.rootpath / found[name])
    if found.get("setup"):
        return {"setup_account": account, "setup_region": _region(), **found}
    return found


def _of_ini(config: pytest.Config) -> dict[str, Any]:
    from fakepersonalize.settings import read

    found: dict[str, Any] = {}
    for text in config.getini(NAME):
        name, equals, value = text.partition("=")
        if not equals:
            raise pytest.UsageError(NO_SETTING.format(text=text))
        try:
            found[name.strip()] = READERS.get(name.strip(), partial(read, name.strip()))(value.strip())
        except ValueError as problem:
            pytest.fail(MISSET.format(problem=problem), pytrace=False)
    return found


def _of_account(account: str) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": NAME, "AWS_DEFAULT_REGION": _region()}


def _region() -> str:
    return os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION") or REGION


@contextmanager
def _environment(*variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables, and keep out what would name another account, region or endpoint."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [*os.environ]:
            if name in FOREIGN or name.startswith("AWS_ENDPOINT_URL"):
                patch.delenv(name)
        for name, value in ChainMap(*map(dict, variables)).items():
            patch.setenv(name, value)
        yield
