"""CreateSolutionVersion, CreateRecommender, and its updates: rows become a model with its metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize.arns import SERVICE_OWNED
from fakepersonalize.datasets import schema
from fakepersonalize.errors import JobFailed
from fakepersonalize.jobs import side_rows
from fakepersonalize.jobs.services import Services
from fakepersonalize.lifecycle.runners import Tick
from fakepersonalize.lifecycle.workshop import Job
from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.catalogue import Recipe
from fakepersonalize.resources import quotas
from fakepersonalize.resources.kinds import DATASET, RECOMMENDER
from fakepersonalize.resources.shelf import Resource
from fakepersonalize.storage import artifacts

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from fakepersonalize.recipes.features import Encoding, Kind
    from fakepersonalize.recipes.search import Searched
    from fakepersonalize.recipes.training import TrainingData

KNOWN_COLUMNS = schema.RULES[None, "INTERACTIONS"].keys()
TOO_MANY_EVENT_TYPES = "The Interactions dataset has more than {most} event types and metadata columns together."
# Which recipes compete unless the solution says it (ours, the pages name none).
AUTO_ML_RECIPES = (f"{SERVICE_OWNED}recipe/aws-hrnn", f"{SERVICE_OWNED}recipe/aws-hrnn-metadata")
# The further datasets that a training may read, and what a recipe learns from them.
SIDES = {schema.ITEMS: {"items", "texts", "new-items"}, schema.USERS: {"users"}, schema.ACTIONS: {"actions"}}
COLD = "cold_start_max_interactions"  # a parameter of the recipe that brings in cold items, and of no other
WEIGHT = "weight"  # what an interaction counts: its event type's weight relative to the mean of all weights
ACTED = "acted.parquet"
MODEL, STREAMED = "model", "streamed.parquet"
WORK = "fakepersonalize.jobs.train:work"
# What the worker process loads while nobody waits for it.
LIBRARIES = (
    "fakepersonalize.recipes.evaluation",
    "fakepersonalize.recipes.models.als",
    "fakepersonalize.recipes.models.item_item",
    "implicit",
    "pyarrow.compute",
    "pyarrow.parquet",
)


def gather(services: Services, job: Job) -> dict[str, Any]:
    """Pin the rows as they are now."""
    trained = services.shelf.find(job.arn)
    assert trained is not None
    config = _config(trained)
    _require_built(trained, config)
    candidates = _recipes(trained, config)
    learns_from = _learns_from(candidates)
    objective = config.get("optimizationObjective") or {}
    datasets = _datasets(services, trained)
    interactions = datasets.get(schema.INTERACTIONS)
    needed = any(schema.INTERACTIONS in recipe.required_datasets for recipe in candidates)
    if interactions is None and needed:
        raise JobFailed("Interactions dataset not found in the dataset group.")
    sides = {type_: datasets[type_] for type_, use in SIDES.items() if type_ in datasets and use & learns_from}
    dealings = datasets.get(schema.ACTION_INTERACTIONS) if "actions" in learns_from else None
    with services.database.transaction():
        acted = services.tables.pin(dealings.number, job.number) if dealings else []
        segments = services.tables.pin(interactions.number, job.number) if interactions else []
        spooled = {type_: side_rows.spool(services, job, dataset) for type_, dataset in sides.items()}
    own = _schema(services, interactions) if interactions else None
    streamed, last = _streamed(services, interactions, job.folder / STREAMED) if interactions else ([], 0)
    acted += _streamed(services, dealings, job.folder / ACTED)[0] if dealings else []
    return {
        "acted": [str(path) for path in acted],
        "segments": [str(path) for path in (*segments, *streamed)],
        "last_streamed": last,
        "schema": own and own["schema"],
        "domain": own and own.document.get("domain"),
        "needed": needed,
        "sides": spooled,
        "choice": config.get("trainingDataConfig") or {},
        "recipes": [recipe.name for recipe in candidates],
        "metric": (config.get("autoMLConfig") or {}).get("metricName"),
        "tuning": config.get("hpoConfig") or {} if trained.document.get("performHPO") else None,
        "objective": objective.get("itemAttribute"),
        "sensitivity": objective.get("objectiveSensitivity") or "OFF",
        "events": (config.get("eventsConfig") or {}).get("eventParametersList") or [],
        "hyperparameters": config.get("algorithmHyperParameters") or {},
        "features": config.get("featureTransformationParameters") or {},
        "event_type": trained.document.get("eventType") or candidates[0].required_event,
        "threshold": config.get("eventValueThreshold"),
        "now": int(trained.created),
        "seed": services.settings.seed or 0,
        "threads": services.settings.train_threads,
        "minima": services.settings.quotas,
    }


def work(spec: dict[str, Any], folder: Path, tick: Tick) -> dict[str, Any]:
    """Fit, evaluate and save the model that the recipe names."""
    from fakepersonalize.recipes.evaluation import train

    started = time.perf_counter()
    recipes = [recipe for name in spec["recipes"] if (recipe := catalogue.recipe(name))]
    encoded = prepare(spec, _learns_from(recipes))
    if spec["minima"] and spec["needed"]:
        check_minima(encoded, spec["event_type"])
        check_event_types(spec["segments"])
        for recipe in recipes:
            check_cold_items(encoded.data, _parameters(spec, recipe))
    if spec["needed"] and not len(encoded.data.items):
        raise JobFailed(too_few(spec["event_type"]))
    tick(0.1)
    tuned = _tuned(spec, recipes, encoded.data, lambda share: tick(0.1 + 0.6 * share))
    recipe, begin = (tuned.recipe, 0.7) if tuned else (recipes[0], 0.1)
    trained = train(
        recipe,
        only_for(recipe, encoded.data),
        tuned.best.params if tuned else _parameters(spec, recipe),
        spec["seed"],
        spec["threads"],
        lambda share: tick(begin + (0.9 - begin) * share),
    )
    manifest = {
        "model": recipe.model,
        "recipe": recipe.name,
        "metrics": trained.metrics,
        "learnt": _learnt(spec),
        "encodings": {name: encoding.describe() for name, encoding in encoded.encodings.items()},
    }
    artifacts.write(folder / MODEL, manifest, _arrays(trained.model.arrays(), encoded))
    return {
        "metrics": trained.metrics,
        "hours": max(0.001, round((time.perf_counter() - started) / 3600, 3)),
        "recipe": recipe.arn,
        "tuned": tuned and tuned.tuned(),
    }


def record(services: Services, job: Job, outcome: dict[str, Any]) -> dict[str, Any]:
    """Keep the model, and its metrics with the solution version or recommender."""
    trained = services.shelf.find(job.arn)
    assert trained is not None
    if trained.kind is RECOMMENDER:
        return {"modelMetrics": outcome["metrics"], "model": _exchange(services, job, trained)}
    services.models.keep(trained.number, job.folder / MODEL)
    changes = {"metrics": outcome["metrics"], "trainingHours": outcome["hours"]}
    if outcome["tuned"] is not None:
        changes["tunedHPOParams"] = {"algorithmHyperParameters": outcome["tuned"]}
    if trained.document.get("performAutoML"):
        solution = services.shelf.find(trained["solutionArn"])
        assert solution is not None, "a version has a solution"
        services.shelf.put(solution, solution.document | {"autoMLResult": {"bestRecipeArn": outcome["recipe"]}})
        changes["recipeArn"] = outcome["recipe"]
    return changes


def _learns_from(recipes: Sequence[Recipe]) -> frozenset[str]:
    """Return what any of the recipes learns from; where several compete, all see the same items."""
    together: frozenset[str] = frozenset().union(*(recipe.learns_from for recipe in recipes))
    return together if len(recipes) == 1 else together - {"new-items"}


def _tuned(spec: dict[str, Any], recipes: Sequence[Recipe], data: TrainingData, tick: Tick) -> Searched | None:
    """Search for hyperparameters, and with AutoML for the recipe; None where nobody asks for that."""
    from fakepersonalize.recipes import search

    if spec["tuning"] is None:
        return None
    resources = spec["tuning"].get("hpoResourceConfig") or {}
    jobs = int(resources.get("maxNumberOfTrainingJobs") or search.DEFAULT_JOBS)
    parallel = int(resources.get("maxParallelTrainingJobs") or 1)
    metric = spec["metric"] or search.METRIC
    if metric not in search.METRICS:
        raise JobFailed(f"Unknown metric: {metric}.")

    def part(number: int) -> Tick:
        return lambda share: tick((number + share) / len(recipes))

    found = []
    for number, recipe in enumerate(recipes):
        ranges = search.ranges_of(recipe, spec["tuning"].get("algorithmHyperParameterRanges"))
        found.append(
            search.search(
                recipe,
                only_for(recipe, data),
                _parameters(spec, recipe),
                ranges,
                spec["seed"],
                spec["threads"],
                part(number),
                jobs,
                parallel,
                metric,
            )
        )
    return max(found, key=lambda each: each.best.score)


def _parameters(spec: dict[str, Any], recipe: Recipe) -> dict[str, Any]:
    """Return what a recipe is trained with: hyperparameters, the objective's weight, and what time it is."""
    params: dict[str, Any] = recipe.parse(spec["hyperparameters"], spec["features"])
    if spec["objective"]:
        params["objective_sensitivity"] = spec["sensitivity"]
    if COLD in params:
        params["now"] = spec["now"]
    return params


