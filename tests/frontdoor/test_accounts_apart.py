"""Under enforcement a bucket is its owner's: other accounts may do what its policy allows, and no more."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session
from werkzeug.test import Client

from fakepersonalize.arns import Scope
from fakepersonalize.clients import in_process_client, new_session
from fakepersonalize.frontdoor.neighbour_app import NeighbourApp
from fakepersonalize.neighbours import Neighbours

OWNER, OTHER = "111111111111", "222222222222"
BUCKET, OBJECTS = "arn:aws:s3:::films", "arn:aws:s3:::films/*"
BY_NAME = {"Bucket": "films", "Key": "key"}
FORM = {"key": "key", "file": "x"}


@pytest.fixture(scope="module")
def session() -> Session:
    return new_session()


@pytest.fixture(scope="module")
def app() -> Iterator[NeighbourApp]:
    app = NeighbourApp(enforce=True)
    yield app
    Client(app).post("/moto-api/reset")


@pytest.fixture
def owner(app: NeighbourApp, session: Session) -> Iterator[Any]:
    """The owner's client; the bucket is as new for each test."""
    Client(app).post("/moto-api/reset")
    client = client_of(app, session, OWNER)
    client.create_bucket(Bucket="films")
    client.put_object(**BY_NAME, Body=b"content")
    return client


@pytest.fixture
def other(app: NeighbourApp, session: Session, owner: Any) -> Any:
    client = client_of(app, session, OTHER)
    client.create_bucket(Bucket="others")
    return client


