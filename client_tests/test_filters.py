"""Filters as resources: CreateFilter, DescribeFilter, ListFilters, DeleteFilter."""

from __future__ import annotations

import pytest
import shops
from accounts import Account, refused
from conftest import NewAccount
from modes import socket_only

CLICKED = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
CHEAP = "INCLUDE ItemID WHERE Items.PRICE < 10"
MORE_THAN_30 = "More than 30 resources in ACTIVE state. Please delete some and try again."
WIDE = shops.schema("Items", "ITEM_ID string", *(f"C{number} int" for number in range(25)))
REFUSED = {
    "no expression": "films",
    "no such dataset": 'INCLUDE UserID WHERE Users.AGE = "3"',
    "no such column": "INCLUDE ItemID WHERE Items.COLOUR = 3",
    "a placeholder of NOT IN": "INCLUDE ItemID WHERE Items.GENRES NOT IN ($GENRE)",
    "two subjects": f'{CHEAP} | INCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("click")',
}


@pytest.fixture
def group(account: Account) -> str:
    """A dataset group with Interactions that have types, and Items."""
    group = account.group()
    account.dataset(group, account.schema("events", shops.EVENTS))
    account.dataset(group, account.schema("items", shops.ITEMS), "Items")
    return group


def begin(account: Account, group: str, expression: str = CHEAP, name: str = "filter") -> str:
    arn: str = account.personalize.create_filter(name=name, datasetGroupArn=group, filterExpression=expression)[
        "filterArn"
    ]
    return arn


def filtering(account: Account, group: str, expression: str = CHEAP, name: str = "filter") -> str:
    arn = begin(account, group, expression, name)
    account.active("filter", arn)
    return arn


def ranging(*columns: int) -> str:
    return "INCLUDE ItemID WHERE " + " OR ".join(f"Items.C{column} > 1" for column in columns)


def test_a_filter_is_described_and_listed(account: Account, group: str) -> None:
    expression = f"{CHEAP} |\n  {CLICKED}"
    arn = filtering(account, group, expression)
    assert arn == account.arn("filter/filter")
    described = account.describe("filter", arn)
    assert (described["name"], described["datasetGroupArn"]) == ("filter", group)
    assert described["filterExpression"] == expression
    answer = account.personalize.list_filters(datasetGroupArn=group)
    (listed,) = answer["Filters"]
    assert listed == {name: value for name, value in described.items() if name != "filterExpression"}


@pytest.mark.parametrize("expression", REFUSED.values(), ids=REFUSED.keys())
def test_an_expression_that_breaks_the_rules_is_refused(account: Account, group: str, expression: str) -> None:
    with refused("InvalidInputException"):
        filtering(account, group, expression)
    assert account.personalize.list_filters()["Filters"] == []


def test_the_documented_sentence_about_placeholders(account: Account, group: str) -> None:
    with refused(
        "InvalidInputException",
        "Invalid input symbol: $GENRE. Placeholders are not allowed with NOT_IN operator.",
    ):
        filtering(account, group, REFUSED["a placeholder of NOT IN"])


def test_the_longest_expression_has_2500_characters(account: Account, group: str) -> None:
    filtering(account, group, CHEAP.ljust(2500))
    with refused("InvalidInputException", "'filterExpression'"):
        filtering(account, group, CHEAP.ljust(2501), "longer")


def test_a_name_is_taken_once_whatever_the_group(account: Account, group: str) -> None:
    arn = filtering(account, group)
    other = account.group("other")
    account.dataset(other, account.arn("schema/events"))
    with refused("ResourceAlreadyExistsException", f"Another resource with Arn {arn} already exists."):
        filtering(account, other, CLICKED)


def test_the_group_must_exist(account: Account) -> None:
    with refused("ResourceNotFoundException", "dataset-group/none"):
        filtering(account, account.arn("dataset-group/none"))


@socket_only
def test_the_group_must_be_active(slow_accounts: NewAccount) -> None:
    account = slow_accounts()
    group = account.personalize.create_dataset_group(name="shop")["datasetGroupArn"]
    with refused("InvalidInputException", f"Resource {group} is not in ACTIVE state."):  # the model has no other error
        account.personalize.create_filter(name="f", datasetGroupArn=group, filterExpression=CHEAP)


def test_a_filter_names_ten_fields_and_those_of_a_group_twenty(account: Account) -> None:
    group = account.group()
    account.dataset(group, account.schema("wide", WIDE), "Items")
    with refused("InvalidInputException", "10"):
        filtering(account, group, ranging(*range(11)))
    first = filtering(account, group, ranging(*range(10)), "first")
    filtering(account, group, ranging(*range(10, 20)), "second")
    filtering(account, group, ranging(3, 13), "again")
    with refused("LimitExceededException", "20"):
        filtering(account, group, ranging(20), "third")
    account.delete("filter", first)
    filtering(account, group, ranging(20), "third")


def test_a_group_has_thirty_filters(account: Account, group: str) -> None:
    for number in range(30):
        begin(account, group, CHEAP, f"f{number}")
    with refused("LimitExceededException", MORE_THAN_30):
        filtering(account, group)
    account.active("filter", account.arn("filter/f3"))
    account.delete("filter", account.arn("filter/f3"))
    filtering(account, group)


def test_without_limits_there_are_more(unlimited: NewAccount) -> None:
    account = unlimited()
    group = account.group()
    account.dataset(group, account.schema("wide", WIDE), "Items")
    for number in range(31):
        begin(account, group, ranging(number % 25), f"f{number}")


def test_a_filter_keeps_its_datasets_and_its_group(account: Account, group: str) -> None:
    arn = filtering(account, group)
    datasets = [account.arn(f"dataset/shop/{kind}") for kind in ("ITEMS", "INTERACTIONS")]
    for dataset in datasets:
        with refused("ResourceInUseException", arn):
            account.personalize.delete_dataset(datasetArn=dataset)
    with refused("ResourceInUseException"):
        account.personalize.delete_dataset_group(datasetGroupArn=group)
    account.delete("filter", arn)
    for dataset in datasets:
        account.delete("dataset", dataset)
    account.delete("dataset_group", group)
