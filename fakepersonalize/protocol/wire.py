"""What comes in and what goes out, in either of the two protocols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

WireProtocol = Literal["json", "rest-json"]


class Incoming(NamedTuple):
    """A request as it came: header names in lower case, path without query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def protocol(self) -> WireProtocol:
        """What the client speaks, known also where no operation is found."""
        return "json" if self.path == "/" or "x-amz-target" in self.headers else "rest-json"


class Reply(NamedTuple):
    """An answer, ready to be sent."""

    status: int
    headers: dict[str, str]
    body: bytes
    error: str = ""  # AWS's code, if it is one
