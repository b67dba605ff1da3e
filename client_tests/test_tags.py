"""Tags: TagResource, UntagResource, ListTagsForResource, and the tags that a resource is created with."""

from __future__ import annotations

from typing import Any

import pytest
import shops
from accounts import RECIPES, Account, refused
from conftest import Shop

BLUE = [{"tagKey": "colour", "tagValue": "blue"}]
TAGGABLE = ("dataset-group", "dataset", "dataset-import-job", "solution", "solution version", "campaign")


def tags(account: Account, arn: str) -> dict[str, str]:
    found = account.personalize.list_tags_for_resource(resourceArn=arn)["tags"]
    return {tag["tagKey"]: tag["tagValue"] for tag in found}


def many(amount: int, first: int = 0) -> list[dict[str, str]]:
    return [{"tagKey": f"key{number}", "tagValue": str(number)} for number in range(first, first + amount)]


@pytest.fixture
def group(account: Account) -> str:
    return account.group()


@pytest.mark.parametrize("kind", TAGGABLE)
def test_resources_can_be_tagged(shop: Shop, kind: str) -> None:
    account = shop.account
    arn = {
        "dataset-group": shop.group,
        "dataset": account.arn("dataset/shop/INTERACTIONS"),
        "dataset-import-job": account.arn("dataset-import-job/shop"),
        "solution": shop.solution("aws-sims"),
        "solution version": shop.version("aws-sims"),
        "campaign": shop.campaigns["aws-sims"],
    }[kind]
    account.personalize.tag_resource(resourceArn=arn, tags=BLUE)
    assert tags(account, arn) == {"colour": "blue"}
    account.personalize.untag_resource(resourceArn=arn, tagKeys=["colour", "never set"])
    assert tags(account, arn) == {}


def test_resources_are_born_with_tags(account: Account) -> None:
    group = account.group(tags=BLUE)
    schema = account.schema()
    dataset = account.personalize.create_dataset(
        name="d", datasetGroupArn=group, schemaArn=schema, datasetType="Interactions", tags=BLUE
    )["datasetArn"]
    account.active("dataset", dataset)
    job = account.import_rows(dataset, account.put(shops.csv(shops.series())), tags=BLUE)["datasetImportJobArn"]
    solution = account.solution(group, "aws-popularity-count", tags=BLUE)
    version = account.version(solution, tags=BLUE)
    campaign = account.campaign(version, tags=BLUE)
    for arn in (group, dataset, job, solution, version, campaign):
        assert tags(account, arn) == {"colour": "blue"}


def test_what_belongs_to_a_group_is_born_with_tags(account: Account) -> None:
    group = account.group()
    schema = account.schema("events", shops.EVENTS)
    dataset, personalize, role = account.dataset(group, schema), account.personalize, account.role
    output = {"s3DataDestination": {"path": "s3://films/out/"}}
    expression = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
    made = (
        personalize.create_event_tracker(name="t", datasetGroupArn=group, tags=BLUE)["eventTrackerArn"],
        personalize.create_filter(name="f", datasetGroupArn=group, filterExpression=expression, tags=BLUE)["filterArn"],
        personalize.create_dataset_export_job(
            jobName="j", datasetArn=dataset, roleArn=role, jobOutput=output, tags=BLUE
        )["datasetExportJobArn"],
        personalize.create_data_deletion_job(
            jobName="j", datasetGroupArn=group, roleArn=role, dataSource={"dataLocation": "s3://films/u.csv"}, tags=BLUE
        )["dataDeletionJobArn"],
    )
    for arn in made:
        assert tags(account, arn) == {"colour": "blue"}


@pytest.mark.parametrize(("kind", "recipe"), [("inference", "aws-sims"), ("segment", "aws-item-affinity")])
def test_batch_jobs_are_born_with_tags(account: Account, kind: str, recipe: str) -> None:
    made = getattr(account.personalize, f"create_batch_{kind}_job")(
        jobName="j",
        solutionVersionArn=account.version(account.solution(account.shop(shops.series()), recipe)),
        jobInput={"s3DataSource": {"path": "s3://films/in/"}},
        jobOutput={"s3DataDestination": {"path": "s3://films/out/"}},
        roleArn=account.role,
        tags=BLUE,
    )
    assert tags(account, made[f"batch{kind.capitalize()}JobArn"]) == {"colour": "blue"}


