"""`fakepersonalize jobs` against a server that says what the test wants."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from fakepersonalize.cli import jobs, showing
from fakepersonalize.cli.main import main

ARN = "arn:aws:personalize:{region}:{account}:{tail}"
JOB = {
    "job": 7,
    "resource": ARN.format(region="us-east-1", account="123456789012", tail="batch-inference-job/monday"),
    "kind": "batch-inference",
    "account": "123456789012",
    "region": "us-east-1",
    "status": "CREATE IN_PROGRESS",
    "state": "working",
    "attempts": 1,
    "progress": 0.4,
    "secondsLeft": 125.2,
}
WAITING = {**JOB, "job": 8, "state": "waiting", "progress": 0.0, "account": "111111111111", "region": "eu-west-1"}
WAITING["resource"] = ARN.format(region="eu-west-1", account="111111111111", tail="solution/films/1a2b3c4d")
del WAITING["secondsLeft"]
FAILED = {
    "resource": WAITING["resource"],
    "kind": "train",
    "account": "111111111111",
    "region": "eu-west-1",
    "finished": "2026-01-01T12:00:00.000+00:00",
    "status": "CREATE FAILED",
    "failureReason": "There are too few users.",
}
DONE = {**FAILED, "resource": JOB["resource"], "status": "ACTIVE", "account": "123456789012", "region": "us-east-1"}
del DONE["failureReason"]


def page(jobs: list[dict[str, Any]], over: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"time": "2026-01-01T12:02:05.000+00:00", "jobs": jobs, "over": over or [], "warnings": []}


class Server(HTTPServer):
    said: list[dict[str, Any]]  # one page for each look; the last one stays


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        assert self.path == "/_fakepersonalize/jobs"
        said = self.server.said
        body = json.dumps(said.pop(0) if len(said) > 1 else said[0]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Tests are quiet."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(jobs, "SECONDS_BETWEEN_LOOKS", 0.01)
    with Server(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def asked(server: Server, *arguments: str) -> int:
    return main(["jobs", "--port", str(server.server_port), *arguments])


def lines(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """Return what was printed, cut into cells."""
    return [re.split(r" {2,}", line.strip()) for line in capsys.readouterr().out.splitlines()]


def test_each_job_is_a_line_with_its_account_and_region(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.said = [page([JOB, WAITING])]
    assert asked(server) == 0
    assert lines(capsys) == [
        ["2 jobs under way"],
        ["STATE", "ACCOUNT", "REGION", "JOB"],
        ["working 40%, 2 min 5 s left", "123456789012", "us-east-1", "batch-inference-job/monday"],
        ["waiting", "111111111111", "eu-west-1", "solution/films/1a2b3c4d"],
    ]


def test_one_job_is_not_many(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.said = [page([JOB])]
    assert asked(server) == 0
    assert lines(capsys)[0] == ["1 job under way"]


def test_a_failure_looks_like_one_and_says_why(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    odd = {**DONE, "warnings": ["TIMESTAMP is in milliseconds."]}
    server.said = [page([], [FAILED, odd])]
    assert asked(server) == 0
    assert lines(capsys) == [
        ["Nothing is under way."],
        [""],
        ["Over"],
        ["STATE", "ACCOUNT", "REGION", "JOB"],
        ["failed 2 min 5 s ago", "111111111111", "eu-west-1", "solution/films/1a2b3c4d"],
        ["done 2 min 5 s ago", "123456789012", "us-east-1", "batch-inference-job/monday"],
        [""],
        ["solution/films/1a2b3c4d of 111111111111 in eu-west-1: There are too few users."],
        [""],
        ["batch-inference-job/monday of 123456789012 in us-east-1: TIMESTAMP is in milliseconds."],
    ]


def test_one_account_in_one_region_is_not_named_again(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.said = [page([], [FAILED])]
    assert asked(server) == 0
    assert lines(capsys)[-1] == ["solution/films/1a2b3c4d: There are too few users."]


def test_what_clients_sent_does_not_command_the_terminal(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.said = [page([], [{**FAILED, "failureReason": "no \x1b[2Jcolumn"}])]
    assert asked(server) == 0
    assert "no ?[2Jcolumn" in capsys.readouterr().out


def test_a_failed_update_of_something_active_is_a_failure(server: Server) -> None:
    update = {"status": "CREATE FAILED", "failureReason": "It was not to be."}
    assert jobs.outcome({**DONE, "latestUpdate": update}) == "failed"
    assert jobs.reason({**DONE, "latestUpdate": update}) == "It was not to be."
    assert jobs.outcome({**DONE, "status": "CREATE STOPPED"}) == "stopped"


@pytest.mark.parametrize("columns", [80, 120])
def test_every_line_fits_the_terminal(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")
    tail = "dataset-import-job/" + "a-long-name" * 5
    server.said = [page([{**JOB, "resource": ARN.format(region="us-east-1", account="1", tail=tail)}], [FAILED])]
    assert asked(server) == 0
    shown = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in capsys.readouterr().out.splitlines()]
    assert max(map(len, shown)) <= columns
    assert tail in "".join("".join(shown).split())


def test_nothing_is_said_to_be_nothing(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.said = [page([])]
    assert asked(server) == 0
    assert capsys.readouterr().out == "Nothing is under way.\n"


def test_programs_read_json(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    said = page([JOB], [FAILED]) | {"warnings": [{"resource": "arn", "warnings": ["odd"]}]}
    server.said = [said]
    assert asked(server, "--json") == 0
    assert json.loads(capsys.readouterr().out) == said


def test_watching_says_what_became_of_each_job(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.said = [page([JOB, WAITING]), page([{**JOB, "progress": 0.9}], [FAILED]), page([], [DONE, FAILED])]
    assert asked(server, "--watch") == 0
    assert capsys.readouterr().out.splitlines() == [
        "failed  solution/films/1a2b3c4d of 111111111111 in eu-west-1",
        "    There are too few users.",
        "done  batch-inference-job/monday of 123456789012 in us-east-1",
        "Nothing is under way.",
    ]


def test_watching_tells_the_warnings_of_an_import(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.said = [page([JOB]), page([], [{**DONE, "warnings": ["TIMESTAMP is in milliseconds."]}])]
    assert asked(server, "--watch") == 0
    assert capsys.readouterr().out.splitlines() == [
        "done  batch-inference-job/monday",
        "    TIMESTAMP is in milliseconds.",
        "Nothing is under way.",
    ]


def test_watching_shows_bars_in_a_terminal(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    server.said = [page([JOB, WAITING]), page([JOB], [FAILED]), page([], [DONE, FAILED])]
    assert asked(server, "--watch") == 0
    last = capsys.readouterr().out.rpartition("batch-inference-job/monday")[2]
    assert "failed" in last
    assert "100%" not in last


def test_watching_waits_for_the_first_job(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.said = [page([], [FAILED]), page([], [FAILED]), page([JOB], [FAILED]), page([], [DONE, FAILED])]
    assert asked(server, "--watch") == 0
    assert capsys.readouterr().out.splitlines() == [
        "Waiting for the first job; Ctrl-C ends this.",
        "done  batch-inference-job/monday",
        "Nothing is under way.",
    ]


def test_a_job_between_two_looks_is_the_first(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.said = [page([]), page([], [DONE])]
    assert asked(server, "--watch") == 0
    assert "done  batch-inference-job/monday" in capsys.readouterr().out


def test_without_a_server_a_sentence_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "--port", "1"]) == 1
    assert "No server" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (1205, "20 min"),
        (3725, "1 h 2 min"),
        (200_000, "2 d 7 h"),
        (-1, "0 s"),
    ],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert showing.duration(seconds) == text
