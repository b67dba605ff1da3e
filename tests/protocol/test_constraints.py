import random
from typing import Any

import pytest

from fakepersonalize.errors import InvalidInputException
from fakepersonalize.protocol.constraints import check
from fakepersonalize.protocol.service_models import ServiceModels

MODELS = ServiceModels()
NAME_PATTERN = r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*"
ARN = "arn:aws:personalize:us-east-1:123456789012:thing/films"
SCHEMA = {"name": "films", "schema": "{}"}
CAMPAIGN = {"name": "films", "solutionVersionArn": ARN}
RANKING = {"campaignArn": ARN, "userId": "1", "inputList": ["a"]}
EVENT = {"eventType": "watch", "sentAt": 1.0}
EVENTS = {"trackingId": "t", "sessionId": "s", "eventList": [EVENT]}


def refusal(name: str, request: dict[str, Any]) -> str:
    with pytest.raises(InvalidInputException) as caught:
        check(MODELS.operation(name), request)
    return caught.value.message


def one(path: str, value: str, constraint: str) -> str:
    return f"1 validation error detected: Value {value}at '{path}' failed to satisfy constraint: {constraint}"


@pytest.mark.parametrize(
    ("name", "request_"), [("CreateSchema", SCHEMA), ("GetPersonalizedRanking", RANKING), ("PutEvents", EVENTS)]
)
def test_a_good_request_passes(name: str, request_: dict[str, Any]) -> None:
    check(MODELS.operation(name), request_)


@pytest.mark.parametrize(
    ("name", "request_", "sentence"),
    [
        ("CreateSchema", {"name": "films"}, one("schema", "null ", "Member must not be null")),
        (
            "CreateSchema",
            SCHEMA | {"name": ""},
            f"2 validation errors detected: Value '' at 'name' failed to satisfy constraint: "
            f"Member must have length greater than or equal to 1; "
            f"Value '' at 'name' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {NAME_PATTERN}",
        ),
        (
            "CreateSchema",
            SCHEMA | {"name": "a" * 64},
            one("name", f"'{'a' * 64}' ", "Member must have length less than or equal to 63"),
        ),
        (
            "CreateSchema",
            {"name": "x y"},
            f"2 validation errors detected: Value null at 'schema' failed to satisfy constraint: Member must not be "
            f"null; Value 'x y' at 'name' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {NAME_PATTERN}",
        ),
        (
            "CreateSchema",
            SCHEMA | {"domain": "FILMS"},
            one("domain", "'FILMS' ", "Member must satisfy enum value set: [ECOMMERCE, VIDEO_ON_DEMAND]"),
        ),
        (
            "CreateCampaign",
            CAMPAIGN | {"minProvisionedTPS": 0},
            one("minProvisionedTPS", "'0' ", "Member must have value greater than or equal to 1"),
        ),
        (
            "ListSchemas",
            {"maxResults": 101},
            one("maxResults", "'101' ", "Member must have value less than or equal to 100"),
        ),
        (
            "CreateCampaign",
            CAMPAIGN | {"campaignConfig": {"rankingInfluence": {"FRESHNESS": 1.5}}},
            one(
                "campaignConfig.rankingInfluence",
                "'{FRESHNESS=1.5}' ",
                "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, "
                "Member must have value greater than or equal to 0.0, Member must not be null]",
            ),
        ),
        (
            "CreateCampaign",
            CAMPAIGN | {"campaignConfig": {"rankingInfluence": {"NOVELTY": 1.0}}},
            one(
                "campaignConfig.rankingInfluence",
                "'{NOVELTY=1.0}' ",
                "Map keys must satisfy constraint: "
                "[Member must satisfy enum value set: [POPULARITY, FRESHNESS], Member must not be null]",
            ),
        ),
        (
            "GetPersonalizedRanking",
            RANKING | {"inputList": ["a", None]},
            one(
                "inputList",
                "'[a, null]' ",
                "Member must satisfy constraint: [Member must have length less than or equal to 256, "
                "Member must not be null]",
            ),
        ),
        (
            "GetPersonalizedRanking",
            RANKING | {"metadataColumns": {"ITEMS": ["x" * 151]}},
            one(
                "metadataColumns",
                f"'{{ITEMS=[{'x' * 151}]}}' ",
                "Map value must satisfy constraint: [Member must have length less than or equal to 99, "
                "Member must satisfy constraint: [Member must have length less than or equal to 150, "
                "Member must not be null], Member must not be null]",
            ),
        ),
        (
            "CreateMetricAttribution",
            {
                "name": "films",
                "datasetGroupArn": ARN,
                "metricsOutputConfig": {"roleArn": "arn:aws:iam::123456789012:role/r"},
                "metrics": [
                    {"eventType": "a", "metricName": "m", "expression": "e"},
                    {"metricName": "m", "expression": "e" * 257},
                ],
            },
            "2 validation errors detected: Value null at 'metrics.2.member.eventType' failed to satisfy constraint: "
            f"Member must not be null; Value '{'e' * 256}...' at 'metrics.2.member.expression' failed to satisfy "
            "constraint: Member must have length less than or equal to 256",
        ),
        (
            "PutEvents",
            EVENTS | {"eventList": [None]},
            one("eventList.1.member", "null ", "Member must not be null"),
        ),
        (
            "CreateDatasetExportJob",
            {
                "jobName": "j",
                "datasetArn": ARN,
                "roleArn": "arn:aws:iam::123456789012:role/r",
                "jobOutput": {"s3DataDestination": {"path": "ftp://b"}},
            },
            one(
                "jobOutput.s3DataDestination.path",
                "'ftp://b' ",
                "Member must satisfy regular expression pattern: (s3|http|https)://.+",
            ),
        ),
    ],
)
def test_each_violation_is_worded_as_aws_words_it(name: str, request_: dict[str, Any], sentence: str) -> None:
    assert refusal(name, request_) == sentence


