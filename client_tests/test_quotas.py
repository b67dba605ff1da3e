"""Quotas and minima of data, in force with `--limits aws` and lifted with `--limits off`."""

from __future__ import annotations

from typing import Any

import pytest
import shops
from accounts import Account
from botocore.exceptions import ClientError
from conftest import NewAccount, make_account

from fakepersonalize import mock_personalize

TYPED = shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long", "EVENT_TYPE string")
OWN = shops.schema(
    "Interactions",
    "USER_ID string",
    "ITEM_ID string",
    "TIMESTAMP long",
    "EVENT_TYPE string",
    {"name": "DEVICE", "type": ["null", "string"], "categorical": True},
    {"name": "PLACE", "type": ["null", "string"], "categorical": True},
)
TAKEN = shops.schema("ActionInteractions", "USER_ID string", "ACTION_ID string", "EVENT_TYPE string", "TIMESTAMP long")


def typed(types: int, own: str = "", header: str = "") -> str:
    """Return interactions with so many event types, and values of own columns."""
    rows = [f"{user},{item},{time},type{time % types}{own}" for user, item, time in shops.series()]
    return "\n".join([f"{shops.HEADER},EVENT_TYPE{header}", *rows])


def trained(account: Account, schema: str, text: str) -> dict[str, Any]:
    group = account.group()
    dataset = account.dataset(group, account.schema(text=schema))
    assert account.import_rows(dataset, account.put(text))["status"] == "ACTIVE"
    return account.train(account.solution(group, "aws-popularity-count"))


@pytest.mark.parametrize(("types", "status"), [(10, "ACTIVE"), (11, "CREATE FAILED")])
def test_interactions_have_at_most_ten_event_types(account: Account, types: int, status: str) -> None:
    version = trained(account, TYPED, typed(types))
    assert version["status"] == status
    if status != "ACTIVE":
        assert "more than 10 event types and metadata columns" in version["failureReason"]


def test_own_columns_count_as_event_types_do(account: Account) -> None:
    assert trained(account, OWN, typed(9, ",phone,home", ",DEVICE,PLACE"))["status"] == "CREATE FAILED"


def test_without_limits_there_are_as_many_event_types_as_one_likes(unlimited: NewAccount) -> None:
    assert trained(unlimited(), TYPED, typed(30))["status"] == "ACTIVE"


def test_action_interactions_have_a_minimum_in_incremental_imports_alone(account: Account) -> None:
    dataset = account.dataset(account.group(), account.schema(text=TAKEN), "Action_Interactions")
    rows = ["USER_ID,ACTION_ID,EVENT_TYPE,TIMESTAMP", *(f"u{number},a,Viewed,1600000000" for number in range(1000))]
    few, enough = account.put("\n".join(rows[:100]), "few.csv"), account.put("\n".join(rows), "enough.csv")
    jobs = [
        account.import_rows(dataset, few, "full"),
        account.import_rows(dataset, few, "few", importMode="INCREMENTAL"),
        account.import_rows(dataset, enough, "enough", importMode="INCREMENTAL"),
    ]
    assert [job["status"] for job in jobs] == ["ACTIVE", "CREATE FAILED", "ACTIVE"]
    assert "fewer than 1000" in jobs[1]["failureReason"]


def test_records_come_at_aws_rate_where_rates_are_enforced() -> None:
    rows = [{"itemId": "i1", "properties": '{"genres": "a", "price": 1}'}]
    with mock_personalize(rates="aws", lifecycle="manual") as emulator:
        account = make_account(None)
        group = account.personalize.create_dataset_group(name="group")["datasetGroupArn"]
        emulator.advance(3600)
        schema = account.schema(text=shops.ITEMS)
        dataset = account.personalize.create_dataset(
            name="items", schemaArn=schema, datasetGroupArn=group, datasetType="Items"
        )["datasetArn"]
        emulator.advance(3600)
        for _ in range(10):
            account.events.put_items(datasetArn=dataset, items=rows)
        with pytest.raises(ClientError) as refused:
            account.events.put_items(datasetArn=dataset, items=rows)
        emulator.advance(1)
        account.events.put_items(datasetArn=dataset, items=rows)
    error = refused.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("ThrottlingException", 400)
    assert error["Error"]["Message"].startswith("Rate exceeded")
