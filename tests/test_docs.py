"""What the pages in docs/ show works: their marked blocks run, page by page, in a folder of their own.

A block under `<!-- run -->` is run, as Python or by sh; one under `<!-- file: NAME -->` is written to a file before
what comes after it runs. Everything else on a page is left alone.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import fakepersonalize

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^<!-- (run|file: ([\w.-]+)) -->\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = {"python": [sys.executable, "-W", "error", "-"], "sh": ["sh", "-eu", "-s"]}


class Block(NamedTuple):
    """A piece of a page: to be written to `file`, or to be run where that is empty."""

    file: str
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(*found.groups("")[1:]) for found in BLOCK.finditer(page.read_text("utf-8"))]


PAGES = [page for page in sorted(DOCS.glob("*.md")) if blocks(page)]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Lead to the package that is being tested, installed or not, and to nobody's settings."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "fakepersonalize").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fakepersonalize "$@"\n')
    (programs / "fakepersonalize").chmod(0o755)
    foreign = ("AWS_", "FAKEPERSONALIZE_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | {
        "PATH": os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(Path(fakepersonalize.__file__).parents[1]),
        "PYTEST_PLUGINS": "fakepersonalize.pytest_plugin",  # as where it is installed
        "AWS_ACCESS_KEY_ID": "123456789012",
        "AWS_SECRET_ACCESS_KEY": "anything",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page_work(page: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    work = tmp_path / "work"
    work.mkdir()
    for block in blocks(page):
        if block.file:
            (work / block.file).write_text(block.text, "utf-8")
            continue
        if not shutil.which(PROGRAMS[block.language][0]):
            pytest.skip(f"there is no {block.language} here")
        ran = subprocess.run(
            PROGRAMS[block.language],
            input=block.text,
            cwd=work,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )
        assert ran.returncode == 0, f"{block.text}\n{ran.stdout}{ran.stderr}"
        noise = [line for line in ran.stderr.splitlines() if re.search(r"[Ww]arning|AWS would refuse", line)]
        assert not noise, f"{block.text}\n{ran.stderr}"


def test_a_mark_always_has_its_block() -> None:
    for page in DOCS.glob("*.md"):
        marks = re.findall(r"^<!-- (?:run|file:)", page.read_text("utf-8"), re.MULTILINE)
        assert len(marks) == len(blocks(page)), page
