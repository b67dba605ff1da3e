"""What a training reads: rows of all datasets as codes and features, the ids behind the codes in ascending order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fakepersonalize import errors
from fakepersonalize.datasets import schema
from fakepersonalize.errors import JobFailed
from fakepersonalize.jobs import considered, side_rows
from fakepersonalize.jobs.training_minima import too_few
from fakepersonalize.jobs.training_spec import TrainingSpec
from fakepersonalize.resources.quotas import Considered

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from fakepersonalize.recipes.features import Encoding, Kind
    from fakepersonalize.recipes.training import TrainingData

WEIGHT = "weight"  # what an interaction counts: its event type's weight relative to the mean of all weights


@dataclass(frozen=True, slots=True)
class Encoded:
    """Interactions by codes, the ids behind the codes in ascending order, and how further columns became features."""

    data: TrainingData
    users: list[str]
    items: list[str]
    encodings: dict[str, Encoding]  # of "items", "users" and "context", as far as a training reads them
    actions: list[str] | None = None
    side_bytes: int = 0  # of the rows of Items and Users


def prepare(spec: TrainingSpec, learns_from: frozenset[str]) -> Encoded:
    """Read all that can be learnt from."""
    choice = spec.choice
    circumstances, shown = _further(spec, learns_from)
    items, users, actions = (
        side_rows.read(spec.sides.get(type_)) for type_ in (schema.ITEMS, schema.USERS, schema.ACTIONS)
    )
    most = Considered(**spec.considered)
    acted, action_ids = None, list[str]()
    if actions:
        acted = considered.newest(_dealings(spec.acted, actions.ids), most.action_interactions)
        acted, action_ids = considered.most_recent(acted, "ACTION_ID", actions.ids, most.actions)
    rows = considered.newest(_read(spec, [*circumstances, *shown]), most.interactions)
    more_users = [*(users.ids if users else ()), *(acted["USER_ID"].to_pylist() if acted else ())]
    more_items: Sequence[str] = items.ids if items and "new-items" in learns_from else ()
    encoded = encode(rows, more_users, more_items, circumstances)
    if len(encoded.items) > most.items:
        rows, more_items = considered.most_recent(rows, "ITEM_ID", more_items, most.items)
        encoded = encode(rows, more_users, more_items, circumstances)
    data, encodings = encoded.data, encoded.encodings
    if spec.excluded_event:
        data = replace(data, excluding=_excluding(spec, encoded.users, encoded.items))
    if shown:
        data = replace(data, passed_over=passed_over(rows, shown[0], encoded.items))
    if users:
        columns = side_rows.trained_columns(users.schema, choice, ("category", "number"))
        encodings["users"], known = side_rows.features(users, columns, encoded.users)
        data = replace(data, user_features=known)
    if items:
        times = side_rows.item_times(items, choice, encoded.items)
        kinds = [kind for kind, source in side_rows.SOURCES.items() if source in learns_from]
        columns = side_rows.trained_columns(items.schema, choice, kinds)
        if columns:
            encodings["items"], known = side_rows.features(items, columns, encoded.items)
            data = replace(data, item_features=known)
        data = replace(data, item_times=times, rewards=_rewards(items, spec.objective, encoded.items))
    if actions and acted is not None:
        encoded = replace(encoded, actions=action_ids)
        data = replace(data, actions=_acted(acted, encoded.users, action_ids))
    return replace(encoded, data=data, side_bytes=sum(side.table.nbytes for side in (items, users) if side))


def _further(spec: TrainingSpec, learns_from: frozenset[str]) -> tuple[dict[str, Kind], list[str]]:
    """Return which columns of interactions train as circumstances, and the one of impressions, if any does."""
    if not spec.schema:
        return {}, []
    own, choice = schema.parse(spec.schema, spec.domain), spec.choice
    circumstances = side_rows.trained_columns(own, choice, ("category", "number")) if "context" in learns_from else {}
    shown = own.column("IMPRESSION") if "impressions" in learns_from else None
    return circumstances, [shown.name] if shown and side_rows.is_chosen(own, choice, shown.name) else []


def encode(
    table: pa.Table,
    more_users: Sequence[str] = (),
    more_items: Sequence[str] = (),
    circumstances: Mapping[str, Kind] | None = None,
) -> Encoded:
    """Turn rows (USER_ID, ITEM_ID, TIMESTAMP, further columns) into codes; users and items without rows get some too.

    Codes ascend with the ids, whatever the order of the rows.
    """
    from fakepersonalize.recipes.training import TrainingData

    users, user_ids = _with(more_users, *_codes(table.column("USER_ID")))
    items, item_ids = _with(more_items, *_codes(table.column("ITEM_ID")))
    times = table.column("TIMESTAMP").to_numpy()
    encodings, contexts = {}, None
    if circumstances:
        encodings["context"], contexts = side_rows.contexts(table, circumstances)
    weights = table.column(WEIGHT).to_numpy() if WEIGHT in table.column_names else None
    data = TrainingData.from_columns(users, items, times, len(user_ids), len(item_ids), weights, contexts)
    return Encoded(data, user_ids, item_ids, encodings)


def passed_over(rows: pa.Table, column: str, items: Sequence[str]) -> np.ndarray:
    """Count how often each item stood in a column of impressions of interactions with others, int64 [items].

    Items that the ids lack do not count.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    shown = pc.split_pattern(rows[column].cast("string").combine_chunks(), "|")
    known = pa.array(items, "string")
    chosen = pc.index_in(rows["ITEM_ID"].cast("string").combine_chunks(), known)
    seen = pc.index_in(shown.flatten(), known)
    others = pc.not_equal(seen, chosen.take(shown.value_parent_indices()))
    counted = seen.filter(pc.fill_null(others, False)).to_numpy(zero_copy_only=False)
    return np.bincount(counted, minlength=len(items)).astype(np.int64)


