"""`fakepersonalize jobs` against a server that says what the test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from fakepersonalize.cli import jobs
from fakepersonalize.cli.main import main

JOB = {
    "job": 7,
    "resource": "arn:aws:personalize:us-east-1:123456789012:batch-inference-job/monday",
    "kind": "batch-inference",
    "state": "gathered",
    "attempts": 1,
    "progress": 0.4,
    "secondsLeft": 125.2,
}
WAITING = {**JOB, "job": 8, "state": "queued", "progress": 0.0}
del WAITING["secondsLeft"]


class Server(HTTPServer):
    said: list[list[dict[str, Any]]]  # one list for each look; the last one stays


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        assert self.path == "/_fakepersonalize/jobs"
        said = self.server.said
        body = json.dumps({"jobs": said.pop(0) if len(said) > 1 else said[0]}).encode()
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


def test_each_job_is_a_line(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.said = [[JOB, WAITING]]
    assert asked(server) == 0
    assert capsys.readouterr().out.splitlines() == [
        " 40%  batch-inference  batch-inference-job/monday  works, 2 min 5 s left",
        "  0%  batch-inference  batch-inference-job/monday  waits for its input",
    ]


def test_nothing_is_said_to_be_nothing(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.said = [[]]
    assert asked(server) == 0
    assert capsys.readouterr().out == "Nothing is under way.\n"


def test_programs_read_json(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.said = [[JOB]]
    assert asked(server, "--json") == 0
    assert json.loads(capsys.readouterr().out) == [JOB]


def test_watching_ends_when_nothing_is_under_way(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.said = [[JOB, WAITING], [{**JOB, "progress": 0.9, "secondsLeft": 3}], []]
    assert asked(server, "--watch") == 0
    shown = capsys.readouterr().out
    assert "batch-inference-job/monday" in shown
    assert "over" in shown
    assert shown.endswith("Nothing is under way.\n")


def test_without_a_server_a_sentence_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "--port", "1"]) == 1
    assert "No server" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3725, "1 h 2 min"), (-1, "0 s")]
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert jobs.duration(seconds) == text
