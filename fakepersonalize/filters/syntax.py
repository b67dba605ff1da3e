"""Text becomes a tree; what is no filter expression is refused with the place and the rule that it breaks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize import errors
from fakepersonalize.errors import InvalidInputException, shortened

if TYPE_CHECKING:
    from lark import Lark, Token, UnexpectedInput

INCLUDE, EXCLUDE = "INCLUDE", "EXCLUDE"
ITEM_ID, USER_ID, ACTION_ID = "ItemID", "UserID", "ActionID"
IN, NOT_IN = "IN", "NOT IN"
EQUAL, UNEQUAL = "=", "!="

ITEMS, INTERACTIONS, USERS = "ITEMS", "INTERACTIONS", "USERS"
ACTIONS, ACTION_INTERACTIONS = "ACTIONS", "ACTION_INTERACTIONS"
DATASETS = {
    "Items": ITEMS,
    "Interactions": INTERACTIONS,
    "Users": USERS,
    "Actions": ACTIONS,
    "Action": ACTIONS,
    "Action_Interactions": ACTION_INTERACTIONS,
}


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as it was written, without its quotes."""

    text: str
    quoted: bool = True
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A value that the request brings."""

    name: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class CurrentItem:
    """The value that the item of the request has in this column."""

    column: str
    at: int = field(default=0, compare=False)


Operand = Literal | Placeholder
Tested = tuple[str, tuple[Operand, ...] | CurrentItem]


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one column; after IF the dataset is USERS and the row is the current user's."""

    dataset: str
    column: str
    test: str
    operands: tuple[Operand, ...] | CurrentItem
    at: int = field(default=0, compare=False)

    @property
    def placeholders(self) -> tuple[str, ...]:
        if isinstance(self.operands, CurrentItem):
            return ()
        return tuple(operand.name for operand in self.operands if isinstance(operand, Placeholder))


@dataclass(frozen=True, slots=True)
class Part:
    """What stands between two bars: the rows for which all conditions of any line hold, if the user is such a one."""

    effect: str
    subject: str
    any_of: tuple[tuple[Condition, ...], ...]
    if_user: tuple[Condition, ...] = ()
    at: int = field(default=0, compare=False)
    text: str = field(default="", compare=False)  # as it was written

    @property
    def conditions(self) -> Iterator[Condition]:
        """All conditions, those after IF last."""
        for all_of in self.any_of:
            yield from all_of
        yield from self.if_user

    @property
    def placeholders(self) -> frozenset[str]:
        return frozenset(name for condition in self.conditions for name in condition.placeholders)


@dataclass(frozen=True, slots=True)
class Tree:
    """A whole filter expression; `text` is what was parsed."""

    parts: tuple[Part, ...]
    text: str = field(default="", compare=False)


def parse(text: str) -> Tree:
    """Return the tree of a filter expression, in time linear in its length.

    Raises InvalidInputException, whose hint names the rule of grammar.lark that is broken and shows the place.
    """
    from lark import UnexpectedInput

    try:
        parts: Any = _parser().parse(text)
    except UnexpectedInput as error:
        raise _refusal(text, error) from None
    ends = [part.at for part in parts[1:]]
    texts = [text[part.at : end].rstrip()[:-1].rstrip() for part, end in zip(parts, ends)]  # without the bar
    last = text[parts[-1].at :].rstrip()
    return Tree(tuple(replace(part, text=own) for part, own in zip(parts, [*texts, last])), text)


def mistake(text: str, at: int, sentence: str, rule: str) -> InvalidInputException:
    """Return the error for a rule that is broken at a place in the text."""
    return InvalidInputException(sentence, f"{rule}\n{pointed(text, at)}")


def pointed(text: str, at: int, before: int = 50, after: int = 25) -> str:
    """Return the surroundings of a place on one line, and a caret under the place on the next."""
    start = max(0, at - before)
    return f"{_printable(text[start : at + after])}\n{' ' * (at - start)}^"


def unquoted(string: str) -> str:
    """Return what stands between the quotes; a backslash keeps a quote or another backslash from its meaning."""
    return re.sub(r"\\([\"'\\])", r"\1", string[1:-1])


@lru_cache
def terminal(name: str) -> re.Pattern[str]:
    """Return the pattern of a terminal of the grammar."""
    pattern = _parser().get_terminal(name).pattern
    return re.compile(pattern.to_regexp(), re.ASCII)


@lru_cache
def _parser() -> Lark:
    from lark import Lark

    grammar = Path(__file__).with_name("grammar.lark").read_text("utf-8")
    return Lark(grammar, start="filter", parser="lalr", transformer=_builder(), g_regex_flags=re.ASCII)


