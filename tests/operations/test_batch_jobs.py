"""What segment jobs ask of a filter when the version is of a recipe that few data can train."""

import pytest
import shops
from accounts import Account, refused

from fakepersonalize import mock_personalize
from fakepersonalize.resources.processes import ACTIVE

CLICKED = 'EXCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("click")'
YOUNG = "INCLUDE UserID WHERE Users.AGE < 30"


@pytest.mark.parametrize(
    ("recipe", "expression", "fits"),
    [
        ("aws-item-attribute-affinity", CLICKED, False),
        ("aws-item-attribute-affinity", YOUNG, True),
        ("aws-item-affinity", CLICKED, True),
    ],
)
def test_item_attribute_affinity_takes_no_filter_on_interactions(recipe: str, expression: str, fits: bool) -> None:
    with mock_personalize() as emulator:
        account = Account("123456789012")
        group = account.group()
        account.dataset(group, account.schema("events", shops.EVENTS))
        for type_, text in (("Items", shops.ITEMS), ("Users", shops.USERS)):
            account.dataset(group, account.schema(type_, text), type_)
        version = account.train(account.solution(group, recipe))["solutionVersionArn"]  # fails: there are no rows
        with emulator.database.transaction():
            emulator.shelf.put(emulator.shelf.find(version), status=ACTIVE)
        asked = {
            "jobName": "j",
            "solutionVersionArn": version,
            "filterArn": account.personalize.create_filter(
                name="f", datasetGroupArn=group, filterExpression=expression
            )["filterArn"],
            "jobInput": {"s3DataSource": {"path": "s3://films/in/"}},
            "jobOutput": {"s3DataDestination": {"path": "s3://films/out/"}},
            "roleArn": account.role,
        }
        if fits:
            account.personalize.create_batch_segment_job(**asked)
        else:
            with refused("InvalidInputException", "Interactions", recipe):
                account.personalize.create_batch_segment_job(**asked)
