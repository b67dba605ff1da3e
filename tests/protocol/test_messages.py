import json
import math
import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from botocore.awsrequest import HeadersDict
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from fakepersonalize.errors import (
    InternalFailure,
    InvalidInputException,
    NotImplementedByFakePersonalize,
    ResourceInUseException,
    ResourceNotFoundException,
    SerializationException,
    ServiceError,
    UnknownOperationException,
)
from fakepersonalize.protocol.constraints import check
from fakepersonalize.protocol.messages import parse_json, read, write, write_error
from fakepersonalize.protocol.service_models import Operation, ServiceModels
from fakepersonalize.protocol.wire import Incoming, Reply

MODELS = ServiceModels()
REQUEST_ID = "f3ff2f2d-8d0a-4a3e-9f2a-2a4f0d6d5c11"
EVENT = {"eventType": "watch", "sentAt": 1542392161}


def posted(body: bytes) -> Incoming:
    return Incoming("POST", "/", {}, body)


def read_json(name: str, value: Any) -> dict[str, Any]:
    return read(MODELS.operation(name), posted(json.dumps(value).encode()))


def refusal(name: str, body: bytes) -> str:
    with pytest.raises(SerializationException) as caught:
        read(MODELS.operation(name), posted(body))
    return caught.value.message


def of_botocore(operation: Operation) -> OperationModel:
    return ServiceModel(Loader().load_service_model(operation.service, "service-2"), operation.service).operation_model(
        operation.name
    )


def parsed_by_botocore(operation: Operation, reply: Reply) -> Any:
    response = {"status_code": reply.status, "headers": HeadersDict(reply.headers), "body": reply.body}
    shape = of_botocore(operation).output_shape
    return create_parser(operation.protocol).parse(response, shape)


# Reading


@pytest.mark.parametrize("name", ["ListSchemas", "GetRecommendations"])
@pytest.mark.parametrize("body", [b"", b"{}", b" {} \n"])
def test_no_body_and_an_empty_object_ask_for_nothing(name: str, body: bytes) -> None:
    assert read(MODELS.operation(name), posted(body)) == {}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"hello",
        b"{'name': 'films'}",
        b'{"name": "films",}',
        b'{"name": "films"} {}',
        b'{"name": "fi\nlms"}',
        b"\xff\xfe{}",
        b'{"name": "\xe9t\xe9"}',
        b"\xef\xbb\xbf{}",
        '{"name": "films"}'.encode("utf-16"),
        b'{"maxResults": NaN}',
        b'{"maxResults": Infinity}',
        b'{"maxResults": -Infinity}',
        b'{"maxResults": ' + b"9" * 5000 + b"}",
        b'{"name": "\\ud800"}',
        b'{"\\uDC00": 1}',
        b'{"name": ' * 100_000,
        b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[]",
        b"null",
        b'"films"',
        b"5",
        b"true",
    ],
    ids=lambda body: repr(body[:24]),
)
@pytest.mark.parametrize("name", ["ListSchemas", "PutEvents"])
def test_what_is_no_json_object_is_refused(name: str, body: bytes) -> None:
    assert refusal(name, body)


def test_escaped_surrogate_pairs_are_characters() -> None:
    assert parse_json(b'{"name": "\\ud83c\\udfac", "text": "\\\\ud83c"}') == {"name": "🎬", "text": "\\ud83c"}


def test_null_means_absent() -> None:
    request = read_json("CreateCampaign", {"name": None, "campaignConfig": {"itemExplorationConfig": None}, "x": None})
    assert request == {"campaignConfig": {}}


def test_null_inside_lists_and_maps_stays_for_the_check_to_name() -> None:
    request = read_json("GetPersonalizedRanking", {"inputList": ["a", None], "context": {"k": None}})
    assert request == {"inputList": ["a", None], "context": {"k": None}}


def test_unknown_members_stay_for_the_check_to_name() -> None:
    assert read_json("ListSchemas", {"colour": [1, {"a": None}]}) == {"colour": [1, {"a": None}]}


