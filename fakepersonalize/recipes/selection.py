"""Pick the best of many scores: the same rule of order for all models."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def best(values: npt.NDArray[np.floating], k: int) -> npt.NDArray[np.int64]:
    """Return the positions of the `k` largest values, largest first, equal ones by position.

    `values` is a vector of n numbers; the answer holds min(k, n) positions. Costs one partition and a sort of k.
    """
    if k <= 0:
        return np.zeros(0, np.int64)
    if k >= len(values):
        return np.argsort(-values, kind="stable")
    threshold = np.partition(values, len(values) - k)[len(values) - k]
    above = np.flatnonzero(values > threshold)
    tied = np.flatnonzero(values == threshold)[: k - len(above)]
    chosen = np.concatenate([above, tied])
    return chosen[np.argsort(-values[chosen], kind="stable")]


def best_allowed(
    values: npt.NDArray[np.floating], allowed: npt.NDArray[np.bool_] | None, k: int
) -> npt.NDArray[np.int32]:
    """Return the codes of the `k` best items among those that the mask allows (None allows all)."""
    if allowed is None:
        return best(values, k).astype(np.int32)
    candidates = np.flatnonzero(allowed)
    return candidates[best(values[candidates], k)].astype(np.int32)


def filled(
    items: npt.NDArray[np.int32],
    popular: npt.NDArray[np.int32],
    allowed: npt.NDArray[np.bool_] | None,
    k: int,
    without: int | None = None,
) -> npt.NDArray[np.int32]:
    """Return at most `k` allowed items: the given ones in their order, then popular ones that are not among them.

    `popular` holds every item of the catalogue, most popular first; the item `without` is left out of the answer.
    """
    open_to = np.ones(len(popular), bool) if allowed is None else allowed.copy()
    if without is not None:
        open_to[without] = False
    chosen: npt.NDArray[np.int32] = items[open_to[items]][:k]
    if len(chosen) == k:
        return chosen
    open_to[chosen] = False
    return np.concatenate([chosen, popular[open_to[popular]][: k - len(chosen)]])


def softmax(values: npt.NDArray[np.floating], temperature: float) -> npt.NDArray[np.float64]:
    """Return exp(values / temperature) scaled to the sum 1."""
    if not len(values):
        return np.zeros(0)
    shares: npt.NDArray[np.float64] = np.exp((values - values.max()) / temperature, dtype=np.float64)
    shares /= shares.sum()
    return shares


def to_maximum_one(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Divide each row in place by its largest value where that is above 0; return the table."""
    largest = rows.max(axis=1, keepdims=True, initial=0)
    np.divide(rows, largest, out=rows, where=largest > 0)
    return rows
