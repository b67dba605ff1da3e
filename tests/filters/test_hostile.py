"""Expressions and values made to keep the evaluator busy: work grows with what is distinct, not with repeats."""

from __future__ import annotations

import numpy as np
import pytest

from fakepersonalize.datasets.schema import Column
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.filters.columns import column
from fakepersonalize.filters.evaluate import Candidates, FilterContext, compile_filter

ITEMS = [Column("GENRE", "string", True, True), Column("YEAR", "long", True)]
FIELDS = {"ITEMS": ITEMS}
ROWS = Candidates(3, {"GENRE": column(ITEMS[0], ["a", "b", None]), "YEAR": column(ITEMS[1], [1, 2, None])})
INCLUDE = "INCLUDE ItemID WHERE "


def kept(text: str, values: dict[str, str] | None = None) -> list[bool]:
    found: list[bool] = compile_filter(text, FIELDS).bind(values).mask(ROWS, FilterContext()).tolist()
    return found


def test_a_parameter_that_is_named_again_and_again_counts_once() -> None:
    text = f"{INCLUDE}Items.YEAR IN ({','.join(['$p'] * 800)})"
    bound = compile_filter(text, FIELDS).bind({"p": ",".join(["1"] * 500)})
    assert bound.parts[0].any_of[0][0].wanted == (1,)  # type: ignore[attr-defined]


def test_a_condition_that_stands_there_again_and_again_is_made_once() -> None:
    text = INCLUDE + " OR ".join(["Items.GENRE IN ($p)"] * 100)
    bound = compile_filter(f"{text} | {text}", FIELDS).bind({"p": '"a"'})
    tests = [test for part in bound.parts for all_of in part.any_of for test in all_of]
    assert len(tests) == 200
    assert len({id(test) for test in tests}) == 1


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        (" OR ".join(["Items.YEAR>0"] * 5000), {}, [True, True, False]),
        (" AND ".join(["Items.YEAR>0"] * 5000), {}, [True, True, False]),
        (f"Items.GENRE IN ({','.join(['$p'] * 5000)})", {"p": ",".join(['"a"'] * 250)}, [True, False, False]),
        (f"Items.YEAR > {'9' * 2400}", {}, [False] * 3),
        (f"Items.YEAR IN ({','.join(f'$p{n}' for n in range(25))})", {f"p{n}": str(n) for n in range(25)}, None),
        ("Items.YEAR < $p", {"p": "9" * 1000}, [True, True, False]),
        (f"Items.YEAR{' ' * 5000}>{' ' * 5000}1", {}, [False, True, False]),
    ],
)
def test_what_is_long_is_worked_out(text: str, values: dict[str, str], expected: list[bool] | None) -> None:
    assert kept(INCLUDE + text, values) == (expected or [True, True, False])


@pytest.mark.parametrize(
    "text",
    [
        f"{INCLUDE}{'(' * 100_000}",
        f"{INCLUDE}Items.GENRE IN ({'(' * 100_000}",
        f'{INCLUDE}Items.GENRE IN ("{chr(92) * 100_001}',
        INCLUDE + "Items.GENRE IN (" + "'\"" * 50_000,
        f"{INCLUDE}Items.GENRE NOT{' ' * 100_000}X",
        f"{INCLUDE}Items.YEAR > {'-' * 100_000}",
        "|" * 100_000,
        f"{INCLUDE}Items.{'A' * 100_000} > 1",
        "\0" * 100_000,
    ],
    ids=range(9),
)
def test_what_never_ends_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputException) as refused:
        compile_filter(text, FIELDS)
    assert len(refused.value.message) < 1000


@pytest.mark.parametrize("value", ['"' + "\\" * 998, "," * 1000, '"a"' * 300, " " * 999 + "x", '"a",' * 250, "'" * 999])
def test_values_that_are_no_lists_are_refused(value: str) -> None:
    with pytest.raises(InvalidInputException):
        kept(f"{INCLUDE}Items.GENRE IN ($p)", {"p": value})


def test_masks_stay_masks() -> None:
    bound = compile_filter(f"{INCLUDE}Items.YEAR > 0", FIELDS).bind()
    assert bound.mask(Candidates(0, {}), FilterContext()).dtype == np.bool_