@pytest.mark.parametrize(
    ("name", "request_", "path"),
    [
        ("CreateFilter", {"name": "f", "datasetGroupArn": ARN, "filterExpression": "s" * 2501}, "filterExpression"),
        ("PutEvents", EVENTS | {"eventList": [EVENT | {"itemId": "secret" * 50}]}, "eventList.1.member.itemId"),
        ("PutEvents", EVENTS | {"eventList": [EVENT | {"itemId": "secret"}] * 11}, "eventList"),
        (
            "TagResource",
            {"resourceArn": ARN, "tags": [{"tagKey": "k", "tagValue": "secret€"}]},
            "tags.1.member.tagValue",
        ),
        ("GetRecommendations", {"filterValues": {"G": "secret" * 200}}, "filterValues"),
    ],
)
def test_sensitive_values_are_not_repeated(name: str, request_: dict[str, Any], path: str) -> None:
    sentence = refusal(name, request_)
    assert f": Value at '{path}' failed" in sentence
    assert "secret" not in sentence
    assert "sss" not in sentence


@pytest.mark.parametrize(
    ("name", "request_", "path", "shape"),
    [
        ("CreateSchema", SCHEMA | {"colour": {"deep": [1]}}, "colour", "CreateSchemaRequest"),
        ("CreateSchema", SCHEMA | {"Name": "films"}, "Name", "CreateSchemaRequest"),
        ("CreateCampaign", CAMPAIGN | {"campaignConfig": {"x": 1}}, "campaignConfig.x", "CampaignConfig"),
        ("PutEvents", EVENTS | {"eventList": [EVENT | {"x": 1}]}, "eventList.1.member.x", "Event"),
    ],
)
def test_an_unknown_member_is_refused_by_name(name: str, request_: dict[str, Any], path: str, shape: str) -> None:
    assert refusal(name, request_) == one(path, "", f"Member must be declared in {shape}")


def test_only_the_first_hundred_violations_are_spelt_out_but_all_are_counted() -> None:
    sentence = refusal("ListSchemas", {f"member{place}" * 100: 1 for place in range(5000)})
    assert sentence.startswith("5000 validation errors detected: ")
    assert sentence.count("failed to satisfy") == 100
    assert len(sentence) < 100 * 500


def test_members_of_a_list_that_is_too_long_are_not_looked_at() -> None:
    sentence = refusal("PutEvents", EVENTS | {"eventList": [{}] * 11})
    assert sentence == one("eventList", "", "Member must have length less than or equal to 10")


def test_a_text_that_is_too_long_is_not_tried_against_its_pattern() -> None:
    text = "!" * 1_000_000
    assert refusal("CreateSchema", SCHEMA | {"name": text}).startswith("1 validation error detected: ")


def test_lengths_count_code_points() -> None:
    check(MODELS.operation("GetRecommendations"), {"userId": "\U0001d49c" * 256})
    assert "length less than or equal to 256" in refusal("GetRecommendations", {"userId": "\U0001d49c" * 257})


def test_the_request_is_left_as_it_was() -> None:
    request = {"inputList": ["b", "a"], "campaignArn": ARN, "userId": "1"}
    check(MODELS.operation("GetPersonalizedRanking"), request)
    assert list(request.items()) == [("inputList", ["b", "a"]), ("campaignArn", ARN), ("userId", "1")]


def test_every_violation_of_a_bad_list_of_structures_is_named() -> None:
    chance = random.Random(3)
    events = [{name: value for name, value in EVENT.items() if chance.random() < 0.5} for _ in range(10)]
    sentence = refusal("PutEvents", EVENTS | {"eventList": events})
    for place, event in enumerate(events, 1):
        for name in EVENT:
            assert (f"'eventList.{place}.member.{name}'" in sentence) == (name not in event)
