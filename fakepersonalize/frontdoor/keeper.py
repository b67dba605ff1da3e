"""Stands between clients and moto where S3 and IAM survive: what a request changed is on the disk before its 200.

moto does what was asked, in memory; then the changed objects, settings or roles are written down; then the answer
leaves. When writing fails, memory goes back to what the disk has, and the answer is S3's InternalError.
"""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote

from werkzeug.wsgi import get_input_stream

from fakepersonalize.arns import Scope
from fakepersonalize.disk import complaint
from fakepersonalize.frontdoor.kept_identities import KeptIdentities
from fakepersonalize.frontdoor.kept_objects import SETTINGS, KeptObjects
from fakepersonalize.frontdoor.sharing import Sharing
from fakepersonalize.storage.objects import ObjectStore, Setting

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

log = logging.getLogger(__name__)

STRIPES = 64
S3, IAM, CLOUDFORMATION = "s3", "iam", "cloudformation"
READING = ("Get", "List", "Describe", "Simulate", "Generate", "Validate", "Estimate")  # begin the names of such calls
# Headers that belong to a setting; how it was signed does not.
KEPT_HEADERS = ("x-amz-acl", "x-amz-grant-", "x-amz-content-sha256", "x-amz-decoded-content-length")

# Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
INTERNAL_ERROR = (
    "<Error><Code>InternalError</Code><Message>{message}</Message></Error>",
    "We encountered an internal error. Please try again.",
)
INTERNAL_FAILURE = (
    "<ErrorResponse><Error><Type>Receiver</Type><Code>InternalFailure</Code><Message>{message}</Message></Error>"
    "</ErrorResponse>",
    "The request processing has failed because of an unknown error, exception or failure.",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request is about: a bucket, perhaps an object in it or one of its settings; or an action of a service."""

    scope: Scope
    service: str
    method: str
    bucket: str = ""
    key: str = ""
    setting: str = ""
    action: str = ""

    @property
    def changes(self) -> bool:
        if self.service == S3:
            return self.method in ("PUT", "POST", "DELETE") and bool(self.bucket)
        return self.service in (IAM, CLOUDFORMATION) and not self.action.startswith(READING)


class Keeper:
    """Answers as `application`, moto's, does, and keeps what that changes in `store`."""

    def __init__(self, store: ObjectStore, application: WSGIApplication) -> None:
        self._application = application
        self._objects = KeptObjects(store, self._send_setting)
        self._identities = KeptIdentities(store)
        self._locks = [Sharing() for _ in range(STRIPES)]  # of buckets: what one request does is kept as a whole
        self._identities_lock = threading.RLock()

    def restore(self) -> None:
        """Bring back what an earlier run kept."""
        self._identities.restore()
        self._objects.restore()

    def clear(self) -> None:
        """Forget everything: moto was emptied."""
        self._identities.clear()
        self._objects.clear()

    def answer(
        self, environ: dict[str, Any], start_response: StartResponse, scope: Scope, service: str
    ) -> Iterable[bytes]:
        """Answer a request to a service, such as `s3`, by its signing name."""
        asked = _asked(environ, scope, service)
        if not asked.changes:
            return self._application(environ, start_response)
        body = _body(environ) if asked.setting else b""
        with self._lock(asked):
            held = _Held(self._application, environ)
            try:
                self._keep(asked, held.status, environ, body)
            except Exception as problem:
                said = complaint(problem)
                log.error(
                    "%s %s cannot be kept: %s", asked.method, environ["PATH_INFO"], said or problem, exc_info=not said
                )
                return _failed(start_response, INTERNAL_ERROR if asked.service == S3 else INTERNAL_FAILURE, said)
        return held.release(start_response)

    def _lock(self, asked: Asked) -> AbstractContextManager[Any]:
        if asked.service == S3:
            lock = self._locks[hash(asked.bucket) % STRIPES]
            # Nobody else works at the same object; what concerns all of a bucket, or finds it new, is alone in it.
            return lock.shared() if asked.key and self._objects.knows(asked.bucket) else lock.alone()
        return (
            self._identities_lock if asked.service == IAM else nullcontext()
        )  # CloudFormation calls S3 and IAM at length

    def _keep(self, asked: Asked, status: int, environ: dict[str, Any], body: bytes) -> None:
        if asked.service != S3:
            with self._identities_lock:
                self._identities.keep(asked.scope.account, asked.scope.partition)
            return
        self._objects.keep(asked.bucket, asked.key)
        if asked.setting and status < 300:
            if asked.method == "PUT":
                self._objects.keep_setting(asked.bucket, Setting(asked.setting, _kept_headers(environ), body))
            elif asked.method == "DELETE":
                self._objects.drop_setting(asked.bucket, asked.setting)

    def _send_setting(self, method: str, account: str, region: str, bucket: str, setting: Setting) -> int:
        """Make or remove a setting of a bucket once more; return the status."""
        credential = f"Credential={account}/20260101/{region}/s3/aws4_request"
        path = f"/{quote(bucket)}"
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": setting.name,
            "RAW_URI": f"{path}?{setting.name}",
            "REQUEST_URI": f"{path}?{setting.name}",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost",
            "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=none",
            "HTTP_X_MOTO_ACCOUNT_ID": account,
            "CONTENT_LENGTH": str(len(setting.body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(setting.body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            **json.loads(setting.headers),
        }
        return _Held(self._application, environ).status


class _Held:
    """An answer that waits until it may leave."""

    def __init__(self, application: WSGIApplication, environ: dict[str, Any]) -> None:
        self._head: tuple[Any, ...] = ()
        pieces = application(environ, self._start)
        try:
            self._body = b"".join(pieces)
        finally:
            getattr(pieces, "close", lambda: None)()

    @property
    def status(self) -> int:
        return int(self._head[0].split()[0])

    def release(self, start_response: StartResponse) -> list[bytes]:
        start_response(*self._head)
        return [self._body]

    def _start(self, *head: Any) -> Callable[[bytes], object]:
        self._head = tuple(part for part in head if part is not None)
        return lambda _: None  # nobody writes that way


def _asked(environ: dict[str, Any], scope: Scope, service: str) -> Asked:
    method = environ["REQUEST_METHOD"]
    if service in (IAM, CLOUDFORMATION):
        form = _body(environ).decode("latin-1") if method == "POST" else environ.get("QUERY_STRING", "")
        return Asked(scope, service, method, action=parse_qs(form).get("Action", [""])[0])
    if service != S3:
        return Asked(scope, service, method)
    path, _, query = environ["RAW_URI"].partition("?")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    named = {part.partition("=")[0] for part in query.split("&")}
    setting = "" if key else next((name for name in SETTINGS if name in named), "")
    return Asked(scope, service, method, bucket, key, setting)


def _body(environ: dict[str, Any]) -> bytes:
    """Read a short body, and leave it there to be read."""
    body = get_input_stream(environ).read()
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
    return body


def _kept_headers(environ: dict[str, Any]) -> str:
    prefixes = tuple(f"HTTP_{name.replace('-', '_').upper()}" for name in KEPT_HEADERS)
    return json.dumps({name: str(value) for name, value in environ.items() if name.startswith(prefixes)})


def _failed(start_response: StartResponse, answer: tuple[str, str], said: str | None) -> Iterable[bytes]:
    """Answer with an error of the service, or a sentence about the disk, after which clients do not try again."""
    text, message = answer
    body = text.format(message=said or message).encode()
    status = HTTPStatus.INSUFFICIENT_STORAGE if said else HTTPStatus.INTERNAL_SERVER_ERROR
    head = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", head)
    return [body]
