"""The other AWS services as we see them: objects in buckets, their policies, and roles.

All of it goes through a private botocore client. Its requests are handed to a WSGI application in this process, the
neighbours that the front door serves as well, so no socket is opened; or those for S3 go to a real endpoint.
"""

from __future__ import annotations

import io
import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast
from urllib.parse import unquote_to_bytes, urlsplit

from fakepersonalize.arns import Scope

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.client import BaseClient
    from botocore.session import Session

CONNECT_SECONDS, ANSWER_SECONDS = 5, 20  # how long an S3 elsewhere is waited for, each time it is tried
BLOCK_BYTES = 1 << 20
PART_BYTES = 8 << 20  # of an object that is written bit by bit; S3 takes parts from 5 MiB on, except for the last
KEPT_CLIENTS = 32
METRICS_AT_ONCE = 500
# Never resolved, since the application answers; https spares botocore from hashing what is written.
NOWHERE = "https://localhost"

_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::(?P<account>[0-9]{12}):role/(?:.*/)?(?P<name>[^/]+)")


class NeighbourApplication(Protocol):
    """A WSGI application that answers for the neighbours and can read their stored objects piece by piece."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]: ...

    def stored_object(self, scope: Scope, bucket: str, key: str, block_bytes: int) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object of a bucket: its whole key, its size in bytes and its entity tag without quotes."""

    bucket: str
    key: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Role:
    """An IAM role: its trust policy, and its inline and attached policies, each as JSON."""

    arn: str
    trust: str
    policies: tuple[str, ...]


class Unreadable(Exception):
    """A bucket or object that cannot be read or written; `reason` is S3's error code, such as `NoSuchBucket`."""

    def __init__(self, bucket: str, reason: str) -> None:
        super().__init__(f"{bucket}: {reason}")
        self.bucket = bucket
        self.reason = reason


