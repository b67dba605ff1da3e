"""Imports: CreateDatasetImportJob, DescribeDatasetImportJob, ListDatasetImportJobs."""

from __future__ import annotations

import csv
import io

import pytest
import shops
from accounts import Account, Description, refused

ROWS = shops.series()
OTHERS = shops.series(seed=1, prefix="other-")
BAD_TIME = shops.csv(ROWS).replace(str(shops.START), "yesterday", 1)
LONG_ID = shops.csv([("u" * 257, "i1", shops.START), *ROWS])
FAILURES = {
    "a missing column": (shops.csv([row[:2] for row in ROWS], "USER_ID,ITEM_ID"), "missing the following columns:"),
    "two missing columns": ("ITEM_ID\ni1\n", "Input CSV is missing the following columns:[USER_ID, TIMESTAMP]."),
    "text for a number": (BAD_TIME, "Invalid value for column TIMESTAMP at line"),
    "a fraction for a long": (
        shops.csv([("u", "i", "1.0"), *ROWS]),
        "Invalid value for column TIMESTAMP at line 2",
    ),
    "no user": (shops.csv([("", "i", shops.START), *ROWS]), "Invalid value for column USER_ID at line 2"),
    "a long id": (LONG_ID, "Length cannot be more than 256 characters for USER_ID."),
    "an empty file": ("", "No data found at the given location."),
    "a header alone": (f"{shops.HEADER}\n", "No data found at the given location."),
    "too few rows": (shops.csv(ROWS[:999]), "Dataset has fewer than 1000 interactions."),
}


@pytest.fixture
def dataset(account: Account) -> str:
    return account.dataset(account.group(), account.schema())


def trained_items(account: Account, name: str = "check") -> set[str]:
    """Return the items of a model that is trained on what the dataset holds now."""
    campaign = account.deployed(account.arn("dataset-group/shop"), "aws-popularity-count", name)
    return set(account.recommended(campaign, userId="u", numResults=500))


def items(rows: list[shops.Row]) -> set[str]:
    return {item for _, item, _ in rows}


def assert_two_files_are_imported(account: Account, dataset: str, one: str, other: str) -> None:
    account.put(shops.csv(ROWS[1:]), f"in/{one}")
    location = account.put(shops.csv(ROWS[:1]), f"in/{other}").replace(other, "")
    job = account.import_rows(dataset, location)
    assert job["status"] == "ACTIVE", job["failureReason"]
    assert trained_items(account) == items(ROWS)


def test_an_import_job_is_described_and_listed(account: Account, dataset: str) -> None:
    location = account.put(shops.csv(ROWS))
    job = account.import_rows(dataset, location, "first")
    assert job["status"] == "ACTIVE"
    assert job["datasetImportJobArn"] == account.arn("dataset-import-job/first")
    assert (job["jobName"], job["datasetArn"], job["roleArn"]) == ("first", dataset, account.role)
    assert job["dataSource"] == {"dataLocation": location}
    assert job["importMode"] == "FULL"
    assert job["publishAttributionMetricsToS3"] is False
    assert "failureReason" not in job
    (listed,) = account.personalize.list_dataset_import_jobs(datasetArn=dataset)["datasetImportJobs"]
    assert listed.items() <= job.items()
    assert listed.keys() == {
        *("datasetImportJobArn", "jobName", "status", "importMode", "creationDateTime", "lastUpdatedDateTime")
    }


def test_all_objects_of_a_folder_are_imported_but_not_those_below_it(account: Account, dataset: str) -> None:
    half = len(ROWS) // 2
    account.put(shops.csv(ROWS[:half]), "in/1.csv")
    account.put(shops.csv(ROWS[half:]), "in/2.csv")
    account.put(shops.csv(OTHERS), "in/deeper/3.csv")
    location = account.put(shops.csv(OTHERS), "inside.csv").replace("inside.csv", "in/")
    assert account.import_rows(dataset, location)["status"] == "ACTIVE"
    assert trained_items(account) == items(ROWS)


NO_DATA_IN = {"in/": "", "in/_SUCCESS": "", "in/.1.csv.crc": "crc", "in/_temporary.csv": "half", "in/empty.csv": ""}


