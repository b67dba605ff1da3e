"""Keeps tests away from AWS: while a guard is in force, this process cannot connect to AWS's hosts.

Python's audit events show every name that a socket resolves or connects to, and every request that http.client sends
over a connection that is already open or through a proxy. botocore and aiobotocore are asked earlier, so that they do
not retry. Code that does its own networking in C, such as uvloop or pycares, raises no such events.

Source: https://docs.python.org/3/library/audit_events.html
"""

from __future__ import annotations

import importlib.util
import ipaddress
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from fakepersonalize.shared import Shared

# What the names of AWS's hosts end with, in all partitions. Source: partitions.json and endpoints.json of botocore
SUFFIXES = (
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonwebservices.com",
    "amazonwebservices.com.cn",
    "amazonaws.eu",
    "amazonwebservices.eu",
    "aws",
    "ic.gov",
    "sgov.gov",
    "scloud",
    "adc-e.uk",
)
REFUSED = (
    "{host} belongs to AWS, which tests must not reach. mock_personalize answers boto3 and botocore in this process; "
    "aiobotocore, aioboto3 and other clients need a server: the pytest fixture personalize_server, or "
    "`fakepersonalize exec`. To let a host through: allow_hosts=[{host!r}]."
)
NO_HOSTS = "allow_hosts must be a list of host names, such as ['sts.amazonaws.com'], not {given!r}"
_ABSOLUTE = re.compile(rb"[A-Z]+ https?://([^/:\s]+)")  # the first line of a request through a proxy


class ConnectionToAWSRefused(RuntimeError):
    """A test was about to connect to AWS. It is no OSError, because clients retry those."""


def checked_hosts(given: Any) -> tuple[str, ...]:
    """Return names or patterns of hosts in lower case; raises TypeError for anything but a list of texts."""
    if not isinstance(given, list | tuple | set | frozenset) or not all(isinstance(host, str) for host in given):
        raise TypeError(NO_HOSTS.format(given=given))
    return tuple(host.lower() for host in given)


@contextmanager
def guarded(allow_hosts: Sequence[str] = ()) -> Iterator[None]:
    """Refuse connections to AWS's hosts, from any thread and any client, until the context is left.

    `allow_hosts` are names or patterns (`*.example.amazonaws.com`) of hosts to let through, besides those of other
    guards in force. Names that resolve to loopback addresses only are let through as well.
    """
    with _patches:
        _allowed.append(allow_hosts)
        _loopback.clear()
        try:
            yield
        finally:
            _allowed.remove(allow_hosts)


def require_elsewhere(url: str) -> None:
    """Raise ConnectionToAWSRefused for a URL of AWS while a guard is in force."""
    _require_elsewhere(urlsplit(url).hostname)


_allowed: list[Sequence[str]] = []  # of each guard in force
_loopback: dict[str, bool] = {}  # by name, as it was resolved since the latest guard came into force
_resolving = threading.local()


def _require_elsewhere(host: Any) -> None:
    if isinstance(host, bytes):
        host = host.decode("latin-1")
    if not _allowed or not isinstance(host, str):
        return
    name = host.lower().strip("[]").rstrip(".")
    if not name.endswith(SUFFIXES) or not any(name == each or name.endswith(f".{each}") for each in SUFFIXES):
        return
    if any(fnmatchcase(name, pattern) for patterns in tuple(_allowed) for pattern in patterns) or _is_loopback(name):
        return
    raise ConnectionToAWSRefused(REFUSED.format(host=name))


def _is_loopback(name: str) -> bool:
    import socket

    if name not in _loopback:
        _resolving.now = True
        try:
            found = {address[4][0] for address in socket.getaddrinfo(name, None)}
        except OSError:
            found = set()
        finally:
            _resolving.now = False
        _loopback[name] = bool(found) and all(ipaddress.ip_address(each).is_loopback for each in found)
    return _loopback[name]


def _of_request(args: Any) -> Any:
    """Return the host that a request of http.client is for, through a tunnel or a proxy too."""
    connection, data = args
    proxied = _ABSOLUTE.match(data) if isinstance(data, bytes) else None
    return getattr(connection, "_tunnel_host", None) or (proxied[1] if proxied else connection.host)


_EVENTS: dict[str, Callable[[Any], Any]] = {
    "socket.getaddrinfo": lambda args: args[0],
    "socket.gethostbyname": lambda args: args[0],
    "socket.connect": lambda args: args[1][0] if isinstance(args[1], tuple) else None,
    "http.client.connect": lambda args: getattr(args[0], "_tunnel_host", None) or args[1],
    "http.client.send": _of_request,
}


def _audit(event: str, args: Any) -> None:
    if event in _EVENTS and _allowed and not getattr(_resolving, "now", False):
        _require_elsewhere(_EVENTS[event](args))


def _patched() -> AbstractContextManager[Any]:
    """Return what lets botocore and aiobotocore fail at once, and see to it that sockets are watched."""
    from unittest.mock import patch

    from botocore.httpsession import URLLib3Session

    _watch_sockets()
    patches = ExitStack()
    patches.enter_context(patch.object(URLLib3Session, "send", _sending(URLLib3Session.send)))
    if importlib.util.find_spec("aiobotocore"):
        from aiobotocore.endpoint import AioEndpoint

        patches.enter_context(patch.object(AioEndpoint, "make_request", _making(AioEndpoint.make_request)))
    return patches


def _sending(original: Callable[..., Any]) -> Callable[..., Any]:
    def send(session: Any, request: Any) -> Any:
        require_elsewhere(request.url)
        return original(session, request)

    return send


def _making(original: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse before moto's mocks see the request: aiobotocore cannot read their answers."""

    async def make_request(endpoint: Any, operation_model: Any, request_dict: Any) -> Any:
        require_elsewhere(request_dict["url"])
        return await original(endpoint, operation_model, request_dict)

    return make_request


def _watch_sockets() -> None:
    """Add the audit hook, once: Python offers no way to remove one."""
    if not _watching:
        _watching.append(True)
        sys.addaudithook(_audit)


_watching: list[bool] = []
_patches = Shared(_patched)
