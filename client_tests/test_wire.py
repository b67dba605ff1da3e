"""HTTP itself: what comes back for bytes that no SDK would send, and in which headers."""

from __future__ import annotations

import json
import re

import pytest
from modes import socket_only
from wire import CONTROL, NOBODY, REST, SIGNED, Wire

pytestmark = socket_only

RECOMMENDATIONS = {"campaignArn": f"arn:aws:personalize:us-east-1:{NOBODY}:campaign/none", "userId": "u1"}


@pytest.fixture
def wire(endpoint: str) -> Wire:
    return Wire(endpoint)


MALFORMED = {
    "not JSON": b"{",
    "nothing but text": b"hello",
    "a list": b"[]",
    "null": b"null",
    "bad UTF-8": b'{"nextToken": "\xff"}',
    "not a number": b'{"maxResults": NaN}',
    "infinitely deep": b'{"nextToken": ' + b"[" * 100_000,
    "a number for a text": b'{"nextToken": 5}',
    "a text for a number": b'{"maxResults": "5"}',
    "true for a number": b'{"maxResults": true}',
    "a fraction for an integer": b'{"maxResults": 1.5}',
    "bytes of nothing": b"\x00" * 64,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_requests_get_the_error_of_aws(wire: Wire, body: bytes) -> None:
    answer = wire.control("ListSchemas", body)
    assert (answer.status, answer.json["__type"]) == (400, "SerializationException")
    assert answer.json["message"]
    assert answer.headers["content-type"] == CONTROL
    rest = wire.rest(body.replace(b"nextToken", b"userId").replace(b"maxResults", b"numResults"))
    assert (rest.status, rest.headers["x-amzn-errortype"]) == (400, "SerializationException")
    assert rest.json.keys() == {"message"}
    assert rest.headers["content-type"] == REST


@pytest.mark.parametrize("body", [b"", None], ids=["an empty body", "no body"])
def test_no_body_is_an_empty_request(wire: Wire, body: bytes | None) -> None:
    listed = wire.control("ListSchemas", body)
    assert (listed.status, listed.json) == (200, {"schemas": []})
    described = wire.control("DescribeSchema", body)
    assert (described.status, described.json["__type"]) == (400, "InvalidInputException")
    assert "'schemaArn'" in described.json["message"]
    rest = wire.rest(body)
    assert (rest.status, rest.headers["x-amzn-errortype"]) == (400, "InvalidInputException")


@pytest.mark.parametrize(
    "target", ["ListFilms", "", "listSchemas", "ListSchemas.", "../ListSchemas", "ListSchemas\u00e9"]
)
def test_an_unknown_target_is_an_unknown_operation(wire: Wire, target: str) -> None:
    answer = wire.control(target)
    assert (answer.status, answer.json["__type"]) == (400, "UnknownOperationException")
    assert answer.headers["content-type"] == CONTROL


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/films"), ("GET", "/recommendations"), ("POST", "/recommendations/x")]
)
def test_an_unknown_path_is_an_unknown_operation(wire: Wire, method: str, path: str) -> None:
    answer = wire.rest(b"{}", path, method)
    assert 400 <= answer.status < 500
    assert answer.headers["x-amzn-errortype"] == "UnknownOperationException"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json", "x"])
def test_the_content_type_of_a_request_does_not_matter(wire: Wire, content_type: str) -> None:
    assert wire.control("ListSchemas", Content_Type=content_type).status == 200


def test_a_success_has_the_headers_of_aws(wire: Wire) -> None:
    answer = wire.control("ListSchemas")
    assert answer.headers["content-type"] == CONTROL
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer.headers["x-amzn-requestid"])
    assert answer.headers["x-amzn-requestid"] != wire.control("ListSchemas").headers["x-amzn-requestid"]
    assert int(answer.headers["content-length"]) == len(answer.body)


def test_an_error_of_the_runtime_names_itself_in_a_header(wire: Wire) -> None:
    answer = wire.rest(json.dumps(RECOMMENDATIONS).encode())
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "InvalidInputException")
    assert answer.json == {"message": f"{RECOMMENDATIONS['campaignArn']} does not exist or is not active yet."}
    assert "x-amzn-requestid" in answer.headers


def test_times_are_numbers_of_seconds(wire: Wire) -> None:
    recipes = wire.control("ListRecipes").json["recipes"]
    assert {type(recipe["creationDateTime"]) for recipe in recipes} <= {int, float}
    assert recipes[0]["creationDateTime"] == 1560124800  # 2019-06-10


def test_unknown_members_are_refused(wire: Wire) -> None:
    answer = wire.control("ListSchemas", b'{"films": 1}')
    assert answer.json["__type"] == "InvalidInputException"
    assert "'films'" in answer.json["message"]


def test_null_is_nothing(wire: Wire) -> None:
    assert wire.control("ListSchemas", b'{"maxResults": null}').status == 200
    assert "'schemaArn'" in wire.control("DescribeSchema", b'{"schemaArn": null}').json["message"]


def test_what_is_signed_for_others_is_not_ours(wire: Wire) -> None:
    """Buckets may be called like paths of ours."""
    signed = SIGNED.format(key="123456789012", service="s3")
    for path in ("/recommendations", "/events"):
        assert wire.send("PUT", path, b"", Authorization=signed).status == 200
        assert wire.send("PUT", f"{path}/rows.csv", b"rows", Authorization=signed).status == 200
        assert wire.send("GET", f"{path}/rows.csv", None, Authorization=signed).body == b"rows"


@pytest.mark.parametrize("path", ["/", "/recommendations", "/_fakepersonalize/health/live", "/moto-api/data.json"])
@pytest.mark.parametrize("foreign", [{"Host": "films.example"}, {"Origin": "https://films.example"}])
def test_foreign_hosts_and_pages_are_refused(wire: Wire, path: str, foreign: dict[str, str]) -> None:
    answer = wire.send("GET", path, None, **foreign)
    assert answer.status == 403
    assert not any(name.startswith("access-control-") for name in answer.headers)


@pytest.mark.parametrize("state", ["live", "ready"])
def test_the_server_says_that_it_is_well(wire: Wire, state: str) -> None:
    assert wire.send("GET", f"/_fakepersonalize/health/{state}", None).status == 200
