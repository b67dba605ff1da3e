"""What a tree may not say: the rules between subjects, datasets, columns, types and tests.

Sources: filters.md's pages "Filter expression structure and elements" and "Filter expression requirements",
https://docs.aws.amazon.com/personalize/latest/dg/filter-expressions.html. AWS publishes one sentence, and the
beginning of another; the rest is inferred.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from fakepersonalize import errors
from fakepersonalize.errors import InvalidInputException, shortened
from fakepersonalize.filters.columns import NUMBERS, Field, number
from fakepersonalize.filters.syntax import (
    ACTION_ID,
    ACTION_INTERACTIONS,
    ACTIONS,
    EQUAL,
    IN,
    INTERACTIONS,
    ITEM_ID,
    ITEMS,
    NOT_IN,
    UNEQUAL,
    USER_ID,
    USERS,
    Condition,
    CurrentItem,
    Literal,
    Part,
    Placeholder,
    Tree,
    mistake,
)

MOST_FIELDS = 10
ANY_EVENT = "*"
EVENT_TYPE = "EVENT_TYPE"
EVENTS = (INTERACTIONS, ACTION_INTERACTIONS)

_DATASETS = {
    ITEM_ID: (ITEMS, INTERACTIONS),
    USER_ID: (USERS, INTERACTIONS),
    ACTION_ID: (ACTIONS, ACTION_INTERACTIONS),
}
# NextBestAction applies these by itself.
_AUTOMATIC = {
    "EXPIRATION_TIMESTAMP",
    "ACTION_EXPIRATION_TIMESTAMP",
    "REPEAT_FREQUENCY",
    "ACTION_REPEAT_FREQUENCY",
}

Fields = Mapping[str, Collection[Field]]  # the columns of each dataset type
Key = tuple[str, str]  # dataset type, column in capitals


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a filter a check looks."""

    text: str
    part: Part
    condition: Condition

    def refuse(self, sentence: str, rule: str, at: int | None = None) -> InvalidInputException:
        return mistake(self.text, self.condition.at if at is None else at, sentence, rule)


def check(tree: Tree, fields: Fields) -> dict[Key, Field]:
    """Return the column of each field that a filter names, under (dataset type, name in capitals).

    `fields` has the columns of the datasets there are. Raises InvalidInputException for the first broken rule.
    """
    _check_subjects(tree)
    _check_amount(tree)
    known: dict[Key, Field] = {}
    for part in tree.parts:
        _check_part(tree.text, part)
        for condition in part.conditions:
            place = _Place(tree.text, part, condition)
            known |= _resolved(place, fields)
            _check_condition(place, known)
    return known


def keys(tree: Tree) -> Iterator[Key]:
    """Give the fields that a filter names; CurrentUser's count as Users', CurrentItem's as Items'."""
    for part in tree.parts:
        for condition in part.conditions:
            yield from _keys(condition)


def _keys(condition: Condition) -> Iterator[Key]:
    yield condition.dataset, condition.column.upper()
    if isinstance(condition.operands, CurrentItem):
        yield ITEMS, condition.operands.column.upper()


def _check_subjects(tree: Tree) -> None:
    first = tree.parts[0].subject
    for part in tree.parts:
        if part.subject != first:
            raise mistake(tree.text, part.at, errors.ONE_SUBJECT, f"the first one has {first}, this one {part.subject}")


def _check_amount(tree: Tree) -> None:
    if len(found := set(keys(tree))) > MOST_FIELDS:
        raise InvalidInputException(
            errors.FIELDS_OF_ONE_FILTER.format(MOST_FIELDS), f"there are {len(found)} different ones"
        )


def _check_part(text: str, part: Part) -> None:
    first, *others = [condition for all_of in part.any_of for condition in all_of]
    if first.dataset not in _DATASETS[part.subject]:
        allowed = " and ".join(map(_title, _DATASETS[part.subject]))
        sentence = errors.NOT_OF_SUBJECT.format(_title(first.dataset), part.subject)
        raise mistake(text, first.at, sentence, f"{part.subject} goes with {allowed}")
    for other in others:
        if other.dataset != first.dataset:
            rule = f"the first condition uses {_title(first.dataset)}; put others behind a bar: ... | {part.effect} ..."
            raise mistake(text, other.at, errors.ONE_DATASET, rule)
    if part.if_user and part.subject == USER_ID:
        raise mistake(text, part.if_user[0].at, errors.NO_IF, "each candidate is a user of its own: use Users")


