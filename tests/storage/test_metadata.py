import logging
import os
import re
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fakepersonalize.storage import metadata
from fakepersonalize.storage.metadata import Database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metadata.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(path, durable=False)
    yield database
    database.close()


def write(database: Database, key: str, value: str = "there") -> None:
    database.run("set_tag", arn="arn", key=key, value=value)


def keys(database: Database) -> list[str]:
    return [row["key"] for row in database.rows("tags", arn="arn")]


def in_threads(amount: int, work: Callable[[int], object]) -> list[BaseException]:
    """Run `work(n)` in threads that begin together; return what they raised."""
    raised: list[BaseException] = []
    begin = threading.Barrier(amount)

    def run(number: int) -> None:
        begin.wait()
        try:
            work(number)
        except BaseException as problem:
            raised.append(problem)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(amount)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return raised


# Transactions


def test_what_a_transaction_wrote_is_there_after_it(database: Database) -> None:
    with database.transaction():
        write(database, "a")
    assert keys(database) == ["a"]


def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    with suppress(ZeroDivisionError), database.transaction():
        write(database, "a")
        raise ZeroDivisionError
    assert keys(database) == []
    with database.transaction():
        write(database, "b")
    assert keys(database) == ["b"]


def test_what_a_transaction_wrote_is_seen_inside_it_and_nowhere_else(database: Database) -> None:
    seen: list[list[str]] = []
    with database.transaction():
        write(database, "a")
        assert keys(database) == ["a"]
        reader = threading.Thread(target=lambda: seen.append(keys(database)))
        reader.start()
        reader.join(10)
    assert seen == [[]]


def test_the_first_reading_of_a_thread_does_not_wait_for_the_writer(database: Database) -> None:
    done = threading.Event()
    with database.transaction():
        threading.Thread(target=lambda: (keys(database), done.set()), daemon=True).start()
        assert done.wait(10)


def test_writing_outside_a_transaction_is_refused(database: Database) -> None:
    with pytest.raises(AssertionError, match="outside a transaction"):
        write(database, "a")


def test_transactions_do_not_nest(database: Database) -> None:
    with database.transaction(), pytest.raises(AssertionError, match="nest"), database.transaction():
        pass


def test_nothing_is_written_by_itself_once_sqlite_has_rolled_back(database: Database) -> None:
    with suppress(sqlite3.OperationalError), database.transaction():
        write(database, "a")
        database._writer.execute("ROLLBACK")  # as SQLite does on its own when the disk is full
        with pytest.raises(AssertionError, match="outside"):
            write(database, "b")
    assert keys(database) == []


def test_a_savepoint_that_raises_undoes_its_own_part_only(database: Database) -> None:
    with database.transaction():
        write(database, "before")
        with suppress(ZeroDivisionError), database.savepoint():
            write(database, "within")
            raise ZeroDivisionError
        write(database, "after")
    assert keys(database) == ["after", "before"]


def test_a_savepoint_that_ends_well_keeps_its_part(database: Database) -> None:
    with database.transaction(), database.savepoint():
        write(database, "within")
    assert keys(database) == ["within"]


def test_a_savepoint_that_raises_takes_back_what_it_asked_for(database: Database) -> None:
    done: list[str] = []
    with database.transaction() as transaction:
        transaction.afterwards.append(lambda: done.append("before"))
        with suppress(ZeroDivisionError), database.savepoint():
            transaction.afterwards.append(lambda: done.append("within"))
            raise ZeroDivisionError
    assert done == ["before"]


def test_eight_threads_that_write_at_once_lose_nothing(database: Database) -> None:
    def work(number: int) -> None:
        for turn in range(200):
            with database.transaction():
                write(database, f"{number}-{turn}")
                assert f"{number}-{turn}" in keys(database)

    assert in_threads(8, work) == []
    assert len(keys(database)) == 8 * 200


def test_readers_only_ever_see_whole_transactions(database: Database) -> None:
    over = threading.Event()

    def work(number: int) -> None:
        if number:
            while not over.is_set():
                assert len(keys(database)) % 2 == 0
            return
        for turn in range(100):
            with database.transaction():
                write(database, f"{turn}-first")
                write(database, f"{turn}-second")
        over.set()

    assert in_threads(4, work) == []


# After the commit


def test_listeners_hear_of_changes_before_afterwards_runs_in_its_order(database: Database) -> None:
    heard: list[object] = []
    database.listeners += [lambda changed: heard.append(("first", changed)), lambda _: heard.append("second")]
    with database.transaction() as transaction:
        transaction.afterwards += [lambda: heard.append("then"), lambda: heard.append("at last")]
        transaction.changed.add("arn")
        assert heard == []
    assert heard == [("first", {"arn"}), "second", "then", "at last"]


def test_listeners_hear_nothing_when_no_resource_changed(database: Database) -> None:
    heard: list[set[str]] = []
    database.listeners.append(heard.append)
    with database.transaction():
        write(database, "a")
    assert heard == []


def test_nothing_runs_after_a_rollback(database: Database) -> None:
    heard: list[object] = []
    database.listeners.append(heard.append)
    with suppress(ZeroDivisionError), database.transaction() as transaction:
        transaction.changed.add("arn")
        transaction.afterwards.append(lambda: heard.append("then"))
        raise ZeroDivisionError
    assert heard == []


def test_listeners_read_what_was_committed(database: Database) -> None:
    heard: list[list[str]] = []
    database.listeners.append(lambda _: heard.append(keys(database)))
    with database.transaction() as transaction:
        transaction.changed.add("arn")
        write(database, "a")
    assert heard == [["a"]]


