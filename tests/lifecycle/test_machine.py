import errno
import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fakepersonalize.disk import FULL
from fakepersonalize.errors import JobFailed
from fakepersonalize.lifecycle.clock import ManualClock, WallClock
from fakepersonalize.lifecycle.pace import EvenPace, Rule, RuledPace
from fakepersonalize.lifecycle.workshop import ATTEMPTS, INTERNAL
from fakepersonalize.resources.kinds import CAMPAIGN, DATASET_GROUP, SOLUTION_VERSION
from fakepersonalize.resources.processes import CREATE, DELETE, UPDATE
from fakepersonalize.storage.metadata import Database

House = Any
Trade = Any
LATEST = "latestCampaignUpdate"


# Statuses in time


def test_statuses_follow_each_other_at_their_times(house: House) -> None:
    group = house.add()
    seen = [(house.clock.now(), house.status(group))]
    for _ in range(25):
        house.lifecycle.advance(1.0)
        if house.status(group) != seen[-1][1]:
            seen.append((house.clock.now(), house.status(group)))
    assert seen == [(1000.0, "CREATE PENDING"), (1010.0, "CREATE IN_PROGRESS"), (1020.0, "ACTIVE")]


def test_the_last_update_is_the_time_of_the_last_status(house: House) -> None:
    group = house.add()
    house.lifecycle.advance(100.0)
    found = house.now(group)
    assert (found.created, found.updated) == (1000.0, 1020.0)


def test_nothing_changes_because_it_is_read(house: House) -> None:
    group = house.add()
    house.clock.move_to(5000.0)
    assert [house.status(group), house.shelf.of_kind(DATASET_GROUP)[0].status] == ["CREATE PENDING"] * 2
    house.lifecycle.settle()
    assert house.status(group) == "ACTIVE"


def test_settling_early_changes_nothing(house: House) -> None:
    group = house.add()
    house.clock.move_to(1009.999)
    house.lifecycle.settle()
    assert house.status(group) == "CREATE PENDING"


def test_settling_with_nothing_due_takes_no_sql(house: House) -> None:
    house.add()
    house.lifecycle.settle()
    seen: list[str] = []
    house.database.trace(seen.append)
    house.lifecycle.settle()
    assert seen == []


def test_advancing_applies_the_steps_of_all_resources_in_their_order(house: House) -> None:
    heard: list[tuple[float, str, str]] = []

    def note(changed: set[str]) -> None:
        heard.extend((house.clock.now(), arn[-1], house.shelf.find(arn).status) for arn in changed)

    house.database.listeners.append(note)
    house.add(name="a")
    house.lifecycle.advance(4.0)
    house.add(name="b")
    house.lifecycle.advance(1000.0)
    assert heard == [
        (1000.0, "a", "CREATE PENDING"),
        (1004.0, "b", "CREATE PENDING"),
        (1010.0, "a", "CREATE IN_PROGRESS"),
        (1014.0, "b", "CREATE IN_PROGRESS"),
        (1020.0, "a", "ACTIVE"),
        (1024.0, "b", "ACTIVE"),
    ]
    assert house.clock.now() == 2004.0


def test_a_deleted_resource_shows_its_deletion_and_is_gone(house: House) -> None:
    group = house.add()
    house.lifecycle.advance(20.0)
    with house.database.transaction():
        house.lifecycle.begin(house.now(group), DELETE)
    seen = [house.status(group)]
    for _ in range(2):
        house.lifecycle.advance(10.0)
        seen.append(house.status(group))
    assert seen == ["DELETE PENDING", "DELETE IN_PROGRESS", None]
    assert house.gone == [group.arn]
    assert house.leftovers() == []


def test_a_resource_is_let_go_of_inside_the_transaction_that_removes_it(house: House) -> None:
    inside: list[bool] = []
    house.lifecycle._gone = lambda _: inside.append(house.database.current is not None)
    group = house.add()
    house.lifecycle.advance(20.0)
    with house.database.transaction():
        house.lifecycle.begin(house.now(group), DELETE)
    house.lifecycle.advance(20.0)
    assert inside == [True]


