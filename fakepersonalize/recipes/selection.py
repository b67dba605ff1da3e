"""Pick the best of many scores: the same rule of order for all models."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# From so many numbers on, looking at every 16th first is faster than parting all of them.
MANY, SAMPLED = 1024, 16
FEW = 256  # up to so many, ordering all is faster than looking which to order


def best(values: npt.NDArray[np.floating], k: int) -> npt.NDArray[np.int64]:
    """Return the positions of the `k` largest values, largest first, equal ones by position.

    `values` is a vector of n numbers; the answer holds min(k, n) positions. Costs one partition and a sort of k.
    """
    if k <= 0:
        return np.zeros(0, np.int64)
    if k >= len(values) or len(values) <= FEW:
        return (-values).argsort(kind="stable")[:k]
    likely = _likely(values, k)
    return likely[(-values[likely]).argsort(kind="stable")[:k]]


def best_of_rows(values: npt.NDArray[np.floating], k: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.floating]]:
    """Return for each row what `best` returns for it, and the values there: both [rows, min(k, columns)].

    Minus infinity is no candidate: where a row has fewer others, -1 stands in the places behind them.
    """
    k = max(0, min(k, values.shape[1]))
    if k == 0 or not len(values):
        return np.zeros((len(values), k), np.int32), np.zeros((len(values), k), values.dtype)
    if len(values) == 1:
        places = best(values[0], k)
        return np.where(values[0, places] == -np.inf, -1, places).astype(np.int32)[None], values[:, places]
    least = np.partition(values, -k, axis=1)[:, -k, None]
    chosen = values >= least
    crowded = np.flatnonzero(np.count_nonzero(chosen, axis=1) > k)
    if len(crowded):  # of what ties with the last one, the first come first
        some = values[crowded]
        above, tied = some > least[crowded], some == least[crowded]
        left = k - np.count_nonzero(above, axis=1, keepdims=True)
        chosen[crowded] = above | (tied & (np.cumsum(tied, axis=1) <= left))
    codes = np.flatnonzero(chosen).reshape(len(values), k) % values.shape[1]
    found = np.take_along_axis(values, codes, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    codes, found = np.take_along_axis(codes, order, axis=1), np.take_along_axis(found, order, axis=1)
    return np.where(found == -np.inf, -1, codes).astype(np.int32), found


def _likely(values: npt.NDArray[np.floating], k: int) -> npt.NDArray[np.int64]:
    """Return the positions of at least `k` values that no other one exceeds, and mostly of not many more."""
    if len(values) > MANY and k < len(values) // SAMPLED:
        sample = values[::SAMPLED]
        likely = (values >= _largest(sample, min(len(sample), 2 * k // SAMPLED + 4))).nonzero()[0]
        if len(likely) >= k:
            return likely
    found: npt.NDArray[np.int64] = (values >= _largest(values, k)).nonzero()[0]
    return found


def _largest(values: npt.NDArray[np.floating], k: int) -> np.floating:
    """Return the k-th largest value."""
    ordered = values.copy()
    ordered.partition(len(values) - k)
    found: np.floating = ordered[len(values) - k]
    return found


def best_allowed(
    values: npt.NDArray[np.floating], allowed: npt.NDArray[np.bool_] | None, k: int
) -> npt.NDArray[np.int32]:
    """Return the codes of the `k` best items among those that the mask allows (None allows all)."""
    if allowed is None:
        return best(values, k).astype(np.int32)
    candidates = allowed.nonzero()[0]
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


def nearest(
    scores: npt.NDArray[np.floating],
    popular: npt.NDArray[np.int32],
    allowed: npt.NDArray[np.bool_] | None,
    k: int,
    without: int,
) -> npt.NDArray[np.int32]:
    """Return at most `k` allowed items: those with scores above 0, best first, then popular ones; not `without`."""
    open_to = scores > 0
    open_to[without] = False
    if allowed is not None:
        open_to &= allowed
    near = best_allowed(scores, open_to, k)
    return near if len(near) == k else filled(near, popular, allowed, k, without)


def softmax(
    values: npt.NDArray[np.floating],
    temperature: float,
    total: float | npt.NDArray[np.float64] = 1.0,
    out: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.float64]:
    """Return exp(values / temperature), each row scaled to the sum `total`; `out` takes the answer."""
    if not values.size:
        return np.zeros(values.shape)
    if values.ndim == 2 and len(values) == 1:  # numbers are subtracted faster than tables of one number
        own = float(total[0, 0]) if isinstance(total, np.ndarray) else total
        return softmax(values[0], temperature, own, None if out is None else out[0])[None]
    rows = values.ndim > 1
    found: npt.NDArray[np.float64] = np.subtract(
        values, values.max(axis=-1, keepdims=True) if rows else values.max(), out=out, dtype=np.float64
    )
    found /= temperature
    np.exp(found, out=found)
    found *= total / (found.sum(axis=-1, keepdims=True) if rows else found.sum())
    return found


def shares(
    values: npt.NDArray[np.float64], temperature: float, items: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """Return the softmax over all values of some of them, [items]."""
    if not len(values):
        return np.zeros(0)
    found = values - values.max()
    found /= temperature
    np.exp(found, out=found)
    chosen: npt.NDArray[np.float64] = found[items] / found.sum()
    return chosen


def to_maximum_one(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Divide each row in place by its largest value where that is above 0; return the table."""
    largest = rows.max(axis=1, keepdims=True, initial=0)
    np.divide(rows, largest, out=rows, where=largest > 0)
    return rows