class Neighbours:
    """Reads and writes what belongs to other services, in the name of a scope.

    The application answers in this process. Where `endpoint` is the URL of a real S3, objects lie there; credentials
    come from the usual places (environment, profile).
    """

    def __init__(self, application: NeighbourApplication, endpoint: str | None = None) -> None:
        self._application = application
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, Scope], BaseClient] = {}
        self._sessions: dict[bool, Session] = {}

    def objects(self, scope: Scope, location: str, deep: bool = False) -> list[ObjectInfo]:
        """Return the objects at `s3://bucket/key`, or directly in the folder `s3://bucket/folder/`, by key.

        `deep` adds the objects in folders below. The empty objects that stand for folders are left out. Raises
        Unreadable, also where `key` names no object; an empty folder gives an empty list.
        Source: https://docs.aws.amazon.com/personalize/latest/dg/data-prep-upload-s3.html
        """
        bucket, key = split_location(location)
        if key and not key.endswith("/"):
            return [self._object(scope, bucket, key)]
        return self._folder(scope, bucket, key, deep)

    def beginning_with(self, scope: Scope, location: str) -> list[ObjectInfo]:
        """Return the objects whose keys begin with that of `s3://bucket/key`, by key; none that stand for folders.

        Source: https://docs.aws.amazon.com/personalize/latest/dg/batch-data-upload.html
        """
        return self._folder(scope, *split_location(location), deep=True)

    def read_object(self, scope: Scope, bucket: str, key: str) -> Iterator[bytes]:
        """Yield an object in blocks of at most a mebibyte; an object that is replaced meanwhile raises Unreadable."""
        if self._endpoint is not None:
            with _refusals(bucket):
                yield from self._s3(scope).get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(BLOCK_BYTES)
            return
        self._object(scope, bucket, key)
        try:
            yield from self._application.stored_object(scope, bucket, key, BLOCK_BYTES)
        except LookupError as gone:
            raise Unreadable(bucket, "NoSuchKey") from gone

    def write_object(self, scope: Scope, bucket: str, key: str, body: bytes | BinaryIO) -> None:
        """Store an object; a file is read from where it stands. Raises Unreadable."""
        with _refusals(bucket):
            self._s3(scope).put_object(Bucket=bucket, Key=key, Body=body)

    @contextmanager
    def writing(self, scope: Scope, location: str) -> Iterator[BinaryIO]:
        """Lend a file that becomes the object at `s3://bucket/key` when the block ends well, and nothing else.

        At most one part of it is in memory; larger objects are uploaded in parts. Raises Unreadable.
        Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
        """
        bucket, key = split_location(location)
        with _refusals(bucket):
            upload = _Upload(self._s3(scope), bucket, key)
            try:
                yield cast(BinaryIO, upload)
                upload.finish()
            except BaseException:
                upload.abort()
                raise

    def put_metrics(self, scope: Scope, namespace: str, data: Sequence[Mapping[str, Any]]) -> None:
        """Give CloudWatch values of metrics, each as a MetricDatum of PutMetricData."""
        cloudwatch = self._client("cloudwatch", scope)
        for first in range(0, len(data), METRICS_AT_ONCE):
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=list(data[first : first + METRICS_AT_ONCE]))

    @property
    def elsewhere(self) -> bool:
        """Whether objects lie at an endpoint outside this process."""
        return self._endpoint is not None

    def role(self, scope: Scope, role_arn: str) -> Role | None:
        """Return the IAM role of this ARN, in the account that the ARN names; None when there is none."""
        from botocore.exceptions import ClientError

        named = _ROLE_ARN.fullmatch(role_arn)
        if not named:
            return None
        iam = self._client("iam", Scope(named["account"], scope.region))
        try:
            found = iam.get_role(RoleName=named["name"])["Role"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchEntity":
                return None
            raise
        if found["Arn"] != role_arn:
            return None
        return Role(role_arn, json.dumps(found["AssumeRolePolicyDocument"]), tuple(_policies(iam, found["RoleName"])))

    def bucket_policy(self, scope: Scope, bucket: str) -> str | None:
        """Return the policy of a bucket as JSON; None when it has none, or does not show it."""
        try:
            with _refusals(bucket):
                return str(self._s3(scope).get_bucket_policy(Bucket=bucket)["Policy"])
        except Unreadable:
            return None

    def _object(self, scope: Scope, bucket: str, key: str) -> ObjectInfo:
        # HeadObject has no body and so cannot say what is missing; in a listing, a key precedes all that begin with it.
        with _refusals(bucket):
            listed = self._s3(scope).list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
        for entry in listed.get("Contents", ()):
            if entry["Key"] == key:
                return _info(bucket, entry)
        raise Unreadable(bucket, "NoSuchKey")

    def _folder(self, scope: Scope, bucket: str, prefix: str, deep: bool) -> list[ObjectInfo]:
        below = {} if deep else {"Delimiter": "/"}
        with _refusals(bucket):
            pages = self._s3(scope).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **below)
            found = [entry for page in pages for entry in page.get("Contents", ())]
        return [_info(bucket, entry) for entry in found if not entry["Key"].endswith("/")]

    def s3(self, scope: Scope) -> Any:
        """Return a client of S3, as boto3 has it, in the name of a scope."""
        return self._s3(scope)

    def client(self, service: str, scope: Scope) -> Any:
        """Return a client of any service but Personalize, as boto3 has it, in the name of a scope."""
        return self._client(service, scope)

    def _s3(self, scope: Scope) -> Any:
        return self._client("s3", scope)

    def _client(self, service: str, scope: Scope) -> Any:
        with self._lock:
            client = self._clients.pop((service, scope), None) or self._new_client(service, scope)
            self._clients[service, scope] = client  # now the most recently used
            if len(self._clients) > KEPT_CLIENTS:
                self._clients.pop(next(iter(self._clients)))
            return client

    def _new_client(self, service: str, scope: Scope) -> BaseClient:
        away = service == "s3" and self._endpoint is not None
        if away not in self._sessions:
            self._sessions[away] = _session(isolated=not away)
        session = self._sessions[away]
        if away:
            return _client_elsewhere(session, service, scope, self._endpoint)
        return _in_process_client(session, service, scope, self._application)


