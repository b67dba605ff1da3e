"""The other AWS services as we see them: objects in buckets, their policies, and roles.

All of it goes through a private botocore client. Its requests are handed to a WSGI application in this process, the
neighbours that the front door serves as well, so no socket is opened; or those for S3 go to a real endpoint.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from fakepersonalize.arns import Scope
from fakepersonalize.clients import OWN, Application, client_elsewhere, in_process_client, new_session
from fakepersonalize.disk import DiskTrouble

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.session import Session

BLOCK_BYTES = 1 << 20
PART_BYTES = 8 << 20  # of an object that is written bit by bit; S3 takes parts from 5 MiB on, except for the last
KEPT_CLIENTS = 32
MOST_BUCKETS = 5  # named where an unknown one is asked for
METRICS_AT_ONCE = 500

_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::(?P<account>[0-9]{12}):role/(?:.*/)?(?P<name>[^/]+)")


class NeighbourApplication(Application, Protocol):
    """A WSGI application that answers for the neighbours and can read their stored objects piece by piece."""

    def stored_object(self, scope: Scope, bucket: str, key: str, block_bytes: int) -> Iterator[bytes]: ...

    def still(self) -> AbstractContextManager[None]: ...


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

        `deep` adds the objects in folders below. Empty and hidden objects of folders are left out. Raises Unreadable,
        also where `key` names no object; a folder without any gives an empty list.
        Source: https://docs.aws.amazon.com/personalize/latest/dg/data-prep-upload-s3.html
        """
        bucket, key = split_location(location)
        if key and not key.endswith("/"):
            return [self._object(scope, bucket, key)]
        return [found for found in self._folder(scope, bucket, key, deep) if found.size]

    def beginning_with(self, scope: Scope, location: str) -> list[ObjectInfo]:
        """Return the objects whose keys begin with that of `s3://bucket/key`, by key; none hidden, no folders.

        Source: https://docs.aws.amazon.com/personalize/latest/dg/batch-data-upload.html
        """
        return self._folder(scope, *split_location(location), deep=True)

    def read_object(self, scope: Scope, bucket: str, key: str) -> Iterator[bytes]:
        """Yield an object in blocks of at most a mebibyte; an object that is replaced meanwhile raises Unreadable."""
        if self._endpoint is not None:
            with _refusals(bucket):
                yield from self.s3(scope).get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(BLOCK_BYTES)
            return
        try:
            yield from self._application.stored_object(scope, bucket, key, BLOCK_BYTES)
        except LookupError as gone:
            self._object(scope, bucket, key)  # says why; asked for each object, it would take a folder minutes
            raise Unreadable(bucket, "NoSuchKey") from gone

    def write_object(self, scope: Scope, bucket: str, key: str, body: bytes | BinaryIO) -> None:
        """Store an object; a file is read from where it stands. Raises Unreadable."""
        with _refusals(bucket):
            self.s3(scope).put_object(Bucket=bucket, Key=key, Body=body)

    @contextmanager
    def writing(self, scope: Scope, location: str) -> Iterator[BinaryIO]:
        """Lend a file that becomes the object at `s3://bucket/key` when the block ends well, and nothing else.

        At most one part of it is in memory; larger objects are uploaded in parts. Raises Unreadable.
        Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
        """
        bucket, key = split_location(location)
        with _refusals(bucket):
            upload = _Upload(self.s3(scope), bucket, key)
            try:
                yield cast(BinaryIO, upload)
                upload.finish()
            except BaseException:
                upload.abort()
                raise

    def why(self, scope: Scope, problem: Unreadable) -> str:
        """Return why a bucket cannot be used; of an unknown one also which buckets the account has, likeliest first."""
        if problem.reason != "NoSuchBucket":
            return problem.reason
        try:
            with _refusals(problem.bucket):
                names = [each["Name"] for each in self.s3(scope).list_buckets()["Buckets"]]
        except Unreadable:
            return problem.reason
        close = get_close_matches(problem.bucket, names, MOST_BUCKETS, cutoff=0.0)
        there = f"this account has {', '.join(close)}" if close else "this account has no bucket"
        return f"{problem.reason}; {there}{' and others' if len(names) > len(close) else ''}"

    def put_metrics(self, scope: Scope, namespace: str, data: Sequence[Mapping[str, Any]]) -> None:
        """Give CloudWatch values of metrics, each as a MetricDatum of PutMetricData."""
        cloudwatch = self.client("cloudwatch", scope)
        for first in range(0, len(data), METRICS_AT_ONCE):
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=list(data[first : first + METRICS_AT_ONCE]))

    def still(self) -> AbstractContextManager[None]:
        """Have whoever would change objects by a request to this process wait while the context is open."""
        return self._application.still()

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
        iam = self.client("iam", Scope(named["account"], scope.region))
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
                return str(self.s3(scope).get_bucket_policy(Bucket=bucket)["Policy"])
        except Unreadable:
            return None

    def _object(self, scope: Scope, bucket: str, key: str) -> ObjectInfo:
        # HeadObject has no body and so cannot say what is missing; in a listing, a key precedes all that begin with it.
        with _refusals(bucket):
            listed = self.s3(scope).list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
        for entry in listed.get("Contents", ()):
            if entry["Key"] == key:
                return _info(bucket, entry)
        raise Unreadable(bucket, "NoSuchKey")

    def _folder(self, scope: Scope, bucket: str, prefix: str, deep: bool) -> list[ObjectInfo]:
        below = {} if deep else {"Delimiter": "/"}
        with _refusals(bucket):
            pages = self.s3(scope).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **below)
            found = [entry for page in pages for entry in page.get("Contents", ())]
        return [
            _info(bucket, entry)
            for entry in found
            if not entry["Key"].endswith("/") and not _hidden(entry["Key"], prefix)
        ]

    def s3(self, scope: Scope) -> Any:
        """Return a client of S3, as boto3 has it, in the name of a scope."""
        return self.client("s3", scope)

    def client(self, service: str, scope: Scope) -> Any:
        """Return a client of any service but Personalize, as boto3 has it, in the name of a scope."""
        with self._lock:
            client = self._clients.pop((service, scope), None) or self._new_client(service, scope)
            self._clients[service, scope] = client  # now the most recently used
            if len(self._clients) > KEPT_CLIENTS:
                self._clients.pop(next(iter(self._clients)))
            return client

    def _new_client(self, service: str, scope: Scope) -> BaseClient:
        away = service == "s3" and self._endpoint is not None
        if away not in self._sessions:
            self._sessions[away] = new_session(isolated=not away)
        session = self._sessions[away]
        if away:
            return client_elsewhere(session, service, scope, self._endpoint)
        return in_process_client(session, service, scope, self._answer)

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return self._application({**environ, OWN: True}, start_response)


