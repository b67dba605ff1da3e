"""Write what works, from the code: the table in README.md, and docs/coverage.md about every input member.

    python docs/coverage.py

Operations and members come from botocore's models, what is built from the registry of handlers, recipes from the
catalogue, and what becomes of a member from docs/members.toml. A test checks that both are current.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from fakepersonalize.operations.registry import handlers
from fakepersonalize.protocol.service_models import SERVICES, Operation, ServiceModels
from fakepersonalize.recipes import catalogue

DOCS = Path(__file__).resolve().parent
README, PAGE, MEMBERS = DOCS.parent / "README.md", DOCS / "coverage.md", DOCS / "members.toml"
STATES = ("honoured", "stored", "refused", "ignored")
BEGIN, END = "<!-- what works: written by docs/coverage.py -->\n", "<!-- end of what works -->\n"


def table() -> str:
    """Return the table in Markdown: a row for each service, one for recipes, and one for background work."""
    trained = [recipe for recipe in catalogue.recipes() if recipe.model]
    untrained = [recipe.name for recipe in catalogue.recipes() if not recipe.model]
    rows = [
        ("", "works", "not built"),
        ("---", "---", "---"),
        *(_service_row(service) for service in SERVICES),
        ("recipes", f"{len(trained)} of {len(trained) + len(untrained)} train", _joined(untrained)),
        ("background work", "importing, exporting, deleting rows, training, batch inference, batch segments", ""),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _service_row(service: str) -> tuple[str, str, str]:
    operations = [operation for operation in ServiceModels() if operation.service == service]
    missing = [operation.name for operation in operations if operation.function not in handlers()]
    works = f"{len(operations) - len(missing)} of {len(operations)} operations"
    return service, works, f"{_joined(missing)}: answers 501" if missing else ""


def with_table(text: str) -> str:
    """Return the text of the README with the table between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


HEAD = """# Coverage

What becomes of every input member of the {operations} operations. Written by `python docs/coverage.py` from botocore's
models and [members.toml](members.toml); a test checks that it is current.

| state | members | meaning |
| --- | --- | --- |
| honoured | {honoured} | the answer changes with it, as the named test in `client_tests/` shows |
| stored | {stored} | checked, kept and shown again; it changes nothing else |
| refused | {refused} | whoever uses it is told so, at once or in a failureReason |
| ignored | {ignored} | accepted and without effect: a defect |
"""


class Row(NamedTuple):
    """What becomes of some members: a state, and the test or the words for it."""

    members: tuple[str, ...]
    state: str
    words: str


class Member(NamedTuple):
    """An input member: the operation, the path below it such as `tags.tagKey`, and the row that counts for it."""

    operation: Operation
    path: str
    row: Row | None


UNBUILT = Row((), "refused", "the operation answers 501")


@cache
def rows() -> tuple[Row, ...]:
    """Return the rows of members.toml."""
    found = []
    for row in tomllib.loads(MEMBERS.read_text("utf-8"))["row"]:
        (state,) = row.keys() - {"members"}
        found.append(Row(tuple(row["members"]), state, row[state]))
    return tuple(found)


def members() -> Iterator[Member]:
    """Yield every input member of every operation, those inside others behind them."""
    for operation in ServiceModels():
        built = operation.function in handlers()
        for path in _paths(operation.input, ""):
            yield Member(operation, path, _row(operation.name, path) if built else UNBUILT)


def _paths(shape: Any, outer: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield outer + name
            yield from _paths(member, f"{outer}{name}.")
    elif shape.type_name == "list":
        yield from _paths(shape.member, outer)


def _row(operation: str, path: str) -> Row | None:
    """Return the first row that names a member, or else what it is inside of."""
    while path:
        for row in rows():
            if any(names(pattern, f"{operation}.{path}") for pattern in row.members):
                return row
        path = path.rpartition(".")[0]
    return None


def names(pattern: str, member: str) -> bool:
    """Say whether a pattern such as `Create*.tags` names a member; a star ends at the next point."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", "[^.]*"), member) is not None


def page() -> str:
    """Return docs/coverage.md: a table for each operation."""
    found = list(members())
    counts = Counter(member.row.state for member in found if member.row)
    operations = list(ServiceModels())
    shown = HEAD.format(operations=len(operations), **{state: counts[state] for state in STATES})
    for operation in operations:
        lines = [_line(member) for member in found if member.operation is operation]
        shown += f"\n## {operation.name}\n\n| member | state | |\n| --- | --- | --- |\n{''.join(lines)}"
    return shown


def _line(member: Member) -> str:
    assert member.row is not None, f"no row of members.toml names {member.operation.name}.{member.path}"
    words = f"`{member.row.words}`" if member.row.state == "honoured" else member.row.words
    return f"| {member.path} | {member.row.state} | {words} |\n"


def _joined(names: Iterable[str]) -> str:
    return ", ".join(names)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text("utf-8")), "utf-8", newline="\n")
    PAGE.write_text(page(), "utf-8", newline="\n")
