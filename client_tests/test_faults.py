"""Faults on demand: what clients see of them, and that nothing else is touched."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import shops
from accounts import Account, session, until
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from markets import GENRES, PERSONAL, Market
from modes import socket_only

MET = 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
ROWS = shops.series(users=40, items=60, each=30)
Fail = Callable[..., int]


@pytest.fixture
def fail(controls: Any, account: Account) -> Iterator[Fail]:
    """Make a rule for the test's account, unless it says otherwise; all of them go with the test."""
    numbers = []

    def make(**rule: Any) -> int:
        numbers.append(controls.fail(**({"account": account.number} | rule)))
        return int(numbers[-1])

    yield make
    for number in {rule["number"] for rule in controls.faults()} & {*numbers}:
        controls.mend(number)


def plain(account: Account, service: str, **config: Any) -> Any:
    """Return a client whose answers need not be what the model promises."""
    return session.client(
        service,
        account.region,
        endpoint_url=account.endpoint,
        aws_access_key_id=account.number,
        aws_secret_access_key="secret",
        config=Config(**({"retries": {"total_max_attempts": 1}} | config)),
    )


def outcome(call: Callable[[], Any]) -> str:
    """Return the error code of a call, OK where there is none."""
    try:
        call()
    except ClientError as refused:
        return str(refused.response["Error"]["Code"])
    return "OK"


def codes(account: Account, calls: int = 3) -> list[str]:
    return [outcome(account.personalize.list_schemas) for _ in range(calls)]


# Calls


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("AccessDeniedException", 403),
        ("InternalFailure", 500),
        ("ServiceUnavailable", 503),
        ("ResourceNotFoundException", 400),
    ],
)
def test_an_operation_answers_the_error_that_a_rule_wants(account: Account, fail: Fail, code: str, status: int) -> None:
    fail(operation="ListSchemas", error=code, message="Not today.")
    with pytest.raises(ClientError) as refused:
        plain(account, "personalize").list_schemas()
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["Error"]["Message"].startswith("Not today.")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert account.personalize.list_solutions()["solutions"] == []


def test_runtime_and_events_fail_as_well(market: Market, fail: Fail) -> None:
    fail(account=market.account.number, error="ThrottlingException", resource="*campaign/*")
    fail(account=market.account.number, error="AccessDeniedException", resource=market.tracking_id)
    with pytest.raises(ClientError, match="Throttling"):
        market.answer(PERSONAL)
    with pytest.raises(ClientError, match="AccessDenied"):
        market.meet("u1", "i12")


def test_after_so_many_strikes_it_works_again(account: Account, fail: Fail) -> None:
    fail(error="ThrottlingException", count=2)
    assert codes(account) == ["ThrottlingException", "ThrottlingException", "OK"]


def test_boto3_retries_what_is_throttled(account: Account, fail: Fail, controls: Any) -> None:
    fail(operation="ListSchemas", error="ThrottlingException", count=1)
    client = plain(account, "personalize", retries={"mode": "standard", "total_max_attempts": 2})
    answer = client.list_schemas()
    assert (answer["schemas"], answer["ResponseMetadata"]["RetryAttempts"]) == ([], 1)
    assert [call["error"] for call in controls.calls("ListSchemas", account.number)] == ["ThrottlingException", None]


def test_other_accounts_are_spared(account: Account, fail: Fail, new_account: Callable[[], Account]) -> None:
    fail(error="AccessDeniedException")
    assert codes(account, 1) + codes(new_account(), 1) == ["AccessDeniedException", "OK"]


def test_a_mended_rule_strikes_no_more(account: Account, fail: Fail, controls: Any) -> None:
    number = fail(error="AccessDeniedException")
    assert codes(account, 1) == ["AccessDeniedException"]
    (rule,) = [rule for rule in controls.faults() if rule["number"] == number]
    assert rule == {
        "number": number,
        "struck": 1,
        "account": account.number,
        "error": "AccessDeniedException",
    }
    controls.mend(number)
    assert codes(account, 1) == ["OK"]
    with pytest.raises(LookupError, match=f"There is no rule {number}"):
        controls.mend(number)


