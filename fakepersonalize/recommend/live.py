"""The live overlay: what users did since their model was trained, in memory, because the next answer must know it.

Of one dataset there is a history for each user, and for each session while it is anonymous.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set

from fakepersonalize.datasets.inlets import Inlets
from fakepersonalize.datasets.live import Distinct
from fakepersonalize.recommend.lags import Waiting
from fakepersonalize.storage.streamed import Event, Record, StreamedRows


class LiveEvents:
    """The streamed events of all datasets by their owners, in the order of their arrival; repeated ones count once.

    New ones count `lag` seconds of the clock after they came.
    """

    def __init__(
        self, streamed: StreamedRows, inlets: Inlets, lag: float = 0.0, now: Callable[[], float] = float
    ) -> None:
        self._inlets = inlets
        self._datasets: dict[int, StreamedHistories] = {}
        self._last = 0
        self._waiting = Waiting(self.take, lag, now)
        for dataset in streamed.datasets():
            self._waiting.resume(streamed.events(dataset))
        streamed.listeners.append(self._waiting.take)
        streamed.removals.append(self.remove)

    @property
    def last(self) -> int:
        """The number of the newest streamed row that counts."""
        self._waiting.settle()
        return self._last

    def take(self, rows: Iterable[Event | Record]) -> None:
        """Hear of new rows."""
        for row in rows:
            if isinstance(row, Event):
                self._datasets.setdefault(row.dataset, StreamedHistories()).add(row)
            self._last = max(self._last, row.number)

    def of(self, dataset_arn: str, owner: str, until: int | None = None, learnt: int = 0) -> Sequence[Event]:
        """Return the events of a user, or of an anonymous session, in the dataset that has the ARN now.

        `until` is the number of the last streamed row that counts; None counts all. `learnt` is that of the last one at
        a training: up to there, what a session did before it was known as a user's is the user's.
        """
        self._waiting.settle()
        inlet = self._inlets.of(dataset_arn)
        histories = self._datasets.get(inlet.dataset) if inlet else None
        events = histories.of(owner, learnt) if histories else ()
        if until is None or not events or events[-1].number <= until:
            return events
        return [event for event in events if event.number <= until]

    def remove(self, dataset: int, numbers: Set[int]) -> None:
        """Forget events of a dataset by their numbers."""
        self._waiting.remove(numbers)
        old, new = self._datasets.get(dataset), StreamedHistories()
        for event in old.log if old else ():
            if event.number not in numbers:
                new.add(event)
        self._datasets[dataset] = new

    def log(self, dataset_arn: str) -> Sequence[Event]:
        """Return the events of the dataset that has the ARN now, as they arrived; the list goes on growing.

        It is there before the first event: whoever follows it takes another one for that of another dataset.
        """
        self._waiting.settle()
        inlet = self._inlets.of(dataset_arn)
        if inlet is None:
            return ()
        histories = self._datasets.get(inlet.dataset) or self._datasets.setdefault(inlet.dataset, StreamedHistories())
        return histories.log

    def items(self, dataset_arn: str) -> Sequence[str]:
        """Return the items of these events, each once; the list goes on growing."""
        inlet = self._inlets.of(dataset_arn)
        histories = self._datasets.get(inlet.dataset) if inlet else None
        return histories.items if histories else ()

    def drop(self, dataset: int) -> None:
        """Forget a dataset."""
        self._waiting.drop(dataset)
        self._datasets.pop(dataset, None)


class StreamedHistories:
    """The streamed events of one dataset by their owners; repeated ones count once."""

    def __init__(self) -> None:
        self.by_owner: dict[str, list[Event]] = {}
        self.log: list[Event] = []
        self.items: list[str] = []
        self._named: dict[str, Event] = {}  # of each session the first event with a user
        self._sessions: dict[str, list[str]] = {}  # of each user
        self._known: set[str] = set()
        self._distinct = Distinct()

    def of(self, owner: str, learnt: int = 0) -> Sequence[Event]:
        """Return the events of a user, or of an anonymous session, in the order of their arrival.

        Up to the row `learnt`, what a session did before it was known as the user's is the user's.
        """
        events: Sequence[Event] = self.by_owner.get(owner, ())
        joined = self._joined(owner, learnt) if learnt else []
        return sorted([*events, *joined], key=_number) if joined else events

    def _joined(self, user: str, learnt: int) -> list[Event]:
        """Return what sessions did without a user that a training knew as this user's."""
        return [
            event
            for session in self._sessions.get(user, ())
            if self._named[session].number <= learnt
            for event in self.by_owner.get(session, ())
            if event.user is None and event.number <= learnt
        ]

    def add(self, event: Event) -> None:
        if event.user is not None and event.session not in self._named:
            self._named[event.session] = event
            self._sessions.setdefault(event.user, []).append(event.session)
        if self._distinct.is_new(event):
            self.by_owner.setdefault(event.owner, []).append(event)
            if event.item not in self._known:
                self._known.add(event.item)
                self.items.append(event.item)
            self.log.append(event)


def _number(event: Event) -> int:
    return event.number
