"""Answers of operations that only read, kept until something is written: whoever polls costs next to nothing."""

from __future__ import annotations

from collections.abc import Callable

from fakepersonalize.arns import Scope
from fakepersonalize.protocol.wire import Reply

MOST_ANSWERS = 256

Question = tuple[str, Scope, bytes]  # name of the operation, who asks, the body as it came


class KeptAnswers:
    """The answers that were given since the last commit.

    They depend on nothing but committed rows, so the same question has the same answer until the next commit.
    `commits` counts them; it moves on before whoever wrote hears of it.
    """

    def __init__(self, commits: Callable[[], int]) -> None:
        self._commits = commits
        self._kept: tuple[int, dict[Question, Reply]] = (-1, {})

    def answer(self, question: Question, ask: Callable[[], Reply]) -> Reply:
        """Return an answer, from `ask` if it is not known; what `ask` raises is not kept."""
        now = self._commits()  # before the rows are read: an answer from in between two commits is not found again
        since, answers = self._kept
        if since != now or len(answers) >= MOST_ANSWERS:
            answers = {}
            self._kept = (now, answers)
        reply = answers.get(question)
        if reply is None:
            reply = answers[question] = ask()
        return reply
