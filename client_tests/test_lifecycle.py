"""What a status shows while something comes, changes and goes: step by step over a socket, at once in process."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import shops
from accounts import RECIPES, Account, refused, until
from conftest import NewAccount
from modes import in_process_only, socket_only

ROWS = shops.series()
COMING = ["CREATE PENDING", "CREATE IN_PROGRESS", "ACTIVE"]
GOING = ["DELETE PENDING", "DELETE IN_PROGRESS"]
RUNNING_IMPORTS = "More than 5 resources with PENDING or IN_PROGRESS status."
RUNNING_TRAININGS = "More than 20 resources with PENDING or IN_PROGRESS status."


@pytest.fixture
def slow(slow_accounts: NewAccount) -> Account:
    """An account where each step takes its time."""
    return slow_accounts()


@pytest.fixture(scope="module")
def ready(slow_accounts: NewAccount) -> Account:
    """A slow account with a group, rows, a solution `films` and an ACTIVE version of it."""
    account = slow_accounts()
    account.version(account.solution(account.shop(ROWS), "aws-user-personalization", "films"))
    return account


def seen(first: str, status: Callable[[], str | None], last: str | None) -> list[str | None]:
    """Look until a status is shown; return the different ones in their order, behind the one that was seen before."""
    found: list[str | None] = [first]

    def over() -> bool:
        found.append(status())
        return found[-1] == last

    until(over)
    return list(dict.fromkeys(found))


def status(account: Account, kind: str, arn: str) -> str | None:
    try:
        return str(account.describe(kind, arn)["status"])
    except account.personalize.exceptions.ResourceNotFoundException:
        return None


@socket_only
def test_a_group_comes_and_goes_step_by_step(slow: Account) -> None:
    schema = slow.schema()
    made = slow.personalize.create_dataset_group(name="shop")["datasetGroupArn"]
    first = slow.describe("dataset_group", made)
    assert first["status"] == "CREATE PENDING"
    assert first["lastUpdatedDateTime"] == first["creationDateTime"]
    for early in (
        lambda: slow.dataset(made, schema),
        lambda: slow.solution(made, "aws-sims"),
        lambda: slow.personalize.delete_dataset_group(datasetGroupArn=made),
    ):
        with refused("ResourceInUseException", made):
            early()
    assert seen(first["status"], lambda: status(slow, "dataset_group", made), "ACTIVE") == COMING
    last = slow.describe("dataset_group", made)
    assert last["creationDateTime"] == first["creationDateTime"] < last["lastUpdatedDateTime"]

    slow.personalize.delete_dataset_group(datasetGroupArn=made)
    assert slow.describe("dataset_group", made)["status"] == "DELETE PENDING"
    (listed,) = slow.personalize.list_dataset_groups()["datasetGroups"]
    assert listed["status"] in GOING
    for late in (
        lambda: slow.dataset(made, schema),
        lambda: slow.personalize.delete_dataset_group(datasetGroupArn=made),
    ):
        with refused("ResourceInUseException", made):
            late()
    with refused("ResourceAlreadyExistsException", made):
        slow.group()
    assert seen(GOING[0], lambda: status(slow, "dataset_group", made), None) == [*GOING, None]


@socket_only
def test_a_dataset_may_go_while_its_tracker_goes(slow: Account) -> None:
    group = slow.group()
    dataset = slow.dataset(group, slow.schema())
    tracker = slow.personalize.create_event_tracker(name="t", datasetGroupArn=group)["eventTrackerArn"]
    with refused("ResourceInUseException", tracker):
        slow.personalize.delete_dataset(datasetArn=dataset)
    slow.active("event_tracker", tracker)
    with refused("ResourceInUseException", tracker):
        slow.personalize.delete_dataset(datasetArn=dataset)
    slow.personalize.delete_event_tracker(eventTrackerArn=tracker)
    slow.personalize.delete_dataset(datasetArn=dataset)
    assert status(slow, "event_tracker", tracker) in GOING
    assert seen("DELETE PENDING", lambda: status(slow, "dataset", dataset), None) == [*GOING, None]


@socket_only
def test_imports_wait_for_their_dataset_and_hold_it(slow: Account) -> None:
    group = slow.group()
    schema = slow.schema()
    dataset = slow.personalize.create_dataset(
        name="d", datasetGroupArn=group, schemaArn=schema, datasetType="Interactions"
    )["datasetArn"]
    location = slow.put(shops.csv(ROWS))
    job = slow.begin_import(dataset, location)
    assert slow.describe("dataset", dataset)["status"] in COMING[:2]
    assert slow.describe("dataset_import_job", job)["status"] == "CREATE PENDING"
    assert seen(COMING[0], lambda: status(slow, "dataset_import_job", job), "ACTIVE") == COMING
    assert slow.describe("dataset", dataset)["status"] == "ACTIVE"
    second = slow.begin_import(dataset, location, "second")
    for early in (
        lambda: slow.begin_import(dataset, location, "third"),
        lambda: slow.personalize.delete_dataset(datasetArn=dataset),
    ):
        with refused("ResourceInUseException", f"Resource {dataset} is in use by {second}."):
            early()


@socket_only
def test_five_imports_run_at_once(slow: Account) -> None:
    groups = [slow.personalize.create_dataset_group(name=name)["datasetGroupArn"] for name in ("one", "two")]
    for group in groups:
        slow.active("dataset_group", group)
    schemas = {
        "Interactions": slow.schema(),
        "Items": slow.schema("items", shops.ITEMS),
        "Users": slow.schema("users", shops.USERS),
    }
    location = slow.put("USER_ID\n")
    datasets = [
        slow.personalize.create_dataset(name="d", datasetGroupArn=group, schemaArn=schema, datasetType=type_)
        for group in groups
        for type_, schema in schemas.items()
    ]
    for number in range(5):
        slow.begin_import(datasets[number]["datasetArn"], location, f"j{number}")
    with refused("LimitExceededException", RUNNING_IMPORTS):
        slow.begin_import(datasets[5]["datasetArn"], location, "j5")
    until(lambda: slow.describe("dataset_import_job", slow.arn("dataset-import-job/j0"))["status"] == "CREATE FAILED")
    slow.begin_import(datasets[5]["datasetArn"], location, "j5")


@socket_only
def test_a_training_is_stopped_before_and_while_it_runs(ready: Account) -> None:
    solution = ready.arn("solution/films")
    pending, running = (
        ready.personalize.create_solution_version(solutionArn=solution, name=name)["solutionVersionArn"]
        for name in ("pending", "running")
    )
    with refused("ResourceInUseException", "is in use by"):
        ready.personalize.delete_solution(solutionArn=solution)
    with refused("ResourceInUseException", "is in use by"):
        ready.personalize.delete_dataset(datasetArn=ready.arn("dataset/shop/INTERACTIONS"))
    ready.personalize.stop_solution_version_creation(solutionVersionArn=pending)
    assert ready.describe("solution_version", pending)["status"] == "CREATE STOPPED"
    until(lambda: ready.describe("solution_version", running)["status"] == "CREATE IN_PROGRESS")
    ready.personalize.stop_solution_version_creation(solutionVersionArn=running)
    steps = seen("CREATE IN_PROGRESS", lambda: status(ready, "solution_version", running), "CREATE STOPPED")
    assert steps == ["CREATE IN_PROGRESS", "CREATE STOPPING", "CREATE STOPPED"]
    for stopped in (pending, running):
        with refused("ResourceInUseException", "is not in ACTIVE state."):
            ready.campaign(stopped)
        with refused("InvalidInputException", "CREATE STOPPED"):
            ready.personalize.stop_solution_version_creation(solutionVersionArn=stopped)
        assert "failureReason" not in ready.describe("solution_version", stopped)
    # The worker that was stopped goes on with the next one.
    assert ready.train(solution, name="next")["status"] == "ACTIVE"


@socket_only
def test_twenty_trainings_run_at_once(ready: Account) -> None:
    solution = ready.solution(ready.arn("dataset-group/shop"), "aws-popularity-count", "many")
    arns = [ready.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"] for _ in range(20)]
    with refused("LimitExceededException", RUNNING_TRAININGS):
        ready.personalize.create_solution_version(solutionArn=solution)
    for arn in arns:
        ready.personalize.stop_solution_version_creation(solutionVersionArn=arn)
    assert ready.train(solution)["status"] == "ACTIVE"


@socket_only
def test_a_campaign_serves_the_old_version_until_its_update_is_over(ready: Account) -> None:
    solution = ready.solution(ready.arn("dataset-group/shop"), "aws-popularity-count", "popular")
    old = ready.arn("solution/films")
    campaign = ready.personalize.create_campaign(name="c", solutionVersionArn=f"{old}/$LATEST")["campaignArn"]
    assert ready.describe("campaign", campaign)["status"] == "CREATE PENDING"
    with refused("InvalidInputException", f"{campaign} does not exist or is not active yet."):
        ready.recommended(campaign, userId="u1")
    with refused("ResourceInUseException", campaign):
        ready.personalize.update_campaign(campaignArn=campaign, minProvisionedTPS=2)
    new = ready.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    ready.active("campaign", campaign)
    ready.active("solution_version", new)
    before = ready.recommended(campaign, userId="u1")

    ready.personalize.update_campaign(campaignArn=campaign, solutionVersionArn=new)
    described = ready.describe("campaign", campaign)
    assert described["status"] == "ACTIVE"
    assert described["solutionVersionArn"] != new == described["latestCampaignUpdate"]["solutionVersionArn"]
    assert described["latestCampaignUpdate"]["status"] == "CREATE PENDING"
    assert ready.recommended(campaign, userId="u1") == before
    with refused("ResourceInUseException", campaign):
        ready.personalize.update_campaign(campaignArn=campaign, minProvisionedTPS=2)
    for used in (old, solution):
        with refused("ResourceInUseException", campaign):
            ready.personalize.delete_solution(solutionArn=used)
    first = described["latestCampaignUpdate"]["status"]
    steps = seen(first, lambda: str(ready.describe("campaign", campaign)["latestCampaignUpdate"]["status"]), "ACTIVE")
    assert steps == COMING
    assert ready.describe("campaign", campaign)["solutionVersionArn"] == new
    assert ready.recommended(campaign, userId="u1") != before

    ready.personalize.delete_campaign(campaignArn=campaign)
    with refused("InvalidInputException", f"{campaign} does not exist or is not active yet."):
        ready.recommended(campaign, userId="u1")
    with refused("ResourceInUseException", campaign):
        ready.personalize.delete_solution(solutionArn=solution)
    assert seen(GOING[0], lambda: status(ready, "campaign", campaign), None) == [*GOING, None]


@in_process_only
def test_in_process_everything_is_there_and_gone_at_once(account: Account) -> None:
    personalize = account.personalize
    group = personalize.create_dataset_group(name="shop")["datasetGroupArn"]
    schema = account.schema()
    dataset = personalize.create_dataset(name="d", datasetGroupArn=group, schemaArn=schema, datasetType="Interactions")[
        "datasetArn"
    ]
    job = account.begin_import(dataset, account.put(shops.csv(ROWS)))
    solution = personalize.create_solution(name="s", datasetGroupArn=group, recipeArn=f"{RECIPES}aws-sims")[
        "solutionArn"
    ]
    version = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    campaign = personalize.create_campaign(name="c", solutionVersionArn=version)["campaignArn"]
    for kind, arn in (
        ("dataset_group", group),
        ("dataset", dataset),
        ("dataset_import_job", job),
        ("solution_version", version),
        ("campaign", campaign),
    ):
        assert account.describe(kind, arn)["status"] == "ACTIVE"
    personalize.update_campaign(campaignArn=campaign, minProvisionedTPS=2)
    assert account.describe("campaign", campaign)["minProvisionedTPS"] == 2
    personalize.delete_campaign(campaignArn=campaign)
    assert account.is_gone("campaign", campaign)
