"""Which candidates a filter lets through: compiled once, bound to the values of a request, asked for masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as field_
from functools import cached_property
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import numpy as np

from fakepersonalize.filters import parameters
from fakepersonalize.filters.check import ANY_EVENT, EVENTS, Fields, Key, check
from fakepersonalize.filters.columns import NUMBERS, Codes, Column, Field, Mask, column, number
from fakepersonalize.filters.syntax import (
    ACTION_INTERACTIONS,
    EQUAL,
    IN,
    INCLUDE,
    INTERACTIONS,
    ITEMS,
    NOT_IN,
    UNEQUAL,
    USER_ID,
    Condition,
    CurrentItem,
    Literal,
    Part,
    Placeholder,
    Tree,
    parse,
)

# The newest rows that filters look at, for each user and event type.
# https://docs.aws.amazon.com/personalize/latest/dg/limits.html
WINDOW = {INTERACTIONS: 100, ACTION_INTERACTIONS: 300}

_OPPOSITE = {NOT_IN: IN, UNEQUAL: EQUAL}

Value = str | int | float
Values = Mapping[str, Sequence[Literal]]  # of parameters that have a value


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Candidates:
    """The rows that a filter chooses from: items, users or actions, by their codes 0 .. amount-1. They never change.

    `columns` are named as in the schema, and each has `amount` rows; a column that is not there counts as null. Any
    mapping will do, also one that makes a column when it is first asked for.
    """

    amount: int
    columns: Mapping[str, Column]


@dataclass(frozen=True, slots=True, eq=False)
class FilterContext:
    """What `amount` requests add to the candidates; one request is a context of amount 1.

    `events` holds, by event type, one pair of request and candidate for each event that a filter sees (see `newest`).
    Where the candidates are users, a pair stands for a candidate who has such an event. `users` holds the metadata of
    the current users by column name, a value for each request, and `known` tells which requests have a user with
    metadata. `items` holds the code of each request's current item, -1 where there is none.
    """

    amount: int = 1
    events: Mapping[str, tuple[Codes, Codes]] = field_(default_factory=dict)
    users: Mapping[str, Any] = field_(default_factory=dict)
    known: Mask | None = None  # [amount]; None where no request has a user with metadata
    items: Codes | None = None  # [amount]; None where no request has a current item

    @classmethod
    def of_one(
        cls, events: Mapping[str, Codes] | None = None, user: Mapping[str, Any] | None = None, item: int | None = None
    ) -> FilterContext:
        """Return the context of one request: codes by event type, the row of its user, the code of its item."""
        return cls(
            1,
            {type_: (np.zeros(len(codes), np.intp), codes) for type_, codes in (events or {}).items()},
            {name: [value] for name, value in (user or {}).items()},
            None if user is None else np.ones(1, bool),
            None if item is None else np.array([item]),
        )


class Filter:
    """A filter expression whose fields are known. Immutable; threads may share it."""

    def __init__(self, tree: Tree, fields: Mapping[Key, Field]) -> None:
        self.tree = tree
        self.fields = frozenset(fields)  # (dataset type, name in capitals), for the quota of the dataset group
        self.subject = tree.parts[0].subject
        conditions = [condition for part in tree.parts for condition in part.conditions]
        self.placeholders = frozenset(name for part in tree.parts for name in part.placeholders)
        self.needs_item = any(isinstance(condition.operands, CurrentItem) for condition in conditions)
        self.reads_events = any(condition.dataset in EVENTS for condition in conditions)
        reads_user = any(part.if_user for part in tree.parts)
        self.needs_user = reads_user or (self.reads_events and self.subject != USER_ID)
        self._fields = fields

    def bind(self, values: Mapping[str, str] | None = None) -> BoundFilter:
        """Return the filter with the `filterValues` of a request in it.

        Raises InvalidInputException for a parameter of an INCLUDE without a value and for values that do not suit. An
        EXCLUDE without its values is left out.
        """
        return self._bind(values or {}) if self.placeholders else self._constant

    @cached_property
    def _constant(self) -> BoundFilter:
        """The one that it always is when it has no parameters."""
        return self._bind({})

    def _bind(self, values: Mapping[str, str]) -> BoundFilter:
        literals = self._literals(values)
        parts = []
        made: dict[Condition, Test] = {}
        for part in self.tree.parts:
            absent = sorted(part.placeholders - literals.keys())
            if not absent:
                parts.append(self._bound(part, literals, made))
            elif part.effect == INCLUDE:
                raise parameters.missing(absent[0])
        return BoundFilter(tuple(parts))

    def _literals(self, values: Mapping[str, str]) -> Values:
        read = {name: parameters.read(name, values[name]) for name in sorted(self.placeholders & values.keys())}
        return {name: literals for name, literals in read.items() if literals}

    def _bound(self, part: Part, values: Values, made: dict[Condition, Test]) -> BoundPart:
        """Return a part with its values; `made` has the tests of conditions that stand in the filter already."""
        for condition in (condition for all_of in part.any_of for condition in all_of):
            if condition not in made:
                made[condition] = self._test(condition, values)
        any_of = tuple(tuple(made[condition] for condition in all_of) for all_of in part.any_of)
        if_user = tuple(self._column_test(condition, values) for condition in part.if_user)
        reads_columns = all(isinstance(test, _ColumnTest) for all_of in any_of for test in all_of)
        return BoundPart(part, any_of, if_user, None if self.placeholders or not reads_columns else WeakKeyDictionary())

    def _test(self, condition: Condition, values: Values) -> Test:
        if isinstance(condition.operands, CurrentItem):
            other = self._fields[ITEMS, condition.operands.column.upper()]
            return ReferenceTest(self._field(condition), condition.test, other)
        if condition.dataset in EVENTS:
            types = _texts(condition, self._field(condition), values)
            wanted = frozenset(event_type(condition.dataset, type_) for type_ in types)
            return EventTest(condition.dataset, condition.test, wanted)
        return self._column_test(condition, values)

    def _column_test(self, condition: Condition, values: Values) -> _ColumnTest:
        own = self._field(condition)
        texts = _texts(condition, own, values)
        if own.type not in NUMBERS:
            return _ColumnTest(own, condition.test, tuple(texts))
        return _ColumnTest(own, condition.test, tuple(found for found in map(number, texts) if found is not None))

    def _field(self, condition: Condition) -> Field:
        return self._fields[condition.dataset, condition.column.upper()]


@dataclass(frozen=True, eq=False)
class BoundFilter:
    """A filter with its values; it answers for any candidates under any circumstances."""

    parts: tuple[BoundPart, ...]

    @cached_property
    def reads_events(self) -> bool:
        return any(condition.dataset in EVENTS for bound in self.parts for condition in bound.part.conditions)

    @cached_property
    def reads_user(self) -> bool:
        return bool(self.user_columns)

    @cached_property
    def user_columns(self) -> frozenset[str]:
        """The columns of the current user that the filter reads, in capitals."""
        return frozenset(test.field.name.upper() for bound in self.parts for test in bound.if_user)

    def mask(self, candidates: Candidates, context: FilterContext) -> Mask:
        """Return which candidates each request is allowed, [requests, n]; [n] where it is the same for all of them.

        A candidate is allowed if any INCLUDE matches, or none applies, and no EXCLUDE matches.
        """
        included: Mask | None = None
        excluded: Mask | None = None
        free: Mask | bool = True  # the requests to which no INCLUDE applies
        for part, applying, matches in self.matches(candidates, context):
            if part.effect == INCLUDE:
                included = matches if included is None else included | matches
                free = free & (False if applying is None else ~applying)
            else:
                excluded = matches if excluded is None else excluded | matches
        if included is not None and not isinstance(free, bool):
            included = included | free[:, None]
        if included is None:
            allowed = np.ones(candidates.amount, bool) if excluded is None else ~excluded
        else:
            allowed = included if excluded is None else included & ~excluded
        return allowed.reshape(-1) if context.amount == 1 else allowed

    def matches(self, candidates: Candidates, context: FilterContext) -> list[tuple[Part, Mask | None, Mask]]:
        """Return for each part the requests to which it applies, and which candidates it includes or excludes there.

        The first mask is [requests], None for all of them; the second one is [requests, n] or [n].
        """
        found: list[tuple[Part, Mask | None, Mask]] = []
        for bound in self.parts:
            applying = bound.applies(context)
            if applying is None:
                found.append((bound.part, None, bound.matches(candidates, context)))
            elif applying.any():
                found.append((bound.part, applying, bound.matches(candidates, context) & applying[:, None]))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class BoundPart:
    """One part with its values."""

    part: Part
    any_of: tuple[tuple[Test, ...], ...]
    if_user: tuple[_ColumnTest, ...]
    known: WeakKeyDictionary[Candidates, Mask] | None  # what matches, where that is the same for all requests

    def applies(self, context: FilterContext) -> Mask | None:
        """Tell for which requests the conditions after IF hold, [requests]; None for all, where there are none.

        They do not hold for a user without metadata.
        """
        if not self.if_user:
            return None
        if context.known is None:
            return np.zeros(context.amount, bool)
        names = {test.field.name: test.field for test in self.if_user if test.field.name in context.users}
        rows = Candidates(context.amount, {name: column(own, context.users[name]) for name, own in names.items()})
        found = context.known
        for test in self.if_user:
            found = found & test.mask(rows, _NO_REQUEST)
        return found

    def matches(self, candidates: Candidates, context: FilterContext) -> Mask:
        if self.known is None:
            return self._matches(candidates, context)
        found = self.known.get(candidates)
        if found is None:
            self.known[candidates] = found = self._matches(candidates, context)
            found.setflags(write=False)
        return found

    def _matches(self, candidates: Candidates, context: FilterContext) -> Mask:
        found: Mask | None = None
        for all_of in self.any_of:
            first, *others = (test.mask(candidates, context) for test in all_of)
            for other in others:
                first = first & other
            found = first if found is None else found | first
        assert found is not None, "a part has a condition"
        return found


class Test(Protocol):
    """A condition with its values: [requests, n], or [n] where it is the same for all requests."""

    def mask(self, candidates: Candidates, context: FilterContext) -> Mask: ...


@dataclass(frozen=True, slots=True, eq=False)
class _ColumnTest:
    """A column against values."""

    field: Field
    test: str
    wanted: tuple[Value, ...]

    def mask(self, candidates: Candidates, context: FilterContext) -> Mask:
        return _select(candidates, self.field, self.test, self.wanted)


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceTest:
    """A column against what the current item has in a column, its own or another."""

    field: Field
    test: str
    other: Field

    def mask(self, candidates: Candidates, context: FilterContext) -> Mask:
        there = candidates.columns.get(self.other.name)
        if context.items is None or there is None:
            return _select(candidates, self.field, self.test, ())
        distinct, places = np.unique(context.items, return_inverse=True)
        wanted = [() if item < 0 else there.at(item) for item in distinct.tolist()]
        return np.stack([_select(candidates, self.field, self.test, each) for each in wanted])[places.reshape(-1)]


@dataclass(frozen=True, slots=True, eq=False)
class EventTest:
    """Events against types; with NOT IN an event of any other type counts, so candidates without events never match."""

    dataset: str
    test: str
    types: frozenset[str]  # each in its one spelling

    def takes(self, type_: str) -> bool:
        """Tell whether a candidate matches that has an event of this type."""
        listed = ANY_EVENT in self.types or event_type(self.dataset, type_) in self.types
        return listed == (self.test == IN)

    def mask(self, candidates: Candidates, context: FilterContext) -> Mask:
        found = np.zeros((context.amount, candidates.amount), bool)
        for type_, (requests, codes) in context.events.items():
            if self.takes(type_):
                found[requests, codes] = True
        return found


_NO_REQUEST = FilterContext()


def compile_filter(text: str, fields: Fields) -> Filter:
    """Return the filter that an expression describes.

    `fields` has the columns of each dataset type that the dataset group has a dataset of, as in the schemas. Raises
    InvalidInputException for text that is no expression and for expressions that do not fit the schemas.
    """
    tree = parse(text)
    return Filter(tree, check(tree, fields))


def newest(
    dataset: str, requests: Codes, codes: Codes, types: Codes, names: Sequence[str], most: int | None = None
) -> dict[str, tuple[Codes, Codes]]:
    """Return what filters see of users' events: by type, requests and codes of the newest rows of that type.

    `requests`, `codes` (items or actions) and `types` (indices into `names`) have one entry for each event, those of a
    request one after the other, oldest first. The spellings of one type count together. `dataset` is INTERACTIONS or
    ACTION_INTERACTIONS.
    """
    spellings: dict[str, list[int]] = {}
    for number_ in np.bincount(types).nonzero()[0].tolist():
        spellings.setdefault(event_type(dataset, names[number_]), []).append(number_)
    most = WINDOW[dataset] if most is None else most
    found = {}
    for name, same in spellings.items():
        of, what = requests, codes
        if len(spellings) > 1:
            chosen = types == same[0] if len(same) == 1 else np.isin(types, same)
            of, what = requests[chosen], codes[chosen]
        if len(of) > most:
            ends = np.bincount(of).cumsum()
            recent = ends[of] - np.arange(len(of)) <= most
            of, what = of[recent], what[recent]
        found[name] = of, what
    return found


def event_type(dataset: str, text: str) -> str:
    """Return the one spelling of an event type: case does not count, and for actions "Not Taken" is NOT_TAKEN."""
    folded = text.casefold()
    return folded.replace(" ", "_") if dataset == ACTION_INTERACTIONS else folded


def _texts(condition: Condition, field: Field, values: Values) -> list[str]:
    """Return the values of a condition, those of the request in the place of placeholders."""
    assert not isinstance(condition.operands, CurrentItem)
    found: list[str] = []
    for operand in dict.fromkeys(condition.operands):  # a list may name a parameter a thousand times
        if isinstance(operand, Placeholder):
            found += _given(operand.name, values[operand.name], condition.test, field)
        else:
            found.append(operand.text)
    return list(dict.fromkeys(found))


def _given(name: str, literals: Sequence[Literal], test: str, field: Field) -> list[str]:
    parameters.check_amount(name, test, literals)
    for literal in literals:
        parameters.check_type(name, field, literal)
    return [literal.text for literal in literals]


def _select(candidates: Candidates, field: Field, test: str, wanted: Sequence[Any]) -> Mask:
    """Return which candidates pass; for nulls a test fails and its opposite holds."""
    there = candidates.columns.get(field.name)
    positive = _OPPOSITE.get(test, test)
    found = np.zeros(candidates.amount, bool) if there is None else there.select(positive, wanted)
    return found if positive == test else ~found
