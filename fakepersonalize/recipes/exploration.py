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


def tried_out(new: Newcomers, setting: Exploration, asker: int, met: Codes) -> Numbers:
    """Return the share of the answers that each newcomer has for one user, [m]: 0 for those in `met`.

    The sum grows with the weight and with how much there is to try out, and stays below `MOST` x weight. It is shared
    out by bonus / noise, so that it goes to a few items, others for each user, however many there are.
    """
    if not len(new.codes) or not setting.weight > 0 or (setting.askers < 1 and noise.of(asker) >= setting.askers):
        return np.zeros(len(new.codes))
    bonus = new.bonus
    met = met[met >= new.codes[0]]  # what came after the training lies behind all else
    if len(met):
        places = np.minimum(np.searchsorted(new.codes, met), len(bonus) - 1)
        bonus = bonus.copy()
        bonus[places[new.codes[places] == met]] = 0.0
    total = bonus.sum()
    if not total > 0:
        return np.zeros(len(new.codes))
    shares: Numbers = bonus / noise.uniform(asker, new.keys)
    shares *= MOST * setting.weight * total / (HALF + total) / shares.sum()
    return shares


def tried_out_by_many(new: Newcomers, setting: Exploration, askers: Keys, met: tuple[Codes, Codes]) -> Numbers:
    """Return what `tried_out` returns for each user, [users, m]; `met` are users by place, and items by code."""
    bonus = np.tile(new.bonus, (len(askers), 1))
    users, items = met
    if len(items) and bonus.size:
        places = np.minimum(np.searchsorted(new.codes, items), bonus.shape[1] - 1)
        hit = new.codes[places] == items
        bonus[users[hit], places[hit]] = 0.0
    total = bonus.sum(axis=1)
    shares = np.zeros(bonus.shape)
    asked = noise.of_many(askers, np.zeros(1, np.uint64))[:, 0] < setting.askers
    active = np.flatnonzero(asked & (total > 0) & (setting.weight > 0))
    drawn = bonus[active] / noise.of_many(askers[active], new.keys)
    parts = MOST * setting.weight * total[active] / (HALF + total[active])
    shares[active] = drawn * (parts / drawn.sum(axis=1))[:, None]
    return shares


def mixed(relevance: Numbers, new: Newcomers, shares: Numbers, n_items: int) -> Numbers:
    """Return the scores of all items, [n_items]: `relevance` is of the first ones, those that the model knows."""
    scores = np.zeros(n_items)
    np.multiply(relevance, 1.0 - shares.sum(), out=scores[: len(relevance)])
    scores[new.codes] += shares
    return scores
