"""`status` shows dataset groups at a glance."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from fakepersonalize.cli.main import main

ARN = "arn:aws:personalize:us-east-1:123456789012:"
VERSION = f"{ARN}solution/films/1a2b3c4d"
METRICS = {
    "coverage": 0.5,
    "mean_reciprocal_rank_at_25": 0.25,
    "normalized_discounted_cumulative_gain_at_25": 0.4756,
    "precision_at_5": 0.125,
    "precision_at_25": 0.0625,
}


def shown(name: str, status: str = "ACTIVE", **more: Any) -> dict[str, Any]:
    return {"name": name, "arn": f"{ARN}x/{name}", "status": status, **more}


FOUND: dict[str, Any] = {
    "version": "0.1.0",
    "lifecycle": "instant",
    "time": "2026-01-01T12:00:00.000+00:00",
    "jobs": 1,
    "datasetGroups": [
        {
            **shown("films", account="123456789012", region="us-east-1", domain="VIDEO_ON_DEMAND"),
            "datasets": [
                shown("rows", datasetType="Interactions", importedRows=100_836),
                shown("films", datasetType="ITEMS", importedRows=1),
            ],
            "eventTrackers": [shown("clicks", trackingId="abc")],
            "filters": [shown("new", filterExpression="INCLUDE ItemID WHERE Items.YEAR > 2000")],
            "solutions": [
                {
                    **shown("films", recipeArn="arn:aws:personalize:::recipe/aws-user-personalization"),
                    "versions": [
                        {**shown("films"), "arn": VERSION, "metrics": METRICS},
                        {**shown("films", "CREATE FAILED", failureReason="Too few users."), "arn": f"{VERSION[:-1]}e"},
                    ],
                }
            ],
            "campaigns": [
                shown(
                    "live",
                    solutionVersionArn=VERSION,
                    latestUpdate={"status": "CREATE FAILED", "failureReason": "It was not to be."},
                )
            ],
            "recommenders": [
                shown(
                    "top",
                    "UPDATE IN_PROGRESS",
                    recipeArn="arn:aws:personalize:::recipe/aws-vod-top-picks",
                    modelMetrics={"coverage": 1.0},
                )
            ],
        },
        {
            **shown("shop", "CREATE PENDING", account="111111111111", region="eu-west-1"),
            **dict.fromkeys(("datasets", "eventTrackers", "filters", "solutions", "campaigns", "recommenders"), ()),
        },
    ],
}


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    pages: list[str] = []

    def ask(server: Any, method: str, page: str) -> dict[str, Any]:
        pages.append(page)
        return FOUND

    monkeypatch.setattr("fakepersonalize.cli.status.ask", ask)
    return pages


def test_each_resource_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    assert [re.split(r" {2,}", line.strip()) for line in capsys.readouterr().out.splitlines()] == [
        ["2 dataset groups"],
        [""],
        ["films", "ACTIVE", "123456789012", "us-east-1", "VIDEO_ON_DEMAND"],
        ["dataset INTERACTIONS", "ACTIVE", "100,836 rows imported"],
        ["dataset ITEMS", "ACTIVE", "1 row imported"],
        ["event tracker clicks", "ACTIVE", "abc"],
        ["filter new", "ACTIVE", "INCLUDE ItemID WHERE Items.YEAR > 2000"],
        ["solution films", "ACTIVE", "user-personalization"],
        ["version 1a2b3c4d", "ACTIVE", "NDCG@25 0.476", "MRR@25 0.250", "P@5 0.125", "coverage 0.500"],
        ["version 1a2b3c4e", "CREATE FAILED", "Too few users."],
        ["campaign live", "CREATE FAILED", "It was not to be.", "films/1a2b3c4d"],
        ["recommender top", "UPDATE IN_PROGRESS", "vod-top-picks", "coverage 1.000"],
        [""],
        ["shop", "CREATE PENDING", "111111111111", "eu-west-1"],
        [""],
        ["1 job under way: fakepersonalize jobs"],
    ]


@pytest.mark.parametrize("columns", [80, 120])
def test_every_line_fits_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["status"]) == 0
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in capsys.readouterr().out.splitlines()]
    assert max(map(len, lines)) <= columns


def test_programs_read_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(FOUND))


def test_the_server_chooses_by_account_and_region(asked: list[str]) -> None:
    assert main(["status", "--account", "123456789012", "--region", "us-east-1"]) == 0
    assert main(["status"]) == 0
    assert asked == ["status?account=123456789012&region=us-east-1", "status?"]


@pytest.mark.parametrize("command", [["jobs"], ["status"], ["explain"], ["snapshot", "load"], ["env"], ["exec"]])
def test_commands_that_ask_a_server_say_that_its_address_is_meant(
    capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "port of the server to talk to" in said
    assert "to listen on" not in said


def test_an_account_without_groups_is_told_that_others_may_have_some(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fakepersonalize.cli.status.ask", lambda *_: FOUND | {"datasetGroups": [], "jobs": 0})
    assert main(["status", "--account", "999999999999"]) == 0
    assert "without --account and --region, all are shown" in capsys.readouterr().out
    assert main(["status"]) == 0
    assert capsys.readouterr().out.strip() == "There are no dataset groups."
