"""Event trackers: CreateEventTracker, DescribeEventTracker, ListEventTrackers, DeleteEventTracker."""

from __future__ import annotations

import re

import pytest
import shops
from accounts import Account, refused

ACTION_INTERACTIONS = shops.schema(
    "ActionInteractions", "USER_ID string", "ACTION_ID string", "EVENT_TYPE string", "TIMESTAMP long"
)


@pytest.fixture
def group(account: Account) -> str:
    """A dataset group with an Interactions dataset, which may be empty."""
    group = account.group()
    account.dataset(group, account.schema())
    return group


def tracked(account: Account, group: str, name: str = "tracker") -> tuple[str, str]:
    made = account.personalize.create_event_tracker(name=name, datasetGroupArn=group)
    account.active("event_tracker", made["eventTrackerArn"])
    return made["eventTrackerArn"], made["trackingId"]


def test_a_tracker_is_described_and_listed(account: Account, group: str) -> None:
    arn, id_ = tracked(account, group)
    described = account.describe("event_tracker", arn)
    assert re.fullmatch(re.escape(account.arn("event-tracker/")) + "[0-9a-f]{8}", arn)
    assert re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", id_)
    assert (described["name"], described["eventTrackerArn"], described["trackingId"]) == ("tracker", arn, id_)
    assert (described["accountId"], described["datasetGroupArn"]) == (account.number, group)
    (listed,) = account.personalize.list_event_trackers(datasetGroupArn=group)["eventTrackers"]
    assert listed.keys() == {"name", "eventTrackerArn", "status", "creationDateTime", "lastUpdatedDateTime"}
    assert listed.items() <= described.items()


def test_a_group_has_one_tracker(account: Account, group: str) -> None:
    arn, _ = tracked(account, group)
    for name in ("tracker", "another"):
        with refused("ResourceAlreadyExistsException", f"Another resource with Arn {arn} already exists."):
            tracked(account, group, name)


def test_a_new_tracker_has_a_new_id(account: Account, group: str) -> None:
    arn, id_ = tracked(account, group)
    account.delete("event_tracker", arn)
    again, new = tracked(account, group)
    assert again != arn
    assert new != id_


def test_trackers_of_other_groups_may_have_the_same_name(account: Account, group: str) -> None:
    other = account.group("other")
    account.dataset(other, account.arn("schema/interactions"))
    assert tracked(account, group)[0] != tracked(account, other)[0]


def test_a_group_without_interactions_has_nothing_to_track(account: Account) -> None:
    group = account.group()
    with refused("InvalidInputException", "Interactions"):
        tracked(account, group)
    account.delete("dataset", account.dataset(group, account.schema()))
    with refused("InvalidInputException", "Interactions"):
        tracked(account, group)


def test_the_group_must_exist(account: Account) -> None:
    with refused("ResourceNotFoundException", "dataset-group/none"):
        tracked(account, account.arn("dataset-group/none"))


def test_a_tracker_keeps_its_dataset_and_its_group(account: Account, group: str) -> None:
    arn, _ = tracked(account, group)
    dataset = account.arn("dataset/shop/INTERACTIONS")
    with refused("ResourceInUseException", arn):
        account.personalize.delete_dataset(datasetArn=dataset)
    with refused("ResourceInUseException"):
        account.personalize.delete_dataset_group(datasetGroupArn=group)
    account.delete("event_tracker", arn)
    account.delete("dataset", dataset)
    account.delete("dataset_group", group)


def test_action_interactions_bring_a_tracker_of_their_own(account: Account) -> None:
    group = account.group()
    arn = account.dataset(group, account.schema(text=ACTION_INTERACTIONS), "Action_Interactions")
    described = account.describe("dataset", arn)
    assert re.fullmatch("[0-9a-f-]{36}", described["trackingId"])
    assert account.personalize.list_event_trackers()["eventTrackers"] == []
    interactions = account.dataset(group, account.schema("plain"))
    assert "trackingId" not in account.describe("dataset", interactions)
    assert tracked(account, group)[1] != described["trackingId"]
