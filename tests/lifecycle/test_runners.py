import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from accounts import until

from fakepersonalize.disk import DiskTrouble
from fakepersonalize.errors import Cancelled, JobFailed
from fakepersonalize.lifecycle import runners
from fakepersonalize.lifecycle.clock import WallClock
from fakepersonalize.lifecycle.pace import EvenPace
from fakepersonalize.lifecycle.runners import InlineRunner, Interrupted, ThreadRunner, WorkerProcess

GENEROUS_SECONDS = 30
WORKS = """
import errno, os, signal, sys, threading
from fakepersonalize.errors import JobFailed


def echo(spec, folder, tick):
    tick(0.5)
    tick(1.0)
    return {"spec": spec, "folder": str(folder), "pid": os.getpid()}


def surrogates(spec, folder, tick):
    return {"text": spec["text"]}


def chatty(spec, folder, tick):
    print("a library says hello", flush=True)
    return {"quiet": False}


def refuse(spec, folder, tick):
    raise JobFailed("Dataset has fewer than 1000 interactions.", "there are 3")


def divide(spec, folder, tick):
    return {"quotient": 1 // 0}


def hang(spec, folder, tick):
    tick(0.25)
    threading.Event().wait()


def die(spec, folder, tick):
    tick(0.25)
    os._exit(9)


def complain(spec, folder, tick):
    print("out of patience", file=sys.stderr, flush=True)
    os._exit(9)


def kill(spec, folder, tick):
    os.kill(os.getpid(), signal.SIGKILL)


def die_within_a_word(spec, folder, tick):
    os.write(1, b'{"outcome": {"half')
    os._exit(9)


def die_once(spec, folder, tick):
    if not (folder / "died").exists():
        (folder / "died").touch()
        os._exit(9)
    return {"attempt": 2}


def fill(spec, folder, tick):
    raise OSError(errno.ENOSPC, "No space left on device")


def priority(spec, folder, tick):
    return {"niceness": os.nice(0)}


def loaded(spec, folder, tick):
    return {"loaded": "colorsys" in sys.modules}
"""


