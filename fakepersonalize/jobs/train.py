"""CreateSolutionVersion, CreateRecommender, and its updates: rows become a model with its metrics."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize import errors
from fakepersonalize.arns import service_owned
from fakepersonalize.datasets import schema
from fakepersonalize.errors import JobFailed
from fakepersonalize.jobs import side_rows, training_minima, training_rows, update
from fakepersonalize.jobs.services import Services
from fakepersonalize.jobs.training_spec import TrainingSpec
from fakepersonalize.lifecycle.runners import Tick
from fakepersonalize.lifecycle.workshop import Job
from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.catalogue import Recipe
from fakepersonalize.resources import quotas
from fakepersonalize.resources.kinds import DATASET, RECOMMENDER
from fakepersonalize.resources.processes import CREATING
from fakepersonalize.resources.shelf import Resource
from fakepersonalize.storage import artifacts

if TYPE_CHECKING:
    import numpy as np

    from fakepersonalize.recipes.search import Searched
    from fakepersonalize.recipes.training import TrainingData

log = logging.getLogger(__name__)
# Which recipes compete unless the solution says it (ours, the pages name none).
AUTO_ML_RECIPES = ("aws-hrnn", "aws-hrnn-metadata")
# The further datasets that a training may read, and what a recipe learns from them.
SIDES = {schema.ITEMS: {"items", "texts", "new-items"}, schema.USERS: {"users"}, schema.ACTIONS: {"actions"}}
ACTED = "acted.parquet"
LEAST_HOURS = 0.001
MODEL, STREAMED = "model", "streamed.parquet"
WORK = "fakepersonalize.jobs.train:work"
# What the worker process loads while nobody waits for it.
LIBRARIES = (
    "fakepersonalize.recipes.evaluation",
    "fakepersonalize.recipes.models.blend",
    "fakepersonalize.recipes.models.item_item",
    "implicit",
    "pyarrow.compute",
    "pyarrow.parquet",
    "scipy.optimize",
)


def gather(services: Services, job: Job) -> dict[str, Any]:
    """Pin the rows as they are now."""
    trained = services.shelf.find(job.arn)
    assert trained is not None
    config = _config(trained)
    candidates = _recipes(trained, config)
    learns_from = _learns_from(candidates)
    objective = config.get("optimizationObjective") or {}
    datasets = _datasets(services, trained)
    interactions = datasets.get(schema.INTERACTIONS)
    needed = any(schema.INTERACTIONS in recipe.required_datasets for recipe in candidates)
    if interactions is None and needed:
        raise JobFailed(errors.NO_DATASET.format(type="Interactions"))
    sides = {type_: datasets[type_] for type_, use in SIDES.items() if type_ in datasets and use & learns_from}
    dealings = datasets.get(schema.ACTION_INTERACTIONS) if "actions" in learns_from else None
    with services.database.transaction():
        acted = services.tables.pin(dealings.number, job.number) if dealings else []
        segments = services.tables.pin(interactions.number, job.number) if interactions else []
        spooled = {type_: side_rows.spool(services, job, dataset) for type_, dataset in sides.items()}
    own = _schema(services, interactions) if interactions else None
    streamed, last = _streamed(services, interactions, job.folder / STREAMED) if interactions else ([], 0)
    acted_lately, last_acted = _streamed(services, dealings, job.folder / ACTED) if dealings else ([], 0)
    return TrainingSpec(
        acted=[str(path) for path in (*acted, *acted_lately)],
        last_acted=last_acted,
        segments=[str(path) for path in (*segments, *streamed)],
        last_streamed=last,
        schema=own["schema"] if own else None,
        domain=own.document.get("domain") if own else None,
        needed=needed,
        sides=spooled,
        choice=(config.get("trainingDataConfig") or {}) | {"known": trained.document.get("knownColumns")},
        recipes=[recipe.name for recipe in candidates],
        metric=(config.get("autoMLConfig") or {}).get("metricName"),
        tuning=config.get("hpoConfig") or {} if trained.document.get("performHPO") else None,
        objective=objective.get("itemAttribute"),
        sensitivity=objective.get("objectiveSensitivity") or "OFF",
        events=(config.get("eventsConfig") or {}).get("eventParametersList") or [],
        hyperparameters=config.get("algorithmHyperParameters") or {},
        features=config.get("featureTransformationParameters") or {},
        event_type=trained.document.get("eventType") or candidates[0].required_event,
        excluded_event=candidates[0].auto_filter,
        threshold=config.get("eventValueThreshold"),
        now=int(trained.created),
        seed=services.settings.seed or 0,
        threads=services.settings.train_threads,
        minima=services.settings.quotas,
        base=update.pin(services, job, trained) if trained.document.get("trainingMode") == "UPDATE" else None,
        considered=asdict(quotas.considered(candidates[0].name if services.settings.quotas else None)),
    ).to_json()


def work(spec: dict[str, Any], folder: Path, tick: Tick) -> dict[str, Any]:
    """Fit, evaluate and save the model that the recipe names, or update the one that there is."""
    started, asked = time.perf_counter(), TrainingSpec.from_json(spec)
    recipes = [recipe for name in asked.recipes if (recipe := catalogue.recipe(name))]
    outcome = _updated(asked, recipes[0], folder) if asked.base else _trained(asked, recipes, folder, tick)
    seconds = time.perf_counter() - started
    return {"hours": max(LEAST_HOURS, round(seconds / 3600, 3)), "seconds": {"all": seconds}} | outcome


def _updated(spec: TrainingSpec, recipe: Recipe, folder: Path) -> dict[str, Any]:
    assert spec.base is not None
    encoded = training_rows.prepare(spec, recipe.learns_from | {"new-items"})
    manifest, model, encoded = update.grown(spec, folder / update.BASE, encoded)
    manifest |= {"learnt": _learnt(spec), "last_acted": spec.last_acted}
    artifacts.write(folder / MODEL, manifest, _arrays(model.arrays(), encoded))
    return {"metrics": spec.base["metrics"], "recipe": recipe.name, "tuned": spec.base["tuned"]}


def _trained(spec: TrainingSpec, recipes: Sequence[Recipe], folder: Path, tick: Tick) -> dict[str, Any]:
    from fakepersonalize.recipes.evaluation import only_for, train

    encoded = training_rows.prepare(spec, _learns_from(recipes))
    if spec.minima and spec.needed:
        training_minima.check_minima(encoded.data, spec.event_type)
        training_minima.check_event_types(spec.segments)
        for recipe in recipes:
            training_minima.check_cold_items(encoded.data, _parameters(spec, recipe))
            training_minima.check_side_rows(recipe.name, encoded.side_bytes)
    if spec.needed and not len(encoded.data.items):
        raise training_minima.too_few(spec.event_type)
    tick(0.1)
    tuned = _tuned(spec, recipes, encoded.data, lambda share: tick(0.1 + 0.6 * share))
    recipe, begin = (tuned.recipe, 0.7) if tuned else (recipes[0], 0.1)
    trained = train(
        recipe,
        only_for(recipe, encoded.data),
        tuned.best.params if tuned else _parameters(spec, recipe),
        spec.seed,
        spec.threads,
        lambda share: tick(begin + (0.9 - begin) * share),
    )
    manifest = {
        "model": recipe.model,
        "recipe": recipe.name,
        "metrics": trained.metrics,
        "learnt": _learnt(spec),
        "last_acted": spec.last_acted,
        "encodings": {name: encoding.describe() for name, encoding in encoded.encodings.items()},
    }
    artifacts.write(folder / MODEL, manifest, _arrays(trained.model.arrays(), encoded))
    return {
        "metrics": trained.metrics,
        "recipe": recipe.name,
        "tuned": tuned and tuned.tuned(),
        "seconds": trained.seconds,
    }


def record(services: Services, job: Job, outcome: dict[str, Any]) -> dict[str, Any]:
    """Keep the model, and its metrics with the solution version or recommender."""
    trained = services.shelf.find(job.arn)
    assert trained is not None
    spent = ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in outcome["seconds"].items())
    log.info("training of %s: %s", trained.arn, spent)
    if trained.kind is RECOMMENDER:
        return {"modelMetrics": outcome["metrics"], "model": _exchange(services, job, trained)}
    services.models.keep(trained.number, job.folder / MODEL)
    changes = {"metrics": outcome["metrics"], "trainingHours": _hours(services, outcome)}
    if outcome["tuned"] is not None:
        changes["tunedHPOParams"] = {"algorithmHyperParameters": outcome["tuned"]}
    if trained.document.get("performAutoML"):
        solution = services.shelf.find(trained["solutionArn"])
        assert solution is not None, "a version has a solution"
        best = service_owned(f"recipe/{outcome['recipe']}", trained.scope.partition)
        services.shelf.put(solution, solution.document | {"autoMLResult": {"bestRecipeArn": best}})
        changes["recipeArn"] = best
    return changes


def _learns_from(recipes: Sequence[Recipe]) -> frozenset[str]:
    """Return what any of the recipes learns from; where several compete, all see the same items."""
    together: frozenset[str] = frozenset().union(*(recipe.learns_from for recipe in recipes))
    return together if len(recipes) == 1 else together - {"new-items"}


def _tuned(spec: TrainingSpec, recipes: Sequence[Recipe], data: TrainingData, tick: Tick) -> Searched | None:
    """Search for hyperparameters, and with AutoML for the recipe; None where nobody asks for that."""
    from fakepersonalize.recipes import search
    from fakepersonalize.recipes.evaluation import only_for

    if spec.tuning is None:
        return None
    resources = spec.tuning.get("hpoResourceConfig") or {}
    jobs = int(resources.get("maxNumberOfTrainingJobs") or search.DEFAULT_JOBS)
    parallel = int(resources.get("maxParallelTrainingJobs") or 1)
    metric = spec.metric or search.METRIC
    if metric not in search.METRICS:
        raise JobFailed(errors.UNKNOWN_OBJECTIVE_METRIC.format(name=metric))

    def part(number: int) -> Tick:
        return lambda share: tick((number + share) / len(recipes))

    found = []
    for number, recipe in enumerate(recipes):
        ranges = search.ranges_of(recipe, spec.tuning.get("algorithmHyperParameterRanges"))
        found.append(
            search.search(
                recipe,
                only_for(recipe, data),
                _parameters(spec, recipe),
                ranges,
                spec.seed,
                spec.threads,
                part(number),
                jobs,
                parallel,
                metric,
            )
        )
    return max(found, key=lambda each: each.best.score)


def _parameters(spec: TrainingSpec, recipe: Recipe) -> dict[str, Any]:
    """Return what a recipe is trained with: hyperparameters, the objective's weight, and what time it is."""
    params: dict[str, Any] = recipe.parse(spec.hyperparameters, spec.features)
    if spec.objective:
        params["objective_sensitivity"] = spec.sensitivity
    if training_minima.COLD in params:
        params["now"] = spec.now
    return params


