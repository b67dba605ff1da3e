"""What campaigns and recommenders try out: new items, and how much is known of every item by now.

A model that is the latest of its solution is brought up to date by itself: items that were put or met since it was
trained can be tried out, and what is met or passed over counts.
https://docs.aws.amazon.com/personalize/latest/dg/native-recipe-new-item-USER_PERSONALIZATION.html
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from fakepersonalize.datasets.live import shown_with
from fakepersonalize.recipes import exploration, noise
from fakepersonalize.recipes.exploration import Codes, Knowledge, Newcomers
from fakepersonalize.recipes.models.cold_start import UNKNOWN
from fakepersonalize.recipes.training import Queries
from fakepersonalize.recommend.candidates import Items
from fakepersonalize.recommend.lags import Brought, is_late
from fakepersonalize.recommend.loaded import LoadedModel
from fakepersonalize.storage.streamed import Event

CREATED = "CREATION_TIMESTAMP"
LONG_AGO = np.iinfo(np.int64).min  # older than every cut-off

Counts = npt.NDArray[np.int64]
At = Callable[[float, float], Items]  # what was there at a time, as the clock says another now
Streamed = Callable[[], Mapping[str, Brought]]  # items that streamed rows brought after the training
NOTHING = Brought(0, -math.inf)


class _Note(NamedTuple):
    """How an event changed what is known, so that it can be taken back."""

    number: int
    met: str
    passed_over: Sequence[str]
    came: int  # when the item came, and the latest interaction of all, as they were before
    latest: int
    at: float  # when it began to count


class Exploring:
    """What is known of the items of one model, and of those that came after its training. Safe for threads."""

    def __init__(self, loaded: LoadedModel, pause: float, now: Callable[[], float], since: float = 0.0) -> None:
        """`pause` seconds of the clock pass between two updates, `since` a time: whoever is made anew keeps to them."""
        assert loaded.knowledge is not None
        self._since = since
        self._trained, self._known, self._pause, self._now = loaded.knowledge, loaded.knowledge, pause, now
        self._lock = threading.Lock()
        self._items, self._last = loaded.items, loaded.learnt.last
        self._keys = noise.keys(loaded.item_ids)
        self._codes: Mapping[str, int] = loaded.items
        self._catalogue: Items | None = None
        self._log: Sequence[Event] = ()
        self._read = 0
        self._notes: list[_Note] = []
        self._joined: dict[str, Brought] = {}  # by id, the newest streamed row when an update took the item in
        self._newest = NOTHING  # of all that changed something
        self._updated: float | None = None
        self._chosen: dict[float, Newcomers] = {}  # by cut-off
        self._moved: tuple[Items | None, dict[float, Newcomers]] = None, {}  # the same in the codes of other items

    def refresh(
        self,
        catalogue: Items,
        log: Sequence[Event],
        mark: int = 0,
        at: At | None = None,
        ended: float = math.inf,
        streamed: Streamed = dict,
    ) -> None:
        """Take in new items and new events, if it is time to; `mark` is the number of the newest streamed row.

        Where updates pause, or have `ended`, `at` tells of the catalogue what it was at the last of them. `streamed`
        tells which items a row brought after the training: earlier answers did not know them, even if the model has
        left the memory since.
        """
        if self._catalogue is catalogue and self._log is log and self._read == len(log):
            return
        with self._lock:
            now = self._now()
            update, held = min(ended, self._last_update(now)), self._pause or ended < math.inf
            if held and self._updated is not None and update <= self._updated:
                return
            self._updated = update
            if held and at:
                catalogue = at(update, now)
            if self._log is not log:  # a dataset with other events: the old ones count no more
                self._log, self._read, self._notes = log, 0, []
                self._known, self._codes, self._catalogue = self._trained, self._items, None
                self._joined, self._newest = {}, NOTHING
            if self._catalogue is not catalogue:
                self._take_in(catalogue, Brought(mark, update if self._pause else -math.inf), streamed)
            self._follow(update, now)
            self._chosen, self._moved = {}, (None, {})

    def newcomers(self, cut_off_days: float, items: Items, until: int | None = None, at: float = math.inf) -> Newcomers:
        """Return what can be tried out of some items, in their codes; what is no item any more is not.

        It is as it was when the streamed row with the number `until` was the newest, at the time `at`.
        """
        with self._lock:
            if until is not None and (self._newest.number > until or self._newest.at > at):
                known = self._before(until, at)
                return self._in_codes_of(items, exploration.newcomers(known, cut_off_days, self._keys))
            if cut_off_days not in self._chosen:
                self._chosen[cut_off_days] = exploration.newcomers(self._known, cut_off_days, self._keys)
            if self._catalogue in (None, items):
                return self._chosen[cut_off_days]
            if self._moved[0] is not items:
                self._moved = items, {}
            moved = self._moved[1]
            if cut_off_days not in moved:
                moved[cut_off_days] = self._in_codes_of(items, self._chosen[cut_off_days])
            return moved[cut_off_days]

    def _in_codes_of(self, items: Items, new: Newcomers) -> Newcomers:
        """Between two updates, and after the last one, items come, go and change their places among the others."""
        if self._catalogue is None or self._catalogue is items:  # the model's items have the same codes everywhere
            return new
        ids = self._catalogue.ids
        codes = np.array([items.codes.get(ids[code], -1) for code in new.codes.tolist()], np.int64)
        order = np.argsort(codes, kind="stable")
        order = order[codes[order] >= 0]
        return Newcomers(codes[order], new.bonus[order], new.keys[order])

    def _take_in(self, catalogue: Items, mark: Brought, streamed: Streamed) -> None:
        """Go over to the codes of a catalogue; the model's items have the same ones in each."""
        own, further = len(self._items), catalogue.ids[len(self._items) :]
        earlier = np.array([self._codes.get(id_, -1) for id_ in further], np.int64)
        created = _created(catalogue, further)

        def moved(column: Counts, absent: int) -> Counts:
            found = np.full(len(further), absent)
            found[earlier >= 0] = column[earlier[earlier >= 0]]
            return np.concatenate([column[:own], found])

        came = moved(self._known.came, UNKNOWN)
        came[own:] = np.where(created > 0, created, came[own:])
        self._known = Knowledge(came, moved(self._known.met, 0), moved(self._known.passed_over, 0), self._known.latest)
        keys = self._keys[earlier]
        new = [id_ for id_, code in zip(further, earlier.tolist()) if code < 0]
        keys[earlier < 0] = noise.keys(new)
        self._keys = np.concatenate([self._keys[:own], keys])
        if self._catalogue is None:  # what was imported was there before anybody asked
            brought = streamed()
            joined = {id_: self._counting(*brought[id_]) for id_ in brought.keys() & {*new}}
        else:
            joined = dict.fromkeys(new, mark)
        self._joined |= joined
        self._note(*joined.values())
        self._catalogue, self._codes = catalogue, catalogue.codes

    def _last_update(self, now: float) -> float:
        """Return when the last update was due."""
        if not self._pause:
            return now
        passed = max(0.0, round(now - self._since, 3))  # as clocks tell it
        return round(self._since + passed // self._pause * self._pause, 3)

    def _counting(self, number: int, at: float) -> Brought:
        """Return a row that came at a time with the update from which on it counts."""
        if not self._pause:
            return Brought(number, -math.inf)
        passed = max(0.0, round(at - self._since, 3))
        return Brought(number, round(self._since + math.ceil(passed / self._pause) * self._pause, 3))

    def _note(self, *brought: Brought) -> None:
        """Notice what changed something."""
        numbers, times = zip(self._newest, *brought)
        self._newest = Brought(max(numbers), max(times))

    def _follow(self, update: float, now: float) -> None:
        """Count what had happened at an update; stop at what the catalogue does not know yet."""
        known, latest = self._known, self._known.latest
        while self._read < len(self._log):
            event = self._log[self._read]
            code = self._codes.get(event.item)
            if code is None or is_late(event.at, update, now):
                break
            self._read += 1
            if event.number <= self._last:  # the training has counted it
                continue
            shown = [id_ for id_ in shown_with(event) if id_ in self._codes]
            counting = self._counting(event.number, event.at)
            self._note(counting)
            self._notes.append(_Note(event.number, event.item, shown, int(known.came[code]), latest, counting.at))
            known.met[code] += 1
            known.passed_over[[self._codes[id_] for id_ in shown]] += 1
            known.came[code] = min(known.came[code], event.time)
            latest = max(latest, event.time)
        self._known = known._replace(latest=latest)

    def _before(self, until: int, at: float) -> Knowledge:
        """Return what was known when the streamed row with the number `until` was the newest, at a time."""
        known = Knowledge(self._known.came.copy(), self._known.met.copy(), self._known.passed_over.copy(), 0)
        latest = self._known.latest
        for note in reversed(self._notes):
            if note.number <= until and note.at <= at:
                break
            code, latest = self._codes[note.met], note.latest
            known.came[code] = note.came
            known.met[code] -= 1
            known.passed_over[[self._codes[id_] for id_ in note.passed_over if id_ in self._codes]] -= 1
        for id_, joined in self._joined.items():
            if id_ in self._codes and (joined.number > until or joined.at > at):
                known.came[self._codes[id_]] = LONG_AGO
        return known._replace(latest=latest)


def met(queries: Queries, live: Sequence[Sequence[Event]], codes: Mapping[str, int]) -> tuple[Codes, Codes]:
    """Return the items that users have met, also those that the model does not know: users by place, and items."""
    histories = queries.histories
    new = [(row, codes[event.item]) for row, events in enumerate(live) for event in events if event.item in codes]
    if not new:
        return histories.users(), histories.items
    rows, items = np.array(new, np.int64).T
    return np.concatenate([histories.users(), rows]), np.concatenate([histories.items, items])


def _created(catalogue: Items, ids: Sequence[str]) -> Counts:
    """Return when items were made as the Items dataset has it now, [ids]; 0 where that is unknown."""
    rows = catalogue.rows
    names = [name for name in (rows.table.column_names if rows else ()) if name.upper() == CREATED]
    if rows is None or not names:
        return np.zeros(len(ids), np.int64)
    cells = rows.only(names).aligned(ids)[names[0]]
    created: Counts = pc.fill_null(cells, 0).to_numpy().astype(np.int64)
    return created
