"""Read the catalogue of recipes, algorithms, feature transformations and hyperparameters.

The facts stand in `catalogue.toml`; here they get types, the answers of ListRecipes and the Describe operations, and
the checks of hyperparameters that CreateSolution makes.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Literal, NamedTuple

from fakepersonalize import errors
from fakepersonalize.arns import AWS, PARTITIONS, parse, service_owned

Value = int | float | bool | str
Need = Literal["required", "optional", "unused"]

# What a recipe may be able to do; the names that `does` of a row is made of.
CAPABILITIES = frozenset(
    {
        "automatic-update",  # takes in new items every two hours
        "automl",  # competes when AutoML chooses
        "batch-inference",
        "batch-segment",
        "context",
        "events-config",  # weights of event types
        "exploration",  # as the campaign or recommender configures it
        "exploration-by-itself",
        "hpo",
        "metadata-by-itself",  # metadata in answers need not be switched on
        "objective",  # optimizationObjective
        "promotions",
        "ranking-influence",
        "real-time",  # events change the answers for known users
        "reasons",
        "scores",
        "scores-unknown",  # what it does not know has the score 0, not none
        "popular-when-alone",  # an item without neighbours is answered like an unknown one (seen)
        "themes",
        "trend",  # looks again at what is streamed, at intervals
    }
)

# What a recipe may learn from beside who met what; the names that `learns_from` of a row is made of.
SOURCES = frozenset({"items", "texts", "users", "context", "impressions", "actions", "new-items"})

# Requests may write hyperparameters with the stage that they belong to, as documented HPO ranges do.
STAGES = ("training.", "data.", "featurization.")

_DEFAULT_RESOURCES = {"maxNumberOfTrainingJobs": "40", "maxParallelTrainingJobs": "10"}
_IMAGE = "fakepersonalize.invalid/algorithm/{name}:1"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A hyperparameter: its kind, its default and the values that it may have; all values travel as strings."""

    name: str
    kind: Literal["int", "float", "bool", "string"]
    default: Value
    min: float = -math.inf
    max: float = math.inf
    above: float = -math.inf
    values: tuple[str, ...] = ()
    spellings: Mapping[str, str] = field(default_factory=dict)
    tunable: bool = True
    settable: bool = True
    inactive: bool = False
    means: str = ""
    at_default: int | None = None

    def parse(self, text: str) -> Value:
        """Return the typed value; an InvalidInputException where the text is no value of this parameter."""
        value = self._read(text.strip())
        if value is None:
            raise errors.invalid(errors.BAD_PARAMETER, value=text, name=self.name, expected=self.expected)
        return value

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        if self.kind == "bool":
            return "true or false"
        if self.kind == "string":
            return f"one of {', '.join(self.values)}"
        noun = "an integer" if self.kind == "int" else "a number"
        lower = f"greater than {self.above:g}" if self.above > -math.inf else f"of at least {self.min:g}"
        return f"{noun} {lower}" + (f" and at most {self.max:g}" if self.max < math.inf else "")

    def range(self) -> dict[str, Any]:
        """Return the default range as DescribeAlgorithm shows it."""
        if self.kind in ("bool", "string"):
            bounds: dict[str, Any] = {"values": list(self.values or ("true", "false"))}
        else:
            bounds = {"minValue": self._typed(self.min), "maxValue": self._typed(self.max)}
        return {"name": self.name, **bounds, "isTunable": self.tunable}

    def setting(self, value: Value) -> tuple[str, Value]:
        """Return the setting of our models that `value` stands for: its name, and its value in their units."""
        if self.at_default is None:
            return self.means or self.name, value
        return self.means, max(1, round(self.at_default * float(value) / float(self.default)))

    def _typed(self, bound: float) -> Value:
        return int(bound) if self.kind == "int" else bound

    def _read(self, text: str) -> Value | None:
        if self.kind == "bool":
            return {"true": True, "false": False}.get(text.lower())
        if self.kind == "string":
            known = {value.lower(): value for value in self.values} | {k.lower(): v for k, v in self.spellings.items()}
            return known.get(text.lower())
        try:
            number = int(text) if self.kind == "int" else float(text)
        except ValueError:
            return None
        inside = math.isfinite(number) and self.min <= number <= self.max and number > self.above
        return number if inside else None


class Exploration(NamedTuple):
    """How much a campaign, recommender or batch job tries out, and how old new items may be."""

    weight: float  # 0 to 1
    cut_off_days: float
    askers: float = 1.0  # the share of the users on whom anything is tried out


# Where nobody configures it, about a thousandth of what is recommended, items of the last thirty days (inferred): one
# of 25 for one user in 40.
BY_ITSELF = Exploration(0.3, 30.0, 1 / 40)


@dataclass(frozen=True, slots=True)
class FeatureTransformation:
    """A step that prepares data before training."""

    name: str
    parameters: tuple[Parameter, ...]
    created: datetime
    updated: datetime
    partition: str

    @property
    def arn(self) -> str:
        return service_owned(f"feature-transformation/{self.name}", self.partition)

    def describe(self) -> dict[str, Any]:
        """Return the members of DescribeFeatureTransformation, times as seconds since 1970."""
        return {
            "name": self.name,
            "featureTransformationArn": self.arn,
            "defaultParameters": as_texts(self.parameters),
            "status": "ACTIVE",
            **_times(self),
        }