def model_key(job: int) -> int:
    """Return the key of a recommender's model: each training of it has one, beside the numbers of solution versions."""
    return -job


def _hours(services: Services, outcome: dict[str, Any]) -> float:
    """Return how long a training took; with a seed the least there is, or no two runs would tell the same."""
    hours: float = outcome["hours"]
    return hours if services.settings.seed is None else LEAST_HOURS


def _exchange(services: Services, job: Job, recommender: Resource) -> int:
    """Keep a recommender's new model; the old one, which serves until the commit, goes after it."""
    key, old = model_key(job.number), recommender.document.get("model")
    services.models.keep(key, job.folder / MODEL)
    if old is not None:
        assert services.database.current is not None
        services.database.current.afterwards.append(lambda: services.models.drop(old))
    return key


def _config(trained: Resource) -> dict[str, Any]:
    """Return what is configured of a training: a recommender that is being updated is trained as the update says."""
    if trained.kind is RECOMMENDER:
        update = trained.document.get("latestRecommenderUpdate") or {}
        found: dict[str, Any] = (update if update.get("status") in CREATING else trained)["recommenderConfig"]
        return found
    config = trained.document.get("solutionConfig") or {}
    if trained.document.get("performAutoML"):  # nothing else counts then
        return {"autoMLConfig": config.get("autoMLConfig") or {}}
    return config


