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


def add_flags(parser: argparse._ActionsContainer, names: Iterable[str]) -> None:
    rows = {f.name: f for f in fields(Settings)}
    hints = get_type_hints(Settings)
    for name in names:
        flag = rows[name].metadata["flag"] or name.replace("_", "-")
        parser.add_argument(f"--{flag}", dest=name, **_flag(rows[name], hints[name]))


def _flag(row: Field[Any], hint: Any) -> dict[str, Any]:
    """Return how argparse reads a setting; None stands for a flag that is not given."""
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
