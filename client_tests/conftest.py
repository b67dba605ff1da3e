"""Every client test runs twice: over a socket, against a server of its own process, and in process.

Tests share one server, or one in-process emulator, and take an account of their own each; nothing of one account is
seen from another.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import loopback
import pytest
import shops
from accounts import PATIENCE_SECONDS, Account, until
from deeds import Deeds
from markets import Market
from modes import IN_PROCESS, SOCKET

from fakepersonalize import Remote, mock_personalize

loopback.install()

HERE = Path(__file__).parent
STEP_SECONDS, LONG_STEP_SECONDS = "0.02", "0.6"
NewAccount = Callable[..., Account]


_numbers = itertools.count(100_000_000_001)


def make_account(endpoint: str | None, region: str = "us-east-1", number: str | None = None) -> Account:
    """Return an account, a new one unless it has a number."""
    return Account(number or str(next(_numbers)), region, endpoint)


@pytest.fixture(scope="session", autouse=True)
def surroundings() -> Iterator[None]:
    """Keep what the machine's owner set up for AWS out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "FAKEPERSONALIZE_STEP"))]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(autouse=True)
def foreign_calls() -> Iterator[None]:
    """Fail the test that tried to leave this machine."""
    yield
    tried, loopback.attempts[:] = loopback.attempts[:], []
    assert not tried, f"calls on the network: {tried}"


class Servers:
    """Server processes by their options, started when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[tuple[str, ...], tuple[subprocess.Popen[bytes], str]] = {}

    def url(self, *options: str, **environ: str) -> str:
        key = (*options, *(f"{name}={value}" for name, value in sorted(environ.items())))
        if key not in self._running:
            self._running[key] = self._start(options, environ)
        return self._running[key][1]

    def stop(self) -> None:
        """Stop all servers and fail when one of them had an error of its own or left the machine."""
        for process, _ in self._running.values():
            process.terminate()
        for process, _ in self._running.values():
            process.wait(60)
        for log in self._folder.glob("*.log"):
            said = log.read_text("utf-8")
            assert "Traceback" not in said, said
        assert not self._notes.exists(), self._notes.read_text("utf-8")

    @property
    def _notes(self) -> Path:
        return self._folder / "foreign-calls"

    def _start(self, options: tuple[str, ...], environ: dict[str, str]) -> tuple[subprocess.Popen[bytes], str]:
        number = len(self._running)
        port_file, log = self._folder / f"{number}.port", self._folder / f"{number}.log"
        # The server finds what the tests find, whatever folder they run in.
        path = os.pathsep.join([str(HERE), *(str(Path(entry).absolute()) for entry in sys.path)])
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "fakepersonalize", "serve", "--port", "0", "--port-file", port_file, *options],
                env=os.environ | {"PYTHONPATH": path, loopback.NOTES: str(self._notes)} | environ,
                cwd=self._folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        until(lambda: port_file.exists() or process.poll() is not None)
        assert process.poll() is None, log.read_text("utf-8")
        return process, f"http://127.0.0.1:{port_file.read_text('ascii').strip()}"


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory, surroundings: None) -> Iterator[Servers]:
    found = Servers(tmp_path_factory.mktemp("servers"))
    yield found
    found.stop()


@pytest.fixture(scope="session", params=[SOCKET, IN_PROCESS])
def mode(request: pytest.FixtureRequest) -> str:
    """How the clients of a test reach the emulator."""
    mode: str = request.param
    return mode


@pytest.fixture(scope="session")
def controls(mode: str, servers: Servers) -> Iterator[Any]:
    """What is told to fail, to answer so, or to move its clock: the same methods in both modes.

    Tests share it, so they tell it only what concerns their own account, and take that back.
    """
    if mode == SOCKET:
        yield Remote(servers.url("--limits", "aws", FAKEPERSONALIZE_STEP_SECONDS=STEP_SECONDS))
    else:
        with mock_personalize(limits="aws") as emulator:
            yield emulator


@pytest.fixture(scope="session")
def endpoint(mode: str, controls: Any) -> str | None:
    """Where to send requests, with AWS's quotas in force; None while boto3 itself is answered in process."""
    return str(controls.url) if mode == SOCKET else None