def test_what_goes_with_a_resource_is_let_go_of_as_well(house: House) -> None:
    solution = house.solution()
    version = house.add(SOLUTION_VERSION, solutionArn=solution.arn)
    house.lifecycle.advance(20.0)
    with house.database.transaction():
        house.lifecycle.begin(solution, DELETE)
    house.lifecycle.advance(20.0)
    assert house.gone == [solution.arn, version.arn]


# Tracks


def updated_campaign(house: House, **update: Any) -> Any:
    """Return an ACTIVE campaign whose update has just begun."""
    campaign = house.add(CAMPAIGN, minProvisionedTPS=1, solutionVersionArn="old")
    house.lifecycle.advance(20.0)
    with house.database.transaction():
        found = house.now(campaign)
        changed = house.shelf.put(found, found.document | {LATEST: update})
        house.lifecycle.begin(changed, CREATE, track=(LATEST,))
    return campaign


def test_an_update_has_a_status_of_its_own_and_leaves_that_of_the_resource(house: House) -> None:
    campaign = updated_campaign(house, minProvisionedTPS=3)
    seen = []
    for _ in range(3):
        found = house.now(campaign)
        seen.append(
            (found.status, found[LATEST]["status"], found["minProvisionedTPS"], found[LATEST]["lastUpdatedDateTime"])
        )
        house.lifecycle.advance(10.0)
    assert seen == [
        ("ACTIVE", "CREATE PENDING", 1, 1020.0),
        ("ACTIVE", "CREATE IN_PROGRESS", 1, 1030.0),
        ("ACTIVE", "ACTIVE", 3, 1040.0),
    ]
    assert house.now(campaign)[LATEST]["creationDateTime"] == 1020.0


def test_a_finished_update_hands_over_its_members_but_not_its_status_and_times(house: House) -> None:
    campaign = updated_campaign(house, minProvisionedTPS=3, solutionVersionArn="new")
    house.lifecycle.advance(20.0)
    found = house.now(campaign)
    assert {**found.document, LATEST: None} == {"minProvisionedTPS": 3, "solutionVersionArn": "new", LATEST: None}
    assert house.shelf.ancestors(campaign.arn) == ["new"]
    assert found.created == 1000.0


def test_a_track_may_be_both_the_resource_and_its_update(house: House) -> None:
    campaign = updated_campaign(house)
    house.lifecycle.advance(20.0)
    with house.database.transaction():
        house.lifecycle.begin(house.now(campaign), UPDATE, track=("status", LATEST))
    seen = []
    for _ in range(3):
        seen.append((house.status(campaign), house.now(campaign)[LATEST]["status"]))
        house.lifecycle.advance(10.0)
    assert seen == [(status, status) for status in ("UPDATE PENDING", "UPDATE IN_PROGRESS", "ACTIVE")]


# Jobs


def test_a_job_gathers_at_once_works_in_progress_and_records_at_the_end(house: House, trade: Trade) -> None:
    version = house.version()
    seen = [(house.status(version), list(trade.calls))]
    for _ in range(2):
        house.lifecycle.advance(10.0)
        seen.append((house.status(version), list(trade.calls)))
    assert seen == [
        ("CREATE PENDING", ["gather"]),
        ("CREATE IN_PROGRESS", ["gather", "work"]),
        ("ACTIVE", ["gather", "work", "record"]),
    ]
    assert house.now(version)["metrics"] == {"arn": version.arn}
    assert house.leftovers() == []


def test_what_is_delivered_is_told_to_the_record_and_may_be_stopped(house: House, trade: Trade) -> None:
    trade.deliver = lambda job, outcome, tick: outcome | {"delivered": True}
    assert house.now(house.version()) is not None
    house.lifecycle.advance(20.0)
    assert house.now(version_of(house))["metrics"]["delivered"]

    def stopped(job: Any, outcome: dict[str, Any], tick: Any) -> dict[str, Any]:
        house.stop(house.now(another))
        tick(0.9)
        return outcome

    trade.deliver = stopped
    another = house.version("others")
    house.lifecycle.advance(100.0)
    assert house.status(another) == "CREATE STOPPED"
    assert house.leftovers() == []