def _recipes(trained: Resource, config: dict[str, Any]) -> list[Recipe]:
    """Return the recipe that a training follows, which must have a model; with AutoML those that compete."""
    competing = (config.get("autoMLConfig") or {}).get("recipeList") or AUTO_ML_RECIPES
    named = competing if trained.document.get("performAutoML") else [trained["recipeArn"]]
    recipes = [catalogue.recipe(each.rpartition("/")[2], trained.scope.partition) for each in named]
    for each, recipe in zip(named, recipes):
        if recipe is None or recipe.model is None:
            raise JobFailed(errors.NO_MODEL.format(arn=each))
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


def _learnt(spec: TrainingSpec) -> dict[str, Any]:
    """Return which streamed events the model knows, and which of later ones it would have learnt from."""
    threshold = spec.threshold
    return {
        "last": spec.last_streamed,
        "event_type": spec.event_type,
        "threshold": float(threshold) if threshold else None,
        "events": {each["eventType"].lower(): each.get("eventValueThreshold") for each in spec.events},
    }


def _arrays(model: dict[str, np.ndarray], encoded: training_rows.Encoded) -> dict[str, np.ndarray]:
    """The model's arrays, and with them what serving needs: the ids, what is known of items, the users' histories."""
    import numpy as np

    from fakepersonalize.recipes.models import cold_start

    named = {f"model.{name}": array for name, array in model.items()}
    for name, ids in (("user_ids", encoded.users), ("item_ids", encoded.items)):
        named[name], named[f"{name}.offsets"] = artifacts.pack(ids)
    data = encoded.data
    named["items.met"] = np.bincount(data.items, minlength=data.n_items)
    named["items.came"] = cold_start.arrivals(data)
    if data.passed_over is not None:
        named["items.passed_over"] = data.passed_over
    if data.user_features is not None:
        named["user_features"], named["user_features.offsets"] = data.user_features.indices, data.user_features.indptr
    if encoded.actions is not None and data.actions is not None:
        named["action_ids"], named["action_ids.offsets"] = artifacts.pack(encoded.actions)
        for name in ("offsets", "items", "times", "weights"):
            named[f"acted.{name}"] = getattr(data.actions, name)
    return named | {"history.offsets": data.offsets, "history.items": data.items, "history.times": data.times}
