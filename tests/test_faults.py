"""Which rule strikes which event: matching only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest

from fakepersonalize import mock_personalize
from fakepersonalize.faults import MOST_RULES, Event, Faults

OPERATIONS = ("CreateCampaign", "CreateDatasetImportJob", "GetRecommendations", "PutEvents")
CODES = ("AccessDeniedException", "ThrottlingException")
ARN = "arn:aws:personalize:us-east-1:123456789012:campaign/films"


class Now:
    time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def faults(now: Now) -> Faults:
    return Faults(now, 0, lambda: OPERATIONS, CODES, {ARN: 2.0}.get)


def event(operation: str = "GetRecommendations", account: str = "123456789012", about: bytes = b"") -> Event:
    return Event(operation, account, [ARN], about)


def struck(faults: Faults, of: Event) -> list[str | None]:
    return [rule.error for rule in faults.striking(of)]


@pytest.mark.parametrize(
    ("rule", "strikes"),
    [
        ({}, True),
        ({"operation": "GetRecommendations"}, True),
        ({"operation": "Get*"}, True),
        ({"operation": "PutEvents"}, False),
        ({"resource": ARN}, True),
        ({"resource": "*campaign/f*"}, True),
        ({"resource": "*campaign/books"}, False),
        ({"account": "123456789012"}, True),
        ({"account": "222222222222"}, False),
        ({"probability": 0}, False),
        ({"after": 1}, False),
        ({"until": 1}, True),
        ({"operation": "Get*", "account": "222222222222"}, False),
    ],
)
def test_a_rule_strikes_where_all_its_conditions_hold(faults: Faults, rule: dict[str, Any], strikes: bool) -> None:
    faults.add(error="ThrottlingException", **rule)
    assert struck(faults, event()) == ["ThrottlingException"] * strikes


def test_a_rule_holds_for_its_time_and_its_number_of_strikes(faults: Faults, now: Now) -> None:
    faults.add(error="ThrottlingException", after=10, until=20, count=2)
    found = []
    for now.time in (1005, 1010, 1019, 1019.5, 1020):
        found.append(len(struck(faults, event())))
    assert found == [0, 1, 1, 0, 0]
    assert faults.rules()[0]["struck"] == 2


def test_above_counts_the_calls_of_a_second(faults: Faults, now: Now) -> None:
    faults.add(above=3)
    assert [len(struck(faults, event())) for _ in range(5)] == [0, 0, 0, 1, 1]
    now.time += 1
    assert struck(faults, event()) == []


def test_above_what_is_provisioned_counts_each_resource_by_its_own(faults: Faults) -> None:
    faults.add(above="minProvisionedTPS")
    other = Event("GetRecommendations", "123456789012", ["arn:of-something-that-provisions-nothing"])
    assert [len(struck(faults, event())) for _ in range(4)] == [0, 0, 1, 1]
    assert [len(struck(faults, other)) for _ in range(4)] == [0, 0, 0, 0]


def test_luck_is_the_same_with_the_same_seed_whatever_the_order_of_threads(now: Now) -> None:
    def drawn(seed: int | None, order: list[int]) -> dict[int, int]:
        faults = Faults(now, seed, lambda: OPERATIONS, CODES)
        faults.add(error="ThrottlingException", probability=0.3)
        with ThreadPoolExecutor(4) as pool:
            return dict(zip(order, pool.map(lambda n: len(struck(faults, event(about=b"%d" % n))), order)))

    users = list(range(400))
    found = drawn(5, users)
    assert found == drawn(5, users[::-1]) != drawn(6, users)
    assert 60 < sum(found.values()) < 180
    assert drawn(None, users) != drawn(None, users)


def test_rules_strike_in_their_order_and_who_stops_spares_the_rest(faults: Faults) -> None:
    for code in ("ThrottlingException", "AccessDeniedException"):
        faults.add(error=code, count=1)
    assert next(faults.striking(event())).error == "ThrottlingException"
    assert [rule["struck"] for rule in faults.rules()] == [1, 0]
    assert struck(faults, event()) == ["AccessDeniedException"]


def test_a_rule_about_events_strikes_nothing_else(faults: Faults) -> None:
    faults.add(lost=True)
    assert list(faults.striking(event())) == []
    assert len(list(faults.striking(event("PutEvents")))) == 1


def test_what_a_rule_holds_is_told_when_it_goes(faults: Faults, now: Now) -> None:
    number = faults.add(stuck=True, count=1)["number"]
    born = Event("CreateCampaign", "123456789012", [ARN])
    assert faults.stuck(born, ARN) == float("inf")
    assert faults.stuck(born, ARN) == float("inf")  # it is the same one, not a second
    assert faults.stuck(born, "another") is None
    assert faults.remove(number) == {ARN}
    assert faults.stuck(born, ARN) is None
    faults.add(stuck=True, until=30)
    assert faults.stuck(born, ARN) == now.time + 30
    now.time += 30
    assert faults.stuck(born, ARN) is None


def test_stale_filters_are_those_of_an_account(faults: Faults) -> None:
    number = faults.add(stale=True, account="123456789012")["number"]
    assert faults.stale("arn:aws:personalize:us-east-1:123456789012:dataset-group/films") == number
    assert faults.stale("arn:aws:personalize:us-east-1:210987654321:dataset-group/films") is None


def test_rules_are_removed_by_number_by_account_or_all(faults: Faults) -> None:
    numbers = [faults.add(cut=True, account=account)["number"] for account in ("1" * 12, "2" * 12, "2" * 12)]
    faults.remove(account="2" * 12)
    assert [rule["number"] for rule in faults.rules()] == numbers[:1]
    with pytest.raises(LookupError, match=r"There is no rule 99\."):
        faults.remove(99)
    faults.remove()
    assert not faults


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({}, "A rule has one of error, cut"),
        ({"error": "ThrottlingException", "cut": True}, "A rule has one of"),
        ({"fails": "no", "latency": 1}, "A rule has one of"),
        ({"operation": "Get*"}, "A rule has one of"),
        ({"cut": True, "message": "no"}, "message only goes with error"),
        ({"colour": "red", "cut": True}, "There is no 'colour' in a rule"),
        ({"error": "Throttling"}, "There is no error 'Throttling'"),
        ({"error": ""}, "error must be a text"),
        ({"error": None}, "error must be a text"),
        ({"error": "x" * 1001}, "error must be a text"),
        ({"cut": 1}, "cut must be true or false"),
        ({"cut": True, "probability": 1.5}, "probability must lie between 0 and 1"),
        ({"cut": True, "probability": float("nan")}, "probability must lie between"),
        ({"cut": True, "probability": True}, "probability must be a number"),
        ({"cut": True, "count": 1.5}, "count must be a whole number"),
        ({"cut": True, "count": 0}, "count must lie between"),
        ({"cut": True, "after": -1}, "after must lie between"),
        ({"above": "much"}, "above must be a number or minProvisionedTPS"),
        ({"above": 5, "cut": True}, "A rule has one of"),
        ({"latency": 1e9}, "latency must lie between 0 and 300"),
        ({"cut": True, "operation": "GetRecomendations"}, "matches no operation"),
        ({"lost": True, "operation": "Get*"}, "matches no operation"),
        ({"row": 3, "operation": "CreateCampaign"}, "matches no operation"),
        ({"fails": "no", "operation": "GetRecommendations"}, "matches no operation"),
        ({"fails": "no", "operation": "DeleteCampaign"}, "matches no operation"),
        ({"fails": "no", "operation": "CreateSolution"}, "matches no operation"),
        ({"stuck": True, "operation": "CreateSchema"}, "matches no operation"),
        ({"cut": True, "after": 5, "until": 5}, "until must be later than after"),
        ({"cut": True, "until": 0}, "until must be later than after"),
        ({"cut": True, "account": "12"}, "account must have twelve digits"),
        ({"stale": True, "count": 1}, "stale goes with resource"),
        ({"stale": True, "operation": "GetRecommendations"}, "stale goes with resource"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_a_sentence(faults: Faults, rule: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        faults.add(**rule)
    assert not faults


def test_there_are_not_endlessly_many_rules(faults: Faults) -> None:
    for _ in range(MOST_RULES):
        faults.add(cut=True)
    with pytest.raises(ValueError, match="remove some"):
        faults.add(cut=True)


def test_a_restart_forgets_rules_and_lets_go_of_what_they_held(tmp_path: Path) -> None:
    client = boto3.client("personalize", "us-east-1")
    with mock_personalize(data_dir=str(tmp_path)) as emulator:
        emulator.fail(operation="CreateDatasetGroup", stuck=True)
        arn = client.create_dataset_group(name="films")["datasetGroupArn"]
        assert client.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]["status"] == "CREATE IN_PROGRESS"
    with mock_personalize(data_dir=str(tmp_path)) as emulator:
        assert emulator.faults() == []
        assert client.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]["status"] == "ACTIVE"


def test_the_manual_clock_ends_what_a_rule_holds_for_a_time() -> None:
    client = boto3.client("personalize", "us-east-1")
    with mock_personalize(lifecycle="manual", step_seconds=0) as emulator:
        emulator.fail(operation="CreateDatasetGroup", stuck=True, until=3600)
        arn = client.create_dataset_group(name="films")["datasetGroupArn"]
        found = []
        for minutes in (0, 59, 2):
            emulator.advance(minutes=minutes)
            found.append(client.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"])
    assert [each["status"] for each in found] == ["CREATE IN_PROGRESS", "CREATE IN_PROGRESS", "ACTIVE"]
    assert (found[2]["lastUpdatedDateTime"] - found[2]["creationDateTime"]).total_seconds() == 3600
