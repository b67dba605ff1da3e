"""waitress, taught to keep the headers of S3 metadata whose names contain underscores, to take empty objects, to cut.

WSGI writes `a-b` and `a_b` alike, so servers drop the latter; S3 tells the metadata keys `my-key` and `my_key` apart.
"""

from __future__ import annotations

import re
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import WSGITask

from fakepersonalize.faults import ConnectionCut

SPELLINGS = "moto.preserved_header_names"  # where moto looks for the names as they were sent

_HEADER = re.compile(rb"^(x-amz-meta-[^:\s]*_[^:\s]*):[ \t]*(.*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


class Parser(HTTPRequestParser):  # type: ignore[misc,unused-ignore]  # waitress has no types of its own
    """Remembers the metadata headers that are going to be dropped."""

    metadata: list[tuple[str, str]]

    def received(self, data: bytes) -> int:
        """Take bytes in; a client that has sent everything need not be told to go on (waitress would wait for more)."""
        taken: int = super().received(data)
        if self.completed:
            self.expect_continue = False
        return taken

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        self.metadata = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in _HEADER.findall(header_plus)]


class Task(WSGITask):  # type: ignore[misc,unused-ignore]
    """Hands them on; one that would stand in for a header with dashes stays away."""

    def service(self) -> None:
        """Answer, or cut the connection where a fault wants that."""
        try:
            super().service()
        except ConnectionCut:
            self.close_on_finish = True

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        spellings = environ.setdefault(SPELLINGS, {})
        for name, value in getattr(self.request, "metadata", ()):
            key = f"HTTP_{name.upper().replace('-', '_')}"
            if environ.setdefault(key, value) is value:
                spellings[key] = name
        return environ


class Channel(HTTPChannel):  # type: ignore[misc,unused-ignore]
    """What waitress makes for each connection."""

    parser_class = Parser
    task_class = Task
