"""Asks a running server about itself: the pages under `/_fakepersonalize/`."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from fakepersonalize.cli.refusal import Refused

NOBODY = "No server of fakepersonalize answers at {url}."


def ask(url: str, method: str, page: str, body: Any = None) -> dict[str, Any]:
    """Return what a page answers to a JSON object or the bytes of a file. Raises Refused with what the server said."""
    data = json.dumps(body) if isinstance(body, dict) else body
    with _asked(url, method, page, data) as answer:
        found: dict[str, Any] = _json(answer.read(), url)
    return found


def download(url: str, page: str, target: BinaryIO) -> None:
    """Write what a page gives into a file. Raises Refused."""
    with _asked(url, "GET", page, None) as answer:
        while block := answer.read(1 << 20):
            target.write(block)


@contextmanager
def _asked(url: str, method: str, page: str, body: Any) -> Iterator[http.client.HTTPResponse]:
    server = urlsplit(url)
    with closing(http.client.HTTPConnection(server.hostname or "", server.port)) as connection:
        try:
            connection.request(method, f"/_fakepersonalize/{page}", body)
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
