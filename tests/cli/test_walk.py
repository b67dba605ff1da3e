"""The demo waits for what it creates, and says why it cannot go on."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from fakepersonalize.cli import walk
from fakepersonalize.cli.films import Films
from fakepersonalize.cli.steps import Steps
from fakepersonalize.cli.walk import Walk, WayBlocked


class Stub:
    """A client whose dataset groups go through a list of statuses; other calls do nothing."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = list(statuses)

    def create_dataset_group(self, name: str) -> dict[str, Any]:
        return {"datasetGroupArn": f"arn:{name}"}

    def describe_dataset_group(self, datasetGroupArn: str) -> dict[str, Any]:  # noqa: N803 - AWS's word
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return {"datasetGroup": {"status": status, "failureReason": "no room"}}

    def create_schema(self, **_: str) -> dict[str, Any]:
        raise StopIteration  # the dataset group was waited for

    def create_role(self, **_: str) -> dict[str, Any]:
        return {"Role": {"Arn": "arn:role"}}

    def __getattr__(self, name: str) -> Any:
        return lambda **_: {}


def go(stub: Stub) -> None:
    with Steps(Console(file=io.StringIO())) as steps:
        Walk(stub, stub, stub, steps).go(Films())


def test_it_waits_until_a_resource_is_active(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "POLL_SECONDS", 0)
    stub = Stub("CREATE PENDING", "CREATE IN_PROGRESS", "ACTIVE")
    with pytest.raises(StopIteration):
        go(stub)
    assert stub.statuses == ["ACTIVE"]


def test_it_ends_when_a_resource_fails() -> None:
    with pytest.raises(WayBlocked, match="arn:films ended as CREATE FAILED: no room"):
        go(Stub("CREATE FAILED"))


def test_its_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "PATIENCE_SECONDS", -1)
    with pytest.raises(WayBlocked, match="arn:films is still CREATE PENDING"):
        go(Stub("CREATE PENDING"))
