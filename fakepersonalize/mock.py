"""The in-process mode: while it is entered, boto3's calls are answered by an emulator in the caller's own thread."""

from __future__ import annotations

import functools
import inspect
import os
import re
import threading
import unittest
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload
from urllib.parse import urlsplit

from fakepersonalize.guard import checked_hosts, guarded, require_elsewhere
from fakepersonalize.shared import Shared

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.endpoint import Endpoint

    from fakepersonalize.emulator import Emulator
    from fakepersonalize.settings import Settings

T = TypeVar("T")

# botocore calls the three services alike in the names of events and of endpoints.
SERVICES = ("personalize", "personalize-runtime", "personalize-events")
OUR_HOST = re.compile(rf"({'|'.join(SERVICES)})\.(?!s3)")  # and no bucket of that name
MADE_UP = "FAKEPERSONALIZE"
OPTIONS = ("allow_hosts", "fast_retries")  # those that are no settings of an emulator
NO_FLAG = "fast_retries must be True or False, not {given!r}"
NOT_STARTED = "stop() was called more often than start()."
WHICH_ONE = (
    "Several mocks of Personalize are entered at once, in different threads or coroutines, and this thread has entered "
    "none of them. Enter one here, or hand the context on: contextvars.copy_context().run(function)."
)
NO_TARGET = "mock_personalize decorates functions and classes, not {target!r}; settings are named: seed=1"
DEFAULTS: Mapping[str, Any] = {"limits": "off", "lifecycle": "instant", "seed": 0, "in_process": True}


@overload
def mock_personalize(target: T) -> T: ...


@overload
def mock_personalize(target: None = None, **settings: Any) -> Mocked: ...


def mock_personalize(target: Any = None, **settings: Any) -> Any:
    """Answer Personalize's calls in this process, and all other services' by moto's mocks, while something runs.

    A decorator, with or without arguments, for functions, coroutine functions, generators (fixtures) and classes; also
    a context manager, which gives the Emulator, and an object with `start()` and `stop()`. Arguments are fields of
    Settings; the defaults suit tests: `limits="off", lifecycle="instant", seed=0`, all work done inline. It works for
    clients made before and after entering, alone or inside or around moto's `mock_aws`.

    Each entering has an emulator of its own, which answers the thread or coroutine that entered it, the innermost
    first. Threads that entered none are answered by the innermost one of all, and refused with a RuntimeError where
    several are entered independently. moto's state is shared by all.

    Meanwhile no client in this process can connect to AWS's hosts, see `guard`; `allow_hosts` exempts some. With
    `fast_retries=True`, botocore does not sleep before it retries a call. Raises TypeError and ValueError for settings
    that cannot be.
    """
    if target is not None and not callable(target):
        raise TypeError(NO_TARGET.format(target=target))
    mocked = Mocked(settings)
    return mocked if target is None else mocked(target)


class Mocked:
    """What `mock_personalize(...)` returns: a recipe for emulators, entered as often as one likes."""

    def __init__(self, settings: Mapping[str, Any], template: Path | None = None, is_set_up: bool = False) -> None:
        from fakepersonalize.settings import Settings, unknown

        chosen = {name: value for name, value in settings.items() if name not in OPTIONS}
        if problem := unknown(chosen):
            raise TypeError(f"{problem}.")
        self._settings, self._template, self._is_set_up = settings, template, is_set_up
        self._of_emulators = Settings(**{**DEFAULTS, **chosen})
        self._options = options(settings)
        self._entered: list[_Entered] = []

    def __enter__(self) -> Emulator:
        from fakepersonalize.emulator import Emulator

        with ExitStack() as building:
            building.enter_context(surrounded(self._options))
            building.enter_context(_moto)
            emulator = Emulator(self._at_home(), self._template, self._is_set_up)
            building.callback(emulator.close)
            emulator.start()
            building.enter_context(_botocore)
            world = _worlds.enter(emulator)
            building.callback(_worlds.leave, world)
            self._entered.append(_Entered(world, building.pop_all()))
        return emulator

    def __exit__(self, *_: object) -> None:
        if not self._entered:
            raise RuntimeError(NOT_STARTED)
        here = _worlds.here()
        own = next((each for each in self._entered if each.world is here), self._entered[-1])
        self._entered.remove(own)
        own.leaving.close()

    def _at_home(self) -> Settings:
        if not _defaults or "setup_account" in self._settings:
            return self._of_emulators
        return replace(self._of_emulators, setup_account=_defaults[-1])

    def start(self) -> Emulator:
        """Enter; `stop()` leaves again."""
        return self.__enter__()

    def stop(self) -> None:
        self.__exit__()

    def __call__(self, target: T) -> T:
        decorate = _decorated_class if inspect.isclass(target) else _decorated_function
        decorated: T = decorate(self, target)
        return decorated