def fail(reason: Exception) -> Any:
    def failing(*_: Any) -> Any:
        raise reason

    return failing


@pytest.mark.parametrize("stage", ["gather", "work", "deliver", "record"])
def test_a_job_that_cannot_be_done_fails_with_its_reason(house: House, trade: Trade, stage: str) -> None:
    setattr(trade, stage, fail(JobFailed("Dataset has fewer than 1000 interactions.", "there are 3")))
    version = house.version()
    house.lifecycle.advance(5.0)
    assert house.status(version) == "CREATE PENDING"
    house.lifecycle.advance(15.0)
    found = house.now(version)
    assert found.status == "CREATE FAILED"
    assert found["failureReason"] == "Dataset has fewer than 1000 interactions. | fakepersonalize: there are 3"
    assert house.leftovers() == []


@pytest.mark.parametrize("stage", ["gather", "work", "deliver", "record"])
def test_a_bug_in_a_job_fails_it_and_stands_in_the_log(
    house: House, trade: Trade, stage: str, caplog: pytest.LogCaptureFixture
) -> None:
    setattr(trade, stage, fail(ZeroDivisionError()))
    version = house.version()
    with caplog.at_level(logging.ERROR):
        house.lifecycle.advance(20.0)
    assert house.now(version)["failureReason"] == INTERNAL
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]
    assert house.leftovers() == []


def test_an_outcome_that_cannot_be_written_fails_its_resource_and_nothing_else(house: House, trade: Trade) -> None:
    trade.record = lambda job, outcome: {"metrics": {"coverage": float("nan")}}
    version = house.version()
    house.lifecycle.advance(15.0)
    group = house.add()
    house.lifecycle.advance(100.0)
    assert (house.status(version), house.now(version)["failureReason"]) == ("CREATE FAILED", INTERNAL)
    assert house.status(group) == "ACTIVE"
    assert house.leftovers() == []


def test_what_a_failed_record_wrote_is_undone(house: House, trade: Trade) -> None:
    def record(job: Any, outcome: Any) -> Any:
        house.database.run("set_tag", arn=job.arn, key="half", value="done")
        raise JobFailed("no")

    trade.record = record
    version = house.version()
    house.lifecycle.advance(20.0)
    assert house.shelf.at(version.scope).tags(version.arn) == []


def test_a_job_that_takes_longer_than_its_steps_holds_them_up(new_house: Any, trade: Trade) -> None:
    waiting: list[Any] = []

    class LaterRunner:
        submit, close = staticmethod(waiting.append), staticmethod(lambda: None)

    house = new_house(light=LaterRunner())
    version = house.version()
    house.lifecycle.advance(500.0)
    assert house.status(version) == "CREATE PENDING"
    waiting.pop()()
    house.lifecycle.settle()
    assert house.status(version) == "CREATE IN_PROGRESS"
    house.lifecycle.advance(500.0)
    assert house.status(version) == "CREATE IN_PROGRESS"
    waiting.pop()()
    house.lifecycle.settle()
    assert house.status(version) == "ACTIVE"


def test_a_creation_that_is_rolled_back_begins_nothing(house: House, trade: Trade) -> None:
    with suppress(ZeroDivisionError), house.database.transaction():
        resource = house.shelf.at(house.scope).add(DATASET_GROUP, "films", {})
        house.lifecycle.begin(resource, CREATE, "train")
        raise ZeroDivisionError
    house.lifecycle.advance(100.0)
    assert trade.calls == []
    assert house.leftovers() == []


