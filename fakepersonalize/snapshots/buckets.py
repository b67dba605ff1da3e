"""Buckets in a snapshot: their policies and objects, read and written as any client of S3 does."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fakepersonalize.arns import Scope
from fakepersonalize.snapshots import rows
from fakepersonalize.snapshots.archive import Reader, Unusable, Writer
from fakepersonalize.snapshots.rows import BUCKETS, OBJECTS, Row

if TYPE_CHECKING:
    from fakepersonalize.snapshots.state import State

USUAL_ACCOUNT, USUAL_REGION = "123456789012", "us-east-1"
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
MOST_KEY_BYTES = 1024
ELSEWHERE = "Objects lie at another endpoint: they are no part of snapshots"
REFUSED = "S3 did not take what the snapshot holds: {reason}"
IN_MEMORY_BYTES = 8 * 2**20


def save(state: State, writer: Writer, objects: bool) -> None:
    """Write the buckets of all accounts that have resources, and of the usual one; nothing without `objects`."""
    if objects and state.neighbours.elsewhere:
        raise Unusable(ELSEWHERE)
    buckets: list[Row] = []
    kept: list[Row] = []
    accounts = {resource.scope.account for resource in state.resources()} | {USUAL_ACCOUNT} if objects else set()
    for account in sorted(accounts):
        s3 = state.neighbours.s3(Scope(account, USUAL_REGION))
        for bucket in s3.list_buckets()["Buckets"]:
            for row in _objects(s3, bucket["Name"]):
                writer.add(f"objects/{len(kept)}", row.pop("body"))
                kept.append(row | {"bucket": len(buckets), "file": len(kept)})
            buckets.append(_bucket(state, account, bucket["Name"]))
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
    files = {int(name.split("/")[1]) for name in reader.files if name.startswith("objects/")}
    for line, row in enumerate(objects, start=1):
        texts = all(isinstance(text, str) and text.isprintable() for pair in row["metadata"].items() for text in pair)
        length = len(row["key"].encode("utf-8", "surrogatepass"))
        if not (0 <= row["bucket"] < len(buckets) and row["file"] in files and texts and 0 < length <= MOST_KEY_BYTES):
            raise rows.bad(OBJECTS, line, "which cannot be an object")
        files.discard(row["file"])
    if files:
        raise Unusable(f"The snapshot has objects without a name: {min(files)}")
    return buckets, objects


def load(state: State, buckets: list[Row], objects: list[Row], reader: Reader) -> None:
    """Make buckets that are not there yet, and put the objects into them; those of the same key are replaced."""
    from botocore.exceptions import BotoCoreError, ClientError

    if buckets and state.neighbours.elsewhere:
        raise Unusable(ELSEWHERE)
    try:
        for bucket in buckets:
            _make(state.neighbours.s3(Scope(bucket["account"], bucket["region"])), bucket)
        for row in objects:
            bucket = buckets[row["bucket"]]
            with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as body:
                body.writelines(reader.blocks(f"objects/{row['file']}"))
                body.seek(0)
                state.neighbours.s3(Scope(bucket["account"], bucket["region"])).put_object(
                    Bucket=bucket["name"],
                    Key=row["key"],
                    Body=body,
                    ContentType=row["type"],
                    Metadata=row["metadata"],
                )
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
            found = s3.get_object(Bucket=bucket, Key=entry["Key"])
            yield {
                "key": entry["Key"],
                "type": found.get("ContentType", ""),
                "metadata": found.get("Metadata", {}),
                "body": found["Body"].iter_chunks(1 << 20),
            }


def _make(s3: Any, bucket: Row) -> None:
    """Make a bucket unless the account has it."""
    own = {found["Name"] for found in s3.list_buckets()["Buckets"]}
    if bucket["name"] not in own:
        place = {} if bucket["region"] == USUAL_REGION else {"LocationConstraint": bucket["region"]}
        s3.create_bucket(Bucket=bucket["name"], **({"CreateBucketConfiguration": place} if place else {}))
    if bucket["policy"] is not None:
        s3.put_bucket_policy(Bucket=bucket["name"], Policy=bucket["policy"])
