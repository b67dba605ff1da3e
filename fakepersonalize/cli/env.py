"""The lines that point AWS's tools to a server, in the languages of several shells."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from fakepersonalize import announcing
from fakepersonalize.announcing import REGION
from fakepersonalize.settings import Settings


class Shell(NamedTuple):
    """How a shell sets a variable of the environment, and how it quotes."""

    line: str
    quote: Callable[[str], str]


def _in_fish(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _in_powershell(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


SHELLS = {
    "sh": Shell("export {name}={value}", shlex.quote),
    "fish": Shell("set -gx {name} {value};", _in_fish),
    "powershell": Shell("$env:{name} = {value}", _in_powershell),
    # Docker takes quotes in such a file for part of the value.
    "dotenv": Shell("{name}={value}", str),
}


def lines(settings: Settings, shell: str, region: str = REGION) -> list[str]:
    """Return the lines for one of `SHELLS`; the access key of twelve digits is the account.

    With a `port_file`, the port is read from it; raises OSError or ValueError where it holds none.
    """
    how = SHELLS[shell]
    return [how.line.format(name=name, value=how.quote(value)) for name, value in variables(settings, region).items()]


def variables(settings: Settings, region: str = REGION) -> dict[str, str]:
    """Return the variables that lead AWS's tools to the server that settings name; raises as `lines` does."""
    return announcing.variables(address(settings), region)


def detected_shell(environ: Mapping[str, str] = os.environ, system: str = os.name) -> str:
    """Return the shell that is likely in use: what SHELL names, PowerShell on Windows, else sh."""
    named = Path(environ.get("SHELL", "")).name
    if named == "fish":
        return "fish"
    return "powershell" if system == "nt" and not named else "sh"


def address(settings: Settings) -> str:
    """Return the URL of the server that settings name; raises OSError or ValueError as `lines` does."""
    from fakepersonalize.server import ANY_ADDRESS

    host = ANY_ADDRESS.get(settings.host, settings.host)
    port = _port_in(Path(settings.port_file)) if settings.port_file else settings.port
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _port_in(file: Path) -> int:
    text = file.read_text("utf-8")
    if not text.strip().isdecimal():
        raise ValueError("it holds no port")
    return int(text)