@contextmanager
def default_account(account: str) -> Iterator[None]:
    """Let set-up files, and clients whose keys name no account, work in this one, in any world and thread."""
    _defaults.append(account)
    try:
        yield
    finally:
        _defaults.remove(account)


_defaults: list[str] = []


class Options(NamedTuple):
    """What is chosen beside the settings of an emulator."""

    allow_hosts: tuple[str, ...]
    fast_retries: bool


def options(chosen: Mapping[str, Any]) -> Options:
    """Return the options among what is chosen. Raises TypeError for values that they do not take."""
    fast_retries = chosen.get("fast_retries", False)
    if not isinstance(fast_retries, bool):
        raise TypeError(NO_FLAG.format(given=fast_retries))
    return Options(checked_hosts(chosen.get("allow_hosts", ())), fast_retries)


def surrounded(chosen: Options) -> AbstractContextManager[Any]:
    """Return what keeps clients of this process from AWS and, if that is chosen, from sleeping before retries."""
    with ExitStack() as building:
        building.enter_context(guarded(chosen.allow_hosts))
        if chosen.fast_retries:
            building.enter_context(_no_sleep)
        return building.pop_all()


def _decorated_function(mocked: Mocked, function: Any) -> Any:
    """Wrap a function so that each call of it, or each run of a generator, has an emulator of its own."""
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            with Mocked(mocked._settings):
                inner = function(*args, **kwargs)
                step = inner.__anext__()
                while True:  # `yield from` for what is asynchronous
                    try:
                        value = await step
                    except StopAsyncIteration:
                        return
                    try:
                        step = inner.asend((yield value))
                    except GeneratorExit:
                        await inner.aclose()
                        raise
                    except BaseException as problem:
                        step = inner.athrow(problem)

    elif inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            with Mocked(mocked._settings):
                return await function(*args, **kwargs)

    elif inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with Mocked(mocked._settings):
                return (yield from function(*args, **kwargs))

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with Mocked(mocked._settings):
                return function(*args, **kwargs)

    return wrapper


def _decorated_class(mocked: Mocked, klass: Any) -> Any:
    """Give every test of a class an emulator, which its set-up and tear-down share."""
    if issubclass(klass, unittest.TestCase):
        klass.run = _decorated_function(mocked, klass.run)
    elif hasattr(klass, "setup_method"):
        _enter_around_methods(mocked, klass)
    else:
        inherited = {name: getattr(klass, name) for name in dir(klass) if name.startswith("test")}
        for name, member in {**inherited, **vars(klass)}.items():
            if inspect.isfunction(member) and not name.startswith("_"):
                setattr(klass, name, _decorated_function(mocked, member))
    return klass


