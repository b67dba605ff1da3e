"""Which items count as cold, by the three parameters of the legacy recipe that brings them in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.training import Mask, Settings, TrainingData

DAY = 86400
# https://docs.aws.amazon.com/personalize/latest/dg/native-recipe-hrnn-coldstart.html
FEWEST, MOST = 100, 80_000
DEFAULT_INTERACTIONS, DEFAULT_DAYS = 15, 5.0
UNKNOWN = np.iinfo(np.int64).max  # when an item came of which nothing is known: later than all others


def cold_items(data: TrainingData, params: Settings) -> Mask:
    """Return the items with few interactions that came lately, [n_items]; one of which nothing is known is cold.

    `cold_start_max_duration` days are counted back from the newest item, or where `cold_start_relative_from` says
    currentTime from `now`, seconds since 1970, which has to be given then.
    """
    came = arrivals(data)
    dated = came[came < UNKNOWN]
    newest = params["now"] if params.get("cold_start_relative_from") == "currentTime" else dated.max(initial=0)
    few = np.bincount(data.items, minlength=data.n_items) <= params.get(
        "cold_start_max_interactions", DEFAULT_INTERACTIONS
    )
    cold: Mask = few & (came >= newest - params.get("cold_start_max_duration", DEFAULT_DAYS) * DAY)
    return cold


def arrivals(data: TrainingData) -> npt.NDArray[np.int64]:
    """Return when each item came, seconds since 1970, [n_items]: made where that is known, else first met."""
    came = np.full(data.n_items, UNKNOWN)
    np.minimum.at(came, data.items, data.times)
    return came if data.item_times is None else np.where(data.item_times > 0, data.item_times, came)
