"""Nasty values in every member of every operation: whatever is sent, the answer is no fault of the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import shops
import smallest
from accounts import RECIPES
from botocore.model import OperationModel
from conftest import NewAccount
from modes import socket_only
from wire import NOBODY, Wire

pytestmark = socket_only

ARN = f"arn:aws:personalize:us-east-1:{NOBODY}:"
TEXTS = ["", " ", "\0", "\ud800", "\U0001f3ac", "a" * 100_000, "%s%n", "' OR 1=1 --", "../../etc/passwd", "NaN"]
ARNS = [f"{ARN}{tail}" for tail in ("schema/\ud800", "schema/\0", "campaign/", "solution/a/b/c", "solution/$LATEST")]
OTHERS: list[Any] = [None, True, 0, -1, 2**31, 2**63, 10**400, 1e308, -0.0, [], [[]], [None], {}, {"": None}, {"a": {}}]
VALUES = TEXTS + ARNS + OTHERS


def requests(operation: OperationModel) -> Iterator[dict[str, Any]]:
    """Give requests that are fine but for one member."""
    fine = smallest.request(operation)
    for member in operation.input_shape.members:
        yield from (fine | {member: value} for value in VALUES)


@pytest.mark.parametrize("operation", smallest.operations(), ids=lambda operation: operation.name)
def test_nasty_values_are_answered_with_an_error_of_the_client(endpoint: str, operation: OperationModel) -> None:
    control = operation.service_model.service_name == "personalize"
    path = operation.http.get("requestUri", "/")
    with Wire(endpoint, NOBODY).kept_open() as wire:
        for request in requests(operation):
            body = json.dumps(request).encode()
            answer = wire.control(operation.name, body) if control else wire.rest(body, path)
            assert answer.status < 500 or answer.status == 501, (str(request)[:300], answer)


def spoilt(fine: Any) -> Iterator[Any]:
    """Give a request with one value in it replaced, wherever that is."""
    if isinstance(fine, dict):
        for name, value in fine.items():
            yield from (fine | {name: other} for other in (*VALUES, *spoilt(value)))
    elif isinstance(fine, list):
        yield from ([other] for other in (*VALUES, *spoilt(fine[0])))


def test_nasty_values_among_what_exists_are_answered_with_an_error_of_the_client(unlimited: NewAccount) -> None:
    account = unlimited()
    group = account.shop(shops.series(users=6, items=20, each=9))
    solution = account.solution(group, "aws-user-personalization", "films")
    version = account.version(solution)
    campaign = account.campaign(version, "films")
    asked = {
        "CreateDatasetGroup": {"name": "a", "tags": [{"tagKey": "k", "tagValue": "v"}]},
        "CreateSchema": {"name": "a", "schema": shops.EVENTS},
        "CreateDataset": {
            "name": "a",
            "datasetGroupArn": group,
            "schemaArn": account.arn("schema/shop"),
            "datasetType": "Interactions",
        },
        "CreateDatasetImportJob": {
            "jobName": "a",
            "datasetArn": account.arn("dataset/shop/INTERACTIONS"),
            "dataSource": {"dataLocation": f"s3://films-{account.number}/"},
            "roleArn": account.role,
            "importMode": "FULL",
        },
        "CreateSolution": {
            "name": "films",
            "datasetGroupArn": group,
            "recipeArn": f"{RECIPES}aws-user-personalization",
            "eventType": "watch",
            "solutionConfig": {
                "algorithmHyperParameters": {"bptt": "20"},
                "featureTransformationParameters": {"min_user_history_length_percentile": "0.1"},
                "eventValueThreshold": "1",
                "autoTrainingConfig": {"schedulingExpression": "rate(2 days)"},
                "trainingDataConfig": {"excludedDatasetColumns": {"ITEMS": ["PRICE"]}},
                "hpoConfig": {
                    "hpoResourceConfig": {"maxNumberOfTrainingJobs": "4", "maxParallelTrainingJobs": "2"},
                    "algorithmHyperParameterRanges": {
                        "integerHyperParameterRanges": [{"name": "bptt", "minValue": 3, "maxValue": 5}],
                        "categoricalHyperParameterRanges": [{"name": "recency_mask", "values": ["true"]}],
                    },
                },
            },
        },
        "CreateSolutionVersion": {"solutionArn": solution, "name": version.rpartition("/")[2], "trainingMode": "FULL"},
        "CreateCampaign": {
            "name": "films",
            "solutionVersionArn": version,
            "campaignConfig": {"itemExplorationConfig": {"explorationWeight": "0.1"}},
        },
        "GetRecommendations": {
            "campaignArn": campaign,
            "userId": "u1",
            "itemId": "i1",
            "numResults": 5,
            "context": {"DEVICE": "phone"},
            "filterValues": {"A": "b"},
        },
    }
    assert account.endpoint
    with Wire(account.endpoint, account.number).kept_open() as wire:
        for name, fine in asked.items():
            for request in spoilt(fine):
                body = json.dumps(request).encode()
                answer = wire.rest(body) if name == "GetRecommendations" else wire.control(name, body)
                assert answer.status < 500, (name, str(request)[:300], answer)
