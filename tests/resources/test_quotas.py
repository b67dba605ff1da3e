from collections.abc import Callable

import pytest

from fakepersonalize.arns import Scope
from fakepersonalize.errors import LimitExceededException
from fakepersonalize.resources.kinds import (
    CAMPAIGN,
    DATASET_GROUP,
    DATASET_IMPORT_JOB,
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
