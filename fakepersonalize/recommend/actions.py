"""Next best actions: which actions a user may be shown at a moment, and in which order.

Sources: https://docs.aws.amazon.com/personalize/latest/dg/actions-datasets.html (expiration, repeat frequency),
https://docs.aws.amazon.com/personalize/latest/dg/native-recipe-next-best-action.html (value) and
https://docs.aws.amazon.com/personalize/latest/dg/get-action-recommendations.html (scores).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fakepersonalize.datasets.schema import RULES
from fakepersonalize.recipes import noise
from fakepersonalize.recipes.training import Mask
from fakepersonalize.recommend.candidates import Items
from fakepersonalize.recommend.past import Interaction

DAY = 86400
EXPIRES, REPEATS, VALUE = "EXPIRATION_TIMESTAMP", "REPEAT_FREQUENCY", "VALUE"
# How many users have the last place of their list filled with an action that nothing is known of (ours: the guide says
# that the recipe explores, and not how much).
EXPLORED = 0.3

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Actions:
    """What the Actions dataset says now of each candidate, [n]."""

    ids: Sequence[str]
    codes: Mapping[str, int]
    expires: Numbers  # seconds since 1970
    wait: Numbers  # days after a user's last event with it
    value: Numbers

    @classmethod
    def of(cls, candidates: Items) -> Actions:
        return cls(
            candidates.ids,
            candidates.codes,
            _numbers(candidates, EXPIRES, np.inf),
            _numbers(candidates, REPEATS, 0.0),
            _numbers(candidates, VALUE, 0.0),
        )

    @property
    def any_waits(self) -> bool:
        return bool(self.wait.any())

    def timely(self, now: float, events: Sequence[Interaction]) -> Mask:
        """Return which actions have not expired and are not too fresh for a user with these events, [n]."""
        last = np.full(len(self.wait), -np.inf)
        for event in events:
            code = self.codes.get(event.item)
            if code is not None:
                last[code] = max(last[code], event.time)
        waited = (self.wait <= 0) | (now - last >= self.wait * DAY)
        timely: Mask = (self.expires > now) & waited
        return timely

    def ordered(self, scores: Numbers, allowed: Mask, k: int, asker: int) -> npt.NDArray[np.int64]:
        """Return the codes of at most `k` allowed actions: the likeliest first, of equal ones the most valuable.

        Where no place is left for actions without a score, some askers find one of them in the last place.
        """
        codes = np.flatnonzero(allowed)
        order = codes[np.lexsort((codes, -self.value[codes], -scores[codes]))]
        shown, rest = order[:k], order[k:]
        rest = rest[scores[rest] == 0]
        if k < 2 or not len(rest) or not scores[shown[-1]] > 0 or noise.of(asker) >= EXPLORED:
            return shown
        drawn = noise.uniform(asker, noise.keys(self.ids[code] for code in rest))
        return np.append(shown[:-1], rest[int(drawn.argmax())])


def _numbers(candidates: Items, name: str, absent: float) -> Numbers:
    """Return a column of Actions as float64 [n], with `absent` where nothing is known."""
    rows = candidates.rows
    spellings = {name, RULES[None, "ACTIONS"][name].also}
    own = [column for column in (rows.table.column_names if rows else ()) if column.upper() in spellings]
    if rows is None or not own:
        return np.full(len(candidates.ids), absent)
    values = rows.only(own[:1]).aligned(candidates.ids)[0].to_pylist()
    return np.array([absent if value is None else value for value in values], np.float64)