def only_for(recipe: Recipe, data: TrainingData) -> TrainingData:
    """Leave out of the data what a recipe does not learn from: with AutoML recipes of several kinds compete."""
    use = recipe.learns_from
    return replace(
        data,
        item_features=data.item_features if use & {"items", "texts"} else None,
        user_features=data.user_features if "users" in use else None,
        contexts=data.contexts if "context" in use else None,
    )


def model_key(job: int) -> int:
    """Return the key of a recommender's model: each training of it has one, beside the numbers of solution versions."""
    return -job


def _exchange(services: Services, job: Job, recommender: Resource) -> int:
    """Keep a recommender's new model; the old one, which serves until the commit, goes after it."""
    key, old = model_key(job.number), recommender.document.get("model")
    services.models.keep(key, job.folder / MODEL)
    if old is not None:
        assert services.database.current is not None
        services.database.current.afterwards.append(lambda: services.models.drop(old))
    return key


@dataclass(frozen=True, slots=True)
class Encoded:
    """Interactions by codes, the ids behind the codes in ascending order, and how further columns became features."""

    data: TrainingData
    users: list[str]
    items: list[str]
    encodings: dict[str, Encoding]  # of "items", "users" and "context", as far as a training reads them
    actions: list[str] | None = None


def prepare(spec: dict[str, Any], learns_from: frozenset[str]) -> Encoded:
    """Read all that can be learnt from."""
    choice = spec["choice"]
    circumstances: dict[str, Kind] = {}
    if "context" in learns_from:
        own = schema.parse(spec["schema"], spec["domain"])
        circumstances = side_rows.trained_columns(own, choice, ("category", "number"))
    items, users, actions = (
        side_rows.read(spec["sides"].get(type_)) for type_ in (schema.ITEMS, schema.USERS, schema.ACTIONS)
    )
    acted = _dealings(spec["acted"], actions.ids) if actions else None
    encoded = encode(
        _read(spec, [*circumstances]),
        [*(users.ids if users else ()), *(acted["USER_ID"].to_pylist() if acted else ())],
        items.ids if items and "new-items" in learns_from else (),
        circumstances,
    )
    data, encodings = encoded.data, encoded.encodings
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
        data = replace(data, item_times=times, rewards=_rewards(items, spec["objective"], encoded.items))
    if actions and acted is not None:
        encoded = replace(encoded, actions=sorted(actions.ids))
        data = replace(data, actions=_acted(acted, encoded.users, sorted(actions.ids)))
    return replace(encoded, data=data)


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