def test_afterwards_may_open_a_transaction(database: Database) -> None:
    def again() -> None:
        with database.transaction():
            write(database, "b")

    with database.transaction() as transaction:
        write(database, "a")
        transaction.afterwards.append(again)
    assert keys(database) == ["a", "b"]


def test_what_fails_after_a_commit_is_logged_and_keeps_nothing_else_from_running(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    heard: list[str] = []
    database.listeners += [fail, lambda _: heard.append("listener")]
    with caplog.at_level(logging.ERROR), database.transaction() as transaction:
        transaction.changed.add("arn")
        write(database, "a")
        transaction.afterwards += [fail, lambda: heard.append("then")]
    assert heard == ["listener", "then"]
    assert keys(database) == ["a"]
    assert [record.exc_info is not None for record in caplog.records] == [True, True]


# Files


def test_what_was_committed_is_there_when_the_file_is_opened_again(path: Path) -> None:
    for value in ("one", "two"):
        database = Database(path, durable=True)
        with database.transaction():
            write(database, value)
        database.close()
    database = Database(path, durable=True)
    assert keys(database) == ["one", "two"]
    database.close()


def test_what_was_not_committed_is_not_in_the_files(path: Path, tmp_path: Path) -> None:
    database = Database(path, durable=True)
    with database.transaction():
        write(database, "a")
    with database.transaction():
        write(database, "b")
        copied = Path(shutil.copytree(tmp_path, tmp_path.parent / "copied")) / path.name  # what a crash would leave
    database.close()
    left = Database(copied, durable=True)
    assert keys(left) == ["a"]
    left.close()


def test_commits_of_a_folder_that_stays_are_synced_and_those_of_a_temporary_one_are_not(tmp_path: Path) -> None:
    def synchronous(durable: bool) -> int:
        database = Database(tmp_path / f"{durable}.db", durable)
        found: int = database._writer.execute("PRAGMA synchronous").fetchone()[0]
        database.close()
        return found

    assert [synchronous(True), synchronous(False)] == [2, 0]  # FULL, OFF: https://www.sqlite.org/pragma.html


def test_a_closed_database_is_closed_for_all_threads(path: Path) -> None:
    database = Database(path, durable=False)
    assert in_threads(4, lambda _: keys(database)) == []
    database.close()
    with pytest.raises(sqlite3.ProgrammingError):
        keys(database)
    assert [type(problem) for problem in in_threads(2, lambda _: keys(database))] == [sqlite3.ProgrammingError] * 2
    with pytest.raises(sqlite3.ProgrammingError), database.transaction():
        pass


def test_a_database_may_be_closed_while_others_read(path: Path) -> None:
    database = Database(path, durable=False)
    with database.transaction():
        for number in range(500):
            write(database, str(number))
    reading = threading.Barrier(5)

    def work(number: int) -> None:
        assert len(keys(database)) == 500
        reading.wait()
        if number == 0:
            database.close()
        while True:
            assert len(keys(database)) == 500

    assert [type(problem) for problem in in_threads(5, work)] == [sqlite3.ProgrammingError] * 5
    assert database._idle == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_however_many_read_at_once_no_more_files_are_open(database: Database) -> None:
    before = len(os.listdir("/proc/self/fd"))
    reading, most, lock = 0, 0, threading.Lock()

    def read(number: int) -> None:
        nonlocal reading, most
        with database._reading() as connection:
            with lock:
                reading += 1
                most = max(most, reading)
            connection.execute("SELECT 1").fetchall()
            time.sleep(0.02)
            with lock:
                reading -= 1

    assert in_threads(4 * metadata.READERS, read) == []
    assert most == metadata.READERS
    assert len(os.listdir("/proc/self/fd")) == before


def test_migrations_bring_an_older_file_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Database(path, durable=False).close()
    later = (*metadata.migrations(), "CREATE TABLE later (number INTEGER); INSERT INTO later VALUES (7)")
    monkeypatch.setattr(metadata, "migrations", lambda of: later)
    for _ in range(2):  # the second time there is nothing left to do
        database = Database(path, durable=False)
        assert database._writer.execute("SELECT number FROM later").fetchall()[0][0] == 7
        assert database._writer.execute("PRAGMA user_version").fetchone()[0] == len(later)
        database.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Database(path, durable=False).close()
    broken = (*metadata.migrations(), "CREATE TABLE later (number INTEGER); INSERT INTO nowhere VALUES (1)")
    with monkeypatch.context() as patch:
        patch.setattr(metadata, "migrations", lambda of: broken)
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            Database(path, durable=False)
    database = Database(path, durable=False)
    assert database._writer.execute("SELECT count(*) FROM sqlite_master WHERE name = 'later'").fetchone()[0] == 0
    database.close()


def test_a_file_of_a_newer_version_is_refused_and_let_go(path: Path) -> None:
    Database(path, durable=False).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(sqlite3.DatabaseError, match="newer version"):
        Database(path, durable=False)
    path.unlink()  # which Windows refuses while it is open


def test_every_statement_can_be_prepared(database: Database) -> None:
    with database.transaction():
        for name, statement in metadata.statements().items():
            values = dict.fromkeys(re.findall(r":(\w+)", statement))
            database._writer.execute(f"EXPLAIN {statement}", values).fetchall()
            assert statement.count(";") <= 1, name


def test_tracing_shows_the_statements_of_all_threads(database: Database) -> None:
    keys(database)
    seen: list[str] = []
    database.trace(seen.append)
    in_threads(1, lambda _: keys(database))
    with database.transaction():
        write(database, "a")
    database.trace(None)
    keys(database)
    assert [statement.split()[0] for statement in seen if not statement.startswith("PRAGMA")] == [
        "SELECT",
        "BEGIN",
        "INSERT",
        "COMMIT",
    ]
