"""Solution versions that nobody asks for: those of solutions with performAutoTraining, by their schedules.

The first one comes an hour after the solution unless there is one by then, the others so many days after the start of
the training before, as long as there are new interactions.
Source: https://docs.aws.amazon.com/personalize/latest/dg/solution-config-auto-training.html
"""

from __future__ import annotations

from fakepersonalize.errors import ServiceError
from fakepersonalize.operations import solution_config, solution_versions
from fakepersonalize.operations.call import Call
from fakepersonalize.resources.kinds import SOLUTION_VERSION
from fakepersonalize.resources.processes import ACTIVE
from fakepersonalize.resources.shelf import Resource

HOUR, DAY = 3600.0, 86_400.0


def appoint(call: Call, solution: Resource) -> None:
    """Look after a solution that was made or changed within the hour, inside the caller's transaction."""
    if call.house.settings.auto_training == "clock":
        call.lifecycle.appoint(solution, call.now + HOUR)


def keep(call: Call, solution: Resource) -> None:
    """Train a solution if it is time, and make the next appointment, inside the caller's transaction."""
    if solution.status != ACTIVE or not solution["performAutoTraining"] or call.house.settings.auto_training != "clock":
        return
    versions = call.resources.below(solution.arn, SOLUTION_VERSION)
    now, period = call.now, _period(solution)
    if versions and now < round(versions[-1].created + period, 3):
        due = versions[-1].created + period
    elif not versions:
        due = now + (period if _trained(call, solution) else HOUR)
    else:
        due = now + period
        if versions[-1].document.get(solution_versions.KNOWS) != solution_versions.known(call, solution):
            _trained(call, solution)
    call.lifecycle.appoint(solution, due)


def _trained(call: Call, solution: Resource) -> bool:
    """Begin a version; return whether there is what it needs."""
    try:
        with call.resources.shelf.database.savepoint():
            solution_versions.begin(call, solution, "FULL", "AUTOMATIC")
    except ServiceError:
        return False
    return True


def _period(solution: Resource) -> float:
    config = (solution.document.get("solutionConfig") or {}).get("autoTrainingConfig") or {}
    found = solution_config.SCHEDULE.fullmatch(config.get("schedulingExpression") or solution_config.DEFAULT_SCHEDULE)
    assert found, "schedules were checked"
    return int(found[1]) * DAY
