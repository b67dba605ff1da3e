"""`lint`: what AWS would refuse of a file, all at once, before it is uploaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize.cli.refusal import Refused
from fakepersonalize.cli.showing import amount, plain

if TYPE_CHECKING:
    import argparse

    from fakepersonalize.datasets.schema import Schema
    from fakepersonalize.lint.findings import Finding

DOMAINS = ("ECOMMERCE", "VIDEO_ON_DEMAND")
TYPES = ("INTERACTIONS", "ITEMS", "USERS", "ACTIONS", "ACTION_INTERACTIONS")
# The calls whose bodies can be checked, and the types of their datasets.
PAYLOADS = {
    "PutEvents": "INTERACTIONS",
    "PutActionInteractions": "ACTION_INTERACTIONS",
    "PutItems": "ITEMS",
    "PutUsers": "USERS",
    "PutActions": "ACTIONS",
}
MOST = 1000
SCHEMA_BYTES = 1 << 20
UNREADABLE = 2  # exit status, as of wrong arguments; 1 says that something was found

CANNOT_READ = "{path} cannot be read: {reason}."
NEEDS_SCHEMA = "--schema SCHEMA.json is needed, unless the files are for a batch job (--batch RECIPE)."
NO_BATCH = "{name} is no recipe for batch jobs, such as aws-user-personalization."
EPILOG = "Exit status: 0 nothing is wrong, 1 something is, 2 a file cannot be read."


def add_to(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "lint", help="say all that AWS would refuse of a CSV file, a schema or a request, with fixes", epilog=EPILOG
    )
    parser.set_defaults(command=lint)
    parser.add_argument("files", nargs="*", metavar="FILE", help="CSV files that are imported together, or requests")
    parser.add_argument("--schema", metavar="SCHEMA.json", help="the Avro schema; alone, it is what is checked")
    parser.add_argument("--type", choices=TYPES, type=str.upper, help="dataset type that the schema is to be of")
    parser.add_argument("--domain", choices=DOMAINS, help="domain of the dataset group")
    parser.add_argument(
        "--payload", choices=PAYLOADS, help="the files are JSON bodies of this call, one each or one a line"
    )
    parser.add_argument("--batch", metavar="RECIPE", help="the files are input of a batch job with this recipe")
    parser.add_argument("--strict", action="store_true", help="warnings count, too")
    parser.add_argument("--json", action="store_true", help="print an object for each finding on a line of its own")
    parser.add_argument(
        "--most", type=int, default=MOST, help=f"stop after so many findings (default: {MOST}; 0: never)"
    )


def lint(
    files: list[str], schema: str | None, batch: str | None, json: bool, strict: bool, most: int, **asked: Any
) -> int:
    """Print what is found; return the exit status."""
    counts = {"error": 0, "warning": 0}
    try:
        paths = [_readable(file) for file in files]
        found = _of_batch(paths, batch) if batch else _findings(paths, schema, **asked)
        for finding in islice(found, most or None):
            counts[finding.level] += 1
            print(_as_json(finding.described()) if json else _as_text(finding))
        more = bool(most) and next(found, None) is not None
    except BrokenPipeError:  # nobody reads what we print
        raise
    except OSError as problem:
        raise Refused(
            CANNOT_READ.format(path=problem.filename or schema, reason=problem.strerror), UNREADABLE
        ) from None
    errors, warnings = counts["error"], counts["warning"]
    if json:
        print(_as_json({"errors": errors, "warnings": warnings, "more": more}))
    else:
        print(
            f"{amount(errors, 'error')}, {amount(warnings, 'warning')}"
            + (", and perhaps more: --most 0 shows all" if more else "")
        )
    return int(errors > 0 or (strict and warnings > 0))


def _readable(file: str) -> Path:
    open(file, "rb").close()
    return Path(file)


def _of_batch(files: list[Path], name: str) -> Iterator[Finding]:
    from fakepersonalize.lint import batches

    recipe = batches.recipe_of(name)
    if recipe is None:
        raise Refused(NO_BATCH.format(name=name), UNREADABLE)
    return batches.check(files, recipe)


def _findings(
    files: list[Path], schema_file: str | None, type: str | None, domain: str | None, payload: str | None
) -> Iterator[Finding]:
    from fakepersonalize.lint import schemas

    if schema_file is None:
        raise Refused(NEEDS_SCHEMA, UNREADABLE)
    with open(schema_file, "rb") as file:
        text = file.read(SCHEMA_BYTES).decode("utf-8", "replace")
    wanted = PAYLOADS[payload] if payload else type
    schema, found = schemas.check(schema_file, text, domain, wanted)
    yield from found
    if schema is not None:
        yield from _of_files(files, schema, payload)


def _of_files(files: list[Path], schema: Schema, payload: str | None) -> Iterator[Finding]:
    if payload:
        from fakepersonalize.lint import payloads

        for file in files:
            yield from payloads.check(file, payload, schema)
    elif files:
        from fakepersonalize.lint import rows

        yield from rows.check(files, schema)


def _as_json(found: dict[str, Any]) -> str:
    return json.dumps(found, ensure_ascii=False)


def _as_text(finding: Finding) -> str:
    place = ":".join(str(part) for part in (finding.file, finding.line) if part is not None)
    column = f" {finding.column}:" if finding.column else ""
    text = f"{place}: {finding.level}:{column} {finding.text} [{finding.rule}]"
    value = f" ({finding.value!r})" if finding.value else ""
    why = [f"    why: {finding.why}{value}"] if finding.why else []
    return "\n".join(map(plain, [text, *why, f"    fix: {finding.fix}"]))
