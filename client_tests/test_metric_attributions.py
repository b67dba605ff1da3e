"""Metric attributions: Create-, Describe-, List-, Update-, DeleteMetricAttribution, ListMetricAttributionMetrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import shops
from accounts import Account, Description, refused
from conftest import NewAccount, Tell
from modes import in_process_only, socket_only

MORE_THAN_1 = "More than 1 resources in ACTIVE state. Please delete some and try again."
VIEWS = {"eventType": "view", "metricName": "countViews", "expression": "SAMPLECOUNT()"}
MARGIN = {"eventType": "buy", "metricName": "sumMargin", "expression": "SUM(ITEMS.PRICE)"}
VALUE = {"eventType": "buy", "metricName": "sumValue", "expression": "sum(Interactions.event_value)"}
UNFIT = {
    "no function": "COUNT()",
    "no column": "SUM(Items)",
    "a string": "SUM(Items.GENRES)",
    "an unknown column": "SUM(Items.COLOUR)",
    "another dataset": "SUM(Users.AGE)",
    "more behind it": "SAMPLECOUNT() + 1",
    "an average": "AVG(Items.PRICE)",
}


@pytest.fixture
def group(account: Account) -> str:
    return prepared(account)


def prepared(account: Account, name: str = "shop") -> str:
    """Return a dataset group with Interactions that have types, and Items."""
    group = account.group(name)
    account.dataset(group, account.schema(f"{name}-events", shops.EVENTS))
    account.dataset(group, account.schema(f"{name}-items", shops.ITEMS), "Items")
    return group


def numbered(amount: int, first: int = 0) -> list[dict[str, str]]:
    return [VIEWS | {"metricName": f"m{number}"} for number in range(first, first + amount)]


def create(account: Account, group: str, *metrics: dict[str, str], name: str = "attribution", **more: Any) -> str:
    config = {"metricsOutputConfig": {"roleArn": account.role}} | more
    arn: str = account.personalize.create_metric_attribution(
        name=name, datasetGroupArn=group, metrics=metrics or [VIEWS], **config
    )["metricAttributionArn"]
    return arn


def attributed(account: Account, group: str, *metrics: dict[str, str], **more: Any) -> str:
    arn = create(account, group, *metrics, **more)
    account.active("metric_attribution", arn)
    return arn


def updated(account: Account, arn: str, **asked: Any) -> Description:
    """Update an attribution and return it as it stands then."""
    answer = account.personalize.update_metric_attribution(metricAttributionArn=arn, **asked)
    assert answer["metricAttributionArn"] == arn
    return account.settled("metric_attribution", arn)


def metrics(account: Account, **asked: Any) -> list[dict[str, str]]:
    found: list[dict[str, str]] = account.personalize.list_metric_attribution_metrics(**asked)["metrics"]
    return found


def test_an_attribution_is_described_and_listed(account: Account, group: str) -> None:
    output = {"roleArn": account.role, "s3DataDestination": {"path": "s3://films/reports/"}}
    arn = attributed(account, group, VIEWS, MARGIN, VALUE, metricsOutputConfig=output)
    assert arn == account.arn("metric-attribution/attribution")
    described = account.describe("metric_attribution", arn)
    assert (described["name"], described["datasetGroupArn"]) == ("attribution", group)
    assert described["metricsOutputConfig"] == output
    (listed,) = account.personalize.list_metric_attributions(datasetGroupArn=group)["metricAttributions"]
    assert listed.keys() == {"name", "metricAttributionArn", "status", "creationDateTime", "lastUpdatedDateTime"}
    assert listed.items() <= described.items()
    assert metrics(account, metricAttributionArn=arn) == [VIEWS, MARGIN, VALUE]


@pytest.mark.parametrize("expression", UNFIT.values(), ids=UNFIT.keys())
def test_an_expression_counts_or_sums_numbers(account: Account, group: str, expression: str) -> None:
    with refused("InvalidInputException"):
        create(account, group, VIEWS | {"expression": expression})
    arn = attributed(account, group)
    with refused("InvalidInputException"):
        updated(account, arn, addMetrics=[MARGIN | {"expression": expression}])
    assert metrics(account, metricAttributionArn=arn) == [VIEWS]


def test_interactions_must_have_types(account: Account) -> None:
    group = account.group()
    with refused("InvalidInputException", "Interactions"):
        create(account, group)
    account.dataset(group, account.schema())
    with refused("InvalidInputException", "EVENT_TYPE"):
        create(account, group)


def test_reports_go_to_a_bucket(account: Account, group: str) -> None:
    output = {"roleArn": account.role, "s3DataDestination": {"path": "https://films/reports"}}
    with refused("InvalidInputException", "Invalid S3 output path"):
        create(account, group, metricsOutputConfig=output)
    arn = attributed(account, group)
    with refused("InvalidInputException", "Invalid S3 output path"):
        updated(account, arn, metricsOutputConfig=output)


def test_names_of_metrics_differ_and_there_are_ten(account: Account, group: str) -> None:
    with refused("InvalidInputException", "m0"):
        create(account, group, *numbered(3), *numbered(1))
    with refused("InvalidInputException", "'metrics'"):
        create(account, group, *numbered(11))
    arn = attributed(account, group, *numbered(10))
    with refused("InvalidInputException", "10"):
        updated(account, arn, addMetrics=numbered(1, 10))


def test_a_group_has_one_attribution(account: Account, group: str) -> None:
    arn = attributed(account, group)
    with refused("LimitExceededException", MORE_THAN_1):
        create(account, group, name="second")
    with refused("ResourceAlreadyExistsException", f"Another resource with Arn {arn} already exists."):
        create(account, prepared(account, "other"))
    account.delete("metric_attribution", arn)
    attributed(account, group, name="second")


def test_the_group_must_exist(account: Account) -> None:
    with refused("ResourceNotFoundException", "dataset-group/none"):
        create(account, account.arn("dataset-group/none"))


def test_an_update_adds_and_removes(account: Account, group: str) -> None:
    arn = attributed(account, group, VIEWS, MARGIN)
    moved = MARGIN | {"expression": "SAMPLECOUNT()"}
    updated(account, arn, removeMetrics=["sumMargin"], addMetrics=[VALUE, moved])
    assert metrics(account, metricAttributionArn=arn) == [VIEWS, VALUE, moved]
    output = {"roleArn": f"{account.role}-2"}
    described = updated(account, arn, metricsOutputConfig=output)
    assert (described["status"], described["metricsOutputConfig"]) == ("ACTIVE", output)
    assert metrics(account, metricAttributionArn=arn) == [VIEWS, VALUE, moved]


def test_an_update_that_breaks_the_rules_changes_nothing(account: Account, group: str) -> None:
    arn = attributed(account, group, VIEWS, MARGIN)
    with refused("ResourceAlreadyExistsException", "countViews"):
        updated(account, arn, addMetrics=[VIEWS])
    with refused("ResourceAlreadyExistsException", "sumValue"):
        updated(account, arn, addMetrics=[VALUE, VALUE])
    with refused("ResourceNotFoundException", "none"):
        updated(account, arn, removeMetrics=["sumMargin", "none"])
    with refused("ResourceNotFoundException", "metric-attribution/none"):
        updated(account, account.arn("metric-attribution/none"), addMetrics=[VALUE])
    with refused("InvalidInputException", "metricAttributionArn"):
        account.personalize.update_metric_attribution(addMetrics=[VALUE])
    assert metrics(account, metricAttributionArn=arn) == [VIEWS, MARGIN]


def test_metrics_are_listed_page_by_page(account: Account, group: str) -> None:
    first, second = numbered(6), numbered(7, 10)
    older = attributed(account, group, *first)
    newer = attributed(account, prepared(account, "other"), *second, name="newer")
    assert metrics(account, metricAttributionArn=older) == first
    for size in (1, 2, 5, 10, 100):
        found, asked = [], {"maxResults": size}
        while asked:
            answer = account.personalize.list_metric_attribution_metrics(**asked)
            assert 0 < len(answer["metrics"]) <= min(size, 10)
            found += answer["metrics"]
            asked = {"maxResults": size, "nextToken": answer["nextToken"]} if "nextToken" in answer else {}
        assert found == second + first
    token = account.personalize.list_metric_attribution_metrics(maxResults=3)["nextToken"]
    with refused("InvalidNextTokenException", "The token is not valid."):
        metrics(account, metricAttributionArn=newer, nextToken=token)
    updated(account, newer, removeMetrics=["m10", "m12", "m13"], addMetrics=[VIEWS])
    assert metrics(account, nextToken=token) == [*second[4:], VIEWS, *first]


@in_process_only
def test_metrics_of_more_attributions_than_a_page_holds_are_listed(unlimited: NewAccount) -> None:
    account = unlimited()
    schema, names = account.schema("events", shops.EVENTS), [f"g{number}" for number in range(101)]
    for name in names:
        group = account.group(name)
        account.dataset(group, schema)
        create(account, group, VIEWS | {"metricName": name}, name=name)
    found, token = [], {}
    while token is not None:
        answer = account.personalize.list_metric_attribution_metrics(**token)
        found += [metric["metricName"] for metric in answer["metrics"]]
        token = {"nextToken": answer["nextToken"]} if "nextToken" in answer else None
    assert found == names[::-1]


def test_an_unknown_attribution_has_no_metrics(account: Account) -> None:
    assert metrics(account, metricAttributionArn=account.arn("metric-attribution/none")) == []
    with refused("InvalidInputException", "Invalid ARN"):
        metrics(account, metricAttributionArn=account.arn("filter/none"))


def test_an_attribution_keeps_its_datasets_and_its_group(account: Account, group: str) -> None:
    arn = attributed(account, group)
    dataset = account.arn("dataset/shop/INTERACTIONS")
    with refused("ResourceInUseException", arn):
        account.personalize.delete_dataset(datasetArn=dataset)
    with refused("ResourceInUseException"):
        account.personalize.delete_dataset_group(datasetGroupArn=group)
    account.delete("metric_attribution", arn)
    for kind in ("INTERACTIONS", "ITEMS"):
        account.delete("dataset", account.arn(f"dataset/shop/{kind}"))
    account.delete("dataset_group", group)


def test_an_attribution_has_no_tags(account: Account, group: str) -> None:
    with refused("InvalidInputException", "tags"):
        account.personalize.list_tags_for_resource(resourceArn=attributed(account, group))


@socket_only
def test_an_update_counts_when_it_is_over(waiting: Callable[..., tuple[Account, Tell]]) -> None:
    account, tell = waiting("metric_attribution")
    arn = create(account, prepared(account))
    for status in ("CREATE PENDING", "CREATE IN_PROGRESS"):
        assert account.describe("metric_attribution", arn)["status"] == status
        for name, asked in (("update", {"addMetrics": [VALUE]}), ("delete", {})):
            with refused("ResourceInUseException", arn):
                getattr(account.personalize, f"{name}_metric_attribution")(metricAttributionArn=arn, **asked)
        tell()
    account.personalize.update_metric_attribution(metricAttributionArn=arn, addMetrics=[VALUE])
    for status in ("UPDATE PENDING", "UPDATE IN_PROGRESS"):
        assert account.describe("metric_attribution", arn)["status"] == status
        assert metrics(account, metricAttributionArn=arn) == [VIEWS]
        with refused("ResourceInUseException", arn):
            account.personalize.update_metric_attribution(metricAttributionArn=arn, addMetrics=[MARGIN])
        tell()
    assert account.describe("metric_attribution", arn)["status"] == "ACTIVE"
    assert metrics(account, metricAttributionArn=arn) == [VIEWS, VALUE]