@dataclass(frozen=True, slots=True)
class Algorithm:
    """What a recipe trains; each recipe has one of its own."""

    name: str
    recipe: str
    parameters: tuple[Parameter, ...]
    created: datetime
    updated: datetime
    partition: str

    @property
    def arn(self) -> str:
        return service_owned(f"algorithm/{self.name}", self.partition)

    def describe(self) -> dict[str, Any]:
        """Return the members of DescribeAlgorithm, times as seconds since 1970."""
        return {
            "name": self.name,
            "algorithmArn": self.arn,
            "algorithmImage": {"name": self.recipe, "dockerURI": _IMAGE.format(name=self.name)},
            "defaultHyperParameters": as_texts(self.parameters),
            "defaultHyperParameterRanges": {
                "integerHyperParameterRanges": [p.range() for p in self.parameters if p.kind == "int"],
                "continuousHyperParameterRanges": [p.range() for p in self.parameters if p.kind == "float"],
                "categoricalHyperParameterRanges": [p.range() for p in self.parameters if p.kind in ("bool", "string")],
            },
            "defaultResourceConfig": dict(_DEFAULT_RESOURCES),
            "trainingInputMode": "File",
            **_times(self),
        }


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe: what it is called, what it needs, what it can do, and the model of ours that stands behind it."""

    name: str
    description: str
    recipe_type: str
    algorithm: Algorithm
    feature_transformation: FeatureTransformation | None
    feature_parameters: tuple[Parameter, ...]
    campaign_parameters: tuple[Parameter, ...]
    created: datetime
    updated: datetime
    listed: bool
    domain: str | None
    required_datasets: tuple[str, ...]
    required_event: str | None
    auto_filter: str | None
    operation: str | None
    needs_user: Need
    needs_item: Need
    does: frozenset[str]
    learns_from: frozenset[str]
    model: str | None
    partition: str

    @property
    def arn(self) -> str:
        return service_owned(f"recipe/{self.name}", self.partition)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The hyperparameters that a solution may set: of the algorithm, then of featurisation."""
        return self.algorithm.parameters + self.feature_parameters

    @property
    def returns_scores(self) -> bool:
        return "scores" in self.does

    @property
    def reacts(self) -> bool:
        """Whether a user's events change the answers at once."""
        return "real-time" in self.does

    @property
    def has_hpo(self) -> bool:
        return "hpo" in self.does

    def exploration(self, asked: Mapping[str, str] | None) -> Exploration | None:
        """Return what an `itemExplorationConfig` that was checked comes to; None where nothing is tried out."""
        if "exploration" not in self.does:
            return BY_ITSELF if "exploration-by-itself" in self.does else None
        known = {parameter.name: parameter for parameter in self.campaign_parameters}
        texts = as_texts(self.campaign_parameters) | dict(asked or {})
        weight, days = (
            float(known[name].parse(texts[name])) for name in ("explorationWeight", "explorationItemAgeCutOff")
        )
        return Exploration(weight, days) if weight else None

    def describe(self) -> dict[str, Any]:
        """Return the members of DescribeRecipe, times as seconds since 1970."""
        transformation = self.feature_transformation
        return {
            "name": self.name,
            "recipeArn": self.arn,
            "algorithmArn": self.algorithm.arn,
            **({"featureTransformationArn": transformation.arn} if transformation else {}),
            "status": "ACTIVE",
            "description": self.description,
            "recipeType": self.recipe_type,
            **_times(self),
        }

    def summary(self) -> dict[str, Any]:
        """Return the members of an entry of ListRecipes, times as seconds since 1970."""
        domain = {"domain": self.domain} if self.domain else {}
        return {"name": self.name, "recipeArn": self.arn, "status": "ACTIVE", **domain, **_times(self)}

    def parse(self, algorithm_params: Mapping[str, str], feature_params: Mapping[str, str]) -> dict[str, Value]:
        """Return typed values: the given ones, and the defaults of the others.

        Percentile bounds are absent unless given, for then alone they have an effect. An InvalidInputException names a
        parameter that is unknown to the recipe, no value of its kind, out of range, or a minimum above its maximum.
        """
        given = self._given(algorithm_params, self.algorithm.parameters)
        given |= self._given(feature_params, self.feature_parameters)
        for name, lowest in given.items():
            highest = given.get("max_" + name.removeprefix("min_"), math.inf) if name.startswith("min_") else math.inf
            if isinstance(highest, int | float) and isinstance(lowest, int | float) and lowest > highest:
                raise errors.invalid(errors.MINIMUM_ABOVE_MAXIMUM, name=name, most=name.removeprefix("min_"))
        return {p.name: p.default for p in self.parameters if not p.inactive} | given

    def settings(self, params: Mapping[str, Value]) -> dict[str, Value]:
        """Return what values of `parse` mean to our models: their names and units instead of the service's."""
        known = {parameter.name: parameter for parameter in self.parameters}
        return dict(known[name].setting(value) for name, value in params.items())

    def _given(self, texts: Mapping[str, str], parameters: Iterable[Parameter]) -> dict[str, Value]:
        known = {parameter.name: parameter for parameter in parameters if parameter.settable}
        found = {}
        for sent, text in texts.items():
            name = without_stage(sent)
            if name not in known:
                raise errors.invalid(errors.UNKNOWN_PARAMETER, name=sent, arn=self.arn)
            found[name] = known[name].parse(text)
        return found


