"""Stands in for `wget` and `curl` in programs that `exec` runs: the real one first, made-up MovieLens where that fails.

`python -m fakepersonalize.cli.download wget ARGUMENTS` is what the scripts do that `write_shims` puts on the PATH;
`python -m fakepersonalize.cli.download file URL FILE` is for clients that know no such program.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

SHIMS = "FAKEPERSONALIZE_SHIMS"  # the folder where the stand-ins lie
ARCHIVE = re.compile(r"/(ml-1m|ml-100k|ml-latest-small)(?:\.zip|/([A-Za-z0-9.]+))$")
MADE_UP = "fakepersonalize: {url} cannot be had; {place} is made-up data in the layout of {name} instead."
MISSING = "fakepersonalize: there is no {tool} here, and no made-up data for what was asked for."
NOT_THERE = 127  # what shells say of a program that is not there
STDOUT = "-"


class Tool(NamedTuple):
    """How a program is told where to put what it downloads; letters in `values` take a value."""

    values: str
    output: str
    folder: str
    long: Mapping[str, str]  # long options -> letters
    remote_name: str  # the letter that keeps the name of the URL; "" where that is what happens anyway


# Sources: https://www.gnu.org/software/wget/manual/ and https://curl.se/docs/manpage.html.
TOOLS = {
    "wget": Tool("aeioBtTwQPUOlADIRX", "O", "P", {"--output-document": "O", "--directory-prefix": "P"}, remote_name=""),
    "curl": Tool(
        "AbcCdDeEFhHKmoPQrtTuUwxXyYz",
        "o",
        "P",
        {"--output": "o", "--output-dir": "P", "--remote-name": "O"},
        remote_name="O",
    ),
}


class Wanted(NamedTuple):
    """What one call asks for."""

    urls: list[str]
    place: str | None  # a file, or "-"
    folder: str
    keeps_name: bool


def main(arguments: Sequence[str]) -> int:
    """Do what a program was asked for, and return its exit status."""
    tool, *rest = arguments
    if tool == "file":
        url, place = rest
        return 0 if _make_up(url, place) else 1
    real = shutil.which(tool, path=_path_without_shims())
    status = subprocess.call([real, *rest]) if real else NOT_THERE
    if status == 0:
        return 0
    wanted = asked(TOOLS[tool], rest)
    known = [url for url in wanted.urls if ARCHIVE.search(urlsplit(url).path)]
    if known and len(known) == len(wanted.urls):
        return 0 if all(_make_up(url, _place(wanted, url)) for url in known) else status
    if not real:
        print(MISSING.format(tool=tool), file=sys.stderr)
    return status


def asked(tool: Tool, arguments: Sequence[str]) -> Wanted:
    """Read the arguments of a program as far as they say what is downloaded, and where to."""
    found: dict[str, str] = {}
    urls = []
    for option, value in _options(tool, arguments):
        if option:
            found[option] = value
        elif re.match(r"(?:https?|ftp)://", value):
            urls.append(value)
    keeps_name = not tool.remote_name or tool.remote_name in found
    return Wanted(urls, found.get(tool.output), found.get(tool.folder, ""), keeps_name)


def write_shims(folder: Path) -> None:
    """Write the scripts that stand in for the programs, for PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    for tool in TOOLS:
        script = folder / tool
        command = f"{shlex.quote(sys.executable)} -P -m {__spec__.name if __spec__ else __name__} {tool}"
        script.write_text(f'#!/bin/sh\nexec {command} "$@"\n', "utf-8")
        script.chmod(0o755)


def _options(tool: Tool, arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield options as their letters with their values, and everything else with an empty letter."""
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if argument.startswith("--"):
            letter = tool.long.get(name)
            if letter is not None:
                takes_value = letter in tool.values
                yield letter, value if equals or not takes_value else next(rest, "")
        elif argument.startswith("-") and len(argument) > 1:
            yield from _letters(tool, argument[1:], rest)
        else:
            yield "", argument


def _letters(tool: Tool, letters: str, rest: Iterator[str]) -> Iterator[tuple[str, str]]:
    for place, letter in enumerate(letters, start=1):
        if letter == "n" and not tool.remote_name:  # wget's -nc, -nv and so on are options of two letters
            return
        if letter in tool.values:
            yield letter, letters[place:] or next(rest, "")
            return
        yield letter, ""


def _place(wanted: Wanted, url: str) -> str:
    if wanted.place == STDOUT or (wanted.place is None and not wanted.keeps_name):
        return STDOUT
    return os.path.join(wanted.folder, wanted.place or urlsplit(url).path.rpartition("/")[2])


def _make_up(url: str, place: str) -> bool:
    """Write made-up data to a place; False for a URL of something else."""
    found = ARCHIVE.search(urlsplit(url).path)
    content = _content(*found.groups()) if found else None
    if found is None or content is None:
        return False
    print(MADE_UP.format(url=url, place="what follows" if place == STDOUT else place, name=found[1]), file=sys.stderr)
    if place == STDOUT:
        sys.stdout.buffer.write(content)
    else:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).write_bytes(content)
    return True


def _content(name: str, file: str | None) -> bytes | None:
    """Return an archive, or one of its files if there is such a file."""
    from fakepersonalize.cli import movielens

    return movielens.archive(name) if file is None else movielens.files(name).get(file)


def _path_without_shims() -> str:
    shims = os.environ.get(SHIMS)
    return os.pathsep.join(each for each in os.environ.get("PATH", "").split(os.pathsep) if each != shims)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