@pytest.mark.parametrize(
    ("name", "request_", "complaint", "path"),
    [
        ("ListSchemas", {"maxResults": "5"}, "STRING_VALUE can not be converted to an Integer", "maxResults"),
        ("ListSchemas", {"maxResults": 2.5}, "NUMBER_VALUE can not be converted to an Integer", "maxResults"),
        ("ListSchemas", {"maxResults": True}, "TRUE_VALUE can not be converted to an Integer", "maxResults"),
        ("ListSchemas", {"maxResults": 2**31}, "NUMBER_VALUE can not be converted to an Integer", "maxResults"),
        ("ListSchemas", {"maxResults": -(2**31) - 1}, "NUMBER_VALUE can not be converted to an Integer", "maxResults"),
        ("ListSchemas", {"nextToken": 5}, "NUMBER_VALUE can not be converted to a String", "nextToken"),
        ("ListSchemas", {"nextToken": False}, "FALSE_VALUE can not be converted to a String", "nextToken"),
        ("ListSchemas", {"nextToken": {}}, "Start of structure or map found where not expected", "nextToken"),
        ("ListSchemas", {"nextToken": []}, "Start of list found where not expected", "nextToken"),
        ("CreateSolution", {"performHPO": "true"}, "STRING_VALUE can not be converted to a Boolean", "performHPO"),
        ("CreateSolution", {"performHPO": 1}, "NUMBER_VALUE can not be converted to a Boolean", "performHPO"),
        ("CreateCampaign", {"campaignConfig": 1}, "NUMBER_VALUE can not be converted to a Structure", "campaignConfig"),
        ("TagResource", {"tags": "x"}, "STRING_VALUE can not be converted to a List", "tags"),
        ("TagResource", {"tags": {}}, "Start of structure or map found where not expected", "tags"),
        ("TagResource", {"tags": [{}, []]}, "Start of list found where not expected", "tags.2.member"),
        (
            "TagResource",
            {"tags": [{"tagKey": 1}]},
            "NUMBER_VALUE can not be converted to a String",
            "tags.1.member.tagKey",
        ),
        ("GetRecommendations", {"context": "x"}, "STRING_VALUE can not be converted to a Map", "context"),
        ("GetRecommendations", {"context": []}, "Start of list found where not expected", "context"),
        (
            "GetRecommendations",
            {"context": {"k": 8}},
            "NUMBER_VALUE can not be converted to a String",
            "context.k.member",
        ),
        (
            "GetPersonalizedRanking",
            {"inputList": ["a", None, 5]},
            "NUMBER_VALUE can not be converted to a String",
            "inputList.3.member",
        ),
        (
            "PutEvents",
            {"eventList": [{"eventValue": "5"}]},
            "STRING_VALUE can not be converted to a Float",
            "eventList.1.member.eventValue",
        ),
        (
            "PutEvents",
            {"eventList": [EVENT, {"sentAt": "now"}]},
            "STRING_VALUE can not be converted to a Timestamp",
            "eventList.2.member.sentAt",
        ),
        (
            "PutItems",
            {"items": [{"properties": {}}]},
            "Start of structure or map found where not expected",
            "items.1.member.properties",
        ),
    ],
)
def test_a_wrong_type_is_refused_by_name(name: str, request_: dict[str, Any], complaint: str, path: str) -> None:
    assert refusal(name, json.dumps(request_).encode()) == f"{complaint} at '{path}'"


def test_long_keys_are_cut_in_the_refusal() -> None:
    assert len(refusal("GetRecommendations", json.dumps({"context": {"k" * 100_000: 1}}).encode())) < 200


@pytest.mark.parametrize("text", [b"1e400", b"-1e400", b"1" + b"0" * 400, b"3.5e38"])
def test_a_number_that_its_type_cannot_hold_is_refused(text: bytes) -> None:
    assert "'eventList.1.member.eventValue'" in refusal("PutEvents", b'{"eventList": [{"eventValue": ' + text + b"}]}")