def _dealings(paths: Sequence[str], actions: Sequence[str]) -> pa.Table:
    """Return the rows of action interactions with the given actions: USER_ID, ACTION_ID, TIMESTAMP, EVENT_TYPE."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    names = ["USER_ID", "ACTION_ID", "TIMESTAMP", "EVENT_TYPE"]
    types = [pa.string(), pa.string(), pa.int64(), pa.string()]
    tables = [pa.schema(zip(names, types)).empty_table()]
    for path in paths:
        own = {name.upper(): name for name in pq.read_schema(path).names}
        table = pq.read_table(path, columns=[own[name] for name in names])
        tables.append(pa.table([table[own[name]].cast(type_) for name, type_ in zip(names, types)], names))
    rows = pa.concat_tables(tables)
    return rows.filter(pc.is_in(rows["ACTION_ID"], pa.array(actions, "string")))


def _excluding(spec: TrainingSpec, users: Sequence[str], items: Sequence[str]) -> TrainingData:
    """Return the events after which a use case does not list their items again, by the codes of users and items."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from fakepersonalize.recipes.training import TrainingData

    excluded = replace(spec, event_type=spec.excluded_event, threshold=None, events=[])
    table = pa.concat_tables([_segment(path, excluded, ()) for path in spec.segments])
    codes: list[np.ndarray] = []
    for name, ids in (("USER_ID", users), ("ITEM_ID", items)):
        column = pc.index_in(table[name].cast("string"), pa.array(ids, "string"))
        codes.append(pc.fill_null(column, -1).to_numpy())
    known = (codes[0] >= 0) & (codes[1] >= 0)
    times = table["TIMESTAMP"].to_numpy()
    return TrainingData.from_columns(codes[0][known], codes[1][known], times[known], len(users), len(items))


def _acted(rows: pa.Table, users: Sequence[str], actions: Sequence[str]) -> TrainingData:
    """Return what users did with actions by codes, with weight 1 where one was taken."""
    import numpy as np

    from fakepersonalize.recipes.training import TrainingData

    def codes(column: str, ids: Sequence[str]) -> np.ndarray:
        places = {id_: code for code, id_ in enumerate(ids)}
        return np.array([places[id_] for id_ in rows[column].to_pylist()], np.int32)

    taken = np.array([type_.upper() == "TAKEN" for type_ in rows["EVENT_TYPE"].to_pylist()], np.float32)
    return TrainingData.from_columns(
        codes("USER_ID", users),
        codes("ACTION_ID", actions),
        rows["TIMESTAMP"].to_numpy(),
        len(users),
        len(actions),
        taken,
    )


def _rewards(items: side_rows.Side, objective: str | None, ids: Sequence[str]) -> np.ndarray | None:
    """Return what the objective is after, float32 [ids], NaN where it is unknown; None without an objective."""
    import numpy as np

    column = items.schema.column(objective) if objective else None
    return None if column is None else np.array(items.cells(column.name, ids), np.float32)


