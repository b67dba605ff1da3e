"""Rows of datasets as Parquet segments: bulk rows replace each other, streamed ones stay; jobs pin what they read.

A segment is a file that never changes. Datasets are named by their number, because an ARN can come back.
"""

from __future__ import annotations

from pathlib import Path

from fakepersonalize.storage import files
from fakepersonalize.storage.metadata import Database

BULK = "bulk"


class TableStore:
    """The segments of all datasets; what writes them runs inside the caller's transaction."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder

    def replace(self, dataset: int, file: Path, name: str, rows: int) -> None:
        """Put a file of rows in place of all bulk rows of a dataset."""
        self._database.run("retire_segments", dataset=dataset, origin=BULK)
        self.append(dataset, file, name, rows)
        self._sweep_afterwards()

    def append(self, dataset: int, file: Path, name: str, rows: int) -> None:
        """Add a file of bulk rows to a dataset; `name` is unique to the job that made it."""
        target = self._folder / str(dataset) / f"{name}.parquet"
        files.move(file, target)
        place = target.relative_to(self._folder).as_posix()
        self._database.run("add_segment", dataset=dataset, file=place, origin=BULK, rows=rows)

    def segments(self, dataset: int) -> list[Path]:
        """Return the files that hold the rows of a dataset now, oldest first."""
        return [self._folder / row["file"] for row in self._database.rows("segments", dataset=dataset)]

    def has_rows(self, dataset: int) -> bool:
        return bool(self._database.rows("segments", dataset=dataset))

    def pin(self, dataset: int, job: int) -> list[Path]:
        """Return the files as `segments` does, and keep them until the job is over."""
        for row in self._database.rows("segments", dataset=dataset):
            self._database.run("pin", job=job, segment=row["number"])
        return self.segments(dataset)

    def drop(self, dataset: int) -> None:
        """Give up all rows of a dataset, in a transaction of its own."""
        with self._database.transaction():
            self._database.run("retire_dataset", dataset=dataset)
            self._sweep_afterwards()

    def sweep(self) -> None:
        """Take retired segments that no job reads off the disk."""
        if not self._database.rows("free_segments"):
            return
        with self._database.transaction():
            free = self._database.rows("free_segments")
            for row in free:
                self._database.run("remove_segment", number=row["number"])
        for row in free:
            path = self._folder / row["file"]
            files.remove(path)
            if path.parent.is_dir() and not any(path.parent.iterdir()):
                files.remove(path.parent)

    def sweep_strays(self, made_by_open_jobs: set[str]) -> None:
        """Remove files that no row names: a crash stood between the file and its row."""
        known = {self._folder / row["file"] for row in self._database.rows("segment_files")}
        for path in self._folder.glob("*/*.parquet"):
            if path not in known and path.stem not in made_by_open_jobs:
                files.remove(path)

    def _sweep_afterwards(self) -> None:
        assert self._database.current is not None
        self._database.current.afterwards.append(self.sweep)
