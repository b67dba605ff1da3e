"""Buckets in a snapshot: their policies and objects, read and written as any client of S3 does."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize.arns import Scope
from fakepersonalize.permissions.policy import listed
from fakepersonalize.snapshots import rows
from fakepersonalize.snapshots.archive import Reader, Unusable, Writer
from fakepersonalize.snapshots.rows import BUCKETS, OBJECTS, Row

if TYPE_CHECKING:
    from fakepersonalize.snapshots.state import State

USUAL_ACCOUNT, USUAL_REGION = "123456789012", "us-east-1"
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
MOST_KEY_BYTES = 1024
ELSEWHERE = "Objects lie at another endpoint: they are no part of snapshots"
GONE = ("NoSuchKey", "NoSuchBucket")
REFUSED = "S3 did not take what the snapshot holds: {reason}"
IN_MEMORY_BYTES = 8 * 2**20


def save(state: State, writer: Writer, objects: bool) -> None:
    """Write the buckets of all accounts that have resources, and of the usual one; nothing without `objects`."""
    if objects and state.neighbours.elsewhere:
        raise Unusable(ELSEWHERE)
    buckets: list[Row] = []
    kept: list[Row] = []
    accounts = {resource.scope.account for resource in state.resources()} | {USUAL_ACCOUNT} if objects else set()
    with state.neighbours.still() if objects else nullcontext():  # what is read is of one moment
        for account in sorted(accounts):
            s3 = state.neighbours.s3(Scope(account, USUAL_REGION))
            for bucket in s3.list_buckets()["Buckets"]:
                with _if_there():
                    row = _bucket(state, account, bucket["Name"])
                    for found in _objects(s3, bucket["Name"]):
                        writer.add(f"objects/{len(kept)}", found.pop("body"))
                        kept.append(found | {"bucket": len(buckets), "file": len(kept)})
                    buckets.append(row)
    writer.add_rows(f"rows/{BUCKETS}.jsonl", buckets)
    writer.add_rows(f"rows/{OBJECTS}.jsonl", kept)


def read(reader: Reader) -> tuple[list[Row], list[Row]]:
    """Return buckets and objects of a file, checked. Raises Unusable."""
    buckets, objects = rows.read(reader, BUCKETS), rows.read(reader, OBJECTS)
    for line, row in enumerate(buckets, start=1):
        if not (NAME.fullmatch(row["name"]) and rows.ACCOUNT.fullmatch(row["account"])):
            raise rows.bad(BUCKETS, line, "which no account may have")
        if not rows.REGION.fullmatch(row["region"]):
            raise rows.bad(BUCKETS, line, "which is nowhere")
        if row["policy"] is not None and not _is_policy(row["policy"]):
            raise rows.bad(BUCKETS, line, "whose policy is none")
    files = {int(name.split("/")[1]) for name in reader.files if name.startswith("objects/")}
    for line, row in enumerate(objects, start=1):
        texts = all(isinstance(text, str) and text.isprintable() for pair in row["metadata"].items() for text in pair)
        length = len(row["key"].encode("utf-8", "surrogatepass"))
        texts = texts and row["type"].isprintable() and row["type"].isascii()
        if not (0 <= row["bucket"] < len(buckets) and row["file"] in files and texts and 0 < length <= MOST_KEY_BYTES):
            raise rows.bad(OBJECTS, line, "which cannot be an object")
        files.discard(row["file"])
    if files:
        raise Unusable(f"The snapshot has objects without a name: {min(files)}")
    return buckets, objects


def load(state: State, buckets: list[Row], objects: list[Row], reader: Reader, folder: Path) -> ExitStack:
    """Make buckets that are not there yet, and put the objects into them; those of the same key are replaced.

    What is returned undoes it when it is closed; what it needs for that lies in `folder`. Raises Unusable where S3 does
    not take something, and has undone the rest then.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    if buckets and state.neighbours.elsewhere:
        raise Unusable(ELSEWHERE)
    clients = [state.neighbours.s3(Scope(bucket["account"], bucket["region"])) for bucket in buckets]
    try:
        with ExitStack() as undoing:
            for s3, bucket in zip(clients, buckets):
                _make(s3, bucket, undoing)
            for row in objects:
                s3, name = clients[row["bucket"]], buckets[row["bucket"]]["name"]
                _remember(s3, name, row["key"], folder / f"object{row['file']}", undoing)
                _put(s3, name, row, reader)
            for s3, bucket in zip(clients, buckets):
                _set_policy(s3, bucket, undoing)
            return undoing.pop_all()
    except (ClientError, BotoCoreError) as error:
        raise Unusable(REFUSED.format(reason=str(error).rstrip("."))) from None


