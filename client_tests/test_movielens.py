"""MovieLens 1M: who learnt people's histories recommends better than who knows what is popular.

The data are not part of the repository (https://grouplens.org/datasets/movielens/1m/): FAKEPERSONALIZE_MOVIELENS names
`ratings.dat`, gzipped or not. Without it there is nothing to test.
"""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

import pandas as pd
import pytest
from accounts import Account
from modes import socket_only

BESIDE = Path(__file__).parents[2] / "shared/data/ml-1m/ratings.dat.gz"
RATINGS = Path(os.environ.get("FAKEPERSONALIZE_MOVIELENS") or BESIDE)
USERS = 600
AT_LEAST = 1.3  # times the mean reciprocal rank of popularity


def ratings() -> pd.DataFrame:
    """Return USER_ID, ITEM_ID and TIMESTAMP in the order of the file."""
    raw = RATINGS.read_bytes()
    text = (gzip.decompress(raw) if RATINGS.suffix == ".gz" else raw).replace(b"::", b",")
    names = ["USER_ID", "ITEM_ID", "RATING", "TIMESTAMP"]
    return pd.read_csv(io.BytesIO(text), names=names).drop(columns="RATING")


def mean_reciprocal_rank(lists: dict[str, list[str]], truth: dict[str, set[str]]) -> float:
    ranks = [next((1 / rank for rank, item in enumerate(lists[u], 1) if item in truth[u]), 0.0) for u in lists]
    return sum(ranks) / len(ranks)


@socket_only
@pytest.mark.skipif(not RATINGS.exists(), reason="MovieLens 1M is not on this machine")
def test_histories_beat_popularity_on_the_newest_tenth_of_movielens(account: Account) -> None:
    rows = ratings()
    newest = rows.groupby("USER_ID").TIMESTAMP.rank(pct=True, method="first") > 0.9
    truth = {str(user): set(map(str, items)) for user, items in rows[newest].groupby("USER_ID").ITEM_ID}
    users = sorted(truth)[:: len(truth) // USERS][:USERS]

    group = account.group()
    dataset = account.dataset(group, account.schema())
    job = account.import_rows(dataset, account.put(rows[~newest].to_csv(index=False)))
    assert job["status"] == "ACTIVE", job
    ranks = {}
    for recipe in ("aws-popularity-count", "aws-hrnn"):
        campaign = account.deployed(group, recipe, recipe)
        lists = {user: account.recommended(campaign, userId=user) for user in users}
        assert all(len(set(found)) == 25 for found in lists.values())
        ranks[recipe] = mean_reciprocal_rank(lists, truth)
    assert ranks["aws-hrnn"] >= AT_LEAST * ranks["aws-popularity-count"], ranks
