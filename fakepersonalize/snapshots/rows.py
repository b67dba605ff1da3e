"""The rows of a snapshot: what each file of them holds, and whether rows that were read can be meant.

Nothing of a foreign snapshot is believed: members and types are compared with these tables, resources with the service
model, and what they name must be there.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from fakepersonalize import arns
from fakepersonalize.arns import Scope
from fakepersonalize.errors import ServiceError
from fakepersonalize.resources.kinds import KINDS, is_arn_of
from fakepersonalize.resources.processes import ACTIVE, INACTIVE, PROCESSES
from fakepersonalize.settings import LATEST_TIME
from fakepersonalize.snapshots.archive import Reader, Unusable, shown

if TYPE_CHECKING:
    from botocore.model import Shape

MAYBE = type(None)
Types = tuple[type, ...]
RESOURCES, LINKS, TAGS, JOBS, STEPS = "resources", "links", "tags", "jobs", "steps"
SEGMENTS, EVENTS, RECORDS, BUCKETS, OBJECTS = "segments", "events", "records", "buckets", "objects"
CLOCK = "clock"
MEMBERS: Mapping[str, Mapping[str, Types]] = {
    RESOURCES: {
        "number": (int,),
        "arn": (str,),
        "kind": (str,),
        "name": (str,),
        "status": (str,),
        "created": (float, int),
        "updated": (float, int),
        "document": (dict,),
    },
    LINKS: {"ancestor": (str,), "arn": (str,)},
    TAGS: {"arn": (str,), "key": (str,), "value": (str,)},
    JOBS: {"number": (int,), "arn": (str,), "kind": (str,)},
    STEPS: {
        "arn": (str,),
        "track": (str,),
        "process": (str,),
        "stage": (str,),
        "due": (float, int),
        "times": (int,),
        "job": (int, MAYBE),
    },
    SEGMENTS: {"number": (int,), "dataset": (int,), "rows": (int,)},
    EVENTS: {
        "dataset": (int,),
        "user": (str, MAYBE),
        "session": (str,),
        "id": (str, MAYBE),
        "item": (str,),
        "time": (int,),
        "type": (str,),
        "more": (str,),
        "number": (int,),
    },
    RECORDS: {"dataset": (int,), "id": (str,), "after": (int,), "columns": (str,), "number": (int,)},
    BUCKETS: {"account": (str,), "region": (str,), "name": (str,), "policy": (str, MAYBE)},
    CLOCK: {"now": (float, int)},  # of a clock that stands still; others have no row
    OBJECTS: {"bucket": (int,), "key": (str,), "file": (int,), "type": (str,), "metadata": (dict,)},
}
# Members of documents that the rest of the house takes for granted, beside those that name parents.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "schema": ("schema",),
    "dataset": ("datasetType", "datasetGroupArn", "schemaArn"),
    "dataset_import_job": ("datasetArn",),
    "dataset_export_job": ("datasetArn",),
    "event_tracker": ("trackingId", "datasetGroupArn"),
    "filter": ("filterExpression", "datasetGroupArn"),
    "recommender": ("recipeArn", "datasetGroupArn", "recommenderConfig"),
    "solution": ("datasetGroupArn",),
    "solution_version": ("recipeArn", "datasetGroupArn", "solutionArn"),
    "campaign": ("solutionVersionArn",),
}
REFERENCES = frozenset({"datasetGroupArn", "schemaArn", "solutionVersionArn"})  # which must lead somewhere
STATUSES = {ACTIVE, INACTIVE} | {
    process.status(stage) for process in PROCESSES.values() for stage in ("pending", "running", "done", "failed")
}
ACCOUNT, REGION = re.compile(r"[0-9]{12}"), re.compile(r"[a-z0-9-]{1,40}")
LARGEST = 2**53

Row = dict[str, Any]
BAD_ROW = "The snapshot has a row that cannot be: line {line} of {file}, {why}"


def read(reader: Reader, file: str) -> list[Row]:
    """Return the rows of a file whose members have their types. Raises Unusable."""
    rows: list[Row] = []
    for line, row in reader.rows(f"rows/{file}.jsonl"):
        why = _wrong(MEMBERS[file], row) or _unwritable(row)
        if file == CLOCK and rows:
            why = "which is one too many"
        if file == RESOURCES and not why:  # here, before more of them are in memory
            why = _wrong_resource(row)
        if why:
            raise bad(file, line, why)
        rows.append(row)
    return rows


def _unwritable(value: Any) -> str | None:
    """Say what is wrong with a row that has halves of letters (`\\ud800`), which nothing can write down."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "which has a letter that is none"
    return None


def bad(file: str, line: int, why: str) -> Unusable:
    return Unusable(BAD_ROW.format(line=line, file=file, why=why))


