"""What filters see of many users at once: their newest events, and their rows of the Users dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fakepersonalize.filters.columns import Codes
from fakepersonalize.filters.evaluate import WINDOW, Filter, FilterContext, event_type
from fakepersonalize.filters.syntax import INTERACTIONS, USERS
from fakepersonalize.recipes.training import chronological, runs
from fakepersonalize.storage.streamed import Event

if TYPE_CHECKING:
    import pyarrow as pa

    from fakepersonalize.datasets.schema import Schema

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sightings:
    """The events that filters see, by user: of each type the newest ones, with the codes of candidates."""

    users: Mapping[str, int]
    types: Sequence[str]
    offsets: Numbers  # [users + 1]
    items: Codes  # [n]
    of_type: Codes  # [n]

    @classmethod
    def of(cls, past: pa.Table, live: Sequence[Event], codes: Mapping[str, int]) -> Sightings:
        """Take imported rows (USER_ID, ITEM_ID, TIMESTAMP, EVENT_TYPE), live events, and the codes of candidates."""
        users: dict[str, int] = {}
        names: dict[str, int] = {}
        who, which = _codes(past["USER_ID"], users), _codes(past["ITEM_ID"], codes, new=False)
        kinds = _codes(past["EVENT_TYPE"], names)
        who = np.append(who, [users.setdefault(event.owner, len(users)) for event in live]).astype(np.int64)
        which = np.append(which, [codes.get(event.item, -1) for event in live]).astype(np.int64)
        kinds = np.append(kinds, [names.setdefault(event.type, len(names)) for event in live]).astype(np.int64)
        times = np.append(past["TIMESTAMP"].to_numpy(), [event.time for event in live]).astype(np.int64)
        folded: dict[str, int] = {}
        same = np.array([folded.setdefault(event_type(INTERACTIONS, name), len(folded)) for name in names], np.int64)
        order = chronological(who, times) if len(who) else None
        if order is not None:
            who, which, kinds = who[order], which[order], kinds[order]
        seen = _newest(who * max(1, len(folded)) + same[kinds]) & (which >= 0)
        who, which, kinds = who[seen], which[seen], kinds[seen]
        offsets = np.zeros(len(users) + 2, np.int64)
        np.cumsum(np.bincount(who, minlength=len(users) + 1), out=offsets[1:])
        return cls(users, list(folded), offsets, which, same[kinds])

    def of_users(self, ids: Sequence[str]) -> dict[str, tuple[Codes, Codes]]:
        """Return by event type the places among the users, and the candidates, of the events of these users."""
        nobody = len(self.users)
        users = np.array([self.users.get(id_, nobody) for id_ in ids], np.int64)
        lengths = self.offsets[users + 1] - self.offsets[users]
        places, rows = runs(self.offsets[users], lengths), np.repeat(np.arange(len(ids)), lengths)
        types = self.of_type[places]
        return {
            type_: (rows[types == number], self.items[places[types == number]])
            for number, type_ in enumerate(self.types)
        }


def _codes(column: pa.ChunkedArray, known: Mapping[str, int] | dict[str, int], new: bool = True) -> Numbers:
    """Return the code of each id, -1 where there is none; new ids get codes if they may."""
    import pyarrow.compute as pc

    encoded = pc.fill_null(column.cast("string"), "").combine_chunks().dictionary_encode()
    ids = encoded.dictionary.to_pylist()
    if new:
        assert isinstance(known, dict)
        found = [known.setdefault(id_, len(known)) for id_ in ids]
    else:
        found = [known.get(id_, -1) for id_ in ids]
    return np.array(found, np.int64)[encoded.indices.to_numpy()] if ids else np.zeros(0, np.int64)


def _newest(groups: Numbers) -> npt.NDArray[np.bool_]:
    """Tell which rows are among the last that filters look at in their group."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    ends = np.searchsorted(ordered, ordered, side="right")
    found = np.zeros(len(groups), bool)
    found[order] = ends - np.arange(len(groups)) <= WINDOW[INTERACTIONS]
    return found


def past_rows(segments: Sequence[Path]) -> pa.Table:
    """Return the rows of files in the four columns that `Sightings.of` takes; a column that is not there is null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"USER_ID": pa.string(), "ITEM_ID": pa.string(), "TIMESTAMP": pa.int64(), "EVENT_TYPE": pa.string()}
    tables = [pa.table({name: pa.array([], type_) for name, type_ in types.items()})]
    for path in segments:
        own = {name.upper(): name for name in pq.read_schema(path).names if name.upper() in types}
        rows = pq.read_table(path, columns=list(own.values()))
        tables.append(pa.table([rows[name] for name in own.values()], list(own)))
    return pa.concat_tables(tables, promote_options="permissive")


def doers(past: pa.Table, live: Sequence[Event], users: Mapping[str, int]) -> dict[str, Codes]:
    """Return the users, by code, who have events of each type."""
    names: dict[str, int] = {}
    who, kinds = _codes(past["USER_ID"], users, new=False), _codes(past["EVENT_TYPE"], names)
    who = np.append(who, [users.get(event.owner, -1) for event in live]).astype(np.int64)
    kinds = np.append(kinds, [names.setdefault(event.type, len(names)) for event in live]).astype(np.int64)
    return {name: np.unique(who[(kinds == number) & (who >= 0)]) for name, number in names.items()}


class Onlookers:
    """What filters see of many users at once."""

    def __init__(self, sightings: Sightings | None, people: pa.Table | None, schema: Schema | None) -> None:
        self._sightings, self._people, self._schema = sightings, people, schema
        self._places: dict[str, int] = {}
        if people is not None:
            from fakepersonalize.datasets import streamed_rows

            assert schema is not None, "rows have a schema"
            ids = people[streamed_rows.id_column(schema)].to_pylist()
            self._places = {id_: place for place, id_ in enumerate(ids)}

    def context(self, bound: Filter, users: Sequence[str | None], items: Codes | None) -> FilterContext:
        """Return these users, at these items, as the filter needs to see them."""
        ids = [user or "" for user in users]
        events = self._sightings.of_users(ids) if self._sightings and bound.reads_events else {}
        if self._people is None:
            return FilterContext(len(ids), events, items=items)
        assert self._schema is not None
        import pyarrow as pa

        fields = {name for type_, name in bound.fields if type_ == USERS}
        places = [self._places.get(id_) for id_ in ids]
        rows = self._people.take(pa.array(places, pa.int64()))
        columns = {each.name: rows[each.name] for each in self._schema.columns if each.name.upper() in fields}
        known = np.array([place is not None for place in places], bool)
        return FilterContext(len(ids), events, columns, known, items)
