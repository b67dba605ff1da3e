from __future__ import annotations

import numpy as np
import pytest

from fakepersonalize.datasets.schema import Column
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.filters.columns import column
from fakepersonalize.filters.evaluate import Candidates, FilterContext, compile_filter, newest

A = 'ItemID WHERE Items.CATEGORY IN ("shoe")'  # a b
B = 'ItemID WHERE Items.GENRE IN ("Comedy")'  # b c
C = 'ItemID WHERE Items.PROMOTED IN ("Y")'  # a c d
D = 'ItemID WHERE Items.AVAILABLE IN ("False")'  # b
OFF = "IF CurrentUser.AGE > 99"


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        (f"INCLUDE {A}", "ab"),
        (f"EXCLUDE {A}", "cdef"),
        (f"INCLUDE {A} | INCLUDE {B}", "abc"),
        (f"EXCLUDE {A} | EXCLUDE {B}", "def"),
        (f"INCLUDE {A} | EXCLUDE {B}", "a"),
        (f"EXCLUDE {B} | INCLUDE {A}", "a"),
        (f"INCLUDE {A} | INCLUDE {C} | EXCLUDE {B} | EXCLUDE {D}", "ad"),
        (f"INCLUDE {A} {OFF}", "abcdef"),
        (f"EXCLUDE {A} {OFF}", "abcdef"),
        (f"INCLUDE {A} {OFF} | INCLUDE {B}", "bc"),
        (f"INCLUDE {A} {OFF} | EXCLUDE {B}", "adef"),
        ('INCLUDE ItemID WHERE Items.CATEGORY IN ("nothing")', ""),
        ('INCLUDE ItemID WHERE Items.CATEGORY IN ("nothing") | EXCLUDE ItemID WHERE Items.YEAR > 0', ""),
    ],
)
def test_parts_combine_as_sets(world, expression, kept):
    assert world.kept(expression) == list(kept)


def test_and_binds_tighter_than_or(world):
    both = 'Items.CATEGORY IN ("clothing") AND Items.PRICE < 6'

    assert world.kept(f'INCLUDE ItemID WHERE Items.GENRE IN ("Film-Noir") OR {both}') == ["a", "d"]
    assert world.kept(f'INCLUDE ItemID WHERE {both} OR Items.GENRE IN ("Film-Noir")') == ["a", "d"]


@pytest.mark.parametrize(
    ("test", "kept"),
    [
        ('IN ("True")', "acd"),
        ('NOT IN ("True")', "bef"),
        ('= "True"', "acd"),
        ('!= "True"', "bef"),
        ('= "Tr"', ""),
    ],
)
def test_opposite_tests_hold_for_nulls(world, test, kept):
    assert world.kept(f"INCLUDE ItemID WHERE Items.AVAILABLE {test}") == list(kept)


@pytest.mark.parametrize(
    ("test", "kept"), [("= 10", "ae"), ("!= 10", "bcdf"), ("< 10", "d"), (">= 10", "abce"), ('IN (5, "30.0")', "cd")]
)
def test_numbers_are_compared_quoted_or_not(world, test, kept):
    assert world.kept(f"INCLUDE ItemID WHERE Items.PRICE {test}") == list(kept)


@pytest.mark.parametrize(
    ("test", "kept"),
    [
        ('IN ("CLICK")', "ac"),
        ('NOT IN ("click")', "abde"),  # a was bought as well
        ('IN ("*")', "abcde"),
        ('NOT IN ("*")', ""),
        ('IN ("never heard of")', ""),
    ],
)
def test_event_types_ignore_case_and_ask_for_an_event(world, test, kept):
    assert world.kept(f"INCLUDE ItemID WHERE Interactions.EVENT_TYPE {test}") == list(kept)


def test_user_without_events_and_metadata_matches_no_condition(world):
    assert world.kept('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")', user="nobody") == list("abcdef")
    assert world.kept('INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")', user="nobody") == []
    assert world.kept(f"INCLUDE {A} IF CurrentUser.AGE != 5", user="nobody") == list("abcdef")
    assert world.kept(f"INCLUDE {A} IF CurrentUser.AGE != 5", user="x") == list("abcdef")