def _read(spec: TrainingSpec, further: Sequence[str]) -> pa.Table:
    """Return the rows that the solution trains on: all, or those of its event type and threshold."""
    import pyarrow as pa

    tables = [_segment(path, spec, further) for path in spec.segments]
    if not tables and spec.needed:
        raise too_few(spec.event_type)
    if not tables:
        return pa.table(
            {"USER_ID": pa.array([], "string"), "ITEM_ID": pa.array([], "string"), "TIMESTAMP": pa.array([], "int64")}
        )
    return pa.concat_tables(tables)


def _segment(path: str, spec: TrainingSpec, further: Sequence[str]) -> pa.Table:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    event_type, threshold, events = spec.event_type, spec.threshold, spec.events
    by_value = threshold or any(each.get("eventValueThreshold") is not None for each in events)
    own = {name.upper(): name for name in pq.read_schema(path).names}
    wanted = ["USER_ID", "ITEM_ID", "TIMESTAMP"]
    wanted += ["EVENT_TYPE"] * bool(event_type or events) + ["EVENT_VALUE"] * bool(by_value)
    missing = [name for name in wanted if name not in own]
    if missing:
        raise JobFailed(errors.NO_TRAINED_COLUMN.format(names=", ".join(missing)))
    # Ids come as codes: the strings of a million rows are never made.
    with pq.ParquetFile(path, read_dictionary=[own["USER_ID"], own["ITEM_ID"]]) as file:
        table = file.read([own[name.upper()] for name in (*wanted, *further)]).rename_columns([*wanted, *further])
    if event_type:
        table = table.filter(pc.equal(pc.utf8_lower(pc.cast(table["EVENT_TYPE"], "string")), event_type.lower()))
    if threshold:
        table = table.filter(pc.greater_equal(table["EVENT_VALUE"], float(threshold)))
    if events:
        return _weighted(table, events).select(["USER_ID", "ITEM_ID", "TIMESTAMP", WEIGHT, *further])
    return table.select(["USER_ID", "ITEM_ID", "TIMESTAMP", *further])


def _weighted(table: pa.Table, events: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Keep the rows of the listed event types, from their thresholds on, with the weight of each."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    types = pc.utf8_lower(pc.cast(table["EVENT_TYPE"], "string"))
    relative = [1.0 if each.get("weight") is None else each["weight"] for each in events]
    mean = sum(relative) / len(relative) or 1.0
    weights = np.full(len(table), np.nan, np.float32)
    for each, weight in zip(events, relative):
        rows = pc.equal(types, each["eventType"].lower())
        if each.get("eventValueThreshold") is not None:
            rows = pc.and_(rows, pc.greater_equal(table["EVENT_VALUE"], each["eventValueThreshold"]))
        weights[pc.fill_null(rows, False).to_numpy()] = weight / mean
    listed = np.isfinite(weights)
    return table.append_column(WEIGHT, pa.array(weights)).filter(pa.array(listed))


def _codes(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """Return int32 codes and the sorted ids they stand for."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    chunk = encoded.unify_dictionaries().combine_chunks()
    if isinstance(chunk, pa.ChunkedArray):
        chunk = chunk.chunk(0) if chunk.num_chunks else pa.array([], "string").dictionary_encode()
    present = np.zeros(len(chunk.dictionary), bool)
    indices = chunk.indices.to_numpy(zero_copy_only=False)
    present[indices] = True
    ids = chunk.dictionary.filter(pa.array(present))
    order = pc.sort_indices(ids).to_numpy()
    rank = np.empty(len(present), np.int32)
    rank[np.flatnonzero(present)[order]] = np.arange(len(order), dtype=np.int32)
    return rank[indices], ids.take(pa.array(order)).to_pylist()


def _with(more: Sequence[str], codes: np.ndarray, ids: list[str]) -> tuple[np.ndarray, list[str]]:
    """Return codes among the ids and more of them, and all these in ascending order."""
    import numpy as np

    if not more:
        return codes, ids
    everyone = sorted({*ids, *more})
    places = {id_: code for code, id_ in enumerate(everyone)}
    return np.array([places[id_] for id_ in ids], np.int32)[codes], everyone
