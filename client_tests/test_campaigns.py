"""Campaigns: CreateCampaign, DescribeCampaign, ListCampaigns, UpdateCampaign, DeleteCampaign."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import shops
from accounts import Account, refused, until
from conftest import NewAccount, Shop, Tell
from modes import socket_only

ROWS = shops.series()
EXPLORING = {"itemExplorationConfig": {"explorationWeight": "0.5", "explorationItemAgeCutOff": "10"}}
SYNC_NAME = "syncWithLatestSolutionVersion"
SYNC = {SYNC_NAME: True}
MORE_THAN_5 = "More than 5 resources in ACTIVE state. Please delete some and try again."
REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "exploration elsewhere": ("aws-sims", EXPLORING),
    "too much exploration": (
        "aws-user-personalization",
        {"itemExplorationConfig": {"explorationWeight": "1.1"}},
    ),
    "exploration in words": ("aws-user-personalization", {"itemExplorationConfig": {"explorationWeight": "much"}}),
    "no age": ("aws-user-personalization", {"itemExplorationConfig": {"explorationItemAgeCutOff": "0"}}),
    "an unknown member": ("aws-user-personalization", {"itemExplorationConfig": {"weight": "1"}}),
    "influence elsewhere": ("aws-sims", {"rankingInfluence": {"POPULARITY": 0.5}}),
    "following no latest version": ("aws-sims", {"syncWithLatestSolutionVersion": True}),
}


@pytest.fixture
def solution(account: Account) -> str:
    return account.solution(account.shop(ROWS), "aws-user-personalization")


def updated(account: Account, campaign: str, **asked: Any) -> dict[str, Any]:
    """Update a campaign and return what Describe shows when the update is over."""
    assert account.personalize.update_campaign(campaignArn=campaign, **asked)["campaignArn"] == campaign

    def over() -> dict[str, Any] | None:
        described = account.describe("campaign", campaign)
        return described if described["latestCampaignUpdate"]["status"] == "ACTIVE" else None

    return until(over)


def test_a_campaign_is_described_and_listed(shop: Shop) -> None:
    account, arn = shop.account, shop.campaigns["aws-sims"]
    described = account.describe("campaign", arn)
    assert arn == account.arn("campaign/aws-sims")
    assert (described["name"], described["campaignArn"], described["status"]) == ("aws-sims", arn, "ACTIVE")
    assert described["minProvisionedTPS"] == 1
    assert described["solutionVersionArn"].startswith(f"{shop.solution('aws-sims')}/")
    assert not described.keys() & {"campaignConfig", "latestCampaignUpdate", "failureReason"}
    (listed,) = account.personalize.list_campaigns(solutionArn=shop.solution("aws-sims"))["campaigns"]
    assert listed.keys() == {"name", "campaignArn", "status", "creationDateTime", "lastUpdatedDateTime"}
    assert listed.items() <= described.items()


def test_configuration_is_echoed(account: Account, solution: str) -> None:
    campaign = account.campaign(account.version(solution), minProvisionedTPS=3, campaignConfig=EXPLORING)
    described = account.describe("campaign", campaign)
    assert (described["minProvisionedTPS"], described["campaignConfig"]) == (3, EXPLORING)


@pytest.mark.parametrize(("recipe", "config"), REFUSED.values(), ids=REFUSED.keys())
def test_a_configuration_that_breaks_the_rules_is_refused(shop: Shop, recipe: str, config: dict[str, Any]) -> None:
    with refused("InvalidInputException"):
        shop.account.campaign(shop.version(recipe), "refused", campaignConfig=config)
    with refused("InvalidInputException"):
        shop.account.personalize.update_campaign(campaignArn=shop.campaigns[recipe], campaignConfig=config)


def test_latest_stands_for_the_newest_active_version(account: Account, solution: str) -> None:
    with refused("ResourceInUseException"):
        account.campaign(f"{solution}/$LATEST")
    account.version(solution)
    second = account.version(solution)
    described = account.describe("campaign", account.campaign(f"{solution}/$LATEST"))
    assert described["solutionVersionArn"] == second


def test_a_solution_is_no_version(account: Account, solution: str) -> None:
    with refused("ResourceNotFoundException", solution):
        account.campaign(solution)
    with refused("ResourceNotFoundException", f"{solution}/00000000"):
        account.campaign(f"{solution}/00000000")


def test_a_name_is_taken_once(shop: Shop) -> None:
    with refused("ResourceAlreadyExistsException", shop.campaigns["aws-sims"]):
        shop.account.campaign(shop.version("aws-hrnn"), "aws-sims")


def test_a_group_holds_five_campaigns(account: Account, solution: str) -> None:
    version = account.version(solution)
    arns = [account.campaign(version, f"c{number}") for number in range(5)]
    with refused("LimitExceededException", MORE_THAN_5):
        account.campaign(version, "c5")
    account.delete("campaign", arns[0])
    account.campaign(version, "c5")


def test_an_update_of_the_configuration_keeps_the_version(account: Account, solution: str) -> None:
    version = account.version(solution)
    campaign = account.campaign(version, minProvisionedTPS=2)
    described = updated(account, campaign, campaignConfig=EXPLORING)
    assert described["status"] == "ACTIVE"
    update = described["latestCampaignUpdate"]
    for shown in (described, update):
        assert shown["solutionVersionArn"] == version
        assert shown["campaignConfig"] == EXPLORING
        assert shown["minProvisionedTPS"] == 2
    assert update["lastUpdatedDateTime"] >= update["creationDateTime"] >= described["creationDateTime"]


def test_an_update_of_the_version_keeps_the_configuration_and_serves_the_new_one(
    account: Account, solution: str
) -> None:
    campaign = account.campaign(account.version(solution), campaignConfig=EXPLORING)
    before = account.recommended(campaign, userId="u1", numResults=500)
    rows = shops.series(seed=5, prefix="new-")
    dataset = account.arn("dataset/shop/INTERACTIONS")
    assert account.import_rows(dataset, account.put(shops.csv(rows), "new"), "new")["status"] == "ACTIVE"
    second = account.version(solution)
    assert account.recommended(campaign, userId="u1", numResults=500) == before
    described = updated(account, campaign, solutionVersionArn=second)
    assert (described["solutionVersionArn"], described["campaignConfig"]) == (second, EXPLORING)
    assert set(account.recommended(campaign, userId="u1", numResults=500)) == {item for _, item, _ in rows}


@socket_only
def test_until_an_update_is_over_the_old_version_and_configuration_serve(
    waiting: Callable[..., tuple[Account, Tell]],
) -> None:
    account, tell = waiting("campaign")
    group = account.shop(ROWS)
    first, second = (
        account.version(account.solution(group, name, name)) for name in ("aws-hrnn", "aws-popularity-count")
    )
    campaign = account.personalize.create_campaign(name="c", solutionVersionArn=first)["campaignArn"]
    for _ in range(2):
        with refused("InvalidInputException", f"{campaign} does not exist or is not active yet."):
            account.recommended(campaign, userId="u1")
        tell()
    before = account.recommended(campaign, userId="u1")
    account.personalize.update_campaign(campaignArn=campaign, solutionVersionArn=second)
    for status in ("CREATE PENDING", "CREATE IN_PROGRESS"):
        described = account.describe("campaign", campaign)
        assert (described["status"], described["latestCampaignUpdate"]["status"]) == ("ACTIVE", status)
        assert described["solutionVersionArn"] == first
        assert account.recommended(campaign, userId="u1") == before
        tell()
    assert account.describe("campaign", campaign)["solutionVersionArn"] == second
    assert account.recommended(campaign, userId="u1") == shops.popular(ROWS)[:25] != before
    account.personalize.delete_campaign(campaignArn=campaign)
    with refused("InvalidInputException", f"{campaign} does not exist or is not active yet."):
        account.recommended(campaign, userId="u1")


def test_a_second_update_replaces_what_the_first_showed(account: Account, solution: str) -> None:
    campaign = account.campaign(account.version(solution))
    updated(account, campaign, campaignConfig=EXPLORING)
    described = updated(account, campaign, minProvisionedTPS=7)
    assert described["latestCampaignUpdate"]["minProvisionedTPS"] == described["minProvisionedTPS"] == 7
    assert described["campaignConfig"] == EXPLORING


def test_an_update_may_change_the_solution_but_not_the_group(account: Account, solution: str) -> None:
    campaign = account.campaign(account.version(solution))
    group = account.arn("dataset-group/shop")
    popularity = account.version(account.solution(group, "aws-popularity-count", "popularity"))
    updated(account, campaign, solutionVersionArn=popularity)
    account.delete("solution", solution)  # nothing uses it any more
    with refused("ResourceInUseException", campaign):
        account.personalize.delete_solution(solutionArn=account.arn("solution/popularity"))
    elsewhere = account.version(account.solution(account.shop(ROWS, "another"), "aws-sims", "elsewhere"))
    with refused("InvalidInputException", "dataset group"):
        account.personalize.update_campaign(campaignArn=campaign, solutionVersionArn=elsewhere)


def test_a_campaign_may_go_while_it_is_updated(account: Account, solution: str) -> None:
    campaign = account.campaign(account.version(solution))
    account.personalize.update_campaign(campaignArn=campaign, minProvisionedTPS=2)
    account.delete("campaign", campaign)
    account.delete("solution", solution)


@socket_only
def test_nothing_begins_with_a_version_whose_solution_goes(waiting: Callable[..., tuple[Account, Tell]]) -> None:
    account, tell = waiting("solution")
    group = account.shop(ROWS)
    stays, goes = (account.version(account.solution(group, "aws-popularity-count", name)) for name in ("a", "b"))
    campaign = account.campaign(stays)
    leaving = account.arn("solution/b")
    account.personalize.delete_solution(solutionArn=leaving)
    assert account.describe("solution_version", goes)["status"] == "ACTIVE"
    files = {
        "jobInput": {"s3DataSource": {"path": "s3://films/in/"}},
        "jobOutput": {"s3DataDestination": {"path": "s3://films/out/"}},
    }
    for begin in (
        lambda: account.campaign(goes, "late"),
        lambda: account.campaign(f"{leaving}/$LATEST", "late"),
        lambda: account.personalize.update_campaign(campaignArn=campaign, solutionVersionArn=goes),
        lambda: account.personalize.create_batch_inference_job(
            jobName="late", solutionVersionArn=goes, roleArn=account.role, **files
        ),
    ):
        with refused("ResourceInUseException", leaving):
            begin()
    tell()
    tell()
    assert account.is_gone("solution", leaving)
    assert account.describe("campaign", campaign)["solutionVersionArn"] == stays
    assert len(account.personalize.list_campaigns()["campaigns"]) == 1


def served(account: Account, campaign: str) -> str:
    """Return the version that a campaign serves, once nothing is under way."""

    def over() -> dict[str, Any] | None:
        described = account.describe("campaign", campaign)
        update = described.get("latestCampaignUpdate", {"status": "ACTIVE"})
        return described if {described["status"], update["status"]} == {"ACTIVE"} else None

    found = until(over)
    assert found is not None
    return str(found["solutionVersionArn"])


def test_a_campaign_that_follows_its_solution_serves_every_new_version(account: Account, solution: str) -> None:
    first = account.version(solution)
    campaign = account.campaign(f"{solution}/$LATEST", campaignConfig=SYNC)
    other = account.campaign(first, "other")
    assert account.describe("campaign", campaign)["solutionVersionArn"] == first
    for _ in range(2):
        version = account.version(solution)
        until(lambda version=version: served(account, campaign) == version)
        update = account.describe("campaign", campaign)["latestCampaignUpdate"]
        assert (update["solutionVersionArn"], update["campaignConfig"]) == (version, SYNC)
        assert served(account, other) == first
    kept = updated(account, campaign, minProvisionedTPS=3)
    assert (kept["solutionVersionArn"], kept["campaignConfig"]) == (version, SYNC)


def test_a_campaign_can_begin_and_cease_to_follow(account: Account, solution: str) -> None:
    first = account.version(solution)
    campaign = account.campaign(first)
    for asked in ({}, {"solutionVersionArn": first}):
        with refused("InvalidInputException", "$LATEST"):
            account.personalize.update_campaign(campaignArn=campaign, campaignConfig=SYNC, **asked)
    updated(account, campaign, campaignConfig=SYNC, solutionVersionArn=f"{solution}/$LATEST")
    with refused("InvalidInputException", "$LATEST"):  # it follows, and so cannot be held
        account.personalize.update_campaign(campaignArn=campaign, solutionVersionArn=first)
    second = account.version(solution)
    until(lambda: served(account, campaign) == second)
    updated(account, campaign, campaignConfig={SYNC_NAME: False})
    account.version(solution)
    assert served(account, campaign) == second


@socket_only
def test_what_is_trained_during_an_update_is_served_after_it(waiting: Callable[..., tuple[Account, Tell]]) -> None:
    account, tell = waiting("campaign")
    solution = account.solution(account.shop(ROWS), "aws-popularity-count")
    first = account.version(solution)
    campaign = account.personalize.create_campaign(
        name="c", solutionVersionArn=f"{solution}/$LATEST", campaignConfig=SYNC
    )["campaignArn"]
    second = account.version(solution)
    assert "latestCampaignUpdate" not in account.describe("campaign", campaign)
    tell()
    tell()
    described = account.describe("campaign", campaign)
    assert (described["status"], described["solutionVersionArn"]) == ("ACTIVE", first)
    assert described["latestCampaignUpdate"]["status"] == "CREATE PENDING"
    assert described["latestCampaignUpdate"]["solutionVersionArn"] == second
    with refused("ResourceInUseException", campaign):
        account.personalize.update_campaign(campaignArn=campaign, minProvisionedTPS=2)
    third = account.version(solution)
    for version in (first, second, second, third):
        tell()
        assert account.describe("campaign", campaign)["solutionVersionArn"] == version
    account.personalize.update_campaign(campaignArn=campaign, minProvisionedTPS=2)
    account.personalize.delete_campaign(campaignArn=campaign)  # whatever its update
    tell()
    tell()
    assert account.is_gone("campaign", campaign)


def test_campaigns_are_listed_by_a_version(account: Account, solution: str) -> None:
    first, second = account.version(solution), account.version(solution)
    campaign, other = account.campaign(first, "one"), account.campaign(second, "two")

    def listed(arn: str) -> set[str]:
        return {each["campaignArn"] for each in account.personalize.list_campaigns(solutionArn=arn)["campaigns"]}

    assert (listed(first), listed(second), listed(solution)) == ({campaign}, {other}, {campaign, other})
    updated(account, campaign, solutionVersionArn=second)
    assert (listed(first), listed(second)) == (set(), {campaign, other})


def test_an_unknown_campaign_cannot_be_updated(account: Account) -> None:
    arn = account.arn("campaign/none")
    with refused("ResourceNotFoundException", f"The given campaign does not exist: {arn}"):
        account.personalize.update_campaign(campaignArn=arn, minProvisionedTPS=2)


def test_a_deleted_campaign_recommends_nothing_and_frees_its_name(account: Account, solution: str) -> None:
    version = account.version(solution)
    campaign = account.campaign(version)
    account.delete("campaign", campaign)
    assert account.personalize.list_campaigns()["campaigns"] == []
    with refused("InvalidInputException", f"{campaign} does not exist or is not active yet."):
        account.recommended(campaign, userId="u1")
    assert account.campaign(version) == campaign
    assert account.recommended(campaign, userId="u1")


def test_without_limits_a_group_holds_more(unlimited: NewAccount) -> None:
    account = unlimited()
    version = account.version(account.solution(account.shop(ROWS), "aws-popularity-count"))
    for number in range(7):
        account.campaign(version, f"c{number}")
