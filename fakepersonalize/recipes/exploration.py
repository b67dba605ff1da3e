"""Exploration: how new items come by a share of the answers. All of it can be worked out again from its inputs.

A user's scores are a mixture: (1 - share) x what the model says + share x what is tried out on this user. That is what
the service was seen to do: after new items came in, the scores of all others shrank by one factor for each user.
https://docs.aws.amazon.com/personalize/latest/dg/native-recipe-new-item-USER_PERSONALIZATION.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes import noise
from fakepersonalize.recipes.catalogue import Exploration
from fakepersonalize.recipes.models.cold_start import DAY
from fakepersonalize.recipes.noise import Keys

# What exploration can take at the weight 1, and how much there must be to try out for half of it (ours: the factor of
# all others stays above .91 at the default weight of .3; seen: .88 to .99).
MOST, HALF = 0.3, 10.0
TINY = np.finfo(np.float64).tiny
ALL_ITEMS = np.zeros(1, np.uint64)  # the key under which a user draws whether anything is tried out

Numbers = npt.NDArray[np.float64]
Codes = npt.NDArray[np.integer]


class Knowledge(NamedTuple):
    """What is known of all items of a catalogue, by code: what decides which of them are tried out."""

    came: npt.NDArray[np.int64]  # [n], seconds since 1970, `cold_start.UNKNOWN` of an item that nobody has met
    met: npt.NDArray[np.int64]  # [n], interactions
    passed_over: npt.NDArray[np.int64]  # [n], how often each was shown and something else, or nothing, was chosen
    latest: int  # the newest interaction of all


@dataclass(frozen=True, slots=True, eq=False)
class Newcomers:
    """The items that can be tried out."""

    codes: Codes  # [m], ascending
    bonus: Numbers  # [m], above 0 and at most 1: 1 for an item that nobody met or passed over
    keys: Keys  # [m]


def newcomers(known: Knowledge, cut_off_days: float, keys: Keys) -> Newcomers:
    """Return the items that are no older than the cut-off, counted back from the latest interaction of all.

    Their bonus shrinks with the times they were met or passed over. `keys` [n] are the keys of all items.
    """
    codes = np.flatnonzero(known.came >= known.latest - cut_off_days * DAY)
    bonus = (1.0 / (1.0 + known.met[codes] + known.passed_over[codes])).astype(np.float64)
    return Newcomers(codes, bonus, keys[codes])


def shares(new: Newcomers, setting: Exploration, askers: Keys, met: tuple[Codes, Codes]) -> Numbers:
    """Return the share of the answers that each newcomer has for each user, [users, m]; 0 for what the user has met.

    The sum grows with the weight and with how much there is to try out, and stays below `MOST` x weight. It is divided
    in proportion to bonus / noise, so that it goes to a few items, others for each user, however many there are.
    `askers` [users] are keys; `met` holds pairs of the place of a user and the code of an item.
    """
    if not len(new.codes) or not setting.weight > 0:
        return np.zeros((len(askers), len(new.codes)))
    if setting.askers < 1:
        asked = (noise.of_many(askers, ALL_ITEMS)[:, 0] < setting.askers).nonzero()[0]
        found = np.zeros((len(askers), len(new.codes)))
        if len(asked):
            found[asked] = _divided(_bonus(new, len(askers), met)[asked], new, setting, askers[asked])
        return found
    return _divided(_bonus(new, len(askers), met), new, setting, askers)


def _bonus(new: Newcomers, users: int, met: tuple[Codes, Codes]) -> Numbers:
    """Return the bonus of each newcomer for each user, [users, m]; 0 for what the user has met."""
    bonus = np.empty((users, len(new.codes)))
    bonus[:] = new.bonus
    later = (met[1] >= new.codes[0]).nonzero()[0]  # what came after the training lies behind all else
    if len(later):
        of, items = met[0][later], met[1][later]
        places = np.minimum(new.codes.searchsorted(items), len(new.codes) - 1)
        hit = new.codes[places] == items
        bonus[of[hit], places[hit]] = 0.0
    return bonus


def _divided(bonus: Numbers, new: Newcomers, setting: Exploration, askers: Keys) -> Numbers:
    """Return what each user's exploration gives to each newcomer, [users, m]."""
    total = bonus.sum(axis=1)
    drawn = bonus / noise.of_many(askers, new.keys)
    drawn *= (MOST * setting.weight * total / ((HALF + total) * np.maximum(drawn.sum(axis=1), TINY)))[:, None]
    return drawn
