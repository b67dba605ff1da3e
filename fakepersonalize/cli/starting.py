"""A server for a command: one of its own that ends with it, or one that runs already."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from fakepersonalize.cli.asking import RunningServer, ask
from fakepersonalize.cli.download import write_shims
from fakepersonalize.cli.env import address, variables
from fakepersonalize.cli.flags import settings_of
from fakepersonalize.cli.refusal import Refused
from fakepersonalize.cli.surroundings import of_a_program, own_environment
from fakepersonalize.disk import complaint
from fakepersonalize.settings import Settings

CANNOT_USE = "{path} cannot be used: {reason}."
PORT_IN_USE = "Port {port} of {host} is in use; choose another with --port, or --port 0 for any that is free."
PORT_REFUSED = "Cannot listen on port {port} of {host}: {reason}."
NOT_MANUAL = "--fast-sleep needs a server with --lifecycle manual; this one has {lifecycle}."
MANUAL = "manual"


class Started(NamedTuple):
    """A server, and the environment of programs that are to reach it."""

    url: str
    environment: dict[str, str]


@contextmanager
def server_for_a_program(region: str, fast_sleep: bool, flags: Mapping[str, Any]) -> Iterator[Started]:
    """Lend the server that `port` or `port_file` among the flags name, or one that starts here on a free port.

    Raises Refused where there is none, and where `fast_sleep` finds a clock that moves by itself.
    """
    environ = dict(os.environ)
    with ExitStack() as leaving:
        if flags["port"] or flags["port_file"]:
            settings = settings_of(flags)
            server = running_server(settings)
            lifecycle = ask(server, "GET", "settings")["settings"]["lifecycle"]
        else:
            usual = {"lifecycle": MANUAL} if fast_sleep else {}
            settings = replace(
                settings_of({**flags, "lifecycle": flags["lifecycle"] or usual.get("lifecycle")}), port=0
            )
            lifecycle = settings.lifecycle
            settings = _start(settings, leaving)
            server = running_server(settings)
        if fast_sleep and lifecycle != MANUAL:
            raise Refused(NOT_MANUAL.format(lifecycle=lifecycle))
        shims = Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="fakepersonalize-programs-")))
        write_shims(shims)
        for_aws = variables(settings, region)
        yield Started(server.url, of_a_program(for_aws, server, shims, fast_sleep, environ))


def running_server(settings: Settings) -> RunningServer:
    """Return the server that settings name. Raises Refused where its port is not known."""
    try:
        return RunningServer(address(settings), settings.token)
    except (OSError, ValueError) as error:
        raise Refused(CANNOT_USE.format(path=settings.port_file, reason=reason_of(error))) from None


@contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """Turn what keeps a server from starting into Refused."""
    from fakepersonalize.lifecycle.pace import UnusableRule
    from fakepersonalize.server import PortFileInUse
    from fakepersonalize.setups.reading import SetupError
    from fakepersonalize.storage.folder import FolderInUse

    try:
        yield
    except (FolderInUse, PortFileInUse, UnusableRule) as reason:
        raise Refused(str(reason)) from None
    except SetupError as reason:
        raise Refused(f"{reason}.") from None
    except sqlite3.Error as error:
        said = complaint(error) or f"{error}."
        raise Refused(CANNOT_USE.format(path=settings.data_dir, reason=said.removesuffix("."))) from None
    except OSError as error:
        raise Refused(_why(error, settings)) from None


def reason_of(error: Exception) -> str:
    reason: str = getattr(error, "strerror", None) or str(error)
    return reason.partition(" (while")[0].rstrip(".")  # Python names the address once more


def _start(settings: Settings, leaving: ExitStack) -> Settings:
    """Start a server that ends when the stack is left; return the settings that lead to it."""
    leaving.enter_context(own_environment())
    with explained(settings):
        from fakepersonalize.server import running

        server = leaving.enter_context(running(settings))
    return replace(settings, port=server.port, port_file=None, token=server.emulator.settings.token)


def _why(error: OSError, settings: Settings) -> str:
    """Say in a sentence why the server did not start."""
    reason = reason_of(error)
    if said := complaint(error):
        return said
    if isinstance(error, FileNotFoundError) and not error.filename:  # there is no place for temporary files
        return f"{reason}."
    if error.filename:
        return CANNOT_USE.format(path=error.filename, reason=reason)
    sentence = PORT_IN_USE if error.errno == errno.EADDRINUSE else PORT_REFUSED
    return sentence.format(host=settings.host, port=settings.port, reason=reason)
