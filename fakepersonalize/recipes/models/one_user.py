"""What the blend does for one user, at the speed of an answer: the sums of `Blend`, with the fewest passes over items.

numpy lets go of the interpreter in each pass over more than 500 numbers, and wakes a waiting thread for nothing each
time: under load the number of passes costs more than their length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.models.side_information import Likeness
from fakepersonalize.recipes.models.transitions import Transitions
from fakepersonalize.recipes.training import Codes

if TYPE_CHECKING:
    from fakepersonalize.recipes.models.blend import Blend


def preferences(model: Blend, items: Codes) -> npt.NDArray[np.float64]:
    """Return what a user is likely to want, [n_items], after these items, oldest first and at least one.

    The user's metadata and circumstances are left to `Blend`.
    """
    seen, times = np.unique(items, return_counts=True)
    wanted = _from_transitions(model, items, seen, times)
    own = wanted[seen]
    wanted += model.standing
    if model.likeness:
        _add_likeness(model, model.likeness, items, wanted)
    _add_factors(model, seen, wanted)
    wanted[seen] = own
    return wanted


def _from_transitions(model: Blend, items: Codes, seen: Codes, times: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    latest = items[-model.history_length :]
    strengths = _strengths(model, len(latest))
    wanted = _followers(model.transitions, latest, strengths)
    again = wanted[seen] * model.repeated[seen]
    wanted *= model.first_times
    wanted[seen] = again
    np.add.at(wanted, latest, strengths * model.transitions.repeats[latest])
    wanted[seen] *= model.returns[np.minimum(times, len(model.returns) - 1)]
    most = wanted.max(initial=0)
    if most > 0:
        wanted /= most
    return wanted


def _followers(transitions: Transitions, items: Codes, strengths: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the sum of the items' rows, each times its strength, [n_items]; rows are short, so no pass lets go."""
    rows = [slice(*row) for row in zip(transitions.offsets[items].tolist(), transitions.offsets[items + 1].tolist())]
    followers = np.concatenate([transitions.items[row] for row in rows])
    weights = np.concatenate([transitions.weights[row] * strength for row, strength in zip(rows, strengths)])
    return np.bincount(followers, weights, len(transitions.repeats)).astype(np.float64, copy=False)


def _add_likeness(model: Blend, likeness: Likeness, items: Codes, wanted: npt.NDArray[np.float64]) -> None:
    features, latest = likeness.features, items[-model.history_length :]
    strengths = _strengths(model, len(latest))
    rows = [slice(*row) for row in zip(features.indptr[latest].tolist(), features.indptr[latest + 1].tolist())]
    present = np.concatenate([features.indices[row] for row in rows])
    weights = np.concatenate([features.data[row] * strength for row, strength in zip(rows, strengths)])
    alike = features @ np.bincount(present, weights, features.shape[1]).astype(np.float64, copy=False)
    most = alike.max(initial=0)
    if most > 0:
        alike *= model.content_weights
        alike /= most
        wanted += alike


def _strengths(model: Blend, n: int) -> npt.NDArray[np.float64]:
    """Return how much each of the `n` latest interactions weighs, oldest first."""
    found: npt.NDArray[np.float64] = model.age_decay ** np.arange(n - 1, -1, -1.0)
    return found


def _add_factors(model: Blend, seen: Codes, wanted: npt.NDArray[np.float64]) -> None:
    liked = model.factors @ np.add.reduce(model.projection[seen], axis=0)
    np.maximum(liked, 0, out=liked)
    liked[seen] = 0
    most = float(liked.max(initial=0))
    if most > 0:
        wanted += liked * np.float64(model.als_weight / most)
