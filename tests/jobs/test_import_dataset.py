"""What an import refuses that no client test can afford to upload."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import shops
from accounts import Account, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from fakepersonalize import mock_personalize
from fakepersonalize.errors import NO_DATA, NO_OBJECTS, NOT_CSV, taught
from fakepersonalize.jobs import import_dataset
from fakepersonalize.neighbours import Neighbours

ROWS = shops.csv(shops.series())
numbers = itertools.count()
Job = dict[str, Any]


@pytest.fixture(params=["aws", "off"])
def limits(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def account(limits: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setattr(import_dataset, "IMPORT_BYTES", {"FULL": len(ROWS), "INCREMENTAL": len(ROWS) - 1})
    with mock_personalize(limits=limits):
        yield Account("123456789012")


def test_an_import_can_be_as_large_as_its_mode_allows_and_no_larger(account: Account, limits: str) -> None:
    dataset = account.dataset(account.group(), account.schema())
    account.put(ROWS, "rows/1.csv")
    full = account.import_rows(dataset, account.put("", "rows/"), "full")
    assert full["status"] == "ACTIVE"
    more = account.import_rows(dataset, account.put(ROWS, "rows.csv"), "more", importMode="INCREMENTAL")
    account.put(f"{shops.HEADER}\nu,i,1600000000\n", "rows/2.csv")
    again = account.import_rows(dataset, account.put("", "rows/"), "again")
    assert [more["status"], again["status"]] == ["CREATE FAILED" if limits == "aws" else "ACTIVE"] * 2
    if limits == "aws":
        assert more["failureReason"].startswith("The data of one INCREMENTAL import job cannot be larger than")
        assert "--limits off" in again["failureReason"]


def test_nobody_waits_for_s3_while_a_location_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that holds the one transaction would keep every other call waiting for an S3 that does not answer."""
    waited = []
    ask = Neighbours.objects

    def slow(self: Neighbours, *place: Any) -> Any:
        waited.append(emulator.database.current)
        return ask(self, *place)

    monkeypatch.setattr(Neighbours, "objects", slow)
    with mock_personalize(limits="off") as emulator:
        account = Account("123456789012")
        dataset = account.dataset(account.group(), account.schema())
        assert account.import_rows(dataset, account.put(ROWS))["status"] == "ACTIVE"
        with refused("InvalidInputException", "NoSuchKey"):
            account.begin_import(dataset, account.put(ROWS) + "2", "other")
        with refused("ResourceNotFoundException"):
            account.begin_import(dataset.replace("shop", "none"), "s3://none/none.csv", "nothing")
    assert len(waited) == 4
    assert not any(waited)


def test_times_in_milliseconds_are_taken_and_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with mock_personalize(limits="off") as emulator:
        account = Account("123456789012")
        dataset = account.dataset(account.group(), account.schema())
        job = account.import_rows(dataset, account.put(f"{shops.HEADER}\nu,i,1600000000000\n"))
        assert job["status"] == "ACTIVE"
        assert "warnings" not in job
        kept = emulator.shelf.find(job["datasetImportJobArn"])
        assert kept is not None
        (warning,) = kept["warnings"]
    assert warning.startswith("TIMESTAMP has values of more than ten digits, as milliseconds have")
    assert f"{job['datasetImportJobArn']}: {warning}" in caplog.messages


def test_objects_of_a_folder_that_are_left_out_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with mock_personalize(limits="off"):
        account = Account("123456789012")
        dataset = account.dataset(account.group(), account.schema())
        for key, text in {"in/1.csv": ROWS, "in/readme.txt": "Read me.", "in/part": ROWS, "in/_SUCCESS": "x"}.items():
            account.put(text, key)
        job = account.import_rows(dataset, account.put("", "in/"))
    assert f"{job['datasetImportJobArn']}: " + NOT_CSV.format(names="part, readme.txt") in caplog.messages


def test_of_many_objects_that_are_left_out_the_first_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with mock_personalize(limits="off"):
        account = Account("123456789012")
        dataset = account.dataset(account.group(), account.schema())
        for number in range(60):
            account.put("x", f"in/{number:02}.txt")
        job = account.import_rows(dataset, account.put(ROWS, "in/1.csv").removesuffix("1.csv"))
    assert job["status"] == "ACTIVE"
    (warning,) = (each for each in caplog.messages if "are left out" in each)
    assert "00.txt, 01.txt" in warning
    assert "59.txt" not in warning
    assert warning.endswith("....")


@pytest.mark.parametrize("key", ["in/deeper/1.csv", "in/_1.csv", "in/"])
def test_a_folder_without_objects_says_which_would_count(key: str) -> None:
    with mock_personalize(limits="off"):
        account = Account("123456789012")
        dataset = account.dataset(account.group(), account.schema())
        location = account.put(ROWS, key).removesuffix(key) + "in/"
        assert account.import_rows(dataset, location)["failureReason"] == taught(NO_DATA, NO_OBJECTS)


@pytest.fixture(scope="module")
def people() -> Iterator[tuple[Account, str]]:
    """An account and a dataset to which anything may be sent."""
    with mock_personalize():
        account = Account("123456789012")
        yield account, account.dataset(account.group(), account.schema("users", shops.USERS), "Users")


rows = st.lists(st.sampled_from(["u1,1\n", '"u,2",2\r\n', "u3,\n", "u4,x\n", '"u5\n', ",5\n", "u6,6"]), max_size=5)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(rows.map(lambda lines: f"USER_ID,AGE\n{''.join(lines)}".encode()) | st.binary(max_size=50))
def test_any_file_ends_active_or_failed_with_a_reason(people: tuple[Account, str], data: bytes) -> None:
    account, dataset = people
    job = account.import_rows(dataset, account.put(data), f"j{next(numbers)}")
    assert job["status"] in ("ACTIVE", "CREATE FAILED")
    assert ("failureReason" in job) == (job["status"] == "CREATE FAILED")
    assert not job.get("failureReason", "").startswith("Internal error")
