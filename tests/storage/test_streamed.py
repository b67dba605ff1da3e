"""Streamed rows: kept in the order of their arrival, many calls in one commit, all or none."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from fakepersonalize.storage import metadata, streamed
from fakepersonalize.storage.streamed import Event, Record, Row, StreamedRows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "streamed.db"


@pytest.fixture
def store(path: Path) -> Iterator[StreamedRows]:
    opened = StreamedRows(path, durable=True)
    yield opened
    opened.close()


def event(item: str, dataset: int = 1, user: str | None = "u") -> Event:
    return Event(dataset, user, "s", None, item, 1_600_000_000, "watch", "{}")


def record(id_: str, dataset: int = 2, columns: str = "{}") -> Record:
    return Record(dataset, id_, 0, columns)


def again(store: StreamedRows, path: Path) -> StreamedRows:
    store.close()
    return StreamedRows(path, durable=True)


def test_rows_come_back_as_they_were_put_in_the_order_of_their_arrival(store: StreamedRows) -> None:
    store.add([event("a"), event("b", user=None)])
    store.add([record("x"), event("c")])
    assert store.events(1) == [
        event("a")._replace(number=1),
        event("b", user=None)._replace(number=2),
        event("c")._replace(number=4),
    ]
    assert store.records(2) == [record("x")._replace(number=3)]
    assert store.events(2) == store.records(1) == []


def test_what_was_put_is_there_after_a_restart_and_numbers_go_on(store: StreamedRows, path: Path) -> None:
    store.add([event("a"), record("x")])
    opened = again(store, path)
    opened.add([event("b")])
    assert [each.number for each in opened.events(1)] == [1, 3]
    opened.close()


def test_rows_know_when_they_came_and_those_of_an_older_version_came_long_ago(path: Path) -> None:
    with closing(sqlite3.connect(path)) as older:
        older.executescript(metadata.migrations(metadata.STREAMED)[0])
        older.execute("INSERT INTO event VALUES (1, 1, 'u', 's', NULL, 'a', 1600000000, 'watch', '{}')")
        older.execute("INSERT INTO record VALUES (2, 2, 'x', 0, '{}')")
        older.execute("PRAGMA user_version = 1")
        older.commit()
    clock = iter([1000.5, 1001.5])
    opened = StreamedRows(path, True, lambda: next(clock))
    opened.add([event("b"), event("c")])
    opened.add([record("y")])
    assert [(each.item, each.at) for each in opened.events(1)] == [("a", 0), ("b", 1000.5), ("c", 1000.5)]
    assert [(each.id, each.at) for each in opened.records(2)] == [("x", 0), ("y", 1001.5)]
    assert [each.at for page in opened.pages_of_events(1) for each in page] == [0, 1000.5, 1000.5]
    assert [each.at for page in opened.pages_of_records(2) for each in page] == [0, 1001.5]
    opened.close()


def test_numbers_of_dropped_rows_are_not_used_again(store: StreamedRows, path: Path) -> None:
    store.add([event("a"), event("b")])
    store.drop(1)
    opened = again(store, path)
    opened.add([event("c")])
    assert [each.number for each in opened.events(1)] == [3]
    opened.close()


def test_dropping_takes_the_rows_of_one_dataset(store: StreamedRows) -> None:
    store.add([event("a"), record("x", 1), event("b", dataset=7), record("y", 8)])
    assert store.datasets() == {1, 7, 8}
    store.drop(1)
    assert store.datasets() == {7, 8}


def test_dropped_rows_leave_the_disk(store: StreamedRows, path: Path) -> None:
    store.add([event("a", user="somebody-secret")])
    assert any(b"somebody-secret" in file.read_bytes() for file in path.parent.glob("streamed.db*"))
    store.drop(1)
    assert not any(b"somebody-secret" in file.read_bytes() for file in path.parent.glob("streamed.db*"))


def test_rows_of_one_call_are_kept_all_or_none(store: StreamedRows) -> None:
    broken = event("b")._replace(type=None)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        store.add([event("a"), broken])
    assert store.events(1) == []
    store.add([event("c")])
    assert [each.item for each in store.events(1)] == ["c"]


def test_every_statement_can_be_prepared(store: StreamedRows) -> None:
    for statement in metadata.statements(metadata.STREAMED).values():
        values = dict.fromkeys(re.findall(r":(\w+)", statement))
        store._database._writer.execute(f"EXPLAIN {statement}", values).fetchall()


def test_listeners_hear_of_rows_in_order_after_they_are_kept(store: StreamedRows) -> None:
    heard: list[tuple[int, bool]] = []

    def listen(rows: object) -> None:
        assert isinstance(rows, list)
        heard.extend((row.number, row in store.events(1)) for row in rows)

    store.listeners.append(listen)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: store.add([event(f"{n}"), event(f"{n}'")]), range(40)))
    assert heard == [(number, True) for number in range(1, 81)]


def test_calls_that_come_during_a_commit_share_the_next_one(store: StreamedRows) -> None:
    groups: list[list[str]] = []
    begun, go_on = threading.Event(), threading.Event()

    def listen(rows: object) -> None:
        assert isinstance(rows, list)
        groups.append([row.item for row in rows])
        begun.set()
        go_on.wait(10)

    store.listeners.append(listen)
    calls = [threading.Thread(target=store.add, args=([event(name)],)) for name in "abcdef"]
    calls[0].start()
    assert begun.wait(10)
    for call in calls[1:]:
        call.start()
    while len(store._waiting) < len(calls) - 1:
        begun.wait(0.001)
    go_on.set()
    for call in calls:
        call.join(10)
    assert [len(group) for group in groups] == [1, 5]
    assert sorted(groups[1]) == list("bcdef")


def test_who_waits_for_the_commit_of_another_says_so(store: StreamedRows) -> None:
    begun, go_on, said = threading.Event(), threading.Event(), threading.Event()

    def listen(rows: object) -> None:
        begun.set()
        go_on.wait(10)

    store.listeners.append(listen)
    store.before_waiting = said.set
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(store.add, [event("a")])
        assert begun.wait(10)
        assert not said.is_set()
        second = threads.submit(store.add, [event("b")])
        assert said.wait(10)
        go_on.set()
        assert [*first.result(10), *second.result(10)] == [1, 2]


def test_a_disk_that_is_always_slow_is_waited_for_aloud(store: StreamedRows, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[int] = []
    store.before_waiting = lambda: said.append(store.latest(1))
    monkeypatch.setattr(streamed, "SLOW_COMMIT_SECONDS", 0.0)
    for name in "abc":
        store.add([event(name)])
    assert said == [1, 2]  # how the first would be nobody knew
    store._took.append(0.0)  # once it was quick
    store.add([event("d")])
    assert said == [1, 2]


def test_a_group_that_cannot_be_written_fails_for_each_of_its_calls(store: StreamedRows) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def listen(rows: object) -> None:
        begun.set()
        go_on.wait(10)

    def put(row: Row) -> str:
        try:
            store.add([row])
        except sqlite3.IntegrityError:
            return "refused"
        return "kept"

    store.listeners.append(listen)
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(put, event("a"))
        assert begun.wait(10)
        others = [threads.submit(put, row) for row in (event("b"), event("c")._replace(type=None))]  # type: ignore[arg-type]
        while len(store._waiting) < 2:
            begun.wait(0.001)
        go_on.set()
        assert first.result(10) == "kept"
        assert [each.result(10) for each in others] == ["refused", "refused"]
    assert [each.item for each in store.events(1)] == ["a"]


def test_rows_are_removed_by_their_numbers_and_those_who_keep_them_hear_of_it(store: StreamedRows, path: Path) -> None:
    told: list[tuple[int, set[int]]] = []
    store.removals.append(lambda dataset, numbers: told.append((dataset, set(numbers))))
    store.add([event("stays"), event("secret-item"), event("other", dataset=3)])
    store.add([record("secret-user"), record("y")])
    store.remove(1, [2, 3])
    store.remove(2, [4])
    store.forget()
    assert [each.item for each in store.events(1) + store.events(3)] == ["stays", "other"]
    assert [each.id for each in store.records(2)] == ["y"]
    assert told == [(1, {2, 3}), (2, {4})]
    assert b"secret" not in b"".join(file.read_bytes() for file in path.parent.iterdir())
    store.add([event("later")])
    assert store.events(1)[-1].number == 6


def test_pages_are_the_rows_that_were_there(store: StreamedRows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fakepersonalize.storage.streamed.PAGE_ROWS", 2)
    store.add([event(item) for item in "abcde"] + [record("x"), record("y"), record("z")])
    pages = store.pages_of_events(1)
    first = next(pages)
    store.add([event("late")])
    assert [[each.item for each in page] for page in (first, *pages)] == [["a", "b"], ["c", "d"], ["e"]]
    assert [[each.id for each in page] for page in store.pages_of_records(2)] == [["x", "y"], ["z"]]