def check_minima(encoded: Encoded, event_type: str | None) -> None:
    """Refuse too little data, counted in unique rows.

    Source: https://docs.aws.amazon.com/personalize/latest/dg/limits.html
    """
    import numpy as np

    per_user = _moments_per_user(encoded.data)
    if per_user.sum() < quotas.MINIMUM_INTERACTIONS or not _enough_users(per_user):
        per_user = _unique_per_user(encoded.data)
    found, busy = int(per_user.sum()), _busy(per_user)
    if found < quotas.MINIMUM_INTERACTIONS:
        raise JobFailed(too_few(event_type), f"there are {found}; --limits off lifts all minima")
    if busy < quotas.MINIMUM_USERS:
        raise JobFailed(
            f"Create failed. Dataset has fewer than {quotas.MINIMUM_USERS} users with at least "
            f"{quotas.INTERACTIONS_PER_USER} interactions each.",
            f"there are {busy}; --limits off lifts all minima",
        )
    present = int(np.count_nonzero(per_user))
    if busy < quotas.MINIMUM_SHARE_OF_USERS * present:
        raise JobFailed(
            f"Create failed. Fewer than {quotas.MINIMUM_SHARE_OF_USERS:.0%} of the users in the dataset have at least "
            f"{quotas.INTERACTIONS_PER_USER} interactions each.",
            f"{busy} of {present} have; --limits off lifts all minima",
        )


