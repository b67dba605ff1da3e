"""A line for each request, written by a thread of its own."""

from __future__ import annotations

import re
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from fakepersonalize.faults import ConnectionCut
from fakepersonalize.frontdoor import request_lines
from fakepersonalize.frontdoor.request_lines import RequestLines, shown

SIGNED = "AWS4-HMAC-SHA256 Credential=111111111111/20260101/eu-west-1/{service}/aws4_request, Signature=0"
LINE = re.compile(r"\d\d:\d\d:\d\d (\S+) +\d+\.\d ms (.*)")


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    if environ["PATH_INFO"] == "/cut":
        raise ConnectionCut
    fails = environ["PATH_INFO"] == "/error"
    if fails:
        environ[request_lines.ERROR] = "ResourceNotFoundException"
    start_response("400 Bad Request" if fails else "200 OK", [])
    return [b"answer"]


def started(*_: Any) -> None:
    """Take a status and headers, as a server does."""


def asked(
    path: str = "/", method: str = "POST", service: str = "", target: str = "", query: str = ""
) -> dict[str, Any]:
    signed = {"HTTP_AUTHORIZATION": SIGNED.format(service=service)} if service else {}
    named = {"HTTP_X_AMZ_TARGET": target} if target else {}
    return {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, **signed, **named}


@pytest.fixture
def written() -> Any:
    """Send requests; return what was written of them."""

    def written(*environs: dict[str, Any]) -> list[tuple[str, ...]]:
        pieces: list[bytes] = []
        lines = RequestLines(app, pieces.append)
        for environ in environs:
            if environ["PATH_INFO"] == "/cut":
                with pytest.raises(ConnectionCut):
                    lines(environ, started)
            else:
                assert lines(environ, started) == [b"answer"]
        lines.close()
        found = [LINE.fullmatch(line) for line in b"".join(pieces).decode().splitlines()]
        return [line.groups() for line in found if line]

    return written


def test_a_call_is_named_by_its_operation(written: Any) -> None:
    requests = [
        asked(service="personalize", target="AmazonPersonalize.ListSchemas"),
        asked("/recommendations", service="personalize"),
        asked("/action-interactions", service="personalize"),
        asked("/recommendations"),  # unsigned
    ]
    assert [what for _, what in written(*requests)] == [
        "ListSchemas",
        "GetRecommendations",
        "PutActionInteractions",
        "POST /recommendations",
    ]


def test_others_are_named_by_service_method_and_path(written: Any) -> None:
    requests = [
        asked("/films/a.csv", "PUT", "s3", query="X-Amz-Signature=0"),
        asked("/recommendations", "GET", service="personalize"),
        asked(service="logs", target="Logs_20140328.DescribeLogGroups"),
        asked("/_fakepersonalize/jobs", "GET"),
    ]
    assert [what for _, what in written(*requests)] == [
        "s3 PUT /films/a.csv",
        "personalize GET /recommendations",
        "logs DescribeLogGroups",
        "GET /_fakepersonalize/jobs",
    ]


def test_errors_and_cuts_are_told(written: Any) -> None:
    assert written(asked("/error"), asked("/cut")) == [
        ("400", "POST /error ResourceNotFoundException"),
        ("cut", "POST /cut"),
    ]


def test_health_is_not_told(written: Any) -> None:
    assert written(asked("/_fakepersonalize/health/live", "GET")) == []


def test_nobody_writes_to_the_terminal_by_a_path(written: Any) -> None:
    assert written(asked("/a\x1b[2J\r\n12:00:00 200 forged")) == [("200", "POST /a?[2J??12:00:00 200 forged")]
    ((_, long),) = written(asked("/" + "a" * 10_000))
    assert len(long) < 250


def test_no_request_waits_for_who_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_lines, "MOST_WAITING", 10)
    reads, pieces = threading.Event(), []

    def write(piece: bytes) -> None:
        reads.wait(30)
        pieces.append(piece)

    lines = RequestLines(app, write)
    for _ in range(500):
        lines(asked(), started)
    reads.set()
    lines.close()
    text = b"".join(pieces).decode()
    told, (dropped,) = len(LINE.findall(text)), re.findall(r"(\d+) requests are not shown", text)
    assert told + int(dropped) == 500


def test_who_reads_may_go_away() -> None:
    def write(piece: bytes) -> None:
        raise BrokenPipeError

    lines = RequestLines(app, write)
    for _ in range(5):
        assert lines(asked(), started) == [b"answer"]
    lines.close()


def test_lines_stand_around_an_application_while_it_is_shown() -> None:
    pieces: list[bytes] = []
    served: Any = SimpleNamespace(wsgi_app=app)
    with shown(served, pieces.append):
        served.wsgi_app(asked(), started)
    assert len(pieces) == 1