def split_location(location: str) -> tuple[str, str]:
    """Return bucket and key of `s3://bucket/key`; ValueError for anything else."""
    bucket, _, key = location.removeprefix("s3://").partition("/")
    if not location.startswith("s3://") or not bucket:
        raise ValueError(f"{location!r} is not a location in S3")
    return bucket, key


def respond(url: str, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> AWSResponse:
    """Return what botocore would have received from a socket."""
    from botocore.awsrequest import AWSResponse, HeadersDict

    return AWSResponse(url, status, HeadersDict(headers), _Raw(body))


class _Upload(io.RawIOBase):
    """What is written goes to S3 part by part; small objects in one piece, at the end."""

    def __init__(self, s3: Any, bucket: str, key: str) -> None:
        self._s3, self._object = s3, {"Bucket": bucket, "Key": key}
        self._held = bytearray()
        self._upload: dict[str, str] = {}  # what names it besides its object
        self._parts: list[dict[str, Any]] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._held += piece
        while len(self._held) >= PART_BYTES:
            part = bytes(self._held[:PART_BYTES])
            del self._held[:PART_BYTES]
            self._send(part)
        return len(piece)

    def finish(self) -> None:
        if not self._upload:
            self._s3.put_object(**self._object, Body=bytes(self._held))
            return
        if self._held:
            self._send(bytes(self._held))
        self._s3.complete_multipart_upload(**self._object, **self._upload, MultipartUpload={"Parts": self._parts})

    def abort(self) -> None:
        if self._upload:
            self._s3.abort_multipart_upload(**self._object, **self._upload)

    def _send(self, part: bytes) -> None:
        if not self._upload:
            self._upload = {"UploadId": self._s3.create_multipart_upload(**self._object)["UploadId"]}
        number = len(self._parts) + 1
        sent = self._s3.upload_part(**self._object, **self._upload, PartNumber=number, Body=part)
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})


class _Raw(io.BytesIO):
    """A body that is already here, with the method that botocore expects of urllib3's."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


def _policies(iam: Any, role: str) -> Iterator[str]:
    """Yield the policies of a role, those inside it and those attached to it."""
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=role):
        for name in page["PolicyNames"]:
            yield json.dumps(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role):
        for attached in page["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
            yield json.dumps(found["Document"])


def _info(bucket: str, entry: Mapping[str, Any]) -> ObjectInfo:
    return ObjectInfo(bucket, entry["Key"], entry["Size"], entry["ETag"].strip('"'))


@contextmanager
def _refusals(bucket: str) -> Iterator[None]:
    """Turn what S3 refuses into Unreadable."""
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

    try:
        yield
    except ClientError as error:
        raise Unreadable(bucket, str(error.response["Error"]["Code"])) from error
    except ParamValidationError as error:
        raise Unreadable(bucket, "InvalidBucketName") from error
    except BotoCoreError as error:  # an endpoint elsewhere that does not answer, or credentials that are not there
        raise Unreadable(bucket, type(error).__name__) from error


def isolated_session() -> Session:
    """Return a session of botocore that knows nothing of the user's profiles and files."""
    return _session(isolated=True)


def _session(isolated: bool) -> Session:
    """Return a session; an isolated one knows nothing of the user's profiles and files."""
    from botocore.session import Session

    nothing = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
    return Session(session_vars=nothing | {"credentials_file": (None, None, os.devnull, None)} if isolated else None)


def _client_elsewhere(session: Session, service: str, scope: Scope, endpoint: str | None) -> BaseClient:
    from botocore.config import Config

    patience = Config(connect_timeout=CONNECT_SECONDS, read_timeout=ANSWER_SECONDS)
    return session.create_client(service, region_name=scope.region, endpoint_url=endpoint, config=patience)


def _in_process_client(session: Session, service: str, scope: Scope, application: NeighbourApplication) -> BaseClient:
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


def _call(application: NeighbourApplication, request: AWSPreparedRequest) -> AWSResponse:
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
