"""What an import refuses that no client test can afford to upload."""

from collections.abc import Iterator
from typing import Any

import pytest
import shops
from accounts import Account

from fakepersonalize import mock_personalize
from fakepersonalize.jobs import import_dataset

ROWS = shops.csv(shops.series())
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
