"""`exec` and `notebook` run what they are given against a server, and pass on how it ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import fakepersonalize
from fakepersonalize.cli.asking import RunningServer
from fakepersonalize.cli.main import main
from fakepersonalize.cli.surroundings import of_a_program
from fakepersonalize.server import running
from fakepersonalize.settings import Settings

POSIX = pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")
WAITS = """
import time, boto3
personalize = boto3.client("personalize")
arn = personalize.create_dataset_group(name="films")["datasetGroupArn"]
before, statuses = time.monotonic(), []
while statuses[-1:] != ["ACTIVE"]:
    time.sleep({seconds})
    statuses.append(personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]["status"])
print(arn, len(statuses), time.monotonic() - before < 20)
"""


@pytest.fixture(autouse=True)
def _somebodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lead every program elsewhere that does not get an environment of its own."""
    monkeypatch.setenv("PYTHONPATH", str(Path(fakepersonalize.__file__).parents[1]))
    for name, value in {
        "AWS_PROFILE": "mine",
        "AWS_ENDPOINT_URL_PERSONALIZE": "http://127.0.0.1:9",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_SESSION_TOKEN": "mine",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)


def script(folder: Path, text: str) -> str:
    (folder / "script.py").write_text(text, "utf-8")
    return str(folder / "script.py")


def test_a_program_reaches_a_server_of_its_own(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["exec", "--step-seconds", "0", "--", sys.executable, script(tmp_path, WAITS.format(seconds=0.05))]) == 0
    )
    said = capfd.readouterr()
    assert said.out.startswith("arn:aws:personalize:us-east-1:123456789012:dataset-group/films")
    assert said.err.startswith("fakepersonalize: http://127.0.0.1:")


def test_fast_sleep_moves_the_clock_and_takes_no_time(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "exec",
        "--fast-sleep",
        "--region",
        "eu-west-1",
        sys.executable,
        script(tmp_path, WAITS.format(seconds=20)),
    ]
    assert main(arguments) == 0
    assert capfd.readouterr().out == "arn:aws:personalize:eu-west-1:123456789012:dataset-group/films 3 True\n"


def test_a_server_that_runs_already_is_used(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with running(Settings(port=0, lifecycle="manual")) as server:
        arguments = ["exec", "--fast-sleep", "--port", str(server.port), sys.executable]
        assert main([*arguments, script(tmp_path, WAITS.format(seconds=30))]) == 0
        assert main([*arguments, "-c", "import boto3; print(boto3.client('personalize').list_dataset_groups())"]) == 0
    assert "dataset-group/films" in capfd.readouterr().out.splitlines()[-1]


def test_a_server_that_wants_a_token_gets_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FAKEPERSONALIZE_TOKEN", raising=False)
    text = script(tmp_path, WAITS.format(seconds=30))
    with running(Settings(port=0, host="0.0.0.0", token="secret", lifecycle="manual")) as server:
        arguments = ["exec", "--fast-sleep", "--port", str(server.port)]
        assert main([*arguments, sys.executable, text]) == 1
        assert "Bearer TOKEN" in capfd.readouterr().err
        assert main([*arguments, "--admin-token", "secret", sys.executable, text]) == 0
        assert capfd.readouterr().out.endswith("dataset-group/films 2 True\n")


def test_a_server_that_starts_for_the_purpose_and_listens_widely_lets_its_program_in(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FAKEPERSONALIZE_TOKEN", raising=False)
    monkeypatch.setenv("FAKEPERSONALIZE_HOST", "0.0.0.0")
    assert main(["exec", "--fast-sleep", sys.executable, script(tmp_path, WAITS.format(seconds=30))]) == 0
    assert capfd.readouterr().out.endswith("dataset-group/films 2 True\n")


def test_a_clock_that_moves_by_itself_is_no_match_for_fast_sleep(capsys: pytest.CaptureFixture[str]) -> None:
    with running(Settings(port=0)) as server:
        assert main(["exec", "--fast-sleep", "--port", str(server.port), "true"]) == 1
    assert main(["exec", "--fast-sleep", "--lifecycle", "instant", "true"]) == 1
    assert capsys.readouterr().err.count("--fast-sleep needs a server with --lifecycle manual") == 2


SLEEPS = """
import time, sys
from time import sleep
for bad in (-1, "x"):
    try:
        sleep(bad)
    except (ValueError, TypeError):
        print("refused")
before = time.monotonic()
sleep(0.05)
print(time.monotonic() - before >= 0.05, "urllib.request" in sys.modules, sys.modules["sitecustomize"].__file__)
"""


def test_a_clock_that_is_gone_leaves_sleep_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text("import sys; sys.stdout.write('mine\\n')")
    environ = {**os.environ, "PYTHONPATH": str(tmp_path / "own")}
    environment = of_a_program({}, RunningServer("http://127.0.0.1:9"), tmp_path, True, environ)
    ran = subprocess.run(
        [sys.executable, "-c", SLEEPS], env=environment, capture_output=True, encoding="utf-8", check=True
    )
    *printed, last = ran.stdout.splitlines()
    assert printed == ["mine", "refused", "refused"]
    assert last == f"True False {tmp_path / 'own' / 'sitecustomize.py'}"


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ([sys.executable, "-c", "raise SystemExit(7)"], 7),
        (["no-such-program"], 127),
        ([os.devnull], 126),
        pytest.param(["sh", "-c", "kill -9 $$"], 137, marks=POSIX),
    ],
)
def test_the_status_is_the_programs(program: list[str], status: int) -> None:
    assert main(["exec", "--", *program]) == status


