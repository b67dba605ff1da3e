"""How a command says that it cannot be done."""

from __future__ import annotations


class Refused(Exception):
    """What was asked for cannot be done; its one sentence says why."""
