"""What a snapshot is of: the stores of one emulator."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fakepersonalize.lifecycle.clock import Clock
from fakepersonalize.lifecycle.machine import Lifecycle
from fakepersonalize.neighbours import Neighbours
from fakepersonalize.resources.kinds import KINDS
from fakepersonalize.resources.shelf import Resource, Shelf
from fakepersonalize.storage.artifacts import ArtifactStore
from fakepersonalize.storage.metadata import Database
from fakepersonalize.storage.streamed import StreamedRows
from fakepersonalize.storage.tables import TableStore


@dataclass(frozen=True)
class State:
    """The stores of an emulator; `gone` lets go of what belonged to a resource, inside the transaction."""

    database: Database
    shelf: Shelf
    tables: TableStore
    streamed: StreamedRows
    models: ArtifactStore
    lifecycle: Lifecycle
    clock: Clock
    neighbours: Neighbours
    folder: Path  # for what is on its way
    keeps_objects: bool  # on the disk, in a file of their own
    gone: Callable[[Resource], None]
    forget: Callable[[int], None]  # the streamed rows of a dataset, at once
    model_key: Callable[[int], int]  # of a recommender's training, by the number of its job

    busy: threading.Lock = field(default_factory=threading.Lock)  # held while one is saved or loaded

    def resources(self) -> list[Resource]:
        """Return all resources, oldest first."""
        found = [resource for kind in KINDS.values() for resource in self.shelf.of_kind(kind)]
        return sorted(found, key=lambda resource: resource.number)
