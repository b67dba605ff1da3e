"""Jobs whose work is not built yet: they fail and say so, rather than end well with nothing done."""

from __future__ import annotations

from typing import NoReturn

from fakepersonalize.errors import NOT_BUILT, JobFailed
from fakepersonalize.lifecycle.workshop import Body, Job

WORK = {
    "batch-inference": "batch inference",
    "batch-segment": "making segments",
}


def bodies() -> dict[str, Body]:
    """Return the bodies of all such jobs."""
    return {kind: body(what.capitalize()) for kind, what in WORK.items()}


def body(what: str) -> Body:
    """Return the body of a job that fails before there is anything to work on or to record."""

    def refuse(job: Job, *_: object) -> NoReturn:
        raise JobFailed(NOT_BUILT.format(what=what))

    return Body(refuse, "", refuse)
