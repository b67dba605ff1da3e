"""What CreateDatasetExportJob writes: the rows of each mode, once, as files that an import reads back."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
import shops
from accounts import Account, Description

Rows = list[tuple[str, ...]]
ROWS = shops.series()
NOTES = shops.schema(
    "Items",
    "ITEM_ID string",
    {"name": "GENRES", "type": ["null", "string"], "categorical": True},
    {"name": "note", "type": ["null", "string"], "textual": True},
    {"name": "PRICE", "type": ["float", "null"]},
    {"name": "Used", "type": ["boolean", "null"]},
)
HEADER = "ITEM_ID,GENRES,note,PRICE,Used"


def exported(account: Account, dataset: str, mode: str | None = None, path: str = "out/") -> list[str]:
    """Export a dataset; return the keys of the objects."""
    location = account.put("", "empty").replace("empty", path)
    job = begin(account, dataset, location, mode)
    assert job["status"] == "ACTIVE", job
    bucket = location.split("/")[2]
    listed = account.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"{path.removesuffix('/')}/{job['jobName']}-")
    return [each["Key"] for each in listed["Contents"]]


def begin(account: Account, dataset: str, location: str, mode: str | None = None) -> Description:
    listed = account.personalize.list_dataset_export_jobs()["datasetExportJobs"]
    arn = account.personalize.create_dataset_export_job(
        jobName=f"export{len(listed)}",
        datasetArn=dataset,
        roleArn=account.role,
        jobOutput={"s3DataDestination": {"path": location}},
        **({"ingestionMode": mode} if mode else {}),
    )["datasetExportJobArn"]
    return account.settled("dataset_export_job", arn)


def text(account: Account, key: str) -> str:
    body = account.client("s3").get_object(Bucket=f"films-{account.number}", Key=key)["Body"].read()
    assert isinstance(body, bytes)
    return body.decode()


def rows(account: Account, dataset: str, mode: str | None = None) -> Rows:
    """Export a dataset and return the rows, after the header."""
    (key,) = exported(account, dataset, mode)
    header, *found = csv.reader(io.StringIO(text(account, key)), escapechar="\\")
    return [tuple(header), *map(tuple, found)]


def send(account: Account, group: str, *events: dict[str, Any]) -> None:
    tracker = account.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
    for event in events:
        more = {name: event.pop(name) for name in ("userId", "sessionId") if name in event}
        account.events.put_events(trackingId=tracker, **{"sessionId": "s", **more, "eventList": [event]})


@pytest.fixture
def events(account: Account) -> str:
    """A dataset of interactions: imported rows, one of them twice, and four streamed ones, of which three differ."""
    group = account.group()
    dataset = account.dataset(group, account.schema("events", shops.EVENTS))
    imported = [(*row, "watch", "") for row in [*ROWS, ROWS[0]]]
    text = shops.csv(imported, f"{shops.HEADER},EVENT_TYPE,EVENT_VALUE")
    assert account.import_rows(dataset, account.put(text))["status"] == "ACTIVE"
    new = {"eventType": "buy", "itemId": "i1", "sentAt": 1_700_000_000}
    send(
        account,
        group,
        {**new, "userId": "u1", "properties": json.dumps({"eventValue": 2.5, "page": 3})},
        {**new, "sessionId": "nobody"},
        {**new, "sessionId": "nobody"},
        {**new, "userId": "u2", "sentAt": 1_700_000_001},
    )
    return dataset


IMPORTED = {(user, item, str(time), "watch", "") for user, item, time in ROWS}
STREAMED = {
    ("u1", "i1", "1700000000", "buy", "2.5"),
    ("nobody", "i1", "1700000000", "buy", ""),
    ("u2", "i1", "1700000001", "buy", ""),
}


@pytest.mark.parametrize(
    ("ingestion", "wanted"), [("BULK", IMPORTED), ("PUT", STREAMED), (None, STREAMED), ("ALL", IMPORTED | STREAMED)]
)
def test_each_mode_has_its_interactions_and_each_row_once(
    account: Account, events: str, ingestion: str | None, wanted: set[tuple[str, ...]]
) -> None:
    header, *found = rows(account, events, ingestion)
    assert header == ("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE")
    assert set(found) == wanted
    assert len(found) == len(wanted)


@pytest.fixture
def items(account: Account) -> str:
    """A dataset of items: one imported twice, one imported and then put, one put twice."""
    dataset = account.dataset(account.group(), account.schema("notes", NOTES), "Items")
    text = f"{HEADER}\na,drama,,1.5,true\na,drama,,2.5,true\nb,,,,\nb,,,,\n"
    assert account.import_rows(dataset, account.put(text))["status"] == "ACTIVE"
    for item, price in (("b", 3.5), ("c", 4.5), ("c", 5.5), ("c", 5.5)):
        account.events.put_items(
            datasetArn=dataset, items=[{"itemId": item, "properties": json.dumps({"price": price})}]
        )
    return dataset


BULK_ITEMS = [("a", "drama", "", "1.5", "true"), ("a", "drama", "", "2.5", "true"), ("b", "", "", "", "")]
PUT_ITEMS = [("b", "", "", "3.5", ""), ("c", "", "", "4.5", ""), ("c", "", "", "5.5", "")]


@pytest.mark.parametrize(
    ("ingestion", "wanted"),
    [("BULK", BULK_ITEMS), ("PUT", PUT_ITEMS), ("ALL", [BULK_ITEMS[1], PUT_ITEMS[0], PUT_ITEMS[2]])],
)
def test_all_has_the_newest_of_each_item_and_the_other_modes_have_every_one(
    account: Account, items: str, ingestion: str, wanted: Rows
) -> None:
    header, *found = rows(account, items, ingestion)
    assert header == tuple(HEADER.split(","))
    assert sorted(found) == wanted


def test_an_import_reads_back_what_was_exported(account: Account) -> None:
    group = account.group()
    dataset = account.dataset(group, account.schema("notes", NOTES), "Items")
    odd = ['say "hi", twice', "back\\slash", "Straße 人 😀", " spaces ", "a|b", "'", "null", "#1"]
    put = [
        {"itemId": f"i,{n}", "properties": json.dumps({"note": note, "genres": note, "price": 0.1, "used": False})}
        for n, note in enumerate(odd)
    ]
    account.events.put_items(datasetArn=dataset, items=put)
    (key,) = exported(account, dataset, "PUT")
    first = text(account, key)
    job = account.import_rows(dataset, f"s3://films-{account.number}/out/")
    assert job["status"] == "ACTIVE", job
    (key,) = exported(account, dataset, "BULK", "again")
    assert text(account, key) == first
    _, *found = csv.reader(io.StringIO(first), escapechar="\\")
    assert found == [[f"i,{n}", note, note, "0.1", "false"] for n, note in enumerate(odd)]


def test_a_line_break_within_a_streamed_text_becomes_a_space(account: Account) -> None:
    dataset = account.dataset(account.group(), account.schema("notes", NOTES), "Items")
    properties = json.dumps({"note": "one\r\ntwo\nthree"})
    account.events.put_items(datasetArn=dataset, items=[{"itemId": "i", "properties": properties}])
    assert rows(account, dataset)[1:] == [("i", "", "one two three", "", "")]


def test_an_empty_dataset_is_a_header(account: Account) -> None:
    dataset = account.dataset(account.group(), account.schema())
    for ingestion in ("BULK", "PUT", "ALL"):
        assert rows(account, dataset, ingestion) == [tuple(shops.HEADER.split(","))]


def test_a_path_is_a_folder_with_or_without_its_slash(account: Account) -> None:
    dataset = account.dataset(account.group(), account.schema())
    assert exported(account, dataset, path="deep/out") == ["deep/out/export0-part-00000.csv"]
    assert exported(account, dataset, path="deep/out/") == ["deep/out/export1-part-00000.csv"]


def test_a_bucket_that_is_not_there_fails_the_export(account: Account) -> None:
    dataset = account.dataset(account.group(), account.schema())
    job = begin(account, dataset, "s3://no-such-bucket/out/")
    assert job["status"] == "CREATE FAILED"
    assert job["failureReason"].startswith("Insufficient privileges for accessing data in S3.")
    assert "fix bucket policy on no-such-bucket." in job["failureReason"]


def test_action_interactions_are_exported_and_deleted(account: Account) -> None:
    group = account.group()
    fields = ("USER_ID string", "ACTION_ID string", "EVENT_TYPE string", "TIMESTAMP long")
    schema = account.schema("acted", shops.schema("ActionInteractions", *fields))
    dataset = account.dataset(group, schema, "Action_Interactions")
    text = "USER_ID,ACTION_ID,EVENT_TYPE,TIMESTAMP\nu1,a1,Viewed,1\nu3,a1,Viewed,1\n"
    assert account.import_rows(dataset, account.put(text))["status"] == "ACTIVE"
    tracking_id = account.describe("dataset", dataset)["trackingId"]
    for user in ("u1", "u2"):
        taken = {"actionId": "a1", "userId": user, "sessionId": "s", "timestamp": 17, "eventType": "Taken"}
        account.events.put_action_interactions(trackingId=tracking_id, actionInteractions=[taken])
    before = rows(account, dataset, "ALL")
    assert len(before) == 5
    arn = account.personalize.create_data_deletion_job(
        jobName="d",
        datasetGroupArn=group,
        roleArn=account.role,
        dataSource={"dataLocation": account.put("USER_ID\nu1\n", "gone.csv")},
    )["dataDeletionJobArn"]
    assert account.settled("data_deletion_job", arn)["numDeleted"] == 2
    assert rows(account, dataset, "ALL") == [row for row in before if row[0] != "u1"]
