"""The three MovieLens archives import whole: interactions, films and, where there are some, users.

They may not be handed on (https://grouplens.org/datasets/movielens/). They are looked for beside the repository, or in
the folder that FAKEPERSONALIZE_ARCHIVES names: `ml-1m` and `ml-100k` with gzipped files, and `ml-latest-small.zip`.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import shops
from accounts import Account

from fakepersonalize import mock_personalize

FOLDER = Path(os.environ.get("FAKEPERSONALIZE_ARCHIVES") or Path(__file__).parents[3] / "shared" / "data")
VALUED = shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long", "EVENT_VALUE float")
TITLED = shops.schema(
    "Items",
    "ITEM_ID string",
    {"name": "TITLE", "type": ["null", "string"], "textual": True},
    {"name": "GENRES", "type": ["null", "string"], "categorical": True},
)
Frames = dict[str, tuple[str, pd.DataFrame]]


def table(source: Path, separator: str, *names: str) -> pd.DataFrame:
    text = gzip.decompress(source.read_bytes()).replace(separator.encode(), b"\t")
    return pd.read_csv(io.BytesIO(text), sep="\t", names=names, encoding="latin-1", dtype=str, quoting=csv.QUOTE_NONE)


def large() -> Frames:
    folder = FOLDER / "ml-1m"
    rated = table(folder / "ratings.dat.gz", "::", "USER_ID", "ITEM_ID", "EVENT_VALUE", "TIMESTAMP")
    films = table(folder / "movies.dat.gz", "::", "ITEM_ID", "TITLE", "GENRES")
    users = table(folder / "users.dat.gz", "::", "USER_ID", "SEX", "AGE", "JOB", "ZIP")
    return {"Interactions": (VALUED, rated), "Items": (TITLED, films), "Users": (shops.USERS, users)}


def middle() -> Frames:
    folder = FOLDER / "ml-100k"
    rated = table(folder / "u.data.gz", "\t", "USER_ID", "ITEM_ID", "EVENT_VALUE", "TIMESTAMP")
    films = table(folder / "u.item.gz", "|", "ITEM_ID", "TITLE", *"abc", *(f"g{n}" for n in range(19)))
    users = table(folder / "u.user.gz", "|", "USER_ID", "AGE", "SEX", "JOB", "ZIP")
    films["GENRES"] = films.filter(regex="^g").apply(lambda row: "|".join(row.index[row == "1"]), axis=1)
    return {"Interactions": (VALUED, rated), "Items": (TITLED, films), "Users": (shops.USERS, users)}


def small() -> Frames:
    with zipfile.ZipFile(FOLDER / "ml-latest-small.zip") as archive:
        names = {Path(name).name: name for name in archive.namelist()}
        rated, films = (
            pd.read_csv(io.BytesIO(archive.read(names[name])), dtype=str) for name in ("ratings.csv", "movies.csv")
        )
    rated = rated.set_axis(["USER_ID", "ITEM_ID", "EVENT_VALUE", "TIMESTAMP"], axis=1)
    return {"Interactions": (VALUED, rated), "Items": (TITLED, films.set_axis(["ITEM_ID", "TITLE", "GENRES"], axis=1))}


@pytest.mark.parametrize(
    ("archive", "frames", "rows"),
    [
        ("ml-latest-small.zip", small, {"Interactions": 100_836, "Items": 9_742}),
        ("ml-100k", middle, {"Interactions": 100_000, "Items": 1_682, "Users": 943}),
        ("ml-1m", large, {"Interactions": 1_000_209, "Items": 3_883, "Users": 6_040}),
    ],
)
def test_an_archive_is_imported_whole(archive: str, frames: Callable[[], Frames], rows: dict[str, int]) -> None:
    if not (FOLDER / archive).exists():
        pytest.skip(f"{archive} is not on this machine")
    with mock_personalize() as emulator:
        account = Account("123456789012")
        group = account.group()
        for type_, (schema, frame) in frames().items():
            dataset = account.dataset(group, account.schema(type_, schema), type_)
            text = frame.to_csv(index=False, escapechar="\\")
            job = account.import_rows(dataset, account.put(text, f"{type_}.csv"), type_)
            assert job["status"] == "ACTIVE", job
            kept = emulator.shelf.find(dataset)
            assert kept is not None
            assert emulator.tables.count(kept.number) == rows[type_] == len(frame)
