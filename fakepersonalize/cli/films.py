"""The film data that ship with the package: made-up films, who watched them, and when."""

from __future__ import annotations

import gzip
import io
from functools import cached_property
from typing import TYPE_CHECKING

from fakepersonalize.bundled import folder

if TYPE_CHECKING:
    import pandas as pd

# Dataset types of Personalize, and what their files are called here.
FILES = {"Interactions": "interactions", "Items": "films", "Users": "users"}


class Films:
    """The data set as bytes for uploads and as tables for people."""

    def __init__(self) -> None:
        self._folder = folder()

    def csv(self, dataset_type: str) -> bytes:
        """Return the CSV file of a dataset type, ready to be put into a bucket."""
        name = FILES[dataset_type]
        packed = self._folder / f"{name}.csv.gz"
        return gzip.decompress(packed.read_bytes()) if packed.exists() else (self._folder / f"{name}.csv").read_bytes()

    def schema(self, dataset_type: str) -> str:
        """Return the Avro schema of a dataset type, as JSON."""
        return (self._folder / "schemas" / f"{dataset_type.lower()}.json").read_text("utf-8")

    def rows(self, dataset_type: str) -> int:
        """Return how many rows the CSV file of a dataset type has, its header apart."""
        return self.csv(dataset_type).count(b"\n") - 1

    @cached_property
    def catalogue(self) -> pd.DataFrame:
        """TITLE, GENRES and YEAR by ITEM_ID."""
        return self._table("Items").set_index("ITEM_ID")

    @cached_property
    def watched(self) -> pd.DataFrame:
        """USER_ID, ITEM_ID and WATCHED, the time, of every film that was watched, the oldest first."""
        import pandas as pd

        interactions = self._table("Interactions")
        films = interactions[interactions["EVENT_TYPE"] == "watch"].sort_values("TIMESTAMP", kind="stable")
        return films.assign(WATCHED=pd.to_datetime(films["TIMESTAMP"], unit="s"))

    @cached_property
    def viewers(self) -> list[str]:
        """The users who have watched films, sorted."""
        return sorted(self.watched["USER_ID"].unique())

    def watched_by(self, user: str) -> pd.DataFrame:
        """Return the rows of `watched` that belong to a user."""
        return self.watched[self.watched["USER_ID"] == user]

    def last_watched(self, user: str) -> str:
        """Return the ITEM_ID of the film that a user watched last."""
        return str(self.watched_by(user)["ITEM_ID"].iloc[-1])

    def favourite_genres(self, user: str, most: int) -> dict[str, float]:
        """Return the genres that a user watches most, with the share of the watched films that have each."""
        genres = self.catalogue["GENRES"].loc[self.watched_by(user)["ITEM_ID"]].str.split("|")
        shares = genres.explode().value_counts() / len(genres)
        return dict(shares.head(most))

    def _table(self, dataset_type: str) -> pd.DataFrame:
        import pandas as pd

        return pd.read_csv(io.BytesIO(self.csv(dataset_type)))
