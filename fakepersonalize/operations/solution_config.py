"""What CreateSolution and UpdateSolution check of a solution's configuration.

Source: https://docs.aws.amazon.com/personalize/latest/dg/customizing-solution-config.html and the recipes' pages there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fakepersonalize import errors
from fakepersonalize.datasets.schema import INTERACTIONS, ITEMS, NUMBERS, Schema, dataset_type
from fakepersonalize.errors import InvalidInputException, shortened
from fakepersonalize.recipes.catalogue import Parameter, Recipe, without_stage

# What needs an ability of the recipe: where it is asked for, and the ability.
ABILITIES = {"performHPO": "hpo", "optimizationObjective": "objective", "eventsConfig": "events-config"}
MOST_JOBS = {"maxNumberOfTrainingJobs": 40, "maxParallelTrainingJobs": 10}
MOST_DAYS = 30
SCHEDULE = re.compile(r"rate\((\d+) days?\)")
RANGES = {"int": "integerHyperParameterRanges", "float": "continuousHyperParameterRanges"}  # by kind of parameter
CATEGORIES = "categoricalHyperParameterRanges"
DEFAULT_SCHEDULE = "rate(7 days)"
ALWAYS_USED = frozenset({"EVENT_TYPE", "USER_ID", "ITEM_ID", "ACTION_ID", "TIMESTAMP"})

Schemas = Mapping[str, Schema]  # of the datasets that there are, by dataset type


def check(recipe: Recipe, request: Mapping[str, Any], schemas: Schemas) -> None:
    """Raise an InvalidInputException for what the recipe, or the data, cannot be told."""
    config = request.get("solutionConfig") or {}
    recipe.parse(config.get("algorithmHyperParameters") or {}, config.get("featureTransformationParameters") or {})
    _check_abilities(recipe, {**config, "performHPO": request.get("performHPO")})
    _check_threshold(config.get("eventValueThreshold"), request.get("eventType"))
    check_update(recipe, {**request, "solutionUpdateConfig": config}, schemas)
    if config.get("optimizationObjective"):
        _check_objective(config["optimizationObjective"].get("itemAttribute"), schemas)
    check_columns(config.get("trainingDataConfig") or {}, schemas)
    _check_tuning(recipe, config)


def check_update(recipe: Recipe | None, request: Mapping[str, Any], schemas: Schemas) -> None:
    """Raise an InvalidInputException for what UpdateSolution cannot change so; without a recipe it is about AutoML."""
    config = request.get("solutionUpdateConfig") or {}
    if request.get("performIncrementalUpdate") and not (recipe and recipe.name == "aws-semantic-similarity"):
        raise errors.invalid(errors.INCREMENTAL_REFUSED)
    _check_schedule(config)
    if config.get("eventsConfig"):
        if recipe is None:
            raise errors.invalid(errors.RECIPE_NEEDED, name="eventsConfig")
        _check_abilities(recipe, {"eventsConfig": True})
        if INTERACTIONS in schemas and not schemas[INTERACTIONS].column("EVENT_TYPE"):
            raise errors.invalid(errors.NO_EVENT_TYPE)
        _check_events(config["eventsConfig"].get("eventParametersList") or [])


def _check_events(events: Sequence[Mapping[str, Any]]) -> None:
    """Check that each type of events, in whatever case, is there once, and that there is something to learn from."""
    types = set[str]()
    for type_ in (event.get("eventType") for event in events):
        if not type_:
            raise errors.invalid(errors.EVENT_WITHOUT_TYPE)
        if type_.lower() in types:
            raise errors.invalid(errors.EVENT_TWICE, type=type_)
        types.add(type_.lower())
    if events and all(event.get("weight") == 0 for event in events):
        raise errors.invalid(errors.NO_EVENT_WEIGHT)


def check_auto_ml(recipes: Iterable[Recipe], config: Mapping[str, Any]) -> None:
    """Raise an InvalidInputException for a recipe that AutoML does not choose from, and for what is no schedule."""
    for recipe in recipes:
        if "automl" not in recipe.does:
            raise errors.invalid(errors.NO_AUTO_ML_RECIPE, arn=recipe.arn)
    _check_schedule(config)


def check_columns(data: Mapping[str, Any], schemas: Schemas) -> None:
    """Raise an InvalidInputException for a `trainingDataConfig` that names what is not there, or what is needed."""
    excluded = _by_type(data.get("excludedDatasetColumns"))
    included = _by_type(data.get("includedDatasetColumns"))
    for type_ in excluded.keys() & included.keys():
        raise errors.invalid(errors.BOTH_COLUMN_LISTS, type=type_)
    for names in excluded.values():
        for name in names:
            if name.upper() in ALWAYS_USED:
                raise errors.invalid(errors.NOT_EXCLUDABLE, name=name)
    for type_, names in (excluded | included).items():
        for name in names:
            if type_ not in schemas or not schemas[type_].column(name):
                raise errors.invalid(errors.UNKNOWN_COLUMN, type=type_, name=name)


def _by_type(columns: Mapping[str, list[str]] | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for type_, names in (columns or {}).items():  # the same type may be spelt twice
        found.setdefault(dataset_type(type_) or type_, []).extend(names)
    return found


def _check_objective(name: str | None, schemas: Schemas) -> None:
    column = schemas[ITEMS].column(name) if name and ITEMS in schemas else None
    if column is None or column.nullable or column.type not in NUMBERS:
        raise errors.invalid(errors.BAD_OBJECTIVE, name=name)


def _check_abilities(recipe: Recipe, asked: Mapping[str, Any]) -> None:
    for name, ability in ABILITIES.items():
        if asked.get(name) and ability not in recipe.does:
            raise InvalidInputException(errors.UNSUPPORTED.format(name=name, arn=recipe.arn))


def _check_threshold(threshold: str | None, event_type: str | None) -> None:
    if threshold is None:
        return
    if not event_type:
        raise InvalidInputException(errors.THRESHOLD_WITHOUT_TYPE)
    if not _is_finite(threshold):
        raise InvalidInputException(errors.NOT_A_NUMBER.format(name="eventValueThreshold", value=shortened(threshold)))


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _check_schedule(config: Mapping[str, Any]) -> None:
    expression = (config.get("autoTrainingConfig") or {}).get("schedulingExpression")
    if expression is None:
        return
    found = SCHEDULE.fullmatch(expression)
    if not found or not 1 <= int(found[1]) <= MOST_DAYS:
        raise InvalidInputException(errors.BAD_SCHEDULE.format(value=shortened(expression)))


def _check_tuning(recipe: Recipe, config: Mapping[str, Any]) -> None:
    tuning = config.get("hpoConfig") or {}
    for name, text in (tuning.get("hpoResourceConfig") or {}).items():
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_JOBS[name]):
            raise InvalidInputException(
                errors.TOO_MANY_JOBS.format(name=name, most=MOST_JOBS[name], value=shortened(text))
            )
    tunable = {p.name: p for p in recipe.algorithm.parameters if p.tunable and recipe.has_hpo}
    searched = set[str]()
    for member, ranges in (tuning.get("algorithmHyperParameterRanges") or {}).items():
        for asked in ranges or ():
            parameter = tunable.get(without_stage(asked.get("name") or ""))
            if parameter is None:
                raise InvalidInputException(errors.NOT_TUNABLE.format(name=asked.get("name"), arn=recipe.arn))
            if member != RANGES.get(parameter.kind, CATEGORIES):
                raise errors.invalid(errors.RANGE_OF_OTHER_TYPE, name=parameter.name, member=member)
            if parameter.name in searched:
                raise errors.invalid(errors.RANGE_TWICE, name=parameter.name)
            searched.add(parameter.name)
            _check_range(parameter, asked)


def _check_range(parameter: Parameter, asked: Mapping[str, Any]) -> None:
    """Check one range: values of a categorical parameter, bounds of a number."""
    for text in asked.get("values") or ():
        parameter.parse(text)
    low, high = asked.get("minValue", parameter.min), asked.get("maxValue", parameter.max)
    if not parameter.min <= low <= high <= parameter.max:
        raise InvalidInputException(
            errors.BAD_RANGE.format(name=parameter.name, least=parameter.min, most=parameter.max)
        )
