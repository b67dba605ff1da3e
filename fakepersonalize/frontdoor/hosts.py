"""Which names of this machine may be asked for, and which bucket a name speaks of.

A web page anywhere can make a browser send requests to this machine. Names that its author controls are refused: by
DNS rebinding, the browser would take this server for a part of the author's website.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

ALWAYS = ("localhost", "*.localhost")

_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::[0-9]*)?")
_S3_ENDPOINT = re.compile(r"(?:(?P<bucket>.+)\.)?s3(?:\.[a-z]{2}(?:-[a-z]+)+-[0-9])?")


class Hosts:
    """The names that are served: loopback, `localhost` and what is below it, and those that were allowed.

    An allowed name is meant literally; `*.name` stands for all names below it (virtual-host style buckets).
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        patterns = [pattern.lower() for pattern in (*ALWAYS, *allowed)]
        self._names = {p for p in patterns if not p.startswith("*.")}
        self._suffixes = [p[1:] for p in patterns if p.startswith("*.")]

    def allows(self, host: str) -> bool:
        """Say whether the value of a Host header may be asked for."""
        name = name_of(host)
        return name is not None and self._serves(name)

    def bucket(self, host: str) -> str | None:
        """Return the bucket that a Host names in S3's virtual-host style, such as `films.localhost:7377`, or None."""
        name = name_of(host) or ""
        for suffix in self._suffixes:
            if name.endswith(suffix):
                label = name.removesuffix(suffix)
                endpoint = _S3_ENDPOINT.fullmatch(label)
                return endpoint["bucket"] if endpoint else label
        return None

    def _serves(self, name: str) -> bool:
        return name in self._names or any(name.endswith(s) for s in self._suffixes) or is_loopback(name)


def name_of(host: str) -> str | None:
    """Return the name or address in a Host header, in lower case and without the port; None when it is malformed."""
    found = _HOST.fullmatch(host)
    return (found["v6"] or found["name"]).lower().removesuffix(".") if found else None


def is_loopback(name: str) -> bool:
    """Say whether a name or an address, without a port, can only be this machine's own."""
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
