"""What belongs to resources beside their rows: data, streamed records and models, on the disk and in memory."""

from __future__ import annotations

from functools import partial

from fakepersonalize.jobs import train
from fakepersonalize.recommend.live import LiveEvents
from fakepersonalize.recommend.loaded import LoadedModels
from fakepersonalize.recommend.metadata import LiveMetadata
from fakepersonalize.recommend.past import PastEvents
from fakepersonalize.resources.kinds import DATASET, RECOMMENDER, SOLUTION_VERSION
from fakepersonalize.resources.shelf import Resource, Shelf
from fakepersonalize.storage.artifacts import ArtifactStore
from fakepersonalize.storage.metadata import Database
from fakepersonalize.storage.streamed import StreamedRows
from fakepersonalize.storage.tables import TableStore


class Belongings:
    """Lets go of what nobody owns any more."""

    def __init__(
        self,
        database: Database,
        shelf: Shelf,
        tables: TableStore,
        models: ArtifactStore,
        loaded: LoadedModels,
        streamed: StreamedRows,
        known: tuple[LiveEvents, LiveMetadata, PastEvents],
    ) -> None:
        self._database, self._shelf, self._tables = database, shelf, tables
        self._models, self._loaded, self._streamed, self._known = models, loaded, streamed, known

    def drop(self, resource: Resource) -> None:
        """Let go of what belonged to a resource, inside the transaction that removes it."""
        assert self._database.current is not None
        afterwards = self._database.current.afterwards
        if resource.kind is DATASET:
            afterwards.append(partial(self.drop_rows, resource.number))
            self._tables.drop(resource.number)  # off the disk once nobody knows it
        model = _model(resource)
        if model is not None:
            afterwards += [partial(store.drop, model) for store in (self._loaded, self._models)]

    def drop_rows(self, dataset: int) -> None:
        """Give up the streamed rows of a dataset, and what is known of it in memory."""
        for rows in (self._streamed, *self._known):
            rows.drop(dataset)

    def sweep(self) -> None:
        """Clear away what a crash left on the disk that no row names."""
        self.sweep_strays()
        self._tables.sweep()
        for dataset in self._streamed.datasets() - {dataset.number for dataset in self._shelf.of_kind(DATASET)}:
            self.drop_rows(dataset)

    def sweep_strays(self) -> None:
        """Remove segments and models that no row names, while nobody writes rows."""
        with self._database.transaction():
            self._sweep_strays()

    def _sweep_strays(self) -> None:
        open_jobs = {str(row["number"]) for row in self._database.rows("open_jobs")}
        self._tables.sweep_strays(open_jobs)
        trained = [each for kind in (SOLUTION_VERSION, RECOMMENDER) for each in self._shelf.of_kind(kind)]
        recording = {train.model_key(int(job)) for job in open_jobs}
        self._models.sweep(recording | {key for key in map(_model, trained) if key is not None})


def _model(resource: Resource) -> int | None:
    """Return the key of the model that belongs to a resource."""
    if resource.kind is SOLUTION_VERSION:
        return resource.number
    return resource.document.get("model") if resource.kind is RECOMMENDER else None