def recipe(name: str, partition: str = AWS) -> Recipe | None:
    """Return the recipe called `name`, listed or not, as the regions of a partition have it."""
    return _catalogue(partition).recipes.get(name)


def recipe_of(arn: str) -> Recipe | None:
    """Return the recipe with an ARN, which is of some partition."""
    parsed = parse(arn)
    return recipe(parsed.id, parsed.partition) if parsed and parsed.partition in PARTITIONS else None


def recipes(partition: str = AWS) -> tuple[Recipe, ...]:
    """Return all recipes in the order of their names; ListRecipes shows those that are `listed`."""
    return tuple(_catalogue(partition).recipes.values())


def algorithm(name: str, partition: str = AWS) -> Algorithm | None:
    """Return the algorithm called `name`."""
    return _catalogue(partition).algorithms.get(name)


def feature_transformation(name: str, partition: str = AWS) -> FeatureTransformation | None:
    """Return the feature transformation called `name`."""
    return _catalogue(partition).feature_transformations.get(name)


def without_stage(name: str) -> str:
    """Return the plain name of a hyperparameter: `bptt` for `training.bptt`."""
    for stage in STAGES:
        name = name.removeprefix(stage)
    return name


def as_texts(parameters: Iterable[Parameter]) -> dict[str, str]:
    """Return the defaults of parameters as they travel."""
    return {p.name: str(p.default).lower() if p.kind == "bool" else str(p.default) for p in parameters}


@dataclass(frozen=True, slots=True)
class _Catalogue:
    recipes: dict[str, Recipe]
    algorithms: dict[str, Algorithm]
    feature_transformations: dict[str, FeatureTransformation]


@cache
def _catalogue(partition: str) -> _Catalogue:
    rows = tomllib.loads(resources.files(__package__).joinpath("catalogue.toml").read_text("utf-8"))
    groups = {name: _parameters(group) for name, group in rows["parameters"].items()}
    common = {"updated": rows["updated"], "partition": partition}
    transformations = {
        name: FeatureTransformation(name, _joined(groups, row.get("parameters", ())), row["created"], **common)
        for name, row in rows["feature-transformations"].items()
    }
    found = {name: _recipe(name, row, common, groups, transformations) for name, row in sorted(rows["recipes"].items())}
    return _Catalogue(found, {row.algorithm.name: row.algorithm for row in found.values()}, transformations)


def _recipe(
    name: str,
    row: Mapping[str, Any],
    common: Mapping[str, Any],
    groups: Mapping[str, tuple[Parameter, ...]],
    transformations: Mapping[str, FeatureTransformation],
) -> Recipe:
    trains = _joined(groups, row.get("parameters", ()))
    prepares = transformations.get(row.get("feature_transformation", ""))
    own = row.get("feature_parameters")
    inherited = prepares.parameters if prepares else ()
    return Recipe(
        name=name,
        description=row["description"],
        recipe_type=row["type"],
        algorithm=Algorithm(row.get("algorithm", name), name, trains, row["created"], **common),
        feature_transformation=prepares,
        feature_parameters=inherited if own is None else _joined(groups, own),
        campaign_parameters=_joined(groups, row.get("campaign_parameters", ())),
        created=row["created"],
        listed=row.get("listed", True),
        domain=row.get("domain"),
        required_datasets=tuple(row.get("requires", ("INTERACTIONS",))),
        required_event=row.get("required_event"),
        auto_filter=row.get("auto_filter"),
        operation=row.get("operation"),
        needs_user=row.get("needs_user", "unused"),
        needs_item=row.get("needs_item", "unused"),
        does=frozenset(row["does"]),
        learns_from=frozenset(row.get("learns_from", ())),
        model=row.get("model"),
        **common,
    )


def _parameters(group: Mapping[str, Any]) -> tuple[Parameter, ...]:
    return tuple(Parameter(name, **{**row, "values": tuple(row.get("values", ()))}) for name, row in group.items())


def _joined(groups: Mapping[str, tuple[Parameter, ...]], names: Iterable[str]) -> tuple[Parameter, ...]:
    return tuple(parameter for name in names for parameter in groups[name])


def _times(row: Recipe | Algorithm | FeatureTransformation) -> dict[str, float]:
    """Nothing was updated before it was made: what is newer than the common stamp of the recipes has its own."""
    created, updated = row.created.timestamp(), row.updated.timestamp()
    return {"creationDateTime": created, "lastUpdatedDateTime": max(created, updated)}
