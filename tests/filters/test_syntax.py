from __future__ import annotations

import random
import subprocess
import sys

import pytest

from fakepersonalize.errors import InvalidInputException
from fakepersonalize.filters.syntax import (
    Condition,
    CurrentItem,
    Literal,
    Part,
    Placeholder,
    Tree,
    parse,
    pointed,
    unquoted,
)

HEAD = "INCLUDE ItemID WHERE Items.A "
LONGEST = 2500  # characters, from the service's model


def only(text: str) -> Condition:
    """Return the one condition of an expression."""
    ((condition,),) = parse(text).parts[0].any_of
    return condition


def refused(text: str) -> InvalidInputException:
    with pytest.raises(InvalidInputException) as caught:
        parse(text)
    return caught.value


def answer(text: str) -> str:
    """Return what a client reads: nothing, or the refusal. Any other exception is let through."""
    try:
        parse(text)
    except InvalidInputException as error:
        return error.text()
    return ""


def test_expression_becomes_a_tree():
    tree = parse(
        'EXCLUDE ItemID WHERE Items.GENRE IN ("a", $G) OR Items.YEAR >= -1.5 AND Items.PRICE < CurrentItem.COST '
        "IF CurrentUser.AGE > ($AGE)|include itemid where interactions.event_type not_in ('click')"
    )

    genre = Condition("ITEMS", "GENRE", "IN", (Literal("a"), Placeholder("G")))
    year = Condition("ITEMS", "YEAR", ">=", (Literal("-1.5", quoted=False),))
    price = Condition("ITEMS", "PRICE", "<", CurrentItem("COST"))
    age = Condition("USERS", "AGE", ">", (Placeholder("AGE"),))
    event = Condition("INTERACTIONS", "event_type", "NOT IN", (Literal("click"),))
    assert tree == Tree(
        (
            Part("EXCLUDE", "ItemID", ((genre,), (year, price)), (age,)),
            Part("INCLUDE", "ItemID", ((event,),)),
        )
    )
    assert tree.parts[0].placeholders == {"G", "AGE"}


@pytest.mark.parametrize("spelling", ["NOT IN", "NOT_IN", "not in", "Not\n\t In"])
def test_not_in_has_many_spellings(spelling):
    assert only(f'{HEAD}{spelling} ("x")').test == "NOT IN"


@pytest.mark.parametrize("word", ["IN", "where", "If", "AND", "Items", "CurrentUser", "ItemID", "NOT_IN"])
def test_columns_may_be_called_like_keywords(word):
    assert only(f'INCLUDE ItemID WHERE Items.{word} IN ("x")').column == word


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ('"a, b"', "a, b"),
        (r'"say \"hi\""', 'say "hi"'),
        (r"'it\'s'", "it's"),
        ('"it\'s"', "it's"),
        (r'"back\\slash \d"', r"back\slash \d"),
        ('"購入\n"', "購入\n"),
        ('"$P"', "$P"),
        ('""', ""),
    ],
)
def test_strings_keep_what_stands_between_their_quotes(written, text):
    assert unquoted(written) == text
    assert only(f"{HEAD}IN ({written})").operands == (Literal(text),)


def test_place_is_shown_when_it_is_far_into_a_long_text():
    text = f'{HEAD}IN ("{"x" * 1000}")\nNAND Items.B IN ("y")'

    line, caret = pointed(text, text.index("NAND")).split("\n")

    assert len(line) < 100
    assert line[caret.index("^") :].startswith("NAND")


@pytest.mark.parametrize(
    ("text", "sentence", "rule"),
    [
        ("", "Invalid Expression: it ends too early", "rule expression: expected INCLUDE or EXCLUDE"),
        ("INCLUDE ItemID", "Invalid Expression: missing WHERE", "rule expression: expected WHERE"),
        (f'{HEAD}IN ("x") |', "Invalid Expression: it ends too early", "rule expression: expected INCLUDE or EXCLUDE"),
        (f'{HEAD}LIKE ("x")', "Invalid input symbol: LIKE", "rule test: expected IN or NOT IN, = != < <= > or >="),
        (f'{HEAD}IN "x"', 'Invalid input symbol: "x"', "rule test: expected a list in parentheses"),
        (f'{HEAD}IN ("x', 'Invalid input symbol: "', "this quote is never closed"),
        (f'{HEAD}IN ("x",)', "Invalid input symbol: )", 'rule operand: expected a "string", a number, a $PARAMETER'),
        (f"{HEAD}> 1AND Items.B > 2", "Invalid input symbol: 1AND", "rule test"),
        (f"{HEAD}== 1", "Invalid input symbol: =", "rule test"),
        (f"{HEAD}> 1 IF CurrentUser.B = CurrentItem.C", "Invalid input symbol: CurrentItem", "rule test"),
        ("INCLUDE ItemID WHERE U\u017fers.A = 1", "Invalid input symbol: U", "rule condition"),
    ],
)
def test_refusal_names_the_symbol_and_the_rule(text, sentence, rule):
    error = refused(text)

    assert error.message == sentence
    assert rule in error.hint


@pytest.mark.parametrize("tail", ["", " ", "x", "(", ")", '"', "|"])
@pytest.mark.parametrize(
    "filling",
    ["(", ")", "((1", "1,", '"a",', "$P,", "\\", '"', "'", '\\"', "-", "NOT ", " ", "AND Items.A = 1 ", "| ", "a", "9"],
)
@pytest.mark.parametrize("head", ["", "INCLUDE ItemID WHERE ", f"{HEAD}IN (", f"{HEAD}= 1 ", f'{HEAD}IN ("'])
def test_long_and_nested_texts_are_answered(head, filling, tail):
    """Python's stack limit is far below 2,500; the steps of the parser are counted in the next test."""
    text = (head + filling * LONGEST)[: LONGEST - len(tail)] + tail

    assert len(answer(text)) < 500


@pytest.mark.parametrize(
    "pattern", ["INCLUDE ItemID WHERE Items.A IN (1{})", "INCLUDE ItemID WHERE Items.A = 1{}"], ids=["list", "chain"]
)
def test_work_grows_with_the_length_and_no_faster(pattern):
    link = ",1" if "(" in pattern else " AND Items.A = 1"
    calls = [steps(pattern.format(link * length)) for length in (50, 100, 150)]

    assert calls[2] - calls[1] == pytest.approx(calls[1] - calls[0], rel=0.02)


def steps(text: str) -> int:
    """Return how many functions are called while a text is parsed."""
    count = 0

    def seen(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    parse(text)  # what is made once is made
    sys.setprofile(seen)
    try:
        parse(text)
    finally:
        sys.setprofile(None)
    return count


def test_any_bytes_are_an_expression_or_an_invalid_input():
    chance = random.Random(0)
    valid = (
        f'{HEAD}IN ("x", $Y) AND Items.B > 1.5 IF CurrentUser.C = "z" | EXCLUDE ItemID WHERE Items.D < CurrentItem.E'
    )
    accepted = 0
    for _ in range(3000):
        spoiled = bytearray(valid.encode())
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(spoiled))
            spoiled[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(4))
        text = bytes(spoiled).decode(chance.choice(["latin-1", "utf-8"]), "surrogateescape")
        reply = answer(text)
        assert reply == "" or reply.startswith("Invalid ")
        accepted += reply == ""
    assert 0 < accepted < 3000


def test_importing_the_room_does_not_import_lark():
    code = "import sys, fakepersonalize.filters.evaluate; sys.exit('lark' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
