"""The WSGI callable that every request passes: admin, Personalize, or a neighbour."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.http import is_hop_by_hop_header
from werkzeug.wsgi import get_input_stream

from fakepersonalize import errors
from fakepersonalize.arns import Scope
from fakepersonalize.errors import AccessDeniedException, RequestEntityTooLargeException, ServiceError
from fakepersonalize.frontdoor import identity, pages, websites
from fakepersonalize.frontdoor.hosts import Hosts
from fakepersonalize.frontdoor.neighbour_app import account_of_key, headers_of
from fakepersonalize.frontdoor.pages import Guard
from fakepersonalize.frontdoor.request_lines import ERROR
from fakepersonalize.protocol.wire import Incoming, Reply

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

LARGEST_BODY_BYTES = 4 * 2**20  # the largest request, ten records of 32,000 characters, is a tenth of it

# Added to whatever the neighbours answer. An object in S3 may be a web page of anybody, and shares its origin with the
# admin pages; a sandboxed page has an origin of its own and runs no scripts.
NOSNIFF = [("X-Content-Type-Options", "nosniff")]
HARMLESS = [("Content-Security-Policy", "sandbox"), *NOSNIFF]

_LONGEST_SHOWN = 100
_XML_ERROR = "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"


class Door:
    """Decides whether a request may pass, then hands it to the application that it is for.

    `admin` and `neighbours` are WSGI applications; `answer` takes requests for Personalize. No answer carries CORS
    headers: only the server's own pages have business here.
    """

    def __init__(
        self,
        admin: WSGIApplication,
        answer: Callable[[Incoming, Scope], Reply],
        neighbours: WSGIApplication,
        hosts: Hosts,
        guard: Guard | None = None,
    ) -> None:
        self._admin, self._answer, self._neighbours, self._hosts = admin, answer, neighbours, hosts
        self._guard = guard or Guard()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        headers, query = headers_of(environ), environ.get("QUERY_STRING", "")
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        admin = pages.is_admin(path)
        moto = pages.is_moto(path) and not self._hosts.bucket(headers.get("host", ""))  # else the key of an object
        refusal = self._foreign(method, path, headers, query)
        if refusal is None and (admin or moto):
            refusal = self._closed(method, path, headers, moto)
        if refusal:
            return _send(environ, start_response, refusal)
        if admin:
            return self._admin(environ, _without_cors(start_response, NOSNIFF))
        if not moto and identity.for_personalize(headers, query):
            return _send(environ, start_response, self._personalize(environ, headers, query))
        if identity.acts_unsigned(headers, query):
            return _send(environ, start_response, _unsigned())
        return self._neighbours(environ, _without_cors(start_response, HARMLESS))

    def _foreign(self, method: str, path: str, headers: dict[str, str], query: str) -> Reply | None:
        """Return the refusal of a host that is not served, and of what another website caused."""
        host = headers.get("host", "")
        if not self._hosts.allows(host):
            return _error(AccessDeniedException(errors.FOREIGN_HOST.format(host=host[:_LONGEST_SHOWN])))
        if websites.is_foreign(method, path, headers, query):
            origin = headers.get("origin") or headers.get("sec-fetch-site", "")
            return _error(AccessDeniedException(errors.FOREIGN_PAGE.format(origin=origin[:_LONGEST_SHOWN])))
        return None

    def _closed(self, method: str, path: str, headers: dict[str, str], moto: bool) -> Reply | None:
        """Return the refusal of a page that AWS does not have: it needs a token, is off, or takes other methods."""
        if sentence := self._guard.refusal(path, headers):
            return _page_refused(HTTPStatus.UNAUTHORIZED, sentence, {"WWW-Authenticate": "Bearer"})
        methods = pages.moto_methods(path) if moto else (method,)
        if not methods:
            return _page_refused(HTTPStatus.NOT_FOUND, errors.NO_MOTO_PAGE)
        if method not in methods:
            allowed = ", ".join(methods)
            sentence = errors.OTHER_METHODS.format(methods=allowed)
            return _page_refused(HTTPStatus.METHOD_NOT_ALLOWED, sentence, {"Allow": allowed})
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
    environ[ERROR] = reply.error
    start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", [*reply.headers.items(), length])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else reply.body]


def _error(error: ServiceError) -> Reply:
    """Return an answer that clients of both protocols and of the admin pages understand."""
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
    members = {"__type": error.code, "message": error.message, "error": error.message}
    return Reply(error.status, headers, json.dumps(members).encode(), error.code)


def _page_refused(status: HTTPStatus, sentence: str, more: dict[str, str] | None = None) -> Reply:
    headers = {"Content-Type": "application/json", **(more or {})}
    return Reply(status, headers, json.dumps({"error": sentence}).encode())


def _unsigned() -> Reply:
    """Source: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html"""
    body = _XML_ERROR.format(code="MissingAuthenticationToken", message=errors.UNSIGNED)
    return Reply(HTTPStatus.FORBIDDEN, {"Content-Type": "text/xml"}, body.encode())


def _without_cors(start_response: StartResponse, more: Sequence[tuple[str, str]] = ()) -> StartResponse:
    """Drop what lets foreign pages read an answer (moto echoes any Origin), and what WSGI servers refuse to send."""
    replaced = tuple(name.lower() for name, _ in more)

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        kept = [
            (name, value)
            for name, value in headers
            if not name.lower().startswith(("access-control-", *replaced)) and not is_hop_by_hop_header(name)
        ]
        kept += more
        return start_response(status, kept, exc_info) if exc_info else start_response(status, kept)

    return start
