"""A shelf on an empty database, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakepersonalize.lifecycle.clock import ManualClock
from fakepersonalize.resources.shelf import Shelf
from fakepersonalize.storage.metadata import Database


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1000.0)


@pytest.fixture
def new_shelf(tmp_path: Path, clock: ManualClock) -> Iterator[Callable[..., Shelf]]:
    """A function that makes a shelf, with quotas or without."""
    database = Database(tmp_path / "metadata.db", durable=False)
    yield lambda quotas=False: Shelf(database, clock.now, quotas)
    database.close()


@pytest.fixture
def shelf(new_shelf: Callable[..., Shelf]) -> Shelf:
    return new_shelf()
