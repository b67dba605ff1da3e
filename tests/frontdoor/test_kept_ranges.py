"""Ranges of objects: what S3 sends of them, and how much is read for it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from fakepersonalize import mock_personalize

WHOLE = bytes(range(256)) * 40_000


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    sizes: list[int] = []

    class Noting(tempfile.SpooledTemporaryFile[bytes]):
        def read(self, *size: int) -> bytes:
            found = super().read(*size)
            sizes.append(len(found))
            return found

    monkeypatch.setattr("moto.s3.models.tempfile.SpooledTemporaryFile", Noting)
    return sizes


@pytest.fixture
def s3(read: list[int]) -> Iterator[Any]:
    with mock_personalize():
        client = boto3.client("s3", "us-east-1", aws_access_key_id="1", aws_secret_access_key="2")
        client.create_bucket(Bucket="films")
        client.put_object(Bucket="films", Key="key", Body=WHOLE)
        read.clear()
        yield client


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-0", WHOLE[:1]),
        ("bytes=5000-5999", WHOLE[5000:6000]),
        ("bytes=-700", WHOLE[-700:]),
        (f"bytes={len(WHOLE) - 3}-", WHOLE[-3:]),
        (f"bytes={len(WHOLE) - 3}-{len(WHOLE) + 3}", WHOLE[-3:]),
    ],
)
def test_no_more_is_read_than_is_sent(s3: Any, read: list[int], asked: str, expected: bytes) -> None:
    found = s3.get_object(Bucket="films", Key="key", Range=asked)
    assert found["Body"].read() == expected
    assert found["ContentLength"] == len(expected)
    assert found["ContentRange"].endswith(f"/{len(WHOLE)}")
    assert sum(read) == len(expected)


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=0-1,3-4", "bytes=a-b", "bytes=", "lines=1-2", "all"])
def test_what_names_no_range_gets_everything(s3: Any, asked: str) -> None:
    found = s3.get_object(Bucket="films", Key="key", Range=asked)
    assert (found["ResponseMetadata"]["HTTPStatusCode"], found["Body"].read()) == (200, WHOLE)


def test_a_range_behind_the_end_is_refused(s3: Any, read: list[int]) -> None:
    with pytest.raises(ClientError, match="InvalidRange"):
        s3.get_object(Bucket="films", Key="key", Range=f"bytes={len(WHOLE)}-")
    assert sum(read) == 0


def test_the_only_part_can_be_asked_for_with_a_range(s3: Any) -> None:
    found = s3.get_object(Bucket="films", Key="key", PartNumber=1, Range="bytes=0-9")
    assert found["Body"].read()[:10] == WHOLE[:10]
