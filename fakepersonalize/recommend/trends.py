"""What trends by now: a trained trend and what was streamed since, looked at again at intervals, without a training.

Source: https://docs.aws.amazon.com/personalize/latest/dg/native-recipe-trending-now.html.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter

import numpy as np

from fakepersonalize.recipes.models.trending import Trending
from fakepersonalize.recommend.candidates import Items
from fakepersonalize.recommend.loaded import LoadedModel
from fakepersonalize.storage.streamed import Event


class Trends:
    """The trend of one model, new items included. Safe for threads."""

    def __init__(self, loaded: LoadedModel, interval: float | None, now: Callable[[], float]) -> None:
        """`interval` seconds of the clock pass between two looks; None for those that the training was told."""
        assert isinstance(loaded.model, Trending), "no other model knows a trend"
        self._trained, self._learnt = loaded.model, loaded.learnt
        self._interval, self._now = loaded.model.interval if interval is None else interval, now
        self._lock = threading.Lock()
        self._catalogue: Items | None = None
        self._log: Sequence[Event] = ()
        self._read = 0
        self._visits: dict[tuple[str, str], int] = {}
        self._looked: float | None = None
        self._looks: list[tuple[float, int]] = []  # where they pause: when, and how many events were there
        self._trend = loaded.model

    def model(self, catalogue: Items, log: Sequence[Event], until: int | None = None, at: float = math.inf) -> Trending:
        """Return what trends; as of the streamed row with the number `until`, at a time, if later ones are there."""
        with self._lock:
            self._look(catalogue, log)
            trend, read = self._trend, self._read
            looks = bisect_right(self._looks, at, key=itemgetter(0))
            last = self._looks[looks - 1][1] if looks else read
        if until is None or not read or (last == read and log[last - 1].number <= until):
            return trend
        return self._grown(self._trained, {}, catalogue, (event for event in log[:last] if event.number <= until))

    def _look(self, catalogue: Items, log: Sequence[Event]) -> None:
        if log is not self._log:  # a dataset with other events: the old ones count no more
            looked = None if self._read else self._looked
            self._log, self._read, self._catalogue, self._looked = log, 0, None, looked
            self._looks = [] if looked is None else [(looked, 0)]
        read = self._read
        if self._looked is None or self._now() >= self._looked + self._interval:
            self._looked, read = self._now(), len(log)
            if self._interval:
                self._looks.append((self._looked, read))
        if catalogue is not self._catalogue:  # other codes
            self._visits = {}
            self._trend = self._grown(self._trained, self._visits, catalogue, log[:read])
        elif read > self._read:
            self._trend = self._grown(self._trend, self._visits, catalogue, log[self._read : read])
        self._catalogue, self._read = catalogue, read

    def _grown(
        self, trend: Trending, visits: dict[tuple[str, str], int], catalogue: Items, events: Iterable[Event]
    ) -> Trending:
        """Return a trend with further events; of several visits of a user to an item the last one counts."""
        found: list[tuple[int, int, float]] = []
        for event in events:
            code = catalogue.codes.get(event.item)
            before = visits.get((event.owner, event.item))
            if code is None or not self._learnt.is_new(event) or (before is not None and before >= event.time):
                continue
            if before is not None:
                found.append((code, before, -1.0))
            visits[event.owner, event.item] = event.time
            found.append((code, event.time, 1.0))
        if not found and len(trend.recent) == len(catalogue.ids):
            return trend
        codes, times, signs = (np.array(column) for column in zip(*found)) if found else (np.zeros(0, int),) * 3
        return trend.later(codes, times, signs, len(catalogue.ids))
