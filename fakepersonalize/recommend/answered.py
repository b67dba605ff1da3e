"""The newest answers by their recommendation ids: what they said, and what it takes to work them out once more."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from fakepersonalize.recommend.answer import Endpoint

MOST_BYTES = 256 * 2**20  # of all answers together: a hundred thousand usual ones take a quarter of it
OVERHEAD_BYTES = 500  # of one answer, beside its request and its list
BYTES_OF_AN_ITEM = 8  # the texts of ids belong to the model


class Answer(NamedTuple):
    """One answer of a campaign or recommender."""

    endpoint: Endpoint
    operation: str
    request: bytes  # JSON, as it came
    items: Sequence[str]  # ids as they were listed, of actions for GetActionRecommendations
    mark: int  # the number of the last streamed row that it knew
    time: float  # of the emulator's clock

    @property
    def size(self) -> int:
        return OVERHEAD_BYTES + len(self.request) + BYTES_OF_AN_ITEM * len(self.items)

    def asked(self) -> dict[str, Any]:
        """Return the members of the request; null is absent."""
        return {name: value for name, value in json.loads(self.request).items() if value is not None}


class Answers:
    """At most `most` answers, and fewer where they are large: the oldest go. Safe for threads."""

    def __init__(self, most: int, most_bytes: int = MOST_BYTES) -> None:
        self.most, self._most_bytes = most, most_bytes
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._bytes = 0

    def keep(
        self,
        id_: str,
        endpoint: Endpoint,
        operation: str,
        request: bytes,
        items: Sequence[str],
        mark: int,
        time: float,
    ) -> None:
        """Remember an answer under its recommendation id; `request` is JSON, and `items` are the ids of its list."""
        answer = Answer(endpoint, operation, request, tuple(items), mark, time)  # a list takes a third more
        with self._lock:
            if id_ in self._answers:
                self._forget(id_)
            self._answers[id_] = answer
            self._bytes += answer.size
            while len(self._answers) > self.most or self._bytes > self._most_bytes:
                self._bytes -= self._answers.popitem(last=False)[1].size

    def find(self, id_: str) -> Answer | None:
        """Return the answer with a recommendation id; None for an id that was never given or that was too long ago."""
        return self._answers.get(id_)

    def clear(self, account: str | None = None) -> None:
        """Forget all answers, or those of an account."""
        with self._lock:
            gone = [id_ for id_, each in self._answers.items() if account in (None, each.endpoint.arn.split(":")[4])]
            for id_ in gone:
                self._forget(id_)

    def _forget(self, id_: str) -> None:
        self._bytes -= self._answers.pop(id_).size
