"""How many calls a second there may be, counted by the emulator's own clock."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping

from fakepersonalize import errors
from fakepersonalize.resources.quotas import RATES, Rate

Counted = tuple[Rate, str, str]  # the rate, the operation where it counts alone, and what it is counted for


class Rates:
    """The calls of the second that runs; those of the one before are forgotten.

    A call is counted only where none of its rates refuses it. Nothing is counted unless `on`.
    Source: https://docs.aws.amazon.com/personalize/latest/dg/limits.html
    """

    def __init__(self, now: Callable[[], float], on: bool) -> None:
        self._now, self._on = now, on
        self._lock = threading.Lock()
        self._second, self._calls = 0, dict[Counted, int]()

    def count(self, operation: str, places: Mapping[str, str]) -> None:
        """Count a call; `places` maps what rates are per to who is called. Raises ThrottlingException."""
        if not self._on:
            return
        rates = RATES.get(operation, ())
        counted = [(rate, "" if rate.per == "region" else operation, places[rate.per]) for rate in rates]
        with self._lock:
            self._turn_over(math.floor(self._now()))
            for each in counted:
                if self._calls.get(each, 0) >= each[0].most:
                    raise errors.throttled(each[0].most, each[0].per)
            for each in counted:
                self._calls[each] = self._calls.get(each, 0) + 1

    def _turn_over(self, second: int) -> None:
        if second != self._second:
            self._second, self._calls = second, {}
