"""Lags: how long after rows came they count in answers. The service takes its time; tests want none, as a rule."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class Lags:
    """Seconds of the emulator's clock between a call and the answers that know of it."""

    events: float = 0.0  # PutEvents and PutActionInteractions, until recommendations and filters know
    records: float = 0.0  # PutItems, PutUsers, PutActions and imports, until filters and metadata know
    updates: float = 0.0  # between two automatic updates, which bring new items in
    increments: float = 0.0  # between two incremental updates, which bring new texts in


# https://docs.aws.amazon.com/personalize/latest/dg/recording-events.html (a user's next recommendations: seconds),
# https://docs.aws.amazon.com/personalize/latest/dg/filter.html (metadata: within 20 minutes),
# https://docs.aws.amazon.com/personalize/latest/dg/native-recipe-new-item-USER_PERSONALIZATION.html (every two hours),
# https://docs.aws.amazon.com/personalize/latest/dg/native-recipe-semantic-similarity.html (about half an hour in all)
LAGS = {"none": Lags(), "aws": Lags(events=2.0, records=20 * 60.0, updates=2 * 3600.0, increments=10 * 60.0)}


class Brought(NamedTuple):
    """What brought something: the number of a streamed row, and when it began to count."""

    number: int
    at: float


def is_late(at: float, when: float, now: float) -> bool:
    """Tell whether what came `at` a time was not there yet at another; a time to come is of a clock that ran ahead."""
    return when < at <= now


class Arriving(Protocol):
    """What comes to a dataset."""

    @property
    def dataset(self) -> int: ...

    @property
    def number(self) -> int: ...

    @property
    def at(self) -> float: ...


Row = TypeVar("Row", bound=Arriving)


class Waiting(Generic[Row]):
    """Rows on their way to a listener, which hears of each once its time has come and somebody asks."""

    def __init__(self, hear: Callable[[Sequence[Row]], None], seconds: float, now: Callable[[], float]) -> None:
        self._hear, self._seconds, self._now = hear, seconds, now
        self._lock = threading.Lock()
        self._rows: deque[tuple[float, Sequence[Row]]] = deque()

    def rows(self) -> list[Row]:
        """Return what is on its way."""
        with self._lock:
            return [row for _, rows in self._rows for row in rows]

    def take(self, rows: Sequence[Row]) -> None:
        """Hear of new rows, in the order in which they are to be passed on."""
        if self._seconds:
            with self._lock:
                self._rows.append((self._now() + self._seconds, rows))
        else:
            self._hear(rows)

    def resume(self, rows: Sequence[Row]) -> None:
        """Hear of rows of an earlier run, by when they came; none waits longer than a new one does."""
        if not self._seconds:
            self._hear(rows)
            return
        now = self._now()
        due = [min(row.at, now) + self._seconds for row in rows]
        self._hear([row for row, when in zip(rows, due) if when <= now])
        waiting = [(when, [row]) for row, when in zip(rows, due) if when > now]
        with self._lock:
            self._rows = deque(sorted([*self._rows, *waiting], key=lambda each: each[0]))

    def drop(self, dataset: int) -> None:
        """Forget what is on its way to a dataset."""
        self.forget(lambda row: row.dataset == dataset)

    def remove(self, numbers: Set[int]) -> None:
        """Forget rows with these numbers."""
        self.forget(lambda row: row.number in numbers)

    def forget(self, unwanted: Callable[[Row], bool]) -> None:
        with self._lock:
            kept = [(due, [row for row in rows if not unwanted(row)]) for due, rows in self._rows]
            self._rows = deque(kept)

    def settle(self) -> None:
        """Pass on what is due."""
        if not self._rows:
            return
        with self._lock:
            while self._rows and self._rows[0][0] <= self._now():
                self._hear(self._rows.popleft()[1])