@pytest.mark.parametrize("number", [5, 5.0])
def test_whole_numbers_become_int_and_fractions_float(number: float) -> None:
    results = read_json("ListSchemas", {"maxResults": number})["maxResults"]
    value = read_json("PutEvents", {"eventList": [{"eventValue": number}]})["eventList"][0]["eventValue"]
    assert (results, type(results), value, type(value)) == (5, int, 5.0, float)


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        (1542392161, 1542392161.0),
        (1542392161.837, 1542392161.837),
        ("1542392161", 1542392161.0),
        ("2018-11-16T18:16:01Z", 1542392161.0),
        ("2018-11-16T18:16:01", 1542392161.0),
        ("2018-11-16T19:16:01.500+01:00", 1542392161.5),
        ("2018-11-16", 1542326400.0),
        (0, 0.0),
    ],
)
def test_timestamps_become_epoch_seconds(sent: float | str, seconds: float) -> None:
    read_back = read_json("PutEvents", {"eventList": [{"sentAt": sent}]})["eventList"][0]["sentAt"]
    assert (read_back, type(read_back)) == (seconds, float)


@pytest.mark.parametrize(
    "sent", [True, [], {}, "", "yesterday", "nan", "inf", 10**15, 1542392161000, "1e400", 10**400, -(10**12)]
)
def test_times_that_no_calendar_holds_are_refused(sent: Any) -> None:
    assert "'eventList.1.member.sentAt'" in refusal("PutEvents", json.dumps({"eventList": [{"sentAt": sent}]}).encode())


def test_what_botocore_sends_is_read_as_it_was_meant() -> None:
    moment = datetime(2018, 11, 16, 18, 16, 1, tzinfo=UTC)
    event = {"eventType": "watch", "sentAt": moment, "eventValue": 2.5, "properties": '{"a": 1}', "impression": ["1"]}
    for name, parameters in {
        "PutEvents": {"trackingId": "t", "sessionId": "s", "eventList": [event]},
        "GetRecommendations": {"campaignArn": "c", "userId": "é", "numResults": 5, "context": {"k": "v"}},
        "CreateCampaign": {
            "name": "n",
            "solutionVersionArn": "a",
            "campaignConfig": {"rankingInfluence": {"FRESHNESS": 0.5}},
        },
        "ListDatasetGroups": {},
    }.items():
        operation = MODELS.operation(name)
        sent = create_serializer(operation.protocol).serialize_to_request(parameters, of_botocore(operation))
        headers = {key.lower(): value for key, value in sent["headers"].items()}
        body = sent["body"] if isinstance(sent["body"], bytes) else sent["body"].encode()
        incoming = Incoming(sent["method"], sent["url_path"], headers, body)
        assert MODELS.find(incoming) is operation
        expected = json.loads(json.dumps(parameters, default=lambda time: time.timestamp()))
        assert read(operation, incoming) == expected


def random_json(chance: random.Random, names: list[str], depth: int = 0) -> Any:
    kind = chance.randrange(6 if depth > 4 else 9)
    if kind >= 6:
        inside = [random_json(chance, names, depth + 1) for _ in range(chance.randrange(4))]
        return inside if kind == 6 else {chance.choice(names): value for value in inside}
    text = "".join(chance.choices('aZ09 :/-_é\U0001d49c\n\x00"\\{}%', k=chance.randrange(12)))
    return [None, chance.random() < 0.5, chance.randrange(-(10**6), 10**6), chance.gauss(0, 1e9), text, ""][kind]


def names_inside(shape: Any) -> set[str]:
    if shape.type_name == "structure":
        return set(shape.members).union(*(names_inside(member) for member in shape.members.values()))
    return names_inside(shape.member) if shape.type_name == "list" else set()


def outcome(operation: Operation, incoming: Incoming) -> str:
    try:
        check(operation, read(operation, incoming))
    except ServiceError as error:
        return f"{error.code} {write_error(operation, error, REQUEST_ID).status}"
    return "accepted"