def _builder() -> Any:
    """Return what makes our nodes of lark's, called once for each rule while parsing."""
    from lark import Transformer, v_args

    @v_args(inline=True)
    class Builder(Transformer[Any, Any]):
        def filter(self, *parts: Part) -> tuple[Part, ...]:
            return parts

        def expression(
            self, effect: Token, subject: Token, any_of: tuple[tuple[Condition, ...], ...], if_user: Any
        ) -> Part:
            found = _spelled(subject, (ITEM_ID, USER_ID, ACTION_ID))
            return Part(effect.upper(), found, any_of, if_user or (), _at(effect))

        def any_of(self, *lines: tuple[Condition, ...]) -> tuple[tuple[Condition, ...], ...]:
            return lines

        def all_of(self, *conditions: Condition) -> tuple[Condition, ...]:
            return conditions

        user_conditions = all_of

        def condition(self, dataset: Token, column: Token, tested: Tested) -> Condition:
            return Condition(DATASETS[_spelled(dataset, DATASETS)], str(column), *tested, at=_at(dataset))

        def user_condition(self, user: Token, column: Token, tested: Tested) -> Condition:
            return Condition(USERS, str(column), *tested, at=_at(user))

        def test(self, name: Token, *operands: Operand) -> Tested:
            return _test(name), operands

        def reference(self, name: Token, item: Token, column: Token) -> Tested:
            return _test(name), CurrentItem(str(column), _at(item))

        def string(self, token: Token) -> Literal:
            return Literal(unquoted(token), at=_at(token))

        def number(self, token: Token) -> Literal:
            return Literal(str(token), quoted=False, at=_at(token))

        def placeholder(self, token: Token) -> Placeholder:
            return Placeholder(token[1:], _at(token))

    return Builder()


def _test(token: str) -> str:
    """Return one spelling for IN, NOT IN (any space, or an underscore) and the comparisons."""
    word = token.upper()
    return NOT_IN if word.startswith("NOT") else word


def _spelled(word: str, known: Iterable[str]) -> str:
    return next(spelling for spelling in known if spelling.upper() == word.upper())


def _at(token: Token) -> int:
    return token.start_pos or 0


# What may stand at a place, in the order in which the hint lists it, with the rule of the grammar that asks for it.
_WANTED = {
    "EFFECT": ("expression", "INCLUDE or EXCLUDE"),
    "SUBJECT": ("expression", "ItemID, UserID or ActionID"),
    "_WHERE": ("expression", "WHERE"),
    "DATASET": ("condition", "Items, Interactions, Users, Actions or Action_Interactions"),
    "CURRENT_USER": ("user_condition", "CurrentUser"),
    "DOT": ("condition", "a dot and the name of a column"),
    "NAME": ("condition", "the name of a column"),
    "SET_TEST": ("test", "IN or NOT IN"),
    "COMPARISON": ("test", "= != < <= > or >="),
    "LPAR": ("test", "a list in parentheses"),
    "STRING": ("operand", 'a "string"'),
    "NUMBER": ("operand", "a number"),
    "PLACEHOLDER": ("operand", "a $PARAMETER"),
    "CURRENT_ITEM": ("reference", "CurrentItem and a column"),
    "COMMA": ("test", "a comma"),
    "RPAR": ("test", "a closing parenthesis"),
    "_AND": ("expression", "AND"),
    "_OR": ("expression", "OR"),
    "_IF": ("expression", "IF"),
    "VBAR": ("filter", "| and another expression"),
    "$END": ("filter", "the end"),
}
_END = "$END"
_SYMBOL = re.compile(r"[\w$-]+|.", re.DOTALL)


def _refusal(text: str, error: UnexpectedInput) -> InvalidInputException:
    found = getattr(error, "token", None)
    ended = found is not None and found.type == _END
    at = len(text) if ended else error.pos_in_stream or 0
    allowed = getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    wanted = [name for name in _WANTED if name in allowed]
    rule = f"rule {_WANTED[wanted[0]][0]}: expected {', '.join(_WANTED[name][1] for name in wanted)}"
    symbol = str(found) if found is not None else _symbol(text, at)
    if symbol in ('"', "'") and "STRING" in wanted:
        rule += "; this quote is never closed"
    return mistake(text, at, _sentence(symbol, found.type if found else None, wanted), rule)


def _symbol(text: str, at: int) -> str:
    match = _SYMBOL.match(text, at)
    return match.group() if match else ""


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _sentence(symbol: str, found: str | None, wanted: list[str]) -> str:
    if wanted == ["_WHERE"]:
        return errors.MISSING_WHERE
    if not symbol:
        return errors.INCOMPLETE
    if found == "CURRENT_USER" and "DATASET" in wanted:
        return errors.USER_OUTSIDE_IF
    if found == "DATASET" and "CURRENT_USER" in wanted:
        return errors.OTHERS_IN_IF
    if symbol.lower() in ("true", "false") and "STRING" in wanted:
        return errors.NO_BOOLEANS
    return errors.INVALID_SYMBOL.format(shortened(_printable(symbol), 60))
