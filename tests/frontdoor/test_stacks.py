"""CloudFormation: stacks with resources of Personalize are refused, all others are made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from werkzeug.test import Client

from fakepersonalize.arns import Scope
from fakepersonalize.clients import in_process_client, new_session
from fakepersonalize.frontdoor.neighbour_app import NeighbourApp

GROUP = {"Films": {"Type": "AWS::Personalize::DatasetGroup", "Properties": {"Name": "films"}}}
QUEUE = {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}}}
JSON = json.dumps({"Resources": QUEUE | GROUP})
YAML = """
Parameters: {Name: {Type: String, Default: films}}
Resources:
  Films:
    Type: AWS::Personalize::DatasetGroup
    Properties: {Name: !Ref Name}
"""
OTHERS = json.dumps({"Description": "no AWS::Personalize::Schema", "Resources": QUEUE})
SCOPE = Scope("111111111111", "us-east-1")


@pytest.fixture
def app() -> Iterator[NeighbourApp]:
    app = NeighbourApp()
    yield app
    Client(app).post("/moto-api/reset")


@pytest.fixture
def stacks(app: NeighbourApp) -> Any:
    return in_process_client(new_session(), "cloudformation", SCOPE, app)


def s3_url(app: NeighbourApp, text: str) -> str:
    s3 = in_process_client(new_session(), "s3", SCOPE, app)
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="t", Body=text.encode())
    return "https://s3.amazonaws.com/templates/t"


def refused(call: Any, **request: Any) -> None:
    with pytest.raises(ClientError) as refusal:
        call(**request)
    answer = refusal.value.response
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (400, "ValidationError")
    assert "AWS::Personalize::DatasetGroup" in answer["Error"]["Message"]
    assert "fakepersonalize: CloudFormation cannot create" in answer["Error"]["Message"]


@pytest.mark.parametrize("text", [JSON, YAML])
@pytest.mark.parametrize("from_s3", [False, True])
def test_templates_with_resources_of_personalize_are_refused(
    app: NeighbourApp, stacks: Any, text: str, from_s3: bool
) -> None:
    template = {"TemplateURL": s3_url(app, text)} if from_s3 else {"TemplateBody": text}
    refused(stacks.create_stack, StackName="s", **template)
    refused(stacks.create_change_set, StackName="s", ChangeSetName="c", ChangeSetType="CREATE", **template)
    refused(stacks.create_stack_set, StackSetName="s", **template)
    assert stacks.describe_stacks()["Stacks"] == []
    stacks.create_stack(StackName="s", TemplateBody=OTHERS)
    refused(stacks.update_stack, StackName="s", **template)
    refused(stacks.create_change_set, StackName="s", ChangeSetName="c", ChangeSetType="UPDATE", **template)
    stacks.create_stack_set(StackSetName="s", TemplateBody=OTHERS)
    refused(stacks.update_stack_set, StackSetName="s", **template)
    assert stacks.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"


def test_nested_stacks_are_refused(app: NeighbourApp, stacks: Any) -> None:
    nested = {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": s3_url(app, JSON)}}}
    refused(stacks.create_stack, StackName="s", TemplateBody=json.dumps({"Resources": nested}))


def test_other_stacks_are_made(app: NeighbourApp, stacks: Any) -> None:
    stacks.create_stack(StackName="s", TemplateBody=OTHERS)
    assert stacks.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    sqs = in_process_client(new_session(), "sqs", SCOPE, app)
    assert sqs.list_queues()["QueueUrls"]