def test_a_rolled_back_change_of_steps_makes_nothing_late(house: House) -> None:
    group = house.add()
    with suppress(ZeroDivisionError), house.database.transaction():
        house.lifecycle.abandon(group)
        raise ZeroDivisionError
    house.lifecycle.advance(20.0)
    assert house.status(group) == "ACTIVE"


def test_a_step_that_cannot_be_written_is_tried_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    group = house.add()
    house.lifecycle.advance(20.0)
    with house.database.transaction():
        house.lifecycle.begin(house.now(group), DELETE)
    with monkeypatch.context() as patch:
        patch.setattr(house.shelf, "remove", fail(sqlite3.OperationalError("database or disk is full")))
        with pytest.raises(sqlite3.OperationalError):
            house.lifecycle.advance(20.0)
    assert house.status(group) == "DELETE IN_PROGRESS"
    house.lifecycle.settle()
    assert house.status(group) is None


# Stopping


def test_stopping_what_is_pending_stops_it_at_once(house: House, trade: Trade) -> None:
    version = house.version()
    house.stop(version)
    assert house.status(version) == "CREATE STOPPED"
    house.lifecycle.advance(100.0)
    assert (house.status(version), trade.calls) == ("CREATE STOPPED", ["gather"])
    assert house.leftovers() == []


def test_stopping_what_is_in_progress_takes_a_moment(house: House, trade: Trade) -> None:
    version = house.version()
    house.lifecycle.advance(10.0)
    house.stop(house.now(version))
    seen = []
    for _ in range(3):
        seen.append(house.status(version))
        house.lifecycle.advance(10.0)
    assert seen == ["CREATE STOPPING", "CREATE STOPPING", "CREATE STOPPED"]
    assert "record" not in trade.calls
    assert house.leftovers() == []


def test_stopping_a_job_that_has_failed_already_leaves_nothing_of_it(house: House, trade: Trade) -> None:
    trade.work = fail(JobFailed("no"))
    version = house.version()
    house.lifecycle.advance(10.0)
    house.stop(house.now(version))
    house.lifecycle.advance(100.0)
    assert house.status(version) == "CREATE STOPPED"
    assert house.leftovers() == []


def test_stopping_from_within_the_work_stops_the_work(house: House, trade: Trade) -> None:
    reached: list[str] = []

    def work(spec: Any, folder: Any, tick: Any) -> Any:
        tick(0.5)
        house.stop(house.now(version))
        (folder / "half").touch()
        reached.append("before the tick")
        tick(0.6)
        reached.append("after the tick")
        return {}

    trade.work = work
    version = house.version()
    house.lifecycle.advance(100.0)
    assert reached == ["before the tick"]
    assert house.status(version) == "CREATE STOPPED"
    assert house.leftovers() == []


@pytest.mark.parametrize("stage", ["gather", "work"])
def test_work_that_does_not_notice_that_it_was_stopped_changes_nothing(house: House, trade: Trade, stage: str) -> None:
    def stubborn(*args: Any) -> Any:
        house.stop(house.now(version_of(house)))
        folder = args[0].folder if stage == "gather" else args[1]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "late").touch()
        return {}

    setattr(trade, stage, stubborn)
    version = house.version()
    house.lifecycle.advance(100.0)
    assert house.status(version) == "CREATE STOPPED"
    assert "record" not in trade.calls
    assert house.leftovers() == []


def version_of(house: House) -> Any:
    return house.shelf.of_kind(SOLUTION_VERSION)[0]


def test_input_is_let_go_of_when_a_job_ends_well_fails_or_is_stopped(house: House, trade: Trade) -> None:
    ended: list[str] = []
    house.workshop.released = lambda: ended.append("released")
    house.version("well")
    house.lifecycle.advance(20.0)
    trade.work = fail(JobFailed("no"))
    house.version("badly")
    house.lifecycle.advance(20.0)
    house.stop(house.version("stopped"))
    assert ended == ["released"] * 3


# Threads


