"""The command `data`: made-up files in the layout of archives that may not be handed on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize.cli.refusal import Refused

if TYPE_CHECKING:
    import argparse

LIKE = ("ml-1m", "ml-100k", "ml-latest-small")
IN_THE_WAY = "{path} is there already; remove it or name another folder."
CANNOT_WRITE = "{path} cannot be written: {reason}."
SAID = "{path}: made-up data in the layout of {like}"


def add_to(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "data", help="write made-up films and ratings in the layout of a MovieLens archive"
    )
    parser.set_defaults(command=data)
    parser.add_argument("--like", choices=LIKE, required=True, help="whose layout and size")
    parser.add_argument("--zip", action="store_true", help="write the zip file, not the folder that it unpacks to")
    parser.add_argument("folder", metavar="DIR", help="folder that gets them; it is made")


def data(like: str, folder: str, zip: bool) -> None:
    """Write the files to DIR/<archive>/, or DIR/<archive>.zip; what is there already stays as it is."""
    from fakepersonalize.cli import movielens

    target = Path(folder) / (f"{like}.zip" if zip else like)
    if target.exists():
        raise Refused(IN_THE_WAY.format(path=target))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if zip:
            target.write_bytes(movielens.archive(like))
        else:
            movielens.write(like, target)
    except OSError as error:
        raise Refused(CANNOT_WRITE.format(path=target, reason=error.strerror)) from None
    print(SAID.format(path=target, like=like))
