"""Clients of botocore: one whose calls a WSGI application answers in this thread, and one for an endpoint elsewhere."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote_to_bytes, urlsplit

from fakepersonalize.arns import Scope

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.client import BaseClient
    from botocore.loaders import Loader
    from botocore.session import Session

CONNECT_SECONDS, ANSWER_SECONDS = 5, 20  # how long an S3 elsewhere is waited for, each time it is tried
# Never resolved, since the application answers; https spares botocore from hashing what is written.
NOWHERE = "https://localhost"
OWN = "fakepersonalize.own"  # in the environment of a WSGI request: Personalize itself asks


class Application(Protocol):
    """A WSGI application."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]: ...


def new_session(isolated: bool = True) -> Session:
    """Return a session of botocore; an isolated one knows nothing of the user's profiles and files."""
    from botocore.session import Session

    if not isolated:
        return Session()
    nothing = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
    session = Session(session_vars=nothing | {"credentials_file": (None, None, os.devnull, None)})
    session.register_component("data_loader", _models())
    return session


@cache
def _models() -> Loader:
    """Return what reads botocore's service models, each once for all isolated sessions."""
    from botocore.loaders import Loader

    return Loader()


def client_elsewhere(session: Session, service: str, scope: Scope, endpoint: str | None) -> BaseClient:
    from botocore.config import Config

    patience = Config(connect_timeout=CONNECT_SECONDS, read_timeout=ANSWER_SECONDS)
    return session.create_client(service, region_name=scope.region, endpoint_url=endpoint, config=patience)


def in_process_client(session: Session, service: str, scope: Scope, application: Application) -> BaseClient:
    from botocore.config import Config

    client = session.create_client(
        service,
        region_name=scope.region,
        endpoint_url=NOWHERE,
        aws_access_key_id=scope.account,  # twelve digits: the front door reads the account off the key
        aws_secret_access_key=scope.account,  # nothing is verified
        config=Config(
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            use_dualstack_endpoint=False,
            use_fips_endpoint=False,
        ),
    )
    # First in line: moto's own handler stands there too when its mocks are on.
    client.meta.events.register_first("before-send", lambda request, **_: _call(application, request))
    return client


def _call(application: Application, request: AWSPreparedRequest) -> AWSResponse:
    """Hand a signed request to a WSGI application."""
    answered: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        answered[:] = [int(status.split()[0]), headers]

    pieces = application(_environ(request), start_response)
    try:
        body = b"".join(pieces)
    finally:
        getattr(pieces, "close", lambda: None)()
    return respond(request.url, answered[0], answered[1], body)


def _environ(request: AWSPreparedRequest) -> dict[str, Any]:
    url = urlsplit(request.url)
    body = request.body or b""
    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"),
        "QUERY_STRING": url.query,
        "RAW_URI": f"{url.path}?{url.query}" if url.query else url.path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": url.netloc,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": body if hasattr(body, "read") else io.BytesIO(body.encode() if isinstance(body, str) else body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = text
    return environ


def respond(url: str, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> AWSResponse:
    """Return what botocore would have received from a socket."""
    from botocore.awsrequest import AWSResponse, HeadersDict

    return AWSResponse(url, status, HeadersDict(headers), _Raw(body))


class _Raw(io.BytesIO):
    """A body that is already here, with the method that botocore expects of urllib3's."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()
