"""Training through the server, evaluation included, against the same fits with bare implicit on the same matrix."""

from __future__ import annotations

import time
import warnings
from functools import cache
from typing import Any

from interactions import columns, dataset_group, solution, trained
from pairs import compare
from processes import ours

AMOUNT = 1_000_000
RECIPES = ("aws-popularity-count", "aws-sims")
FITS = 2  # one to evaluate, one on everything
THREADS = 1


def run() -> None:
    # Steps that only imitate waiting would be measured as training.
    with ours(FAKEPERSONALIZE_STEP_SECONDS="0", FAKEPERSONALIZE_TRAIN_THREADS=str(THREADS)) as url:
        group = dataset_group(url, AMOUNT)
        solutions = [solution(url, group, recipe) for recipe in RECIPES]
        compare(
            f"training of {' and '.join(RECIPES)}, {AMOUNT:,} interactions, against {FITS} bare fits",
            lambda: sum(_seconds(lambda arn=arn: trained(url, arn)) for arn in solutions),
            lambda: sum(_seconds(_bare_fit) for _ in range(FITS)),
            wanted=1.25,
        )


def _bare_fit() -> None:
    from implicit.nearest_neighbours import CosineRecommender
    from threadpoolctl import threadpool_limits

    from fakepersonalize.recipes.models.item_item import NEIGHBOURS

    with threadpool_limits(1, "blas"), warnings.catch_warnings(action="ignore"):  # implicit warns of its own matrix
        CosineRecommender(K=NEIGHBOURS, num_threads=THREADS).fit(_pairs(), show_progress=False)


@cache
def _pairs() -> Any:
    """Return the binary float32 matrix of users and items, ready to be fitted to."""
    import numpy as np
    from scipy.sparse import csr_matrix

    users, items, _ = columns(AMOUNT)
    pairs = csr_matrix((np.ones(len(users), np.float32), (users, items)))
    pairs.data[:] = 1
    return pairs


def _seconds(action: object) -> float:
    assert callable(action)
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


if __name__ == "__main__":
    run()
