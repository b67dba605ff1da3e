"""`filterValues` of a request: each value is a comma list of quoted strings, or of numbers.

https://docs.aws.amazon.com/personalize/latest/dg/filter-real-time.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from fakepersonalize import errors
from fakepersonalize.errors import InvalidInputException, shortened
from fakepersonalize.filters.columns import NUMBERS, Field, number
from fakepersonalize.filters.syntax import IN, Literal, pointed, terminal, unquoted

_QUOTES = 'expected strings in double quotes with commas between them: "Comedy","Drama"'
_SPACE = re.compile(r"\s*")


def missing(name: str) -> InvalidInputException:
    return InvalidInputException(
        errors.NO_FILTER_VALUE.format(name), "parameters of INCLUDE need a value in filterValues"
    )


def read(name: str, text: str) -> list[Literal]:
    """Return the values in one entry of filterValues, none for a blank one; InvalidInputException for no such list."""
    string, numeral = terminal("STRING"), terminal("NUMBER")
    found: list[Literal] = []
    at, more = _skip(text, 0), bool(text.strip())
    while more:
        match = string.match(text, at) or numeral.match(text, at)
        if match is None:
            raise _refusal(name, text, at)
        found.append(_literal(match.group()))
        at = _skip(text, match.end())
        more = text.startswith(",", at)
        at = _skip(text, at + 1) if more else at
    if at < len(text):
        raise _refusal(name, text, at)
    return found


def check_amount(name: str, test: str, literals: Sequence[Literal]) -> None:
    """Raise InvalidInputException if a comparison is given several values."""
    if len(literals) > 1 and test != IN:
        rule = f"{test} compares with one value, not with {len(literals)}"
        raise InvalidInputException(errors.ONE_FILTER_VALUE.format(name), rule)


def check_type(name: str, field: Field, literal: Literal) -> None:
    """Raise InvalidInputException unless the literal suits the column: numbers may stand in quotes, strings must."""
    if field.type in NUMBERS and number(literal.text) is None:
        rule = f"{field.name} has type {field.type}, and this is no number: {shortened(literal.text, 60)}"
        raise InvalidInputException(errors.BAD_FILTER_VALUE.format(name), rule)
    if field.type not in NUMBERS and not literal.quoted:
        raise InvalidInputException(errors.BAD_FILTER_VALUE.format(name), _QUOTES)


def _literal(token: str) -> Literal:
    return Literal(unquoted(token)) if token[0] in "\"'" else Literal(token, quoted=False)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def _refusal(name: str, text: str, at: int) -> InvalidInputException:
    return InvalidInputException(errors.BAD_FILTER_VALUE.format(name), f"{_QUOTES}, or numbers\n{pointed(text, at)}")
