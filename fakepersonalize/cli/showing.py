"""How commands print what a server holds: tables that fit a terminal and are whole in a pipe, numbers and times."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

IN_A_PIPE = 10_000  # columns: programs read whole lines
COLOURS = {"ACTIVE": "green", "COMPLETED": "green", "done": "green", "working": "cyan", "reading": "cyan"}
FAILED = "red"
WAITING = "yellow"


def console() -> Console:
    """Return where tables go: as wide as the terminal, or as wide as they are."""
    from rich.console import Console

    found = Console(highlight=False, markup=False, emoji=False)
    return found if found.is_terminal else Console(highlight=False, markup=False, emoji=False, width=IN_A_PIPE)


def colour(status: str) -> str:
    """Return the colour of a status or a state."""
    return FAILED if "failed" in status.lower() else COLOURS.get(status, WAITING)


def name(arn: str) -> str:
    """Return what an ARN says behind the account: `batch-inference-job/monday`."""
    return arn.split(":", 5)[-1]


def plain(text: str) -> str:
    """Return a text without control characters: what clients sent must not command the terminal."""
    return "".join("?" if unicodedata.category(sign) == "Cc" else sign for sign in text)


def duration(seconds: float) -> str:
    """Return a span of time in at most two units: `45 s`, `2 min 5 s`, `20 min`, `1 h 3 min`, `2 d 4 h`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, hours = whole // 60, whole // 3600
    if minutes < 10:
        return _units(minutes, "min", whole % 60, "s")
    if hours < 1:
        return f"{minutes} min"
    return _units(hours, "h", minutes % 60, "min") if hours < 48 else _units(hours // 24, "d", hours % 24, "h")


def amount(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: `1 row`, `1,682 rows`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _units(large: int, its: str, small: int, their: str) -> str:
    return f"{large} {its} {small} {their}" if small else f"{large} {its}"
