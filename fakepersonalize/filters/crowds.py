"""One filter for many users at once: a mask of candidates for each, without asking the filter once per user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as field_

import numpy as np

from fakepersonalize.filters.columns import Codes, Column, Mask
from fakepersonalize.filters.evaluate import (
    BoundFilter,
    BoundPart,
    Candidates,
    Circumstances,
    EventTest,
    ReferenceTest,
    Test,
)
from fakepersonalize.filters.syntax import INCLUDE

NOWHERE = Circumstances()


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """What `amount` users, at an item each, add to the candidates: `Circumstances` in columns.

    `events` has by event type the row of a user and the code of a candidate for each event that filters see. `users`
    are columns with a row for each user; `known` tells which of them have metadata at all. `items` has the code of each
    user's current item, -1 where there is none.
    """

    amount: int
    events: Mapping[str, tuple[Codes, Codes]] = field_(default_factory=dict)
    users: Mapping[str, Column] = field_(default_factory=dict)
    known: Mask | None = None  # [amount]; None where nobody has metadata
    items: Codes | None = None  # [amount]; None where nobody is at an item


def masks(bound: BoundFilter, candidates: Candidates, crowd: Crowd) -> Mask:
    """Return which candidates each user is allowed, [users, candidates]; [candidates] where it is the same for all."""
    included: Mask | None = None
    unbound: Mask = np.ones(1, bool)  # the users to whom no INCLUDE applies
    excluded: Mask = np.zeros(candidates.amount, bool)
    for part in bound.parts:
        matches, applying = _matches(part, candidates, crowd), _applying(part, crowd)
        if applying is not None:
            matches = matches & applying[:, None]
        if part.part.effect == INCLUDE:
            included = matches if included is None else included | matches
            unbound = unbound & (False if applying is None else ~applying)
        else:
            excluded = excluded | matches
    if included is None:
        return ~excluded
    allowed = included if not unbound.any() else included | unbound[:, None]
    found: Mask = allowed & ~excluded
    return found


def _applying(part: BoundPart, crowd: Crowd) -> Mask | None:
    """Return the users for whom what stands after IF holds, [users]; None where nothing stands there."""
    if not part.if_user:
        return None
    if crowd.known is None:
        return np.zeros(crowd.amount, bool)
    rows, found = Candidates(crowd.amount, crowd.users), crowd.known
    for test in part.if_user:
        found = found & test.mask(rows, NOWHERE)
    return found


def _matches(part: BoundPart, candidates: Candidates, crowd: Crowd) -> Mask:
    found: Mask = np.zeros(candidates.amount, bool)
    for all_of in part.any_of:
        first, *others = (_mask(test, candidates, crowd) for test in all_of)
        for other in others:
            first = first & other
        found = found | first
    return found


def _mask(test: Test, candidates: Candidates, crowd: Crowd) -> Mask:
    if isinstance(test, EventTest):
        return _of_events(test, candidates, crowd)
    if isinstance(test, ReferenceTest):
        return _of_items(test, candidates, crowd)
    return test.mask(candidates, NOWHERE)


def _of_events(test: EventTest, candidates: Candidates, crowd: Crowd) -> Mask:
    found = np.zeros((crowd.amount, candidates.amount), bool)
    for type_, (users, codes) in crowd.events.items():
        if test.takes(type_):
            found[users, codes] = True
    return found


def _of_items(test: ReferenceTest, candidates: Candidates, crowd: Crowd) -> Mask:
    if crowd.items is None:
        return test.mask(candidates, NOWHERE)
    distinct, places = np.unique(crowd.items, return_inverse=True)
    at = [Circumstances(item=None if item < 0 else item) for item in distinct.tolist()]
    return np.stack([test.mask(candidates, each) for each in at])[places.reshape(-1)]
