"""A lock that many share, or one has alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Sharing:
    """A lock that many may share, or one has alone; who waits to be alone comes before those who come to share."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._sharers = self._waiting = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self._change:
            self._change.wait_for(lambda: not self._waiting)
            self._sharers += 1
        try:
            yield
        finally:
            with self._change:
                self._sharers -= 1
                self._change.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self._change:
            self._waiting += 1
            try:
                self._change.wait_for(lambda: not self._sharers)
            finally:
                self._waiting -= 1
                self._change.notify_all()
            yield
