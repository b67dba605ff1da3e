"""Snapshots over HTTP: what one server wrote another one loads, and what is none changes nothing."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest
import shops
from accounts import Account
from conftest import NewAccount, Servers, make_account
from modes import socket_only

pytestmark = socket_only


@pytest.fixture(scope="module")
def urls(mode: str, servers: Servers) -> tuple[str, str]:
    """Two servers that no other test uses."""
    quick = {"FAKEPERSONALIZE_STEP_SECONDS": "0.01", "FAKEPERSONALIZE_LIMITS": "off"}
    return servers.url(**quick, FAKEPERSONALIZE_SEED="1"), servers.url(**quick, FAKEPERSONALIZE_SEED="2")


def ask(url: str, method: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_another_server_answers_as_the_first_did(urls: tuple[str, str]) -> None:
    here, there = (f"{url}/_fakepersonalize/snapshot" for url in urls)
    account = make_account(urls[0])
    campaign = account.deployed(account.shop(shops.series()), "aws-user-personalization", "shop")
    status, saved = ask(f"{here}?objects=true", "GET")
    assert (status, saved[:2]) == (200, b"PK")
    status, answer = ask(there, "POST", saved)
    assert (status, json.loads(answer).keys()) == (200, {"loaded"})
    other = make_account(urls[1], number=account.number)
    assert other.recommended(campaign, userId="u1") == account.recommended(campaign, userId="u1")
    assert buckets(other) == buckets(account) != []
    assert ask(there, "GET")[1] == ask(here, "GET")[1]  # equal states make equal files


@pytest.mark.parametrize("recipe", ["aws-similar-items", "aws-sims"])
def test_a_model_without_descriptions_of_its_many_items_comes_along(recipe: str, urls: tuple[str, str]) -> None:
    here, there = (f"{url}/_fakepersonalize/snapshot" for url in urls)
    account = make_account(urls[0])
    campaign = account.deployed(account.shop(shops.series(items=150)), recipe, "shop")
    status, answer = ask(there, "POST", ask(here, "GET")[1])
    assert status == 200, answer
    other = make_account(urls[1], number=account.number)
    assert other.recommended(campaign, itemId="i1") == account.recommended(campaign, itemId="i1") != []


def test_a_training_comes_along_that_failed_before_a_recipe_was_chosen(urls: tuple[str, str]) -> None:
    account = make_account(urls[0])
    solution = account.personalize.create_solution(
        name="odd",
        datasetGroupArn=account.shop(shops.series()),
        performAutoML=True,
        solutionConfig={"autoMLConfig": {"metricName": "luck"}},
    )["solutionArn"]
    account.active("solution", solution)
    failed = account.train(solution)
    assert (failed["status"], "recipeArn" in failed) == ("CREATE FAILED", False)
    status, answer = ask(
        f"{urls[1]}/_fakepersonalize/snapshot", "POST", ask(f"{urls[0]}/_fakepersonalize/snapshot", "GET")[1]
    )
    assert status == 200, answer
    other = make_account(urls[1], number=account.number)
    assert other.describe("solution_version", failed["solutionVersionArn"]) == failed


def test_jobs_come_along_whose_dataset_is_gone(urls: tuple[str, str]) -> None:
    account = make_account(urls[0])
    dataset = account.dataset(account.group(), account.schema())
    job = account.import_rows(dataset, account.put(shops.csv(shops.series())))["datasetImportJobArn"]
    account.delete("dataset", dataset)
    saved = ask(f"{urls[0]}/_fakepersonalize/snapshot", "GET")[1]
    status, answer = ask(f"{urls[1]}/_fakepersonalize/snapshot", "POST", saved)
    assert status == 200, answer
    other = make_account(urls[1], number=account.number)
    assert other.describe("dataset_import_job", job)["status"] == "ACTIVE"


def buckets(account: Account) -> list[str]:
    return [bucket["Name"] for bucket in account.client("s3").list_buckets()["Buckets"]]


@pytest.mark.parametrize("body", [b"", b"{}", b"PK\x05\x06" + bytes(18), b"x" * 5_000_000])
def test_what_is_no_snapshot_changes_nothing(body: bytes, urls: tuple[str, str]) -> None:
    page = f"{urls[1]}/_fakepersonalize/snapshot"
    before = ask(page, "GET")[1]
    status, answer = ask(page, "POST", body)
    assert (status, "snapshot" in json.loads(answer)["error"]) == (400, True)
    assert ask(page, "GET")[1] == before


def test_what_is_asked_wrongly_is_refused(urls: tuple[str, str]) -> None:
    page = f"{urls[1]}/_fakepersonalize/snapshot"
    assert ask(f"{page}?objects=perhaps", "GET")[0] == 400
    assert ask(f"{page}?object=true", "GET")[0] == 400
    assert ask(page, "GET", Origin="https://films.example")[0] == 403
    assert ask(page, "POST", b"", Origin="https://films.example")[0] == 403


def test_whatever_the_other_tests_made_can_be_loaded(
    endpoint: str, new_account: NewAccount, urls: tuple[str, str]
) -> None:
    new_account().shop(shops.series())
    status, saved = ask(f"{endpoint}/_fakepersonalize/snapshot?objects=true", "GET")
    assert status == 200
    status, answer = ask(f"{urls[1]}/_fakepersonalize/snapshot", "POST", saved)
    assert status == 200, answer