def test_threads_that_settle_at_once_apply_each_step_once(house: House, trade: Trade) -> None:
    versions = [house.version(f"films{number}") for number in range(20)]
    house.clock.move_to(5000.0)
    begin = threading.Barrier(6)

    def settle() -> None:
        begin.wait()
        house.lifecycle.settle()

    threads = [threading.Thread(target=settle) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    house.lifecycle.settle()
    assert {house.status(version) for version in versions} == {"ACTIVE"}
    assert sorted(trade.calls) == ["gather"] * 20 + ["record"] * 20 + ["work"] * 20


# Another run of the same folder


def recovered(new_house: Any, at: float, **parts: Any) -> House:
    house = new_house(clock=ManualClock(at), **parts)
    house.lifecycle.recover()
    return house


class Dead:
    """A runner that never gets round to it: its process is killed first."""

    submit, close = staticmethod(lambda errand: None), staticmethod(lambda: None)


def test_a_job_that_had_not_gathered_gathers_in_the_next_run(new_house: Any, trade: Trade) -> None:
    house = new_house(light=Dead())
    version = house.version()
    house.lifecycle.advance(15.0)
    house = recovered(new_house, 1015.0)
    assert trade.calls == ["gather"]
    house.lifecycle.advance(10.0)
    assert house.status(version) == "ACTIVE"


def test_a_job_that_had_gathered_works_in_the_next_run_from_what_it_gathered(new_house: Any, trade: Trade) -> None:
    trade.gather = lambda job: (job.folder / "0.csv").write_text("rows", "utf-8") and {"from": "the first run"}
    version = new_house().version()
    trade.gather = fail(JobFailed("the bucket is gone"))
    trade.work = lambda spec, folder, tick: spec | {"read": (folder / "0.csv").read_text("utf-8")}
    house = recovered(new_house, 1005.0)
    house.lifecycle.advance(20.0)
    assert house.now(version)["metrics"] == {"from": "the first run", "read": "rows"}
    assert house.leftovers() == []


def test_a_job_that_was_at_work_works_again_in_the_next_run(new_house: Any, trade: Trade) -> None:
    house = new_house(heavy=Dead())
    version = house.version()
    house.lifecycle.advance(10.0)
    assert (house.status(version), trade.calls) == ("CREATE IN_PROGRESS", ["gather"])
    house = recovered(new_house, 1010.0)
    house.lifecycle.advance(10.0)
    assert (house.status(version), trade.calls) == ("ACTIVE", ["gather", "work", "record"])


def test_a_job_that_was_done_is_recorded_in_the_next_run_and_not_done_again(new_house: Any, trade: Trade) -> None:
    house = new_house()
    version = house.version()
    house.lifecycle.advance(15.0)
    house = recovered(new_house, 1015.0)
    house.lifecycle.advance(10.0)
    assert (house.status(version), trade.calls) == ("ACTIVE", ["gather", "work", "record"])


def test_a_job_that_had_failed_fails_in_the_next_run(new_house: Any, trade: Trade) -> None:
    trade.work = fail(JobFailed("no"))
    version = new_house().version()
    house = recovered(new_house, 1005.0)
    house.lifecycle.advance(5.0)
    house = recovered(new_house, 1015.0)
    house.lifecycle.advance(10.0)
    assert (house.status(version), house.now(version)["failureReason"]) == ("CREATE FAILED", "no")


def test_a_record_that_was_interrupted_is_made_again(new_house: Any, trade: Trade) -> None:
    class Killed(BaseException):
        pass

    def record(job: Any, outcome: Any) -> Any:
        raise Killed

    trade.record = record
    house = new_house()
    version = house.version()
    with pytest.raises(Killed):
        house.lifecycle.advance(20.0)
    trade.record = lambda job, outcome: {"metrics": "in the second run"}
    house = recovered(new_house, 1020.0)
    house.lifecycle.settle()
    assert (house.status(version), house.now(version)["metrics"]) == ("ACTIVE", "in the second run")


def test_a_stop_that_was_interrupted_ends_in_the_next_run(new_house: Any) -> None:
    house = new_house()
    version = house.version()
    house.lifecycle.advance(10.0)
    house.stop(house.now(version))
    house = recovered(new_house, 1010.0)
    house.lifecycle.advance(20.0)
    assert house.status(version) == "CREATE STOPPED"


def test_work_that_is_interrupted_too_often_fails_with_a_reason(new_house: Any, trade: Trade) -> None:
    class Killed(BaseException):
        pass

    trade.work = fail(Killed())  # type: ignore[arg-type]
    house = new_house()
    version = house.version()
    with pytest.raises(Killed):
        house.lifecycle.advance(10.0)
    for _ in range(ATTEMPTS - 1):
        with pytest.raises(Killed):
            recovered(new_house, 1010.0)
    house = recovered(new_house, 1010.0)
    assert trade.calls.count("work") == ATTEMPTS
    house.lifecycle.advance(10.0)
    reason = f"{INTERNAL} The work was interrupted 3 times; the last time the server ended."
    assert (house.status(version), house.now(version)["failureReason"]) == ("CREATE FAILED", reason)
    assert house.leftovers() == []


def test_folders_of_jobs_that_are_over_are_cleared_away(new_house: Any) -> None:
    house = new_house()
    house.version()
    for name in ("77", "78/model"):
        (house.folder / "jobs" / name).mkdir(parents=True)
    house = recovered(new_house, 1000.0)
    assert [path.name for path in house.folder.glob("jobs/*")] == ["1"]


def test_nothing_waits_for_a_clock_that_ran_ahead(new_house: Any) -> None:
    house = new_house(clock=ManualClock(90_000.0))
    group = house.add()
    house.lifecycle.advance(5.0)
    house = recovered(new_house, 1000.0)
    house.lifecycle.advance(10.0)
    assert house.status(group) == "CREATE IN_PROGRESS"
    house.lifecycle.advance(10.0)
    assert house.status(group) == "ACTIVE"


def test_steps_keep_their_times_when_the_clock_goes_on(new_house: Any) -> None:
    group = new_house().add()
    house = recovered(new_house, 1004.0)
    house.lifecycle.advance(5.9)
    assert house.status(group) == "CREATE PENDING"
    house.lifecycle.advance(0.1)
    assert house.status(group) == "CREATE IN_PROGRESS"


# The ticker


def test_the_ticker_applies_steps_when_nobody_calls(new_house: Any) -> None:
    house = new_house(clock=WallClock(), pace=EvenPace(0.01))
    active = threading.Event()
    house.database.listeners.append(
        lambda changed: active.set() if {house.shelf.find(arn).status for arn in changed} == {"ACTIVE"} else None
    )
    house.lifecycle.start_ticker()
    house.add()
    assert active.wait(20)


def test_the_ticker_survives_a_step_that_cannot_be_applied(
    new_house: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house = new_house(clock=WallClock(), pace=EvenPace(0.0))
    group = house.add()
    house.lifecycle.settle()
    tried, gone = threading.Event(), threading.Event()
    remove = house.shelf.remove

    def failing_once(resource: Any) -> Any:
        if not tried.is_set():
            tried.set()
            raise sqlite3.OperationalError("database or disk is full")
        return remove(resource)

    monkeypatch.setattr(house.shelf, "remove", failing_once)
    house.database.listeners.append(lambda changed: gone.set() if house.status(group) is None else None)
    with caplog.at_level(logging.CRITICAL):
        house.lifecycle.start_ticker()
        with house.database.transaction():
            house.lifecycle.begin(house.now(group), DELETE)
        assert tried.wait(20)
        assert gone.wait(20)


# What waits to be told


def test_a_step_that_waits_to_be_told_does_not_pass_with_time(new_house: Callable[..., House]) -> None:
    house = new_house(pace=RuledPace({"dataset_group": Rule(times=2)}, EvenPace(10.0)))
    group, seen = house.add(), []
    for _ in range(4):
        house.lifecycle.advance(1000.0)
        seen.append(house.status(group))
        house.lifecycle.tell()
    assert [*seen, house.status(group)] == ["CREATE PENDING"] * 2 + ["CREATE IN_PROGRESS"] * 2 + ["ACTIVE"]


def test_telling_hastens_nothing_that_waits_for_time(house: House) -> None:
    group = house.add()
    house.lifecycle.tell(10)
    assert house.status(group) == "CREATE PENDING"


def test_a_job_that_waits_to_be_told_ends_when_it_is(new_house: Callable[..., House], trade: Trade) -> None:
    house = new_house(pace=RuledPace({"solution_version": Rule(times=1)}, EvenPace(10.0)))
    version = house.version()
    house.lifecycle.advance(1000.0)
    assert (house.status(version), trade.calls) == ("CREATE PENDING", ["gather"])
    house.lifecycle.tell(2)
    assert (house.status(version), trade.calls) == ("ACTIVE", ["gather", "work", "record"])


def test_steps_shorter_than_the_clock_tells_are_reached(new_house: Callable[..., House]) -> None:
    house = new_house(pace=EvenPace(0.0003))
    group = house.add()
    house.lifecycle.advance(1.0)
    assert house.status(group) == "ACTIVE"


def test_many_who_move_the_clock_at_once_all_move_it(house: House) -> None:
    threads = [threading.Thread(target=house.lifecycle.advance, args=(1.5,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert house.clock.now() == 1030.0


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), 1e12])
def test_the_clock_refuses_times_that_cannot_be_and_stands_still(house: House, seconds: float) -> None:
    with pytest.raises(ValueError, match="cannot move"):
        house.lifecycle.advance(seconds)
    assert house.clock.now() == 1000.0


def test_a_clock_that_moves_by_itself_is_not_moved(new_house: Callable[..., House]) -> None:
    with pytest.raises(ValueError, match="by itself"):
        new_house(clock=WallClock()).lifecycle.advance(1.0)


# A full disk


def refuse(monkeypatch: pytest.MonkeyPatch, refused: Callable[[str], bool]) -> None:
    """Have the disk be full for the statements of which that is said."""
    plain = Database.run

    def run(self: Database, statement: str, **values: Any) -> Any:
        if refused(statement):
            raise OSError(errno.ENOSPC, "No space left on device")
        return plain(self, statement, **values)

    monkeypatch.setattr(Database, "run", run)


def fill(spec: dict[str, Any], folder: Path, tick: Any) -> dict[str, Any]:
    (folder / "spool").write_bytes(b"x")
    raise OSError(errno.ENOSPC, "No space left on device")


def test_files_of_a_job_make_room_before_its_failure_is_written_down(
    new_house: Any, trade: Trade, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trade.work = fill
    house = new_house()
    folder = house.workshop._folder
    refuse(monkeypatch, lambda statement: statement == "job_failed" and any(folder.glob("*/spool")))
    version = house.version()
    house.lifecycle.advance(20.0)
    assert house.status(version) == "CREATE FAILED"
    assert FULL in house.now(version)["failureReason"]
    assert house.leftovers() == []
    assert [record.getMessage() for record in caplog.records] == [f"job 1 failed: {FULL}"]


def test_a_failure_that_cannot_be_written_down_is_when_there_is_room(
    new_house: Any, trade: Trade, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trade.work = fill
    house, full = new_house(), True
    refuse(monkeypatch, lambda statement: full and statement == "job_failed")
    version = house.version()
    with pytest.raises(OSError, match="No space"):
        house.lifecycle.advance(20.0)
    caplog.clear()
    assert not any(house.lifecycle.settle_if_possible() for _ in range(5))
    assert [record.getMessage() for record in caplog.records] == [f"statuses stay as they are for now: {FULL}"]
    assert house.status(version) == "CREATE IN_PROGRESS"
    full = False
    assert house.lifecycle.settle_if_possible()
    house.lifecycle.advance(20.0)
    assert house.status(version) == "CREATE FAILED"
    assert house.leftovers() == []
