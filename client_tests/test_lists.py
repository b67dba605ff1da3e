"""Lists: their order, their pages and the tokens between them."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from accounts import Account, refused
from conftest import NewAccount

NAMES = [f"s{number}" for number in range(7)]
GARBAGE = ["x", "", "e30=", "W10=", base64.b64encode(b"[1]").decode(), base64.b64encode(b"[-1,0]").decode()]


@pytest.fixture
def schemas(account: Account) -> list[str]:
    """Seven schemas, newest first, as they are listed."""
    for name in NAMES:
        account.schema(name)
    return NAMES[::-1]


def page(account: Account, **asked: Any) -> tuple[list[str], str | None]:
    answer = account.personalize.list_schemas(**asked)
    return [schema["name"] for schema in answer["schemas"]], answer.get("nextToken")


def test_the_newest_comes_first_and_one_page_holds_a_hundred(account: Account, schemas: list[str]) -> None:
    assert page(account) == (schemas, None)
    times = [schema["creationDateTime"] for schema in account.personalize.list_schemas()["schemas"]]
    assert times == sorted(times, reverse=True)
    for number in range(100 - len(schemas)):
        account.schema(f"more{number}")
    assert page(account)[1] is None
    account.schema("one-too-many")
    found, token = page(account)
    assert len(found) == 100
    assert page(account, nextToken=token) == ([NAMES[0]], None)


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 100])
def test_pages_hold_everything_once(account: Account, schemas: list[str], size: int) -> None:
    found, token = page(account, maxResults=size)
    while token:
        more, token = page(account, maxResults=size, nextToken=token)
        assert 0 < len(more) <= size
        found += more
    assert found == schemas


def test_the_size_may_change_from_page_to_page(account: Account, schemas: list[str]) -> None:
    first, token = page(account, maxResults=2)
    assert first + page(account, maxResults=5, nextToken=token)[0] == schemas


def test_botocore_paginates(account: Account, schemas: list[str]) -> None:
    pages = account.personalize.get_paginator("list_schemas").paginate(PaginationConfig={"PageSize": 3})
    assert [schema["name"] for schema in pages.build_full_result()["schemas"]] == schemas


def test_deletions_between_pages_skip_and_repeat_nothing(account: Account, schemas: list[str]) -> None:
    first, token = page(account, maxResults=3)
    for name in (schemas[0], schemas[2], schemas[4]):  # two that were seen, the last of the page among them
        account.delete("schema", account.arn(f"schema/{name}"))
    account.schema("newer")
    assert page(account, nextToken=token) == ([schemas[3], *schemas[5:]], None)
    assert first == schemas[:3]


def test_a_token_can_be_used_again(account: Account, schemas: list[str]) -> None:
    _, token = page(account, maxResults=3)
    assert page(account, nextToken=token) == page(account, nextToken=token)


@pytest.mark.parametrize("token", GARBAGE)
def test_garbage_is_no_token(account: Account, token: str) -> None:
    with refused("InvalidNextTokenException", "The token is not valid."):
        account.personalize.list_dataset_groups(nextToken=token)


def test_a_token_belongs_to_its_question(account: Account, schemas: list[str], new_account: NewAccount) -> None:
    _, token = page(account, maxResults=3)
    with refused("InvalidNextTokenException"):
        account.personalize.list_dataset_groups(nextToken=token)
    for stranger in (new_account(), new_account("eu-west-1", account.number)):
        with refused("InvalidNextTokenException"):
            page(stranger, nextToken=token)


def test_a_token_belongs_to_its_parent(account: Account) -> None:
    groups = [account.group(name) for name in ("one", "two")]
    for number, group in enumerate((*groups, *groups)):
        account.solution(group, "aws-sims", f"s{number}")
    token = account.personalize.list_solutions(datasetGroupArn=groups[0], maxResults=1)["nextToken"]
    for asked in ({}, {"datasetGroupArn": groups[1]}):
        with refused("InvalidNextTokenException"):
            account.personalize.list_solutions(nextToken=token, **asked)


@pytest.mark.parametrize("size", [101, 10**6])
def test_a_page_holds_at_most_a_hundred(account: Account, size: int) -> None:
    with refused("InvalidInputException", "'maxResults'"):
        page(account, maxResults=size)


def test_a_parent_filters_and_no_parent_shows_the_region(account: Account) -> None:
    groups = [account.group(name) for name in ("one", "two")]
    solutions = [account.solution(group, "aws-sims", f"s{number}") for number, group in enumerate((*groups, *groups))]

    def listed(**asked: Any) -> list[str]:
        return [each["solutionArn"] for each in account.personalize.list_solutions(**asked)["solutions"]]

    assert listed() == solutions[::-1]
    assert listed(datasetGroupArn=groups[0]) == [solutions[2], solutions[0]]


@pytest.mark.parametrize(
    ("operation", "member", "tail", "key"),
    [
        ("list_datasets", "datasetGroupArn", "dataset-group/none", "datasets"),
        ("list_dataset_import_jobs", "datasetArn", "dataset/none/ITEMS", "datasetImportJobs"),
        ("list_solutions", "datasetGroupArn", "dataset-group/none", "solutions"),
        ("list_campaigns", "solutionArn", "solution/none", "campaigns"),
        ("list_dataset_export_jobs", "datasetArn", "dataset/none/ITEMS", "datasetExportJobs"),
        ("list_data_deletion_jobs", "datasetGroupArn", "dataset-group/none", "dataDeletionJobs"),
        ("list_event_trackers", "datasetGroupArn", "dataset-group/none", "eventTrackers"),
        ("list_filters", "datasetGroupArn", "dataset-group/none", "Filters"),
        ("list_recommenders", "datasetGroupArn", "dataset-group/none", "recommenders"),
        ("list_metric_attributions", "datasetGroupArn", "dataset-group/none", "metricAttributions"),
        ("list_batch_inference_jobs", "solutionVersionArn", "solution/none/v1", "batchInferenceJobs"),
        ("list_batch_segment_jobs", "solutionVersionArn", "solution/none/v1", "batchSegmentJobs"),
    ],
)
def test_below_an_unknown_parent_there_is_nothing(
    account: Account, operation: str, member: str, tail: str, key: str
) -> None:
    assert getattr(account.personalize, operation)(**{member: account.arn(tail)})[key] == []
    with refused("InvalidInputException", "Invalid ARN"):
        getattr(account.personalize, operation)(**{member: account.arn("filter/none")})