def test_a_cut_connection_has_no_answer(account: Account, fail: Fail, controls: Any) -> None:
    fail(cut=True, count=1)
    with pytest.raises(ConnectionClosedError):
        account.personalize.list_schemas()
    assert codes(account, 1) == ["OK"]
    first = controls.calls(account=account.number)[0]
    assert (first["operation"], first["status"], first["error"]) == ("ListSchemas", 0, "ConnectionCut")


def test_latency_is_part_of_the_call(account: Account, fail: Fail, controls: Any) -> None:
    fail(latency=0.2, count=1)
    assert codes(account, 2) == ["OK", "OK"]
    slow, _ = controls.calls(account=account.number)
    assert slow["milliseconds"] >= 200


def test_a_campaign_is_throttled_above_what_it_provisions(market: Market, fail: Fail) -> None:
    """Campaigns of the market provision one call a second: of many at once, few pass."""
    fail(account=market.account.number, operation="GetRecommendations", above="minProvisionedTPS")
    found = [outcome(lambda: market.answer(PERSONAL, numResults=1)) for _ in range(12)]
    assert set(found) == {"OK", "ThrottlingException"}


# Lives


def test_an_import_fails_at_the_row_that_a_rule_names(account: Account, fail: Fail) -> None:
    dataset = account.dataset(account.group(), account.schema())
    location = account.put(shops.csv(ROWS))
    fail(row=len(ROWS) + 1)
    assert account.import_rows(dataset, location, "longer-than-the-file")["status"] == "ACTIVE"
    fail(row=17, resource="*import-job/short", count=1)
    failed = account.import_rows(dataset, location, "short")
    assert failed["status"] == "CREATE FAILED"
    assert "18" in failed["failureReason"]  # the header is line 1
    assert account.import_rows(dataset, location, "other")["status"] == "ACTIVE"


def test_a_training_fails_for_the_reason_that_a_rule_gives(account: Account, fail: Fail) -> None:
    solution = account.solution(account.shop(ROWS), "aws-popularity-count")
    fail(operation="CreateSolutionVersion", fails="Out of capacity.", count=1)
    failed, trained = account.train(solution), account.train(solution)
    assert (failed["status"], failed["failureReason"]) == ("CREATE FAILED", "Out of capacity.")
    assert trained["status"] == "ACTIVE"


def test_an_update_that_fails_leaves_all_as_it_was(account: Account, fail: Fail) -> None:
    group = account.shop(ROWS)
    old, new = (account.version(account.solution(group, "aws-popularity-count", name)) for name in ("old", "new"))
    campaign = account.campaign(old)
    fail(operation="UpdateCampaign", fails="No luck.", count=1)
    account.campaign(old, "made-meanwhile")
    account.personalize.update_campaign(campaignArn=campaign, solutionVersionArn=new)
    found = until(lambda: _update(account, campaign))
    assert (found["status"], found["solutionVersionArn"]) == ("ACTIVE", old)
    update = found["latestCampaignUpdate"]
    assert (update["status"], update["failureReason"]) == ("CREATE FAILED", "No luck.")
    assert "failureReason" not in found
    account.delete("solution", account.arn("solution/new"))  # the campaign does not use it after all


def test_the_update_of_a_campaign_that_failed_tries_again(account: Account, fail: Fail) -> None:
    version = account.version(account.solution(account.shop(ROWS), "aws-popularity-count"))
    fail(operation="CreateCampaign", fails="No luck.", count=1)
    arn = account.personalize.create_campaign(name="c", solutionVersionArn=version)["campaignArn"]
    assert account.settled("campaign", arn)["status"] == "CREATE FAILED"
    account.personalize.update_campaign(campaignArn=arn, minProvisionedTPS=2)
    found = account.settled("campaign", arn)
    assert (found["status"], found["minProvisionedTPS"]) == ("ACTIVE", 2)
    assert "failureReason" not in found
    assert account.recommended(arn, userId="u1")


