from collections.abc import Callable

import pytest

from fakepersonalize.arns import Scope
from fakepersonalize.errors import LimitExceededException
from fakepersonalize.resources import quotas
from fakepersonalize.resources.kinds import (
    CAMPAIGN,
    DATA_DELETION_JOB,
    DATASET_GROUP,
    DATASET_IMPORT_JOB,
    KINDS,
    SOLUTION,
    SOLUTION_VERSION,
    Kind,
)
from fakepersonalize.resources.quotas import QUOTAS
from fakepersonalize.resources.shelf import Resource, Shelf

HOME, ABROAD = Scope("123456789012", "eu-west-1"), Scope("123456789012", "us-east-1")
COUNTED = ("CREATE PENDING", "CREATE IN_PROGRESS", "ACTIVE", "CREATE STOPPED", "DELETE PENDING", "DELETE IN_PROGRESS")
RUNNING = ("CREATE PENDING", "CREATE IN_PROGRESS", "CREATE STOPPING")


def add(shelf: Shelf, kind: Kind, name: str, status: str = "ACTIVE", scope: Scope = HOME, **members: str) -> Resource:
    with shelf.database.transaction():
        resource = shelf.at(scope).add(kind, name, {"jobName": name} | members)
        return shelf.put(resource, status=status)


def fill(shelf: Shelf, kind: Kind, status: str = "ACTIVE", **members: str) -> None:
    """Add as many as there may be."""
    assert kind.quota is not None
    for number in range(QUOTAS[kind.quota].most):
        add(shelf, kind, f"{status[:1]}{status[-3:]}{number}", status, **members)


@pytest.fixture
def shelf(new_shelf: Callable[..., Shelf]) -> Shelf:
    return new_shelf(quotas=True)


@pytest.mark.parametrize("status", COUNTED)
def test_all_count_that_have_not_failed(shelf: Shelf, status: str) -> None:
    fill(shelf, DATASET_GROUP, status)
    with pytest.raises(LimitExceededException) as caught:
        add(shelf, DATASET_GROUP, "more")
    assert caught.value.message == "More than 5 resources in ACTIVE state. Please delete some and try again."


def test_failed_ones_do_not_count(shelf: Shelf) -> None:
    fill(shelf, DATASET_GROUP, "CREATE FAILED")
    add(shelf, DATASET_GROUP, "more")


@pytest.mark.parametrize("status", RUNNING)
def test_of_jobs_those_count_that_run(shelf: Shelf, status: str) -> None:
    fill(shelf, DATASET_IMPORT_JOB, status)
    with pytest.raises(LimitExceededException) as caught:
        add(shelf, DATASET_IMPORT_JOB, "more")
    assert caught.value.message == "More than 5 resources with PENDING or IN_PROGRESS status."


@pytest.mark.parametrize("status", ["ACTIVE", "CREATE FAILED", "CREATE STOPPED"])
def test_jobs_that_are_over_do_not_count(shelf: Shelf, status: str) -> None:
    fill(shelf, DATASET_IMPORT_JOB, status)
    add(shelf, DATASET_IMPORT_JOB, "more")


def test_of_deletions_of_data_those_count_that_wait(shelf: Shelf) -> None:
    group = add(shelf, DATASET_GROUP, "films")
    fill(shelf, DATA_DELETION_JOB, "IN_PROGRESS", datasetGroupArn=group.arn)
    fill(shelf, DATA_DELETION_JOB, "PENDING", datasetGroupArn=group.arn)
    with pytest.raises(LimitExceededException) as caught:
        add(shelf, DATA_DELETION_JOB, "more", datasetGroupArn=group.arn)
    assert caught.value.message == "More than 5 resources with PENDING status."


def test_regions_count_by_themselves(shelf: Shelf) -> None:
    fill(shelf, DATASET_GROUP)
    add(shelf, DATASET_GROUP, "more", scope=ABROAD)


def test_dataset_groups_count_by_themselves(shelf: Shelf) -> None:
    films, books = add(shelf, DATASET_GROUP, "films"), add(shelf, DATASET_GROUP, "books")
    fill(shelf, SOLUTION, datasetGroupArn=films.arn)
    with pytest.raises(LimitExceededException):
        add(shelf, SOLUTION, "more", datasetGroupArn=films.arn)
    add(shelf, SOLUTION, "more", datasetGroupArn=books.arn)


