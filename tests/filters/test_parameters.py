from __future__ import annotations

import random
from contextlib import suppress

import pytest

from fakepersonalize.datasets.schema import Column
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.filters import parameters
from fakepersonalize.filters.evaluate import compile_filter

FIELDS = {"ITEMS": [Column("GENRE", "string", categorical=True), Column("PRICE", "float"), Column("YEAR", "int")]}


@pytest.mark.parametrize(
    ("wire", "texts"),
    [
        ('"Comedy"', ["Comedy"]),
        ('"comedy","drama","horror"', ["comedy", "drama", "horror"]),
        (' "comedy" ,\n"drama" ', ["comedy", "drama"]),
        ('"value1, value2"', ["value1, value2"]),
        (r'"say \"hi\""', ['say "hi"']),
        ("'single'", ["single"]),
        ('""', [""]),
        ("10", ["10"]),
        ("-1.5, 2", ["-1.5", "2"]),
        ("", []),
        ("  ", []),
    ],
)
def test_values_are_a_list_of_quoted_strings_or_numbers(wire, texts):
    assert [literal.text for literal in parameters.read("P", wire)] == texts


@pytest.mark.parametrize(
    "wire", ["Comedy", '"a" "b"', '"a",', ',"a"', '"a', '"a"b', "1e5", "true", '"a";"b"', "$P", "()"]
)
def test_other_texts_are_refused_with_the_place(wire):
    with pytest.raises(InvalidInputException, match="Invalid value for filter parameter P") as caught:
        parameters.read("P", wire)
    assert caught.value.hint.endswith("^")


def test_any_text_is_a_list_or_an_invalid_input():
    chance = random.Random(1)
    lists = 0
    for _ in range(2000):
        text = "".join(chance.choices("\"',\\1a.- \n\x00é", k=chance.randrange(12)))
        with suppress(InvalidInputException):
            parameters.read("P", text)
            lists += 1
    assert 0 < lists < 2000


@pytest.mark.parametrize(
    ("expression", "wire", "sentence"),
    [
        ("Items.PRICE < $P", '"1","2"', "Filter parameter P takes one value."),
        ("Items.GENRE = $P", '"a","b"', "Filter parameter P takes one value."),
        ("Items.PRICE < $P", '"cheap"', "Invalid value for filter parameter P."),
        ("Items.YEAR IN ($P)", '1999,"x"', "Invalid value for filter parameter P."),
        ("Items.GENRE IN ($P)", "10", "Invalid value for filter parameter P."),
        ("Items.GENRE IN ($P)", "Comedy", "Invalid value for filter parameter P."),
        ("Items.GENRE IN ($P)", "", "Missing value for filter parameter P."),
        ("Items.GENRE IN ($P)", None, "Missing value for filter parameter P."),
        ("Items.GENRE IN ($p)", '"x"', "Missing value for filter parameter p."),
    ],
)
def test_values_that_do_not_suit_are_refused(expression, wire, sentence):
    filter_ = compile_filter(f"INCLUDE ItemID WHERE {expression}", FIELDS)

    with pytest.raises(InvalidInputException) as caught:
        filter_.bind({} if wire is None else {"P": wire})

    assert caught.value.message == sentence


def test_unknown_and_unused_names_are_ignored():
    filter_ = compile_filter('INCLUDE ItemID WHERE Items.GENRE IN ("$Q")', FIELDS)

    assert filter_.placeholders == frozenset()
    assert filter_.bind({"Q": "not even a list", "R": ""}).parts