def _update(account: Account, campaign: str) -> dict[str, Any] | None:
    """Return what Describe shows of a campaign whose update has failed."""
    found = account.describe("campaign", campaign)
    return found if found["latestCampaignUpdate"]["status"] == "CREATE FAILED" else None


def test_what_needs_no_work_fails_as_well(account: Account, fail: Fail) -> None:
    fail(operation="CreateDatasetGroup", resource="films", fails="Nobody knows why.")
    arn = account.personalize.create_dataset_group(name="films")["datasetGroupArn"]
    found = account.settled("dataset_group", arn)
    assert (found["status"], found["failureReason"]) == ("CREATE FAILED", "Nobody knows why.")
    account.group("books")


def test_a_resource_stays_in_progress_until_the_rule_goes(account: Account, fail: Fail, controls: Any) -> None:
    number = fail(operation="CreateDatasetGroup", stuck=True)
    arn = account.personalize.create_dataset_group(name="films")["datasetGroupArn"]

    def status() -> str:
        return str(account.describe("dataset_group", arn)["status"])

    until(lambda: status() == "CREATE IN_PROGRESS")
    with pytest.raises(ClientError, match="ResourceInUse"):
        account.personalize.create_solution(name="s", datasetGroupArn=arn, recipeArn="arn:aws:personalize:::recipe/x")
    until(lambda: [rule["struck"] for rule in controls.faults() if rule["number"] == number] == [1])
    assert status() == "CREATE IN_PROGRESS"
    controls.mend(number)
    until(lambda: status() == "ACTIVE")


def test_the_clock_releases_what_is_stuck_for_a_time(account: Account, fail: Fail) -> None:
    fail(operation="CreateDatasetGroup", stuck=True, until=0.3)
    account.group("films")  # waits until it is ACTIVE


# Streamed records and filters


def test_lost_events_are_accepted_and_do_not_count(market: Market, fail: Fail, controls: Any) -> None:
    number = fail(account=market.account.number, operation="PutEvents", lost=True)
    market.meet("lost-1", "i12")
    assert market.filtered(MET, userId="lost-1") == []
    with pytest.raises(ClientError, match="tracking"):  # it is still looked at
        market.account.events.put_events(trackingId="none", sessionId="s", eventList=[{"eventType": "x", "sentAt": 1}])
    controls.mend(number)
    market.meet("lost-1", "i13")
    assert market.filtered(MET, userId="lost-1") == ["i13"]


def test_stale_filters_know_nothing_new(market: Market, fail: Fail, controls: Any) -> None:
    cheap = "INCLUDE ItemID WHERE Items.PRICE < 20 AND Items.year > 2900"
    market.meet("stale-1", "i12")
    number = fail(account=market.account.number, resource=market.group, stale=True)
    market.meet("stale-1", "i13")
    market.put_film("i33", price=1.0, year=2999)
    assert market.filtered(MET, userId="stale-1") == ["i12"]
    assert market.filtered(cheap) == []
    controls.mend(number)
    assert sorted(market.filtered(MET, userId="stale-1")) == ["i12", "i13"]
    assert market.filtered(cheap) == ["i33"]
    market.put_film("i33", genres=GENRES[0], price=33.99, year=1933)  # as it was, for the tests that come


# The page


@socket_only
@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"no", "The body must be a JSON object"),
        (b"[]", "The body must be a JSON object"),
        (b"{}", "A rule has one of"),
        (b'{"error": "Nope"}', "There is no error 'Nope'"),
        (b'{"cut": true, "probability": NaN}', "probability must lie between"),
        (b'{"cut": "yes"}', "cut must be true or false"),
        (b'{"__class__": 1}', "There is no '__class__' here"),
        (b'{"latency": 1e300}', "latency must lie between"),
        (b'{"cut": true, "count": ' + b"9" * 5000 + b"}", ""),
    ],
)
def test_the_page_refuses_what_is_no_rule(endpoint: str, body: bytes, sentence: str) -> None:
    request = urllib.request.Request(f"{endpoint}/_fakepersonalize/faults", body, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    with refused.value:
        assert refused.value.code == 400
        assert json.load(refused.value)["error"].startswith(sentence)
