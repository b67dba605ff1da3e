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
STOP = Process("stop", "STOP PENDING", "STOP IN_PROGRESS", "INACTIVE", None)
START = Process("start", "START PENDING", "START IN_PROGRESS", "ACTIVE", None)
DELETE_DATA = Process("delete-data", "PENDING", "IN_PROGRESS", "COMPLETED", "FAILED")

PROCESSES = {process.name: process for process in (CREATE, UPDATE, DELETE, STOP_CREATION, STOP, START, DELETE_DATA)}
IN_TRANSITION = frozenset(status for process in PROCESSES.values() for status in (process.pending, process.running))

ACTIVE, INACTIVE = "ACTIVE", "INACTIVE"
CREATING = frozenset({"CREATE PENDING", "CREATE IN_PROGRESS"})
DELETING = frozenset({"DELETE PENDING", "DELETE IN_PROGRESS"})
FAILED_CREATION = "CREATE FAILED"
STAYING = CREATING | {"UPDATE PENDING", "UPDATE IN_PROGRESS", "ACTIVE", "CREATE FAILED", "UPDATE FAILED"}  # not going
UNDER_WAY = CREATING | {"CREATE STOPPING", "PENDING", "IN_PROGRESS"}
