"""The command `exec`: runs any program against a server, as if that were AWS."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from fakepersonalize.announcing import REGION
from fakepersonalize.cli.flags import OF_A_CLIENT, OF_A_RUNNING_SERVER, add_flags
from fakepersonalize.cli.refusal import Refused

if TYPE_CHECKING:
    import argparse

NOTHING_TO_RUN = "Name the program to run, as in: fakepersonalize exec -- python script.py."
CANNOT_RUN = "fakepersonalize: {program} cannot be run: {reason}."
ANSWERS = "fakepersonalize: {url} answers while {program} runs."
NOT_THERE, NOT_EXECUTABLE, KILLED = 127, 126, 128  # what shells say of programs; the signal is added to the last
FORWARDED = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGINT")
OWN_SERVER = ("data_dir", "setup", "lifecycle", "transitions", "step_seconds", "limits", "messages", "seed")


def add_to(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "exec",
        help="run a program against a server that starts and ends with it",
        usage="fakepersonalize exec [options] -- PROGRAM [arguments]",
    )
    parser.set_defaults(command=execute)
    add_server_flags(parser)
    parser.add_argument("program", nargs="...", metavar="PROGRAM", help="what to run, and its arguments")


def add_server_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that choose a server: those of a running one, and those of one that starts for the purpose."""
    parser.add_argument("--fast-sleep", action="store_true", help="let time.sleep of Python move the server's clock")
    parser.add_argument("--region", default=REGION, help=f"region to work in (default: {REGION})")
    add_flags(parser.add_argument_group("a server that runs already"), OF_A_RUNNING_SERVER, OF_A_CLIENT)
    add_flags(parser.add_argument_group("a server that starts for the purpose"), OWN_SERVER)


def execute(program: Sequence[str], region: str, fast_sleep: bool, **flags: Any) -> int:
    """Run a program and return its exit status, or 128 and the number of the signal that ended it."""
    from fakepersonalize.cli.starting import server_for_a_program

    program = program[1:] if program[:1] == ["--"] else program
    if not program:
        raise Refused(NOTHING_TO_RUN)
    with server_for_a_program(region, fast_sleep, flags) as server:
        print(ANSWERS.format(url=server.url, program=program[0]), file=sys.stderr, flush=True)
        return _run(program, server.environment)


def _run(program: Sequence[str], environment: dict[str, str]) -> int:
    forwarding = _Forwarding()
    with forwarding.entered():
        try:
            child = subprocess.Popen(program, env=environment)
        except OSError as error:
            print(CANNOT_RUN.format(program=program[0], reason=error.strerror), file=sys.stderr)
            return NOT_THERE if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
        forwarding.begin(child)
        status = child.wait()
    return status if status >= 0 else KILLED - status


class _Forwarding:
    """Hands signals on to a program, also those that come before it has started."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    @contextmanager
    def entered(self) -> Iterator[None]:
        numbers = [getattr(signal, name) for name in FORWARDED if hasattr(signal, name)]
        before = {number: signal.signal(number, self._take) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def begin(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        for number in self._early:
            child.send_signal(number)

    def _take(self, number: int, _: Any) -> None:
        if number == signal.SIGINT and _terminal_tells_all():
            return
        if self._child is None:
            self._early.append(number)
        else:
            self._child.send_signal(number)


def _terminal_tells_all() -> bool:
    """Say whether Ctrl-C reaches the program without us: a terminal sends it to all that runs in its foreground."""
    if os.name == "nt":
        return True
    with suppress(OSError):
        terminal = os.open("/dev/tty", os.O_RDONLY)
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    return False
