"""A filter asked for many users at once says of each what it says when asked for that user alone."""

from __future__ import annotations

import numpy as np

from fakepersonalize.datasets.schema import Column
from fakepersonalize.filters.columns import column
from fakepersonalize.filters.evaluate import Candidates, FilterContext, compile_filter

FIELDS = {
    "ITEMS": [Column("GENRE", "string", True, True), Column("YEAR", "long", True)],
    "USERS": [Column("AGE", "long", True)],
    "INTERACTIONS": [Column("EVENT_TYPE", "string")],
}
GENRES, YEARS = ["a", "b|c", None, "c", "a|c"], [1970, None, 1999, 2001, 2001]
ITEMS = Candidates(5, {"GENRE": column(FIELDS["ITEMS"][0], GENRES), "YEAR": column(FIELDS["ITEMS"][1], YEARS)})
EVENTS = [{"view": [0, 1], "BUY": [4]}, {}, {"buy": [2]}]
AGES = [17, None, 40]
KNOWN = [True, False, True]
AT = [3, -1, 4]
PARTS = [
    'INCLUDE ItemID WHERE Items.GENRE IN ("a")',
    'EXCLUDE ItemID WHERE Items.GENRE IN ("c") AND Items.YEAR > 2000',
    'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("buy")',
    'INCLUDE ItemID WHERE Interactions.EVENT_TYPE NOT IN ("buy")',
    'INCLUDE ItemID WHERE Items.GENRE IN ("c") IF CurrentUser.AGE > 18',
    "EXCLUDE ItemID WHERE Items.YEAR > 1990 IF CurrentUser.AGE < 18",
    "INCLUDE ItemID WHERE Items.GENRE IN CurrentItem.GENRE",
    'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view") OR Interactions.EVENT_TYPE NOT IN ("buy")',
]
EXPRESSIONS = [*PARTS, *(f"{first} | {second}" for first in PARTS for second in PARTS)]


def together() -> FilterContext:
    types = sorted({type_ for events in EVENTS for type_ in events})
    events = {}
    for type_ in types:
        pairs = [(user, item) for user, own in enumerate(EVENTS) for item in own.get(type_, [])]
        events[type_] = (np.array([user for user, _ in pairs]), np.array([item for _, item in pairs]))
    return FilterContext(3, events, {"AGE": AGES}, np.array(KNOWN), np.array(AT))


def alone(user: int) -> FilterContext:
    events = {type_: np.array(items) for type_, items in EVENTS[user].items()}
    row = {"AGE": AGES[user]} if KNOWN[user] else None
    return FilterContext.of_one(events, row, None if AT[user] < 0 else AT[user])


def test_each_of_many_requests_is_allowed_what_it_is_allowed_alone() -> None:
    for expression in EXPRESSIONS:
        bound = compile_filter(expression, FIELDS).bind()
        found = np.broadcast_to(bound.mask(ITEMS, together()), (3, 5))
        for user in range(3):
            assert found[user].tolist() == bound.mask(ITEMS, alone(user)).tolist(), (expression, user)


def test_what_is_the_same_for_all_is_told_once() -> None:
    assert compile_filter(PARTS[0], FIELDS).bind().mask(ITEMS, together()).shape == (5,)


def test_requests_about_which_nothing_is_known_are_no_trouble() -> None:
    for expression in PARTS:
        bound = compile_filter(expression, FIELDS).bind()
        found = np.broadcast_to(bound.mask(ITEMS, FilterContext(2)), (2, 5))
        assert found.tolist() == [bound.mask(ITEMS, FilterContext()).tolist()] * 2, expression