def test_what_is_no_csv_file_of_a_folder_is_left_out(account: Account, dataset: str) -> None:
    for key, text in (NO_DATA_IN | {"in/readme.txt": "Read me.", "in/schema.json": "{}"}).items():
        account.put(text, key)
    assert_two_files_are_imported(account, dataset, "1.csv", "2.CSV")


def test_parts_that_a_program_wrote_without_an_ending_are_imported(account: Account, dataset: str) -> None:
    for key, text in NO_DATA_IN.items():
        if not key.endswith("csv"):
            account.put(text, key)
    assert_two_files_are_imported(account, dataset, "part-00000", "part-00001")


@pytest.mark.parametrize(
    ("text", "reason"),
    [(f"{shops.HEADER}\nu1,i1,1\nu1,i1,\n", "line 3 of b.csv (empty)"), ("u1,i1,1\n", "b.csv: the first line must be")],
)
def test_of_several_objects_the_reason_names_the_one_that_breaks_the_rules(
    account: Account, dataset: str, text: str, reason: str
) -> None:
    location = account.put(shops.csv(ROWS), "in/a.csv").replace("a.csv", "")
    account.put(text, "in/b.csv")
    assert reason in account.import_rows(dataset, location)["failureReason"]


def test_columns_go_by_name_and_those_the_schema_lacks_are_ignored(account: Account, dataset: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["", "timestamp", "NOTE", "item_id", "USER_ID"])
    writer.writerows((n, time, 'a "quoted", note', item, user) for n, (user, item, time) in enumerate(ROWS))
    assert account.import_rows(dataset, account.put(text.getvalue()))["status"] == "ACTIVE"
    assert trained_items(account) == items(ROWS)


