"""Asks a running server about itself: the pages under `/_fakepersonalize/`."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urlsplit

from fakepersonalize.cli.refusal import Refused

NOBODY = "No server of fakepersonalize answers at {url}."


class RunningServer(NamedTuple):
    """Where a server listens, and the token of its admin pages."""

    url: str
    token: str | None = None


def ask(server: RunningServer, method: str, page: str, body: Any = None) -> dict[str, Any]:
    """Return what a page answers to a JSON object or the bytes of a file. Raises Refused with what the server said."""
    data = json.dumps(body) if isinstance(body, dict) else body
    with _asked(server, method, page, data) as answer:
        found: dict[str, Any] = _json(answer.read(), server.url)
    return found


def download(server: RunningServer, page: str, target: BinaryIO) -> None:
    """Write what a page gives into a file. Raises Refused."""
    with _asked(server, "GET", page, None) as answer:
        while block := answer.read(1 << 20):
            target.write(block)


@contextmanager
def _asked(server: RunningServer, method: str, page: str, body: Any) -> Iterator[http.client.HTTPResponse]:
    from fakepersonalize.remote import authorization

    url, place = server.url, urlsplit(server.url)
    with closing(http.client.HTTPConnection(place.hostname or "", place.port)) as connection:
        try:
            connection.request(method, f"/_fakepersonalize/{page}", body, authorization(server.token))
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException):
            raise Refused(NOBODY.format(url=url)) from None
        if answer.status >= 400:
            raise Refused(str(_json(answer.read(), url).get("error") or NOBODY.format(url=url)))
        yield answer


def _json(text: bytes, url: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused(NOBODY.format(url=url))
    return found
