"""Kill a real server at random moments, again and again: nothing that it acknowledged is lost, nothing is half there.

Belongs here: work that is done while the server is killed, and what must be there in its next life. Shared by
`tests/test_kill.py` and `benchmarks/hardening/kills.py`.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from accounts import PATIENCE_SECONDS, until
from lives import Dead, Life, runs

OPTIONS = ("--limits", "off", "--step-seconds", "0.03", "--iam", "enforce")
SHARE_KILLED_WHILE_STARTING = 0.1
MOST_LIVES = 4  # for each kill that is wanted; a slow machine may need several until the moment comes
REMEMBERED = 4  # how long a kind took the last times
START = "start"

Announce = Callable[[str], None]


class Work(Protocol):
    """Uses a server life after life; a kill strikes one of `kinds`, which takes about so many seconds."""

    kinds: dict[str, float]

    def prepare(self, server: Life) -> None:
        """Make what is needed, in a life of its own that is not killed before."""

    def use(self, server: Life, announce: Announce) -> None:
        """Use a server until it is dead; say before each call what kind it is, or "" for another one."""

    def check(self, server: Life) -> None:
        """Compare what is there with what earlier lives acknowledged."""

    def finish(self, server: Life) -> None:
        """Bring to its end what the kills interrupted, and see that all is well."""


@dataclass
class Toll:
    """How often each kind was under way when the server was killed, and how long it took to be there again."""

    struck: Counter[str] = field(default_factory=Counter)
    start_seconds: list[float] = field(default_factory=list)


class Killer:
    """Kills a server some time after the first call of a kind, and notes which kind was under way then.

    It adds to `took` how many seconds a kind took that came to its end.
    """

    def __init__(self, server: Life, kind: str, delay: float, took: dict[str, deque[float]]) -> None:
        self._server, self._kind, self._delay, self._took = server, kind, delay, took
        self._begun, self._lock = False, threading.Lock()
        self.under_way, self._since = START if kind == START else "", 0.0
        if kind == START:
            self._begin()

    def announce(self, kind: str) -> None:
        with self._lock:
            if kind != self.under_way:
                if self.under_way in self._took:
                    self._took[self.under_way].append(time.monotonic() - self._since)
                self.under_way, self._since = kind, time.monotonic()
            if kind == self._kind and not self._begun:
                self._begin()

    def _begin(self) -> None:
        self._begun = True
        timer = threading.Timer(self._delay, self._server.kill)
        timer.daemon = True
        timer.start()


def kill(folder: Path, work: Work, each: int, seed: int, toll: Toll) -> None:
    """Kill servers on a folder until each kind of work was struck so often; check what the next life finds."""
    dice, number = random.Random(seed), 0
    took = {kind: deque([seconds], maxlen=REMEMBERED) for kind, seconds in work.kinds.items()}
    with closing(Life(folder, 0, *OPTIONS)) as server:
        work.prepare(server)
    while min(toll.struck[kind] for kind in work.kinds) < each:
        number += 1
        assert number <= MOST_LIVES * each * len(work.kinds), f"some kinds are never struck: {toll.struck}"
        fewest = min(toll.struck[kind] for kind in work.kinds)
        kind = dice.choice([kind for kind in work.kinds if toll.struck[kind] == fewest])
        delay = dice.uniform(0.0, max(took[kind]))
        if dice.random() < SHARE_KILLED_WHILE_STARTING:
            kind, delay = START, dice.uniform(0.0, 0.6)
        with closing(Life(folder, number, *OPTIONS, listen=False)) as server:
            killer = Killer(server, kind, delay, took)
            with suppress(Dead):
                server.listen()
                toll.start_seconds.append(server.start_seconds)
                work.check(server)
                work.use(server, killer.announce)
            server.process.wait(PATIENCE_SECONDS)  # or else it lives and gives no answer
            toll.struck[killer.under_way] += 1
            until(lambda server=server: not any(runs(worker) for worker in server.workers))
            assert "Traceback" not in server.log.read_text("utf-8"), server.log.read_text("utf-8")
    with closing(Life(folder, number + 1, *OPTIONS)) as server:
        work.check(server)
        work.finish(server)
    assert "Traceback" not in server.log.read_text("utf-8"), server.log.read_text("utf-8")