@pytest.fixture(autouse=True)
def works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of work that worker processes of the test can import."""
    folder = tmp_path / "importable"
    folder.mkdir()
    (folder / "works.py").write_text(WORKS, "utf-8")
    monkeypatch.syspath_prepend(folder)


def ignore(share: float) -> None:
    pass


# Inline


def test_errands_run_at_once_and_those_they_submit_follow_them() -> None:
    runner, done = InlineRunner(), []

    def first() -> None:
        runner.submit(lambda: done.append("second"))
        runner.submit(lambda: done.append("third"))
        done.append("first")

    runner.submit(first)
    assert done == ["first", "second", "third"]


def test_each_thread_runs_its_own_errands() -> None:
    runner, ran_in = InlineRunner(), []
    inside, outside = threading.Event(), threading.Event()

    def slow() -> None:
        inside.set()
        outside.wait(GENEROUS_SECONDS)

    thread = threading.Thread(target=runner.submit, args=(slow,))
    thread.start()
    assert inside.wait(GENEROUS_SECONDS)
    runner.submit(lambda: ran_in.append(threading.current_thread()))
    assert ran_in == [threading.current_thread()]
    outside.set()
    thread.join(GENEROUS_SECONDS)


def test_an_errand_that_raises_is_told_to_its_caller_and_the_next_one_runs() -> None:
    runner, done = InlineRunner(), []
    with pytest.raises(ZeroDivisionError):
        runner.submit(lambda: 1 // 0)  # type: ignore[arg-type]
    runner.submit(lambda: done.append("next"))
    assert done == ["next"]


# Threads


@pytest.fixture
def threads() -> Iterator[ThreadRunner]:
    runner = ThreadRunner("test", 2)
    yield runner
    runner.close()


def test_errands_run_beside_each_other_in_at_most_so_many_threads(threads: ThreadRunner) -> None:
    both = threading.Barrier(2)
    names: list[str] = []
    done = threading.Semaphore(0)

    def errand() -> None:
        both.wait(GENEROUS_SECONDS)
        names.append(threading.current_thread().name)
        done.release()

    for _ in range(6):
        threads.submit(errand)
    assert all(done.acquire(timeout=GENEROUS_SECONDS) for _ in range(6))
    assert set(names) == {"test-0", "test-1"}


def test_no_thread_is_started_before_there_is_something_to_do() -> None:
    before = threading.active_count()
    ThreadRunner("idle", 4).close()
    assert threading.active_count() == before


def test_an_errand_that_raises_takes_no_thread_away(caplog: pytest.LogCaptureFixture) -> None:
    runner, done = ThreadRunner("test", 1), threading.Event()
    with caplog.at_level(logging.ERROR):
        for _ in range(4):
            runner.submit(lambda: 1 // 0)  # type: ignore[arg-type]
        runner.submit(done.set)
        assert done.wait(GENEROUS_SECONDS)
    runner.close()
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError] * 4


def test_errands_that_wait_when_a_runner_is_closed_never_run() -> None:
    runner, begun, go_on, late = ThreadRunner("test", 1), threading.Event(), threading.Event(), []

    def slow() -> None:
        begun.set()
        go_on.wait(GENEROUS_SECONDS)

    runner.submit(slow)
    runner.submit(lambda: late.append("waiting"))
    assert begun.wait(GENEROUS_SECONDS)
    runner.close()
    runner.submit(lambda: late.append("after the end"))
    go_on.set()
    for thread in runner._threads:
        thread.join(GENEROUS_SECONDS)
    assert late == []


# The worker process


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    worker = WorkerProcess(warm=())
    yield worker
    worker.close()


def at_work(worker: WorkerProcess, name: str, number: int = 1) -> tuple[threading.Thread, list[Any]]:
    """Have a thread run work up to its first tick; return the thread and the list that gets what comes of it."""
    ticking, result = threading.Event(), []

    def run() -> None:
        try:
            result.append(worker.run(number, f"works:{name}", {}, Path(), lambda share: share and ticking.set()))
        except Exception as problem:
            result.append(type(problem))

    thread = threading.Thread(target=run)
    thread.start()
    assert ticking.wait(GENEROUS_SECONDS)
    return thread, result


def test_work_gets_its_spec_and_folder_and_says_how_far_it_is(worker: WorkerProcess, tmp_path: Path) -> None:
    shares: list[float] = []
    spec = {"threads": 2, "title": "Amélie \U0001f600", "threshold": None}
    outcome = worker.run(1, "works:echo", spec, tmp_path, shares.append)
    assert outcome["spec"] == spec
    assert outcome["folder"] == str(tmp_path)
    assert outcome["pid"] != os.getpid()
    assert shares == [0.0, 0.5, 1.0]


def test_texts_that_are_no_unicode_survive_the_pipe(worker: WorkerProcess) -> None:
    spec = {"text": "lone \ud83d surrogate\n\0"}
    assert worker.run(1, "works:surrogates", spec, Path(), ignore) == spec


def test_one_process_does_one_piece_of_work_after_the_other(worker: WorkerProcess) -> None:
    pids = {worker.run(number, "works:echo", {}, Path(), ignore)["pid"] for number in range(3)}
    assert len(pids) == 1


def test_what_a_library_prints_is_not_taken_for_an_answer(worker: WorkerProcess) -> None:
    assert worker.run(1, "works:chatty", {}, Path(), ignore) == {"quiet": False}


def test_work_that_cannot_be_done_says_why(worker: WorkerProcess) -> None:
    with pytest.raises(JobFailed) as caught:
        worker.run(1, "works:refuse", {}, Path(), ignore)
    assert (caught.value.message, caught.value.hint) == ("Dataset has fewer than 1000 interactions.", "there are 3")
    assert worker.run(2, "works:echo", {}, Path(), ignore)


def test_work_that_finds_no_room_on_the_disk_says_so(worker: WorkerProcess) -> None:
    with pytest.raises(DiskTrouble, match="The disk is full"):
        worker.run(1, "works:fill", {}, Path(), ignore)


@pytest.mark.parametrize(("name", "said"), [("divide", "ZeroDivisionError"), ("missing", "has no attribute")])
def test_a_bug_in_work_brings_its_traceback(worker: WorkerProcess, name: str, said: str) -> None:
    with pytest.raises(RuntimeError, match=said):
        worker.run(1, f"works:{name}", {}, Path(), ignore)
    assert worker.run(2, "works:echo", {}, Path(), ignore)


@pytest.mark.parametrize("name", ["die", "die_within_a_word"])
def test_a_process_that_dies_at_work_interrupts_it_and_the_next_work_gets_another(
    worker: WorkerProcess, name: str
) -> None:
    with pytest.raises(Interrupted):
        worker.run(1, f"works:{name}", {}, Path(), ignore)
    assert worker.run(2, "works:echo", {}, Path(), ignore)


def test_a_process_that_dies_idle_is_replaced(worker: WorkerProcess) -> None:
    pid = worker.run(1, "works:echo", {}, Path(), ignore)["pid"]
    assert worker._process is not None
    worker._process.kill()
    assert worker.run(2, "works:echo", {}, Path(), ignore)["pid"] != pid


def test_cancelled_work_ends_and_the_next_work_is_done(worker: WorkerProcess) -> None:
    thread, result = at_work(worker, "hang")
    worker.cancel(1)
    thread.join(GENEROUS_SECONDS)
    assert result == [Interrupted]
    assert worker.run(2, "works:echo", {"mine": True}, Path(), ignore)["spec"] == {"mine": True}


def test_cancelling_other_work_disturbs_nobody(worker: WorkerProcess) -> None:
    thread, result = at_work(worker, "hang")
    worker.cancel(2)
    assert thread.is_alive()
    worker.cancel(1)
    thread.join(GENEROUS_SECONDS)
    assert result == [Interrupted]


def test_work_that_is_stopped_by_its_tick_says_nothing_to_the_next(worker: WorkerProcess) -> None:
    def stop(share: float) -> None:
        if share:
            raise Cancelled

    with pytest.raises(Cancelled):
        worker.run(1, "works:echo", {"mine": False}, Path(), stop)
    assert worker.run(2, "works:echo", {"mine": True}, Path(), ignore)["spec"] == {"mine": True}


def test_work_that_was_stopped_before_it_began_does_not_begin(worker: WorkerProcess) -> None:
    def stop(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        worker.run(1, "works:hang", {}, Path(), stop)


def test_closing_ends_work_and_process(worker: WorkerProcess) -> None:
    thread, result = at_work(worker, "hang")
    process = worker._process
    worker.close()
    thread.join(GENEROUS_SECONDS)
    assert result == [Interrupted]
    assert process is not None
    assert process.poll() is not None
    worker.close()


def test_nothing_begins_after_closing(worker: WorkerProcess) -> None:
    worker.close()
    worker.warm_up()
    with pytest.raises(Cancelled):
        worker.run(1, "works:echo", {}, Path(), ignore)
    assert worker._process is None


def test_a_warm_process_has_loaded_what_work_needs() -> None:
    worker = WorkerProcess(warm=("colorsys",))
    worker.warm_up()
    assert worker.run(1, "works:loaded", {}, Path(), ignore) == {"loaded": True}
    worker.close()


@pytest.mark.skipif(not hasattr(os, "nice"), reason="priorities are set otherwise on Windows")
def test_the_process_has_a_low_priority(worker: WorkerProcess) -> None:
    assert worker.run(1, "works:priority", {}, Path(), ignore)["niceness"] >= 10


@pytest.mark.parametrize("last_words", ["", '{"work": "works:ec'])
def test_the_process_ends_in_the_middle_of_work_when_the_server_is_gone(last_words: str) -> None:
    process = runners._Process()
    process.send({"work": "works:hang", "spec": {}, "folder": "."})
    assert json.loads(process._output.readline()) == {"share": 0.25}
    process._input.write(last_words)  # as of a server that was killed while it wrote
    process._input.close()
    assert process._popen.wait(GENEROUS_SECONDS) == 0
    process.end()


@pytest.mark.parametrize("first", [True, False])
def test_the_worker_imports_nothing_from_the_current_directory(
    first: bool, worker: WorkerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("queue", "json", "numpy", "signal"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('executed')", "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["", *sys.path] if first else [*sys.path, str(tmp_path)])
    assert worker.run(1, "works:echo", {}, tmp_path, ignore)["folder"] == str(tmp_path)


def test_the_log_has_how_a_worker_died_and_its_last_lines(
    worker: WorkerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(Interrupted, match="exited with status 9"):
        worker.run(1, "works:complain", {}, Path(), ignore)
    (record,) = caplog.records
    assert record.getMessage() == "the worker process exited with status 9; its last lines: out of patience"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_worker_that_was_killed_is_said_to_be(worker: WorkerProcess) -> None:
    with pytest.raises(Interrupted, match="killed by SIGKILL, perhaps because memory ran out"):
        worker.run(1, "works:kill", {}, Path(), ignore)


# Jobs in the worker process

House = Any


@pytest.fixture
def busy_house(new_house: Callable[..., House], worker: WorkerProcess) -> Callable[..., House]:
    """A function that opens a house whose jobs do a piece of work from above, on real time and in real threads."""

    def build(name: str, process: WorkerProcess = worker) -> House:
        house = new_house(
            clock=WallClock(),
            pace=EvenPace(0.0),
            light=ThreadRunner("job", 2),
            heavy=ThreadRunner("training", 1),
            process=process,
            work=f"works:{name}",
        )
        house.lifecycle.start_ticker()
        return house

    return build


def reached(house: House, version: Any, *statuses: str) -> str:
    """Wait until a resource has one of the statuses; return it."""
    there = threading.Event()
    house.database.listeners.append(lambda _: house.status(version) in statuses and there.set())
    assert house.status(version) in statuses or there.wait(GENEROUS_SECONDS), house.status(version)
    return str(house.status(version))


def test_work_whose_process_dies_is_done_again(busy_house: Callable[..., House]) -> None:
    house = busy_house("die_once")
    version = house.version()
    assert reached(house, version, "ACTIVE", "CREATE FAILED") == "ACTIVE"
    assert house.now(version)["metrics"] == {"attempt": 2}


def test_work_whose_process_always_dies_fails_with_a_reason(busy_house: Callable[..., House]) -> None:
    house = busy_house("die")
    version = house.version()
    assert reached(house, version, "ACTIVE", "CREATE FAILED") == "CREATE FAILED"
    assert house.now(version)["failureReason"] == (
        "Internal error. Please retry. The work was interrupted 3 times; "
        "the last time the worker process exited with status 9."
    )


def test_stopped_work_ends_and_the_next_is_done(busy_house: Callable[..., House], trade: Any) -> None:
    house = busy_house("hang")
    hanging = house.version("hanging")
    until(lambda: house.workshop.progress.get(1) == 0.25)
    assert house.workshop.jobs()[0]["secondsLeft"] >= 0
    house.stop(house.now(hanging))
    assert reached(house, hanging, "CREATE STOPPED")
    until(lambda: not house.leftovers())
    house.workshop._bodies = {"train": replace(house.workshop._bodies["train"], work="works:echo")}
    assert reached(house, house.version("next"), "ACTIVE", "CREATE FAILED") == "ACTIVE"


def test_closing_in_the_middle_of_work_leaves_it_to_the_next_run(
    busy_house: Callable[..., House], caplog: pytest.LogCaptureFixture
) -> None:
    house = busy_house("hang")
    version = house.version()
    until(lambda: house.workshop.progress.get(1) == 0.25)
    with caplog.at_level(logging.ERROR):
        house.close()
    assert caplog.records == []
    another = WorkerProcess(warm=())
    house = busy_house("echo", another)
    assert house.status(version) == "CREATE IN_PROGRESS"
    house.lifecycle.recover()
    assert reached(house, version, "ACTIVE", "CREATE FAILED") == "ACTIVE"
    another.close()


def test_light_work_ends_at_its_next_tick_when_all_is_closed(new_house: Callable[..., House], trade: Any) -> None:
    working, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work(spec: Any, folder: Path, tick: Callable[[float], None]) -> Any:
        working.set()
        go_on.wait(GENEROUS_SECONDS)
        try:
            tick(0.5)
        finally:
            ended.set()
        return {}

    trade.work = work
    house = new_house(clock=WallClock(), pace=EvenPace(0.0), light=ThreadRunner("job", 1))
    house.lifecycle.start_ticker()
    version = house.version()
    assert working.wait(GENEROUS_SECONDS)
    threading.Timer(0.1, go_on.set).start()
    house.close()
    assert ended.wait(GENEROUS_SECONDS)
    house = new_house(clock=WallClock(), pace=EvenPace(0.0))
    assert house.status(version) == "CREATE IN_PROGRESS"