@POSIX
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGTERM, 3), (signal.SIGINT, 4), (signal.SIGUSR1, 5)])
def test_signals_go_to_the_program(sent: signal.Signals, status: int, tmp_path: Path) -> None:
    text = f"""
import signal, sys, time
for number, status in (({int(signal.SIGTERM)}, 3), ({int(signal.SIGINT)}, 4), ({int(signal.SIGUSR1)}, 5)):
    signal.signal(number, lambda *_, status=status: sys.exit(status))
print("ready", flush=True)
time.sleep(60)
"""
    arguments = [sys.executable, "-m", "fakepersonalize", "exec", sys.executable, script(tmp_path, text)]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(sent)
        assert process.wait(30) == status


def test_nothing_to_run_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exec"]) == 1
    assert main(["exec", "--"]) == 1
    assert "Name the program to run" in capsys.readouterr().err


def test_a_server_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exec", "--port", "9", "true"]) == 1
    assert "No server of fakepersonalize answers at http://127.0.0.1:9" in capsys.readouterr().err


# Notebooks


def book(folder: Path, *cells: str) -> str:
    code = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    made: dict[str, Any] = {
        "nbformat": 4,
        "nbformat_minor": 4,
        "metadata": {"kernelspec": {"name": "conda_mine", "display_name": "mine"}},
        "cells": [code | {"source": cell} for cell in cells],
    }
    (folder / "films.ipynb").write_text(json.dumps(made))
    return str(folder / "films.ipynb")


@pytest.fixture(scope="module")
def _notebooks() -> None:
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")


@pytest.mark.usefixtures("_notebooks")
def test_a_notebook_runs_in_its_folder_and_its_sleep_is_fast(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("WHAT = 'found'")
    file, before = book(tmp_path, "import beside", WAITS.format(seconds=20), "print(beside.WHAT)"), time.monotonic()
    ran = notebook("--fast-sleep", "--output", str(tmp_path / "done.ipynb"), file)
    assert ran.returncode == 0, ran.stderr
    assert time.monotonic() - before < 60
    done = json.loads((tmp_path / "done.ipynb").read_text())
    printed = ["".join(output["text"]) for cell in done["cells"] for output in cell["outputs"]]
    assert printed[0].endswith("films 3 True\n")
    assert printed[1] == "found\n"
    assert json.loads(Path(file).read_text())["cells"][2]["outputs"] == []


@pytest.mark.usefixtures("_notebooks")
def test_a_cell_that_fails_ends_the_notebook(tmp_path: Path) -> None:
    ran = notebook("--output", str(tmp_path / "done.ipynb"), book(tmp_path, "print(1)", "1 / 0", "print(2)"))
    assert ran.returncode == 1
    assert ran.stderr.endswith("films.ipynb failed in cell 2: ZeroDivisionError: division by zero.\n")
    assert (tmp_path / "done.ipynb").exists()


@pytest.mark.usefixtures("_notebooks")
@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"cells": 5}'])
def test_a_file_that_is_no_notebook_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "films.ipynb").write_text(text)
    ran = notebook(str(tmp_path / "films.ipynb"))
    assert ran.returncode == 1
    assert "films.ipynb is no notebook: " in ran.stderr
    assert "Traceback" not in ran.stderr


def notebook(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fakepersonalize", "notebook", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=100)