def test_no_bytes_bring_the_room_down() -> None:
    chance = random.Random(20)
    outcomes = set()
    for operation in MODELS:
        names = [*sorted(names_inside(operation.input)), "colour", ""]
        for _ in range(60):
            document = {chance.choice(names): random_json(chance, names) for _ in range(chance.randrange(5))}
            body = bytearray(json.dumps(document, ensure_ascii=chance.random() < 0.5).encode())
            if chance.random() < 0.3:
                body[chance.randrange(len(body))] = chance.randrange(256)
            incoming = posted(chance.randbytes(20) if chance.random() < 0.1 else bytes(body))
            outcomes.add(outcome(operation, incoming))
    assert outcomes == {"accepted", "InvalidInputException 400", "SerializationException 400"}


# Writing


def test_an_answer_is_cut_to_the_declared_members_and_has_no_nulls() -> None:
    result = {
        "campaign": {
            "name": "films",
            "failureReason": None,
            "secret": "x",
            "minProvisionedTPS": 1,
            "campaignConfig": {"itemExplorationConfig": {"w": "0.3", "none": None}, "colour": 1},
            "latestCampaignUpdate": None,
        },
        "extra": 1,
    }
    reply = write(MODELS.operation("DescribeCampaign"), result, REQUEST_ID)
    assert json.loads(reply.body) == {
        "campaign": {
            "name": "films",
            "minProvisionedTPS": 1,
            "campaignConfig": {"itemExplorationConfig": {"w": "0.3"}},
        }
    }
    assert reply.status == 200
    assert reply.headers == {"content-type": "application/x-amz-json-1.1", "x-amzn-requestid": REQUEST_ID}


def test_recommendations_leave_as_rest_json_and_keep_falsy_values() -> None:
    items = [{"itemId": "é🎬", "score": np.float32(0.5)}, {"itemId": "2", "score": 0.0, "reason": []}, {"itemId": ""}]
    reply = write(MODELS.operation("GetRecommendations"), {"itemList": items, "recommendationId": "RID-1"}, REQUEST_ID)
    assert reply.headers == {"content-type": "application/json", "x-amzn-requestid": REQUEST_ID}
    assert json.loads(reply.body) == {
        "itemList": [{"itemId": "é🎬", "score": 0.5}, {"itemId": "2", "score": 0.0, "reason": []}, {"itemId": ""}],
        "recommendationId": "RID-1",
    }
    assert "é🎬".encode() in reply.body


