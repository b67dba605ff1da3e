"""Services of moto that are corrected when they are first asked, in process and over the server's application."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from werkzeug.test import Client

from fakepersonalize.arns import Scope
from fakepersonalize.clients import in_process_client, new_session
from fakepersonalize.frontdoor.neighbour_app import NeighbourApp
from fakepersonalize.mock import mock_personalize

REGION = "us-east-1"
FILMS = {"Type": "AWS::Personalize::DatasetGroup", "Properties": {"Name": "films"}}
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}}


@pytest.fixture(params=["server", "mock"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "mock":
        with mock_personalize():
            yield lambda service: boto3.client(service, REGION)
    else:
        app = NeighbourApp()
        yield lambda service: in_process_client(new_session(), service, Scope("111111111111", REGION), app)
        Client(app).post("/moto-api/reset")


def template(**resources: Any) -> str:
    return json.dumps({"Resources": resources})


def test_stacks_with_resources_of_personalize_are_refused(client: Any) -> None:
    stacks = client("cloudformation")
    with pytest.raises(ClientError, match=r"Unrecognized resource types: \[AWS::Personalize::DatasetGroup\]"):
        stacks.create_stack(StackName="s", TemplateBody=template(Films=FILMS))
    assert stacks.describe_stacks()["Stacks"] == []
    stacks.create_stack(StackName="s", TemplateBody=template(Queue=QUEUE))
    assert stacks.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.parametrize("place", ["template", "mapping"])
def test_transforms_bring_in_no_resources(client: Any, place: str) -> None:
    """moto includes templates in mappings alone, and runs no macros."""
    s3, stacks = client("s3"), client("cloudformation")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="t", Body=json.dumps({"Resources": {"Films": FILMS}}).encode())
    include = {"Name": "AWS::Include", "Parameters": {"Location": "s3://templates/t"}}
    transformed = {"Transform": include} if place == "template" else {"Mappings": {"M": {"Fn::Transform": include}}}
    stacks.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": {"Queue": QUEUE}} | transformed))
    listed = stacks.list_stack_resources(StackName="s")["StackResourceSummaries"]
    assert [each["ResourceType"] for each in listed] == ["AWS::SQS::Queue"]


def test_a_transform_among_the_resources_is_refused(client: Any) -> None:
    stacks = client("cloudformation")
    include = {"Name": "AWS::Include", "Parameters": {"Location": "s3://templates/t"}}
    with pytest.raises(ClientError, match="Every Resources object must contain a Type member") as refused:
        stacks.create_stack(
            StackName="s", TemplateBody=json.dumps({"Resources": {"Queue": QUEUE, "Fn::Transform": include}})
        )
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert stacks.describe_stacks()["Stacks"] == []


def test_each_metric_is_listed_once(client: Any) -> None:
    cloudwatch = client("cloudwatch")

    def put(name: str, *dimensions: tuple[str, str]) -> None:
        listed = [{"Name": key, "Value": value} for key, value in dimensions]
        cloudwatch.put_metric_data(
            Namespace="AWS/Personalize", MetricData=[{"MetricName": name, "Dimensions": listed, "Value": 1.0}] * 3
        )

    group = ("DatasetGroupArn", "g")
    for _ in range(2):
        put("VIEWS")
        put("VIEWS", ("EventAttributionSource", "a"), group)
        put("VIEWS", group, ("EventAttributionSource", "a"))
        put("VIEWS", ("EventAttributionSource", "b"), group)
        put("CLICKS", ("EventAttributionSource", "b"), group)

    def listed(**asked: Any) -> list[tuple[str, str]]:
        pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace="AWS/Personalize", **asked)
        metrics = [metric for page in pages for metric in page["Metrics"]]
        return sorted((each["MetricName"], "".join(d["Value"] for d in each["Dimensions"])) for each in metrics)

    everything = [("CLICKS", "bg"), ("VIEWS", ""), ("VIEWS", "ag"), ("VIEWS", "bg")]
    assert listed() == everything
    assert listed(MetricName="CLICKS") == everything[:1]
    assert listed(Dimensions=[{"Name": "DatasetGroupArn"}]) == [everything[0], *everything[2:]]
    assert listed(Dimensions=[{"Name": "EventAttributionSource", "Value": "b"}]) == [everything[0], everything[3]]
    assert listed(MetricName="VIEWS", Dimensions=[{"Name": "EventAttributionSource", "Value": "b"}]) == everything[3:]
    for number in range(510):
        put(f"M{number}", group)
    assert len(listed()) == len(set(listed())) == 514
