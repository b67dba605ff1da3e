"""No test leaves this machine: other names and addresses than its own are refused, and noted so that the run fails.

An audit hook hears of every attempt of a process, whatever library makes it, and also of those whose error somebody
swallows. It stays until the process ends: https://docs.python.org/3/library/audit_events.html
"""

from __future__ import annotations

import ipaddress
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

NOTES = "LOOPBACK_NOTES"  # names the file in which the servers under test note what they tried
attempts: list[str] = []

_NAMES = ("socket.getaddrinfo", "socket.gethostbyname")  # whose first argument is a host
_ADDRESSES = ("socket.connect", "socket.sendto", "socket.sendmsg")  # whose second argument is an address


@cache
def install() -> None:
    """Refuse foreign hosts from now on."""
    sys.addaudithook(_heard)


def is_own(host: Any) -> bool:
    """Say whether a host is this machine; None and the empty name are."""
    if not host:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _NAMES:
        _require_own(event, arguments[0])
    elif event in _ADDRESSES and isinstance(arguments[1], tuple):  # the path of a Unix socket is no tuple
        _require_own(event, arguments[1][0])


def _require_own(event: str, host: Any) -> None:
    if is_own(host):
        return
    attempts.append(f"{event} {host!r}")
    if NOTES in os.environ:
        with Path(os.environ[NOTES]).open("a", encoding="utf-8") as notes:
            notes.write(f"{attempts[-1]}\n")
    raise ConnectionRefusedError(f"tests may not reach {host!r}")
