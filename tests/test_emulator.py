"""One emulator after the other on the same folder, and what ends one."""

import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import shops
from accounts import until

from fakepersonalize.arns import Scope
from fakepersonalize.emulator import Emulator
from fakepersonalize.jobs import train
from fakepersonalize.neighbours import Neighbours, ObjectInfo
from fakepersonalize.protocol.wire import Incoming
from fakepersonalize.settings import Settings

SCOPE = Scope("123456789012", "us-east-1")
ARN = "arn:aws:personalize:us-east-1:123456789012:"
ROWS = ["USER_ID,ITEM_ID,TIMESTAMP\n", *(f"u{n % 30},i{n * n % 40},{1_600_000_000 + n}\n" for n in range(900))]
WORKS = """
import threading


def hang(spec, folder, tick):
    tick(0.5)
    threading.Event().wait()
"""


@pytest.fixture(autouse=True)
def bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every location name the same file; S3 has tests of its own."""
    monkeypatch.setattr(Neighbours, "objects", lambda *_: [ObjectInfo("films", "rows.csv", 1, "")])
    monkeypatch.setattr(Neighbours, "read_object", lambda *_: (row.encode() for row in ROWS))


@pytest.fixture
def new_emulator(tmp_path: Path) -> Iterator[Callable[..., Emulator]]:
    """A function that starts an emulator on the test's folder, after closing the one before."""
    started: list[Emulator] = []

    def start(**settings: Any) -> Emulator:
        if started:
            started[-1].close()
        given = {"data_dir": str(tmp_path / "data"), "limits": "off", "in_process": True} | settings
        started.append(Emulator(Settings(**given)))
        started[-1].start()
        return started[-1]

    yield start
    if started:
        started[-1].close()


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have trainings never end, in the worker process of a server."""
    (tmp_path / "hanging_works.py").write_text(WORKS, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(train, "WORK", "hanging_works:hang")
    monkeypatch.setattr(train, "LIBRARIES", ())


def ask(emulator: Emulator, operation: str, **request: Any) -> dict[str, Any]:
    headers = {"x-amz-target": f"AmazonPersonalize.{operation}", "content-type": "application/x-amz-json-1.1"}
    reply = emulator.answer(Incoming("POST", "/", headers, json.dumps(request).encode()), SCOPE)
    answer: dict[str, Any] = json.loads(reply.body)
    return answer


def imported(emulator: Emulator) -> None:
    """Make a dataset with rows, and a solution."""
    ask(emulator, "CreateSchema", name="films", schema=shops.INTERACTIONS)
    ask(emulator, "CreateDatasetGroup", name="films")
    until(lambda: status(emulator, "DatasetGroup", "dataset-group/films") == "ACTIVE")
    group = {"datasetGroupArn": f"{ARN}dataset-group/films"}
    ask(emulator, "CreateDataset", name="films", datasetType="Interactions", schemaArn=f"{ARN}schema/films", **group)
    until(lambda: status(emulator, "Dataset", "dataset/films/INTERACTIONS") == "ACTIVE")
    ask(
        emulator,
        "CreateDatasetImportJob",
        jobName="films",
        datasetArn=f"{ARN}dataset/films/INTERACTIONS",
        dataSource={"dataLocation": "s3://films/rows.csv"},
        roleArn="arn:aws:iam::123456789012:role/reader",
    )
    until(lambda: status(emulator, "DatasetImportJob", "dataset-import-job/films") == "ACTIVE")
    ask(
        emulator, "CreateSolution", name="films", recipeArn="arn:aws:personalize:::recipe/aws-popularity-count", **group
    )


def trained(emulator: Emulator) -> str:
    arn: str = ask(emulator, "CreateSolutionVersion", solutionArn=f"{ARN}solution/films")["solutionVersionArn"]
    return arn


def status(emulator: Emulator, noun: str, tail: str) -> str | None:
    member = noun[0].lower() + noun[1:]
    answer = ask(emulator, f"Describe{noun}", **{f"{member}Arn": ARN + tail})
    return answer[member]["status"] if member in answer else None


def at_work(emulator: Emulator) -> bool:
    return 0.5 in emulator.lifecycle.workshop.progress.values()


def on_disk(emulator: Emulator) -> list[str]:
    return sorted(
        path.relative_to(emulator.folder.path).as_posix()
        for room in ("jobs", "tables", "models")
        for path in emulator.folder.path.glob(f"{room}/*")
    )


def test_everything_is_there_in_the_next_run(new_emulator: Callable[..., Emulator]) -> None:
    first = new_emulator()
    imported(first)
    version = trained(first)
    before = ask(first, "DescribeSolutionVersion", solutionVersionArn=version)
    second = new_emulator()
    assert ask(second, "DescribeSolutionVersion", solutionVersionArn=version) == before
    assert before["solutionVersion"]["status"] == "ACTIVE"
    assert trained(second) != version


def test_who_reads_that_something_is_there_may_use_it_at_once(new_emulator: Callable[..., Emulator]) -> None:
    emulator = new_emulator(in_process=False, step_seconds=60)
    begun, go_on, read = threading.Event(), threading.Event(), threading.Event()

    def look_again(changed: set[str]) -> None:
        begun.set()
        assert go_on.wait(10)

    def describe() -> None:
        assert status(emulator, "DatasetGroup", "dataset-group/films")
        read.set()

    emulator.database.listeners.append(look_again)
    calls = [threading.Thread(target=ask, args=(emulator, "CreateDatasetGroup"), kwargs={"name": "films"})]
    calls[0].start()
    assert begun.wait(10)
    calls.append(threading.Thread(target=describe))
    calls[1].start()
    assert not read.wait(0.2)
    go_on.set()
    assert read.wait(10)
    for call in calls:
        call.join(10)


def test_a_seed_gives_no_version_the_id_of_one_from_an_earlier_run(new_emulator: Callable[..., Emulator]) -> None:
    imported(new_emulator(seed=7))
    versions = [trained(new_emulator(seed=7)) for _ in range(3)]
    assert len(set(versions)) == 3


def test_a_seed_gives_the_same_ids_in_a_new_folder(new_emulator: Callable[..., Emulator], tmp_path: Path) -> None:
    made = []
    for folder in ("a", "b"):
        emulator = new_emulator(seed=7, data_dir=str(tmp_path / folder))
        imported(emulator)
        made.append([trained(emulator), trained(emulator)])
    assert made[0] == made[1]


def test_what_a_crash_left_is_cleared_away(new_emulator: Callable[..., Emulator], tmp_path: Path) -> None:
    imported(new_emulator())
    trained(new_emulator())
    strays = ["jobs/77/model/arrays.npz", "tables/3/99.parquet", "tables/55/1.parquet", "models/66/arrays.npz"]
    kept = on_disk(new_emulator())
    for name in strays:
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    emulator = new_emulator()
    assert on_disk(emulator) == kept
    assert [name for name in strays if (tmp_path / "data" / name).exists()] == []


def test_deleted_rows_and_models_leave_the_disk(new_emulator: Callable[..., Emulator]) -> None:
    emulator = new_emulator()
    imported(emulator)
    trained(emulator)
    assert len(on_disk(emulator)) == 2
    ask(emulator, "DeleteSolution", solutionArn=f"{ARN}solution/films")
    ask(emulator, "DeleteDataset", datasetArn=f"{ARN}dataset/films/INTERACTIONS")
    assert on_disk(emulator) == []


def test_a_reset_leaves_nothing_and_all_begins_as_in_a_new_folder(new_emulator: Callable[..., Emulator]) -> None:
    emulator = new_emulator(seed=7)
    imported(emulator)
    version = trained(emulator)
    emulator.reset()
    assert on_disk(emulator) == []
    for operation, member in (("ListSolutions", "solutions"), ("ListDatasetImportJobs", "datasetImportJobs")):
        assert ask(emulator, operation)[member] == []
    imported(emulator)
    assert trained(emulator) == version


def test_a_reset_ends_training(new_emulator: Callable[..., Emulator], hanging: None) -> None:
    emulator = new_emulator(in_process=False, step_seconds=0.0)
    imported(emulator)
    trained(emulator)
    until(lambda: at_work(emulator))
    process = emulator._process._process
    emulator.reset()
    until(lambda: process.poll() is not None)
    until(lambda: on_disk(emulator) == [])
    assert ask(emulator, "ListSolutions")["solutions"] == []
    assert emulator.database.row("unfinished_jobs") is None


def test_stopping_ends_training_and_leaves_nothing_of_it(new_emulator: Callable[..., Emulator], hanging: None) -> None:
    emulator = new_emulator(in_process=False, step_seconds=0.0)
    imported(emulator)
    version = trained(emulator)
    until(lambda: at_work(emulator))
    process = emulator._process._process
    ask(emulator, "StopSolutionVersionCreation", solutionVersionArn=version)
    until(lambda: status(emulator, "SolutionVersion", version.removeprefix(ARN)) == "CREATE STOPPED")
    until(lambda: process.poll() is not None)
    until(lambda: on_disk(emulator) == ["tables/3"])


def test_rows_that_only_a_training_read_leave_the_disk_with_it(
    new_emulator: Callable[..., Emulator], hanging: None
) -> None:
    emulator = new_emulator(in_process=False, step_seconds=0.0)
    imported(emulator)
    version = trained(emulator)
    until(lambda: at_work(emulator))
    ask(
        emulator,
        "CreateDatasetImportJob",
        jobName="again",
        datasetArn=f"{ARN}dataset/films/INTERACTIONS",
        dataSource={"dataLocation": "s3://films/rows.csv"},
        roleArn="arn:aws:iam::123456789012:role/reader",
    )
    until(lambda: status(emulator, "DatasetImportJob", "dataset-import-job/again") == "ACTIVE")
    rows = emulator.folder.path / "tables"
    assert len(list(rows.glob("3/*"))) == 2
    ask(emulator, "StopSolutionVersionCreation", solutionVersionArn=version)
    until(lambda: len(list(rows.glob("3/*"))) == 1)


def test_closing_ends_training_and_the_next_run_takes_it_up(
    new_emulator: Callable[..., Emulator],
    hanging: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    emulator = new_emulator(in_process=False, step_seconds=0.0)
    imported(emulator)
    version = trained(emulator)
    until(lambda: at_work(emulator))
    process = emulator._process._process
    with caplog.at_level(logging.ERROR):
        emulator.close()
    assert process.poll() is not None
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    monkeypatch.setattr(train, "WORK", "fakepersonalize.jobs.train:work")
    emulator = new_emulator(in_process=False, step_seconds=0.0)
    until(lambda: status(emulator, "SolutionVersion", version.removeprefix(ARN)) == "ACTIVE")


def test_closing_twice_is_closing_once(new_emulator: Callable[..., Emulator]) -> None:
    emulator = new_emulator(in_process=False)
    emulator.close()
    emulator.close()
    assert not emulator.ready


def test_a_temporary_folder_goes_with_its_emulator() -> None:
    emulator = Emulator(Settings(in_process=True))
    emulator.start()
    ask(emulator, "CreateSchema", name="films", schema=shops.INTERACTIONS)
    emulator.close()
    assert not emulator.folder.path.exists()


def test_no_thread_outlives_an_emulator() -> None:
    before = threading.active_count()
    emulator = Emulator(Settings(step_seconds=0.0))
    emulator.start()
    ask(emulator, "CreateDatasetGroup", name="films")
    emulator.close()
    until(lambda: threading.active_count() == before)


def test_a_folder_of_a_newer_version_is_refused_and_let_go(
    new_emulator: Callable[..., Emulator], tmp_path: Path
) -> None:
    new_emulator().close()
    with closing(sqlite3.connect(tmp_path / "data" / "metadata.db")) as database:
        current = database.execute("PRAGMA user_version").fetchone()[0]
    for version in (999, current):
        with closing(sqlite3.connect(tmp_path / "data" / "metadata.db")) as database:
            database.execute(f"PRAGMA user_version = {version}")
        if version == 999:
            with pytest.raises(sqlite3.DatabaseError, match="newer version"):
                Emulator(Settings(data_dir=str(tmp_path / "data")))
    new_emulator()


def test_time_goes_on_where_a_faster_clock_had_come_to(new_emulator: Callable[..., Emulator]) -> None:
    emulator = new_emulator(lifecycle="manual")
    ask(emulator, "CreateDatasetGroup", name="films")
    emulator.lifecycle.advance(86_400.0)
    ask(emulator, "CreateDatasetGroup", name="later")
    latest = emulator.clock.now()
    for profile in ("manual", "classroom"):
        emulator = new_emulator(lifecycle=profile)
        assert emulator.clock.now() >= latest
        assert status(emulator, "DatasetGroup", "dataset-group/later") == "CREATE PENDING"
    emulator = new_emulator(lifecycle="instant")
    assert emulator.clock.now() < latest
    assert status(emulator, "DatasetGroup", "dataset-group/later") == "CREATE PENDING"


def test_steps_of_another_profile_do_not_wait_for_days(new_emulator: Callable[..., Emulator]) -> None:
    emulator = new_emulator(lifecycle="manual")
    emulator.lifecycle.advance(10 * 86_400.0)
    ask(emulator, "CreateDatasetGroup", name="films")
    (step, *_) = new_emulator(lifecycle="instant").database.rows("next_due")
    assert step["due"] - new_emulator(lifecycle="instant").clock.now() < 3600
