"""The models of recommenders on the disk: each training has one of its own, and what serves is never half of two."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shops
from accounts import RECIPES, Account

from fakepersonalize import mock_personalize
from fakepersonalize.emulator import Emulator
from fakepersonalize.jobs import train
from fakepersonalize.storage import artifacts

EVENTS = shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long", "EVENT_TYPE string")
EXCLUDING = {"trainingDataConfig": {"excludedDatasetColumns": {"INTERACTIONS": ["NOTE"]}}}


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    with mock_personalize(data_dir=str(tmp_path / "data")) as emulator:
        yield emulator


def begun(account: Account) -> str:
    """Begin a recommender on rows of its own and return its ARN."""
    group = account.group(domain="ECOMMERCE")
    noted = EVENTS.replace('{"name": "EVENT_TYPE"', '{"name": "NOTE", "type": "string"}, {"name": "EVENT_TYPE"')
    dataset = account.dataset(group, account.schema("events", noted, domain="ECOMMERCE"))
    rows = [(*row, "View", "seen") for row in shops.series()]
    account.import_rows(dataset, account.put(shops.csv(rows, f"{shops.HEADER},EVENT_TYPE,NOTE")))
    arn: str = account.personalize.create_recommender(
        name="r", datasetGroupArn=group, recipeArn=f"{RECIPES}aws-ecomm-popular-items-by-views"
    )["recommenderArn"]
    return arn


def models(tmp_path: Path) -> set[str]:
    folder = tmp_path / "data" / "models"
    return {each.name for each in folder.iterdir()} if folder.is_dir() else set()


def recommended(account: Account, arn: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = account.runtime.get_recommendations(recommenderArn=arn, userId="u1")["itemList"]
    return found


def test_a_training_takes_the_place_of_the_one_before(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account("123456789012")
    arn = begun(account)
    before, first = recommended(account, arn), models(tmp_path)
    account.personalize.update_recommender(
        recommenderArn=arn, recommenderConfig={"enableMetadataWithRecommendations": True}
    )
    assert models(tmp_path) == first  # nothing that a model is made of has changed
    account.personalize.update_recommender(recommenderArn=arn, recommenderConfig=EXCLUDING)
    described = account.describe("recommender", arn)
    assert (described["status"], described["latestRecommenderUpdate"]["status"]) == ("ACTIVE", "ACTIVE")
    (second,) = models(tmp_path)
    assert {second} != first
    assert recommended(account, arn) == before
    account.delete("recommender", arn)
    assert models(tmp_path) == set()


def test_a_model_that_is_about_to_be_recorded_outlives_a_crash(tmp_path: Path) -> None:
    """The folder is moved before the transaction that says so is over; strays are swept at the next start."""
    settings = {"data_dir": str(tmp_path / "data"), "transitions": ("recommender=manual:1",)}
    with mock_personalize(**settings) as emulator:
        begun(Account("123456789012"))
        emulator.lifecycle.tell(1)
        (job,) = emulator.database.rows("open_jobs")
    (tmp_path / "data" / "models" / str(train.model_key(job["number"]))).mkdir(parents=True)
    (tmp_path / "data" / "models" / "-999").mkdir()
    with mock_personalize(**settings):
        assert models(tmp_path) == {str(train.model_key(job["number"]))}


def test_the_model_of_an_exploring_recipe_keeps_what_was_passed_over(emulator: Emulator, tmp_path: Path) -> None:
    account = Account("123456789012")
    group = account.group()
    shown = shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long", "impression string")
    rows = [(user, item, time, f"{item}|i0") for user, item, time in shops.series()]
    dataset = account.dataset(group, account.schema("shown", shown))
    account.import_rows(dataset, account.put(shops.csv(rows, "USER_ID,ITEM_ID,TIMESTAMP,impression")))
    version = account.train(account.solution(group, "aws-user-personalization", "shown"))
    assert version["status"] == "ACTIVE"
    (folder,) = (tmp_path / "data" / "models").iterdir()
    _, arrays = artifacts.read(folder)
    names = artifacts.unpack(arrays["item_ids"], arrays["item_ids.offsets"])
    passed_over = dict(zip(names, arrays["items.passed_over"].tolist()))
    assert passed_over.pop("i0") == sum(item != "i0" for _, item, _ in shops.series())
    assert not any(passed_over.values())
    assert arrays["items.met"].sum() == len(rows)
    assert arrays["items.came"].min() == min(int(time) for _, _, time in shops.series())