def _resolved(place: _Place, fields: Fields) -> dict[Key, Field]:
    condition = place.condition
    found = {(condition.dataset, condition.column.upper()): _find(place, condition, fields)}
    if isinstance(condition.operands, CurrentItem):
        if condition.dataset != ITEMS:
            raise place.refuse(
                errors.CURRENT_ITEM_OF_OTHERS, "the other side is a column of Items", condition.operands.at
            )
        other = condition.operands
        found[ITEMS, other.column.upper()] = _find(place, Condition(ITEMS, other.column, EQUAL, (), other.at), fields)
    return found


def _find(place: _Place, condition: Condition, fields: Fields) -> Field:
    """Return the column that a condition names, if filters can read it."""
    dataset, name = condition.dataset, condition.column
    if dataset in EVENTS and name.upper() != EVENT_TYPE:
        raise place.refuse(errors.ONLY_EVENT_TYPE.format(_title(dataset)), f"{name} cannot be read by filters")
    if dataset not in fields:
        raise place.refuse(errors.UNKNOWN_DATASET.format(_title(dataset)), "the dataset group has none", condition.at)
    field = next((field for field in fields[dataset] if field.name.upper() == name.upper()), None)
    if field is None:
        there = ", ".join(field.name for field in fields[dataset])
        raise place.refuse(
            errors.UNKNOWN_FIELD.format(shortened(name, 60), _title(dataset)), f"its schema has {there}", condition.at
        )
    if field.textual:
        raise place.refuse(errors.TEXTUAL_FIELD.format(name), "filters do not read textual columns", condition.at)
    if field.type == "boolean":
        raise place.refuse(errors.BOOLEAN_FIELD.format(name), 'store "True" and "False" as strings', condition.at)
    if dataset == ACTIONS and name.upper() in _AUTOMATIC:
        raise place.refuse(errors.AUTOMATIC_FIELD.format(name), "no filter may use it", condition.at)
    return field


def _check_condition(place: _Place, known: Mapping[Key, Field]) -> None:
    condition = place.condition
    field = known[condition.dataset, condition.column.upper()]
    if condition.dataset in EVENTS and condition.test not in (IN, NOT_IN):
        raise place.refuse(errors.ONLY_EVENT_TYPE.format(_title(condition.dataset)), f"not with {condition.test}")
    if field.type not in NUMBERS and condition.test not in (IN, NOT_IN, EQUAL, UNEQUAL):
        raise place.refuse(errors.NO_RANGE.format(condition.test, field.name), "strings take IN, NOT IN, = and !=")
    if isinstance(condition.operands, CurrentItem):
        other = known[ITEMS, condition.operands.column.upper()]
        if (field.type in NUMBERS) != (other.type in NUMBERS):
            rule = f"the first has type {field.type}, the second {other.type}"
            raise place.refuse(errors.UNLIKE.format(field.name, other.name), rule, condition.operands.at)
        return
    for operand in condition.operands:
        _check_operand(place, field, operand)


def _check_operand(place: _Place, field: Field, operand: Literal | Placeholder) -> None:
    if isinstance(operand, Placeholder):
        if place.condition.test == NOT_IN:
            rule = "use IN and the opposite effect: EXCLUDE for INCLUDE, INCLUDE for EXCLUDE"
            raise place.refuse(errors.NO_PLACEHOLDER.format(operand.name), rule, operand.at)
    elif operand.text == ANY_EVENT and place.condition.dataset not in EVENTS:
        raise place.refuse(
            errors.INVALID_SYMBOL.format(ANY_EVENT), "only EVENT_TYPE takes it, for any type", operand.at
        )
    elif field.type in NUMBERS and number(operand.text) is None:
        raise place.refuse(errors.NO_NUMBER.format(field.name), f"its type is {field.type}", operand.at)


def _title(dataset: str) -> str:
    """Return a dataset type as expressions spell it: Action_Interactions."""
    return dataset.title()