def _bucket(state: State, account: str, name: str) -> Row:
    scope = Scope(account, USUAL_REGION)
    region = state.neighbours.s3(scope).get_bucket_location(Bucket=name).get("LocationConstraint") or USUAL_REGION
    return {
        "account": account,
        "region": region,
        "name": name,
        "policy": state.neighbours.bucket_policy(scope, name),
    }


def _objects(s3: Any, bucket: str) -> Iterator[Row]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", ()):
            with _if_there():
                found = s3.get_object(Bucket=bucket, Key=entry["Key"])
                yield {
                    "key": entry["Key"],
                    "type": found.get("ContentType", ""),
                    "metadata": found.get("Metadata", {}),
                    "body": found["Body"].iter_chunks(1 << 20),
                }


@contextmanager
def _if_there() -> Iterator[None]:
    """Leave out what has been deleted: not everybody asks this process to do that (moto's mocks, CloudFormation)."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise


def _is_policy(text: str) -> bool:
    """Say whether a policy has statements, before anything is made: S3 would refuse it at the end."""
    try:
        statements = listed(json.loads(text)["Statement"])
        return all({"Effect", "Action"} <= each.keys() or {"Effect", "NotAction"} <= each.keys() for each in statements)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False


def _make(s3: Any, bucket: Row, undoing: ExitStack) -> None:
    """Make a bucket unless the account has it."""
    own = {found["Name"] for found in s3.list_buckets()["Buckets"]}
    if bucket["name"] not in own:
        place = {} if bucket["region"] == USUAL_REGION else {"LocationConstraint": bucket["region"]}
        s3.create_bucket(Bucket=bucket["name"], **({"CreateBucketConfiguration": place} if place else {}))
        undoing.callback(s3.delete_bucket, Bucket=bucket["name"])


def _set_policy(s3: Any, bucket: Row, undoing: ExitStack) -> None:
    from botocore.exceptions import ClientError

    if bucket["policy"] is None:
        return
    try:
        before = s3.get_bucket_policy(Bucket=bucket["name"])["Policy"]
        undoing.callback(s3.put_bucket_policy, Bucket=bucket["name"], Policy=before)
    except ClientError:
        undoing.callback(s3.delete_bucket_policy, Bucket=bucket["name"])
    s3.put_bucket_policy(Bucket=bucket["name"], Policy=bucket["policy"])


def _put(s3: Any, bucket: str, row: Row, reader: Reader) -> None:
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as body:
        body.writelines(reader.blocks(f"objects/{row['file']}"))
        body.seek(0)
        s3.put_object(Bucket=bucket, Key=row["key"], Body=body, ContentType=row["type"], Metadata=row["metadata"])


def _remember(s3: Any, bucket: str, key: str, place: Path, undoing: ExitStack) -> None:
    """Let an object be what it was before, or gone, when all is undone."""
    if not any(found["Key"] == key for found in _beginning_with(s3, bucket, key)):
        undoing.callback(s3.delete_object, Bucket=bucket, Key=key)
        return
    found = s3.get_object(Bucket=bucket, Key=key)
    with open(place, "wb") as file:
        file.writelines(found["Body"].iter_chunks(1 << 20))

    def put_back() -> None:
        with open(place, "rb") as body:
            kind, metadata = found.get("ContentType", ""), found.get("Metadata", {})
            s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=kind, Metadata=metadata)

    undoing.callback(put_back)


def _beginning_with(s3: Any, bucket: str, key: str) -> list[Row]:
    """Return the object of a key, if it is there: it is the first of those that begin like it."""
    found: list[Row] = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    return found
