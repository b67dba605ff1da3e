"""Training through the server, evaluation included, against the same fits with bare implicit on the same matrix."""

from __future__ import annotations

import time

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
    from fakepersonalize.recipes.models.item_item import NEIGHBOURS
    from implicit.nearest_neighbours import CosineRecommender
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits

    users, items, _ = columns(AMOUNT)
    pairs = csr_matrix(([1.0] * len(users), (users, items)))
    with threadpool_limits(1, "blas"):
        CosineRecommender(K=NEIGHBOURS, num_threads=THREADS).fit(pairs, show_progress=False)


def _seconds(action: object) -> float:
    assert callable(action)
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


if __name__ == "__main__":
    run()
