"""Trainings that nobody asks for: of solutions with performAutoTraining by their schedules, of recommenders every week.

The first version of a solution comes an hour after it unless there is one by then, the others so many days after the
start of the training before, as long as there are new interactions. A recommender is trained whatever is new, unless it
is stopped.
Sources: https://docs.aws.amazon.com/personalize/latest/dg/solution-config-auto-training.html and, for recommenders,
https://docs.aws.amazon.com/personalize/latest/dg/creating-recommenders.html
"""

from __future__ import annotations

from fakepersonalize.errors import ServiceError
from fakepersonalize.operations import solution_config, solution_versions
from fakepersonalize.operations.call import Call
from fakepersonalize.resources.kinds import RECOMMENDER, SOLUTION_VERSION
from fakepersonalize.resources.processes import ACTIVE, CREATE, CREATING
from fakepersonalize.resources.shelf import Resource

HOUR, DAY = 3600.0, 86_400.0
WEEK = 7 * DAY
UPDATE = "latestRecommenderUpdate"
TRAINING = "latestTraining"  # what a training of a recommender that nobody asked for is tracked in: no client sees it


def appoint(call: Call, trained: Resource) -> None:
    """Look after a solution that was made or changed within the hour, after a recommender in a week.

    Runs inside the caller's transaction.
    """
    if call.house.settings.auto_training == "clock":
        call.lifecycle.appoint(trained, call.now + (WEEK if trained.kind is RECOMMENDER else HOUR))


def keep(call: Call, trained: Resource) -> None:
    """Train a solution or recommender if it is time, and make the next appointment, inside the caller's transaction."""
    if call.house.settings.auto_training != "clock":
        return
    if trained.kind is RECOMMENDER:
        _keep_recommender(call, trained)
    elif trained.status == ACTIVE and trained["performAutoTraining"]:
        _keep_solution(call, trained)


def _keep_recommender(call: Call, recommender: Resource) -> None:
    """A recommender goes on answering from the old model until the new one is there."""
    busy = any((recommender.document.get(track) or {}).get("status") in CREATING for track in (UPDATE, TRAINING))
    if recommender.status == ACTIVE and not busy:
        training = call.resources.shelf.put(recommender, recommender.document | {TRAINING: {}})
        call.lifecycle.begin(training, CREATE, "train", (TRAINING,))
    call.lifecycle.appoint(recommender, call.now + WEEK)


def _keep_solution(call: Call, solution: Resource) -> None:
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
