"""A bucket policy denies what it says to whom it says, under the conditions that it names, and nothing else."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session
from werkzeug.test import Client

from fakepersonalize.arns import Scope
from fakepersonalize.clients import in_process_client, new_session
from fakepersonalize.frontdoor.neighbour_app import NeighbourApp
from fakepersonalize.neighbours import Neighbours
from fakepersonalize.storage.objects import ObjectStore

ACCOUNT = "111111111111"
SCOPE = Scope(ACCOUNT, "us-east-1")
EVERYTHING = {"Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::films", "arn:aws:s3:::films/*"]}
TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
ENCRYPTION = "s3:x-amz-server-side-encryption"


@pytest.fixture(scope="module")
def session() -> Session:
    return new_session()


@pytest.fixture(scope="module", params=["in memory", "kept"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NeighbourApp]:
    store = ObjectStore(Path(tmp_path_factory.mktemp("kept"))) if request.param == "kept" else None
    app = NeighbourApp(store=store)
    yield app
    Client(app).post("/moto-api/reset")
    if store:
        store.close()


@pytest.fixture(scope="module")
def s3(app: NeighbourApp, session: Session) -> Any:
    """A client as users have it, in the name of the account."""
    client = in_process_client(session, "s3", SCOPE, app)
    client.create_bucket(Bucket="films")
    client.put_object(Bucket="films", Key="key", Body=b"content")
    return client


@contextmanager
def denying(s3: Any, **denial: Any) -> Iterator[None]:
    s3.put_bucket_policy(Bucket="films", Policy=json.dumps({"Statement": [{"Effect": "Deny", **EVERYTHING, **denial}]}))
    try:
        yield
    finally:
        s3.delete_bucket_policy(Bucket="films")


def denied(call: Callable[..., Any], key: str = "key", **request: Any) -> bool:
    try:
        call(Bucket="films", Key=key, **request)
    except ClientError as refusal:
        found = refusal.response["ResponseMetadata"]["HTTPStatusCode"], refusal.response["Error"]["Code"]
        # An answer to HEAD has no body to name the code.
        assert found in ((403, "AccessDenied"), (403, "403")), found
        assert found[1] == "AccessDenied" or call.__name__ == "head_object"
        return True
    return False


def in_name_of(client: Any, key: str) -> Any:
    """Let a client sign with the access key of somebody else."""
    client._request_signer._credentials.access_key = key
    return client


@pytest.mark.parametrize(
    "condition",
    [
        {"Bool": {"aws:SecureTransport": "false"}},  # what enforce_ssl of the CDK writes
        {"Bool": {"aws:SecureTransport": False}},
        {"BoolIfExists": {"AWS:SecureTransport": ["false"]}},
        {"NumericLessThan": {"s3:TlsVersion": 1.2}},
        {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
        {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}},
        {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}},
        {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}},
        {"StringEquals": {ENCRYPTION: "aws:kms"}},
        {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}},
        {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}},
        {"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:root"}},
        {"StringNotLike": {"aws:userId": ["AROA1:*", ACCOUNT]}},
        {"StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}},
        {"StringNotEquals": {"s3:authType": "REST-HEADER"}},
        {"StringEquals": {"aws:Unheard": "of"}},
    ],
)
def test_a_denial_whose_conditions_do_not_hold_denies_nothing(s3: Any, condition: dict[str, Any]) -> None:
    with denying(s3, Condition=condition):
        assert not denied(s3.put_object, Body=b"content")
        assert not denied(s3.get_object)
        assert not denied(s3.head_object)
        assert "Errors" not in s3.delete_objects(Bucket="films", Delete={"Objects": [{"Key": "none"}]})


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"StringNotEquals": {"aws:PrincipalAccount": "222222222222"}},
        {"StringNotEquals": {ENCRYPTION: "aws:kms"}},
        {"Null": {ENCRYPTION: "true"}},
        {"StringEqualsIfExists": {"aws:Unheard": "of"}},
        {"StringNotEquals": {"aws:Unheard": "of"}},
        {"StringEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:root", "aws:PrincipalType": "Account"}},
    ],
)
def test_a_denial_whose_conditions_hold_denies(s3: Any, condition: dict[str, Any]) -> None:
    with denying(s3, Condition=condition):
        for call in (s3.get_object, s3.head_object, s3.delete_object, s3.create_multipart_upload):
            assert denied(call)
        assert denied(s3.put_object, "new", Body=b"")
        (error,) = s3.delete_objects(Bucket="films", Delete={"Objects": [{"Key": "key"}]})["Errors"]
        assert error["Code"] == "AccessDenied"
    assert s3.get_object(Bucket="films", Key="key")["Body"].read() == b"content"


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": ["222222222222", ACCOUNT]}}, True),
        ({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}, True),
        ({"Principal": {"AWS": "arn:aws:iam::222222222222:root"}}, False),
        ({"Principal": {"AWS": "222222222222"}}, False),
        ({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}}, False),
        ({"Principal": {"Service": "personalize.amazonaws.com"}}, False),
        ({"NotPrincipal": {"AWS": ACCOUNT}}, False),
        ({"NotPrincipal": {"AWS": "222222222222"}}, True),
    ],
)
def test_a_denial_is_for_those_whom_it_names(s3: Any, principal: dict[str, Any], expected: bool) -> None:
    statement = {name: value for name, value in EVERYTHING.items() if name != "Principal"}
    s3.put_bucket_policy(Bucket="films", Policy=json.dumps({"Statement": {"Effect": "Deny", **statement, **principal}}))
    assert denied(s3.get_object) is expected
    s3.delete_bucket_policy(Bucket="films")


@pytest.mark.parametrize(
    ("action", "does"),
    [
        ("GetObject", {"get_object", "head_object"}),
        ("PutObject", {"put_object", "create_multipart_upload"}),
        ("DeleteObject", {"delete_object"}),
        ("GetObjectTagging", {"get_object_tagging"}),
        ("PutObjectAcl", {"put_object_acl"}),
        ("Get*", {"get_object", "head_object", "get_object_tagging"}),
    ],
)
def test_a_denial_is_of_the_actions_that_it_names(s3: Any, action: str, does: set[str]) -> None:
    asked = {
        "get_object": {},
        "head_object": {},
        "put_object": {"Body": b"content"},
        "create_multipart_upload": {},
        "get_object_tagging": {},
        "put_object_acl": {"ACL": "private"},
    }
    with denying(s3, Action=f"s3:{action}"):
        found = {name for name, request in asked.items() if denied(getattr(s3, name), **request)}
        assert denied(s3.delete_object, "none") is ("delete_object" in does)
    assert found == does - {"delete_object"}


def test_a_user_and_a_session_of_a_role_are_known_by_their_names(app: NeighbourApp, session: Session, s3: Any) -> None:
    iam, sts = (in_process_client(session, name, SCOPE, app) for name in ("iam", "sts"))
    iam.create_user(UserName="ann", Path="/staff/")
    user = in_process_client(session, "s3", SCOPE, app)
    in_name_of(user, iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"])
    role = iam.create_role(RoleName="imports", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    assumed = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="today")
    visitor = in_process_client(session, "s3", SCOPE, app)
    in_name_of(visitor, assumed["Credentials"]["AccessKeyId"])
    ann = f"arn:aws:iam::{ACCOUNT}:user/staff/ann"

    def who(**denial: Any) -> list[bool]:
        with denying(s3, **denial):
            return [denied(client.get_object) for client in (user, visitor, s3)]

    assert who(Principal={"AWS": ann}) == [True, False, False]
    assert who(Principal={"AWS": role["Arn"]}) == [False, True, False]
    assert who(Principal={"AWS": assumed["AssumedRoleUser"]["Arn"]}) == [False, True, False]
    assert who(Principal={"AWS": ACCOUNT}) == [True, True, True]
    assert who(Condition={"StringEquals": {"aws:PrincipalArn": role["Arn"]}}) == [False, True, False]
    assert who(Condition={"StringNotLike": {"aws:userId": f"{role['RoleId']}:*"}}) == [True, False, True]
    assert who(Condition={"StringEquals": {"aws:username": "ann"}}) == [True, False, False]
    assert who(Condition={"StringEquals": {"aws:PrincipalType": "AssumedRole"}}) == [False, True, False]


def test_an_upload_in_parts_is_asked_for_its_encryption_when_it_begins(s3: Any) -> None:
    named = {"Bucket": "films", "Key": "large"}
    with denying(s3, Action="s3:PutObject", Condition={"StringNotEquals": {ENCRYPTION: "aws:kms"}}):
        assert denied(s3.create_multipart_upload)
        upload = named | {"UploadId": s3.create_multipart_upload(**named, ServerSideEncryption="aws:kms")["UploadId"]}
        part = s3.upload_part(**upload, PartNumber=1, Body=b"x")
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
        assert denied(s3.put_object, Body=b"")
        s3.put_object(**named, Body=b"", ServerSideEncryption="aws:kms")


def test_who_does_not_sign_may_what_the_policy_allows_everybody(app: NeighbourApp, s3: Any) -> None:
    def read(**statement: Any) -> int:
        policy = {"Statement": {"Effect": "Allow", **EVERYTHING, **statement}}
        s3.put_bucket_policy(Bucket="films", Policy=json.dumps(policy))
        return Client(app).get("/films/key").status_code

    assert read() == 200
    assert read(Condition={"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}}) == 200
    assert read(Principal={"AWS": ACCOUNT}) == 403
    assert read(Principal={"Service": "personalize.amazonaws.com"}) == 403
    assert read(Condition={"StringLike": {"aws:Referer": "https://films.example/*"}}) == 403
    assert Client(app).get("/films/key", headers={"Referer": "https://films.example/a"}).status_code == 200
    s3.delete_bucket_policy(Bucket="films")


def test_presigned_urls_are_their_makers(app: NeighbourApp, s3: Any) -> None:
    url = s3.generate_presigned_url("get_object", {"Bucket": "films", "Key": "key"}).removeprefix("https://localhost")
    with denying(s3, Principal={"AWS": ACCOUNT}):
        assert Client(app).get(url).status_code == 403
    with denying(s3, Principal={"AWS": "222222222222"}):
        assert Client(app).get(url).data == b"content"


def test_what_jobs_read_and_write_is_decided_elsewhere(app: NeighbourApp, s3: Any) -> None:
    """`--iam` says whether the policy of a bucket counts for Personalize, which is not the account that owns it."""
    neighbours = Neighbours(app)
    with denying(s3):
        neighbours.write_object(SCOPE, "films", "report", io.BytesIO(b"rows"))
        assert b"".join(neighbours.read_object(SCOPE, "films", "report")) == b"rows"
        assert denied(s3.get_object, "report")