@pytest.fixture(scope="session")
def new_account(endpoint: str | None) -> NewAccount:
    """A function that makes accounts that nobody used before."""
    return partial(make_account, endpoint)


@pytest.fixture
def account(new_account: NewAccount) -> Account:
    return new_account()


@pytest.fixture
def unlimited(mode: str, servers: Servers) -> Iterator[NewAccount]:
    """As `new_account`, where no quotas are in force."""
    if mode == SOCKET:
        yield partial(make_account, servers.url("--limits", "off", FAKEPERSONALIZE_STEP_SECONDS=STEP_SECONDS))
    else:
        with mock_personalize(limits="off"):
            yield partial(make_account, None)


@pytest.fixture(scope="session")
def slow_accounts(mode: str, servers: Servers) -> NewAccount:
    """As `new_account`, where each step lasts so long that nobody misses it."""
    assert mode == SOCKET, "in process, steps last nothing"
    return partial(make_account, servers.url("--limits", "aws", FAKEPERSONALIZE_STEP_SECONDS=LONG_STEP_SECONDS))


Tell = Callable[[], None]


def make_waiting(servers: Servers, *kinds: str) -> tuple[Account, Tell]:
    """Return an account where resources of these kinds wait in each status until they are told, all at once."""
    rules = ",".join(f"{kind}=manual:1" for kind in kinds)
    url = servers.url(FAKEPERSONALIZE_STEP_SECONDS="0", FAKEPERSONALIZE_TRANSITIONS=rules)
    clock = urllib.request.Request(f"{url}/_fakepersonalize/clock", b'{"times": 1}', method="POST")

    def tell() -> None:
        with urllib.request.urlopen(clock, timeout=PATIENCE_SECONDS) as answer:
            assert answer.status == 200

    return make_account(url), tell


@pytest.fixture
def waiting(mode: str, servers: Servers) -> Callable[..., tuple[Account, Tell]]:
    """`make_waiting`, for tests over a socket: there is one server for each set of kinds."""
    assert mode == SOCKET
    return partial(make_waiting, servers)


class Shop:
    """An account with a model of each kind trained on the same rows; tests only read from it."""

    def __init__(self, account: Account, rows: list[shops.Row]) -> None:
        self.account, self.rows = account, rows
        self.histories, self.popular = shops.histories(rows), shops.popular(rows)
        self.items = {item for _, item, _ in rows}
        self.group = account.shop(rows)
        self.campaigns = {recipe: account.deployed(self.group, recipe, recipe) for recipe in RECIPES}

    def solution(self, recipe: str) -> str:
        return self.account.arn(f"solution/{recipe}")

    def version(self, recipe: str) -> str:
        described: dict[str, Any] = self.account.describe("campaign", self.campaigns[recipe])
        return str(described["solutionVersionArn"])


RECIPES = ("aws-popularity-count", "aws-sims", "aws-user-personalization", "aws-hrnn")


@pytest.fixture(scope="session")
def shop(new_account: NewAccount) -> Shop:
    """A shop where nobody takes anything twice."""
    return Shop(new_account(), shops.series())


@pytest.fixture(scope="session")
def grocery(new_account: NewAccount) -> Shop:
    """A shop where people buy the same again and again."""
    return Shop(new_account(), shops.staples())


@pytest.fixture(scope="module")
def deeds(new_account: NewAccount) -> Deeds:
    """A group with actions and a campaign for the next best one; tests put rows of users of their own."""
    return Deeds(new_account())


@pytest.fixture(scope="session")
def market(new_account: NewAccount) -> Market:
    """A shop where filters, promotions and metadata have something to look at; tests put rows of users of their own."""
    return Market(new_account())


@pytest.fixture(scope="module")
def own_market(new_account: NewAccount) -> Market:
    """A market of one module, for those who train there: nobody else sends events to it."""
    return Market(new_account())
