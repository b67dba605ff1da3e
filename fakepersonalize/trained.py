"""A campaign that is ready: trained in this process on the small film data, in a folder that emulators start from."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, NamedTuple

from fakepersonalize.arns import Scope, service_owned
from fakepersonalize.bundled import SMALL, folder

RECIPE = "recipe/aws-user-personalization"
NAME = "films"
# Statuses that last nothing, on a clock that starts where that of a test with the same seed starts.
SETTINGS = {"lifecycle": "manual", "step_seconds": 0, "iam": "off", "auto_training": "clock"}


class TrainedCampaign(str):
    """The ARN of a campaign, and what it knows: `users` and `items` in the order of their ids, the `dataset_group`."""

    users: list[str]
    items: list[str]
    dataset_group: str


class Trained(NamedTuple):
    """A campaign, and the folder that an emulator with it starts from."""

    campaign: TrainedCampaign
    folder: Path


def train(place: Path, account: str, region: str, seed: int | None = 0) -> Trained:
    """Train in a folder, which is left as a server would leave it."""
    from fakepersonalize.mock import Mocked

    rows = gzip.decompress((folder(SMALL) / "interactions.csv.gz").read_bytes())
    schema = (folder(SMALL) / "schemas" / "interactions.json").read_text("utf-8")
    with Mocked({**SETTINGS, "seed": seed, "data_dir": str(place)}):
        campaign = TrainedCampaign(_deployed(rows, schema, account, region))
        campaign.dataset_group = campaign.rpartition(":")[0] + f":dataset-group/{NAME}"
    header, *lines = rows.decode().splitlines()
    names = header.split(",")
    cells = [line.split(",", 2)[:2] for line in lines]
    columns = dict(zip(names[:2], zip(*cells)))
    campaign.users, campaign.items = (sorted(set(columns[name])) for name in ("USER_ID", "ITEM_ID"))
    return Trained(campaign, place)


def _deployed(rows: bytes, schema: str, account: str, region: str) -> str:
    """Go the way from rows to a campaign with boto3, and return its ARN."""
    import boto3

    session = boto3.Session(account, account, region_name=region)
    s3, personalize = session.client("s3"), session.client("personalize")
    s3.create_bucket(Bucket=NAME, **_location(region))
    s3.put_object(Bucket=NAME, Key="interactions.csv", Body=rows)
    group = personalize.create_dataset_group(name=NAME)["datasetGroupArn"]
    columns = personalize.create_schema(name=NAME, schema=schema)["schemaArn"]
    dataset = personalize.create_dataset(
        name=NAME, datasetType="Interactions", datasetGroupArn=group, schemaArn=columns
    )["datasetArn"]
    personalize.create_dataset_import_job(
        jobName=NAME,
        datasetArn=dataset,
        dataSource={"dataLocation": f"s3://{NAME}/interactions.csv"},
        roleArn=f"arn:aws:iam::{account}:role/{NAME}",
    )
    recipe = service_owned(RECIPE, Scope(account, region).partition)
    solution = personalize.create_solution(name=NAME, datasetGroupArn=group, recipeArn=recipe)["solutionArn"]
    version = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    campaign = personalize.create_campaign(name=NAME, solutionVersionArn=version)["campaignArn"]
    status = personalize.describe_campaign(campaignArn=campaign)["campaign"]["status"]
    assert status == "ACTIVE", status
    return str(campaign)


def _location(region: str) -> dict[str, Any]:
    return {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
