"""`fakepersonalize demo` runs the main job from beginning to end, whatever the user's settings of AWS are."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest

from fakepersonalize.cli import surroundings
from fakepersonalize.cli.films import Films
from fakepersonalize.cli.main import DEFAULT_USER, main
from fakepersonalize.cli.report import ROWS
from fakepersonalize.cli.walk import RECIPES, Walk

ELSEWHERE = "http://127.0.0.1:9"
# Each of these alone would break a client that heeds it.
HOSTILE = {
    "AWS_PROFILE": "nobody",
    "AWS_CONFIG_FILE": __file__,
    "AWS_ENDPOINT_URL": ELSEWHERE,
    "AWS_ENDPOINT_URL_S3": ELSEWHERE,
    "AWS_CA_BUNDLE": "nowhere",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "HTTP_PROXY": ELSEWHERE,
    "http_proxy": ELSEWHERE,
    "FAKEPERSONALIZE_LIFECYCLE": "manual",
    "FAKEPERSONALIZE_DATA_DIR": "nowhere",
}


def test_the_demo_compares_three_recipes_and_recommends_films(run: Any, tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    ran = run("-m", "fakepersonalize", "demo", TMPDIR=str(folder), COLUMNS="80", **HOSTILE)
    assert (ran.returncode, ran.stderr) == (0, "")
    text = ran.stdout
    assert "\x1b" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
    assert not list(folder.iterdir())

    popularity, sims, personal = map(float, re.findall(r"^MRR@25 +([\d.]+) +([\d.]+) +([\d.]+)", text, re.M)[0])
    assert 0 < popularity < sims < personal < 1

    films = Films()
    names = films.catalogue["TITLE"]
    history, *lists = re.split(r"^(?=aws-)", text[text.index("\nWhat") :], flags=re.M)
    watched = films.watched_by(DEFAULT_USER)["ITEM_ID"].iloc[: -ROWS - 1 : -1]
    assert _titles(history) == [names[item] for item in watched]
    assert len(lists) == len(RECIPES)
    for part in lists:
        assert len(set(_titles(part)) & set(names)) == ROWS
    assert len({tuple(_titles(part)) for part in lists}) == len(RECIPES)


def _titles(part: str) -> list[str]:
    """Return the titles in a list of films; where one takes two lines, the second has no date or rank before it."""
    titles: list[str] = []
    for line in re.findall(r"^(?:\d| {10}).*", part, re.M):
        title = line[10:52].strip()
        if line.startswith(" "):
            titles[-1] = f"{titles[-1]} {title}".strip()
        else:
            titles.append(title)
    return titles


def test_an_unknown_user_is_refused_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--user", "nobody"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "'nobody'" in said.err
    assert "u0001 to u1200" in said.err


def test_ctrl_c_ends_the_demo_cleanly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(self: Walk, films: Films) -> None:
        assert os.environ["AWS_CONFIG_FILE"] == os.devnull
        assert list(tmp_path.iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr(Walk, "go", interrupted)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    before = dict(os.environ)
    assert main(["demo"]) == 130
    assert capsys.readouterr().err == "Stopped.\n"
    assert dict(os.environ) == before
    assert not list(tmp_path.iterdir())


def test_the_environment_is_put_aside_and_brought_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    with surroundings.own_environment():
        foreign = {name for name in os.environ if name.upper().startswith(surroundings.FOREIGN)}
        assert foreign == set(surroundings.NOTHING)
    assert dict(os.environ) == before
