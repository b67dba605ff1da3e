"""The WSGI callable that every request passes: admin, Personalize, or a neighbour."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.http import is_hop_by_hop_header
from werkzeug.wsgi import get_input_stream

from fakepersonalize import errors
from fakepersonalize.arns import Scope
from fakepersonalize.errors import AccessDeniedException, RequestEntityTooLargeException, ServiceError
from fakepersonalize.frontdoor import identity
from fakepersonalize.frontdoor.hosts import Hosts
from fakepersonalize.frontdoor.neighbour_app import account_of_key, headers_of
from fakepersonalize.protocol.messages import Incoming, Reply

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

log = logging.getLogger(__name__)

MOTO = "/moto-api/"  # moto's own pages, whoever signs for them
ADMIN = "/_fakepersonalize"  # no bucket may begin with an underscore
LARGEST_BODY_BYTES = 4 * 2**20  # the largest request, ten records of 32,000 characters, is a tenth of it

_LONGEST_SHOWN = 100


class Door:
    """Looks at the host, then hands a request to the application that it is for.

    `admin` and `neighbours` are WSGI applications, `answer` takes ours. No answer carries CORS headers: no web page has
    business here but those served here.
    """

    def __init__(
        self,
        admin: WSGIApplication,
        answer: Callable[[Incoming, Scope], Reply],
        neighbours: WSGIApplication,
        hosts: Hosts,
    ) -> None:
        self._admin, self._answer, self._neighbours, self._hosts = admin, answer, neighbours, hosts

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        headers, query = headers_of(environ), environ.get("QUERY_STRING", "")
        refusal = self._refusal(headers)
        if refusal:
            return _send(environ, start_response, refusal)
        path = environ.get("PATH_INFO", "")
        if path == ADMIN or path.startswith(f"{ADMIN}/"):
            return self._admin(environ, _without_cors(start_response))
        if not path.startswith(MOTO) and identity.for_personalize(headers, query):
            return _send(environ, start_response, self._personalize(environ, headers, query))
        return self._neighbours(environ, _without_cors(start_response))

    def _refusal(self, headers: dict[str, str]) -> Reply | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._hosts.allows(host):
            return _error(AccessDeniedException(errors.FOREIGN_HOST.format(host=host[:_LONGEST_SHOWN])))
        if origin is not None and not self._hosts.allows_origin(origin):
            return _error(AccessDeniedException(errors.FOREIGN_PAGE.format(origin=origin[:_LONGEST_SHOWN])))
        return None

    def _personalize(self, environ: dict[str, Any], headers: dict[str, str], query: str) -> Reply:
        body = _body(environ)
        if body is None:
            return _error(RequestEntityTooLargeException(errors.LARGE_BODY.format(limit=LARGEST_BODY_BYTES)))
        incoming = Incoming(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""), headers, body)
        return self._answer(incoming, identity.scope(headers, query, account_of_key))


def _body(environ: dict[str, Any]) -> bytes | None:
    """Return the body, however its length is told; None when it is too large, or its client went away."""
    try:
        # One byte more, because a chunked body is cut at the limit in silence.
        body = get_input_stream(environ, max_content_length=LARGEST_BODY_BYTES + 1).read()
    except HTTPException:
        return None
    return body if len(body) <= LARGEST_BODY_BYTES else None


def _send(environ: dict[str, Any], start_response: StartResponse, reply: Reply) -> Iterable[bytes]:
    length = ("Content-Length", str(len(reply.body)))
    start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", [*reply.headers.items(), length])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else reply.body]


def _error(error: ServiceError) -> Reply:
    """Return an answer that clients of both protocols understand: whose request it is was not looked at."""
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
    return Reply(error.status, headers, json.dumps({"__type": error.code, "message": error.message}).encode())


def _without_cors(start_response: StartResponse) -> StartResponse:
    """Drop what lets foreign pages read an answer (moto echoes any Origin), and what WSGI servers refuse to send."""

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        kept = [h for h in headers if not h[0].lower().startswith("access-control-") and not is_hop_by_hop_header(h[0])]
        return start_response(status, kept, exc_info) if exc_info else start_response(status, kept)

    return start
