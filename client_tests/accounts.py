"""Accounts of AWS as tests use them: clients, and the steps of the whole way with the waiting between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import boto3
import pytest
import shapes
import shops
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError

PATIENCE_SECONDS = 60.0  # how long a test waits before it gives up; nothing is timed
RECIPES = "arn:aws:personalize:::recipe/"
RELEVANCE_ALONE = {"itemExplorationConfig": {"explorationWeight": "0"}}
CONFIG = Config(retries={"total_max_attempts": 1}, max_pool_connections=64, read_timeout=PATIENCE_SECONDS)
session = boto3.Session()  # finds and reads the service models once

T = TypeVar("T")
Description = dict[str, Any]


@dataclass
class Account:
    """Who asks: every client of an account is watched, so that each answer fits its shape."""

    number: str
    region: str = "us-east-1"
    endpoint: str | None = None
    clients: dict[str, BaseClient] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self.clients:
            made = session.client(
                service,
                region_name=self.region,
                endpoint_url=self.endpoint,
                aws_access_key_id=self.number,
                aws_secret_access_key="secret",
                config=CONFIG,
            )
            self.clients[service] = shapes.watch(made) if service.startswith("personalize") else made
        return self.clients[service]

    @cached_property
    def personalize(self) -> Any:
        return self.client("personalize")

    @cached_property
    def runtime(self) -> Any:
        return self.client("personalize-runtime")

    @cached_property
    def events(self) -> Any:
        return self.client("personalize-events")

    @property
    def role(self) -> str:
        return f"arn:aws:iam::{self.number}:role/personalize"

    def arn(self, tail: str) -> str:
        return f"arn:aws:personalize:{self.region}:{self.number}:{tail}"

    # The steps of the whole way; each returns an ARN when its resource is ready.

    def schema(self, name: str = "interactions", text: str = shops.INTERACTIONS, **more: Any) -> str:
        arn: str = self.personalize.create_schema(name=name, schema=text, **more)["schemaArn"]
        return arn

    def group(self, name: str = "shop", **more: Any) -> str:
        arn: str = self.personalize.create_dataset_group(name=name, **more)["datasetGroupArn"]
        self.active("dataset_group", arn)
        return arn

    def dataset(self, group: str, schema: str, type_: str = "Interactions", name: str = "rows") -> str:
        arn: str = self.personalize.create_dataset(
            name=name, datasetGroupArn=group, schemaArn=schema, datasetType=type_
        )["datasetArn"]
        self.active("dataset", arn)
        return arn

    def put(self, text: str | bytes, key: str = "rows.csv", bucket: str = "films") -> str:
        """Put an object into a bucket, which is made when it is missing; return its location."""
        bucket = f"{bucket}-{self.number}"
        s3 = self.client("s3")
        if bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=text.encode() if isinstance(text, str) else text)
        return f"s3://{bucket}/{key}"

    def begin_import(self, dataset: str, location: str, name: str = "import", **more: Any) -> str:
        arn: str = self.personalize.create_dataset_import_job(
            jobName=name, datasetArn=dataset, dataSource={"dataLocation": location}, roleArn=self.role, **more
        )["datasetImportJobArn"]
        return arn

    def import_rows(self, dataset: str, location: str, name: str = "import", **more: Any) -> Description:
        """Import a file and return the job as it ended."""
        return self.settled("dataset_import_job", self.begin_import(dataset, location, name, **more))

    def solution(self, group: str, recipe: str, name: str = "solution", **more: Any) -> str:
        arn: str = self.personalize.create_solution(
            name=name, datasetGroupArn=group, recipeArn=RECIPES + recipe, **more
        )["solutionArn"]
        self.active("solution", arn)
        return arn

    def train(self, solution: str, **more: Any) -> Description:
        """Train a solution and return the version as it ended."""
        made = self.personalize.create_solution_version(solutionArn=solution, **more)
        return self.settled("solution_version", made["solutionVersionArn"])

    def version(self, solution: str, **more: Any) -> str:
        version = self.train(solution, **more)
        assert version["status"] == "ACTIVE", version
        arn: str = version["solutionVersionArn"]
        return arn

    def campaign(self, version: str, name: str = "campaign", **more: Any) -> str:
        made = self.personalize.create_campaign(name=name, solutionVersionArn=version, **more)
        self.active("campaign", made["campaignArn"])
        arn: str = made["campaignArn"]
        return arn

    def shop(self, rows: list[shops.Row], name: str = "shop") -> str:
        """Go the way up to an import; return the ARN of the dataset group."""
        group = self.group(name)
        dataset = self.dataset(group, self.schema(name))
        job = self.import_rows(dataset, self.put(shops.csv(rows), f"{name}.csv"), name)
        assert job["status"] == "ACTIVE", job
        return group

    def deployed(self, group: str, recipe: str, name: str, **more: Any) -> str:
        """Go the rest of the way; return the ARN of the campaign, which explores nothing where it can be told so."""
        config = {"campaignConfig": RELEVANCE_ALONE} if recipe == "aws-user-personalization" else {}
        return self.campaign(self.version(self.solution(group, recipe, name, **more)), name, **config)

    def recommended(self, campaign: str, **asked: Any) -> list[str]:
        """Return the ids of the items that a campaign recommends."""
        answer = self.runtime.get_recommendations(campaignArn=campaign, **asked)
        return [item["itemId"] for item in answer["itemList"]]

    # Waiting

    def describe(self, kind: str, arn: str) -> Description:
        """Describe a `kind` such as `dataset_group`."""
        answer = getattr(self.personalize, f"describe_{kind}")(**{member(kind): arn})
        found: Description = answer[member(kind).removesuffix("Arn")]
        return found

    def settled(self, kind: str, arn: str) -> Description:
        """Wait until nothing is under way and return the description."""

        def ready() -> Description | None:
            found = self.describe(kind, arn)
            return None if in_transition(found["status"]) else found

        return until(ready)

    def active(self, kind: str, arn: str) -> None:
        found = self.settled(kind, arn)
        assert found["status"] == "ACTIVE", found

    def delete(self, kind: str, arn: str) -> None:
        """Delete a resource and wait until it is gone."""
        getattr(self.personalize, f"delete_{kind}")(**{member(kind): arn})
        until(lambda: self.is_gone(kind, arn))

    def is_gone(self, kind: str, arn: str) -> bool:
        try:
            self.describe(kind, arn)
        except self.personalize.exceptions.ResourceNotFoundException:
            return True
        return False


def member(kind: str) -> str:
    """Return the member that holds the ARN of a kind: `datasetGroupArn` for `dataset_group`."""
    first, *rest = kind.split("_")
    return "".join([first, *(word.capitalize() for word in rest), "Arn"])


def in_transition(status: str) -> bool:
    return status.endswith(("PENDING", "IN_PROGRESS", "STOPPING"))


def until(ready: Callable[[], T | None]) -> T:
    """Ask again and again until the answer is true, and return it."""
    end, pause = time.monotonic() + PATIENCE_SECONDS, 0.01
    while not (found := ready()):
        assert time.monotonic() < end, "waited for too long"
        time.sleep(pause)
        pause = min(1.3 * pause, 0.1)
    return found


@contextmanager
def refused(code: str, *words: str) -> Iterator[None]:
    """Expect a ClientError of a code whose message holds all the words."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    for word in words:
        assert word in error["Message"], error
