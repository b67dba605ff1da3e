"""The neighbours: moto's WSGI application in this process, imported when it is first needed.

Only this module, `denials`, `metrics`, `mistakes`, `stacks` and those of the keeper, which it loads, import moto. What
it adds: our account rules, names of buckets in Host, policies managed by AWS without loading all of them, a reset that
reaches us as well, and that buckets, objects and roles survive.
"""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache, lru_cache, wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_to_bytes
from xml.sax.saxutils import escape

from fakepersonalize.arns import Scope
from fakepersonalize.disk import complaint
from fakepersonalize.frontdoor import (
    denials,
    faulty_requests,
    identity,
    kept_parts,
    kept_ranges,
    metrics,
    mistakes,
    stacks,
)
from fakepersonalize.frontdoor.faulty_requests import Asked
from fakepersonalize.frontdoor.hosts import Hosts
from fakepersonalize.frontdoor.pages import MOTO, is_moto
from fakepersonalize.frontdoor.sharing import Sharing
from fakepersonalize.storage.objects import USER

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

    from fakepersonalize.frontdoor.keeper import Keeper
    from fakepersonalize.storage.objects import ObjectStore

log = logging.getLogger(__name__)

IAM = "iam"
FORM = "application/x-www-form-urlencoded"
LONGEST_LOOKED_AT = 1 << 20  # of bodies; AWS's limits of these services are lower, but for a few
PIECE_BYTES = 1 << 20
WRITING = ("PUT", "POST", "DELETE")
REST_IN_XML = ("cloudfront", "route53")  # beside S3
STRIPES = 64  # locks that objects of S3 share
OF_AWS = (".amazonaws.com", ".api.aws")
RESET = "/moto-api/reset"
S3_CONTROL = "/v20180820/"
MOTOS_OWN = (MOTO, S3_CONTROL)  # nothing of a bucket
FAILED = "A neighbouring service failed: {reason}"  # ours
S3_IS_ELSEWHERE = "This server was started with --s3-endpoint: S3 is at {endpoint}."  # ours
NO_SUCH_BUCKET = "The specified bucket does not exist"
S3_ERROR = "<Error><Code>{code}</Code><Message>{message}</Message></Error>"
S3_CODES: Mapping[int, str] = {
    HTTPStatus.INTERNAL_SERVER_ERROR: "InternalError",
    HTTPStatus.NOT_IMPLEMENTED: "NotImplemented",
    HTTPStatus.INSUFFICIENT_STORAGE: "InternalError",
}
XML_ERROR = "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"

# By the names in signatures. To import CloudFormation takes longer than IAM and S3 together.
PREPARE: Mapping[str, Callable[[], None]] = {"cloudformation": stacks.prepare, "monitoring": metrics.prepare}

_NAME_A_POLICY = ("attach_role_policy", "attach_group_policy", "attach_user_policy", "get_policy")
_policies_known = ContextVar("policies_known", default=False)


