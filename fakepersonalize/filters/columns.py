"""Columns as filters read them: made once from stored values, then tested for all rows at once.

Both kinds answer `select(test, wanted)` with one bool for each row and `at(row)` with the values of one row. A null,
and a row that has no metadata, is never selected; the opposite tests (NOT IN, !=) are complements, made by the caller.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from fakepersonalize.filters.syntax import EQUAL, IN

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.integer[Any]]
Number = int | float

NUMBERS = frozenset({"int", "long", "float", "double"})

_RANGES: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


class Field(Protocol):
    """What a filter needs to know of a column of a schema; `datasets.schema.Column` is one."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def categorical(self) -> bool: ...
    @property
    def textual(self) -> bool: ...


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """A column of strings: rows share their distinct values, so a test looks at each distinct value once."""

    rows: Codes  # [n], the distinct value of each row; null is the last one
    elements: Sequence[tuple[str, ...]]  # of each distinct value; () for null
    holders: Mapping[str, Sequence[int]]  # element -> the distinct values that contain it

    @classmethod
    def of(cls, values: Iterable[str | None], categorical: bool = False) -> Labels:
        """Take one string or None for each row; the elements of categorical strings stand between vertical bars."""
        numbers: dict[str | None, int] = {}
        rows = [numbers.setdefault(value, len(numbers)) for value in values]
        null = numbers.pop(None, None)
        split = {value: _elements(value, categorical) for value in numbers if value is not None}
        if null is not None:  # the numbers above it move down, and it becomes the last
            rows = [len(split) if row == null else row - (row > null) for row in rows]
        holders: dict[str, list[int]] = {}
        for number, elements in enumerate(split.values()):
            for element in elements:
                holders.setdefault(element, []).append(number)
        return cls(np.array(rows, np.intp), [*split.values(), ()], holders)

    def select(self, test: str, wanted: Collection[Any]) -> Mask:
        """Return which rows have one of the wanted strings among their elements; `test` is IN or =."""
        assert test in (IN, EQUAL), test
        found = np.zeros(len(self.elements), bool)
        for element in self.holders.keys() & wanted:
            found[self.holders[element]] = True
        return found.take(self.rows)

    def at(self, row: int) -> tuple[str, ...]:
        return self.elements[int(self.rows[row])]


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """A column of numbers: int64, float32 or float64, and which rows have one at all."""

    values: npt.NDArray[Any]  # [n], anything where null
    present: Mask | None = None  # [n], None when no row is null

    @classmethod
    def of(cls, values: Any, type_: str = "double") -> Numbers:
        """Take a number or None for each row, or an array, in which NaN is null; `type_` is the schema's."""
        dtype = {"float": np.float32, "double": np.float64}.get(type_, np.int64)
        if isinstance(values, np.ndarray) and values.dtype != object:
            present = ~np.isnan(values)
            return cls._where(present, np.where(present, values, 0).astype(dtype))
        rows = list(values)
        present = np.array([value is not None and value == value for value in rows], bool)
        return cls._where(present, np.array([value if there else 0 for value, there in zip(rows, present)], dtype))

    @classmethod
    def _where(cls, present: Mask, values: npt.NDArray[Any]) -> Numbers:
        return cls(values, None if present.all() else present)

    def select(self, test: str, wanted: Collection[Number]) -> Mask:
        """Return for which rows the test holds with one of the wanted numbers."""
        exact = test in (IN, EQUAL)
        operands = [number for number in map(self._own, wanted) if number is not None] if exact else list(wanted)
        if not operands:
            return np.zeros(len(self.values), bool)
        found: Mask
        if not exact:
            found = _RANGES[test](self.values, self._near(operands[0]))
        elif len(operands) == 1:
            found = self.values == operands[0]
        else:
            found = np.isin(self.values, np.array(operands, self.values.dtype))
        return found if self.present is None else found & self.present

    def at(self, row: int) -> tuple[Number, ...]:
        if self.present is not None and not self.present[row]:
            return ()
        return (self.values[row].item(),)

    def _own(self, number: Number) -> Any:
        """Return the number in the column's type, or None where no row can equal it."""
        if self.values.dtype.kind != "i":
            return self._near(number)
        return int(number) if float(number).is_integer() and _SMALLEST <= number <= _LARGEST else None

    def _near(self, number: Number) -> Any:
        """Round as the column was rounded: a stored 0.1 is not above 0.1."""
        if self.values.dtype.kind == "i":
            return number
        with np.errstate(over="ignore"):
            return self.values.dtype.type(number)


Column = Labels | Numbers


def column(field: Field, values: Any) -> Column:
    """Return the column of a field: `values` has one string or number, or None, for each row.

    A numpy array of numbers will do, and so will an Arrow array.
    """
    plain = values.to_pylist() if hasattr(values, "to_pylist") else values
    if field.type in NUMBERS:
        return Numbers.of(plain, field.type)
    return Labels.of(plain, field.categorical)


@lru_cache(maxsize=8192)  # one request may bring four thousand numbers, and name each in many conditions
def number(text: str) -> Number | None:
    """Return the number that a text is; None for any other text. Whole numbers that int64 can hold are ints."""
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    if not value.is_integer():
        return value
    whole = int(text) if "." not in text else int(value)
    return whole if _SMALLEST <= whole <= _LARGEST else value


def _elements(value: str, categorical: bool) -> tuple[str, ...]:
    return tuple(element.strip() for element in value.split("|")) if categorical else (value,)