def _enter_around_methods(mocked: Mocked, klass: Any) -> None:
    """Enter before pytest's `setup_method` and leave after its `teardown_method`."""
    set_up, tear_down = klass.setup_method, getattr(klass, "teardown_method", None)

    @functools.wraps(set_up)
    def setup_method(self: Any, *args: Any, **kwargs: Any) -> None:
        with ExitStack() as leaving:
            self._mock_personalize = entered = Mocked(mocked._settings)
            leaving.enter_context(entered)
            set_up(self, *args, **kwargs)
            leaving.pop_all()

    def teardown_method(self: Any, method: Any) -> None:
        with ExitStack() as leaving:
            leaving.callback(self._mock_personalize.stop)
            if tear_down:
                tear_down(self, *[method][: len(inspect.signature(tear_down).parameters) - 1])

    klass.setup_method, klass.teardown_method = setup_method, teardown_method


def _motos_mock() -> AbstractContextManager[Any]:
    """Return moto's mocks, not entered yet."""
    from moto import mock_aws

    from fakepersonalize.frontdoor.neighbour_app import prepare_moto

    prepare_moto()
    mocked: AbstractContextManager[Any] = mock_aws()
    return mocked


def _patches() -> AbstractContextManager[Any]:
    """Return what takes over what botocore would send.

    Four methods are replaced, on the classes, so that clients made earlier are caught as well: `Endpoint._send`,
    behind which stands the network; moto's stubber, which has a Personalize of its own and answers before that; the
    giving out of credentials, so that clients made without any can sign; and the `send` of requests, which moto would
    answer by that Personalize of its own.
    """
    from unittest.mock import patch

    from botocore.endpoint import Endpoint
    from botocore.signers import RequestSigner
    from moto.core.botocore_stubber import BotocoreStubber
    from requests import Session

    patches = ExitStack()
    for owner, name, make in (
        (Endpoint, "_send", _sending),
        (BotocoreStubber, "__call__", _stubbing),
        (RequestSigner, "get_auth_instance", _authenticating),
        (Session, "send", _refusing),
    ):
        patches.enter_context(patch.object(owner, name, make(getattr(owner, name))))
    return patches


def _sleepless() -> AbstractContextManager[Any]:
    """Return what takes the sleep before a retry out of botocore, and the rate limit of the retry mode adaptive."""
    from unittest.mock import patch

    from botocore import endpoint
    from botocore.retries.bucket import TokenBucket

    patches = ExitStack()
    patches.enter_context(patch.object(endpoint, "time", _Sleepless(endpoint.time)))
    patches.enter_context(patch.object(TokenBucket, "acquire", lambda bucket, amount=1, block=True: True))
    return patches


class _Sleepless:
    """The module `time`, with a `sleep` that returns at once."""

    def __init__(self, time: Any) -> None:
        self._time = time

    def __getattr__(self, name: str) -> Any:
        return getattr(self._time, name)

    def sleep(self, seconds: float) -> None:
        pass


# moto counts how often its mocks are entered, but restores the environment as each left found it: one entering serves
# all of ours, whatever the order in which threads leave.
_moto, _botocore, _no_sleep = Shared(_motos_mock), Shared(_patches), Shared(_sleepless)


class _World:
    """An emulator that is entered, and the one around it in the same thread or coroutine."""

    def __init__(self, emulator: Emulator, around: _World | None) -> None:
        self.emulator, self.around = emulator, around
        self.entered = True


class _Entered(NamedTuple):
    world: _World
    leaving: ExitStack