def test_every_condition_after_if_must_hold(world):
    condition = 'IF CurrentUser.AGE >= 18 AND CurrentUser.COUNTRY NOT IN ("England")'

    assert world.kept(f"EXCLUDE {A} {condition}", user="u") == list("abcdef")
    assert world.kept(f"EXCLUDE {A} {condition}", user="v") == list("abcdef")
    assert world.kept(f"EXCLUDE {A} {condition}", user="w") == list("cdef")  # no country, so none that is barred


@pytest.mark.parametrize(
    ("expression", "item", "kept"),
    [
        ("INCLUDE ItemID WHERE Items.GENRE IN CurrentItem.GENRE", "a", "ac"),
        ("EXCLUDE ItemID WHERE Items.GENRE NOT IN CurrentItem.GENRE", "a", "ac"),
        ("INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE", "b", "ade"),
        ("INCLUDE ItemID WHERE Items.PRICE = CurrentItem.PRICE", "e", "ae"),
        ("INCLUDE ItemID WHERE Items.CATEGORY_L1 IN CurrentItem.CATEGORY", "b", "ab"),
        ("INCLUDE ItemID WHERE Items.DESCRIPTION IN CurrentItem.CATEGORY_L2", "d", "ad"),
        ("INCLUDE ItemID WHERE Items.GENRE IN CurrentItem.GENRE", "f", ""),
        ("INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE", "f", ""),
        ("INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE", None, ""),
    ],
)
def test_current_item_is_compared_with(world, expression, item, kept):
    assert world.kept(expression, item=item) == list(kept)


def test_exclusion_without_its_value_is_left_out_and_the_others_stay(world):
    expression = f"EXCLUDE ItemID WHERE Items.CATEGORY IN ($C) AND Items.PRICE < $P | EXCLUDE {B}"

    assert world.kept(expression, {"C": '"shoe"', "P": "15"}) == list("def")
    assert world.kept(expression, {"C": '"shoe"'}) == list("adef")
    assert world.kept(expression, {"C": '"shoe"', "P": " "}) == list("adef")


def test_one_value_serves_all_places_of_its_name(world):
    expression = "INCLUDE ItemID WHERE Items.PRICE = $N OR Items.YEAR = $N OR Items.OWNER = $N"

    assert world.kept(expression, {"N": '"1979"'}) == ["d"]


def test_filter_says_what_it_needs(world):
    def needs(expression: str) -> tuple[str, bool, bool, bool]:
        filter_ = compile_filter(expression, world.fields)
        return filter_.subject, filter_.needs_user, filter_.needs_item, filter_.reads_events

    assert needs(f"INCLUDE {A}") == ("ItemID", False, False, False)
    assert needs(f"INCLUDE {A} {OFF}") == ("ItemID", True, False, False)
    assert needs('include itemid where Interactions.EVENT_TYPE IN ("*")') == ("ItemID", True, False, True)
    assert needs("INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE") == ("ItemID", False, True, False)
    assert needs('INCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("*")') == ("UserID", False, False, True)


def test_matches_tell_each_part_apart(world):
    filter_ = compile_filter(f"INCLUDE {A} | EXCLUDE {B} | EXCLUDE {C} {OFF}", world.fields)

    found = filter_.bind().matches(world.candidates("ITEMS"), FilterContext.of_one(user=world.user("u")))

    assert [part for part, _, _ in found] == list(filter_.tree.parts[:2])
    assert ["".join(np.array(list("abcdef"))[mask]) for _, _, mask in found] == ["ab", "bc"]


def test_column_that_has_no_values_counts_as_null(world):
    filter_ = compile_filter('INCLUDE ItemID WHERE Items.OWNER NOT IN ("x") AND Items.YEAR > 1', world.fields)

    assert filter_.bind().mask(Candidates(2, {}), FilterContext()).tolist() == [False, False]
    year = column(Column("YEAR", "int"), [0, 2])
    assert filter_.bind().mask(Candidates(2, {"YEAR": year}), FilterContext()).tolist() == [False, True]


