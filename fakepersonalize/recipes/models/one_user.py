"""What the blend does for one user, at the speed of an answer: the sums of `Blend`, in the fewest passes over items."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.models.side_information import Likeness
from fakepersonalize.recipes.models.transitions import Rows, entries, sums
from fakepersonalize.recipes.training import Codes

if TYPE_CHECKING:
    from fakepersonalize.recipes.models.blend import Blend

Distinct = npt.NDArray[np.integer[Any]]

SMALL_CATALOGUE = 8192  # up to so many items, counting in a table of all is faster than sorting those of the user


def preferences(model: Blend, items: Codes) -> npt.NDArray[np.float64]:
    """Return what a user is likely to want, [n_items], after these items, oldest first and at least one.

    The user's metadata and circumstances are left to `Blend`.
    """
    seen, times = _counted(items, len(model.popularity))
    wanted = _from_transitions(model, items, seen, times)
    own = wanted[seen]
    wanted += model.standing
    if model.likeness:
        _add_likeness(model, model.likeness, items, wanted)
    _add_factors(model, seen, wanted)
    wanted[seen] = own
    return wanted


def _counted(items: Codes, n_items: int) -> tuple[Distinct, Distinct]:
    """Return the distinct items, by code, and how often each is there."""
    if n_items > SMALL_CATALOGUE:
        return np.unique(items, return_counts=True)
    times = np.bincount(items, minlength=n_items)
    seen = times.nonzero()[0]
    return seen, times[seen]


def _from_transitions(model: Blend, items: Codes, seen: Distinct, times: Distinct) -> npt.NDArray[np.float64]:
    latest = items[-model.history_length :]
    strengths = _strengths(model.age_decay, len(latest))
    table = model.transitions.offsets, model.transitions.items, model.transitions.weights
    wanted = _row_sum(table, latest, strengths, len(model.popularity))
    again = wanted[seen] * model.repeated[seen]
    wanted *= model.first_times
    wanted[seen] = again
    np.add.at(wanted, latest, strengths * model.transitions.repeats[latest])
    wanted[seen] *= model.returns[np.minimum(times, len(model.returns) - 1)]
    most = wanted.max(initial=0)
    if most > 0:
        wanted /= most
    return wanted


def _add_likeness(model: Blend, likeness: Likeness, items: Codes, wanted: npt.NDArray[np.float64]) -> None:
    features, latest = likeness.features, items[-model.history_length :]
    table = features.indptr, features.indices, features.data
    alike = features @ _row_sum(table, latest, _strengths(model.age_decay, len(latest)), features.shape[1])
    most = alike.max(initial=0)
    if most > 0:
        alike *= model.content_weights
        alike /= most
        wanted += alike


def _row_sum(table: Rows, rows: Codes, strengths: npt.NDArray[np.float64], columns: int) -> npt.NDArray[np.float64]:
    """Return the sum of rows of a compressed table, each times its strength, [columns]."""
    _, found, weights = entries(table, rows, strengths)
    return sums(found, weights, columns)


@lru_cache(maxsize=1024)
def _strengths(age_decay: float, n: int) -> npt.NDArray[np.float64]:
    """Return how much each of the `n` latest interactions weighs, oldest first."""
    found: npt.NDArray[np.float64] = age_decay ** np.arange(n - 1, -1, -1.0)
    found.setflags(write=False)
    return found


def _add_factors(model: Blend, seen: Distinct, wanted: npt.NDArray[np.float64]) -> None:
    liked = model.factors @ np.add.reduce(model.projection[seen], axis=0)
    np.maximum(liked, 0, out=liked)
    liked[seen] = 0
    most = float(liked.max(initial=0))
    if most > 0:
        wanted += liked * np.float64(model.als_weight / most)
