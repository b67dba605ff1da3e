"""The neighbours, asked with botocore over a WSGI call instead of a socket."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from werkzeug.test import Client, EnvironBuilder

from fakepersonalize import clients
from fakepersonalize.arns import Scope
from fakepersonalize.frontdoor import neighbour_app
from fakepersonalize.frontdoor.neighbour_app import NeighbourApp

READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
FULL = "arn:aws:iam::aws:policy/service-role/AmazonPersonalizeFullAccess"


@pytest.fixture(scope="module")
def warm():
    """Importing moto takes half a second: once."""
    return NeighbourApp()


@pytest.fixture
def resets():
    return []


@pytest.fixture
def app(warm, resets):
    app = NeighbourApp(on_reset=lambda: resets.append(1))
    yield app
    Client(app).post("/moto-api/reset")


@pytest.fixture
def connect(app):
    def connect(service, key="testing", region="us-east-1", **config):
        client = boto3.client(
            service,
            region_name=region,
            endpoint_url="http://localhost:7377",
            aws_access_key_id=key,
            aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}, **config),
        )
        client.meta.events.register_first("before-send", lambda request, **_: clients._call(app, request))
        return client

    return connect


def roles_arn(iam, name="reader"):
    return iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]


def test_caller_identity_agrees_with_the_account_of_the_key(connect):
    assert connect("sts").get_caller_identity()["Account"] == "123456789012"
    assert connect("sts", "111111111111").get_caller_identity()["Account"] == "111111111111"


def test_two_accounts_can_have_a_role_of_the_same_name(connect):
    arns = [roles_arn(connect("iam", key)) for key in ("111111111111", "222222222222", "testing")]
    assert arns == [
        f"arn:aws:iam::{account}:role/reader" for account in ("111111111111", "222222222222", "123456789012")
    ]


def test_keys_that_iam_and_sts_issue_belong_to_their_account(connect):
    iam = connect("iam", "222222222222")
    iam.create_user(UserName="ann")
    of_user = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    role = {"RoleArn": "arn:aws:iam::333333333333:role/reader", "RoleSessionName": "session"}
    of_session = connect("sts").assume_role(**role)["Credentials"]["AccessKeyId"]
    assert neighbour_app.account_of_key(of_user) == "222222222222"
    assert neighbour_app.account_of_key(of_session) == "333333333333"
    assert connect("sts", of_user).get_caller_identity()["Arn"] == "arn:aws:iam::222222222222:user/ann"
    assert connect("sts", of_session).get_caller_identity()["Account"] == "333333333333"


def test_policies_managed_by_aws_can_be_attached_and_read(connect):
    iam = connect("iam")
    roles_arn(iam)
    for arn in (READ_ONLY, FULL):
        iam.attach_role_policy(RoleName="reader", PolicyArn=arn)
    attached = iam.list_attached_role_policies(RoleName="reader")["AttachedPolicies"]
    assert {policy["PolicyArn"] for policy in attached} == {READ_ONLY, FULL}
    assert {policy["Arn"] for policy in iam.list_policies(Scope="AWS", OnlyAttached=True)["Policies"]} == {
        READ_ONLY,
        FULL,
    }
    version = iam.get_policy(PolicyArn=FULL)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=FULL, VersionId=version)["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Action"] == ["personalize:*"]


def test_a_managed_policy_can_be_read_before_it_is_attached(connect):
    assert connect("iam").get_policy(PolicyArn=READ_ONLY)["Policy"]["AttachmentCount"] == 0


@pytest.mark.parametrize("arn", ["arn:aws:iam::aws:policy/NoSuchPolicy", FULL.replace("service-role/", "")])
def test_policies_that_aws_does_not_have_are_not_found(connect, arn):
    iam = connect("iam")
    roles_arn(iam)
    with pytest.raises(ClientError, match="does not exist"):
        iam.attach_role_policy(RoleName="reader", PolicyArn=arn)


def test_reset_empties_the_neighbours_and_tells_us(app, connect, resets):
    connect("s3").create_bucket(Bucket="films")
    assert Client(app).post("/moto-api/reset").status_code == 200
    assert resets == [1]
    assert connect("s3").list_buckets()["Buckets"] == []


def test_asking_about_reset_resets_nothing(app, resets):
    Client(app).get("/moto-api/reset")
    assert resets == []


@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.parametrize("bucket", ["recommendations", "events", "my.dotted.films"])
def test_s3_works_in_both_styles_with_awkward_keys(connect, style, bucket):
    s3 = connect("s3", s3={"addressing_style": style})
    s3.create_bucket(Bucket=bucket)
    for key in ("a/b//c d+é%2F.csv", "/leading", "moto-api/x"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 3


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize("style", ["path", "virtual"])
def test_presigned_urls_work(app, connect, version, style):
    s3 = connect("s3", "111111111111", s3={"addressing_style": style}, signature_version=version)
    s3.create_bucket(Bucket="films")
    s3.put_object(Bucket="films", Key="a b", Body=b"content")
    url = urlsplit(s3.generate_presigned_url("get_object", Params={"Bucket": "films", "Key": "a b"}))
    answer = Client(app).get(f"{url.path}?{url.query}", headers={"Host": url.netloc})
    assert answer.data == b"content"


def test_objects_uploaded_in_parts_are_whole(connect):
    s3 = connect("s3")
    s3.create_bucket(Bucket="films")
    upload = {
        "Bucket": "films",
        "Key": "big",
        "UploadId": s3.create_multipart_upload(Bucket="films", Key="big")["UploadId"],
    }
    pieces = [b"a" * (5 * 2**20), b"b"]
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(PartNumber=n, Body=piece, **upload)["ETag"]}
        for n, piece in enumerate(pieces, 1)
    ]
    s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload)
    assert s3.get_object(Bucket="films", Key="big")["Body"].read() == b"".join(pieces)


def test_an_object_that_many_put_and_read_at_once_is_always_a_whole_one(connect):
    clients = [connect("s3") for _ in range(6)]
    clients[0].create_bucket(Bucket="films")
    clients[0].put_object(Bucket="films", Key="rows.csv", Body=b"x")

    def use(client, number):
        for _ in range(8):
            if number % 2:
                client.put_object(Bucket="films", Key="rows.csv", Body=b"%d" % number * 400_000)
            else:
                assert len({*client.get_object(Bucket="films", Key="rows.csv")["Body"].read()}) == 1

    with ThreadPoolExecutor(len(clients)) as threads:
        list(threads.map(use, clients, range(len(clients))))


def test_ssm_kms_and_eventbridge_answer(connect):
    connect("ssm").put_parameter(Name="campaign", Value="arn", Type="String")
    assert connect("ssm").get_parameter(Name="campaign")["Parameter"]["Value"] == "arn"
    assert connect("kms", "111111111111").create_key()["KeyMetadata"]["AWSAccountId"] == "111111111111"
    connect("events").put_rule(Name="finished", EventPattern=json.dumps({"source": ["aws.personalize"]}))
    assert connect("events").list_rules()["Rules"][0]["Name"] == "finished"


def test_cloudformation_answers(connect):
    pytest.importorskip("openapi_spec_validator", reason="moto's extra for CloudFormation is not installed")
    template = json.dumps({"Resources": {"Films": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "films"}}}})
    connect("cloudformation").create_stack(StackName="data", TemplateBody=template)
    assert connect("s3").list_buckets()["Buckets"][0]["Name"] == "films"


def test_s3_control_keeps_its_path_although_the_host_names_an_account(connect):
    assert connect("s3control").list_access_points(AccountId="123456789012")["AccessPointList"] == []


def test_a_service_that_moto_lacks_is_named_and_not_tried_again(connect):
    with pytest.raises(ClientError, match=r"no service at chime") as refused:
        connect("chime").list_accounts()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


@pytest.mark.parametrize(
    ("service", "operation"), [("iam", "list_roles"), ("ssm", "describe_parameters"), ("s3", "list_buckets")]
)
def test_a_failure_of_moto_is_an_error_that_clients_can_read(app, connect, monkeypatch, caplog, service, operation):
    def fail(environ, start_response):
        raise KeyError("<oops>")

    monkeypatch.setattr(app, "_application", fail)
    with caplog.at_level(logging.CRITICAL), pytest.raises(ClientError) as failed:
        getattr(connect(service), operation)()
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


def test_stored_objects_are_read_in_blocks(app, connect):
    content = bytes(range(256)) * 40_000
    s3 = connect("s3", "111111111111")
    s3.create_bucket(Bucket="films")
    s3.put_object(Bucket="films", Key="big", Body=content)
    blocks = list(app.stored_object(Scope("111111111111", "us-east-1"), "films", "big", 1 << 20))
    assert b"".join(blocks) == content
    assert max(map(len, blocks)) == 1 << 20


@pytest.mark.parametrize(("bucket", "key"), [("films", "none"), ("none", "big")])
def test_a_stored_object_that_is_not_there_is_a_lookup_error(app, connect, bucket, key):
    connect("s3").create_bucket(Bucket="films")
    with pytest.raises(LookupError):
        list(app.stored_object(Scope("123456789012", "us-east-1"), bucket, key, 10))


def test_an_object_that_is_reset_while_it_is_read_is_a_lookup_error(app, connect):
    s3 = connect("s3")
    s3.create_bucket(Bucket="films")
    s3.put_object(Bucket="films", Key="big", Body=b"x" * 100)
    blocks = app.stored_object(Scope("123456789012", "us-east-1"), "films", "big", 10)
    assert len(next(blocks)) == 10
    Client(app).post("/moto-api/reset")
    with pytest.raises(LookupError):
        list(blocks)


def test_a_signature_of_the_second_version_is_no_path(app):
    """moto takes one with four slashes for the scope of the fourth version, and its parts for a service."""
    headers = {"Authorization": "AWS 111111111111:ab/cd/us-east-1/ef/gh=", "Host": "localhost"}
    assert Client(app).put("/films", headers=headers).status_code == 200


def test_large_objects_leave_in_pieces_so_that_no_server_copies_them_at_once(app, connect):
    s3 = connect("s3")
    s3.create_bucket(Bucket="films")
    whole = bytes(range(256)) * 10_000
    s3.put_object(Bucket="films", Key="large", Body=whole)
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/s3/aws4_request"}
    answer = app(EnvironBuilder("/films/large", headers=signed).get_environ(), lambda *_: None)
    pieces = list(answer)
    assert b"".join(pieces) == whole
    assert max(map(len, pieces)) <= 1 << 20
