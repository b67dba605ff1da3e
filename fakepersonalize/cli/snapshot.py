"""The command `snapshot`: everything that a running server holds in one file, and back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize.cli.asking import ask, download
from fakepersonalize.cli.flags import OF_A_RUNNING_SERVER, add_client_flags, settings_of
from fakepersonalize.cli.refusal import Refused
from fakepersonalize.cli.starting import running_server

if TYPE_CHECKING:
    import argparse

CANNOT_USE = "{path} cannot be used: {reason}."
SAVED = "{path}: {mebibytes:.1f} MiB"
LOADED = "{path}: {count} resources"


def add_to(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "snapshot", help="write all that a running server holds into a file, or put it back"
    )
    ways = parser.add_subparsers(title="what to do", required=True, metavar="save|load")
    saving = ways.add_parser("save", help="write a file with all resources, their data and trained models")
    saving.add_argument("--objects", action="store_true", help="with buckets and what is in them")
    saving.set_defaults(command=save)
    loading = ways.add_parser("load", help="put what a file holds in the place of everything that the server has")
    loading.set_defaults(command=load)
    for way in (saving, loading):
        add_client_flags(way, OF_A_RUNNING_SERVER)
        way.add_argument("file", metavar="FILE")


def save(file: str, objects: bool, **flags: Any) -> None:
    """Write a file; it appears whole or not at all."""
    server, path = running_server(settings_of(flags)), Path(file)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            with open(unfinished, "wb") as target:
                download(server, f"snapshot?objects={str(objects).lower()}", target)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise Refused(CANNOT_USE.format(path=path, reason=error.strerror)) from None
    print(SAVED.format(path=path, mebibytes=path.stat().st_size / 2**20))


def load(file: str, **flags: Any) -> None:
    """Send a file to the server."""
    server = running_server(settings_of(flags))
    try:
        with open(file, "rb") as source:
            loaded = ask(server, "POST", "snapshot", source)["loaded"]
    except OSError as error:
        raise Refused(CANNOT_USE.format(path=file, reason=error.strerror)) from None
    print(LOADED.format(path=file, count=loaded))
