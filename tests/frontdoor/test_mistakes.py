"""Requests to S3 with mistakes at which moto fails: refused as S3 refuses them, with a status that nobody retries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from werkzeug.test import Client

from fakepersonalize.arns import Scope
from fakepersonalize.clients import in_process_client, new_session
from fakepersonalize.frontdoor.neighbour_app import NeighbourApp

UPLOAD = {"Bucket": "films", "Key": "key", "UploadId": "none"}
PARTS = {"Parts": [{"PartNumber": 1, "ETag": '"0"'}]}


@pytest.fixture(scope="module")
def app() -> Iterator[NeighbourApp]:
    app = NeighbourApp()
    yield app
    Client(app).post("/moto-api/reset")


@pytest.fixture(scope="module")
def s3(app: NeighbourApp) -> Any:
    client = in_process_client(new_session(), "s3", Scope("111111111111", "us-east-1"), app)
    client.create_bucket(Bucket="films")
    client.put_object(Bucket="films", Key="key", Body=b"0123456789")
    return client


def refused(call: Callable[..., Any], **request: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as refusal:
        call(**request)
    answer = refusal.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("upload_part", {"PartNumber": 1, "Body": b"x"}),
        ("upload_part_copy", {"PartNumber": 1, "CopySource": "films/key"}),
        ("list_parts", {}),
        ("complete_multipart_upload", {"MultipartUpload": PARTS}),
        ("abort_multipart_upload", {}),
    ],
)
def test_an_upload_that_is_not_there_is_not_found(s3: Any, operation: str, more: dict[str, Any]) -> None:
    assert refused(getattr(s3, operation), **UPLOAD, **more)[:2] == (404, "NoSuchUpload")


STATEMENT = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::films/*"}


def without(element: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in STATEMENT.items() if name != element}]


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        *(
            (text, "Policies must be valid JSON and the first byte must be '{'")
            for text in ("policy.json", "", "[]", "{")
        ),
        ({}, "Missing required field Statement"),
        ({"Statement": "all"}, "Missing required field Effect"),
        *(({"Statement": without(element)}, f"Missing required field {element}") for element in STATEMENT),
        ({"Statement": STATEMENT | {"Action": {"s3": "*"}}}, "Policy has invalid action"),
        ({"Statement": [STATEMENT, STATEMENT | {"Resource": [1]}]}, "Policy has invalid resource"),
    ],
)
def test_a_policy_that_is_none_is_refused_and_spoils_no_bucket(s3: Any, policy: Any, sentence: str) -> None:
    text = policy if isinstance(policy, str) else json.dumps(policy)
    assert refused(s3.put_bucket_policy, Bucket="films", Policy=text) == (400, "MalformedPolicy", sentence)
    assert s3.get_object(Bucket="films", Key="key")["Body"].read() == b"0123456789"


@pytest.mark.parametrize("element", ["Principal", "Action", "Resource"])
def test_a_policy_may_say_what_it_does_not_mean(s3: Any, element: str) -> None:
    statement = without(element)[0] | {f"Not{element}": STATEMENT[element]}
    s3.put_bucket_policy(Bucket="films", Policy=json.dumps({"Statement": [STATEMENT, statement]}))
    s3.get_object(Bucket="films", Key="key")
    s3.delete_bucket_policy(Bucket="films")


@pytest.mark.parametrize(
    "more",
    [
        {"Condition": "x"},
        {"Condition": [1]},
        {"Condition": {"StringEquals": [1]}},
        {"Resource": "arn:aws:s3:::films/[*"},
        {"Principal": {"AWS": [{}]}},
        {"Principal": 1},
    ],
)
def test_a_statement_that_cannot_be_read_says_nothing(s3: Any, more: dict[str, Any]) -> None:
    s3.put_bucket_policy(Bucket="films", Policy=json.dumps({"Statement": STATEMENT | {"Effect": "Deny"} | more}))
    assert s3.get_object(Bucket="films", Key="key")["Body"].read() == b"0123456789"
    s3.delete_bucket_policy(Bucket="films")


def test_a_listing_goes_on_where_it_was_only(s3: Any) -> None:
    found = refused(s3.list_objects_v2, Bucket="films", ContinuationToken="none")
    assert found == (400, "InvalidArgument", "The continuation token provided is incorrect")
    s3.put_object(Bucket="films", Key="later", Body=b"")
    token = s3.list_objects_v2(Bucket="films", MaxKeys=1)["NextContinuationToken"]
    assert s3.list_objects_v2(Bucket="films", ContinuationToken=token, MaxKeys=1)["Contents"][0]["Key"] == "later"


@pytest.mark.parametrize("source", ["films", "/films"])
def test_a_copy_needs_a_bucket_and_a_key(s3: Any, source: str) -> None:
    expected = (400, "InvalidArgument", "Invalid copy source object key")
    assert refused(s3.copy_object, Bucket="films", Key="copy", CopySource=source) == expected
    assert refused(s3.upload_part_copy, **UPLOAD, PartNumber=1, CopySource=source) == expected


SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=111111111111/20260101/us-east-1/s3/aws4_request"}
NO_INTEGER = "Provided {name} not an integer or within integer range"
NEGATIVE = "Argument {name} must be an integer between 0 and 2147483647"
NO_PART_NUMBER = "Part number must be an integer between 1 and 10000, inclusive"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("films?list-type=2", "max-keys"),
        ("films?", "max-keys"),
        ("films?versions", "max-keys"),
        ("films?uploads", "max-uploads"),
        ("films/key?uploadId=none", "max-parts"),
        ("films/key?uploadId=none", "part-number-marker"),
    ],
)
@pytest.mark.parametrize(
    ("value", "sentence"),
    [("x", NO_INTEGER), ("1.5", NO_INTEGER), ("", NO_INTEGER), ("2147483648", NO_INTEGER), ("-1", NEGATIVE)],
)
def test_numbers_of_a_request_are_numbers(
    app: NeighbourApp, s3: Any, address: str, name: str, value: str, sentence: str
) -> None:
    answer = Client(app).get(f"/{address}&{name}={value}", headers=SIGNED)
    assert (answer.status_code, "<Code>InvalidArgument</Code>" in answer.text) == (400, True), answer.text
    assert f"<Message>{sentence.format(name=name)}</Message>" in answer.text


@pytest.mark.parametrize("number", ["x", "", "1.5", "0", "-1", "10001"])
@pytest.mark.parametrize(("method", "more"), [("GET", ""), ("HEAD", ""), ("PUT", "&uploadId=none")])
def test_parts_have_numbers_up_to_ten_thousand(app: NeighbourApp, s3: Any, method: str, more: str, number: str) -> None:
    answer = Client(app).open(f"/films/key?partNumber={number}{more}", method=method, headers=SIGNED)
    assert answer.status_code == 400
    assert method == "HEAD" or f"<Message>{NO_PART_NUMBER}</Message>" in answer.text


def test_parts_beyond_the_last_are_not_there(app: NeighbourApp, s3: Any) -> None:
    named = {"Bucket": "films", "Key": "parts"}
    upload = {**named, "UploadId": s3.create_multipart_upload(**named)["UploadId"]}
    bodies = {1: b"x" * 5 * 2**20, 2: b"y"}
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in bodies.items()
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert s3.head_object(**named, PartNumber=2)["ContentLength"] == 1
    expected = (416, "InvalidPartNumber", "The requested partnumber is not satisfiable")
    assert refused(s3.get_object, **named, PartNumber=3) == expected
    assert refused(s3.head_object, **named, PartNumber=3)[0] == 416
    assert s3.get_object(Bucket="films", Key="key", PartNumber=1)["Body"].read() == b"0123456789"
    assert refused(s3.get_object, Bucket="films", Key="key", PartNumber=2) == expected
    assert refused(s3.head_object, Bucket="films", Key="key", PartNumber=2)[0] == 416
    assert refused(s3.get_object, Bucket="films", Key="none", PartNumber=2)[:2] == (404, "NoSuchKey")
    s3.delete_object(**named)


def test_a_form_needs_a_key(app: NeighbourApp, s3: Any) -> None:
    answer = Client(app).post("/films", data={"file": "x"})
    assert answer.status_code == 400
    assert "<Code>InvalidArgument</Code>" in answer.text


@pytest.mark.parametrize("key", ["\0", "a\0b", "folder/\0"])
def test_a_key_with_a_nul_is_refused_when_it_is_put(app: NeighbourApp, s3: Any, key: str) -> None:
    expected = (400, "InvalidURI", "Couldn't parse the specified URI.")
    named = {"Bucket": "films", "Key": key}
    assert refused(s3.put_object, **named, Body=b"") == expected
    assert refused(s3.copy_object, **named, CopySource="films/key") == expected
    assert refused(s3.create_multipart_upload, **named) == expected
    answer = Client(app).post("/films", data={"key": key, "file": "x"})
    assert (answer.status_code, "<Code>InvalidURI</Code>" in answer.text) == (400, True), answer.text
    assert not [found for found in s3.list_objects_v2(Bucket="films")["Contents"] if "\0" in found["Key"]]


@pytest.mark.parametrize("address", ["/films?delete", "/films?tagging", "/films?cors", "/films/key?tagging"])
@pytest.mark.parametrize("body", [b"words", b"<Open>"])
def test_bodies_that_are_no_xml_are_refused(app: NeighbourApp, s3: Any, address: str, body: bytes) -> None:
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=111111111111/20260101/us-east-1/s3/aws4_request"}
    method = "POST" if "delete" in address else "PUT"
    answer = Client(app).open(address, method=method, data=body, headers=signed)
    assert (answer.status_code, "<Code>MalformedXML</Code>" in answer.text) == (400, True), answer.text


SETTINGS = ["tagging", "ownershipControls", "publicAccessBlock", "lifecycle", "inventory&id=x"]


@pytest.mark.parametrize(
    ("method", "address"),
    [
        *(("PUT", f"/films?{setting}") for setting in SETTINGS),
        *(("POST", address) for address in ("/films?delete", "/films/key?restore", "/films/key?select&select-type=2")),
    ],
)
def test_bodies_of_another_kind_are_refused(app: NeighbourApp, s3: Any, method: str, address: str) -> None:
    answer = Client(app).open(address, method=method, data=b"<Films><Title/></Films>", headers=SIGNED)
    assert (answer.status_code, "<Code>MalformedXML</Code>" in answer.text) == (400, True), answer.text


@pytest.mark.parametrize("address", ["/films", "/films/new"])
def test_an_acl_that_nobody_knows_is_refused(app: NeighbourApp, s3: Any, address: str) -> None:
    query = "acl" if address == "/films" else ""
    answer = Client(app).put(address, query_string=query, data=b"x", headers=SIGNED | {"x-amz-acl": "films"})
    assert (answer.status_code, "<Code>InvalidArgument</Code>" in answer.text) == (400, True), answer.text


def test_failures_of_moto_are_told_in_s3s_words(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.s3.models import S3Backend

    monkeypatch.setattr(S3Backend, "get_bucket", lambda *_: 1 / 0)
    status, code, message = refused(s3.list_objects_v2, Bucket="films")
    assert (status, code) == (500, "InternalError")
    assert "ZeroDivisionError" in message


@pytest.mark.parametrize("way", ["items", "values", "lists"])
def test_a_listing_goes_on_when_what_it_has_still_to_name_is_deleted(s3: Any, way: str) -> None:
    from moto.s3.models import s3_backends

    s3.create_bucket(Bucket="books")
    for key in "abc":
        s3.put_object(Bucket="books", Key=key, Body=b"")
    listing = getattr(s3_backends["111111111111"]["aws"].buckets["books"].keys, way)()
    next(listing)
    s3.delete_object(Bucket="books", Key="c")
    found = list(listing)
    assert len(found) == 2
    assert all(map(bool, dict(found).values() if way == "lists" else found))
    for key in "ab":
        s3.delete_object(Bucket="books", Key=key)
    s3.delete_bucket(Bucket="books")


@pytest.mark.parametrize(("version", "code"), [({}, "NoSuchKey"), ({"VersionId": "none"}, "NoSuchVersion")])
def test_the_tags_of_an_object_that_is_not_there_cannot_be_deleted(s3: Any, version: dict[str, str], code: str) -> None:
    assert refused(s3.delete_object_tagging, Bucket="films", Key="none", **version)[:2] == (404, code)


def test_the_tags_of_an_object_can_be_deleted(s3: Any) -> None:
    s3.put_object(Bucket="films", Key="tagged", Body=b"", Tagging="a=b")
    s3.delete_object_tagging(Bucket="films", Key="tagged")
    assert s3.get_object_tagging(Bucket="films", Key="tagged")["TagSet"] == []


def test_another_account_may_delete_a_bucket_where_nothing_is_enforced(app: NeighbourApp, s3: Any) -> None:
    other = in_process_client(new_session(), "s3", Scope("222222222222", "us-east-1"), app)
    s3.create_bucket(Bucket="shared")
    other.delete_bucket(Bucket="shared")
    assert refused(other.delete_bucket, Bucket="shared")[:2] == (404, "NoSuchBucket")
    assert "shared" not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    s3.create_bucket(Bucket="shared")
    s3.put_object(Bucket="shared", Key="key", Body=b"x")
    assert refused(other.delete_bucket, Bucket="shared")[:2] == (409, "BucketNotEmpty")
