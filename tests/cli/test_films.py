"""The film data are found wherever the package lies, and read as they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fakepersonalize import bundled
from fakepersonalize.cli.films import FILES, Films

DATA = bundled.folder()


@pytest.fixture(scope="module")
def data() -> Films:
    return Films()


@pytest.mark.parametrize("inside", [".", "fakepersonalize"], ids=["checkout", "installed"])
def test_the_data_are_found_beside_the_package_or_in_it(
    inside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / inside / "fixtures" / "films"
    shutil.copytree(DATA, copy)
    monkeypatch.setattr(bundled, "__file__", str(tmp_path / "fakepersonalize" / "bundled.py"))
    assert bundled.folder().resolve() == copy.resolve()


@pytest.mark.parametrize("dataset_type", FILES)
def test_rows_are_counted_without_the_header(dataset_type: str, data: Films) -> None:
    assert data.rows(dataset_type) == len(data.csv(dataset_type).decode().strip().splitlines()) - 1


def test_watched_films_are_in_the_order_of_time(data: Films) -> None:
    rows = data.watched_by("u0001")
    assert set(rows["USER_ID"]) == {"u0001"}
    assert rows["TIMESTAMP"].is_monotonic_increasing
    assert data.last_watched("u0001") == rows["ITEM_ID"].iloc[-1]


def test_favourite_genres_are_shares_of_the_watched_films(data: Films) -> None:
    favourites = data.favourite_genres("u0001", 2)
    items = data.watched_by("u0001")["ITEM_ID"]
    for genre, share in favourites.items():
        having = [genre in data.catalogue.loc[item, "GENRES"].split("|") for item in items]
        assert share == pytest.approx(sum(having) / len(having))
    assert list(favourites.values()) == sorted(favourites.values(), reverse=True)
