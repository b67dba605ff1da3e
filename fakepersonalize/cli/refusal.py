"""How a command says that it cannot be done."""

from __future__ import annotations


class Refused(Exception):
    """What was asked for cannot be done; its one sentence says why, and `status` is what the program exits with."""

    def __init__(self, sentence: str, status: int = 1) -> None:
        super().__init__(sentence)
        self.status = status
