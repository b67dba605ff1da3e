"""Requests that AWS refuses and at which moto fails get a 4xx in AWS's words; moto's own failures are one line."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import Client, TestResponse

from fakepersonalize.frontdoor.neighbour_app import NeighbourApp
from fakepersonalize.storage.objects import ObjectStore

FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
SIGNED = "AWS4-HMAC-SHA256 Credential=111111111111/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host"
NULL = "1 validation error detected: Value null at '{path}' failed to satisfy constraint: Member must not be null"


@pytest.fixture(params=["in memory", "kept"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NeighbourApp]:
    store = ObjectStore(tmp_path) if request.param == "kept" else None
    app = NeighbourApp(store=store)
    yield app
    Client(app).post("/moto-api/reset")
    if store:
        store.close()


def signed(service: str, **more: str) -> dict[str, str]:
    return {"Authorization": SIGNED.format(service=service)} | {
        name.replace("_", "-"): value for name, value in more.items()
    }


def query(app: NeighbourApp, service: str, body: str) -> TestResponse:
    return Client(app).post("/", data=body, headers=signed(service) | FORM)


def call(app: NeighbourApp, service: str, target: str, body: bytes = b"{}") -> TestResponse:
    return Client(app).post("/", data=body, headers=signed(service, X_Amz_Target=target))


@pytest.mark.parametrize("service", ["iam", "sts", "sns", "ec2", "cloudformation", "elasticloadbalancing", "rds"])
@pytest.mark.parametrize("body", ["Action=Films&Version=2010-05-08", "Action=", "", "\xff", "Action=__init__"])
def test_unknown_actions_are_invalid(app: NeighbourApp, service: str, body: str) -> None:
    answer = query(app, service, body)
    assert (answer.status_code, "<Code>InvalidAction</Code>" in answer.text) == (400, True), answer.text


@pytest.mark.parametrize(
    ("service", "prefix"),
    [
        *(("dynamodb", "DynamoDB_20120810"), ("logs", "Logs_20140328"), ("kms", "TrentService")),
        *(("monitoring", "GraniteServiceVersion20100801"), ("states", "AWSStepFunctions"), ("sqs", "AmazonSQS")),
    ],
)
@pytest.mark.parametrize("operation", ["Films", "", "__init__"])
def test_unknown_operations_are_unknown(app: NeighbourApp, service: str, prefix: str, operation: str) -> None:
    for target in (f"{prefix}.{operation}", prefix):
        answer = call(app, service, target)
        assert (answer.status_code, answer.json and answer.json["__type"]) == (400, "UnknownOperationException")


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff"])
def test_bodies_that_are_no_objects_of_json_cannot_be_read(app: NeighbourApp, body: bytes) -> None:
    answer = call(app, "dynamodb", "DynamoDB_20120810.CreateTable", body)
    assert (answer.status_code, answer.json and answer.json["__type"]) == (400, "SerializationException")


def test_missing_members_are_named(app: NeighbourApp) -> None:
    answer = call(app, "dynamodb", "DynamoDB_20120810.DescribeTable")
    assert (answer.status_code, answer.json) == (
        400,
        {"__type": "ValidationException", "message": NULL.format(path="tableName")},
    )


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("Action=CreateUser", "userName"),
        ("Action=CreateGroup", "groupName"),
        ("Action=CreateRole&RoleName=films", "assumeRolePolicyDocument"),
        ("Action=PutRolePolicy&RoleName=films&PolicyName=films", "policyDocument"),
    ],
)
def test_iam_makes_nothing_without_its_required_members(app: NeighbourApp, body: str, path: str) -> None:
    answer = query(app, "iam", body)
    assert (answer.status_code, "<Code>ValidationError</Code>" in answer.text) == (400, True), answer.text
    assert NULL.format(path=path) in answer.text
    assert "<member>" not in query(app, "iam", "Action=ListUsers").text


def test_numbers_are_numbers(app: NeighbourApp) -> None:
    answer = query(app, "iam", "Action=ListUsers&MaxItems=many")
    assert (answer.status_code, "<Code>ValidationError</Code>" in answer.text) == (400, True)
    assert "many is not a valid value for MaxItems" in answer.text


def test_an_action_may_stand_in_the_query(app: NeighbourApp) -> None:
    for method, more in (("POST", FORM), ("POST", {}), ("GET", {})):
        answer = Client(app).open("/?Action=ListUsers&Version=2010-05-08", method=method, headers=signed("iam") | more)
        assert answer.status_code == 200, answer.text


def test_what_is_whole_is_done(app: NeighbourApp) -> None:
    assert query(app, "iam", "Action=CreateUser&UserName=ann").status_code == 200
    assert "ann" in query(app, "iam", "Action=ListUsers&MaxItems=10").text
    tags = "Action=TagUser&UserName=ann&Tags.member.1.Key=a&Tags.member.1.Value=b"  # a list, spelt out
    assert query(app, "iam", tags).status_code == 200
    assert query(app, "sqs", "Action=CreateQueue&QueueName=films&Version=2012-11-05").status_code == 200
    assert json.loads(call(app, "dynamodb", "DynamoDB_20120810.ListTables").text) == {"TableNames": []}


def rest(app: NeighbourApp, service: str, method: str, path: str, body: bytes = b"") -> TestResponse:
    return Client(app).open(path, method=method, data=body, headers=signed(service))


@pytest.mark.parametrize(
    ("service", "path", "member"),
    [
        ("batch", "/v1/createcomputeenvironment", "computeEnvironmentName"),
        ("lambda", "/2015-03-31/functions", "functionName"),
        ("apigateway", "/usageplans", "name"),
        ("elasticfilesystem", "/2015-02-01/file-systems", "creationToken"),
        ("es", "/2015-01-01/es/domain", "domainName"),
    ],
)
def test_bodies_of_rest_are_read_as_well(app: NeighbourApp, service: str, path: str, member: str) -> None:
    for body, code in (
        (b"{}", "ValidationException"),
        (b"{", "SerializationException"),
        (b"[]", None),
        (b"null", None),
    ):
        answer = rest(app, service, "POST", path, body)
        assert answer.status_code == 400, answer.text
        assert answer.json
        assert answer.json["__type"] == (code or "SerializationException")
        if code == "ValidationException":
            assert f"Value null at '{member}" in answer.json["message"]


def test_a_member_that_only_moto_needs_is_named_as_well(app: NeighbourApp) -> None:
    assert rest(app, "glacier", "PUT", "/-/vaults/films").status_code == 201
    answer = rest(app, "glacier", "POST", "/-/vaults/films/jobs", b'{"Format": "CSV"}')
    assert (answer.status_code, answer.json and answer.json["message"]) == (400, NULL.format(path="type"))


def test_a_body_that_nobody_asked_for_is_read_where_moto_fails_at_it(app: NeighbourApp) -> None:
    answer = rest(app, "mq", "POST", "/v1/brokers/films/reboot", b"[]")
    assert (answer.status_code, answer.json and answer.json["__type"]) == (400, "SerializationException")


def test_members_of_another_type_are_named(app: NeighbourApp) -> None:
    answer = rest(app, "es", "POST", "/2015-01-01/es/domain", b'{"DomainName": [1]}')
    assert (answer.status_code, answer.json and answer.json["__type"]) == (400, "SerializationException")
    assert "The value at 'domainName' is not of type string" in answer.text


@pytest.mark.parametrize(
    ("service", "method", "path", "code"),
    [
        ("apigateway", "DELETE", "/restapis/films", "NotFoundException"),
        ("elasticfilesystem", "GET", "/2015-02-01/file-systems/films/backup-policy", "FileSystemNotFound"),
        ("eks", "GET", "/clusters/films/fargate-profiles", "ResourceNotFoundException"),
    ],
)
def test_a_resource_that_moto_looks_for_in_vain_is_not_found(
    app: NeighbourApp, service: str, method: str, path: str, code: str
) -> None:
    answer = rest(app, service, method, path)
    assert answer.json
    assert (answer.status_code, answer.json["__type"]) == (404, code)
    assert "films" in answer.json["message"]


@pytest.mark.parametrize(
    ("service", "path"), [("route53", "/2013-04-01/hostedzone"), ("cloudfront", "/2020-05-31/distribution")]
)
@pytest.mark.parametrize("body", [b"<Films/>", b"<Films>", b"", b"{}"])
def test_xml_without_its_elements_is_malformed(app: NeighbourApp, service: str, path: str, body: bytes) -> None:
    answer = rest(app, service, "POST", path, body)
    assert (answer.status_code, "<Code>MalformedXML</Code>" in answer.text) == (400, True), answer.text


def test_a_marker_that_is_no_number_is_refused(app: NeighbourApp) -> None:
    answer = query(app, "iam", "Action=ListRoles&Marker=films")
    assert (answer.status_code, "<Code>ValidationError</Code>" in answer.text) == (400, True), answer.text


def test_a_failure_that_the_request_did_not_cause_stays_one(app: NeighbourApp, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.apigateway.models import APIGatewayBackend

    monkeypatch.setattr(APIGatewayBackend, "delete_rest_api", lambda *_, **__: {}["somebody else"])
    assert rest(app, "apigateway", "DELETE", "/restapis/films").status_code == 500


@pytest.mark.parametrize(("method", "path"), [("PATCH", "/films"), ("PATCH", "/films/key"), ("POST", "/films/key")])
def test_methods_that_s3_does_not_know_are_not_allowed(app: NeighbourApp, method: str, path: str) -> None:
    Client(app).put("/films", headers=signed("s3"))
    Client(app).put("/films/key", headers=signed("s3"), data=b"x")
    answer = Client(app).open(path, method=method, headers=signed("s3"))
    assert (answer.status_code, "<Code>MethodNotAllowed</Code>" in answer.text) == (405, True), answer.text


def test_a_malformed_authorization_is_told(app: NeighbourApp) -> None:
    answer = Client(app).get("/films", headers={"Authorization": "x"})
    assert (answer.status_code, "<Code>AuthorizationHeaderMalformed</Code>" in answer.text) == (400, True)


def test_failures_of_moto_itself_are_one_line_of_the_log(
    app: NeighbourApp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from moto.s3.models import S3Backend

    monkeypatch.setattr(S3Backend, "list_buckets", lambda *_, **__: 1 / 0)
    with caplog.at_level(logging.INFO):
        assert Client(app).get("/", headers=signed("s3")).status_code == 500
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    (record,) = errors
    assert "\n" not in record.getMessage()
    assert record.exc_info is None
    assert "ZeroDivisionError" in record.getMessage()
    assert __file__ in record.getMessage()


def test_a_service_that_does_not_exist_is_no_line_on_the_output(
    app: NeighbourApp, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Client(app).get("/", headers=signed("films")).status_code == 501
    assert capsys.readouterr().out == ""