def test_campaigns_count_in_the_dataset_group_far_above_them(shelf: Shelf) -> None:
    group = add(shelf, DATASET_GROUP, "films")
    versions = []
    for name in ("a", "b"):
        solution = add(shelf, SOLUTION, name, datasetGroupArn=group.arn)
        with shelf.database.transaction():
            document = {"solutionArn": solution.arn}
            versions.append(shelf.at(HOME).add(SOLUTION_VERSION, "v1", document, solution=name, id="v1"))
    for number in range(5):
        add(shelf, CAMPAIGN, f"c{number}", solutionVersionArn=versions[number % 2].arn)
    with pytest.raises(LimitExceededException):
        add(shelf, CAMPAIGN, "more", solutionVersionArn=versions[0].arn)


def test_what_was_removed_makes_room(shelf: Shelf) -> None:
    fill(shelf, DATASET_GROUP)
    with shelf.database.transaction():
        shelf.remove(shelf.of_kind(DATASET_GROUP)[0])
    add(shelf, DATASET_GROUP, "more")


def test_nothing_is_refused_where_quotas_are_off(new_shelf: Callable[..., Shelf]) -> None:
    shelf = new_shelf(quotas=False)
    fill(shelf, DATASET_GROUP)
    add(shelf, DATASET_GROUP, "more")


def test_a_refused_resource_leaves_nothing(shelf: Shelf) -> None:
    fill(shelf, DATASET_GROUP)
    with pytest.raises(LimitExceededException):
        add(shelf, DATASET_GROUP, "more")
    assert len(shelf.of_kind(DATASET_GROUP)) == 5


def test_the_numbers_are_those_of_the_service() -> None:
    """Source: https://docs.aws.amazon.com/personalize/latest/dg/limits.html, as in 2025."""
    assert {name: (quota.most, quota.per, quota.only) for name, quota in QUOTAS.items()} == {
        "schemas": (500, "region", None),
        "dataset_groups": (5, "region", None),
        "dataset_import_jobs": (5, "region", "PENDING or IN_PROGRESS"),
        "batch_inference_jobs": (5, "region", "PENDING or IN_PROGRESS"),
        "batch_segment_jobs": (5, "region", "PENDING or IN_PROGRESS"),
        "solution_versions": (20, "region", "PENDING or IN_PROGRESS"),
        "solutions": (10, "dataset group", None),
        "campaigns": (5, "dataset group", None),
        "recommenders": (5, "dataset group", None),
        "filters": (30, "dataset group", None),
        "metric_attributions": (1, "dataset group", None),
        "data_deletion_jobs": (5, "dataset group", "PENDING"),
    }
    assert quotas.METADATA_FIELDS == {
        "INTERACTIONS": 5,
        "USERS": 25,
        "ITEMS": 100,
        "ACTIONS": 10,
        "ACTION_INTERACTIONS": 5,
    }
    assert quotas.IMPORT_BYTES == {"FULL": 100e9, "INCREMENTAL": 1e9}
    assert (quotas.MINIMUM_INTERACTIONS, quotas.MINIMUM_USERS, quotas.MINIMUM_SHARE_OF_USERS) == (1000, 25, 0.01)
    assert (quotas.INTERACTIONS_PER_USER, quotas.EVENT_TYPES_AND_METADATA) == (2, 10)
    assert (quotas.TAGS_PER_RESOURCE, quotas.METRICS_PER_ATTRIBUTION, quotas.FILTERED_FIELDS_PER_GROUP) == (50, 10, 20)
    assert (quotas.RESULTS, quotas.EVENT_BYTES) == (500, 10_240)
    assert (quotas.ID_CHARACTERS, quotas.STRING_CHARACTERS) == (256, 1000)
    assert (quotas.TEXT_CHARACTERS, quotas.TEXT_CHARACTERS_HAN) == (20_000, 7_000)


def test_every_quota_is_of_a_kind() -> None:
    assert QUOTAS.keys() == {kind.quota for kind in KINDS.values() if kind.quota}
