"""How long each step of a life lasts.

The minutes are ours, near what public notebooks show for the service (10 to 15 minutes for a small import, 40 for a
training, 8 for a campaign).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

MINUTES = {
    ("dataset_group", "create"): 1.0,
    ("dataset", "create"): 0.5,
    ("dataset", "update"): 1.0,
    ("dataset_import_job", "create"): 10.0,
    ("solution", "create"): 0.5,
    ("solution_version", "create"): 40.0,
    ("solution_version", "stop-creation"): 1.0,
    ("campaign", "create"): 8.0,
}
MINUTES_OF_DELETION = 1.5
PENDING_SHARE = 0.1


class Pace(Protocol):
    def seconds(self, kind: str, process: str) -> tuple[float, float]:
        """Return how long a resource is pending and then in progress."""
        ...


@dataclass(frozen=True, slots=True)
class EvenPace:
    """Each step lasts the same."""

    step: float

    def seconds(self, kind: str, process: str) -> tuple[float, float]:
        return self.step, self.step


@dataclass(frozen=True, slots=True)
class RealisticPace:
    """About as long as in the service."""

    def seconds(self, kind: str, process: str) -> tuple[float, float]:
        total = 60 * MINUTES.get((kind, process), MINUTES_OF_DELETION)
        return total * PENDING_SHARE, total * (1 - PENDING_SHARE)
