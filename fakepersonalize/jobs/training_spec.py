"""What a training is told: gathered in the server, kept with the job as JSON, read by the work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class TrainingSpec:
    """The data, the recipes and the settings of one training; paths are those of Parquet files."""

    segments: list[str]  # of Interactions, what was streamed included
    acted: list[str]  # of Action interactions
    last_streamed: int  # the number of the newest streamed interaction
    last_acted: int  # the number of the newest streamed interaction with an action
    schema: str | None  # of Interactions
    domain: str | None
    needed: bool  # whether a recipe needs interactions
    sides: dict[str, Any]  # spooled rows of Items, Users and Actions by type
    choice: dict[str, Any]  # trainingDataConfig, and the columns `known` when the solution was made
    recipes: list[str]  # names; with AutoML all that compete
    metric: str | None  # that AutoML compares
    tuning: dict[str, Any] | None  # hpoConfig; None without a search
    objective: str | None  # the column of items that the optimisation objective is after
    sensitivity: str
    events: list[dict[str, Any]]  # eventParametersList
    hyperparameters: dict[str, str]
    features: dict[str, str]  # featureTransformationParameters
    event_type: str | None
    excluded_event: str | None  # what a use case does not list again: the items of these events
    threshold: str | None
    now: int  # seconds since 1970
    seed: int
    threads: int
    minima: bool  # whether AWS's minima of data hold
    base: dict[str, Any] | None  # of an update: what stays as it is
    considered: dict[str, int]  # the most of each kind that AWS considers

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, spec: Mapping[str, Any]) -> TrainingSpec:
        """Read what `to_json` wrote; a KeyError where something is missing."""
        return cls(**{field.name: spec[field.name] for field in fields(cls)})
