"""What the blend does for one user, at the speed of an answer: the sums of `Blend`, in the fewest passes over items."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.models.side_information import Likeness
from fakepersonalize.recipes.models.transitions import RowSums, Transitions
from fakepersonalize.recipes.training import Codes

Numbers = npt.NDArray[np.float64]
Distinct = npt.NDArray[np.integer[Any]]

SMALL_CATALOGUE = 8192  # up to so many items, counting in a table of all is faster than sorting those of the user


class Sums(Protocol):
    """What `Blend` has learnt, as one user needs it; all arrays are [n_items] but where noted."""

    @property
    def popularity(self) -> npt.NDArray[np.int64]: ...
    @property
    def standing(self) -> Numbers: ...
    @property
    def likeness(self) -> Likeness | None: ...
    @property
    def content_weights(self) -> Numbers: ...
    @property
    def followers(self) -> RowSums: ...
    @property
    def transitions(self) -> Transitions: ...
    @property
    def repeated(self) -> npt.NDArray[np.float32]: ...
    @property
    def first_times(self) -> Numbers: ...
    @property
    def returns(self) -> npt.NDArray[np.float32]: ...  # [meetings + 1]
    @property
    def factors(self) -> npt.NDArray[np.float32]: ...  # [n_items, factors]
    @property
    def projection(self) -> npt.NDArray[np.float32]: ...  # [n_items, factors]
    @property
    def history_length(self) -> int: ...
    @property
    def age_decay(self) -> float: ...
    @property
    def als_weight(self) -> float: ...


def preferences(model: Sums, items: Codes) -> Numbers:
    """Return what a user is likely to want, [n_items], after these items, oldest first and at least one.

    The user's metadata and circumstances are left to `Blend`.
    """
    seen, times = _counted(items, len(model.popularity))
    wanted, own = _from_transitions(model, items, seen, times)
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
    seen = (times > 0).nonzero()[0]  # of truth values it is several times as fast
    return seen, times[seen]


def _from_transitions(model: Sums, items: Codes, seen: Distinct, times: Distinct) -> tuple[Numbers, Numbers]:
    """Return what transitions say of all items, [n_items], and of those that the user has met, [seen]."""
    latest = items[-model.history_length :]
    strengths = _strengths(model.age_decay, len(latest))
    wanted = model.followers.of(latest, strengths)
    again = wanted[seen] * model.repeated[seen]
    wanted *= model.first_times
    wanted[seen] = again
    np.add.at(wanted, latest, strengths * model.transitions.repeats[latest])
    own = wanted[seen]
    own *= model.returns.take(times, mode="clip")
    wanted[seen] = own
    most = wanted.max(initial=0)
    if most > 0:
        wanted /= most
        own /= most
    return wanted, own


def _add_likeness(model: Sums, likeness: Likeness, items: Codes, wanted: Numbers) -> None:
    latest = items[-model.history_length :]
    alike = likeness.features @ likeness.rows.of(latest, _strengths(model.age_decay, len(latest)))
    most = alike.max(initial=0)
    if most > 0:
        alike *= model.content_weights
        alike /= most
        wanted += alike


@lru_cache(maxsize=1024)
def _strengths(age_decay: float, n: int) -> Numbers:
    """Return how much each of the `n` latest interactions weighs, oldest first."""
    found: Numbers = age_decay ** np.arange(n - 1, -1, -1.0)
    found.setflags(write=False)
    return found


def _add_factors(model: Sums, seen: Distinct, wanted: Numbers) -> None:
    liked = model.factors @ np.add.reduce(model.projection[seen], axis=0)
    np.maximum(liked, 0, out=liked)
    liked[seen] = 0
    most = float(liked.max(initial=0))
    if most > 0:
        wanted += liked * np.float64(model.als_weight / most)
