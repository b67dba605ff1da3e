"""Uploads in parts: what S3 says of them, and what is read back."""

from __future__ import annotations

import base64
import binascii
import hashlib
import tempfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from fakepersonalize import mock_personalize

MEBIBYTE = 1 << 20
BODIES = [b"a" * 6 * MEBIBYTE, b"b" * 5 * MEBIBYTE, b"the end"]


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_personalize():
        plain = Config(request_checksum_calculation="when_required")
        client = boto3.client("s3", "us-east-1", aws_access_key_id="1", aws_secret_access_key="2", config=plain)
        client.create_bucket(Bucket="films")
        yield client


def uploaded(s3: Any, bodies: list[bytes], **more: Any) -> tuple[str, list[dict[str, Any]]]:
    """Begin an upload; return its id and its parts as CompleteMultipartUpload takes them."""
    upload = s3.create_multipart_upload(Bucket="films", Key="key", **more)["UploadId"]
    parts = []
    for number, body in enumerate(bodies, 1):
        sent = s3.upload_part(Bucket="films", Key="key", UploadId=upload, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": sent["ETag"]})
    return upload, parts


def sha256(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def complete(s3: Any, upload: str, parts: list[dict[str, Any]]) -> Any:
    return s3.complete_multipart_upload(Bucket="films", Key="key", UploadId=upload, MultipartUpload={"Parts": parts})


@pytest.mark.parametrize("more", [{}, {"ChecksumAlgorithm": "SHA256"}], ids=["plain", "with a checksum"])
def test_parts_become_one_object(s3: Any, more: dict[str, Any]) -> None:
    done = complete(s3, *uploaded(s3, BODIES, **more))
    digests = b"".join(hashlib.md5(body).digest() for body in BODIES)
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    found = s3.get_object(Bucket="films", Key="key")
    assert found["ContentLength"] == 11 * MEBIBYTE + 7
    assert found["Body"].read() == b"".join(BODIES)
    middle = s3.get_object(Bucket="films", Key="key", Range=f"bytes={6 * MEBIBYTE - 1}-{6 * MEBIBYTE}")
    assert middle["Body"].read() == b"ab"


def test_the_object_before_it_is_replaced(s3: Any) -> None:
    s3.put_object(Bucket="films", Key="key", Body=b"old")
    complete(s3, *uploaded(s3, [b"small"]))
    assert s3.get_object(Bucket="films", Key="key")["Body"].read() == b"small"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256"])
def test_checksums_of_parts_need_no_copy_of_the_whole(s3: Any, monkeypatch: pytest.MonkeyPatch, algorithm: str) -> None:
    sizes: list[int] = []

    class Noting(tempfile.SpooledTemporaryFile[bytes]):
        def write(self, data: Any) -> int:
            sizes.append(len(data))
            return super().write(data)

    monkeypatch.setattr("moto.s3.models.tempfile.SpooledTemporaryFile", Noting)
    complete(s3, *uploaded(s3, BODIES, ChecksumAlgorithm=algorithm))
    assert max(sizes) == len(BODIES[0])
    hashed = {"CRC32": lambda body: binascii.crc32(body).to_bytes(4, "big"), "SHA256": sha256}[algorithm]
    told = s3.head_object(Bucket="films", Key="key", ChecksumMode="ENABLED")[f"Checksum{algorithm}"]
    assert base64.b64decode(told.partition("-")[0]) == hashed(b"".join(map(hashed, BODIES)))


def test_large_bodies_never_pass_through_a_buffer_in_memory(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is copied in memory keeps every other thread waiting meanwhile."""
    sizes: list[int] = []

    class Noting(tempfile.SpooledTemporaryFile[bytes]):
        def write(self, data: Any) -> int:
            sizes.append(0 if self._rolled else len(data))
            return super().write(data)

    monkeypatch.setattr("moto.s3.models.tempfile.SpooledTemporaryFile", Noting)
    s3.put_object(Bucket="films", Key="key", Body=b"x" * 20 * MEBIBYTE)
    s3.put_object(Bucket="films", Key="small", Body=b"small")
    assert sizes == [0, 5]
    assert s3.get_object(Bucket="films", Key="key")["Body"].read() == b"x" * 20 * MEBIBYTE
    assert s3.get_object(Bucket="films", Key="small")["Body"].read() == b"small"


def test_parts_that_do_not_fit_are_refused(s3: Any) -> None:
    upload, parts = uploaded(s3, [b"too small", b"the end"])
    for wrong, code in (
        (parts, "EntityTooSmall"),
        ([{"PartNumber": 1, "ETag": '"0"'}], "InvalidPart"),
        ([{"PartNumber": 9, "ETag": parts[0]["ETag"]}], "InvalidPart"),
    ):
        with pytest.raises(ClientError) as refused:
            complete(s3, upload, wrong)
        assert refused.value.response["Error"]["Code"] == code
