"""`explain` asks a running server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from fakepersonalize.cli.main import main
from fakepersonalize.server import Server, running
from fakepersonalize.settings import Settings

FOUND: dict[str, Any] = {
    "operation": "GetRecommendations",
    "arn": "arn:aws:personalize:us-east-1:123456789012:campaign/films",
    "recipe": "arn:aws:personalize:::recipe/aws-user-personalization",
    "time": "2026-01-01T00:00:00.000+00:00",
    "historyLength": 3,
    "same": False,
    "items": [
        {
            "itemId": "film1",
            "score": 0.25,
            "promotionName": "week",
            "contributions": [
                {"source": "item", "itemId": "film9", "by": {"follows": 0.2}, "score": 0.2, "share": 0.8},
                {"source": "popularity", "score": 0.05, "share": 0.2},
            ],
        },
        {"itemId": "film2", "score": 0.0, "contributions": [{"source": "popularity", "score": 0.0, "share": None}]},
    ],
    "filters": [
        {
            "role": "request",
            "filterArn": "arn:aws:personalize:us-east-1:123456789012:filter/short",
            "parts": [{"expression": "EXCLUDE ...", "removed": 7, "items": [f"film{n}" for n in range(7)]}],
        },
        {"role": "useCase", "parts": []},
    ],
}
PRINTED = """\
GetRecommendations of arn:aws:personalize:us-east-1:123456789012:campaign/films (aws-user-personalization) at \
2026-01-01T00:00:00.000+00:00
The model knew 3 interactions of the user.
Its data have changed since: this is what it would say now.
   1  film1  0.25  promoted by week; film9 80%, popularity 20%
   2  film2  0     popularity
Filter of the request: arn:aws:personalize:us-east-1:123456789012:filter/short
      EXCLUDE ...
      removed 7: film0, film1, film2, film3, film4, ...
Filter of the useCase: automatic
"""


TITLED = FOUND | {
    "titles": {"film1": "The Amber Ladder", "film9": "Cold Ferry"},
    "filters": [
        {
            "role": "request",
            "parts": [
                {
                    "expression": "EXCLUDE ...",
                    "removed": 0,
                    "items": [],
                    "beyondWindow": {"window": 100, "amount": 1, "items": ["film9"]},
                }
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running(Settings(port=0)) as server:
        yield server


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_long_titles_fit_a_terminal_and_command_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    long = {"film1": "The \x1b[2JAmber " + "Ladder " * 50, "film9": "A" * 500}
    monkeypatch.setattr("fakepersonalize.cli.asking.ask", lambda url, method, page: TITLED | {"titles": long})
    assert main(["explain", "RID-1", "--titles", "TITLE"]) == 0
    assert printed(capsys)[3].startswith("   1  film1 The ?[2JAmber Ladder Ladder Ladder La...  0.25  promoted by")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["explain", "RID-1", "--titles", "TITLE"]) == 0
    assert max(map(len, printed(capsys))) <= 80


def test_an_explanation_is_printed_for_people(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("fakepersonalize.cli.asking.ask", lambda url, method, page: FOUND)
    assert main(["explain", "RID-1"]) == 0
    assert printed(capsys) == PRINTED.splitlines()
    assert main(["explain", "RID-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == FOUND


def test_titles_and_what_lies_beyond_the_window_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pages: list[str] = []
    monkeypatch.setattr("fakepersonalize.cli.asking.ask", lambda url, method, page: pages.append(page) or TITLED)
    assert main(["explain", "RID-1", "--titles", "THE TITLE"]) == 0
    assert pages == ["explain/RID-1?titles=THE+TITLE"]
    assert printed(capsys)[3:] == [
        "   1  film1 The Amber Ladder  0.25  promoted by week; film9 Cold Ferry 80%, popularity 20%",
        "   2  film2                   0     popularity",
        "Filter of the request: automatic",
        "      EXCLUDE ...",
        "      removed 0",
        "      overlooked 1 (older than the newest 100 interactions of each type): film9 Cold Ferry",
    ]


def test_an_id_that_is_not_remembered_is_refused(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "RID-1/../x", "--port", str(server.port)]) == 1
    assert "fakepersonalize:" in capsys.readouterr().err
    assert main(["explain", "RID-1", "--port", str(server.port)]) == 1
    assert "No answer with the recommendationId RID-1 is remembered" in capsys.readouterr().err


def test_without_a_server_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "RID-1", "--port", "1"]) == 1
    assert "No server of fakepersonalize answers" in capsys.readouterr().err
