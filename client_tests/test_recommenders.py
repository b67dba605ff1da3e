"""Recommenders: Create-, Describe-, List-, Update-, Start-, Stop-, DeleteRecommender, and what they recommend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import shops
from accounts import RECIPES, Account, refused, until
from conftest import NewAccount, Tell
from modes import socket_only

ROWS = shops.series()
EVENTS = shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long", "EVENT_TYPE string")
FILMS = shops.schema(
    "Items",
    "ITEM_ID string",
    "CREATION_TIMESTAMP long",
    {"name": "GENRES", "type": "string", "categorical": True},
)
POPULAR, PICKS = "aws-vod-most-popular", "aws-vod-top-picks"
EXPLORING = {"itemExplorationConfig": {"explorationWeight": "0.5", "explorationItemAgeCutOff": "1"}}
EXCLUDING = {"trainingDataConfig": {"excludedDatasetColumns": {"ITEMS": ["GENRES"]}}}
MORE_THAN_5 = "More than 5 resources in ACTIVE state. Please delete some and try again."
REFUSED_CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "exploration elsewhere": (POPULAR, EXPLORING),
    "too much exploration": (PICKS, {"itemExplorationConfig": {"explorationWeight": "1.1"}}),
    "an age below a day": (PICKS, {"itemExplorationConfig": {"explorationItemAgeCutOff": "0.9"}}),
    "an unknown member": (PICKS, {"itemExplorationConfig": {"weight": "1"}}),
    "an unknown column": (PICKS, {"trainingDataConfig": {"excludedDatasetColumns": {"ITEMS": ["COLOUR"]}}}),
}
DEFAULTS = {"minRecommendationRequestsPerSecond": 1}


class Cinema:
    """A VIDEO_ON_DEMAND group with films and who watched them."""

    def __init__(self, account: Account, event: str = "watch") -> None:
        self.account = account
        self.group = account.group("cinema", domain="VIDEO_ON_DEMAND")
        self.events = account.dataset(self.group, account.schema("events", EVENTS, domain="VIDEO_ON_DEMAND"))
        account.dataset(self.group, account.schema("films", FILMS, domain="VIDEO_ON_DEMAND"), "Items")
        self.loads = 0
        self.load(ROWS, event)

    def load(self, rows: list[shops.Row], event: str) -> None:
        """Import rows in the place of those before, all of one type of event."""
        self.loads += 1
        location = self.account.put(shops.csv([(*row, event) for row in rows], f"{shops.HEADER},EVENT_TYPE"))
        assert self.account.import_rows(self.events, location, f"load{self.loads}")["status"] == "ACTIVE"

    def begin(self, recipe: str = POPULAR, name: str = "recommender", **more: Any) -> str:
        arn: str = self.account.personalize.create_recommender(
            name=name, datasetGroupArn=self.group, recipeArn=RECIPES + recipe, **more
        )["recommenderArn"]
        return arn

    def recommender(self, recipe: str = POPULAR, name: str = "recommender", **more: Any) -> str:
        arn = self.begin(recipe, name, **more)
        self.account.active("recommender", arn)
        return arn

    def recommended(self, arn: str, **asked: Any) -> list[str]:
        answer = self.account.runtime.get_recommendations(recommenderArn=arn, **asked)
        assert all(item.keys() == {"itemId"} for item in answer["itemList"])
        return [item["itemId"] for item in answer["itemList"]]

    def updated(self, arn: str, config: dict[str, Any]) -> dict[str, Any]:
        """Update a recommender and return what Describe shows when the update is over."""
        self.account.personalize.update_recommender(recommenderArn=arn, recommenderConfig=config)

        def over() -> dict[str, Any] | None:
            described = self.account.describe("recommender", arn)
            moving = described["latestRecommenderUpdate"]["status"].startswith(("CREATE P", "CREATE I"))
            return None if moving else described

        found = until(over)
        assert found is not None
        return found

    def status(self, arn: str) -> str:
        return str(self.account.describe("recommender", arn)["status"])


@pytest.fixture(scope="module")
def shared(new_account: NewAccount) -> Cinema:
    """A cinema with a recommender of each recipe that tests only read from."""
    cinema = Cinema(new_account())
    for recipe in (POPULAR, PICKS, "aws-vod-because-you-watched-x"):
        cinema.recommender(recipe, recipe)
    return cinema


@pytest.fixture
def cinema(account: Account) -> Cinema:
    return Cinema(account)


def test_a_recommender_is_described_and_listed(shared: Cinema) -> None:
    account, arn = shared.account, shared.account.arn(f"recommender/{POPULAR}")
    described = account.describe("recommender", arn)
    assert (described["name"], described["recommenderArn"], described["status"]) == (POPULAR, arn, "ACTIVE")
    assert (described["datasetGroupArn"], described["recipeArn"]) == (shared.group, RECIPES + POPULAR)
    assert described["recommenderConfig"] == DEFAULTS
    assert described["modelMetrics"]["coverage"] > 0
    assert not described.keys() & {"latestRecommenderUpdate", "failureReason"}
    listed = account.personalize.list_recommenders(datasetGroupArn=shared.group)["recommenders"]
    assert [each["name"] for each in listed] == ["aws-vod-because-you-watched-x", PICKS, POPULAR]
    assert listed[-1] == {name: value for name, value in described.items() if name != "modelMetrics"}


def test_recommenders_recommend(shared: Cinema) -> None:
    arn = shared.account.arn("recommender/")
    assert shared.recommended(arn + POPULAR, userId="u1", numResults=10) == shops.popular(ROWS)[:10]
    assert len(shared.recommended(arn + PICKS, userId="u1")) == 25
    assert "i20" not in shared.recommended(arn + "aws-vod-because-you-watched-x", userId="u1", itemId="i20")
    with refused("InvalidInputException", "itemId"):
        shared.recommended(arn + "aws-vod-because-you-watched-x", userId="u1")


def test_a_campaign_is_no_recommender(shared: Cinema) -> None:
    arn = shared.account.arn("campaign/films")
    with refused("InvalidInputException", f"The given recommender ARN is invalid: {arn}"):
        shared.recommended(arn, userId="u1")
    with refused("InvalidInputException", "recommender/none"):
        shared.recommended(shared.account.arn("recommender/none"), userId="u1")


def test_a_recommender_without_configuration_shows_the_default(shared: Cinema) -> None:
    arn = shared.account.arn(f"recommender/{PICKS}")
    assert shared.account.describe("recommender", arn)["recommenderConfig"] == DEFAULTS
    listed = shared.account.personalize.list_recommenders()["recommenders"]
    assert next(each for each in listed if each["recommenderArn"] == arn)["recommenderConfig"] == DEFAULTS


def test_configuration_is_echoed(cinema: Cinema) -> None:
    config = EXPLORING | {"minRecommendationRequestsPerSecond": 2, "enableMetadataWithRecommendations": True}
    described = cinema.account.describe("recommender", cinema.recommender(PICKS, recommenderConfig=config))
    assert described["recommenderConfig"] == config


@pytest.mark.parametrize(("recipe", "config"), REFUSED_CONFIGS.values(), ids=REFUSED_CONFIGS.keys())
def test_a_configuration_that_breaks_the_rules_is_refused(shared: Cinema, recipe: str, config: dict[str, Any]) -> None:
    with refused("InvalidInputException"):
        shared.begin(recipe, "refused", recommenderConfig=config)
    with refused("InvalidInputException"):
        shared.account.personalize.update_recommender(
            recommenderArn=shared.account.arn(f"recommender/{recipe}"), recommenderConfig=config
        )


def test_a_custom_group_has_no_recommenders(account: Account) -> None:
    with refused("InvalidInputException", "Please use a domains-specific Dataset Group to create the Recommender"):
        account.personalize.create_recommender(
            name="r", datasetGroupArn=account.group(), recipeArn=RECIPES + "aws-sims"
        )


@pytest.mark.parametrize("recipe", ["aws-sims", "aws-ecomm-popular-items-by-views"])
def test_the_recipe_is_a_use_case_of_the_domain(shared: Cinema, recipe: str) -> None:
    with refused("InvalidInputException", recipe):
        shared.begin(recipe)


def test_group_and_recipe_must_exist(shared: Cinema) -> None:
    with refused("ResourceNotFoundException", "aws-vod-none"):
        shared.begin("aws-vod-none")
    with refused("ResourceNotFoundException", "dataset-group/none"):
        shared.account.personalize.create_recommender(
            name="r", datasetGroupArn=shared.account.arn("dataset-group/none"), recipeArn=RECIPES + POPULAR
        )


def test_the_datasets_that_the_recipe_needs_must_be_there(account: Account) -> None:
    group = account.group(domain="VIDEO_ON_DEMAND")
    for type_, schema in (("INTERACTIONS", EVENTS), ("ITEMS", FILMS)):
        with refused("InvalidInputException", type_):
            account.personalize.create_recommender(name="r", datasetGroupArn=group, recipeArn=RECIPES + PICKS)
        account.dataset(group, account.schema(type_, schema, domain="VIDEO_ON_DEMAND"), type_)


def test_a_name_is_taken_once(shared: Cinema) -> None:
    arn = shared.account.arn(f"recommender/{POPULAR}")
    with refused("ResourceAlreadyExistsException", f"Another resource with Arn {arn} already exists."):
        shared.begin(PICKS, POPULAR)


def test_a_group_has_five_recommenders(cinema: Cinema) -> None:
    for number in range(5):
        cinema.recommender(name=f"r{number}")
    cinema.account.personalize.stop_recommender(recommenderArn=cinema.account.arn("recommender/r0"))
    with refused("LimitExceededException", MORE_THAN_5):
        cinema.recommender()
    cinema.account.delete("recommender", cinema.account.arn("recommender/r3"))
    cinema.recommender()


def test_too_few_events_of_the_use_case_fail_it_and_an_update_tries_again(account: Account) -> None:
    cinema = Cinema(account, event="Click")
    arn = cinema.begin()
    failed = account.settled("recommender", arn)
    assert failed["status"] == "CREATE FAILED"
    assert failed["failureReason"].startswith(
        "Dataset has fewer than 1000 interactions after filtering by event type: Watch"
    )
    assert "modelMetrics" not in failed
    with refused("InvalidInputException", f"{arn} does not exist or is not active yet."):
        cinema.recommended(arn, userId="u1")
    cinema.load(ROWS, "WATCH")
    account.personalize.update_recommender(recommenderArn=arn, recommenderConfig={})
    described = account.settled("recommender", arn)
    assert described["status"] == described["latestRecommenderUpdate"]["status"] == "ACTIVE"
    assert "failureReason" not in described
    assert cinema.recommended(arn, userId="u1")


def test_an_update_replaces_the_configuration(cinema: Cinema) -> None:
    arn = cinema.recommender(PICKS, recommenderConfig={"minRecommendationRequestsPerSecond": 2})
    metrics = cinema.account.describe("recommender", arn)["modelMetrics"]
    described = cinema.updated(arn, EXPLORING)
    update = described["latestRecommenderUpdate"]
    assert described["status"] == update["status"] == "ACTIVE"
    assert described["recommenderConfig"] == update["recommenderConfig"] == DEFAULTS | EXPLORING
    assert described["modelMetrics"] == metrics
    assert update["lastUpdatedDateTime"] >= update["creationDateTime"] >= described["creationDateTime"]


def test_other_training_data_train_anew_and_the_old_model_serves_when_that_fails(cinema: Cinema) -> None:
    arn = cinema.recommender()
    before = cinema.recommended(arn, userId="u1")
    cinema.load(ROWS, "click")
    described = cinema.updated(arn, EXCLUDING)
    update = described["latestRecommenderUpdate"]
    assert update["status"] == "CREATE FAILED"
    assert update["failureReason"].startswith(
        "Dataset has fewer than 1000 interactions after filtering by event type: Watch"
    )
    assert (described["status"], described["recommenderConfig"]) == ("ACTIVE", DEFAULTS)
    assert cinema.recommended(arn, userId="u1") == before
    others = shops.series(seed=5, prefix="new-")
    cinema.load(others, "watch")
    assert cinema.recommended(arn, userId="u1") == before
    described = cinema.updated(arn, EXCLUDING)
    assert described["latestRecommenderUpdate"]["status"] == "ACTIVE"
    assert described["recommenderConfig"] == DEFAULTS | EXCLUDING
    assert cinema.recommended(arn, userId="u1") == shops.popular(others)[:25]


def test_a_stopped_recommender_answers_nothing_until_it_is_started(cinema: Cinema) -> None:
    account, arn = cinema.account, cinema.recommender()
    before = cinema.recommended(arn, userId="u1")
    with refused("ResourceInUseException", f"Resource {arn} is not in INACTIVE state."):
        account.personalize.start_recommender(recommenderArn=arn)
    assert account.personalize.stop_recommender(recommenderArn=arn)["recommenderArn"] == arn
    until(lambda: cinema.status(arn) == "INACTIVE")
    with refused("InvalidInputException", f"{arn} does not exist or is not active yet."):
        cinema.recommended(arn, userId="u1")
    with refused("ResourceInUseException", arn):
        account.personalize.stop_recommender(recommenderArn=arn)
    assert cinema.updated(arn, {"minRecommendationRequestsPerSecond": 3})["status"] == "INACTIVE"
    assert account.personalize.start_recommender(recommenderArn=arn)["recommenderArn"] == arn
    until(lambda: cinema.status(arn) == "ACTIVE")
    assert cinema.recommended(arn, userId="u1") == before


def test_a_recommender_keeps_its_group(cinema: Cinema) -> None:
    account, arn = cinema.account, cinema.recommender()
    for kind in ("INTERACTIONS", "ITEMS"):
        account.delete("dataset", account.arn(f"dataset/cinema/{kind}"))
    with refused("ResourceInUseException", arn):
        account.personalize.delete_dataset_group(datasetGroupArn=cinema.group)
    assert cinema.recommended(arn, userId="u1")  # it goes on answering without them
    account.delete("recommender", arn)
    account.delete("dataset_group", cinema.group)


@pytest.mark.parametrize("stopped", [False, True])
def test_a_recommender_is_deleted_from_active_and_inactive(cinema: Cinema, stopped: bool) -> None:
    account, arn = cinema.account, cinema.recommender()
    if stopped:
        account.personalize.stop_recommender(recommenderArn=arn)
        until(lambda: cinema.status(arn) == "INACTIVE")
    account.delete("recommender", arn)
    with refused("InvalidInputException", f"{arn} does not exist or is not active yet."):
        cinema.recommended(arn, userId="u1")
    assert cinema.recommender() == arn
    assert cinema.recommended(arn, userId="u1")


@socket_only
def test_what_is_under_way_is_shown_and_not_disturbed(waiting: Callable[..., tuple[Account, Tell]]) -> None:
    account, tell = waiting("recommender")
    cinema = Cinema(account)
    arn, personalize = cinema.begin(), account.personalize

    def becomes(status: str) -> None:
        tell()
        until(lambda: cinema.status(arn) == status)
        described = account.describe("recommender", arn)
        assert ("modelMetrics" in described) == (not status.startswith(("CREATE", "DELETE")))

    def in_use(call: Callable[..., Any], *words: str, **more: Any) -> None:
        with refused("ResourceInUseException", *words):
            call(recommenderArn=arn, **more)

    assert cinema.status(arn) == "CREATE PENDING"
    in_use(personalize.delete_recommender, arn)
    with refused("ResourceInUseException", arn):
        personalize.delete_dataset(datasetArn=account.arn("dataset/cinema/INTERACTIONS"))
    becomes("CREATE IN_PROGRESS")
    becomes("ACTIVE")
    personalize.update_recommender(recommenderArn=arn, recommenderConfig={})
    for busy in ("PENDING", "IN_PROGRESS"):
        running = f"latestRecommenderUpdate CREATE {busy}"
        in_use(personalize.stop_recommender, running)
        in_use(personalize.update_recommender, running, recommenderConfig={})
        assert cinema.recommended(arn, userId="u1")
        becomes("ACTIVE")
    for verb, statuses in (
        ("stop", ("STOP PENDING", "STOP IN_PROGRESS", "INACTIVE")),
        ("start", ("START PENDING", "START IN_PROGRESS", "ACTIVE")),
    ):
        getattr(personalize, f"{verb}_recommender")(recommenderArn=arn)
        for before, after in zip(statuses, statuses[1:]):
            assert cinema.status(arn) == before
            in_use(personalize.update_recommender, arn, recommenderConfig={})
            in_use(personalize.delete_recommender, arn)
            in_use(getattr(personalize, f"{verb}_recommender"), arn)
            becomes(after)
    personalize.delete_recommender(recommenderArn=arn)
    assert "modelMetrics" not in account.describe("recommender", arn)
    in_use(personalize.delete_recommender, arn)
    becomes("DELETE IN_PROGRESS")
    tell()
    assert account.is_gone("recommender", arn)