def check_cold_items(data: TrainingData, params: Mapping[str, Any]) -> None:
    """Refuse too few or too many cold items to a recipe that is about them (ours, the page names no sentence)."""
    from fakepersonalize.recipes.models import cold_start

    if COLD not in params:
        return
    found = int(cold_start.cold_items(data, params).sum())
    if not cold_start.FEWEST <= found <= cold_start.MOST:
        raise JobFailed(
            f"The number of cold items must lie between {cold_start.FEWEST} and {cold_start.MOST}.",
            f"there are {found}; --limits off lifts all minima",
        )


def check_event_types(segments: Sequence[str]) -> None:
    """Refuse interactions with too many event types and own columns together (ours, the page names no sentence)."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    types: set[str] = set()
    own: set[str] = set()
    for path in segments:
        names = {name.upper(): name for name in pq.read_schema(path).names}
        own |= names.keys() - KNOWN_COLUMNS
        if "EVENT_TYPE" in names:
            types.update(pc.unique(pq.read_table(path, columns=[names["EVENT_TYPE"]])[0]).to_pylist())
    types.discard(None)
    if len(types) + len(own) > quotas.EVENT_TYPES_AND_METADATA:
        raise JobFailed(
            TOO_MANY_EVENT_TYPES.format(most=quotas.EVENT_TYPES_AND_METADATA),
            f"there are {len(types)} event types and {len(own)} columns; --limits off lifts all quotas",
        )


def _busy(per_user: np.ndarray) -> int:
    return int((per_user >= quotas.INTERACTIONS_PER_USER).sum())


def _enough_users(per_user: np.ndarray) -> bool:
    import numpy as np

    return _busy(per_user) >= max(quotas.MINIMUM_USERS, quotas.MINIMUM_SHARE_OF_USERS * int(np.count_nonzero(per_user)))


def _moments_per_user(data: TrainingData) -> np.ndarray:
    """Count the distinct times of each user's interactions: at most the number of unique rows, and quick to know."""
    import numpy as np

    users = data.users()
    new = np.ones(len(users), bool)
    new[1:] = (users[1:] != users[:-1]) | (data.times[1:] != data.times[:-1])
    return np.bincount(users[new], minlength=data.n_users)


def _unique_per_user(data: TrainingData) -> np.ndarray:
    """Count each user's unique rows."""
    import numpy as np

    rows = np.stack([data.users(), data.times, data.items.astype(np.int64)], axis=1)
    return np.bincount(np.unique(rows, axis=0)[:, 0], minlength=data.n_users)


def too_few(event_type: str | None) -> str:
    """AWS's sentence about too few interactions (seen with an event type; ours without)."""
    sentence = f"Dataset has fewer than {quotas.MINIMUM_INTERACTIONS} interactions"
    return f"{sentence} after filtering by event type: {event_type}" if event_type else f"{sentence}."


# Options that the service acts on and we do not yet: a training that would ignore them fails instead.
NOT_BUILT: dict[str, Callable[[Resource, dict[str, Any]], Any]] = {
    "trainingMode UPDATE": lambda trained, config: trained.document.get("trainingMode") == "UPDATE",
}


def _config(trained: Resource) -> dict[str, Any]:
    """Return what is configured of a training: a recommender is trained as its latest update says."""
    if trained.kind is RECOMMENDER:
        latest = trained.document.get("latestRecommenderUpdate") or trained.document
        return latest.get("recommenderConfig") or {}
    config = trained.document.get("solutionConfig") or {}
    if trained.document.get("performAutoML"):  # nothing else counts then
        return {"autoMLConfig": config.get("autoMLConfig") or {}}
    return config


def _require_built(trained: Resource, config: dict[str, Any]) -> None:
    asked = [name for name, wants in NOT_BUILT.items() if wants(trained, config)]
    if asked:
        raise JobFailed(f"Training with {', '.join(asked)} is not built in fakepersonalize yet.")


