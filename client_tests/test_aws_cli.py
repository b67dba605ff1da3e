"""The AWS CLI against a server; it pins botocore and is installed in the tox environment `clients` alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shops

pytestmark = pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS CLI is not installed here")


@pytest.fixture
def aws(servers: Any) -> Callable[..., Any]:
    """A function that runs the CLI and returns what it printed, as JSON where it is JSON."""
    chosen = {
        "AWS_ENDPOINT_URL": servers.url("--limits", "off"),
        "AWS_ACCESS_KEY_ID": "400000000001",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_PAGER": "",
    }

    def run(*words: str) -> Any:
        done = subprocess.run(["aws", *words], env=os.environ | chosen, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout

    return run


def test_the_cli_knows_who_it_is(aws: Callable[..., Any]) -> None:
    assert aws("sts", "get-caller-identity")["Account"] == "400000000001"


def test_the_cli_lists_and_describes_recipes(aws: Callable[..., Any]) -> None:
    names = [recipe["name"] for recipe in aws("personalize", "list-recipes")["recipes"]]
    assert "aws-user-personalization" in names
    arn = "arn:aws:personalize:::recipe/aws-sims"
    assert aws("personalize", "describe-recipe", "--recipe-arn", arn)["recipe"]["recipeType"] == "RELATED_ITEMS"


def test_the_cli_goes_from_a_bucket_to_an_import(aws: Callable[..., Any], tmp_path: Path) -> None:
    rows = tmp_path / "interactions.csv"
    rows.write_text("USER_ID,ITEM_ID,TIMESTAMP\nann,tea,1\nann,milk,2\nbob,tea,3\n", "utf-8")
    aws("s3", "mb", "s3://cli")
    aws("s3", "cp", str(rows), "s3://cli/interactions.csv")
    assert "interactions.csv" in aws("s3", "ls", "s3://cli")
    schema = aws("personalize", "create-schema", "--name", "cli", "--schema", shops.INTERACTIONS)["schemaArn"]
    group = aws("personalize", "create-dataset-group", "--name", "cli")["datasetGroupArn"]
    _wait(aws, "dataset-group", "datasetGroup", group)
    dataset = aws(
        *("personalize", "create-dataset", "--name", "cli", "--dataset-type", "Interactions"),
        *("--dataset-group-arn", group, "--schema-arn", schema),
    )["datasetArn"]
    job = aws(
        *("personalize", "create-dataset-import-job", "--job-name", "cli", "--dataset-arn", dataset),
        *("--data-source", "dataLocation=s3://cli/interactions.csv"),
        *("--role-arn", "arn:aws:iam::400000000001:role/cli"),
    )["datasetImportJobArn"]
    _wait(aws, "dataset-import-job", "datasetImportJob", job)


def test_the_cli_prints_our_errors(servers: Any) -> None:
    arn = "arn:aws:personalize:eu-west-1:400000000001:campaign/none"
    environ = {"AWS_ACCESS_KEY_ID": "400000000001", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "eu-west-1"}
    done = subprocess.run(
        ["aws", "personalize-runtime", "get-recommendations", "--campaign-arn", arn],
        env=os.environ | environ | {"AWS_ENDPOINT_URL": servers.url("--limits", "off")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "InvalidInputException" in done.stderr
    assert arn in done.stderr


def _wait(aws: Callable[..., Any], kind: str, key: str, arn: str) -> None:
    for _ in range(60):
        described = aws("personalize", f"describe-{kind}", f"--{kind}-arn", arn)[key]
        if described["status"] == "ACTIVE":
            return
        assert "FAILED" not in described["status"], described
    raise AssertionError(f"{arn} does not become ACTIVE")