def test_masks_are_fresh_and_the_events_stay_as_they_are(world):
    filter_ = compile_filter('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")', world.fields).bind()
    around = FilterContext.of_one({"click": np.array([1], np.int32)})
    candidates = Candidates(3, {})

    filter_.mask(candidates, around)[:] = False

    assert filter_.mask(candidates, around).tolist() == [True, False, True]


def test_only_the_newest_events_of_each_type_count():
    codes = np.array([5, 6, 7, 5, 8, 9])
    types = np.array([0, 0, 0, 1, 2, 2])

    found = newest("INTERACTIONS", np.zeros(6, int), codes, types, ["click", "watch", "Click", "never"], most=3)

    assert {type_: items.tolist() for type_, (_, items) in found.items()} == {"click": [7, 8, 9], "watch": [5]}


def test_the_newest_events_are_counted_for_each_request():
    requests, codes = np.array([0, 0, 0, 0, 2, 2, 2, 3]), np.arange(8)

    found = newest("INTERACTIONS", requests, codes, np.array([0, 1, 0, 0, 1, 1, 1, 0]), ["click", "watch"], most=2)

    pairs = {type_: [column.tolist() for column in columns] for type_, columns in found.items()}
    assert pairs == {"click": [[0, 0, 3], [2, 3, 7]], "watch": [[0, 2, 2], [1, 5, 6]]}


@pytest.mark.parametrize(("dataset", "most"), [("INTERACTIONS", 100), ("ACTION_INTERACTIONS", 300)])
def test_window_is_that_of_the_dataset(dataset, most):
    codes = np.arange(1000)

    found = newest(dataset, np.zeros(1000, int), codes, np.zeros(1000, int), ["Viewed"])

    assert found["viewed"][1].tolist() == list(range(1000 - most, 1000))


def test_action_events_may_have_spaces_for_underscores_and_others_may_not(world):
    rows = np.zeros(2, int), np.array([0, 1]), np.array([0, 1]), ["Not Taken", "NOT_TAKEN"]

    assert list(newest("ACTION_INTERACTIONS", *rows)) == ["not_taken"]
    assert list(newest("INTERACTIONS", *rows)) == ["not taken", "not_taken"]
    assert world.kept('INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("not taken")') == []


def test_number_that_no_row_can_hold_is_an_answer_too(world):
    huge = "9" * 300

    assert world.kept(f"INCLUDE ItemID WHERE Items.YEAR IN (1, {huge})") == []
    assert world.kept(f"INCLUDE ItemID WHERE Items.YEAR < {huge}") == list("abcd")
    assert world.kept(f"INCLUDE ItemID WHERE Items.PRICE < {huge}") == list("abcde")
    with pytest.raises(InvalidInputException):
        world.kept("INCLUDE ItemID WHERE Items.YEAR < 1e300")


def test_what_only_columns_decide_is_worked_out_once_for_candidates_and_forgotten_with_them():
    year = Column("YEAR", "int")
    looked = []

    class Columns(dict):
        def get(self, name, default=None):
            looked.append(name)
            return super().get(name, default)

    def candidates(years):
        return Candidates(len(years), Columns(YEAR=column(year, years)))

    fields = {"ITEMS": [year], "INTERACTIONS": [Column("EVENT_TYPE", "string")], "USERS": [Column("AGE", "int")]}
    text = 'INCLUDE ItemID WHERE Items.YEAR > 2000 | EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")'
    bound = compile_filter(text, fields).bind()
    first, second = candidates([1990, 2010, 2020]), candidates([2010])
    for events, kept in (({}, [1, 2]), ({"watch": np.array([1])}, [2]), ({}, [1, 2])):
        assert np.flatnonzero(bound.mask(first, FilterContext.of_one(events))).tolist() == kept
    assert bound.mask(second, FilterContext()).tolist() == [True]
    assert looked == ["YEAR"] * 2
    assert len(bound.parts[0].known) == 2
    del first
    assert len(bound.parts[0].known) == 1
    with_value = compile_filter("INCLUDE ItemID WHERE Items.YEAR > $YEAR", fields)
    for value, kept in (("2000", [1, 2]), ("2015", [2])):
        chosen = with_value.bind({"YEAR": value}).mask(candidates([1990, 2010, 2020]), FilterContext())
        assert np.flatnonzero(chosen).tolist() == kept