def _recipes(trained: Resource, config: dict[str, Any]) -> list[Recipe]:
    """Return the recipe that a training follows, which must have a model; with AutoML those that compete."""
    competing = (config.get("autoMLConfig") or {}).get("recipeList") or AUTO_ML_RECIPES
    arns = competing if trained.document.get("performAutoML") else [trained["recipeArn"]]
    recipes = [catalogue.recipe(arn.rpartition("/")[2]) for arn in arns]
    for arn, recipe in zip(arns, recipes):
        if recipe is None or recipe.model is None:
            raise JobFailed(f"The recipe {arn} is not built in fakepersonalize yet.")
    return [recipe for recipe in recipes if recipe]


def _datasets(services: Services, trained: Resource) -> dict[str, Resource]:
    """Return the datasets of the group by their types."""
    return {dataset["datasetType"]: dataset for dataset in services.shelf.below(trained["datasetGroupArn"], DATASET)}


def _schema(services: Services, dataset: Resource) -> Resource:
    found = services.shelf.find(dataset["schemaArn"])
    assert found is not None, "a dataset keeps its schema"
    return found


def _streamed(services: Services, dataset: Resource, target: Path) -> tuple[list[Path], int]:
    """Write what users have streamed as one more segment; return it, and the number of the last event looked at."""
    from fakepersonalize.datasets import streamed_rows
    from fakepersonalize.datasets.live import attributed

    events = services.streamed.events(dataset.number)
    learnt = attributed(events)
    if learnt:
        of = _schema(services, dataset)
        streamed_rows.write(learnt, schema.parse(of["schema"], of.document.get("domain")), target)
    return [target] * bool(learnt), events[-1].number if events else 0


def _learnt(spec: dict[str, Any]) -> dict[str, Any]:
    """Return which streamed events the model knows, and which of later ones it would have learnt from."""
    threshold = spec["threshold"]
    return {
        "last": spec["last_streamed"],
        "event_type": spec["event_type"],
        "threshold": float(threshold) if threshold else None,
        "events": {each["eventType"].lower(): each.get("eventValueThreshold") for each in spec["events"]},
    }


def _read(spec: dict[str, Any], further: Sequence[str]) -> pa.Table:
    """Return the rows that the solution trains on: all, or those of its event type and threshold."""
    import pyarrow as pa

    tables = [_segment(path, spec, further) for path in spec["segments"]]
    if not tables and spec["needed"]:
        raise JobFailed(too_few(spec["event_type"]))
    if not tables:
        return pa.table(
            {"USER_ID": pa.array([], "string"), "ITEM_ID": pa.array([], "string"), "TIMESTAMP": pa.array([], "int64")}
        )
    return pa.concat_tables(tables)


def _segment(path: str, spec: dict[str, Any], further: Sequence[str]) -> pa.Table:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    event_type, threshold, events = spec["event_type"], spec["threshold"], spec["events"]
    by_value = threshold or any(each.get("eventValueThreshold") is not None for each in events)
    own = {name.upper(): name for name in pq.read_schema(path).names}
    wanted = ["USER_ID", "ITEM_ID", "TIMESTAMP"]
    wanted += ["EVENT_TYPE"] * bool(event_type or events) + ["EVENT_VALUE"] * bool(by_value)
    missing = [name for name in wanted if name not in own]
    if missing:
        raise JobFailed(f"The Interactions schema has no column {', '.join(missing)}, which the solution filters by.")
    # Ids come as codes: the strings of a million rows are never made.
    with pq.ParquetFile(path, read_dictionary=[own["USER_ID"], own["ITEM_ID"]]) as file:
        table = file.read([*(own[name] for name in wanted), *further]).rename_columns([*wanted, *further])
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


def _arrays(model: dict[str, np.ndarray], encoded: Encoded) -> dict[str, np.ndarray]:
    """The model's arrays, and with them what serving needs: the ids and the users' histories."""
    named = {f"model.{name}": array for name, array in model.items()}
    for name, ids in (("user_ids", encoded.users), ("item_ids", encoded.items)):
        named[name], named[f"{name}.offsets"] = artifacts.pack(ids)
    data = encoded.data
    if data.user_features is not None:
        named["user_features"], named["user_features.offsets"] = data.user_features.indices, data.user_features.indptr
    if encoded.actions is not None and data.actions is not None:
        named["action_ids"], named["action_ids.offsets"] = artifacts.pack(encoded.actions)
        for name in ("offsets", "items", "times", "weights"):
            named[f"acted.{name}"] = getattr(data.actions, name)
    return named | {"history.offsets": data.offsets, "history.items": data.items, "history.times": data.times}
