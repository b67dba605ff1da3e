"""The campaign that tests get: an emulator that starts from its folder goes on as the one that trained it would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from fakepersonalize.mock import Mocked
from fakepersonalize.trained import Trained, train

MANUAL = {"lifecycle": "manual", "step_seconds": 0, "auto_training": "clock"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(tmp_path_factory.mktemp("trained"), "111111111111", "eu-west-1")


def clients() -> list[Any]:
    session = boto3.Session("111111111111", "x", region_name="eu-west-1")
    return [session.client(f"personalize{part}") for part in ("", "-runtime", "-events")]


def test_it_knows_its_users_items_and_group(trained: Trained) -> None:
    campaign = trained.campaign
    assert campaign == "arn:aws:personalize:eu-west-1:111111111111:campaign/films"
    with Mocked({}, trained.folder):
        personalize, runtime, _ = clients()
        assert personalize.describe_dataset_group(datasetGroupArn=campaign.dataset_group)["datasetGroup"]["status"]
        answer = runtime.get_recommendations(campaignArn=campaign, userId=campaign.users[7])
    assert {item["itemId"] for item in answer["itemList"]} <= set(campaign.items)


def test_its_solution_is_trained_again_by_its_schedule(trained: Trained) -> None:
    solution = trained.campaign.replace(":campaign/", ":solution/")
    with Mocked(MANUAL, trained.folder) as emulator:
        personalize, _, events = clients()
        group = trained.campaign.dataset_group
        tracking_id = personalize.create_event_tracker(name="films", datasetGroupArn=group)["trackingId"]
        event = {"eventType": "watch", "itemId": trained.campaign.items[0], "sentAt": int(emulator.clock.now())}
        events.put_events(trackingId=tracking_id, userId="new", sessionId="new", eventList=[event])
        emulator.advance(days=8)
        newest, first = personalize.list_solution_versions(solutionArn=solution)["solutionVersions"]
    assert (newest["trainingType"], newest["status"]) == ("AUTOMATIC", "ACTIVE")
    assert (newest["creationDateTime"] - first["creationDateTime"]).days == 7


def test_it_is_trained_in_other_partitions_as_well(tmp_path: Path) -> None:
    assert train(tmp_path, "111111111111", "cn-north-1").campaign.startswith("arn:aws-cn:personalize:cn-north-1:")
