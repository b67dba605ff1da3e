"""Why items stand where they stand: the score of each taken apart into what each source adds.

Models explain with these words; that the parts sum to what a model says is tested for every model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
# What an item of the history, or the item that was asked about, adds.
FOLLOWS, LIKED_TOGETHER, ALIKE = "follows", "likedTogether", "alike"
# What adds without an item.
POPULARITY, TREND, USER, CONTEXT, ACTIVITY, DEALINGS, NOTHING = (
    "popularity",
    "trend",
    "userMetadata",
    "context",
    "activity",
    "dealings",
    "nothingKnown",
)


class Contribution(NamedTuple):
    """What one source adds to the scores of some items."""

    source: str
    item: int | None  # the code of the item of the history, or of the item asked about, that it comes from
    amounts: Numbers  # [k]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Scores of k items and what they are made of: contributions sum to the scores."""

    scores: Numbers  # [k]
    contributions: Sequence[Contribution]

    @classmethod
    def nothing(cls, k: int) -> Explanation:
        """Return the explanation of `k` items that only fill a list."""
        return cls(np.zeros(k), [])

    def scaled_to(self, scores: Numbers) -> Explanation:
        """Return the same shares of other scores, [k]; a score without any share is that of an item unknown to all."""
        known = np.abs(self.scores) > 1e-300
        factors = np.divide(scores, self.scores, out=np.zeros(len(scores)), where=known)
        parts = [each._replace(amounts=each.amounts * factors) for each in self.contributions]
        if not known.all():
            parts.append(Contribution(NOTHING, None, np.where(known, 0.0, scores)))
        return Explanation(scores, parts)

    def spread(self, known: npt.NDArray[np.bool_]) -> Explanation:
        """Return the explanation of more items, [len(known)], of which these are the known ones; the others have 0."""

        def spread(amounts: Numbers) -> Numbers:
            found = np.zeros(len(known))
            found[known] = amounts
            return found

        parts = [each._replace(amounts=spread(each.amounts)) for each in self.contributions]
        return Explanation(spread(self.scores), parts)

    def with_more(self, more: Contribution) -> Explanation:
        """Return the explanation of scores that another source adds to."""
        return Explanation(self.scores + more.amounts, [*self.contributions, more])


def by_item(source: str, items: npt.NDArray[np.int32], rows: Numbers) -> list[Contribution]:
    """Return the sums of rows [n, k] over the same item, newest item first, without those that add nothing."""
    found: dict[int, Numbers] = {}
    for item, row in zip(items.tolist()[::-1], rows[::-1]):
        found[item] = found[item] + row if item in found else row
    return [Contribution(source, item, row) for item, row in found.items() if row.any()]
