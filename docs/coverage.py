"""Write the table of what works into README.md, from the code.

    python docs/coverage.py

Operations come from botocore's models and the registry of handlers, recipes from the catalogue. A test checks that
the table is current.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from fakepersonalize.operations.registry import handlers
from fakepersonalize.protocol.service_models import Operation, ServiceModels
from fakepersonalize.recipes import catalogue

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- what works: written by docs/coverage.py -->\n", "<!-- end of what works -->\n"


def table() -> str:
    """Return the table in Markdown: a row for each verb that names of operations begin with, and one for recipes."""
    operations = list(ServiceModels())
    built = [operation for operation in operations if operation.function in handlers()]
    missing = [operation for operation in operations if operation not in built]
    trained = [recipe.name for recipe in catalogue.recipes() if recipe.model]
    verbs = dict.fromkeys(_verb(operation) for operation in operations)
    rows = [
        ("", f"{len(built)} of {len(operations)} operations work", f"{len(missing)} answer 501"),
        ("---", "---", "---"),
        *((verb, _objects(built, verb), _objects(missing, verb)) for verb in verbs),
        (
            "Recipes",
            f"{_joined(trained)} train",
            f"the other {len(catalogue.recipes()) - len(trained)} are only described",
        ),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def with_table(text: str) -> str:
    """Return the text of the README with the table between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def _verb(operation: Operation) -> str:
    """Return the first word: `Create` of CreateCampaign."""
    return re.split(r"(?<!^)(?=[A-Z])", operation.name)[0]


def _objects(operations: Iterable[Operation], verb: str) -> str:
    """Return what stands behind a verb in the names of operations."""
    return _joined(operation.name.removeprefix(verb) for operation in operations if _verb(operation) == verb)


def _joined(names: Iterable[str]) -> str:
    return ", ".join(names)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text("utf-8")), "utf-8", newline="\n")
