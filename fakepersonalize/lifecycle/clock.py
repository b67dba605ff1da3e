"""What time it is: the only module that asks the operating system.

Times are seconds since the Unix epoch, in milliseconds as the service prints them.
"""

from __future__ import annotations

import math
import threading
import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float: ...

    def seconds_until(self, when: float) -> float:
        """Return how many seconds of the operating system pass until `when` (0 when it is over)."""
        ...


class WallClock:
    """The operating system's time, or what a test puts in its place."""

    def now(self) -> float:
        return round(self.exact(), 3)

    def exact(self) -> float:
        """Return the time as `now` does, not rounded."""
        return time.time()

    def seconds_until(self, when: float) -> float:
        return max(0.0, when - self.exact())


class SteadyClock(WallClock):
    """The operating system's time, which never goes back here: what waits for a time would wait the longer for it.

    When somebody sets the system's clock back, this one goes on as if nobody had, by the monotonic clock, until the
    system's time has caught up or the server starts again. A clock that is set forward is followed.
    """

    def __init__(self) -> None:
        self._ahead = -math.inf  # of the monotonic clock

    def exact(self) -> float:
        system = time.time()
        monotonic = time.monotonic()  # asked second: a thread that is interrupted in between sees less, never more
        self._ahead = max(self._ahead, system - monotonic)
        return monotonic + self._ahead


class ScaledClock:
    """Time that runs `factor` times as fast as the wall clock; starts with it, or at `since` if that is later."""

    def __init__(self, factor: float, since: float = 0.0) -> None:
        self.factor = factor
        self._wall = SteadyClock()
        self._begun = self._wall.exact()
        self._start = max(self._begun, since)

    def now(self) -> float:
        return round(self._start + (self._wall.exact() - self._begun) * self.factor, 3)

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
