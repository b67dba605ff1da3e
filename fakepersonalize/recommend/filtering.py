"""Filters of requests: a view of those that there are, compiled once, and what they look at while they choose."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from fakepersonalize import arns
from fakepersonalize.datasets.inlets import Inlets, dataset_arn
from fakepersonalize.datasets.schema import ACTION_INTERACTIONS, ACTIONS, INTERACTIONS, ITEMS, USERS, Column, Schema
from fakepersonalize.recommend.lags import Brought, is_late
from fakepersonalize.recommend.live import LiveEvents
from fakepersonalize.recommend.loaded import LoadedModel
from fakepersonalize.recommend.metadata import LiveMetadata, Rows
from fakepersonalize.recommend.past import Interaction, PastEvents
from fakepersonalize.resources.kinds import DATASET, FILTER
from fakepersonalize.resources.shelf import Resource, Shelf

if TYPE_CHECKING:
    from fakepersonalize.filters.evaluate import BoundFilter, Filter
    from fakepersonalize.recommend.actions import Actions
    from fakepersonalize.recommend.candidates import Items, Look

TYPES = (INTERACTIONS, ITEMS, USERS, ACTIONS, ACTION_INTERACTIONS)
EVENTS_OF = {ITEMS: INTERACTIONS, ACTIONS: ACTION_INTERACTIONS}
ROWS = (ITEMS, USERS, ACTIONS)
Frozen = Callable[[str], "Known | None"]
NO_TITLES = "The dataset group has no column {column} of {type}: there is {there}."
AUTOMATIC = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("{type}")'


@dataclass(frozen=True, slots=True)
class Known:
    """What filters know at one moment: the last streamed event, and the rows by the ARNs of their datasets."""

    last: int
    rows: Mapping[str, Rows | None]


class _Compiled(NamedTuple):
    """A filter of a dataset group, as the schemas of the datasets that it names were when it was compiled."""

    number: int
    schemas: Mapping[str, Schema | None]  # by the ARN of the dataset
    filter: Filter


class _Catalogue(NamedTuple):
    """What there is to choose from, and how many of which list of streamed items it has been looked up for."""

    items: Items | None
    streamed: Sequence[str]
    looked_up: int


NO_CATALOGUE = _Catalogue(None, (), 0)


class Filters:
    """The filters, and the live data that they read. `refresh` hears of every commit; asking takes no SQL."""

    def __init__(
        self, shelf: Shelf, inlets: Inlets, metadata: LiveMetadata, live: LiveEvents, past: PastEvents
    ) -> None:
        self._shelf, self._inlets = shelf, inlets
        self._metadata, self._live, self._past = metadata, live, past
        self._filters: dict[str, Resource] = {}
        self._compiled: dict[str, _Compiled] = {}
        self._making = threading.Lock()
        self.frozen: Frozen = lambda group: None  # what is known of a dataset group, where a fault holds it back
        self._actions: WeakKeyDictionary[Items, Actions] = WeakKeyDictionary()
        self.refresh({found.arn for found in shelf.of_kind(FILTER)})

    def find(self, arn: str) -> Resource | None:
        """Return a filter, whatever its status."""
        return self._filters.get(arn)

    def refresh(self, changed: set[str]) -> None:
        """Look again at the filters among the changed resources."""
        for arn in changed:
            named = arns.parse(arn)
            found = self._shelf.find(arn) if named and named.kind == FILTER.noun else None
            if found:
                self._filters[arn] = found
            elif self._filters.pop(arn, None):
                self._compiled.pop(arn, None)

    def compiled(self, resource: Resource) -> Filter:
        """Return what a filter's expression means; an InvalidInputException where it fits its datasets no longer."""
        from fakepersonalize.filters.evaluate import compile_filter

        known = self._compiled.get(resource.arn)
        if known is None or known.number != resource.number or not self._is_current(known):
            group = resource["datasetGroupArn"]
            made = compile_filter(resource["filterExpression"], self._columns(group))
            named = {dataset_arn(group, type_) for type_, _ in made.fields}
            known = _Compiled(resource.number, {arn: self._schema(arn) for arn in named}, made)
            self._compiled[resource.arn] = known
        return known.filter

    def _is_current(self, known: _Compiled) -> bool:
        """A dataset may have gone, and another one with other columns come, under the same ARN."""
        return all(self._schema(arn) is schema for arn, schema in known.schemas.items())

    def _schema(self, arn: str) -> Schema | None:
        inlet = self._inlets.of(arn)
        return inlet.schema if inlet else None

    def look(
        self,
        group: str,
        user: str | None,
        item: str | None,
        items: Items,
        bound: Sequence[BoundFilter],
        until: int | None = None,
        learnt: int = 0,
        most: int | None = None,
    ) -> Look:
        """Return the items as a request of a user, at an item, sees them through some filters of a dataset group.

        `until` is the number of the last streamed event that counts, `learnt` that of the last one at the training.
        `most` is how many events of each type count, in place of the window of filters.
        """
        import numpy as np

        from fakepersonalize.recommend.candidates import Look
        from fakepersonalize.recommend.filter_context import context, recent_events

        events, users, columns = {}, None, set[str]()
        if user is not None and any(each.reads_events for each in bound):
            frozen = self.frozen(group)
            if frozen:
                until = frozen.last if until is None else min(until, frozen.last)
            dataset = dataset_arn(group, items.events)
            live = self._live.of(dataset, user, until, learnt)
            events = recent_events(self._past.of(dataset), [user], [live], items, most)
        if user is not None and any(each.reads_user for each in bound):
            users = self._rows(group, USERS)
            columns = {name for each in bound for name in each.user_columns}
        at = None if item is None else np.array([items.codes.get(item, -1)])
        return Look(items, context([user], events, users, columns, at))

    def catalogue(self, group: str, loaded: LoadedModel) -> Items:
        """Return what a model recommends by its codes, and behind it what came later: that was put, imported or met."""
        type_ = ACTIONS if loaded.dealings else ITEMS
        codes = loaded.dealings.actions if loaded.dealings else loaded.items
        rows = self._rows(group, type_)
        live = self._live.items(dataset_arn(group, INTERACTIONS)) if type_ == ITEMS else ()
        with self._making:
            amount = len(live)
            items, streamed, seen = loaded.companions.find(_Catalogue) or NO_CATALOGUE
            if streamed is not live and seen:  # events have been deleted, or their dataset
                items, seen = None, 0
            if items is None or items.rows is not rows or any(id_ not in items.codes for id_ in live[seen:amount]):
                ids = dict.fromkeys([*codes, *(rows.places if rows else ()), *live[:amount]])
                items = self._items(group, [*ids], rows, type_)
            loaded.companions.keep(_Catalogue(items, live, amount))
        return items

    def catalogue_at(self, group: str, loaded: LoadedModel, items: Items, when: float, now: float) -> Items:
        """Return a catalogue without the items that were put, or first met, after a moment."""
        put = self._metadata.late(dataset_arn(group, ITEMS), when)
        log = self._live.log(dataset_arn(group, INTERACTIONS))
        met = {event.item for event in log if not is_late(event.at, when, now)}
        there = items.rows.places.keys() - put if items.rows else set()
        late = {id_ for id_ in items.ids[len(loaded.item_ids) :] if id_ not in met and id_ not in there}
        return self._items(group, [id_ for id_ in items.ids if id_ not in late], items.rows) if late else items

    def streamed_since(self, group: str, items: Items, number: int) -> dict[str, Brought]:
        """Return the items that streamed rows behind a number brought, each with its first one."""
        found = self._metadata.put_since(dataset_arn(group, ITEMS), number)
        before = items.rows.places.keys() - found if items.rows else set()
        for event in self._live.log(dataset_arn(group, INTERACTIONS)):
            if event.number > number and event.item not in before:
                brought = Brought(event.number, event.at)
                found[event.item] = min(brought, found.get(event.item, brought))
        return found

    def is_latest(self, loaded: LoadedModel, items: Items) -> bool:
        """Whether `catalogue` returned these last."""
        known = loaded.companions.find(_Catalogue)
        return known is not None and known.items is items

    def actions(self, candidates: Items) -> Actions:
        """Return what the Actions dataset says of candidates."""
        from fakepersonalize.recommend.actions import Actions

        known = self._actions.get(candidates)
        if known is None:
            self._actions[candidates] = known = Actions.of(candidates)
        return known

    def items(self, group: str, ids: Sequence[str], type_: str = ITEMS) -> Items:
        """Return the given items, or actions, with what is known of them now."""
        return self._items(group, ids, self._rows(group, type_), type_)

    def _items(self, group: str, ids: Sequence[str], rows: Rows | None, type_: str = ITEMS) -> Items:
        from fakepersonalize.recommend.candidates import Items

        return Items(ids, rows, self._schema(dataset_arn(group, type_)), EVENTS_OF[type_])

    def known(self) -> Known:
        """Return what filters know now, for a fault to hold on to."""
        arns_ = [dataset.arn for dataset in self._shelf.of_kind(DATASET) if dataset["datasetType"].upper() in ROWS]
        return Known(self._live.last, {arn: self._metadata.of(arn) for arn in arns_})

    def _rows(self, group: str, type_: str) -> Rows | None:
        """Return what is known of items, users or actions, now or as a fault holds it back."""
        arn, frozen = dataset_arn(group, type_), self.frozen(group)
        return frozen.rows[arn] if frozen and arn in frozen.rows else self._metadata.of(arn)

    def titles(self, group: str, type_: str, column: str, ids: Sequence[str]) -> dict[str, str]:
        """Return what a column says of items, or actions, where it says anything; LookupError without that column."""
        schema = self._schema(dataset_arn(group, type_))
        known = {each.name.upper(): each.name for each in schema.columns} if schema else {}
        name, rows = known.get(column.upper()), self._metadata.of(dataset_arn(group, type_))
        if name is None or rows is None:
            there = ", ".join(known.values()) or "no dataset"
            raise LookupError(NO_TITLES.format(type=type_, column=column[:100], there=there))
        return {id_: found["title"] for id_, found in zip(ids, rows.texts(ids, {"title": name})) if found}

    def events(self, dataset: str, user: str, until: int | None = None, learnt: int = 0) -> list[Interaction]:
        """Return what a user did, oldest first, imported or streamed."""
        live, past = self._live.of(dataset, user, until, learnt), self._past.of(dataset)
        streamed = [Interaction(event.time, event.item, event.type) for event in live]
        return sorted([*(past.of(user) if past else ()), *streamed], key=lambda event: event.time)

    def _columns(self, group: str) -> Mapping[str, Sequence[Column]]:
        schemas = {type_: self._schema(dataset_arn(group, type_)) for type_ in TYPES}
        return {type_: schema.columns for type_, schema in schemas.items() if schema}


@cache
def automatic(event_type: str) -> BoundFilter:
    """Return the filter of a use case that leaves out the items a user has such events with."""
    from fakepersonalize.filters.evaluate import compile_filter

    event_types = {INTERACTIONS: [Column("EVENT_TYPE", "string")]}
    return compile_filter(AUTOMATIC.format(type=event_type), event_types).bind()
