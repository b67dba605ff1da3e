"""Trending: the items that more people have come to lately, the same list for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.training import (
    Codes,
    History,
    Mask,
    Model,
    ProtocolName,
    Scores,
    Settings,
    Tick,
    TrainingData,
    UserState,
    distinct_users,
    padded,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

SECONDS = {"30 minutes": 1800, "1 hour": 3600, "3 hours": 10800, "1 day": 86400}
DEFAULT_FREQUENCY = "3 hours"
# Of the span of the data, at the default frequency: four days of seven months, and an eighth of the span at most.
HALF_LIFE, LONGEST_HALF_LIFE = 0.02, 0.125
# Popularity counts as much as so many users of this moment: it decides where little happened lately.
STANDING_USERS = 100.0


@dataclass(frozen=True)
class Trending(Model):
    """Items ordered by their users, each weighing half as much for every half-life that has passed since.

    The half-life is a share of the span of the data and grows in proportion to `trend_discovery_frequency`. To this
    come `STANDING_USERS` users of this moment, shared out by popularity.
    https://docs.aws.amazon.com/personalize/latest/dg/native-recipe-trending-now.html
    """

    does: ClassVar[frozenset[str]] = frozenset({"recommend"})
    protocol: ClassVar[ProtocolName] = "trend"

    heat: npt.NDArray[np.float64]  # [n_items]
    order: Codes  # [n_items], hottest first

    @classmethod
    def fit(cls, data: TrainingData, params: Settings, seed: int, threads: int, tick: Tick) -> Self:
        frequency = SECONDS[params.get("trend_discovery_frequency", DEFAULT_FREQUENCY)] / SECONDS[DEFAULT_FREQUENCY]
        popularity = distinct_users(data)
        heat = _heat(data, min(HALF_LIFE * frequency, LONGEST_HALF_LIFE))
        heat += STANDING_USERS * popularity / max(1, popularity.sum())
        tick(1.0)
        return cls(heat, np.lexsort((np.arange(data.n_items), -popularity, -heat)).astype(np.int32))

    def fold_in(self, history: History) -> UserState:
        return UserState(self.heat)

    def recommend(self, user: UserState, allowed: Mask | None, k: int) -> Scores:
        return Scores((self.order if allowed is None else self.order[allowed[self.order]])[:k])

    def recommend_many(self, histories: TrainingData, k: int, contexts: csr_matrix | None = None) -> Codes:
        return np.tile(padded(self.order[:k], k), (histories.n_users, 1))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {"heat": self.heat, "order": self.order}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], manifest: Settings) -> Self:
        return cls(arrays["heat"], arrays["order"])


def _heat(data: TrainingData, share_of_span: float) -> npt.NDArray[np.float64]:
    if not len(data.items):
        return np.zeros(data.n_items)
    newest, oldest = int(data.times.max()), int(data.times.min())
    half_life = max(1.0, share_of_span * (newest - oldest))
    cells = data.users() * data.n_items + data.items
    # Of several visits of a user the last one counts.
    order = np.lexsort((data.times, cells))
    last = np.append(cells[order][1:] != cells[order][:-1], True)
    visits = order[last]
    weights = 0.5 ** ((newest - data.times[visits]) / half_life)
    return np.bincount(data.items[visits], weights, data.n_items).astype(np.float64, copy=False)