@pytest.mark.parametrize(
    "moment",
    [
        1542392161.8374,
        datetime(2018, 11, 16, 18, 16, 1, 837400, tzinfo=UTC),
        datetime(2018, 11, 16, 20, 16, 1, 837400, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_timestamps_are_written_as_seconds_with_milliseconds(moment: Any) -> None:
    reply = write(MODELS.operation("DescribeSchema"), {"schema": {"creationDateTime": moment}}, REQUEST_ID)
    assert reply.body == b'{"schema":{"creationDateTime":1542392161.837}}'


def test_a_time_without_a_zone_or_a_score_that_is_no_number_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="zone"):
        write(MODELS.operation("DescribeSchema"), {"schema": {"creationDateTime": datetime(2018, 1, 1)}}, REQUEST_ID)  # noqa: DTZ001
    with pytest.raises(ValueError, match="JSON"):
        write(MODELS.operation("GetRecommendations"), {"itemList": [{"score": math.nan}]}, REQUEST_ID)


@pytest.mark.parametrize("result", [None, {}, {"anything": 1}])
def test_an_operation_without_members_answers_an_empty_object_or_nothing(result: dict[str, Any] | None) -> None:
    empty = {"DeleteCampaign": b"{}", "StopSolutionVersionCreation": b"{}", "TagResource": b"{}", "PutEvents": b""}
    for name, body in empty.items():
        assert write(MODELS.operation(name), result, REQUEST_ID).body == body


def test_botocore_reads_what_is_written() -> None:
    moment = datetime(2018, 11, 16, 18, 16, 1, 837000, tzinfo=UTC)
    results: dict[str, dict[str, Any]] = {
        "DescribeSchema": {"schema": {"name": "é", "creationDateTime": moment}},
        "GetSolutionMetrics": {"solutionVersionArn": "a", "metrics": {"coverage": 0.25}},
        "ListRecipes": {"recipes": [{"name": "r"}], "nextToken": "t"},
        "GetPersonalizedRanking": {"personalizedRanking": [{"itemId": "1", "score": 0.1730128}]},
        "PutEvents": {},
        "DeleteSchema": {},
    }
    for name, result in results.items():
        operation = MODELS.operation(name)
        parsed = parsed_by_botocore(operation, write(operation, result, REQUEST_ID))
        assert parsed.pop("ResponseMetadata")["RequestId"] == REQUEST_ID
        assert parsed == result


# Errors


@pytest.mark.parametrize(
    ("name", "error", "status"),
    [
        ("DescribeSchema", ResourceNotFoundException("gone é"), 400),
        ("GetRecommendations", ResourceNotFoundException("gone é"), 404),
        ("GetRecommendations", InvalidInputException("bad"), 400),
        ("PutItems", ResourceInUseException("busy"), 409),
        ("PutEvents", SerializationException("bad"), 400),
        ("DescribeSchema", NotImplementedByFakePersonalize("DescribeSchema"), 501),
        ("PutUsers", InternalFailure("sorry"), 500),
    ],
)
def test_botocore_reads_each_error(name: str, error: ServiceError, status: int) -> None:
    operation = MODELS.operation(name)
    parsed = parsed_by_botocore(operation, write_error(operation, error, REQUEST_ID))
    assert (parsed["Error"]["Code"], parsed["Error"]["Message"]) == (error.code, error.message)
    assert parsed["ResponseMetadata"]["HTTPStatusCode"] == status
    assert parsed["ResponseMetadata"]["RequestId"] == REQUEST_ID


def test_errors_have_the_form_of_their_protocol() -> None:
    error = InvalidInputException("bad")
    control = write_error(MODELS.operation("ListSchemas"), error, REQUEST_ID)
    assert control.body == b'{"__type":"InvalidInputException","message":"bad"}'
    assert control.headers == {"content-type": "application/x-amz-json-1.1", "x-amzn-requestid": REQUEST_ID}
    runtime = write_error(MODELS.operation("PutEvents"), error, REQUEST_ID)
    assert runtime.body == b'{"message":"bad"}'
    assert runtime.headers["x-amzn-ErrorType"] == "InvalidInputException"
    assert runtime.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "headers", "protocol"),
    [
        ("/", {}, "json"),
        ("/", {"x-amz-target": "AmazonPersonalize.Nothing"}, "json"),
        ("/mounted", {"x-amz-target": "AmazonPersonalize.Nothing"}, "json"),
        ("/recommendation", {}, "rest-json"),
    ],
)
def test_an_unknown_operation_is_refused_in_the_protocol_of_the_client(
    path: str, headers: dict[str, str], protocol: str
) -> None:
    incoming = Incoming("POST", path, headers, b"")
    with pytest.raises(UnknownOperationException) as refused:
        MODELS.find(incoming)
    assert incoming.protocol == protocol
    reply = write_error(None, refused.value, REQUEST_ID, incoming.protocol)
    assert reply.status == 400
    assert (b"__type" in reply.body) == (protocol == "json")


def test_the_hint_follows_only_where_teaching_is_wanted() -> None:
    error = InvalidInputException("bad", "try this")
    operation = MODELS.operation("PutEvents")
    assert b"try this" in write_error(operation, error, REQUEST_ID).body
    assert write_error(operation, error, REQUEST_ID, teach=False).body == b'{"message":"bad"}'


def test_a_sentence_with_a_lone_surrogate_is_still_valid_json() -> None:
    reply = write_error(None, UnknownOperationException("/\udc80"), REQUEST_ID)
    assert json.loads(reply.body)["message"] == "/\udc80"