class _Worlds:
    """Which emulator answers whom."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entered: tuple[_World, ...] = ()  # in the order of entering
        self._here: ContextVar[_World | None] = ContextVar("fakepersonalize", default=None)

    def enter(self, emulator: Emulator) -> _World:
        world = _World(emulator, self.here())
        with self._lock:
            self._entered += (world,)
        self._here.set(world)
        return world

    def leave(self, world: _World) -> None:
        with self._lock:
            self._entered = tuple(each for each in self._entered if each is not world)
        world.entered = False
        self._here.set(self.here())

    def here(self) -> _World | None:
        """Return the innermost world that this thread or coroutine entered, or inherited, and that is not left yet."""
        world = self._here.get()
        while world and not world.entered:
            world = world.around
        return world

    def answering(self) -> Emulator:
        """Return the emulator that answers here. Raises RuntimeError where that may be several."""
        world = self.here()
        if world is None:
            entered = self._entered
            world, nested = entered[-1], 0
            around: _World | None = world
            while around:
                nested += around.entered
                around = around.around
            if nested < len(entered):
                raise RuntimeError(WHICH_ONE)
        return world.emulator


_worlds = _Worlds()


def _sending(original: Callable[..., Any]) -> Callable[..., Any]:
    def _send(endpoint: Endpoint, request: AWSPreparedRequest) -> Any:
        if endpoint._endpoint_prefix in SERVICES:
            return _answered(_worlds.answering(), request)
        return _from_moto(request) or original(endpoint, request)

    return _send


def _answered(emulator: Emulator, request: AWSPreparedRequest) -> AWSResponse:
    """Ask the emulator what the door would have asked it."""
    from botocore.exceptions import ConnectionClosedError

    from fakepersonalize.clients import respond
    from fakepersonalize.faults import ConnectionCut
    from fakepersonalize.frontdoor import identity
    from fakepersonalize.frontdoor.neighbour_app import account_of_key
    from fakepersonalize.protocol.wire import Incoming

    url, headers = urlsplit(request.url), _headers(request)
    body = request.body or b""
    incoming = Incoming(request.method, url.path or "/", headers, body if isinstance(body, bytes) else body.encode())
    try:
        reply = emulator.answer(incoming, identity.scope(headers, url.query, account_of_key, *_defaults[-1:]))
    except ConnectionCut:
        raise ConnectionClosedError(endpoint_url=request.url) from None
    return respond(request.url, reply.status, reply.headers.items(), reply.body)


def _from_moto(request: AWSPreparedRequest) -> AWSResponse | None:
    """Answer for clients that are older than moto's import and lack its handler."""
    from moto.core.models import botocore_stubber

    return botocore_stubber("before-send", request)


def _stubbing(original: Callable[..., Any]) -> Callable[..., Any]:
    """Keep moto's stubber from our services, and tell it the account that our ARNs carry."""
    from fakepersonalize.frontdoor import identity
    from fakepersonalize.frontdoor.neighbour_app import account_of_key, managed_policies, prepare_service

    def call(stubber: Any, event_name: str, request: AWSPreparedRequest, **kwargs: Any) -> Any:
        if event_name.startswith("before-send.personalize"):
            return None
        if stubber.enabled:
            headers, query = _headers(request), urlsplit(request.url).query
            prepare_service(headers, query)
            if "x-moto-account-id" not in headers:
                request.headers["x-moto-account-id"] = identity.scope(
                    headers, query, account_of_key, *_defaults[-1:]
                ).account
        with managed_policies():
            return original(stubber, event_name, request, **kwargs)

    return call


def _authenticating(original: Callable[..., Any]) -> Callable[..., Any]:
    """Sign with made-up credentials where a client was made while there were none."""
    from botocore.credentials import ReadOnlyCredentials

    def get_auth_instance(*args: Any, **kwargs: Any) -> Any:
        auth = original(*args, **kwargs)
        if getattr(auth, "credentials", "none are asked for") is None:
            key = os.environ.get("AWS_ACCESS_KEY_ID", MADE_UP)  # that of the clients made now: all share an account
            auth.credentials = ReadOnlyCredentials(key, MADE_UP, None)
        return auth

    return get_auth_instance


def _refusing(original: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse what requests sends to our services; moto answers what it sends to others."""

    def send(session: Any, request: Any, **kwargs: Any) -> Any:
        if OUR_HOST.match(urlsplit(request.url).hostname or ""):
            require_elsewhere(request.url)
        return original(session, request, **kwargs)

    return send


def _headers(request: AWSPreparedRequest) -> dict[str, str]:
    return {
        name.lower(): value.decode("latin-1") if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
