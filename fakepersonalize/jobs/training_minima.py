"""What a training refuses: too little data, or too much of a kind, as long as the quotas hold.

Source: https://docs.aws.amazon.com/personalize/latest/dg/limits.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fakepersonalize import errors
from fakepersonalize.datasets import schema
from fakepersonalize.errors import JobFailed
from fakepersonalize.resources import quotas

if TYPE_CHECKING:
    import numpy as np

    from fakepersonalize.recipes.training import TrainingData

KNOWN_COLUMNS = schema.RULES[None, "INTERACTIONS"].keys()
COLD = "cold_start_max_interactions"  # a parameter of the recipe that brings in cold items, and of no other
NONE = "there are none; import or stream some first"
LIFTED = "--limits off lifts all minima"


def check_minima(data: TrainingData, event_type: str | None) -> None:
    """Refuse too little data, counted in unique rows."""
    import numpy as np

    per_user = _moments_per_user(data)
    if per_user.sum() < quotas.MINIMUM_INTERACTIONS or not _enough_users(per_user):
        per_user = _unique_per_user(data)
    found, busy, each = int(per_user.sum()), _busy(per_user), quotas.INTERACTIONS_PER_USER
    if found < quotas.MINIMUM_INTERACTIONS:
        raise too_few(event_type, f"there are {found}; {LIFTED}")
    if busy < quotas.MINIMUM_USERS:
        sentence = errors.TOO_FEW_USERS.format(least=quotas.MINIMUM_USERS, each=each)
        raise JobFailed(sentence, f"there are {busy}; {LIFTED}")
    present = int(np.count_nonzero(per_user))
    if busy < quotas.MINIMUM_SHARE_OF_USERS * present:
        sentence = errors.TOO_SMALL_SHARE.format(least=quotas.MINIMUM_SHARE_OF_USERS, each=each)
        raise JobFailed(sentence, f"{busy} of {present} have; {LIFTED}")


def check_cold_items(data: TrainingData, params: Mapping[str, Any]) -> None:
    """Refuse too few or too many cold items to a recipe that is about them."""
    from fakepersonalize.recipes.models import cold_start

    if COLD not in params:
        return
    found = int(cold_start.cold_items(data, params).sum())
    if not cold_start.FEWEST <= found <= cold_start.MOST:
        sentence = errors.COLD_ITEMS.format(least=cold_start.FEWEST, most=cold_start.MOST)
        raise JobFailed(sentence, f"there are {found}; {LIFTED}")


def check_side_rows(recipe: str, bytes_: int) -> None:
    """Refuse more of Items and Users together than two of the old recipes take."""
    most = quotas.BYTES_OF_ITEMS_AND_USERS.get(recipe, bytes_)
    if bytes_ > most:
        sentence = errors.LARGE_SIDE_DATA.format(most=most / 1e9)
        raise JobFailed(sentence, f"they have {bytes_ / 1e9:.1f} GB; {LIFTED}")


def check_event_types(segments: Sequence[str]) -> None:
    """Refuse interactions with too many event types and own columns together."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    types: set[str] = set()
    own: set[str] = set()
    for path in segments:
        names = {name.upper(): name for name in pq.read_schema(path).names}
        own |= names.keys() - KNOWN_COLUMNS
        if "EVENT_TYPE" in names:
            types.update(pc.unique(pq.read_table(path, columns=[names["EVENT_TYPE"]])[0]).to_pylist())
    types.discard(None)
    if len(types) + len(own) > quotas.EVENT_TYPES_AND_METADATA:
        sentence = errors.TOO_MANY_EVENT_TYPES.format(most=quotas.EVENT_TYPES_AND_METADATA)
        hint = f"there are {len(types)} event types and {len(own)} columns; --limits off lifts all quotas"
        raise JobFailed(sentence, hint)


def too_few(event_type: str | None, hint: str = NONE) -> JobFailed:
    """Return the failure of a training on too few interactions."""
    sentence = errors.TOO_FEW_OF_TYPE if event_type else errors.TOO_FEW
    return JobFailed(sentence.format(least=quotas.MINIMUM_INTERACTIONS, type=event_type), hint)


def _busy(per_user: np.ndarray) -> int:
    return int((per_user >= quotas.INTERACTIONS_PER_USER).sum())


def _enough_users(per_user: np.ndarray) -> bool:
    import numpy as np

    return _busy(per_user) >= max(quotas.MINIMUM_USERS, quotas.MINIMUM_SHARE_OF_USERS * int(np.count_nonzero(per_user)))


def _moments_per_user(data: TrainingData) -> np.ndarray:
    """Count the distinct times of each user's interactions: at most the number of unique rows, and quick to know."""
    import numpy as np

    users = data.users()
    new = np.ones(len(users), bool)
    new[1:] = (users[1:] != users[:-1]) | (data.times[1:] != data.times[:-1])
    return np.bincount(users[new], minlength=data.n_users)


def _unique_per_user(data: TrainingData) -> np.ndarray:
    """Count each user's unique rows."""
    import numpy as np

    rows = np.stack([data.users(), data.times, data.items.astype(np.int64)], axis=1)
    return np.bincount(np.unique(rows, axis=0)[:, 0], minlength=data.n_users)
