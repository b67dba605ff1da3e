"""Implicit-feedback ALS: factors of items, and what each item of a history adds to its user's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.training import Tick, TrainingData

FACTORS = 32
REGULARIZATION = 10.0
ITERATIONS = 15
MORE_ITERATIONS = 3  # after which nothing of MovieLens 1M is told better any more, from factors of nine tenths of it


def item_factors(
    data: TrainingData,
    n_factors: int,
    seed: int,
    threads: int,
    tick: Tick,
    so_far: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
    """Return the item factors of implicit's alternating least squares, [n_items, n_factors].

    Factors that were fitted to a large part of `data` before save most of the iterations.
    """
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    if not len(data.items):
        return np.zeros((data.n_items, n_factors), np.float32)
    iterations = ITERATIONS if so_far is None else MORE_ITERATIONS
    # Without the limit the threads of implicit and those of the BLAS library fight for the cores.
    with threadpool_limits(1, "blas"), _no_monitor():
        als = AlternatingLeastSquares(
            n_factors, REGULARIZATION, iterations=iterations, num_threads=threads, random_state=seed
        )
        als.item_factors = None if so_far is None else so_far.copy()
        als.fit(data.pairs(), show_progress=False, callback=lambda i, *_: tick((i + 1) / iterations))
    found: npt.NDArray[np.float32] = als.item_factors
    return found


def projection(factors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return what each item of a history adds to its user's factors: the closed form of one step of ALS."""
    exact = factors.astype(np.float64)
    gram = exact.T @ exact + REGULARIZATION * np.eye(factors.shape[1])
    return np.linalg.solve(gram, exact.T).T.astype(np.float32)


@contextmanager
def _no_monitor() -> Iterator[None]:
    """End the thread that watches progress bars when it is ours: implicit makes a bar also where none is shown."""
    from tqdm.auto import tqdm

    before = tqdm.monitor
    try:
        yield
    finally:
        if tqdm.monitor is not None and tqdm.monitor is not before:
            tqdm.monitor.exit()
            tqdm.monitor = before
