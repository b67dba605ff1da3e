"""What people and scripts may ask of the emulator itself, over HTTP: reset, clock, requests, settings, jobs."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
import shops
from accounts import Account, refused
from conftest import Servers, make_account
from modes import socket_only

pytestmark = socket_only

Ask = Callable[..., tuple[int, dict[str, Any]]]


def asker(url: str) -> Ask:
    """Return a function that asks an admin page and returns status and answer."""

    def ask(method: str, page: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{url}/_fakepersonalize/{page}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    return ask


@pytest.fixture(scope="session")
def manual_url(mode: str, servers: Servers) -> str:
    return servers.url("--lifecycle", "manual", "--limits", "off", "--transitions", "campaign=manual:2")


@pytest.fixture(scope="session")
def ask(manual_url: str) -> Ask:
    """Ask a server whose clock stands still until it is told to move."""
    return asker(manual_url)


@pytest.fixture
def account(manual_url: str, ask: Ask) -> Account:
    ask("POST", "reset")
    return make_account(manual_url)


@pytest.fixture
def usual(endpoint: str) -> Ask:
    """Ask the server that other tests use; what is asked must not disturb them."""
    return asker(endpoint)


def names(account: Account) -> set[str]:
    return {group["name"] for group in account.personalize.list_dataset_groups()["datasetGroups"]}


def begun(ask: Ask, account: Account) -> tuple[str, str]:
    """Return a group and a dataset of interactions there, which still comes."""
    group = account.personalize.create_dataset_group(name="shop")["datasetGroupArn"]
    schema = account.schema()
    ask("POST", "clock", {"seconds": 1000})
    dataset = account.personalize.create_dataset(
        name="rows", datasetGroupArn=group, schemaArn=schema, datasetType="Interactions"
    )["datasetArn"]
    return group, dataset


# Clock


def test_the_manual_clock_moves_when_told_and_statuses_with_it(ask: Ask, account: Account) -> None:
    arn = account.personalize.create_dataset_group(name="films")["datasetGroupArn"]
    before = ask("GET", "clock")[1]["seconds"]
    seen = [account.describe("dataset_group", arn)["status"] for _ in range(5)]
    assert set(seen) == {"CREATE PENDING"}  # reading moves nothing
    for seconds, status in ((5.9, "CREATE PENDING"), (0.1, "CREATE IN_PROGRESS"), (53, "CREATE IN_PROGRESS")):
        ask("POST", "clock", {"seconds": seconds})
        assert account.describe("dataset_group", arn)["status"] == status
    status, clock = ask("POST", "clock", {"seconds": 1})
    assert (status, clock["lifecycle"], clock["seconds"] - before) == (200, "manual", pytest.approx(60))
    found = account.describe("dataset_group", arn)
    assert found["status"] == "ACTIVE"
    assert (found["lastUpdatedDateTime"] - found["creationDateTime"]).total_seconds() == pytest.approx(60)


def test_the_clock_moves_by_hours_and_days_as_well(ask: Ask) -> None:
    before = ask("GET", "clock")[1]["seconds"]
    status, clock = ask("POST", "clock", {"days": 1, "hours": 3, "minutes": 2})
    assert (status, clock["seconds"] - before) == (200, pytest.approx(86_400 + 3 * 3600 + 2 * 60))


def test_what_waits_to_be_told_does_not_go_on_with_time(ask: Ask, account: Account) -> None:
    def settle(seconds: float = 100_000) -> None:
        assert ask("POST", "clock", {"seconds": seconds})[0] == 200

    group, dataset = begun(ask, account)
    account.begin_import(dataset, account.put(shops.csv(shops.series(users=6, items=18, each=9))))
    settle()
    solution = account.solution(group, "aws-popularity-count")
    version = account.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    settle()
    campaign = account.personalize.create_campaign(name="shop", solutionVersionArn=version)["campaignArn"]
    settle()
    seen = [account.describe("campaign", campaign)["status"]]
    for _ in range(4):
        assert ask("POST", "clock", {"times": 1})[0] == 200
        seen.append(account.describe("campaign", campaign)["status"])
    assert seen == ["CREATE PENDING", "CREATE PENDING", "CREATE IN_PROGRESS", "CREATE IN_PROGRESS", "ACTIVE"]


def test_a_realistic_training_lasts_a_minute_longer_for_every_10000_interactions(ask: Ask, account: Account) -> None:
    group, dataset = begun(ask, account)
    rows = shops.series(users=200, items=150, each=25)
    account.begin_import(dataset, account.put(shops.csv(rows)))
    ask("POST", "clock", {"seconds": 1000})
    solution = account.solution(group, "aws-popularity-count")
    version = account.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    ask("POST", "clock", {"seconds": 10_000})
    found = account.describe("solution_version", version)
    lasted = (found["lastUpdatedDateTime"] - found["creationDateTime"]).total_seconds()
    assert lasted == pytest.approx(60 * (40 + len(rows) / 10_000))


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"5",
        b"null",
        b"\xff",
        b"[" * 50_000,
        b" " * 100_000,
        {"seconds": -1},
        {"seconds": "5"},
        {"seconds": True},
        {"seconds": None},
        {"seconds": 1e12},
        {"seconds": 10**400},
        b'{"seconds": NaN}',
        b'{"seconds": 1e999}',
        {"times": 1.5},
        {"times": -1},
        {"times": 10**9},
        {"weeks": 1},
    ],
)
def test_the_clock_refuses_what_it_cannot_do_and_stands_still(ask: Ask, body: Any) -> None:
    before = ask("GET", "clock")
    status, answer = ask("POST", "clock", body)
    assert 400 <= status < 500
    assert answer.keys() == {"error"}
    assert answer["error"]
    assert ask("GET", "clock") == before


def test_a_clock_that_moves_by_itself_cannot_be_moved(usual: Ask) -> None:
    status, answer = usual("POST", "clock", {"seconds": 1})
    assert (status, "manual" in answer["error"]) == (400, True)
    assert usual("GET", "clock")[1]["lifecycle"] == "instant"


# Reset


def test_reset_removes_everything_of_everybody(ask: Ask, account: Account, manual_url: str) -> None:
    other = make_account(manual_url)
    for each in (account, other):
        each.personalize.create_dataset_group(name="films")
        each.schema()
    assert ask("POST", "reset") == (200, {"removed": 4})
    assert names(account) == names(other) == set()
    assert account.personalize.list_schemas()["schemas"] == []


def test_reset_of_an_account_leaves_the_others(ask: Ask, account: Account, manual_url: str) -> None:
    abroad, other = make_account(manual_url, "eu-west-1", account.number), make_account(manual_url)
    for each in (account, abroad, other):
        each.personalize.create_dataset_group(name="films")
    assert ask("POST", "reset", {"account": account.number}) == (200, {"removed": 2})
    assert (names(account), names(abroad), names(other)) == (set(), set(), {"films"})
    assert ask("POST", "reset", {"account": account.number}) == (200, {"removed": 0})


def test_reset_of_a_dataset_group_takes_what_is_below_it_and_nothing_else(ask: Ask, account: Account) -> None:
    groups = {
        name: account.personalize.create_dataset_group(name=name)["datasetGroupArn"] for name in ("films", "books")
    }
    schema = account.schema()
    ask("POST", "clock", {"seconds": 1000})
    for group in groups.values():
        account.personalize.create_dataset(
            name="rows", datasetGroupArn=group, schemaArn=schema, datasetType="Interactions"
        )
    assert ask("POST", "reset", {"datasetGroupArn": groups["films"]}) == (200, {"removed": 2})
    assert names(account) == {"books"}
    assert [each["datasetArn"] for each in account.personalize.list_datasets()["datasets"]] == [
        account.arn("dataset/books/INTERACTIONS")
    ]
    assert len(account.personalize.list_schemas()["schemas"]) == 1
    account.personalize.create_dataset_group(name="films")  # the name is free again


@pytest.mark.parametrize(
    "body",
    [
        {"account": None},
        {"account": 123456789012},
        {"acount": "123456789012"},
        {"datasetGroupArn": ""},
        {"datasetGroupArn": "arn:aws:personalize:us-east-1:123456789012:dataset-group/none"},
        {"account": "123456789012", "datasetGroupArn": "arn:aws:personalize:us-east-1:123456789012:dataset-group/x"},
        b"films",
    ],
)
def test_a_reset_that_cannot_be_done_removes_nothing(ask: Ask, account: Account, body: Any) -> None:
    account.personalize.create_dataset_group(name="films")
    status, answer = ask("POST", "reset", body)
    assert 400 <= status < 500
    assert answer["error"]
    assert names(account) == {"films"}


def test_no_foreign_page_can_reset(ask: Ask, account: Account) -> None:
    account.personalize.create_dataset_group(name="films")
    for foreign in ({"Host": "films.example"}, {"Origin": "https://films.example"}):
        assert ask("POST", "reset", None, **foreign)[0] == 403
    assert names(account) == {"films"}


# Requests


def test_requests_are_noted_with_what_came_of_them(ask: Ask, account: Account) -> None:
    arn = account.personalize.create_dataset_group(name="films")["datasetGroupArn"]
    with refused("ResourceAlreadyExistsException"):
        account.personalize.create_dataset_group(name="films")
    account.describe("dataset_group", arn)
    status, answer = ask("GET", "requests")
    created, again, described = answer["requests"]
    assert status == 200
    assert (
        created.items()
        >= {
            "operation": "CreateDatasetGroup",
            "parameters": {"name": "films"},
            "account": account.number,
            "region": "us-east-1",
            "status": 200,
            "error": None,
        }.items()
    )
    assert (again["status"], again["error"]) == (400, "ResourceAlreadyExistsException")
    assert again["message"] == f"Another resource with Arn {arn} already exists."
    assert described["parameters"] == {"datasetGroupArn": arn}
    assert all(0 < each["milliseconds"] < 60_000 for each in answer["requests"])
    assert created["time"][:10] == ask("GET", "clock")[1]["time"][:10]


def test_requests_are_chosen_by_operation_and_account(ask: Ask, account: Account, manual_url: str) -> None:
    other = make_account(manual_url)
    for each in (account, other):
        names(each)
        each.personalize.list_schemas()
    found = ask("GET", f"requests?operation=ListSchemas&account={other.number}")[1]["requests"]
    assert [(each["operation"], each["account"]) for each in found] == [("ListSchemas", other.number)]
    assert len(ask("GET", "requests?operation=ListSchemas")[1]["requests"]) == 2
    assert ask("GET", "requests?operation=ListFilters")[1] == {"requests": []}
    status, answer = ask("GET", "requests?operation=ListFilms")
    assert (status, "ListFilters" in answer["error"]) == (400, True)
    status, answer = ask("GET", "requests?verb=List")
    assert (status, "operation" in answer["error"]) == (400, True)


def test_what_is_no_call_at_all_is_noted_too(ask: Ask, account: Account, manual_url: str) -> None:
    for target, body in (("ListFilms", b"{}"), ("ListSchemas", b"{")):
        headers = {"X-Amz-Target": f"AmazonPersonalize.{target}"}
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(f"{manual_url}/", body, headers, method="POST"))
        caught.value.close()
    noted = [(each["operation"], each["parameters"], each["error"]) for each in ask("GET", "requests")[1]["requests"]]
    assert noted == [(None, {}, "UnknownOperationException"), ("ListSchemas", None, "SerializationException")]


def test_no_credential_is_shown(ask: Ask, account: Account) -> None:
    names(account)
    shown = json.dumps([ask("GET", page) for page in ("requests", "settings")])
    assert "Signature" not in shown
    assert "AWS4" not in shown


# Settings, jobs, and pages that are not there


def test_settings_are_shown(ask: Ask) -> None:
    answer = ask("GET", "settings")[1]
    chosen = {"lifecycle": "manual", "limits": "off", "messages": "teach", "transitions": ["campaign=manual:2"]}
    assert answer["settings"].items() >= chosen.items()
    assert answer["temporary"] is True
    assert answer["folder"]


def test_jobs_are_shown_while_they_last(ask: Ask, account: Account) -> None:
    _, dataset = begun(ask, account)
    job = account.begin_import(dataset, account.put(shops.csv(shops.series())))
    (shown,) = ask("GET", "jobs")[1]["jobs"]
    assert (shown["resource"], shown["kind"], shown["progress"]) == (job, "import", 0)
    assert (shown["state"], shown["status"]) == ("waiting", "CREATE PENDING")
    assert (shown["account"], shown["region"]) == tuple(job.split(":")[4:2:-1])
    ask("POST", "clock", {"seconds": 200})
    (shown,) = ask("GET", "jobs")[1]["jobs"]
    assert (shown["state"], shown["progress"]) == ("done", 1)
    ask("POST", "clock", {"seconds": 1000})
    answer = ask("GET", "jobs")[1]
    assert (answer["jobs"], answer["warnings"]) == ([], [])
    (over,) = answer["over"]
    assert (over["resource"], over["kind"], over["status"]) == (job, "import", "ACTIVE")


def test_a_failed_job_says_why_when_it_is_over(ask: Ask, account: Account) -> None:
    _, dataset = begun(ask, account)
    job = account.begin_import(dataset, account.put("USER_ID,ITEM_ID\na,b\n"))
    ask("POST", "clock", {"seconds": 2000})
    (over,) = ask("GET", "jobs")[1]["over"]
    assert (over["resource"], over["status"]) == (job, "CREATE FAILED")
    assert "missing" in over["failureReason"]


def test_the_status_has_what_is_in_a_dataset_group(ask: Ask, account: Account) -> None:
    group, dataset = begun(ask, account)
    account.begin_import(dataset, account.put(shops.csv(shops.series())))
    ask("POST", "clock", {"seconds": 2000})
    (shown,) = ask("GET", "status")[1]["datasetGroups"]
    assert (shown["arn"], shown["account"]) == (group, group.split(":")[4])
    (data,) = shown["datasets"]
    assert (data["arn"], data["status"]) == (dataset, "ACTIVE")
    assert data["importedRows"] == len(shops.csv(shops.series()).splitlines()) - 1
    assert ask("GET", "status?region=eu-west-3")[1]["datasetGroups"] == []
    assert ask("GET", "status?account=000000000000")[1]["datasetGroups"] == []
    assert len(ask("GET", f"status?account={shown['account']}&region={shown['region']}")[1]["datasetGroups"]) == 1


PAGES = {"reset": "POST", "requests": "GET", "settings": "GET", "jobs": "GET", "status": "GET"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("page", [*PAGES, "", "films", "reset/x", "%ff"])
def test_pages_that_are_not_there_say_so_in_json(usual: Ask, method: str, page: str) -> None:
    if PAGES.get(page) == method:
        method = "PATCH"
    status, answer = usual(method, page)
    assert status == (405 if page in PAGES else 404)
    assert answer["error"]


# Set-up files


def test_reset_does_the_set_up_again(mode: str, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("setup") / "setup.json"
    file.write_text(json.dumps({"buckets": ["films"], "dataset_groups": ["films"]}))
    url = servers.url("--setup", str(file))
    account, ask = make_account(url, number="123456789012"), asker(url)
    assert names(account) == {"films"}
    account.personalize.create_dataset_group(name="other")
    assert ask("POST", "reset", {"setup": True}) == (200, {"removed": 2})
    assert names(account) == {"films"}
    file.write_text("{")
    status, answer = ask("POST", "reset", {"setup": True})
    assert (status, "setup.json, line 1" in answer["error"]) == (400, True)


def test_without_a_set_up_file_reset_cannot_do_it_again(ask: Ask, account: Account) -> None:
    account.personalize.create_dataset_group(name="films")
    status, answer = ask("POST", "reset", {"setup": True})
    assert (status, "--setup" in answer["error"]) == (400, True)
    assert names(account) == {"films"}
    assert ask("POST", "reset", {"setup": 1})[0] == 400