def test_a_recommender_is_born_with_tags(account: Account) -> None:
    group = account.group(domain="ECOMMERCE")
    schema = shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long", "EVENT_TYPE string")
    account.dataset(group, account.schema("events", schema, domain="ECOMMERCE"))
    made = account.personalize.create_recommender(
        name="r", datasetGroupArn=group, recipeArn=f"{RECIPES}aws-ecomm-popular-items-by-views", tags=BLUE
    )
    assert tags(account, made["recommenderArn"]) == {"colour": "blue"}


def test_the_same_key_overwrites_and_keys_are_told_apart_by_case(account: Account, group: str) -> None:
    account.personalize.tag_resource(resourceArn=group, tags=BLUE)
    more = [{"tagKey": "colour", "tagValue": "red"}, {"tagKey": "Colour", "tagValue": ""}]
    account.personalize.tag_resource(resourceArn=group, tags=more)
    assert tags(account, group) == {"colour": "red", "Colour": ""}


def test_a_resource_has_at_most_50_tags(account: Account, group: str) -> None:
    account.personalize.tag_resource(resourceArn=group, tags=many(50))
    with refused("TooManyTagsException"):
        account.personalize.tag_resource(resourceArn=group, tags=BLUE)
    assert len(tags(account, group)) == 50
    account.personalize.tag_resource(resourceArn=group, tags=many(10))
    with refused("TooManyTagsException"):
        account.personalize.create_dataset_group(name="another", tags=many(51))
    assert len(account.personalize.list_dataset_groups()["datasetGroups"]) == 1


@pytest.mark.parametrize(
    "tag",
    [
        {"tagKey": "aws:colour", "tagValue": "blue"},
        {"tagKey": "colour", "tagValue": "blue!"},
        {"tagKey": "k" * 129, "tagValue": "blue"},
        {"tagKey": "colour", "tagValue": "b" * 257},
    ],
    ids=["reserved", "a bad character", "a long key", "a long value"],
)
def test_tags_that_break_the_rules_are_refused(account: Account, group: str, tag: dict[str, str]) -> None:
    with refused("InvalidInputException"):
        account.personalize.tag_resource(resourceArn=group, tags=[tag])
    assert tags(account, group) == {}


def test_more_than_200_keys_are_too_many(account: Account, group: str) -> None:
    with refused("TooManyTagKeysException"):
        account.personalize.untag_resource(resourceArn=group, tagKeys=[f"key{number}" for number in range(201)])


def test_tags_go_with_their_resource(account: Account, group: str) -> None:
    account.personalize.tag_resource(resourceArn=group, tags=BLUE)
    account.delete("dataset_group", group)
    with refused("ResourceNotFoundException", group):
        tags(account, group)
    assert tags(account, account.group()) == {}


def test_tags_of_a_solution_and_its_versions_are_their_own(account: Account) -> None:
    solution = account.solution(account.shop(shops.series()), "aws-popularity-count", tags=BLUE)
    version = account.version(solution)
    assert tags(account, version) == {}
    account.delete("solution", solution)
    with refused("ResourceNotFoundException", version):
        tags(account, version)


@pytest.mark.parametrize(
    "call",
    [
        ("list_tags_for_resource", {}),
        ("tag_resource", {"tags": BLUE}),
        ("untag_resource", {"tagKeys": ["colour"]}),
    ],
    ids=lambda call: call[0],
)
def test_what_cannot_be_tagged_is_refused(account: Account, call: tuple[str, dict[str, Any]]) -> None:
    name, asked = call
    operation = getattr(account.personalize, name)
    schema = account.schema()
    nothing = account.arn("collection/films")
    for arn in (schema, "arn:aws:personalize:::recipe/aws-sims", "arn:aws:s3:::films", nothing):
        with refused("InvalidInputException"):
            operation(resourceArn=arn, **asked)
    with refused("ResourceNotFoundException", "campaign/none"):
        operation(resourceArn=account.arn("campaign/none"), **asked)