def test_a_header_in_quotes_is_taken_as_pandas_writes_it(account: Account, dataset: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(["timestamp", "item_id", "user_id", "a, b"])
    writer.writerows((time, item, user, 1) for user, item, time in ROWS)
    assert out.getvalue().startswith('"timestamp",')
    job = account.import_rows(dataset, account.put(out.getvalue()))
    assert job["status"] == "ACTIVE", job
    assert trained_items(account) == items(ROWS)


def test_items_and_users_are_imported_too(account: Account) -> None:
    group = account.group()
    for type_, schema, text in (
        ("Items", shops.ITEMS, "ITEM_ID,GENRES,PRICE\ni1,Drama|Crime,1.5\n"),
        ("Users", shops.USERS, "USER_ID,AGE\nu1,33\n"),
    ):
        dataset = account.dataset(group, account.schema(type_, schema), type_)
        assert account.import_rows(dataset, account.put(text), type_)["status"] == "ACTIVE"


@pytest.mark.parametrize(("text", "reason"), FAILURES.values(), ids=FAILURES.keys())
def test_a_file_that_breaks_the_rules_fails_with_a_reason(
    account: Account, dataset: str, text: str, reason: str
) -> None:
    job = account.import_rows(dataset, account.put(text))
    assert job["status"] == "CREATE FAILED"
    assert reason in job["failureReason"]
    (listed,) = account.personalize.list_dataset_import_jobs(datasetArn=dataset)["datasetImportJobs"]
    assert listed["failureReason"] == job["failureReason"]


def test_a_failed_import_leaves_the_earlier_rows_in_place(account: Account, dataset: str) -> None:
    assert account.import_rows(dataset, account.put(shops.csv(ROWS)))["status"] == "ACTIVE"
    for number, (text, _) in enumerate(FAILURES.values()):
        job = account.import_rows(dataset, account.put(text, f"{number}.csv"), f"failing{number}")
        assert job["status"] == "CREATE FAILED"
    assert trained_items(account) == items(ROWS)


def test_a_full_import_replaces_the_earlier_rows(account: Account, dataset: str) -> None:
    for name, rows in (("first", ROWS), ("second", OTHERS)):
        job = account.import_rows(dataset, account.put(shops.csv(rows), name), name)
        assert job["status"] == "ACTIVE"
        assert trained_items(account, name) == items(rows)


def test_an_incremental_import_appends(account: Account, dataset: str) -> None:
    account.import_rows(dataset, account.put(shops.csv(ROWS)), "first")
    job = account.import_rows(dataset, account.put(shops.csv(OTHERS), "more.csv"), "second", importMode="INCREMENTAL")
    assert (job["status"], job["importMode"]) == ("ACTIVE", "INCREMENTAL")
    assert trained_items(account) == items(ROWS + OTHERS)


def test_an_incremental_import_needs_a_full_one_before(account: Account, dataset: str) -> None:
    with refused("InvalidInputException"):
        account.begin_import(dataset, account.put(shops.csv(ROWS)), importMode="INCREMENTAL")


def test_the_file_is_read_when_the_job_is_made(account: Account, dataset: str) -> None:
    """A Put to the same key afterwards does not change what an ACTIVE import brought."""
    account.import_rows(dataset, account.put(shops.csv(ROWS)))
    account.put(shops.csv(OTHERS))
    assert trained_items(account) == items(ROWS)


@pytest.mark.parametrize("location", ["s3://no-such-bucket/rows.csv", "s3://no-such-bucket/"])
def test_an_unreadable_bucket_is_refused_at_once(account: Account, dataset: str, location: str) -> None:
    with refused("InvalidInputException", "Insufficient privileges for accessing data in S3.", "no-such-bucket"):
        account.begin_import(dataset, location)
    assert account.personalize.list_dataset_import_jobs()["datasetImportJobs"] == []


def test_a_missing_object_is_refused_at_once(account: Account, dataset: str) -> None:
    location = account.put(shops.csv(ROWS)).replace("rows.csv", "cols.csv")
    with refused("InvalidInputException", "Insufficient privileges for accessing data in S3.", "a folder ends in /"):
        account.begin_import(dataset, location)


def test_an_empty_folder_fails(account: Account, dataset: str) -> None:
    job = account.import_rows(dataset, account.put(shops.csv(ROWS)).replace("rows.csv", "empty/"))
    assert job["status"] == "CREATE FAILED"
    assert "No data found at the given location." in job["failureReason"]


def test_a_folder_of_empty_objects_fails(account: Account, dataset: str) -> None:
    for key in ("in/", "in/_SUCCESS", "in/1.csv"):
        location = account.put("", key)
    job = account.import_rows(dataset, location.replace("1.csv", ""))
    assert "No data found at the given location." in job["failureReason"]


def test_a_location_outside_s3_is_refused(account: Account, dataset: str) -> None:
    with refused("InvalidInputException", "Invalid Data location."):
        account.begin_import(dataset, "https://example.com/rows.csv")
    with refused("InvalidInputException", "'dataSource.dataLocation'"):
        account.begin_import(dataset, "/home/me/rows.csv")


def test_an_import_without_a_role_is_refused(account: Account, dataset: str) -> None:
    location = account.put(shops.csv(ROWS))
    with refused("InvalidInputException", "roleArn"):
        account.personalize.create_dataset_import_job(
            jobName="j", datasetArn=dataset, dataSource={"dataLocation": location}
        )


def test_the_name_of_a_job_is_taken_for_ever(account: Account, dataset: str) -> None:
    location = account.put(shops.csv(ROWS))
    first = account.import_rows(dataset, location)["datasetImportJobArn"]
    another = account.dataset(account.arn("dataset-group/shop"), account.schema("items", shops.ITEMS), "Items")
    for dataset_arn in (dataset, another):
        with refused("ResourceAlreadyExistsException", first):
            account.begin_import(dataset_arn, location)


def test_an_import_into_nothing_is_refused(account: Account) -> None:
    with refused("ResourceNotFoundException", "dataset/none/ITEMS"):
        account.begin_import(account.arn("dataset/none/ITEMS"), account.put("ITEM_ID\n"))


def test_ids_come_through_as_they_are(account: Account, dataset: str) -> None:
    odd = {item: f'{item} "Amélie", 東京 🎬' for item in items(ROWS)}
    text = io.StringIO()
    csv.writer(text).writerows([shops.HEADER.split(","), *((u, odd[i], t) for u, i, t in ROWS)])
    job: Description = account.import_rows(dataset, account.put(text.getvalue()))
    assert job["status"] == "ACTIVE"
    assert trained_items(account) == set(odd.values())