def client_of(app: NeighbourApp, session: Session, account: str) -> Any:
    """Return a client of an account that is no client of Personalize itself."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        return app({**environ, "fakepersonalize.own": False}, start_response)

    return in_process_client(session, "s3", Scope(account, "us-east-1"), application)


def allow(owner: Any, action: str, resource: Any, principal: Any = OTHER) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": resource}
    owner.put_bucket_policy(Bucket="films", Policy=json.dumps({"Statement": statement}))


CORS = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
ENCRYPTION = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
COPY = {"Bucket": "others", "Key": "copy", "CopySource": "films/key"}
# What another account asks for, and the action and resource that let it.
CALLS: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "read": (lambda s3: s3.get_object(**BY_NAME), "s3:GetObject", OBJECTS),
    "head": (lambda s3: s3.head_object(**BY_NAME), "s3:GetObject", OBJECTS),
    "write": (lambda s3: s3.put_object(**BY_NAME, Body=b"x"), "s3:PutObject", OBJECTS),
    "write a new one": (lambda s3: s3.put_object(Bucket="films", Key="new", Body=b"x"), "s3:PutObject", OBJECTS),
    "delete": (lambda s3: s3.delete_object(**BY_NAME), "s3:DeleteObject", OBJECTS),
    "tags": (lambda s3: s3.get_object_tagging(**BY_NAME), "s3:GetObjectTagging", OBJECTS),
    "upload": (lambda s3: s3.create_multipart_upload(**BY_NAME), "s3:PutObject", OBJECTS),
    "copy": (lambda s3: s3.copy_object(**COPY), "s3:GetObject", OBJECTS),
    "list": (lambda s3: s3.list_objects_v2(Bucket="films"), "s3:ListBucket", BUCKET),
    "head the bucket": (lambda s3: s3.head_bucket(Bucket="films"), "s3:ListBucket", BUCKET),
    "list versions": (lambda s3: s3.list_object_versions(Bucket="films"), "s3:ListBucketVersions", BUCKET),
    "read the policy": (lambda s3: s3.get_bucket_policy(Bucket="films"), "s3:GetBucketPolicy", BUCKET),
    "delete the policy": (lambda s3: s3.delete_bucket_policy(Bucket="films"), "s3:DeleteBucketPolicy", BUCKET),
    "write the policy": (
        lambda s3: s3.put_bucket_policy(Bucket="films", Policy='{"Statement": []}'),
        "s3:PutBucketPolicy",
        BUCKET,
    ),
    "write CORS": (lambda s3: s3.put_bucket_cors(Bucket="films", CORSConfiguration=CORS), "s3:PutBucketCORS", BUCKET),
    "write encryption": (
        lambda s3: s3.put_bucket_encryption(Bucket="films", ServerSideEncryptionConfiguration=ENCRYPTION),
        "s3:PutEncryptionConfiguration",
        BUCKET,
    ),
    "delete encryption": (
        lambda s3: s3.delete_bucket_encryption(Bucket="films"),
        "s3:PutEncryptionConfiguration",
        BUCKET,
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_another_account_may_do_what_the_policy_allows_and_no_more(owner: Any, other: Any, name: str) -> None:
    call, action, resource = CALLS[name]
    refused(call, other)
    allow(owner, action, resource, "333333333333")
    refused(call, other)
    allow(owner, "s3:GetBucketLocation", BUCKET)
    refused(call, other)
    assert owner.get_object(**BY_NAME)["Body"].read() == b"content"
    allow(owner, action, resource)
    call(other)


@pytest.mark.parametrize("name", CALLS)
def test_the_owner_needs_no_policy(owner: Any, other: Any, name: str) -> None:
    owner.put_bucket_policy(Bucket="films", Policy='{"Statement": []}')
    call = CALLS[name][0]
    if name == "copy":  # into a bucket of the other account
        refused(call, owner)
    else:
        call(owner)


def test_a_bucket_is_not_deleted_by_others(owner: Any, other: Any) -> None:
    owner.delete_object(**BY_NAME)
    refused(lambda s3: s3.delete_bucket(Bucket="films"), other)
    owner.delete_bucket(Bucket="films")


def test_of_several_objects_those_are_deleted_that_the_policy_allows(owner: Any, other: Any) -> None:
    owner.put_object(Bucket="films", Key="free/one", Body=b"")
    objects = {"Objects": [{"Key": "key"}, {"Key": "free/one"}]}
    allow(owner, "s3:DeleteObject", "arn:aws:s3:::films/free/*")
    answer = other.delete_objects(Bucket="films", Delete=objects)
    assert [each["Key"] for each in answer["Deleted"]] == ["free/one"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [("key", "AccessDenied")]
    assert [each["Key"] for each in owner.list_objects_v2(Bucket="films")["Contents"]] == ["key"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/films/key"), ("GET", "/films"), ("DELETE", "/films/key")])
def test_nobody_in_particular_needs_a_policy_too(app: NeighbourApp, owner: Any, method: str, path: str) -> None:
    assert Client(app).open(path, method=method).status_code == 403
    allow(owner, "s3:*", [BUCKET, OBJECTS], "*")
    assert Client(app).open(path, method=method).status_code in (200, 204)


def test_a_form_needs_permission_for_its_key(app: NeighbourApp, owner: Any) -> None:
    assert Client(app).post("/films", data=FORM).status_code == 403
    allow(owner, "s3:PutObject", OBJECTS, "*")
    assert Client(app).post("/films", data=FORM).status_code == 204


def test_names_of_others_are_taken_and_what_is_not_there_is_not_there(
    app: NeighbourApp, owner: Any, other: Any
) -> None:
    with pytest.raises(ClientError, match="BucketAlreadyExists"):
        other.create_bucket(Bucket="films")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        other.list_objects_v2(Bucket="none")
    assert [each["Name"] for each in other.list_buckets()["Buckets"]] == ["others"]
    assert Client(app).get("/").status_code == 403  # the list of nobody in particular


def test_personalize_itself_is_asked_elsewhere(app: NeighbourApp, owner: Any) -> None:
    own = Neighbours(app).client("s3", Scope(OTHER, "us-east-1"))
    assert own.get_object(**BY_NAME)["Body"].read() == b"content"


@pytest.mark.parametrize("name", [name for name in CALLS if name not in ("read the policy",)])
def test_without_enforcement_all_accounts_share_the_buckets(owner: Any, session: Session, name: str) -> None:
    other = client_of(NeighbourApp(), session, OTHER)
    other.create_bucket(Bucket="others")
    CALLS[name][0](other)


def refused(call: Callable[[Any], Any], s3: Any) -> None:
    with pytest.raises(ClientError) as refusal:
        call(s3)
    answer = refusal.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 403, answer
    assert answer["Error"]["Code"] in ("AccessDenied", "403"), answer