class NeighbourApp:
    """A WSGI application that answers for all services but Personalize.

    `on_reset` is called when a client empties moto (`POST /moto-api/reset`). With a `store`, buckets, objects and
    identities are kept there. Where S3 is elsewhere, at the URL `s3_endpoint`, no request for S3 is answered. With
    `enforce`, an account uses buckets of another one only as their policies allow.
    """

    def __init__(
        self,
        hosts: Hosts | None = None,
        on_reset: Callable[[], object] | None = None,
        store: ObjectStore | None = None,
        s3_endpoint: str | None = None,
        enforce: bool = False,
    ) -> None:
        self._hosts = hosts or Hosts()
        self._on_reset = on_reset
        self.before: Callable[[], object] = lambda: None  # called ahead of every request
        self._store, self._s3_endpoint, self._enforce = store, s3_endpoint, enforce
        self._lock = threading.RLock()
        self._objects = [threading.Lock() for _ in range(STRIPES)]
        self._writes = Sharing()  # to S3
        self._application: WSGIApplication | None = None
        self._keeper: Keeper | None = None

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        self.before()
        headers, query = headers_of(environ), environ.get("QUERY_STRING", "")
        bucket = self._hosts.bucket(headers.get("host", ""))
        motos_page = is_moto(environ["PATH_INFO"]) and not bucket
        self._address(environ, headers, query, bucket)
        if is_moto(environ["PATH_INFO"]) and not motos_page:  # the door let it in as a request for a bucket
            return _error(environ, start_response, "NoSuchBucket", NO_SUCH_BUCKET, HTTPStatus.NOT_FOUND)
        scope = identity.scope(headers, query, account_of_key)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = scope.account
        environ[denials.ENFORCED] = self._enforce
        if environ["PATH_INFO"] == RESET and environ["REQUEST_METHOD"] == "POST":
            return self._reset(environ, start_response)
        if environ["PATH_INFO"].startswith(MOTOS_OWN):
            return self._answer(environ, start_response)
        s3 = _for_s3(headers, query)
        if s3 and self._s3_endpoint:
            message = S3_IS_ELSEWHERE.format(endpoint=self._s3_endpoint)
            # a status that nobody retries
            return _error(environ, start_response, "NotImplemented", message, HTTPStatus.NOT_IMPLEMENTED)
        keeper = self._kept()
        writes = s3 and environ["REQUEST_METHOD"] in WRITING
        # moto closes an object that is put once more under whoever still reads it, or makes its ETag.
        with (
            self._writes.shared() if writes else nullcontext(),
            self._objects[hash(environ["PATH_INFO"]) % len(self._objects)] if s3 else nullcontext(),
        ):
            if keeper is None:
                return self._answer(environ, start_response)
            signed = identity.signature(headers, query)
            return keeper.answer(environ, start_response, scope, "s3" if s3 else signed.service if signed else "")

    def still(self) -> AbstractContextManager[None]:
        """Have requests that change S3 wait while the context is open."""
        return self._writes.alone()

    def _reset(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        answer = self._answer(environ, start_response)
        keeper = self._kept()
        if keeper:
            keeper.clear()
        if self._on_reset:
            self._on_reset()
        return answer

    def _kept(self) -> Keeper | None:
        """Return what keeps S3 and IAM, if they are kept; the first time, bring them back."""
        if self._store is None:
            return None
        with self._lock:
            if self._keeper is None:
                from fakepersonalize.frontdoor.keeper import Keeper

                prepare_moto()
                keeper = Keeper(self._store, self._answer)
                with managed_policies():
                    keeper.restore()
                self._keeper = keeper
            return self._keeper

    def recall(self) -> None:
        """Bring back S3 and IAM now if IAM has users: their access keys say whose a request is."""
        if self._store and any(identity.kind == USER for identity in self._store.identities()):
            self._kept()

    def stored_object(self, scope: Scope, bucket: str, key: str, block_bytes: int) -> Iterator[bytes]:
        """Yield a stored object block by block; LookupError when it is not there, or no longer.

        moto's own answer would copy the whole object, and each of its range requests would copy it again.
        """
        from moto.core.exceptions import ServiceException
        from moto.s3.models import s3_backends

        self._kept()
        try:
            stored = s3_backends[scope.account][scope.partition].get_object(bucket, key)
        except ServiceException as missing:
            raise LookupError(bucket) from missing
        if stored is None:
            raise LookupError(key)
        yield from _blocks(stored, block_bytes)

    def _answer(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        asked = _asked(environ)
        found = faulty_requests.unknown(asked) if asked else None
        if not found and asked and asked.service == IAM:  # a user without a name would be made, and could not be kept
            found = faulty_requests.incomplete(asked)
        if found:
            return _error(environ, start_response, *found)
        prepare_service(headers_of(environ), environ.get("QUERY_STRING", ""))
        try:
            with managed_policies(), kept_ranges.streaming() as answer:
                pieces = self._moto()(environ, start_response)
            return _in_pieces(pieces) if answer.body is None else _from_file(answer.body, environ)
        except Exception as error:
            if said := complaint(error):
                log.error("%s %r failed: %s", environ["REQUEST_METHOD"], environ["PATH_INFO"], said)
                return _error(environ, start_response, None, said, HTTPStatus.INSUFFICIENT_STORAGE)
            found = faulty_requests.refusal_after(error, asked, environ.get("HTTP_AUTHORIZATION", ""))
            if found:
                return _error(environ, start_response, *found)
            at, reason = (environ["REQUEST_METHOD"], environ["PATH_INFO"]), f"{type(error).__name__}: {error}"
            if isinstance(error, (NotImplementedError, ImportError)):
                log.warning("moto has nothing for %s %r: %r", *at, reason)
                status = HTTPStatus.NOT_IMPLEMENTED  # which nobody tries again
            else:
                log.error("moto failed at %s %r: %r, %s", *at, reason, _last_line(error))
                log.debug("where moto failed", exc_info=error)
                status = HTTPStatus.INTERNAL_SERVER_ERROR
            return _error(environ, start_response, None, FAILED.format(reason=reason), status)

    def _moto(self) -> WSGIApplication:
        with self._lock:  # held while the keeper brings back settings of buckets
            if self._application is None:
                self._application = _application()
            return self._application

    def _address(self, environ: dict[str, Any], headers: dict[str, str], query: str, bucket: str | None) -> None:
        """Give the path as it was sent (waitress drops slashes), and put a bucket named by Host into it."""
        path, mark, rest = _as_sent(environ).partition("?")
        if _for_s3(headers, query):
            if bucket and not path.startswith(S3_CONTROL):
                path = f"/{bucket}{path}"
            # moto would take the first label of any other dotted name for a bucket.
            environ["HTTP_HOST"] = f"localhost:{environ.get('SERVER_PORT', '80')}"
            # moto would take a signature of the second version that has four slashes for a scope; nobody verifies it.
            if headers.get("authorization", "").startswith("AWS "):
                environ["HTTP_AUTHORIZATION"] = headers["authorization"].replace("/", "-")
        environ["RAW_URI"] = environ["REQUEST_URI"] = path + mark + rest
        environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1")


def account_of_key(key: str) -> str | None:
    """Return the account for which moto issued an access key; never loads moto, which then has issued none."""
    models = sys.modules.get("moto.iam.models")
    find = getattr(models, "get_account_id_from", None)  # None while another thread is importing it
    return find(key) if find else None


def headers_of(environ: dict[str, Any]) -> dict[str, str]:
    """Return the headers of a WSGI request, names in lower case."""
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    if content_type := environ.get("CONTENT_TYPE"):
        headers["content-type"] = content_type
    return headers


@contextmanager
def managed_policies() -> Iterator[None]:
    """While entered, moto knows AWS's managed policies in this thread's calls: each is made when it is named first.

    moto's own switch makes all 1,500 of them for every account, partition and reset. Whoever uses moto beside us sees
    no change. `prepare_moto` must have been called.
    """
    token = _policies_known.set(True)
    try:
        yield
    finally:
        _policies_known.reset(token)


def prepare_service(headers: Mapping[str, str], query: str) -> None:
    """Correct the service of moto for which a request is signed, when it is first asked."""
    signed = identity.signature(headers, query)
    if signed and signed.service in PREPARE:
        PREPARE[signed.service]()


def prepare_moto() -> None:
    """Import moto's IAM and S3; make them ask us about policies, join parts, read ranges and refuse mistakes."""
    from moto.iam.models import IAMBackend

    kept_parts.prepare()
    kept_ranges.prepare()
    mistakes.prepare()
    denials.prepare()

    for name in _NAME_A_POLICY:
        method = getattr(IAMBackend, name)
        if not hasattr(method, "__wrapped__"):
            setattr(IAMBackend, name, _resolving(method))


def _application() -> WSGIApplication:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    class Application(DomainDispatcherApplication):  # type: ignore[misc,unused-ignore]
        def get_backend_for_host(self, host: str | None) -> Any:
            if host and host.endswith(OF_AWS) and not self._has(host):  # about which moto prints a line
                raise NotImplementedError(f"moto has no service at {host}")
            return super().get_backend_for_host(host)

        @lru_cache(maxsize=1024)  # noqa: B019 - there is one application
        def _has(self, host: str) -> bool:
            return any(pattern.match(f"http://{host}") for _, pattern in self.backend_url_patterns)

    prepare_moto()
    application: WSGIApplication = Application(create_backend_app)
    return application


def _in_pieces(answer: Iterable[bytes]) -> Iterator[bytes]:
    """Yield an answer bit by bit: a web server would copy all of it at once, and all others would wait for that."""
    try:
        for whole in answer:
            for begin in range(0, len(whole), PIECE_BYTES):
                yield whole[begin : begin + PIECE_BYTES]
    finally:
        getattr(answer, "close", lambda: None)()


def _from_file(body: kept_ranges.Body, environ: dict[str, Any]) -> Iterable[bytes]:
    """Let the web server read an object as its client does, with no thread that waits for that, if it can.

    Opened here, while nobody can replace the object.
    """
    file = body.open()
    if wrap := environ.get("wsgi.file_wrapper"):
        wrapped: Iterable[bytes] = wrap(file)
        return wrapped
    return body.pieces(file)


def _error(
    environ: dict[str, Any], start_response: StartResponse, code: str | None, message: str, status: int
) -> Iterable[bytes]:
    """Answer with an error in the form of its service; without a code it is one of ours."""
    phrase = HTTPStatus(status).phrase
    usual = phrase.replace(" ", "")
    if environ.get("CONTENT_TYPE", "").startswith(FORM) or _for_rest_in_xml(environ):  # IAM, STS, CloudFormation
        kind, text = "text/xml", XML_ERROR.format(code=code or usual, message=escape(message))
    elif _for_s3(headers_of(environ), environ.get("QUERY_STRING", "")):
        kind, text = "application/xml", S3_ERROR.format(code=code or S3_CODES[status], message=escape(message))
    else:
        kind, text = "application/json", json.dumps({"__type": code or usual, "message": message})
    body = text.encode("utf-8", "backslashreplace")
    start_response(f"{int(status)} {phrase}", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]


def _asked(environ: dict[str, Any]) -> Asked | None:
    """Return what a request to a service other than S3 asks for, and leave its body there to be read."""
    headers, query = headers_of(environ), environ.get("QUERY_STRING", "")
    signed, target = identity.signature(headers, query), headers.get("x-amz-target", "")
    form = headers.get("content-type", "").startswith(FORM)
    named = form or bool(target) or bool(identity.actions(query))
    rest = bool(signed) and not named
    if not (named or rest) or (signed and signed.service == "s3") or (form and not signed):  # a form with an object
        return None
    length = environ.get("CONTENT_LENGTH") or "0"
    if not (length.isdecimal() and int(length) <= LONGEST_LOOKED_AT):
        return None
    body = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = io.BytesIO(body)
    if signed and rest:
        return Asked(signed.service, "", body, environ["REQUEST_METHOD"], _as_sent(environ).partition("?")[0])
    named_in = body if target else b"&".join(filter(None, (body if form else b"", query.encode("latin-1"))))
    return Asked(signed.service if signed else "", target, named_in)


def _last_line(error: Exception) -> str:
    """Return where an error was raised: file, line and function."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno} in {frame.name}"


def _resolving(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def resolved(backend: Any, policy_arn: str, *args: Any, **kwargs: Any) -> Any:
        if _policies_known.get():
            _provide(backend, policy_arn)
        return method(backend, policy_arn, *args, **kwargs)

    return resolved


def _provide(backend: Any, policy_arn: str) -> None:
    from moto.iam.models import AWSManagedPolicy

    if ":iam::aws:policy/" not in policy_arn or policy_arn in backend.managed_policies:
        return
    name = policy_arn.rpartition("/")[2]
    facts = _facts_of_managed_policies().get(name)
    if facts is None:
        return
    policy = AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, facts)
    if policy.arn == policy_arn:
        backend.managed_policies[policy_arn] = policy
        backend.aws_managed_policies.append(policy)


@cache
def _facts_of_managed_policies() -> dict[str, Any]:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    facts: dict[str, Any] = json.loads(aws_managed_policies_data)
    return facts


def _blocks(stored: Any, block_bytes: int) -> Iterator[bytes]:
    position = 0
    while block := _block(stored, position, block_bytes):
        yield block
        position += len(block)


def _block(stored: Any, position: int, block_bytes: int) -> bytes:
    with stored.lock:
        try:
            stored._value_buffer.seek(position, io.SEEK_SET)
            block: bytes = stored._value_buffer.read(block_bytes)
        except ValueError as closed:  # overwritten or deleted meanwhile
            raise LookupError(stored.name) from closed
    return block


def _for_s3(headers: dict[str, str], query: str) -> bool:
    """Say whether a request is S3's; an unsigned one without a target reads a public object, as a rule."""
    signed = identity.signature(headers, query)
    return signed.service == "s3" if signed else "x-amz-target" not in headers


def _for_rest_in_xml(environ: dict[str, Any]) -> bool:
    signed = identity.signature(headers_of(environ), environ.get("QUERY_STRING", ""))
    return signed is not None and signed.service in REST_IN_XML


def _as_sent(environ: dict[str, Any]) -> str:
    """Return path and query, still quoted; servers call the line's middle part by different names."""
    sent: str = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
    if sent.startswith("/"):
        return sent
    path = quote(environ.get("PATH_INFO", "").encode("latin-1"))
    query = environ.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path
