"""Pins: the answers that a test wants, instead of the model's. Filters and numResults apply to them as well."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_PINS = 10_000
MOST_ITEMS = 500
LONGEST_ID = 256
DECIMALS = 7

UNKNOWN_MEMBER = "There is no {name!r} in a pin; there are {known}."
NO_ID = "{name} must be a text of 1 to 256 characters."
NO_ITEMS = "items must be a list of at most {most} different ids, or of objects with itemId and perhaps a score."
ONE_OF_BOTH = "A pin has items or an error, not both or neither."
NO_SCORE = "A score must be a number from 0 to 1."
UNKNOWN_CODE = "There is no error {code!r}; there are {known}."
ONLY_WITH_ERROR = "message only goes with error."
TOO_MANY_PINS = "There are {most} pins already; remove some."

Key = tuple[str, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Pin:
    """What a campaign or recommender answers to a user, beside an item; where these are None, to all.

    `items` are pairs of id and score, None where none was given; None with an `error`.
    """

    campaign: str
    user: str | None = None
    item: str | None = None
    items: tuple[tuple[str, float | None], ...] | None = None
    error: str | None = None
    message: str | None = None

    @property
    def key(self) -> Key:
        return self.campaign, self.user, self.item

    def scored(self) -> list[tuple[str, float]]:
        """Return ids with scores: those given, and for the others shares that fall with the place and sum to 1."""
        items = self.items or ()
        whole = sum(1 / place for place in range(1, len(items) + 1))
        return [
            (id_, round(1 / place / whole, DECIMALS) if score is None else score)
            for place, (id_, score) in enumerate(items, start=1)
        ]

    def shown(self) -> dict[str, Any]:
        """Return the pin as JSON values, as one may write it."""
        members = {name: getattr(self, name) for name in ("campaign", "user", "item", "error", "message")}
        found = {name: value for name, value in members.items() if value is not None}
        if self.items is None:
            return found
        return found | {"items": [id_ if s is None else {"itemId": id_, "score": s} for id_, s in self.items]}


MEMBERS = ("campaign", "user", "item", "items", "error", "message")


class Pins:
    """The pins of an emulator. Looking one up takes no lock; `codes` are the errors that pins may have."""

    def __init__(self, codes: Collection[str] = ()) -> None:
        self._codes = codes
        self._lock = threading.Lock()
        self._pins: dict[Key, Pin] = {}
        self._strict: frozenset[str | None] = frozenset()

    def __bool__(self) -> bool:
        """Say whether there is anything to look up."""
        return bool(self._pins or self._strict)

    def add(self, **members: Any) -> Pin:
        """Pin an answer, in place of an earlier one to the same question; ValueError for what is no pin."""
        pin = _read(members)
        if pin.error is not None and pin.error not in self._codes:
            raise ValueError(UNKNOWN_CODE.format(code=pin.error[:100], known=", ".join(sorted(self._codes))))
        with self._lock:
            if len(self._pins) >= MOST_PINS and pin.key not in self._pins:
                raise ValueError(TOO_MANY_PINS.format(most=MOST_PINS))
            self._pins = {**self._pins, pin.key: pin}
        return pin

    def remove(self, campaign: str | None = None, user: str | None = None, item: str | None = None) -> int:
        """Remove the pins that have all that is given, and return how many; without anything all of them."""
        wanted = campaign, user, item
        with self._lock:
            gone = [key for key in self._pins if all(w in (None, found) for w, found in zip(wanted, key))]
            self._pins = {key: pin for key, pin in self._pins.items() if key not in gone}
            if wanted == (None, None, None):
                self._strict = frozenset()
        return len(gone)

    def clear(self, account: str | None = None) -> None:
        """Forget everything, or what is about an account."""
        with self._lock:
            self._pins = {key: pin for key, pin in self._pins.items() if not _is_of(account, key[0])}
            self._strict = frozenset(arn for arn in self._strict if not _is_of(account, arn or ""))

    def all(self) -> list[Pin]:
        """Return the pins, oldest first."""
        return list(self._pins.values())

    def be_strict(self, strict: bool = True, campaign: str | None = None) -> None:
        """Let calls without a pin fail from now on, all or those of one campaign or recommender; or no longer."""
        with self._lock:
            self._strict = self._strict | {campaign} if strict else self._strict - {campaign}

    def is_strict(self, campaign: str | None = None) -> bool:
        return bool({None, campaign} & self._strict)

    def find(self, campaign: str, user: str | None, item: str | None) -> Pin | None:
        """Return the pin that says most of what is asked: user and item, then the user, then the item, then neither."""
        pins = self._pins
        for key in ((campaign, user, item), (campaign, user, None), (campaign, None, item), (campaign, None, None)):
            found = pins.get(key)
            if found:
                return found
        return None


def _is_of(account: str | None, arn: str) -> bool:
    return account is None or account in arn.split(":")


def _read(members: Mapping[str, Any]) -> Pin:
    for name in members:
        if name not in MEMBERS:
            raise ValueError(UNKNOWN_MEMBER.format(name=str(name)[:100], known=", ".join(MEMBERS)))
    given = {name: value for name, value in members.items() if value is not None}
    if ("items" in given) == ("error" in given):
        raise ValueError(ONE_OF_BOTH)
    if "message" in given and "error" not in given:
        raise ValueError(ONLY_WITH_ERROR)
    texts = {name: _text(name, given[name]) for name in MEMBERS if name in given and name != "items"}
    return Pin(**texts, items=_items(given["items"]) if "items" in given else None)


def _text(name: str, value: Any) -> str:
    longest = 1000 if name == "message" else LONGEST_ID
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise ValueError(NO_ID.format(name=name))
    return value


def _items(given: Any) -> tuple[tuple[str, float | None], ...]:
    if not isinstance(given, Sequence) or isinstance(given, str | bytes) or len(given) > MOST_ITEMS:
        raise ValueError(NO_ITEMS.format(most=MOST_ITEMS))
    items = tuple(_item(each) for each in given)
    if len({id_ for id_, _ in items}) != len(items):
        raise ValueError(NO_ITEMS.format(most=MOST_ITEMS))
    return items


def _item(given: Any) -> tuple[str, float | None]:
    if isinstance(given, str):
        return _text("An id", given), None
    if not isinstance(given, Mapping) or "itemId" not in given or given.keys() - {"itemId", "score"}:
        raise ValueError(NO_ITEMS.format(most=MOST_ITEMS))
    score = given.get("score")
    if score is not None and (isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1):
        raise ValueError(NO_SCORE)
    return _text("itemId", given["itemId"]), None if score is None else float(score)
