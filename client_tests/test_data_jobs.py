"""Jobs that take rows out: Create-, Describe-, ListDatasetExportJobs and Create-, Describe-, ListDataDeletionJobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import shops
from accounts import Account, Description, refused, until
from conftest import Tell
from modes import socket_only

MORE_THAN_5 = "More than 5 resources with PENDING status."
KEY = "arn:aws:kms:us-east-1:123456789012:key/films"


@pytest.fixture
def dataset(account: Account) -> str:
    return account.dataset(account.group(), account.schema())


def exporting(
    account: Account, dataset: str, name: str = "job", path: str = "s3://films/out/", **more: Any
) -> Description:
    """Begin an export and return it as it ended."""
    arn = account.personalize.create_dataset_export_job(
        jobName=name,
        datasetArn=dataset,
        roleArn=account.role,
        jobOutput={"s3DataDestination": {"path": path, "kmsKeyArn": KEY}},
        **more,
    )["datasetExportJobArn"]
    return account.settled("dataset_export_job", arn)


def begin_deletion(
    account: Account, group: str, name: str = "job", location: str | None = "s3://films/users.csv", **more: Any
) -> str:
    arn: str = account.personalize.create_data_deletion_job(
        jobName=name,
        datasetGroupArn=group,
        roleArn=account.role,
        dataSource={"dataLocation": location} if location else {},
        **more,
    )["dataDeletionJobArn"]
    return arn


def test_an_export_is_described_and_listed(account: Account, dataset: str) -> None:
    described = exporting(account, dataset, ingestionMode="ALL")
    arn = account.arn("dataset-export-job/job")
    assert (described["datasetExportJobArn"], described["jobName"], described["datasetArn"]) == (arn, "job", dataset)
    assert (described["ingestionMode"], described["roleArn"]) == ("ALL", account.role)
    assert described["jobOutput"] == {"s3DataDestination": {"path": "s3://films/out/", "kmsKeyArn": KEY}}
    (listed,) = account.personalize.list_dataset_export_jobs(datasetArn=dataset)["datasetExportJobs"]
    assert listed.keys() - {"failureReason"} == {
        *("datasetExportJobArn", "jobName", "status", "creationDateTime", "lastUpdatedDateTime")
    }
    assert listed.items() <= described.items()
    assert exporting(account, dataset, "second")["ingestionMode"] == "PUT"
    assert [each["jobName"] for each in account.personalize.list_dataset_export_jobs()["datasetExportJobs"]] == [
        *("second", "job")
    ]


@pytest.mark.parametrize("path", ["https://films/out", "s3:///out"])
def test_an_export_goes_to_a_bucket(account: Account, dataset: str, path: str) -> None:
    with refused("InvalidInputException", "Invalid S3 output path"):
        exporting(account, dataset, path=path)


def test_an_export_needs_a_dataset_and_a_name_of_its_own(account: Account, dataset: str) -> None:
    with refused("ResourceNotFoundException", "dataset/shop/ITEMS"):
        exporting(account, account.arn("dataset/shop/ITEMS"))
    exporting(account, dataset)
    with refused("ResourceAlreadyExistsException", account.arn("dataset-export-job/job")):
        exporting(account, dataset)


@socket_only
def test_the_dataset_to_export_must_be_active(waiting: Callable[..., tuple[Account, Tell]]) -> None:
    account, _ = waiting("dataset_import_job", "dataset")
    dataset = account.personalize.create_dataset(
        name="d", datasetGroupArn=account.group(), schemaArn=account.schema(), datasetType="Interactions"
    )["datasetArn"]
    with refused("ResourceInUseException", f"Resource {dataset} is not in ACTIVE state."):
        exporting(account, dataset)


def test_a_deletion_is_described_and_listed(account: Account) -> None:
    group = account.group()
    arn = begin_deletion(account, group)
    assert arn == account.arn("data-deletion-job/job")
    described = account.settled("data_deletion_job", arn)
    assert (described["dataDeletionJobArn"], described["jobName"], described["datasetGroupArn"]) == (arn, "job", group)
    assert (described["dataSource"], described["roleArn"]) == (
        {"dataLocation": "s3://films/users.csv"},
        account.role,
    )
    assert described["status"] in ("COMPLETED", "FAILED")
    assert ("failureReason" in described) == (described["status"] == "FAILED")
    assert ("numDeleted" in described) == (described["status"] == "COMPLETED")
    (listed,) = account.personalize.list_data_deletion_jobs(datasetGroupArn=group)["dataDeletionJobs"]
    assert listed.items() <= described.items()
    begin_deletion(account, group, "second")
    jobs = account.personalize.list_data_deletion_jobs()["dataDeletionJobs"]
    assert [each["jobName"] for each in jobs] == ["second", "job"]


@pytest.mark.parametrize("location", ["https://films/users.csv", "s3:///users.csv", None])
def test_users_to_delete_stand_in_a_bucket(account: Account, location: str | None) -> None:
    with refused("InvalidInputException", "Invalid Data location."):
        begin_deletion(account, account.group(), location=location)


def test_a_deletion_needs_a_group_and_a_name_of_its_own(account: Account) -> None:
    with refused("ResourceNotFoundException", "dataset-group/none"):
        begin_deletion(account, account.arn("dataset-group/none"))
    begin_deletion(account, account.group())
    with refused("ResourceAlreadyExistsException", account.arn("data-deletion-job/job")):
        begin_deletion(account, account.group("other"))


@socket_only
def test_five_deletions_of_a_group_may_wait_however_many_run(waiting: Callable[..., tuple[Account, Tell]]) -> None:
    account, tell = waiting("data_deletion_job")
    group, other, location = account.group(), account.group("other"), account.put("USER_ID\nu1\n")

    def statuses() -> set[str]:
        jobs = account.personalize.list_data_deletion_jobs(datasetGroupArn=group)["dataDeletionJobs"]
        return {job["status"] for job in jobs}

    for number in range(5):
        begin_deletion(account, group, f"j{number}", location)
    assert statuses() == {"PENDING"}
    with refused("LimitExceededException", MORE_THAN_5):
        begin_deletion(account, group)
    begin_deletion(account, other, "elsewhere")
    tell()
    until(lambda: statuses() == {"IN_PROGRESS"})
    begin_deletion(account, group)


def test_reports_are_about_interactions_and_need_an_attribution(account: Account) -> None:
    group = account.group()
    events = account.dataset(group, account.schema("events", shops.EVENTS))
    items = account.dataset(group, account.schema("items", shops.ITEMS), "Items")
    location = account.put("ITEM_ID,GENRES,PRICE\ni1,drama,2.5\n")
    asked = {"publishAttributionMetricsToS3": True}
    with refused("InvalidInputException", "metric attribution"):
        account.import_rows(events, location, **asked)
    account.personalize.create_metric_attribution(
        name="m",
        datasetGroupArn=group,
        metrics=[{"eventType": "click", "metricName": "clicks", "expression": "SAMPLECOUNT()"}],
        metricsOutputConfig={"roleArn": account.role, "s3DataDestination": {"path": "s3://films/reports/"}},
    )
    with refused("InvalidInputException", "Interactions"):
        account.import_rows(items, location, **asked)