def check_resources(rows: list[Row]) -> None:
    """Raise Unusable for resources that are there twice, or name what is not there."""
    known: dict[str, Row] = {}
    numbers: set[int] = set()
    for line, row in enumerate(rows, start=1):
        if row["arn"] in known or row["number"] in numbers:
            raise bad(RESOURCES, line, "which is there twice")
        known[row["arn"]] = row
        numbers.add(row["number"])
    for line, row in enumerate(rows, start=1):
        for member in REFERENCES & row["document"].keys() & set(NEEDED.get(row["kind"], ())):
            found = known.get(row["document"][member])
            if found is None or f"{found['kind']}Arn" != _snake(member):
                raise bad(RESOURCES, line, f"whose {member} names nothing")
            if member == "solutionVersionArn" and not found["document"].get("recipeArn"):
                raise bad(RESOURCES, line, "whose solution version has no recipe")


def scope_of(row: Row) -> Scope:
    """Return the account and region of a resource that has been checked."""
    parsed = arns.parse(row["arn"])
    assert parsed is not None
    return parsed.scope


def _snake(member: str) -> str:
    """`datasetGroupArn` is of the kind `dataset_group`."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: f"_{found[1].lower()}", member.removesuffix("Arn")) + "Arn"


def _wrong(members: Mapping[str, Types], row: Any) -> str | None:
    if not isinstance(row, dict) or row.keys() != members.keys():
        return "which has other members"
    for name, types in members.items():
        value = row[name]
        if type(value) not in types:
            return f"whose {name} is no {types[0].__name__}"
        if isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= LARGEST):
            return f"whose {name} is too large"
        if isinstance(value, str) and "\0" in value:
            return f"whose {name} has a letter that is none"
    return None


def _wrong_resource(row: Row) -> str | None:
    kind, parsed, document = KINDS.get(row["kind"]), arns.parse(row["arn"]), row["document"]
    if kind is None or parsed is None or not is_arn_of(kind, parsed.kind, parsed.id):
        return f"which is no ARN of its kind: {shown(row['arn'])}"
    scope = parsed.scope
    if (
        not ACCOUNT.fullmatch(scope.account)
        or not REGION.fullmatch(scope.region)
        or scope.partition != parsed.partition
    ):
        return "which belongs to no account and region"
    if not 0 <= row["created"] <= row["updated"] < LATEST_TIME:
        return "whose times cannot be"
    if row["status"] not in STATUSES:
        return f"whose status there is not: {shown(row['status'])}"
    for member in NEEDED.get(kind.name, ()):
        if not document.get(member) and not _may_be_empty(member, row):
            return f"which lacks {member}"
    wrong = _misfit(_described(kind.name), document)
    if wrong:
        return f"whose {wrong} is of another type"
    return _wrong_meaning(kind.name, document)


def _may_be_empty(member: str, row: Row) -> bool:
    """Say whether a resource goes without a member: AutoML has chosen no recipe until the version is ACTIVE."""
    if (row["kind"], member) == ("solution_version", "recipeArn"):
        return row["document"].get("performAutoML") is True and row["status"] != ACTIVE
    return member == "recommenderConfig"


def _wrong_meaning(kind: str, document: Row) -> str | None:
    from fakepersonalize.datasets import schema
    from fakepersonalize.filters import syntax
    from fakepersonalize.recipes import catalogue

    try:
        if kind == "schema":
            schema.parse(document["schema"], document.get("domain"))
        if kind == "filter":
            syntax.parse(document["filterExpression"])
    except (ServiceError, ValueError, RecursionError) as problem:
        return f"which means nothing: {shown(str(problem))}"
    if "recipeArn" in document and catalogue.recipe_of(str(document["recipeArn"])) is None:
        return "whose recipe there is not"
    model = document.get("model")
    if model is not None and not (kind == "recommender" and type(model) is int and -LARGEST <= model < 0):
        return "whose model cannot be"
    return None


@cache
def _described(kind: str) -> Shape:
    """Return the shape of what describes a kind of resource."""
    from fakepersonalize.protocol.service_models import ServiceModels

    name = "Describe" + "".join(map(str.capitalize, kind.split("_")))
    operation = ServiceModels().operation(name)
    assert operation.output is not None
    (shape,) = operation.output.members.values()
    return shape


def _misfit(shape: Any, value: Any, path: str = "document") -> str | None:
    """Return the first member whose value is not of the type in the service model; members of our own are let be."""
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            return path
        inner = ((shape.members[name], each, name) for name, each in value.items() if name in shape.members)
    elif kind == "list":
        if not isinstance(value, list):
            return path
        inner = ((shape.member, each, path) for each in value)
    elif kind == "map":
        if not isinstance(value, dict):
            return path
        inner = ((shape.value, each, path) for each in value.values())
    else:
        return None if isinstance(value, _PLAIN.get(kind, object)) else path
    return next((wrong for each in inner if (wrong := _misfit(*each))), None)


_PLAIN: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "double": (int, float),
    "float": (int, float),
    "timestamp": (int, float, str),
}
