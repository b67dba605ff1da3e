"""The threads of a server. One at a time leads: it waits for requests, and answers them itself, one after the other.

Threads that all answer at once hand the interpreter to each other at every system call, and where that wakes another
core it costs more than the answer. So nobody else is woken until a request turns out to be slow: then its thread goes
on with it alone and another one leads. The pattern: Schmidt and others, "Leader/Followers", PLoP 2000.

A thread that sleeps because a fault says so has another one in its place meanwhile. While all threads are busy, urgent
requests have a few threads of their own.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any, Protocol

from waitress import wasyncore

log = logging.getLogger(__name__)

SLOW_SECONDS = 0.01  # how long all wait for one
REST_SECONDS = 0.5  # without requests, until nobody watches how long they take
POLL_SECONDS = 1.0
URGENT_THREADS = 4


class Task(Protocol):
    """What waitress wants done: a connection with a request that has come whole."""

    def service(self) -> None: ...

    @property
    def urgent(self) -> bool: ...


class Crew:
    """Answers what comes on `sockets`, waitress's own map of them, with `threads`; ends when nothing is left in it."""

    def __init__(self, sockets: dict[int, Any], threads: int, poll: bool) -> None:
        self._sockets = sockets
        self._poll = wasyncore.poll2 if poll else wasyncore.poll
        self._tasks: deque[Task] = deque()
        self._lead = threading.Lock()
        self._guard = threading.Lock()  # guards the two below
        self._leader: int | None = None
        self._begun: float | None = None  # when the leader began with its request
        self._busy = threading.Event()
        self._over = threading.Event()
        self._most, self._asleep = threads, 0
        self._threads: set[threading.Thread] = set()
        self._urgent = threading.Semaphore(URGENT_THREADS)
        self._watch = threading.Thread(target=self._watch_the_leader, name="fakepersonalize-watch", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        for _ in range(self._most):
            self._hire()
        self._watch.start()

    def join(self, seconds: float) -> bool:
        """Wait so long for the end; say whether it has come. Requests in progress do not hold it up."""
        return self._over.wait(seconds)

    def dismiss(self, seconds: float) -> None:
        """Wait so long, once the end has come, for the threads: those with requests in progress may stay away."""
        deadline = time.monotonic() + seconds
        with self._guard:
            threads = [*self._threads, self._watch]
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    @property
    def leads(self) -> bool:
        """Whether it is this thread that will look at the sockets next."""
        return self._leader == threading.get_ident()

    def pass_on(self) -> None:
        """Let another thread lead, because this one is about to wait."""
        with self._guard:
            if self.leads:
                self._resign()

    def sleep(self, seconds: float) -> None:
        """Sleep in a request; another thread takes this one's place meanwhile."""
        with self._guard:
            self._asleep += 1
            if self.leads:
                self._resign()
        try:
            with suppress(RuntimeError):  # the system has no more threads
                self._hire()
            time.sleep(seconds)
        finally:
            with self._guard:
                self._asleep -= 1

    def add_task(self, task: Task) -> None:
        """Take what waitress has found; the leader comes to it when it has looked at all sockets."""
        self._tasks.append(task)

    def _hire(self) -> None:
        thread = threading.Thread(target=self._work, name="fakepersonalize-server", daemon=True)
        thread.start()
        with self._guard:
            self._threads.add(thread)

    def _is_surplus(self) -> bool:
        """Whether this thread, which does not lead, is one too many because those that slept are back."""
        with self._guard:
            surplus = len(self._threads) - self._asleep > self._most
            if surplus:
                self._threads.discard(threading.current_thread())
        return surplus

    def _work(self) -> None:
        while not self._over.is_set() and not self._is_surplus():
            self._lead.acquire()  # released by whoever ends this thread's lead
            self._leader = threading.get_ident()
            while self.leads:
                if not self._sockets:
                    self._end()
                elif self._tasks:
                    self._do(self._tasks.popleft())
                else:
                    self._look()

    def _look(self, seconds: float = POLL_SECONDS) -> None:
        """Wait until sockets have something, and take it in: requests that are whole become tasks."""
        try:
            self._poll(seconds, self._sockets)
        except Exception:  # a socket that broke just now; without this thread nobody would look any more
            log.exception("looking at the sockets failed")
            time.sleep(SLOW_SECONDS)

    def _do(self, task: Task) -> None:
        self._begun = time.perf_counter()
        if not self._busy.is_set():
            self._busy.set()
        try:
            task.service()
        except BaseException:
            log.exception("a request failed")
        with self._guard:
            if self.leads:
                self._begun = None

    def _resign(self) -> None:
        self._leader = self._begun = None
        self._lead.release()

    def _end(self) -> None:
        self._over.set()
        self._busy.set()
        self.pass_on()

    def _watch_the_leader(self) -> None:
        """Take the lead from whoever is slow, stand in while all are; sleep while there is nothing to do."""
        rested = 0.0
        while not self._over.is_set():
            begun, led = self._begun, self._leader is not None
            time.sleep(SLOW_SECONDS)
            with self._guard:
                if begun is not None and begun == self._begun:
                    self._resign()
            if not led and self._leader is None:
                self._stand_in()
            rested = rested + SLOW_SECONDS if led and begun is None else 0.0
            if rested > REST_SECONDS:
                rested = 0.0
                self._busy.clear()
                if self._begun is None and self._leader is not None and not self._over.is_set():
                    self._busy.wait()

    def _stand_in(self) -> None:
        """Look at the sockets while all threads are busy: some may wait for what only that sends or closes."""
        if self._lead.acquire(blocking=False):
            self._leader = threading.get_ident()
            self._look(SLOW_SECONDS)
            self._do_what_is_urgent()
            if self._sockets:
                self.pass_on()
            else:
                self._end()

    def _do_what_is_urgent(self) -> None:
        for task in [task for task in self._tasks if task.urgent]:
            if not self._urgent.acquire(blocking=False):
                return
            self._tasks.remove(task)
            threading.Thread(target=self._do_apart, args=(task,), name="fakepersonalize-urgent", daemon=True).start()

    def _do_apart(self, task: Task) -> None:
        try:
            task.service()
        except BaseException:
            log.exception("a request failed")
        finally:
            self._urgent.release()
