"""`wget`, `curl` and urllib get what they ask for, and made-up MovieLens only where they cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fakepersonalize.cli import movielens
from fakepersonalize.cli.asking import RunningServer
from fakepersonalize.cli.download import SHIMS, TOOLS, Wanted, asked, write_shims
from fakepersonalize.cli.surroundings import of_a_program

HOST = "http://127.0.0.1:9/datasets/movielens"  # nobody listens on the port for discarding
ZIP, FILE = f"{HOST}/ml-latest-small.zip", f"{HOST}/ml-latest-small/links.csv"
LINKS = movielens.files("ml-latest-small")["links.csv"]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are scripts of sh")


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Put tools on the PATH that say what they were asked and fail, and the stand-ins before them."""
    (tmp_path / "tools").mkdir()
    for tool in TOOLS:
        real(tmp_path, tool, f"echo real {tool} >&2; exit 4")
    shims = tmp_path / "shims"
    write_shims(shims)
    path = os.pathsep.join([str(tmp_path / "tools"), "/bin", "/usr/bin"])
    package = str(Path(movielens.__file__).parents[2])
    return of_a_program({}, RunningServer(""), shims, False, {**os.environ, "PATH": path, "PYTHONPATH": package})


def real(folder: Path, tool: str, does: str) -> None:
    (folder / "tools" / tool).write_text(f"#!/bin/sh\n{does}\n")
    (folder / "tools" / tool).chmod(0o755)


def sh(command: str, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    (folder / "work").mkdir(exist_ok=True)
    ran = ["/bin/sh", "-c", command]
    return subprocess.run(ran, env=environment, cwd=folder / "work", capture_output=True, timeout=60)


@pytest.mark.parametrize(
    ("tool", "arguments", "wanted"),
    [
        ("wget", [ZIP], Wanted([ZIP], None, "", True)),
        ("wget", ["-nc", "-q", ZIP], Wanted([ZIP], None, "", True)),
        ("wget", ["-qO", "a.zip", ZIP], Wanted([ZIP], "a.zip", "", True)),
        ("wget", ["-qOa.zip", ZIP], Wanted([ZIP], "a.zip", "", True)),
        ("wget", ["--output-document=a.zip", ZIP], Wanted([ZIP], "a.zip", "", True)),
        ("wget", ["--no-check-certificate", ZIP, "-P", "data", FILE], Wanted([ZIP, FILE], None, "data", True)),
        ("wget", ["-t", "3", "--directory-prefix", "data", ZIP], Wanted([ZIP], None, "data", True)),
        ("wget", ["-O"], Wanted([], "", "", True)),
        ("curl", [ZIP], Wanted([ZIP], None, "", False)),
        ("curl", ["-sLO", ZIP], Wanted([ZIP], None, "", True)),
        ("curl", ["-L", "--output", "a.zip", ZIP], Wanted([ZIP], "a.zip", "", False)),
        ("curl", ["--remote-name", "--output-dir", "data", ZIP], Wanted([ZIP], None, "data", True)),
        ("curl", ["-H", "X: y", "-oa.zip", ZIP], Wanted([ZIP], "a.zip", "", False)),
    ],
)
def test_arguments_are_read_as_the_program_reads_them(tool: str, arguments: list[str], wanted: Wanted) -> None:
    assert asked(TOOLS[tool], arguments) == wanted


@pytest.mark.parametrize(
    ("command", "place"),
    [
        (f"wget -q {FILE}", "links.csv"),
        (f"wget -nc -P data {FILE}", "data/links.csv"),
        (f"curl -s {FILE} > printed", "printed"),
        (f"curl -sLo mine {FILE}", "mine"),
    ],
)
def test_a_download_that_fails_gets_made_up_data_and_says_so(
    command: str, place: str, environment: dict[str, str], tmp_path: Path
) -> None:
    ran = sh(command, environment, tmp_path)
    assert ran.returncode == 0
    assert (tmp_path / "work" / place).read_bytes() == LINKS
    said = ran.stderr.decode()
    assert said.startswith("real")  # the program itself came first
    assert "made-up data in the layout of ml-latest-small" in said


def test_a_download_that_works_stays_as_it_is(environment: dict[str, str], tmp_path: Path) -> None:
    real(tmp_path, "wget", "echo real > links.csv")
    ran = sh(f"wget {FILE}", environment, tmp_path)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert (tmp_path / "work" / "links.csv").read_text() == "real\n"


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/films.zip", f"{HOST}/ml-25m.zip", f"{HOST}/ml-100k/no.such", f"{ZIP} http://127.0.0.1:9/x"],
)
def test_other_downloads_fail_as_they_did(url: str, environment: dict[str, str], tmp_path: Path) -> None:
    ran = sh(f"wget {url}", environment, tmp_path)
    assert ran.returncode == 4
    assert os.listdir(tmp_path / "work") == []


def test_a_program_that_is_not_there_is_not_needed(environment: dict[str, str], tmp_path: Path) -> None:
    alone = environment | {"PATH": environment[SHIMS]}
    script = f"{environment[SHIMS]}/wget"
    ran = sh(f"{script} {FILE}; exec {script} http://127.0.0.1:9/x", alone, tmp_path)
    assert ran.returncode == 127
    assert (tmp_path / "work" / "links.csv").read_bytes() == LINKS
    assert b"there is no wget here" in ran.stderr


PROGRAM = """
import sys, urllib.error, urllib.request
url, archive = sys.argv[1:]
print(len(urllib.request.urlopen(url).read()))
urllib.request.urlretrieve(url, "links.csv")
import pandas as pd
print(len(pd.read_csv(url)), list(pd.read_csv(archive)))
try:
    urllib.request.urlopen("http://127.0.0.1:9/films/ml-25m.zip")
except urllib.error.URLError:
    print("refused")
"""


def test_urllib_and_pandas_get_them_too(environment: dict[str, str], tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, FILE, f"{HOST}/ml-latest-small/movies.csv"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert ran.stdout.splitlines() == [str(len(LINKS)), "9742 ['movieId', 'title', 'genres']", "refused"], ran.stderr
    assert (tmp_path / "links.csv").read_bytes() == LINKS
