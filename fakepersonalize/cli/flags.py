"""Settings as flags of the command line."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping
from dataclasses import Field, fields
from typing import Any, get_args, get_origin, get_type_hints

from fakepersonalize.cli.refusal import Refused
from fakepersonalize.settings import Settings

OF_THE_ADDRESS = ("host", "port", "port_file")
OF_A_RUNNING_SERVER = (*OF_THE_ADDRESS, "token")
# What the same settings mean to a command that talks to a server.
OF_A_CLIENT = {
    "host": "host of the server to talk to",
    "port": "port of the server to talk to",
    "port_file": "file with the port of the server to talk to, as serve --port-file writes it",
    "token": "admin token of the server to talk to, if it wants one",
}


def add_flags(parser: argparse._ActionsContainer, names: Iterable[str], helps: Mapping[str, str] | None = None) -> None:
    """Add a flag for each of some settings; `helps` says what they mean here, where that differs from `serve`."""
    rows = {f.name: f for f in fields(Settings)}
    hints = get_type_hints(Settings)
    for name in names:
        flag = rows[name].metadata["flag"] or name.replace("_", "-")
        said = {"help": helps[name]} if helps else {}
        parser.add_argument(f"--{flag}", dest=name, **_flag(rows[name], hints[name]) | said)


def add_client_flags(parser: argparse._ActionsContainer, names: Iterable[str]) -> None:
    """Add the flags that name a running server, by default the one where `serve` listens by default."""
    defaults = {f.name: f" (default: {f.default})" for f in fields(Settings) if f.name in ("host", "port")}
    add_flags(parser, names, {name: OF_A_CLIENT[name] + defaults.get(name, "") for name in names})


def _flag(row: Field[Any], hint: Any) -> dict[str, Any]:
    """Return how argparse reads a setting; None stands for a flag that is not given."""
    if hint is bool:
        return {"help": row.metadata["help"], "default": None, "action": "store_true"}
    default = f" (default: {row.default})" if isinstance(row.default, (str, int)) else ""
    flag: dict[str, Any] = {"help": row.metadata["help"] + default, "default": None}
    if get_origin(hint) is tuple:
        return flag | {"action": "append", "metavar": row.name.upper()}
    if row.metadata["choices"]:
        return flag | {"choices": row.metadata["choices"]}
    reader = next(iter(get_args(hint)), hint)  # `int | None` reads an int
    return flag | {"type": reader, "metavar": row.name.rpartition("_")[2].upper()}


def settings_of(flags: Mapping[str, Any]) -> Settings:
    """Return what flags and environment say together."""
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in flags.items()}
    try:
        return Settings.from_environment(os.environ, **given)
    except ValueError as error:
        raise Refused(f"{error}.") from None
