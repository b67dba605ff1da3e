"""What Python code may tell an emulator: to move its clock, and to forget."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import shops

from fakepersonalize import mock_personalize
from fakepersonalize.emulator import Emulator
from fakepersonalize.lifecycle.pace import UnusableRule
from fakepersonalize.settings import Settings

ACCOUNT = "111111111111"


@pytest.fixture
def manual() -> Iterator[Emulator]:
    with mock_personalize(lifecycle="manual", transitions=("schema=immediate", "event_tracker=manual:2")) as emulator:
        yield emulator


@pytest.fixture
def personalize(manual: Emulator) -> Callable[[str], Any]:
    def client(account: str = ACCOUNT) -> Any:
        return boto3.client("personalize", "us-east-1", aws_access_key_id=account, aws_secret_access_key="x")

    return client


def status(client: Any, arn: str) -> str:
    found: str = client.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]["status"]
    return found


def test_advancing_moves_the_clock_and_what_falls_due(manual: Emulator, personalize: Any) -> None:
    client, before = personalize(), manual.clock.now()
    arn = client.create_dataset_group(name="films")["datasetGroupArn"]
    manual.advance(30)
    assert status(client, arn) == "CREATE IN_PROGRESS"
    manual.advance(seconds=30)
    assert status(client, arn) == "ACTIVE"
    assert manual.clock.now() - before == pytest.approx(60)


def test_only_a_manual_clock_can_be_moved() -> None:
    with mock_personalize() as emulator, pytest.raises(ValueError, match="manual"):
        emulator.advance(1)


def test_resetting_takes_what_it_is_told_to_take(manual: Emulator, personalize: Any) -> None:
    ours, theirs = personalize(), personalize("222222222222")
    films, books = (ours.create_dataset_group(name=name)["datasetGroupArn"] for name in ("films", "books"))
    theirs.create_dataset_group(name="films")

    def left() -> list[int]:
        return [len(each.list_dataset_groups()["datasetGroups"]) for each in (ours, theirs)]

    assert (manual.reset(dataset_group=films), left()) == (1, [1, 1])
    assert (manual.reset(account=ACCOUNT), left()) == (1, [0, 1])
    assert (manual.reset(), left()) == (1, [0, 0])
    with pytest.raises(LookupError):
        manual.reset(dataset_group=books)


def test_after_a_reset_of_an_account_its_ids_come_again() -> None:
    with mock_personalize() as emulator:
        place, other = (ACCOUNT, "us-east-1", "version"), ("222222222222", "us-east-1", "version")
        answers = ("recommendation", f"arn:aws:personalize:us-east-1:{ACCOUNT}:campaign/films")
        first = [emulator.identifiers.uuid(*each) for each in (place, other, answers)]
        emulator.reset(account=ACCOUNT)
        again = [emulator.identifiers.uuid(*each) for each in (place, other, answers)]
    assert [before == after for before, after in zip(first, again)] == [True, False, True]


def test_a_reset_forgets_the_calls_it_concerns(manual: Emulator, personalize: Any) -> None:
    for account in (ACCOUNT, "222222222222"):
        personalize(account).list_schemas()
    manual.reset(account=ACCOUNT)
    assert [call["account"] for call in manual.calls()] == ["222222222222"]
    manual.reset()
    assert manual.calls() == []


def test_a_rule_that_cannot_be_read_makes_no_emulator() -> None:
    with pytest.raises(UnusableRule, match="films"):
        Emulator(Settings(transitions=("films=immediate",)))


def test_classroom_runs_as_fast_as_it_is_told() -> None:
    emulator = Emulator(Settings(lifecycle="classroom", classroom_factor=600.0, in_process=True))
    assert emulator.clock.seconds_until(emulator.clock.now() + 6000) == pytest.approx(10, abs=0.5)
    emulator.close()
    with pytest.raises(ValueError, match="classroom_factor"):
        Settings(classroom_factor=0.0)


def test_resetting_forgets_faults_and_pins(manual: Emulator) -> None:
    manual.fail(error="ThrottlingException", account=ACCOUNT)
    manual.fail(error="ThrottlingException", account="222222222222")
    manual.strict()
    manual.reset(account=ACCOUNT)
    assert [rule["account"] for rule in manual.faults()] == ["222222222222"]
    manual.reset()
    assert (manual.faults(), manual.is_strict) == ([], False)


def test_a_tracker_that_is_going_goes_with_its_group_at_the_latest() -> None:
    at_once = [f"{kind}=immediate" for kind in ("dataset_group", "dataset", "schema")]
    with mock_personalize(lifecycle="manual", transitions=["event_tracker=time:60", *at_once]) as emulator:
        client = boto3.client("personalize", "us-east-1")
        text = shops.INTERACTIONS
        schema = client.create_schema(name="s", schema=text)["schemaArn"]

        def tracked() -> tuple[str, str]:
            group = client.create_dataset_group(name="films")["datasetGroupArn"]
            client.create_dataset(name="d", datasetGroupArn=group, schemaArn=schema, datasetType="Interactions")
            return group, client.create_event_tracker(name="t", datasetGroupArn=group)["eventTrackerArn"]

        group, tracker = tracked()
        emulator.advance(120)
        client.delete_event_tracker(eventTrackerArn=tracker)
        client.delete_dataset(datasetArn=group.replace(":dataset-group/", ":dataset/") + "/INTERACTIONS")
        client.delete_dataset_group(datasetGroupArn=group)
        assert client.list_dataset_groups()["datasetGroups"] == []
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.describe_event_tracker(eventTrackerArn=tracker)
        assert tracked()[0] == group
