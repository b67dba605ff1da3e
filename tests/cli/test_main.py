"""Flags become settings, and what cannot be done is said in one sentence."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from fakepersonalize import __version__, server
from fakepersonalize.cli.main import main
from fakepersonalize.settings import ENVIRONMENT_PREFIX, Settings

# A value for each flag of `serve`, as it is written and as it is meant.
GIVEN: dict[str, tuple[list[str], Any]] = {
    "host": (["--host", "0.0.0.0"], "0.0.0.0"),
    "port": (["--port", "0"], 0),
    "port_file": (["--port-file", "port"], "port"),
    "data_dir": (["--data-dir", "data"], "data"),
    "setup": (["--setup", "setup.yaml"], "setup.yaml"),
    "setup_account": (["--setup-account", "111111111111"], "111111111111"),
    "setup_region": (["--setup-region", "eu-west-1"], "eu-west-1"),
    "allow_host": (["--allow-host", "a.test", "--allow-host", "b.test"], ("a.test", "b.test")),
    "lifecycle": (["--lifecycle", "manual"], "manual"),
    "classroom_factor": (["--classroom-factor", "600"], 600.0),
    "transitions": (
        ["--transitions", "campaign=manual:2", "--transitions", "schema=time:5"],
        ("campaign=manual:2", "schema=time:5"),
    ),
    "step_seconds": (["--step-seconds", "0.5"], 0.5),
    "clock_start": (["--clock-start", "2026-01-31T12:00:00Z"], "2026-01-31T12:00:00Z"),
    "limits": (["--limits", "off"], "off"),
    "rates": (["--rates", "aws"], "aws"),
    "s3_endpoint": (["--s3-endpoint", "http://localhost:9000"], "http://localhost:9000"),
    "iam": (["--iam", "enforce"], "enforce"),
    "messages": (["--messages", "aws"], "aws"),
    "seed": (["--seed", "42"], 42),
    "train_threads": (["--train-threads", "3"], 3),
    "loaded_models": (["--loaded-models", "2"], 2),
    "loaded_megabytes": (["--loaded-megabytes", "64"], 64),
    "lags": (["--lags", "aws"], "aws"),
    "token": (["--admin-token", "secret"], "secret"),
    "explainable": (["--explainable", "10"], 10),
    "auto_training": (["--auto-training", "clock"], "clock"),
    "quiet": (["--quiet"], True),
}


@pytest.fixture(autouse=True)
def _without_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in fields(Settings):
        monkeypatch.delenv(ENVIRONMENT_PREFIX + field.name.upper(), raising=False)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that `serve` would have been started with."""
    settings: list[Settings] = []
    monkeypatch.setattr(server, "serve", settings.append)
    return settings


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what was said on standard error, which must be one sentence."""
    said = capsys.readouterr().err
    assert said.startswith("fakepersonalize: ")
    assert said.endswith(".\n")
    assert said.count("\n") == 1
    return said


def test_every_setting_of_a_server_is_a_flag() -> None:
    assert set(GIVEN) == {field.name for field in fields(Settings)} - {"in_process"}


@pytest.mark.parametrize("name", GIVEN)
def test_a_flag_sets_its_setting_and_no_other(name: str, served: list[Settings]) -> None:
    arguments, meant = GIVEN[name]
    assert main(["serve", *arguments]) == 0
    assert served == [Settings(**{name: meant})]


def test_a_flag_goes_before_the_environment(served: list[Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKEPERSONALIZE_PORT", "1")
    monkeypatch.setenv("FAKEPERSONALIZE_SEED", "2")
    main(["serve", "--port", "3"])
    assert served == [Settings(port=3, seed=2)]


def test_a_taken_port_is_named(taken_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", str(taken_port)]) == 1
    assert f"Port {taken_port} of 127.0.0.1 is in use" in refusal(capsys)


def test_an_address_of_another_machine_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", "0", "--host", "192.0.2.1"]) == 1  # for documentation only, nobody's
    assert "Cannot listen on port 0 of 192.0.2.1: " in refusal(capsys)


def test_a_data_folder_in_use_is_named_with_the_process_that_has_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with server.running(Settings(port=0, data_dir=str(tmp_path))):
        assert main(["serve", "--port", "0", "--data-dir", str(tmp_path)]) == 1
    said = refusal(capsys)
    assert str(tmp_path) in said
    assert str(os.getpid()) in said


def test_a_file_in_the_place_of_the_data_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "data"
    file.touch()
    assert main(["serve", "--port", "0", "--data-dir", str(file)]) == 1
    assert str(file) in refusal(capsys)


def test_a_data_folder_with_a_foreign_database_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "metadata.db").write_text("no database, but long enough to be taken for one" * 9)
    assert main(["serve", "--port", "0", "--data-dir", str(tmp_path)]) == 1
    assert "not a database" in refusal(capsys)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PORT", "many", "FAKEPERSONALIZE_PORT='many'"),
        ("PORT", "70000", "not 70000"),
        ("LIMITS", "some", "not 'some'"),
        ("S3_ENDPOINT", "localhost:9000", "s3_endpoint must be a URL such as http://localhost:9000"),
        ("SEED", "-1", "seed must not be negative"),
        ("TRAIN_THREADS", "0", "train_threads must be at least 1"),
        ("STEP_SECONDS", "soon", "FAKEPERSONALIZE_STEP_SECONDS='soon'"),
        ("CLASSROOM_FACTOR", "0", "classroom_factor must be a positive number"),
        ("TRANSITIONS", "campaign=soon", "'campaign=soon' is no transition"),
        ("TRANSITIONS", "schema=manual:2, films=immediate", "'films=immediate' names no kind"),
        ("LIFECYLE", "manual", "FAKEPERSONALIZE_LIFECYLE is no setting, but FAKEPERSONALIZE_LIFECYCLE is."),
        ("DATADIR", "data", "FAKEPERSONALIZE_DATADIR is no setting, but FAKEPERSONALIZE_DATA_DIR is."),
    ],
)
def test_a_bad_variable_of_the_environment_is_refused(
    variable: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(ENVIRONMENT_PREFIX + variable, value)
    assert main(["serve"]) == 1
    assert said in refusal(capsys)


@pytest.mark.parametrize("name", ["MOVIELENS", "FAST_SLEEP", "CALLS", "SHIMS", "KILL_SEED", "IMAGE", "URL", "VERSION"])
def test_a_variable_for_another_purpose_is_left_alone(
    name: str, served: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVIRONMENT_PREFIX + name, "1")
    assert main(["serve"]) == 0
    assert served == [Settings()]


@pytest.mark.parametrize("arguments", [[], ["fly"], ["serve", "--lifecycle", "fast"], ["serve", "--port", "many"]])
def test_wrong_arguments_are_answered_with_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("usage: fakepersonalize")


@pytest.mark.parametrize("command", ["serve", "env", "demo", "exec", "notebook", "data", "snapshot"])
def test_help_can_be_printed(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(SystemExit):
        main([command, "--help"])
    assert f"usage: fakepersonalize {command}" in capsys.readouterr().out


def test_the_package_runs_as_a_program(run: Any) -> None:
    assert run("-m", "fakepersonalize", "--version").stdout == f"fakepersonalize {__version__}\n"


@pytest.mark.parametrize("module", ["fakepersonalize", "fakepersonalize.cli.main"])
def test_importing_loads_nothing_heavy(module: str, run: Any) -> None:
    ran = run("-c", f"import sys, json, {module}; print(json.dumps(list(sys.modules)))")
    heavy = {"moto", "pandas", "scipy", "implicit", "numpy", "boto3", "botocore", "pyarrow", "flask", "rich"}
    assert not heavy & set(json.loads(ran.stdout))


@pytest.mark.parametrize("arguments", [["env", "--port", "7377"], ["lint", "--schema", "/dev/null"]])
def test_a_reader_that_has_seen_enough_ends_a_command_quietly(arguments: list[str]) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "fakepersonalize", *arguments]
    try:
        ended = subprocess.run(command, stdout=writes, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writes)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_letters_that_the_output_cannot_show_do_no_harm(run: Any) -> None:
    ran = run(
        "-c",
        "from fakepersonalize.cli import main\nmain.lines = lambda *_: ['\\u017d']\nmain.main(['env'])",
        PYTHONIOENCODING="ascii",
    )
    assert (ran.stdout, ran.stderr) == ("?\n", "")


def test_nothing_is_imported_from_the_current_directory(tmp_path: Path) -> None:
    for module in ("queue", "json", "numpy", "argparse"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('executed')", "utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "fakepersonalize", "--version"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