def split_location(location: str) -> tuple[str, str]:
    """Return bucket and key of `s3://bucket/key`; ValueError for anything else."""
    bucket, _, key = location.removeprefix("s3://").partition("/")
    if not location.startswith("s3://") or not bucket:
        raise ValueError(f"{location!r} is not a location in S3")
    return bucket, key


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


def _hidden(key: str, prefix: str) -> bool:
    """Say whether a name below the prefix is one that Hadoop and Spark give what is no data, such as `_SUCCESS`."""
    below = key.removeprefix(prefix)
    path = f"/{below}" if prefix.endswith("/") or not prefix else below
    return "/_" in path or "/." in path


def _info(bucket: str, entry: Mapping[str, Any]) -> ObjectInfo:
    return ObjectInfo(bucket, entry["Key"], entry["Size"], entry["ETag"].strip('"'))


@contextmanager
def _refusals(bucket: str) -> Iterator[None]:
    """Turn what S3 refuses into Unreadable."""
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

    try:
        yield
    except ClientError as error:
        if error.response["ResponseMetadata"].get("HTTPStatusCode") == HTTPStatus.INSUFFICIENT_STORAGE:
            raise DiskTrouble(error.response["Error"]["Message"]) from error
        raise Unreadable(bucket, str(error.response["Error"]["Code"])) from error
    except ParamValidationError as error:
        raise Unreadable(bucket, "InvalidBucketName") from error
    except BotoCoreError as error:  # an endpoint elsewhere that does not answer, or credentials that are not there
        raise Unreadable(bucket, type(error).__name__) from error
