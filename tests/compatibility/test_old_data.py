"""Data folders and snapshots that earlier versions wrote open, and answer as they did then.

Each folder beside this file is named after the month of the version that wrote it. It holds a data folder, a snapshot
with objects, and the answers of that version. Never write one anew: a new format gets a new folder.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import boto3
import pytest

from fakepersonalize.server import Server, running
from fakepersonalize.settings import Settings
from fakepersonalize.waiters import get_waiter

HERE = Path(__file__).parent
VERSIONS = sorted(found.parent.name for found in HERE.glob("*/expected.json"))
ACCOUNT = "arn:aws:personalize:us-east-1:123456789012:"
PERSONAL, SIMILAR = f"{ACCOUNT}campaign/aws-user-personalization", f"{ACCOUNT}campaign/aws-sims"


def client(server: Server, service: str) -> Any:
    keys = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "x", "region_name": "us-east-1"}
    return boto3.client(service, endpoint_url=server.url, **keys)


def assert_as_it_was(server: Server, expected: dict[str, Any]) -> None:
    runtime, personalize = client(server, "personalize-runtime"), client(server, "personalize")

    def recommended(campaign: str, **asked: str) -> list[str]:
        answer = runtime.get_recommendations(campaignArn=campaign, numResults=10, **asked)
        return [item["itemId"] for item in answer["itemList"]]

    user, item = expected["user"], expected["item"]
    assert recommended(PERSONAL, userId=user) == expected[user]
    assert recommended(PERSONAL, userId="streamed") == expected["streamed"]
    assert recommended(PERSONAL, userId=user, filterArn=f"{ACCOUNT}filter/unseen") == expected["filtered"]
    assert recommended(SIMILAR, itemId=item) == expected["similar"]
    version = personalize.describe_campaign(campaignArn=PERSONAL)["campaign"]["solutionVersionArn"]
    assert personalize.get_solution_metrics(solutionVersionArn=version)["metrics"]["coverage"] > 0
    keys = {each["Key"] for each in client(server, "s3").list_objects_v2(Bucket="films")["Contents"]}
    assert keys == {"films.csv", "interactions.csv", "users.csv"}
    # What is there goes on: the rows train once more.
    made = personalize.create_solution_version(solutionArn=f"{ACCOUNT}solution/aws-sims")["solutionVersionArn"]
    get_waiter(personalize, "solution_version_active").wait(
        solutionVersionArn=made, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_data_folder_of_an_earlier_version_opens(version: str, tmp_path: Path) -> None:
    with tarfile.open(HERE / version / "data.tar.gz") as archive:
        archive.extractall(tmp_path / "data", filter="data")
    expected = json.loads((HERE / version / "expected.json").read_text("ascii"))
    settings = Settings(port=0, data_dir=str(tmp_path / "data"), step_seconds=0, limits="off")
    for _ in range(2):  # the second time as this version has written it
        with running(settings) as server:
            assert client(server, "iam").get_role(RoleName="reader")["Role"]["Arn"].endswith(":role/reader")
            assert_as_it_was(server, expected)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_snapshot_of_an_earlier_version_loads(version: str) -> None:
    expected = json.loads((HERE / version / "expected.json").read_text("ascii"))
    with running(Settings(port=0, step_seconds=0, limits="off")) as server:
        server.emulator.load_snapshot(HERE / version / "all.snapshot")
        assert_as_it_was(server, expected)
