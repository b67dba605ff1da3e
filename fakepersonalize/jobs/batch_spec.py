"""What a batch job is told: gathered in the server, kept with the job as JSON, read by the work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class BatchSpec:
    """The input, the data and the settings of one batch inference or batch segment job."""

    files: list[dict[str, Any]]  # see batch_files
    amount: int  # of results for each line
    most_lines: int | None  # of a file; None without a quota
    recipe: str
    filter: str | None  # the expression
    schemas: dict[str, tuple[str, str | None]]  # by dataset type: schema and domain
    sides: dict[str, Any]  # spooled rows of Items and Users by type
    segments: list[str]  # Parquet files of Interactions, where the filter reads them
    reacts: bool  # whether streamed events count before the next training
    explores: tuple[float, float, float] | None  # the fields of Exploration
    grows: bool  # whether incremental updates bring new texts in
    seed: int
    version: str  # ARN of the solution version
    latest: bool  # whether automatic updates bring new items in
    config: dict[str, Any]  # batchInferenceJobConfig
    item_name: str | None = None  # the column of names, for themes

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, spec: Mapping[str, Any]) -> BatchSpec:
        """Read what `to_json` wrote."""
        return cls(**{field.name: spec[field.name] for field in fields(cls) if field.name in spec})
