"""`fakepersonalize lint`: what it prints, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import shops

from fakepersonalize.cli.main import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "users.json").write_text(shops.USERS)
    (tmp_path / "good.csv").write_text("USER_ID,AGE\nu1,1\n")
    (tmp_path / "odd.csv").write_text("user_id,AGE\nu1,1\n")
    (tmp_path / "bad.csv").write_text("USER_ID,AGE\n" + "u1,old\n" * 5)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["good.csv"], 0),
        (["odd.csv"], 0),
        (["odd.csv", "--strict"], 1),
        (["good.csv", "bad.csv"], 1),
        ([], 0),
        (["none.csv"], 2),
        (["good.csv", "--type", "ITEMS"], 1),
        (["good.csv", "--type", "users"], 0),
        (["good.csv", "--domain", "ECOMMERCE"], 0),
        (["good.csv", "--payload", "PutEvents"], 1),
        (["--most", "2", "bad.csv"], 1),
    ],
)
def test_the_exit_status_says_what_was_found(folder: Path, arguments: list[str], status: int) -> None:
    assert main(["lint", "--schema", "users.json", *arguments]) == status


def test_files_that_cannot_be_read_are_no_findings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "good.csv", "--schema", "none.json"]) == 2
    assert main(["lint", "good.csv"]) == 2
    assert main(["lint", str(folder), "--schema", "users.json"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "fakepersonalize: none.json cannot be read: No such file or directory."
    assert "--schema" in said[1]
    assert "Is a directory" in said[2]


def test_findings_are_printed_with_their_fixes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["lint", "bad.csv", "--schema", "users.json"])
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "bad.csv:2: error: AGE: Invalid value for column AGE at line 2. [type]"
    assert said[1].startswith("    why: a whole number of 32 bits")
    assert said[2].startswith("    fix: ")
    assert said[-1] == "5 errors, 0 warnings"


def test_what_a_file_says_does_not_command_the_terminal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "hostile.csv").write_text("USER\x1b_ID,AGE\nu1,1\n")
    main(["lint", "hostile.csv", "--schema", "users.json"])
    assert "\x1b" not in capsys.readouterr().out


def test_json_is_an_object_on_each_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["lint", "bad.csv", "--schema", "users.json", "--json", "--most", "3"])
    *found, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert summary == {"errors": 3, "warnings": 0, "more": True}
    assert [each["line"] for each in found] == [2, 3, 4]
    assert found[0].keys() == {"file", "rule", "text", "fix", "why", "line", "column", "value", "level"}


def test_input_of_batch_jobs_needs_no_schema(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "in.json").write_text('{"userId": "1"}\n{"itemId": "1"}\n')
    assert main(["lint", "in.json", "--batch", "aws-user-personalization"]) == 1
    assert "in.json:2: error: Required fields for the provided recipe are userId" in capsys.readouterr().out
    assert main(["lint", "in.json", "--batch", "aws-nothing"]) == 2
    assert main(["lint", "none.json", "--batch", "aws-sims"]) == 2
