"""Trending: the items that more people have come to lately, the same list for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.explanation import POPULARITY, TREND, Contribution, Explanation
from fakepersonalize.recipes.models.popularity import listed
from fakepersonalize.recipes.training import (
    Codes,
    Mask,
    Model,
    ProtocolName,
    Queries,
    Settings,
    Shortlists,
    Tick,
    TrainingData,
    distinct_users,
)

if TYPE_CHECKING:
    pass

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

    recent: npt.NDArray[np.float64]  # [n_items], the users of each, those at `newest` in full
    standing: npt.NDArray[np.float64]  # [n_items], what popularity adds
    newest: int  # the latest visit, seconds since 1970
    half_life: float  # seconds
    interval: int  # seconds between two looks at what trends
    n_trained: int  # items

    @classmethod
    def fit(cls, data: TrainingData, params: Settings, seed: int, threads: int, tick: Tick) -> Self:
        interval = SECONDS[params.get("trend_discovery_frequency", DEFAULT_FREQUENCY)]
        share_of_span = min(HALF_LIFE * interval / SECONDS[DEFAULT_FREQUENCY], LONGEST_HALF_LIFE)
        newest, span = int(data.times.max(initial=0)), int(np.ptp(data.times)) if len(data.times) else 0
        half_life = max(1.0, share_of_span * span)
        popularity = distinct_users(data)
        standing = STANDING_USERS * popularity / max(1, popularity.sum())
        tick(1.0)
        return cls(_recent(data, newest, half_life), standing, newest, half_life, interval, data.n_items)

    @cached_property
    def heat(self) -> npt.NDArray[np.float64]:
        """What the items are ordered by, [n_items]."""
        heat: npt.NDArray[np.float64] = self.recent + self.standing
        return heat

    @cached_property
    def order(self) -> Codes:
        """All items, [n_items], hottest first, but new ones that nobody has met."""
        order = np.lexsort((np.arange(len(self.heat)), -self.standing, -self.heat))
        return order[(self.heat[order] > 0) | (order < self.n_trained)].astype(np.int32)

    def later(self, items: Codes, times: npt.NDArray[np.int64], signs: npt.NDArray[np.float64], n_items: int) -> Self:
        """Return the trend after further visits of items [k] at times [k]; a sign of -1 takes a visit back.

        Codes from the model's number of items up to `n_items` are those of new items.
        """
        newest = max(self.newest, int(times.max(initial=0)))
        recent, standing = np.zeros(n_items), np.zeros(n_items)
        recent[: len(self.recent)] = self.recent * 0.5 ** ((newest - self.newest) / self.half_life)
        standing[: len(self.standing)] = self.standing
        np.add.at(recent, items, signs * 0.5 ** ((newest - times) / self.half_life))
        return replace(self, recent=recent, standing=standing, newest=newest)

    def score(self, queries: Queries) -> npt.NDArray[np.float64]:
        return np.broadcast_to(self.heat, (len(queries), len(self.heat)))

    def recommend(self, queries: Queries, allowed: Mask | None, k: int) -> Shortlists:
        return listed(self.order, len(queries), allowed, k)

    def explain(self, queries: Queries, items: Codes) -> Explanation:
        parts = [Contribution(TREND, None, self.recent[items]), Contribution(POPULARITY, None, self.standing[items])]
        return Explanation(self.heat[items], parts)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        own: dict[str, npt.NDArray[Any]] = {"recent": self.recent, "standing": self.standing}
        return own | {name: np.array(getattr(self, name)) for name in ("newest", "half_life", "interval")}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], manifest: Settings) -> Self:
        newest, half_life, interval = (arrays[name].item() for name in ("newest", "half_life", "interval"))
        return cls(arrays["recent"], arrays["standing"], newest, half_life, interval, len(arrays["recent"]))


def _recent(data: TrainingData, newest: int, half_life: float) -> npt.NDArray[np.float64]:
    if not len(data.items):
        return np.zeros(data.n_items)
    cells = data.users() * data.n_items + data.items
    # Of several visits of a user the last one counts.
    order = np.lexsort((data.times, cells))
    last = np.append(cells[order][1:] != cells[order][:-1], True)
    visits = order[last]
    weights = 0.5 ** ((newest - data.times[visits]) / half_life)
    return np.bincount(data.items[visits], weights, data.n_items).astype(np.float64, copy=False)
