"""Jobs whose work is not built yet: they fail and say so, rather than end well with nothing done."""

from __future__ import annotations

from typing import NoReturn

from fakepersonalize.errors import NOT_BUILT, JobFailed
from fakepersonalize.lifecycle.workshop import Body, Job


def body(what: str) -> Body:
    """Return the body of a job that fails before there is anything to work on or to record."""

    def refuse(job: Job, *_: object) -> NoReturn:
        raise JobFailed(NOT_BUILT.format(what=what))

    return Body(refuse, "", refuse)
