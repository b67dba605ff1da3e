"""State machines as data: which statuses a resource shows while it comes, changes and goes.

Source: "Status" members of the service model, and the statuses that the service was seen to print.
"""

from __future__ import annotations

from dataclasses import dataclass

PENDING, RUNNING, DONE, FAILED = "pending", "running", "done", "failed"


@dataclass(frozen=True, slots=True)
class Process:
    """The statuses of one process by its stages; `done` None means that the resource is gone then."""

    name: str
    pending: str
    running: str
    done: str | None
    failed: str | None

    def status(self, stage: str) -> str | None:
        found: str | None = getattr(self, stage)
        return found


CREATE = Process("create", "CREATE PENDING", "CREATE IN_PROGRESS", "ACTIVE", "CREATE FAILED")
UPDATE = Process("update", "UPDATE PENDING", "UPDATE IN_PROGRESS", "ACTIVE", "UPDATE FAILED")
DELETE = Process("delete", "DELETE PENDING", "DELETE IN_PROGRESS", None, None)
STOP_CREATION = Process("stop-creation", "CREATE STOPPING", "CREATE STOPPING", "CREATE STOPPED", None)

PROCESSES = {process.name: process for process in (CREATE, UPDATE, DELETE, STOP_CREATION)}

ACTIVE = "ACTIVE"
CREATING = frozenset({"CREATE PENDING", "CREATE IN_PROGRESS"})
DELETING = frozenset({"DELETE PENDING", "DELETE IN_PROGRESS"})
FAILED_CREATION = "CREATE FAILED"
UNDER_WAY = CREATING | {"CREATE STOPPING", "PENDING", "IN_PROGRESS"}
