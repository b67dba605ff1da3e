"""Solutions train by themselves where `auto_training` says so, as the clock goes."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import shops
from accounts import Account

from fakepersonalize import mock_personalize
from fakepersonalize.emulator import Emulator

DAILY = {"autoTrainingConfig": {"schedulingExpression": "rate(1 day)"}}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with mock_personalize(lifecycle="manual", step_seconds=0, auto_training="clock") as emulator:
        yield emulator


@pytest.fixture
def account(emulator: Emulator) -> Account:
    return Account("123456789012")


@pytest.fixture
def group(account: Account) -> str:
    return account.shop(shops.series())


def begun(account: Account, **more: Any) -> str:
    arn: str = account.solution(account.arn("dataset-group/shop"), "aws-popularity-count", **more)
    return arn


def versions(account: Account, solution: str) -> list[dict[str, Any]]:
    """Return the versions of a solution, oldest first."""
    found = account.personalize.list_solution_versions(solutionArn=solution)["solutionVersions"]
    return sorted(found, key=lambda version: version["creationDateTime"])


def fresh(account: Account, number: int) -> None:
    """Import new rows."""
    dataset = account.personalize.list_datasets()["datasets"][0]["datasetArn"]
    job = account.import_rows(dataset, account.put(shops.csv(shops.series(seed=number))), f"import-{number}")
    assert job["status"] == "ACTIVE"


def test_a_solution_is_trained_by_its_schedule(emulator: Emulator, account: Account, group: str) -> None:
    solution = begun(account, solutionConfig=DAILY)
    emulator.advance(minutes=59)
    assert not versions(account, solution)
    emulator.advance(minutes=1)
    for number in range(1, 4):
        fresh(account, number)
        emulator.advance(days=1)
    found = versions(account, solution)
    assert [version["trainingType"] for version in found] == ["AUTOMATIC"] * 4
    assert {version["status"] for version in found} == {"ACTIVE"}
    times = [version["creationDateTime"] for version in found]
    assert {later - earlier for earlier, later in zip(times, times[1:])} == {timedelta(days=1)}


def test_without_new_interactions_nothing_is_trained_again(emulator: Emulator, account: Account, group: str) -> None:
    solution = begun(account, solutionConfig=DAILY)
    emulator.advance(days=5)
    assert len(versions(account, solution)) == 1
    fresh(account, 1)
    emulator.advance(days=1)
    assert len(versions(account, solution)) == 2


def test_a_training_by_hand_puts_the_next_one_off(emulator: Emulator, account: Account, group: str) -> None:
    solution = begun(account, solutionConfig=DAILY)
    account.version(solution)
    fresh(account, 1)
    emulator.advance(hours=23)
    assert [version["trainingType"] for version in versions(account, solution)] == ["MANUAL"]
    emulator.advance(hours=1)
    assert [version["trainingType"] for version in versions(account, solution)] == ["MANUAL", "AUTOMATIC"]


def test_an_update_of_the_solution_begins_and_ends_it(emulator: Emulator, account: Account, group: str) -> None:
    solution = begun(account, performAutoTraining=False)
    emulator.advance(days=30)
    assert not versions(account, solution)
    account.personalize.update_solution(solutionArn=solution, performAutoTraining=True, solutionUpdateConfig=DAILY)
    emulator.advance(hours=1)
    assert len(versions(account, solution)) == 1
    account.personalize.update_solution(solutionArn=solution, performAutoTraining=False)
    fresh(account, 1)
    emulator.advance(days=30)
    assert len(versions(account, solution)) == 1


def test_it_waits_for_data_and_ends_with_the_solution(emulator: Emulator, account: Account) -> None:
    solution = account.solution(account.group(), "aws-popularity-count", solutionConfig=DAILY)
    emulator.advance(days=2)
    assert not versions(account, solution)
    account.delete("solution", solution)
    emulator.advance(days=2)
    with pytest.raises(account.personalize.exceptions.ResourceNotFoundException):
        account.describe("solution", solution)


def test_by_default_nothing_is_trained_unasked() -> None:
    with mock_personalize(lifecycle="manual", step_seconds=0) as emulator:
        account = Account("123456789012")
        account.shop(shops.series())
        solution = begun(account, solutionConfig=DAILY)
        emulator.advance(days=30)
        assert not versions(account, solution)
        described = account.describe("solution", solution)
        assert described["performAutoTraining"] is True
        assert described["solutionConfig"]["autoTrainingConfig"] == DAILY["autoTrainingConfig"]
