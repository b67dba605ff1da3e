"""Solutions train by themselves where `auto_training` says so, as the clock goes."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import shops
from accounts import RECIPES, Account

from fakepersonalize import mock_personalize
from fakepersonalize.emulator import Emulator
from fakepersonalize.jobs import training_rows
from fakepersonalize.jobs.training_spec import TrainingSpec

EVENTS = shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long", "EVENT_TYPE string")
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


# Recommenders


class Shop:
    """A domain dataset group with the recommender Most viewed."""

    def __init__(self, account: Account) -> None:
        self.account, group = account, account.group(domain="ECOMMERCE")
        self.dataset = account.dataset(group, account.schema("events", EVENTS, domain="ECOMMERCE"))
        self.view(shops.series(), "first")
        made = account.personalize.create_recommender(
            name="viewed", datasetGroupArn=group, recipeArn=f"{RECIPES}aws-ecomm-popular-items-by-views"
        )
        self.recommender: str = made["recommenderArn"]
        account.active("recommender", self.recommender)

    def view(self, rows: list[shops.Row], name: str) -> None:
        """Let these be all that was viewed."""
        text = shops.csv([(*row, "View") for row in rows], f"{shops.HEADER},EVENT_TYPE")
        assert self.account.import_rows(self.dataset, self.account.put(text, name), name)["status"] == "ACTIVE"

    def fashion(self) -> None:
        """Let everybody view something new."""
        self.view([*shops.series(), *((f"u{user}", "fashion", 2_000_000_000 + user) for user in range(100))], "fashion")

    @property
    def described(self) -> dict[str, Any]:
        return self.account.describe("recommender", self.recommender)

    @property
    def knows_the_fashion(self) -> bool:
        answer = self.account.runtime.get_recommendations(recommenderArn=self.recommender, userId="u1")
        return any(item["itemId"] == "fashion" for item in answer["itemList"])


@pytest.fixture
def shop(emulator: Emulator, account: Account) -> Shop:
    return Shop(account)


def test_a_recommender_is_trained_again_every_week(emulator: Emulator, shop: Shop) -> None:
    shop.fashion()
    emulator.advance(days=6, hours=23)
    assert not shop.knows_the_fashion
    emulator.advance(hours=1)
    assert shop.knows_the_fashion
    assert shop.described["status"] == "ACTIVE"
    assert "latestRecommenderUpdate" not in shop.described  # nobody updated it
    shop.view(shops.series(), "as-before")
    emulator.advance(days=7)
    assert not shop.knows_the_fashion


def test_a_recommender_that_is_stopped_is_not_trained(emulator: Emulator, shop: Shop) -> None:
    shop.account.personalize.stop_recommender(recommenderArn=shop.recommender)
    emulator.advance(hours=1)
    shop.fashion()
    emulator.advance(days=8)
    shop.account.personalize.start_recommender(recommenderArn=shop.recommender)
    emulator.advance(hours=1)
    assert not shop.knows_the_fashion
    emulator.advance(days=7)
    assert shop.knows_the_fashion


def test_a_training_of_a_recommender_that_fails_leaves_the_old_model(emulator: Emulator, shop: Shop) -> None:
    shop.fashion()
    emulator.fail(operation="UpdateRecommender", count=1, fails="out of order")
    emulator.advance(days=8)
    assert shop.described["status"] == "ACTIVE"
    assert not shop.knows_the_fashion
    emulator.advance(days=7)
    assert shop.knows_the_fashion


def test_a_recommender_is_trained_as_it_is_and_not_as_an_update_that_failed(
    emulator: Emulator, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices: list[dict[str, Any]] = []
    prepare = training_rows.prepare

    def noted(spec: TrainingSpec, learns_from: frozenset[str]) -> training_rows.Encoded:
        choices.append(spec.choice)
        return prepare(spec, learns_from)

    monkeypatch.setattr(training_rows, "prepare", noted)
    emulator.fail(operation="UpdateRecommender", count=1, fails="out of order")
    config = {"trainingDataConfig": {"includedDatasetColumns": {"INTERACTIONS": ["EVENT_TYPE"]}}}
    shop.account.personalize.update_recommender(recommenderArn=shop.recommender, recommenderConfig=config)
    emulator.advance(hours=1)
    assert shop.described["latestRecommenderUpdate"]["status"] == "CREATE FAILED"
    emulator.advance(days=8)
    assert [choice.keys() for choice in choices] == [{"known"}]
    assert shop.described["recommenderConfig"] == {"minRecommendationRequestsPerSecond": 1}


def test_by_default_no_recommender_is_trained_unasked() -> None:
    with mock_personalize(lifecycle="manual", step_seconds=0) as emulator:
        shop = Shop(Account("123456789012"))
        shop.fashion()
        emulator.advance(days=30)
        assert not shop.knows_the_fashion
