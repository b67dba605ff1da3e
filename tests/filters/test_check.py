from __future__ import annotations

import pytest

from fakepersonalize.datasets.schema import Column
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.filters.check import check, keys
from fakepersonalize.filters.evaluate import compile_filter
from fakepersonalize.filters.syntax import parse


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ('INCLUDE ItemID WHERE Users.AGE IN ("1")', "Users is no dataset for ItemID"),
        ('INCLUDE UserID WHERE Items.GENRE IN ("1")', "Items is no dataset for UserID"),
        ('INCLUDE ActionID WHERE Interactions.EVENT_TYPE IN ("x")', "Interactions is no dataset for ActionID"),
        (
            'INCLUDE ItemID WHERE Action_Interactions.EVENT_TYPE IN ("x")',
            "Action_Interactions is no dataset for ItemID",
        ),
        ('INCLUDE UserID WHERE Users.AGE IN ("1") IF CurrentUser.AGE > 1', "IF is not supported for UserID"),
        ('INCLUDE ItemID WHERE Items.GENRE IN ("a") IF CurrentUser.NOPE > 1', "field NOPE not found in Users"),
        ("INCLUDE ItemID WHERE Items.PRICE < CurrentItem.NOPE", "field NOPE not found in Items"),
        ("INCLUDE ItemID WHERE Items.PRICE < CurrentItem.GENRE", "fields PRICE and GENRE cannot be compared"),
        ("INCLUDE ItemID WHERE Items.GENRE IN CurrentItem.LONG_TEXT", "textual field LONG_TEXT"),
        ("INCLUDE UserID WHERE Users.AGE < CurrentItem.YEAR", "CurrentItem is only supported in conditions on Items"),
        ("INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN CurrentItem.GENRE", "CurrentItem is only supported"),
        (
            'INCLUDE ItemID WHERE Interactions.EVENT_TYPE = "click"',
            "only EVENT_TYPE of Interactions can be used, with IN",
        ),
        ('INCLUDE ItemID WHERE Items.IS_NEW IN ("1")', "boolean field IS_NEW"),
        ('INCLUDE ItemID WHERE Items.PRICE < "cheap"', "field PRICE needs a number"),
        ('INCLUDE ItemID WHERE Items.PRICE IN (1, "1e3")', "field PRICE needs a number"),
        ("INCLUDE ItemID WHERE Items.CITY >= $P", "field CITY not found in Items"),
        ("INCLUDE ItemID WHERE Items.OWNER >= $P", ">= needs a field of numbers, OWNER is a string"),
        ("EXCLUDE ActionID WHERE Actions.repeat_frequency > 1", "field repeat_frequency is filtered automatically"),
    ],
)
def test_rules_of_meaning(world, expression, sentence):
    with pytest.raises(InvalidInputException) as caught:
        compile_filter(expression, world.fields)

    assert caught.value.message.startswith(f"Invalid Expression: {sentence}")
    assert "^" in caught.value.hint


@pytest.mark.parametrize("test", ["= '*'", "IN ('x', '*')", "!= '*'"])
def test_star_is_for_event_types(world, test):
    with pytest.raises(InvalidInputException, match=r"Invalid input symbol: \*"):
        compile_filter(f"INCLUDE ItemID WHERE Items.OWNER {test}", world.fields)


def test_dataset_must_be_there(world):
    fields = {"ITEMS": world.fields["ITEMS"]}

    compile_filter('INCLUDE ItemID WHERE Items.GENRE IN ("a")', fields)
    with pytest.raises(InvalidInputException, match="dataset Users not found"):
        compile_filter('INCLUDE ItemID WHERE Items.GENRE IN ("a") IF CurrentUser.AGE > 1', fields)
    with pytest.raises(InvalidInputException, match="dataset Interactions not found"):
        compile_filter('INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("a")', fields)


def test_columns_come_under_the_spelling_of_the_schema():
    known = check(parse('INCLUDE ItemID WHERE Items.genre IN ("a")'), {"ITEMS": [Column("Genre", "string")]})

    assert known == {("ITEMS", "GENRE"): Column("Genre", "string")}


def test_fields_count_once_whoever_names_them():
    tree = parse(
        "INCLUDE ItemID WHERE Items.price < CurrentItem.PRICE AND Items.PRICE > 1 IF CurrentUser.AGE > 1 AND "
        'CurrentUser.age < 5 | EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("x")'
    )

    assert set(keys(tree)) == {("ITEMS", "PRICE"), ("USERS", "AGE"), ("INTERACTIONS", "EVENT_TYPE")}


def test_ten_fields_are_accepted():
    columns = [Column(f"F{number}", "int") for number in range(11)]
    ten = " AND ".join(f"Items.F{number} > 0" for number in range(10))

    assert len(compile_filter(f"INCLUDE ItemID WHERE {ten} AND Items.f0 < 9", {"ITEMS": columns}).fields) == 10
    with pytest.raises(InvalidInputException, match="more than 10 fields"):
        compile_filter(f"INCLUDE ItemID WHERE {ten} AND Items.F10 < 9", {"ITEMS": columns})
