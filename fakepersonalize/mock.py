"""The in-process mode: while it is entered, boto3's calls are answered by an emulator in the caller's own thread."""

from __future__ import annotations

import functools
import inspect
import os
import threading
import unittest
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.endpoint import Endpoint

    from fakepersonalize.emulator import Emulator

T = TypeVar("T")

# botocore calls the three services alike in the names of events and of endpoints.
SERVICES = ("personalize", "personalize-runtime", "personalize-events")
MADE_UP = "FAKEPERSONALIZE"
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
    clients made before and after entering, alone or inside or around moto's `mock_aws`. Entered twice, each has an
    emulator of its own and the inner one answers; moto's state is shared.
    """
    if target is not None and not callable(target):
        raise TypeError(NO_TARGET.format(target=target))
    mocked = Mocked(settings)
    return mocked if target is None else mocked(target)


class Mocked:
    """What `mock_personalize(...)` returns: a recipe for emulators, entered as often as one likes."""

    def __init__(self, settings: Mapping[str, Any], template: Path | None = None) -> None:
        from fakepersonalize.settings import unknown

        if problem := unknown(settings):
            raise TypeError(f"{problem}.")
        self._settings, self._template = settings, template
        self._entered: list[ExitStack] = []

    def __enter__(self) -> Emulator:
        from fakepersonalize.emulator import Emulator
        from fakepersonalize.settings import Settings

        with ExitStack() as building:
            building.enter_context(_moto())
            emulator = Emulator(Settings(**{**DEFAULTS, **self._settings}), self._template)
            building.callback(emulator.close)
            emulator.start()
            building.enter_context(_diversion.to(emulator))
            self._entered.append(building.pop_all())
        return emulator

    def __exit__(self, *_: object) -> None:
        self._entered.pop().close()

    def start(self) -> Emulator:
        """Enter; `stop()` leaves again."""
        return self.__enter__()

    def stop(self) -> None:
        self.__exit__()

    def __call__(self, target: T) -> T:
        decorate = _decorated_class if inspect.isclass(target) else _decorated_function
        decorated: T = decorate(self, target)
        return decorated


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


def _moto() -> Any:
    """Return moto's mocks, not entered yet."""
    from moto import mock_aws

    from fakepersonalize.frontdoor.neighbour_app import prepare_moto

    prepare_moto()
    return mock_aws()


class _Diversion:
    """Takes over what botocore would send, for as long as at least one emulator is entered.

    Three methods are replaced, on the classes, so that clients made earlier are caught as well: `Endpoint._send`,
    behind which stands the network; moto's stubber, which has a Personalize of its own and answers before that; and
    the giving out of credentials, so that clients made without any can sign.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._emulators: list[Emulator] = []
        self._patches = ExitStack()

    def to(self, emulator: Emulator) -> ExitStack:
        """Send Personalize's calls to an emulator until what is returned is closed."""
        with self._lock:
            if not self._emulators:
                self._install()
            self._emulators.append(emulator)
        leaving = ExitStack()
        leaving.callback(self._leave, emulator)
        return leaving

    def _leave(self, emulator: Emulator) -> None:
        with self._lock:
            self._emulators.remove(emulator)
            if not self._emulators:
                self._patches.close()

    def _install(self) -> None:
        from unittest.mock import patch

        from botocore.endpoint import Endpoint
        from botocore.signers import RequestSigner
        from moto.core.botocore_stubber import BotocoreStubber

        for owner, name, make in (
            (Endpoint, "_send", self._sending),
            (BotocoreStubber, "__call__", _stubbing),
            (RequestSigner, "get_auth_instance", _authenticating),
        ):
            self._patches.enter_context(patch.object(owner, name, make(getattr(owner, name))))

    def _sending(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def _send(endpoint: Endpoint, request: AWSPreparedRequest) -> Any:
            if endpoint._endpoint_prefix in SERVICES:
                return _answered(self._emulators[-1], request)
            return _from_moto(request) or original(endpoint, request)

        return _send


_diversion = _Diversion()


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
        reply = emulator.answer(incoming, identity.scope(headers, url.query, account_of_key))
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
    from fakepersonalize.frontdoor.neighbour_app import account_of_key, managed_policies

    def call(stubber: Any, event_name: str, request: AWSPreparedRequest, **kwargs: Any) -> Any:
        if event_name.startswith("before-send.personalize"):
            return None
        if stubber.enabled and "x-moto-account-id" not in request.headers:
            scope = identity.scope(_headers(request), urlsplit(request.url).query, account_of_key)
            request.headers["x-moto-account-id"] = scope.account
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


def _headers(request: AWSPreparedRequest) -> dict[str, str]:
    return {
        name.lower(): value.decode("latin-1") if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
