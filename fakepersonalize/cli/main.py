"""The commands and their flags: `serve`, `env` and `demo`.

Nothing heavy is imported before a command needs it: how soon the server answers counts from here.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from fakepersonalize.announcing import REGION
from fakepersonalize.cli import compare, data, execute, explain, jobs, lint, notebook, snapshot, status
from fakepersonalize.cli.env import SHELLS, detected_shell, lines
from fakepersonalize.cli.flags import OF_THE_ADDRESS, add_client_flags, add_flags, settings_of
from fakepersonalize.cli.refusal import Refused
from fakepersonalize.cli.starting import CANNOT_USE, explained, reason_of
from fakepersonalize.settings import ENVIRONMENT_PREFIX, Settings
from fakepersonalize.version import __version__

PROGRAM = "fakepersonalize"
DEFAULT_USER = "u0230"
NOT_FLAGS = ("in_process",)  # a server has its socket and its threads

NO_PORT = "Port 0 is any free one; name the --port that the server has got, or its --port-file."
INTERRUPTED = 130  # what shells say of a program that Ctrl-C ended
UNREAD = 141  # and of one whose output nobody reads any more


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0, 1 when it could not be done, 130 after Ctrl-C, or its own.

    `argv` are the arguments without the program's name, those of the process by default. As argparse does, wrong
    arguments, `--help` and `--version` raise SystemExit.
    """
    _replace_what_cannot_be_shown()
    arguments = vars(_parser().parse_args(argv))
    command = arguments.pop("command")
    try:
        status: int = command(**arguments) or 0
        sys.stdout.flush()
        return status
    except Refused as refusal:
        print(f"{PROGRAM}: {refusal}", file=sys.stderr)
        return refusal.status
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `head` has seen enough; what Python still holds goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD


def serve(**flags: Any) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    from fakepersonalize import server

    settings = settings_of(flags)
    with explained(settings):
        server.serve(settings)


def env(shell: str | None, region: str, **flags: Any) -> None:
    """Print the lines that point AWS's tools to the server."""
    settings = settings_of(flags)
    if not (settings.port or settings.port_file):
        raise Refused(NO_PORT)
    try:
        printed = lines(settings, shell or detected_shell(), region)
    except (OSError, ValueError) as error:
        raise Refused(CANNOT_USE.format(path=settings.port_file, reason=reason_of(error))) from None
    print("\n".join(printed))


def demo(user: str) -> None:
    """Run the main job once, before your eyes."""
    from fakepersonalize.cli.demo import UnknownViewer, run
    from fakepersonalize.cli.walk import WayBlocked

    try:
        run(user)
    except (UnknownViewer, WayBlocked) as reason:
        raise Refused(f"{reason}.") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        PROGRAM, description="A local, offline Amazon Personalize that trains real models.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    note = f"Each flag that is not given is taken from {ENVIRONMENT_PREFIX}<FLAG> in the environment, if that is set."

    serving = commands.add_parser("serve", help="answer for Personalize, S3, IAM, STS and others on one port")
    serving.set_defaults(command=serve)
    add_flags(serving, (f.name for f in fields(Settings) if f.name not in NOT_FLAGS))
    serving.epilog = note

    printing = commands.add_parser("env", help="print the lines that point AWS's tools to the server")
    printing.set_defaults(command=env)
    printing.add_argument("--shell", choices=SHELLS, help="whose lines (default: the shell that is in use, or sh)")
    printing.add_argument("--region", default=REGION, help=f"region to work in (default: {REGION})")
    add_client_flags(printing, OF_THE_ADDRESS)
    printing.epilog = note

    showing = commands.add_parser("demo", help="train three recipes on made-up films and compare them")
    showing.set_defaults(command=demo)
    showing.add_argument(
        "--user", default=DEFAULT_USER, metavar="ID", help=f"who gets recommendations (default: {DEFAULT_USER})"
    )
    for module in (compare, execute, notebook, data, snapshot, lint, jobs, status, explain):
        module.add_to(commands)
    return parser


def _replace_what_cannot_be_shown() -> None:
    """Let a letter that the output's encoding lacks become a question mark, not an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
