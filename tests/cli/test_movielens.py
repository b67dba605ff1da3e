"""Made-up archives have the layout and the size of MovieLens, are the same every time, and can be learnt from."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fakepersonalize.cli import movielens
from fakepersonalize.cli.data import LIKE
from fakepersonalize.cli.main import main

SMALL = ("ml-100k", "ml-latest-small")  # one second together; ml-1m takes four
files = cache(movielens.files)


def ratings(name: str) -> pd.DataFrame:
    how = {"ml-100k": ("u.data", "\t", None), "ml-latest-small": ("ratings.csv", ",", 0)}
    file, between, header = how[name]
    read = pd.read_csv(io.BytesIO(files(name)[file]), sep=between, header=header)
    return read.set_axis(["user", "film", "stars", "time"], axis=1)


def test_there_is_a_shape_for_each_choice() -> None:
    assert set(LIKE) == set(movielens.SHAPES)


@pytest.mark.parametrize("name", SMALL)
def test_sizes_are_those_of_the_archive(name: str) -> None:
    shape, found = movielens.SHAPES[name], ratings(name)
    assert len(found) == shape.ratings
    assert found["user"].nunique() == shape.users
    assert found["film"].nunique() <= shape.films
    assert not found.duplicated(["user", "film"]).any()
    assert found.groupby("user").size().min() >= 20
    assert found["stars"].between(0.5, 5).all()
    assert found["time"].between(shape.start, shape.start + 86_400 * shape.days).all()


def test_files_of_100k_read_as_those_of_movielens() -> None:
    films = pd.read_csv(io.BytesIO(files("ml-100k")["u.item"]), sep="|", header=None, encoding="latin-1")
    assert films.shape == (1_682, 24)
    assert films[1].is_unique
    assert films.iloc[:, 5:].isin([0, 1]).all(axis=None)
    assert (films.iloc[:, 6:].sum(axis=1) >= 1).all()
    people = pd.read_csv(io.BytesIO(files("ml-100k")["u.user"]), sep="|", header=None)
    assert people.shape == (943, 5)
    assert set(people[2]) == {"M", "F"}


def test_files_of_latest_small_name_films_that_there_are() -> None:
    films = pd.read_csv(io.BytesIO(files("ml-latest-small")["movies.csv"]))
    assert list(films) == ["movieId", "title", "genres"]
    assert films["title"].str.fullmatch(r"[\w ]+ \(\d{4}\)").all()
    for name in ("ratings", "tags", "links"):
        assert set(pd.read_csv(io.BytesIO(files("ml-latest-small")[f"{name}.csv"]))["movieId"]) <= set(films["movieId"])


def test_a_users_genre_can_be_learnt() -> None:
    genres = pd.read_csv(io.BytesIO(files("ml-latest-small")["movies.csv"])).set_index("movieId")["genres"]
    main_genre = ratings("ml-latest-small").sort_values(["user", "time"])["film"].map(genres).str.split("|").str[0]
    same_as_next = np.mean(main_genre.to_numpy()[:-1] == main_genre.to_numpy()[1:])
    by_chance = (main_genre.value_counts(normalize=True) ** 2).sum()
    assert same_as_next > 1.5 * by_chance


def test_every_run_writes_the_same() -> None:
    assert movielens.files("ml-latest-small") == files("ml-latest-small")


def test_every_archive_says_that_it_is_made_up() -> None:
    for name in SMALL:
        readme = next(content for file, content in files(name).items() if file.startswith("README"))
        assert b"MADE-UP DATA" in readme


def test_the_command_writes_a_folder_or_the_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "--like", "ml-100k", str(tmp_path / "new")]) == 0
    assert main(["data", "--like", "ml-100k", "--zip", str(tmp_path / "new")]) == 0
    with zipfile.ZipFile(tmp_path / "new" / "ml-100k.zip") as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    folder = tmp_path / "new" / "ml-100k"
    assert packed == {f"ml-100k/{file.name}": file.read_bytes() for file in folder.iterdir()}
    assert capsys.readouterr().out.count("made-up") == 2


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ml-1m").mkdir()
    assert main(["data", "--like", "ml-1m", str(tmp_path)]) == 1
    assert list((tmp_path / "ml-1m").iterdir()) == []
    assert "is there already" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["data", "--like", "ml-100k", str(tmp_path / "file")]) == 1
    assert "cannot be written" in capsys.readouterr().err
