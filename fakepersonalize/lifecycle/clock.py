"""What time it is: the only module that asks the operating system.

Times are seconds since the Unix epoch, in milliseconds as the service prints them.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float: ...

    def seconds_until(self, when: float) -> float:
        """Return how many seconds of the operating system pass until `when` (0 when it is over)."""
        ...


class WallClock:
    """The operating system's time."""

    def now(self) -> float:
        return round(time.time(), 3)

    def seconds_until(self, when: float) -> float:
        return max(0.0, when - time.time())


class ScaledClock:
    """Time that runs `factor` times as fast as the wall clock; starts with it, or at `since` if that is later."""

    def __init__(self, factor: float, since: float = 0.0) -> None:
        self.factor = factor
        self._wall = time.time()
        self._start = max(self._wall, since)

    def now(self) -> float:
        return round(self._start + (time.time() - self._wall) * self.factor, 3)

    def seconds_until(self, when: float) -> float:
        return max(0.0, when - self.now()) / self.factor


class ManualClock:
    """Time that stands still until it is told to move; it never moves back.

    It starts at `start`, or with the wall clock, or at `since` if that is later.
    """

    def __init__(self, start: float | None = None, since: float = 0.0) -> None:
        self._now = round(max(time.time() if start is None else start, since), 3)
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._now

    def move_to(self, when: float) -> None:
        with self._lock:
            self._now = max(self._now, round(when, 3))

    def seconds_until(self, when: float) -> float:
        return 0.0 if when <= self._now else 3600.0
