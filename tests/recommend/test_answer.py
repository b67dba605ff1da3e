"""Recommendations come from memory."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import boto3
import pytest
import shops

from fakepersonalize import mock_personalize
from fakepersonalize.emulator import Emulator

# Everybody watches film 0, four of five people film 1 and so on: what is popular is known.
ROWS = "USER_ID,ITEM_ID,TIMESTAMP\n" + "".join(
    f"u{user},i{item},{1_600_000_000 + 100 * user + item}\n"
    for user in range(20)
    for item in range(10)
    if user % 10 >= item
)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with mock_personalize() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def version(emulator: Emulator) -> str:
    """A trained solution version: popularity."""
    s3, personalize = client("s3"), client("personalize")
    s3.create_bucket(Bucket="films")
    s3.put_object(Bucket="films", Key="rows.csv", Body=ROWS)
    schema = personalize.create_schema(name="films", schema=shops.INTERACTIONS)["schemaArn"]
    group = personalize.create_dataset_group(name="films")["datasetGroupArn"]
    dataset = personalize.create_dataset(
        name="films", schemaArn=schema, datasetGroupArn=group, datasetType="Interactions"
    )["datasetArn"]
    personalize.create_dataset_import_job(
        jobName="films",
        datasetArn=dataset,
        dataSource={"dataLocation": "s3://films/rows.csv"},
        roleArn="arn:aws:iam::123456789012:role/reader",
    )
    solution = personalize.create_solution(
        name="films", datasetGroupArn=group, recipeArn="arn:aws:personalize:::recipe/aws-popularity-count"
    )["solutionArn"]
    arn: str = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    assert personalize.describe_solution_version(solutionVersionArn=arn)["solutionVersion"]["status"] == "ACTIVE"
    return arn


@pytest.fixture
def campaign(version: str) -> Iterator[str]:
    personalize = client("personalize")
    arn = personalize.create_campaign(name="films", solutionVersionArn=version)["campaignArn"]
    yield arn
    personalize.delete_campaign(campaignArn=arn)


def client(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1")


def recommended(campaign: str) -> list[str]:
    answer = client("personalize-runtime").get_recommendations(campaignArn=campaign, userId="u1", numResults=3)
    return [item["itemId"] for item in answer["itemList"]]


def test_recommendations_take_no_sql_not_even_the_first_ones(emulator: Emulator, campaign: str) -> None:
    seen: list[str] = []
    emulator.loaded.clear()
    emulator.database.trace(seen.append)
    try:
        assert [recommended(campaign) for _ in range(3)] == [["i0", "i1", "i2"]] * 3
        assert seen == []
        client("personalize").describe_campaign(campaignArn=campaign)
        assert seen  # so the trace would have shown it
    finally:
        emulator.database.trace(None)


def test_a_campaign_serves_from_its_being_active_until_its_deletion_begins(emulator: Emulator, version: str) -> None:
    personalize = client("personalize")
    arn = personalize.create_campaign(name="short", solutionVersionArn=version)["campaignArn"]
    endpoint = emulator.recommender.endpoint(arn)
    assert endpoint is not None
    assert endpoint.recipe.name == "aws-popularity-count"
    personalize.delete_campaign(campaignArn=arn)
    assert emulator.recommender.endpoint(arn) is None


def test_what_is_rolled_back_is_never_served(emulator: Emulator, campaign: str) -> None:
    before = emulator.recommender.endpoint(campaign)
    found = emulator.shelf.find(campaign)
    assert found is not None
    with suppress(ZeroDivisionError), emulator.database.transaction():
        emulator.shelf.put(found, status="DELETE PENDING")
        raise ZeroDivisionError
    assert emulator.recommender.endpoint(campaign) == before
    assert recommended(campaign) == ["i0", "i1", "i2"]


def test_recommendations_need_none_of_the_rows(emulator: Emulator, campaign: str) -> None:
    before = recommended(campaign)
    emulator.loaded.clear()
    for path in (emulator.folder.path / "tables").glob("*/*"):
        path.rename(path.with_suffix(".away"))
    try:
        assert recommended(campaign) == before
    finally:
        for path in (emulator.folder.path / "tables").glob("*/*.away"):
            path.rename(path.with_suffix(".parquet"))
