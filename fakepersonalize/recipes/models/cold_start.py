"""Which items count as cold, by the three parameters of the legacy recipe that brings them in."""

from __future__ import annotations

import numpy as np

from fakepersonalize.recipes.training import Mask, Settings, TrainingData

DAY = 86400
# https://docs.aws.amazon.com/personalize/latest/dg/native-recipe-hrnn-coldstart.html
FEWEST, MOST = 100, 80_000
DEFAULT_INTERACTIONS, DEFAULT_DAYS = 15, 5.0


def cold_items(data: TrainingData, params: Settings) -> Mask:
    """Return the items with few interactions that came lately, [n_items].

    An item comes at its creation time where that is known, else with its first interaction; one without either is cold.
    `cold_start_max_duration` days are counted back from the newest item, or where `cold_start_relative_from` says
    currentTime from `now`, seconds since 1970, which has to be given then.
    """
    latest = np.iinfo(np.int64).max
    came = np.full(data.n_items, latest)
    np.minimum.at(came, data.items, data.times)
    if data.item_times is not None:
        came = np.where(data.item_times > 0, data.item_times, came)
    dated = came[came < latest]
    newest = params["now"] if params.get("cold_start_relative_from") == "currentTime" else dated.max(initial=0)
    few = np.bincount(data.items, minlength=data.n_items) <= params.get(
        "cold_start_max_interactions", DEFAULT_INTERACTIONS
    )
    cold: Mask = few & (came >= newest - params.get("cold_start_max_duration", DEFAULT_DAYS) * DAY)
    return cold
