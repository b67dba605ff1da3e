"""What filters see of users: their newest events, imported and streamed, and their rows of the Users dataset."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from fakepersonalize.filters.columns import Codes
from fakepersonalize.filters.evaluate import FilterContext, newest
from fakepersonalize.recipes.training import chronological, runs
from fakepersonalize.recommend.candidates import Items
from fakepersonalize.recommend.metadata import Rows
from fakepersonalize.recommend.past import UserInteractions
from fakepersonalize.storage.streamed import Event

Events = dict[str, tuple[Codes, Codes]]


def recent_events(
    past: UserInteractions | None,
    users: Sequence[str],
    live: Sequence[Sequence[Event]],
    items: Items,
    most: int | None = None,
) -> Events:
    """Return the events that filters see of each user, by type: places of users, and codes of items.

    `past` holds the imported events of all users, `live` has the streamed ones of each of `users`. Events with what is
    no item any more take their place among the newest, but are not returned. Filters see at `most` so many events of a
    type, by default as many as the service considers.
    """
    names = list(past.type_names) if past else []
    rows = codes = types = times = np.zeros(0, np.int64)
    if past:
        of = np.array([past.users.get(user, -1) for user in users])
        lengths = np.where(of < 0, 0, past.offsets[of + 1] - past.offsets[of])
        rows, own = np.repeat(np.arange(len(users)), lengths), runs(past.offsets[of], lengths)
        codes, types, times = items.places(past.item_ids)[past.items[own]], past.types[own], past.times[own]
    new = [(row, items.codes.get(event.item, -1), event) for row, events in enumerate(live) for event in events]
    if new:
        names += [event.type for *_, event in new]
        rows = np.concatenate([rows, [row for row, *_ in new]])
        codes = np.concatenate([codes, [code for _, code, _ in new]])
        types = np.concatenate([types, np.arange(len(names) - len(new), len(names))])
        order = chronological(rows, np.concatenate([times, [event.time for *_, event in new]]))
        if order is not None:
            rows, codes, types = rows[order], codes[order], types[order]
    found = newest(items.events, rows, codes, types, names, most)
    return {type_: (of[known >= 0], known[known >= 0]) for type_, (of, known) in found.items()}


def context(
    users: Sequence[str | None], events: Events, rows: Rows | None, columns: Collection[str], items: Codes | None
) -> FilterContext:
    """Return what requests add to the candidates.

    `rows` are those of the Users dataset, None where the filter does not read them; `columns` names, in capitals, what
    it reads. `items` [requests] are the codes of current items, -1 where there is none.
    """
    if rows is None:
        return FilterContext(len(users), events, items=items)
    ids = [user or "" for user in users]
    names = [name for name in rows.table.column_names if name.upper() in columns]
    known = np.array([id_ in rows.places for id_ in ids], bool)
    table = rows.only(names).aligned(ids)
    return FilterContext(len(ids), events, {name: table[name] for name in names}, known, items)


def users_with_events(past: UserInteractions, live: Iterable[Event], users: Mapping[str, int]) -> dict[str, Codes]:
    """Return the users, by code, who have events of each type."""
    codes = np.array([users.get(id_, -1) for id_ in past.users], np.int64)
    owners = np.repeat(codes, np.diff(past.offsets))
    found = {name: owners[past.types == number] for number, name in enumerate(past.type_names)}
    for event in live:
        found[event.type] = np.append(found.get(event.type, owners[:0]), users.get(event.owner, -1))
    return {name: np.unique(of[of >= 0]) for name, of in found.items()}
