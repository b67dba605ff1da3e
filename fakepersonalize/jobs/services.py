"""What jobs may use of the house."""

from __future__ import annotations

from dataclasses import dataclass

from fakepersonalize.faults import Faults
from fakepersonalize.jobs.attribution_report import Attributions
from fakepersonalize.neighbours import Neighbours
from fakepersonalize.permissions.access import Permissions
from fakepersonalize.recommend.loaded import LoadedModels
from fakepersonalize.resources.shelf import Shelf
from fakepersonalize.settings import Settings
from fakepersonalize.storage.artifacts import ArtifactStore
from fakepersonalize.storage.metadata import Database
from fakepersonalize.storage.streamed import StreamedRows
from fakepersonalize.storage.tables import TableStore


@dataclass(frozen=True, slots=True)
class Services:
    """Handed to `gather` and `record`, never to `work`."""

    settings: Settings
    database: Database
    shelf: Shelf
    tables: TableStore
    streamed: StreamedRows
    models: ArtifactStore
    loaded: LoadedModels
    neighbours: Neighbours
    permissions: Permissions
    faults: Faults
    attributions: Attributions
