"""Rows of datasets as Parquet segments: bulk rows replace each other, streamed ones stay; jobs pin what they read.

A segment is a file that never changes. Datasets are named by their number, because an ARN can come back.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from contextlib import suppress
from pathlib import Path

from fakepersonalize.storage import files
from fakepersonalize.storage.metadata import Database, Row

BULK = "bulk"


class TableStore:
    """The segments of all datasets; what writes them runs inside the caller's transaction."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder
        self.read: Callable[[], Set[int]] = frozenset  # the numbers of segments that answers read

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

    def exchange(self, number: int, file: Path, name: str, rows: int) -> None:
        """Put a file in the place of a segment, which stays as new or old as it was; one that has gone stays away.

        Jobs that pinned it go on reading the old file, which leaves the disk after them.
        """
        old = self._database.run("keep_old_segment", number=number)
        if not old.rowcount:
            return
        segment = self._database.row("segment", number=number)
        assert segment is not None
        target = self._folder / str(segment["dataset"]) / f"{name}.parquet"
        files.move(file, target)
        self._database.run("move_pins", number=number, target=old.lastrowid)
        place = target.relative_to(self._folder).as_posix()
        self._database.run("change_segment", number=number, file=place, rows=rows)
        self._sweep_afterwards()

    def segments(self, dataset: int) -> list[Path]:
        """Return the files that hold the rows of a dataset now, oldest first."""
        return [file for _, file in self.numbered(dataset)]

    def numbered(self, dataset: int) -> list[tuple[int, Path]]:
        """Return the files as `segments` does, with the numbers that tell which is newer."""
        return [(row["number"], self._folder / row["file"]) for row in self._database.rows("segments", dataset=dataset)]

    def rows_of(self, number: int) -> int:
        """Return how many rows a segment has."""
        row = self._database.row("segment", number=number)
        return row["rows"] if row else 0

    def has_rows(self, dataset: int) -> bool:
        return bool(self._database.rows("segments", dataset=dataset))

    def count(self, dataset: int) -> int:
        """Return how many bulk rows a dataset has."""
        return sum(row["rows"] for row in self._database.rows("segments", dataset=dataset))

    def latest(self, dataset: int) -> int:
        """Return the number of the newest segment of a dataset, 0 where there is none."""
        row = self._database.row("latest_segment", dataset=dataset)
        return row["number"] if row else 0

    def pin(self, dataset: int, job: int) -> list[Path]:
        """Return the files as `segments` does, and keep them until the job is over."""
        self._database.run("pin", job=job, dataset=dataset)
        return self.segments(dataset)

    def drop(self, dataset: int) -> None:
        """Give up all rows of a dataset."""
        self._database.run("retire_dataset", dataset=dataset)
        self._sweep_afterwards()

    def sweep(self) -> None:
        """Take retired segments off the disk that neither jobs nor answers read."""
        if not self._free():
            return
        with self._database.transaction():
            free = self._free()
            for row in free:
                self._database.run("remove_segment", number=row["number"])
        for row in free:
            files.remove(self._folder / row["file"])
            self._remove_if_empty((self._folder / row["file"]).parent)

    def sweep_strays(self, made_by_open_jobs: set[str]) -> None:
        """Remove files that no row names: a crash stood between the file and its row."""
        known = {self._folder / row["file"] for row in self._database.rows("segment_files")}
        for path in self._folder.glob("*/*.parquet"):
            if path not in known and path.stem.partition("-")[0] not in made_by_open_jobs:
                files.remove(path)
        for folder in self._folder.glob("*/"):
            self._remove_if_empty(folder)

    def _free(self) -> list[Row]:
        read = self.read()
        return [row for row in self._database.rows("free_segments") if row["number"] not in read]

    def _remove_if_empty(self, folder: Path) -> None:
        with suppress(OSError):  # there is something in it, or it is gone already
            folder.rmdir()

    def _sweep_afterwards(self) -> None:
        assert self._database.current is not None
        self._database.current.afterwards.append(self.sweep)
