"""Datasets: CreateDataset, DescribeDataset, ListDatasets, UpdateDataset, DeleteDataset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import shops
from accounts import Account, refused, until
from conftest import Tell
from modes import socket_only

VIDEO_EVENTS = shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long", "EVENT_TYPE string")
VIDEO_FILMS = shops.schema(
    "Items", "ITEM_ID string", "CREATION_TIMESTAMP long", {"name": "GENRES", "type": "string", "categorical": True}
)
ACTIONS = shops.schema("Actions", "ACTION_ID string", "PRICE float")


def test_a_dataset_is_described_and_listed(account: Account) -> None:
    group, schema = account.group(), account.schema()
    arn = account.dataset(group, schema, "interactions", "mine")
    assert arn == account.arn("dataset/shop/INTERACTIONS")
    described = account.describe("dataset", arn)
    assert described["name"] == "mine"
    assert described["datasetType"] == "INTERACTIONS"
    assert (described["datasetGroupArn"], described["schemaArn"]) == (group, schema)
    assert not described.keys() & {"latestDatasetUpdate", "trackingId"}
    (listed,) = account.personalize.list_datasets(datasetGroupArn=group)["datasets"]
    assert listed == {
        name: described[name]
        for name in ("name", "datasetArn", "datasetType", "status", "creationDateTime", "lastUpdatedDateTime")
    }


@pytest.mark.parametrize("spelling", ["Interactions", "INTERACTIONS", "iNTERACTIONS"])
def test_the_type_of_a_dataset_ignores_case(account: Account, spelling: str) -> None:
    arn = account.dataset(account.group(), account.schema(), spelling)
    assert arn.endswith("/INTERACTIONS")


def test_a_group_holds_one_dataset_of_each_type(account: Account) -> None:
    group, schema = account.group(), account.schema()
    first = account.dataset(group, schema)
    with refused("ResourceAlreadyExistsException", first):
        account.dataset(group, schema, name="another")
    account.dataset(group, account.schema("items", shops.ITEMS), "Items")
    account.dataset(group, account.schema("users", shops.USERS), "Users")
    account.dataset(group, account.schema("actions", ACTIONS), "Actions")
    listed = account.personalize.list_datasets(datasetGroupArn=group)["datasets"]
    assert [each["datasetType"] for each in listed] == ["ACTIONS", "USERS", "ITEMS", "INTERACTIONS"]


def test_the_same_type_in_another_group_is_another_dataset(account: Account) -> None:
    schema = account.schema()
    account.dataset(account.group("one"), schema)
    account.dataset(account.group("two"), schema)


def test_an_unknown_type_is_refused(account: Account) -> None:
    with refused("InvalidInputException", "Films"):
        account.dataset(account.group(), account.schema(), "Films")


def test_the_schema_must_be_of_the_type(account: Account) -> None:
    with refused("InvalidInputException", "Schema name must match the dataset type."):
        account.dataset(account.group(), account.schema(), "Items")


@pytest.mark.parametrize(("of_group", "of_schema"), [("VIDEO_ON_DEMAND", None), (None, "VIDEO_ON_DEMAND")])
def test_the_domains_of_schema_and_group_must_agree(
    account: Account, of_group: str | None, of_schema: str | None
) -> None:
    group = account.group(**{"domain": of_group} if of_group else {})
    schema = account.schema(text=VIDEO_EVENTS, **{"domain": of_schema} if of_schema else {})
    with refused("InvalidInputException", "domain"):
        account.dataset(group, schema)


def test_actions_have_no_place_in_domains(account: Account) -> None:
    group = account.group(domain="ECOMMERCE")
    with refused("InvalidInputException", "domain"):
        account.dataset(group, account.schema(text=ACTIONS), "Actions")
    schema = account.schema("users", shops.USERS, domain="ECOMMERCE")
    for type_ in ("Actions", "Action_Interactions"):
        with refused("InvalidInputException", "can only be created in Custom dataset groups"):
            account.dataset(group, schema, type_)


def test_group_and_schema_must_exist(account: Account) -> None:
    group, schema = account.group(), account.schema()
    for missing in (
        {"datasetGroupArn": group, "schemaArn": account.arn("schema/none")},
        {"datasetGroupArn": account.arn("dataset-group/none"), "schemaArn": schema},
    ):
        with refused("ResourceNotFoundException", "/none does not exist."):
            account.personalize.create_dataset(name="d", datasetType="Interactions", **missing)


def test_deleted_rows_train_nothing(account: Account) -> None:
    rows = shops.series()
    group = account.shop(rows)
    dataset = account.arn("dataset/shop/INTERACTIONS")
    solution = account.solution(group, "aws-sims")
    assert account.train(solution)["status"] == "ACTIVE"
    account.delete("dataset", dataset)
    with refused("InvalidInputException", "INTERACTIONS"):
        account.train(solution)
    assert account.dataset(group, account.arn("schema/shop")) == dataset
    failed = account.train(solution)
    assert failed["status"] == "CREATE FAILED"
    assert failed["failureReason"].startswith("Dataset has fewer than 1000 interactions.")


def blocked(account: Account, dataset: str, by: str) -> None:
    with refused("ResourceInUseException", f"is in use by {by}"):
        account.personalize.delete_dataset(datasetArn=dataset)


def test_a_campaign_blocks_the_deletion_of_a_dataset_until_it_goes(account: Account) -> None:
    group = account.shop(shops.series())
    campaign = account.deployed(group, "aws-popularity-count", "films")
    dataset = account.arn("dataset/shop/INTERACTIONS")
    blocked(account, dataset, campaign)
    account.personalize.delete_campaign(campaignArn=campaign)
    account.delete("dataset", dataset)  # the solution is still there


def test_filters_trackers_and_attributions_block_the_deletion_of_datasets(account: Account) -> None:
    personalize, group = account.personalize, account.group()
    events = account.dataset(group, account.schema("events", shops.EVENTS))
    items = account.dataset(group, account.schema("items", shops.ITEMS), "Items")
    users = account.dataset(group, account.schema("users", shops.USERS), "Users")
    metrics = [{"eventType": "buy", "metricName": "sales", "expression": "SUM(Items.PRICE)"}]
    attribution = personalize.create_metric_attribution(
        name="a", datasetGroupArn=group, metrics=metrics, metricsOutputConfig={"roleArn": account.role}
    )["metricAttributionArn"]
    blocked(account, items, attribution)
    blocked(account, events, attribution)
    account.active("metric_attribution", attribution)
    personalize.delete_metric_attribution(metricAttributionArn=attribution)
    tracker = personalize.create_event_tracker(name="t", datasetGroupArn=group)["eventTrackerArn"]
    blocked(account, events, tracker)
    account.delete("dataset", users)  # neither is about users
    account.active("event_tracker", tracker)
    personalize.delete_event_tracker(eventTrackerArn=tracker)
    expression = 'INCLUDE ItemID WHERE Items.GENRES IN ("a")'
    of = personalize.create_filter(name="f", datasetGroupArn=group, filterExpression=expression)["filterArn"]
    blocked(account, items, of)
    blocked(account, events, of)
    account.active("filter", of)
    personalize.delete_filter(filterArn=of)
    account.delete("dataset", items)
    account.delete("dataset", events)


def test_jobs_outlive_their_dataset_and_are_none_of_its_successor(account: Account) -> None:
    group, schema = account.group(), account.schema("users", shops.USERS)
    personalize, location = account.personalize, account.put("USER_ID,AGE\nu1,1\n")
    dataset = account.dataset(group, schema, "Users")
    first = account.import_rows(dataset, location, "first")["datasetImportJobArn"]
    account.delete("dataset", dataset)
    assert personalize.list_dataset_import_jobs(datasetArn=dataset)["datasetImportJobs"] == []
    assert account.dataset(group, schema, "Users") == dataset
    assert personalize.list_dataset_import_jobs(datasetArn=dataset)["datasetImportJobs"] == []
    second = account.import_rows(dataset, location, "second")["datasetImportJobArn"]
    (listed,) = personalize.list_dataset_import_jobs(datasetArn=dataset)["datasetImportJobs"]
    assert listed["datasetImportJobArn"] == second
    everywhere = personalize.list_dataset_import_jobs()["datasetImportJobs"]
    assert [job["datasetImportJobArn"] for job in everywhere] == [second, first]
    described = account.describe("dataset_import_job", first)
    assert (described["status"], described["datasetArn"]) == ("ACTIVE", dataset)
    with refused("ResourceAlreadyExistsException", first):
        account.begin_import(dataset, location, "first")


MORE = shops.schema(
    "Items",
    "ITEM_ID string",
    {"name": "GENRES", "type": "string", "categorical": True},
    "PRICE float",
    {"name": "COLOUR", "type": ["string", "null"], "categorical": True},
)
UNFIT = {
    "a column less": shops.schema("Items", "ITEM_ID string", "PRICE float"),
    "another type": MORE.replace('"float"', '"double"'),
    "a new column that cannot be null": MORE.replace('["string", "null"]', '"string"'),
    "a schema of another dataset type": shops.USERS,
}


@pytest.fixture
def items(account: Account) -> str:
    """A dataset of items, whose schema is called `items`."""
    return account.dataset(account.group(), account.schema("items", shops.ITEMS), "Items")


def updated(account: Account, dataset: str, schema: str) -> dict[str, Any]:
    assert account.personalize.update_dataset(datasetArn=dataset, schemaArn=schema)["datasetArn"] == dataset
    return account.settled("dataset", dataset)


def test_a_dataset_takes_a_schema_with_more_columns(account: Account, items: str) -> None:
    old, new = account.arn("schema/items"), account.schema("more", MORE)
    described = updated(account, items, new)
    update = described["latestDatasetUpdate"]
    assert update.keys() == {"schemaArn", "status", "creationDateTime", "lastUpdatedDateTime"}
    assert (described["status"], update["status"]) == ("ACTIVE", "ACTIVE")
    assert described["schemaArn"] == update["schemaArn"] == new
    location = account.put("ITEM_ID,GENRES,PRICE,COLOUR\ni1,drama,3.5,\n", "items.csv")
    assert account.import_rows(items, location)["status"] == "ACTIVE"
    account.delete("schema", old)  # nothing has it any more
    with refused("ResourceInUseException", items):
        account.personalize.delete_schema(schemaArn=new)


@pytest.mark.parametrize("text", UNFIT.values(), ids=UNFIT.keys())
def test_a_schema_that_does_not_fit_the_rows_is_refused(account: Account, items: str, text: str) -> None:
    schema = account.schema("unfit", text)
    with refused("InvalidInputException", "cannot replace"):
        updated(account, items, schema)
    described = account.describe("dataset", items)
    assert described["schemaArn"] == account.arn("schema/items")
    assert "latestDatasetUpdate" not in described
    account.delete("schema", schema)


def test_only_items_and_users_take_another_schema(account: Account, items: str) -> None:
    group = account.arn("dataset-group/shop")
    interactions = account.dataset(group, account.schema())
    with refused("InvalidInputException", "cannot replace"):
        updated(account, interactions, account.schema("again"))
    users = account.dataset(group, account.schema("users", shops.USERS), "Users")
    assert updated(account, users, account.schema("same", shops.USERS))["status"] == "ACTIVE"


def test_a_schema_of_a_domain_does_not_fit_a_custom_dataset(account: Account, items: str) -> None:
    schema = account.schema("films", VIDEO_FILMS, domain="VIDEO_ON_DEMAND")
    with refused("InvalidInputException", "cannot replace"):
        updated(account, items, schema)


def test_dataset_and_schema_must_exist(account: Account, items: str) -> None:
    with refused("ResourceNotFoundException", "schema/none"):
        updated(account, items, account.arn("schema/none"))
    with refused("ResourceNotFoundException", "dataset/shop/USERS"):
        updated(account, account.arn("dataset/shop/USERS"), account.arn("schema/items"))


@socket_only
def test_an_update_shows_its_steps_and_is_not_disturbed(waiting: Callable[..., tuple[Account, Tell]]) -> None:
    account, tell = waiting("dataset_import_job", "dataset")
    group, old, new = account.group(), account.schema("items", shops.ITEMS), account.schema("more", MORE)
    dataset = account.personalize.create_dataset(name="d", datasetGroupArn=group, schemaArn=old, datasetType="Items")[
        "datasetArn"
    ]
    with refused("ResourceInUseException", f"Resource {dataset} is not in ACTIVE state."):
        account.personalize.update_dataset(datasetArn=dataset, schemaArn=new)
    tell()
    tell()
    job = account.begin_import(dataset, account.put("ITEM_ID,GENRES,PRICE\ni1,drama,3.5\n"))
    with refused("ResourceInUseException", job):
        account.personalize.update_dataset(datasetArn=dataset, schemaArn=new)
    tell()
    until(lambda: account.describe("dataset_import_job", job)["status"] == "CREATE IN_PROGRESS")
    tell()
    account.active("dataset_import_job", job)
    account.personalize.update_dataset(datasetArn=dataset, schemaArn=new)
    for status in ("UPDATE PENDING", "UPDATE IN_PROGRESS"):
        described = account.describe("dataset", dataset)
        assert (described["status"], described["latestDatasetUpdate"]["status"]) == (status, status)
        assert (described["schemaArn"], described["latestDatasetUpdate"]["schemaArn"]) == (old, new)
        for refuse in (
            lambda: account.personalize.update_dataset(datasetArn=dataset, schemaArn=new),
            lambda: account.personalize.delete_dataset(datasetArn=dataset),
            lambda: account.begin_import(dataset, account.put("ITEM_ID\n"), "second"),
            lambda: account.personalize.delete_schema(schemaArn=new),
        ):
            with refused("ResourceInUseException", dataset):
                refuse()
        tell()
    described = account.describe("dataset", dataset)
    assert (described["status"], described["schemaArn"]) == ("ACTIVE", new)
