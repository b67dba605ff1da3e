"""Dataset groups: CreateDatasetGroup, DescribeDatasetGroup, ListDatasetGroups, DeleteDatasetGroup."""

from __future__ import annotations

from typing import Any

import pytest
from accounts import Account, refused
from conftest import NewAccount

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"
MORE_THAN_5 = "More than 5 resources in ACTIVE state. Please delete some and try again."


def test_a_custom_group_is_described_without_what_it_lacks(account: Account) -> None:
    made = account.personalize.create_dataset_group(name="shop")
    assert set(made) == {"datasetGroupArn", "ResponseMetadata"}
    described = account.settled("dataset_group", made["datasetGroupArn"])
    assert (described["name"], described["status"]) == ("shop", "ACTIVE")
    assert described["datasetGroupArn"] == account.arn("dataset-group/shop")
    assert not described.keys() & {"domain", "roleArn", "kmsKeyArn", "failureReason"}


def test_a_domain_group_says_its_domain_when_created_described_and_listed(account: Account) -> None:
    made = account.personalize.create_dataset_group(name="shop", domain="VIDEO_ON_DEMAND")
    assert made["domain"] == "VIDEO_ON_DEMAND"
    assert account.describe("dataset_group", made["datasetGroupArn"])["domain"] == "VIDEO_ON_DEMAND"
    (listed,) = account.personalize.list_dataset_groups()["datasetGroups"]
    assert listed["domain"] == "VIDEO_ON_DEMAND"


def test_key_and_role_are_echoed(account: Account) -> None:
    described = account.describe("dataset_group", account.group(kmsKeyArn=KEY, roleArn=account.role))
    assert (described["kmsKeyArn"], described["roleArn"]) == (KEY, account.role)


@pytest.mark.parametrize("alone", [{"roleArn": "arn:aws:iam::123456789012:role/r"}, {"kmsKeyArn": KEY}])
def test_key_and_role_come_together_or_not_at_all(account: Account, alone: dict[str, Any]) -> None:
    with refused("InvalidInputException"):
        account.personalize.create_dataset_group(name="shop", **alone)


def test_an_unknown_domain_is_refused(account: Account) -> None:
    with refused("InvalidInputException", "'domain'", "Member must satisfy enum value set"):
        account.personalize.create_dataset_group(name="shop", domain="FILMS")


def test_a_name_is_taken_once(account: Account) -> None:
    arn = account.group()
    with refused("ResourceAlreadyExistsException", arn):
        account.group()


def test_a_region_holds_five_groups(account: Account, new_account: NewAccount) -> None:
    arns = [account.group(f"shop{number}") for number in range(5)]
    with refused("LimitExceededException", MORE_THAN_5):
        account.group("shop5")
    new_account("eu-west-1", account.number).group("shop5")
    account.delete("dataset_group", arns[2])
    account.group("shop5")


def test_without_limits_a_region_holds_more(unlimited: NewAccount) -> None:
    account = unlimited()
    for number in range(7):
        account.group(f"shop{number}")
    assert len(account.personalize.list_dataset_groups()["datasetGroups"]) == 7


def test_delete_dataset_group_is_refused_while_it_holds_a_dataset_or_a_solution(account: Account) -> None:
    group = account.group()
    dataset = account.dataset(group, account.schema())
    solution = account.solution(group, "aws-sims")
    for kind, holding in (("dataset", dataset), ("solution", solution)):
        with refused("ResourceInUseException", f"Resource {group} is in use by {holding}."):
            account.personalize.delete_dataset_group(datasetGroupArn=group)
        account.delete(kind, holding)
    account.delete("dataset_group", group)
    assert account.personalize.list_dataset_groups()["datasetGroups"] == []


def test_a_deleted_group_is_unknown_and_its_arn_comes_back(account: Account) -> None:
    arn = account.group()
    account.delete("dataset_group", arn)
    with refused("ResourceNotFoundException", f"The given dataset group does not exist: {arn}"):
        account.personalize.delete_dataset_group(datasetGroupArn=arn)
    assert account.group() == arn
