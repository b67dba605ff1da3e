"""The check of every answer finds what is wrong with one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import botocore.session
import pytest
import shapes
from accounts import Account

MODEL = botocore.session.Session().get_service_model("personalize")
HEADERS = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": "01234567-89ab-cdef-0123-456789abcdef"}
ARN = "arn:aws:personalize:us-east-1:123456789012:schema/films"
SCHEMA = {"name": "films", "schemaArn": ARN, "schema": "{}", "creationDateTime": 1600000000.123}
WRONG = {
    "an undeclared member": ({"schema": SCHEMA, "more": 1}, "answer.more is not declared"),
    "an undeclared member below": ({"schema": SCHEMA | {"status": "ACTIVE"}}, "answer.schema.status is not declared"),
    "null": ({"schema": SCHEMA | {"domain": None}}, "answer.schema.domain is no string: None"),
    "a wrong type": ({"schema": SCHEMA | {"name": 5}}, "answer.schema.name is no string: 5"),
    "a list for a structure": ({"schema": []}, "answer.schema is no structure: []"),
    "time as text": ({"schema": SCHEMA | {"creationDateTime": "2020-09-13"}}, "is no timestamp"),
    "time in milliseconds": ({"schema": SCHEMA | {"creationDateTime": 1600000000123}}, "is no timestamp"),
    "a value outside an enum": ({"schema": SCHEMA | {"domain": "FILMS"}}, "answer.schema.domain is none of"),
    "a long text": ({"schema": SCHEMA | {"name": "n" * 64}}, "answer.schema.name has 64 characters"),
    "no ARN": ({"schema": SCHEMA | {"schemaArn": "films"}}, "answer.schema.schemaArn is no ARN"),
}


def problems(name: str, body: Any, status: int = 200, headers: Mapping[str, str] = HEADERS) -> list[str]:
    answer = {"status_code": status, "headers": headers, "body": json.dumps(body).encode()}
    return list(shapes.violations(MODEL.operation_model(name), answer))


def test_a_good_answer_has_no_problems() -> None:
    assert problems("DescribeSchema", {"schema": SCHEMA}) == []
    assert problems("DeleteSchema", {}) == []
    message = {"__type": "ResourceNotFoundException", "message": "gone"}
    assert problems("DescribeSchema", message, 400) == []


@pytest.mark.parametrize(("body", "problem"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_answer_is_found_out(body: Any, problem: str) -> None:
    (found,) = problems("DescribeSchema", body)
    assert problem in found


def test_required_members_are_missed() -> None:
    summary = {"metricName": "m", "eventType": "e"}
    assert problems("ListMetricAttributionMetrics", {"metrics": [summary]}) == [
        "answer.metrics[0].expression is missing"
    ]


def test_wrong_errors_are_found_out() -> None:
    unmodelled = {"__type": "LimitExceededException", "message": "too many"}
    assert "is not modelled" in problems("DescribeSchema", unmodelled, 400)[0]
    assert "is not modelled" in problems("DescribeSchema", {"__type": "InternalFailure", "message": "m"}, 500)[0]
    gone = {"__type": "ResourceNotFoundException", "message": "gone"}
    assert problems("DescribeSchema", gone, 404) == ["ResourceNotFoundException with status 404"]
    assert problems("DescribeSchema", gone | {"more": 1}, 400) == [
        "an error with the members ['__type', 'message', 'more']"
    ]


def test_wrong_headers_are_found_out() -> None:
    assert problems("DescribeSchema", {"schema": SCHEMA}, headers=HEADERS | {"Content-Type": "application/json"}) == [
        "content-type is 'application/json'"
    ]
    assert problems("DeleteSchema", {}, headers=HEADERS | {"x-amzn-RequestId": "1"}) == ["x-amzn-requestid is '1'"]


def test_clients_are_watched(account: Account) -> None:
    """What an answer lacks fails the call that got it."""

    def spoil(response_dict: dict[str, Any], **_: Any) -> None:
        response_dict["body"] = b'{"schemas": null}'

    account.personalize.meta.events.register_first("before-parse", spoil)
    with pytest.raises(AssertionError, match=r"answer\.schemas is no list: None"):
        account.personalize.list_schemas()
