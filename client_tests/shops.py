"""Made-up interactions, few enough to train in a blink: a shop where people move on, one where they come back."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

HEADER = "USER_ID,ITEM_ID,TIMESTAMP"
START = 1_600_000_000

Row = tuple[str, str, int]


def schema(record: str, *fields: dict[str, object] | str) -> str:
    """Return a schema of Personalize; a field is `"NAME type"` or a dictionary."""
    return json.dumps(
        {
            "type": "record",
            "name": record,
            "namespace": "com.amazonaws.personalize.schema",
            "fields": [dict(zip(("name", "type"), f.split())) if isinstance(f, str) else f for f in fields],
            "version": "1.0",
        }
    )


INTERACTIONS = schema("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long")
EVENTS = schema(
    "Interactions",
    "USER_ID string",
    "ITEM_ID string",
    "TIMESTAMP long",
    "EVENT_TYPE string",
    {"name": "EVENT_VALUE", "type": ["float", "null"]},
)
ITEMS = schema("Items", "ITEM_ID string", {"name": "GENRES", "type": "string", "categorical": True}, "PRICE float")
USERS = schema("Users", "USER_ID string", "AGE int")


def series(users: int = 60, items: int = 150, each: int = 25, seed: int = 0, prefix: str = "") -> list[Row]:
    """Return rows of people who take items in their order, from somewhere on, now and then skip some, and repeat none.

    Item 0 opens every history, item 1 most of them and so on through item 9: what is popular is known.
    """
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for user in range(users):
        opening = [item for item in range(10) if rng.random() < 1 - item / 10]
        strides = rng.choice([1, 2, 3], each - len(opening), p=[0.8, 0.1, 0.1])
        chain = 10 + (rng.integers(items) + np.cumsum(strides)) % (items - 10)
        rows += _visits(f"{prefix}u{user}", [f"{prefix}i{item}" for item in (*opening, *chain)], user)
    return rows


def staples(users: int = 60, items: int = 120, rounds: int = 8, seed: int = 0) -> list[Row]:
    """Return rows of people who buy their own three staples, in the same order, in every round, with one thing else."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for user in range(users):
        own = rng.choice(items, 3, replace=False)
        bought = [item for _ in range(rounds) for item in (*own, rng.integers(items))]
        rows += _visits(f"u{user}", [f"i{item}" for item in bought], user)
    return rows


def csv(rows: Sequence[tuple[object, ...]], header: str = HEADER) -> str:
    """Return rows as the text of a file."""
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def histories(rows: list[Row]) -> dict[str, list[str]]:
    """Return what each user took, oldest first."""
    found: dict[str, list[str]] = {}
    for user, item, _ in sorted(rows, key=lambda row: row[2]):
        found.setdefault(user, []).append(item)
    return found


def popular(rows: list[Row]) -> list[str]:
    """Return the items by their number of distinct users, most first, equal ones by id."""
    users = {item: len({u for u, i, _ in rows if i == item}) for item in {item for _, item, _ in rows}}
    return sorted(users, key=lambda item: (-users[item], item))


def _visits(user: str, items: list[str], order: int) -> list[Row]:
    return [(user, item, START + 3600 * step + order) for step, item in enumerate(items)]
