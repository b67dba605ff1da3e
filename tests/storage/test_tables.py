from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fakepersonalize.storage.metadata import Database
from fakepersonalize.storage.tables import TableStore

DATASET, OTHER = 7, 8


class House:
    """A table store in a folder, and jobs that may pin what it has."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = Database(folder / "metadata.db", durable=False)
        self.tables = TableStore(self.database, folder / "tables")

    def bulk(self, text: str, dataset: int = DATASET, replace: bool = True) -> None:
        file = self.spooled(text)
        with self.database.transaction():
            (self.tables.replace if replace else self.tables.append)(dataset, file, text, rows=1)

    def spooled(self, text: str) -> Path:
        file = self.folder / "spooled.parquet"
        file.write_text(text, "utf-8")
        return file

    def streamed(self, text: str, dataset: int = DATASET) -> None:
        """Put down rows as events will be: not of bulk origin."""
        path = self.folder / "tables" / str(dataset) / f"{text}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        with self.database.transaction():
            place = f"{dataset}/{text}.parquet"
            self.database.run("add_segment", dataset=dataset, file=place, origin="put", rows=1)

    def job(self) -> int:
        with self.database.transaction():
            number = self.database.run("add_job", arn="arn", kind="train").lastrowid
        assert number is not None
        return number

    def pinned(self, job: int, dataset: int = DATASET) -> list[Path]:
        with self.database.transaction():
            return self.tables.pin(dataset, job)

    def end(self, job: int) -> None:
        with self.database.transaction():
            self.database.run("remove_job", number=job)
            self.database.run("unpin", job=job)

    def texts(self, dataset: int = DATASET) -> list[str]:
        return [path.read_text("utf-8") for path in self.tables.segments(dataset)]

    def on_disk(self) -> list[str]:
        return sorted(path.relative_to(self.folder / "tables").as_posix() for path in self.folder.glob("tables/**/*"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.database.close()


def test_bulk_rows_replace_bulk_rows_and_their_files_leave_the_disk(house: House) -> None:
    house.bulk("one")
    house.bulk("two")
    assert house.texts() == ["two"]
    assert house.on_disk() == ["7", "7/two.parquet"]


def test_appended_rows_stand_behind_earlier_ones_until_bulk_rows_replace_them(house: House) -> None:
    house.bulk("one")
    house.bulk("more", replace=False)
    assert house.texts() == ["one", "more"]
    house.bulk("two")
    assert house.texts() == ["two"]


def test_bulk_rows_leave_streamed_ones_and_other_datasets_alone(house: House) -> None:
    house.bulk("one")
    house.streamed("event")
    house.bulk("elsewhere", OTHER)
    house.bulk("two")
    assert house.texts() == ["event", "two"]
    assert house.texts(OTHER) == ["elsewhere"]


def test_a_transaction_that_fails_leaves_the_rows_that_were_there(house: House) -> None:
    house.bulk("one")
    with suppress(ZeroDivisionError), house.database.transaction():
        house.tables.replace(DATASET, house.spooled("two"), "two", rows=1)
        raise ZeroDivisionError
    house.tables.sweep()
    assert house.texts() == ["one"]


def test_rows_that_were_moved_before_a_crash_are_taken_over_again(house: House) -> None:
    file = house.spooled("one")
    with suppress(ZeroDivisionError), house.database.transaction():
        house.tables.replace(DATASET, file, "one", rows=1)
        raise ZeroDivisionError
    with house.database.transaction():
        house.tables.replace(DATASET, file, "one", rows=1)
    assert house.texts() == ["one"]


def test_a_dataset_has_rows_from_its_first_import_on(house: House) -> None:
    assert not house.tables.has_rows(DATASET)
    house.bulk("one")
    assert house.tables.has_rows(DATASET)
    assert not house.tables.has_rows(OTHER)


# Pins


def test_pinned_files_stay_until_the_job_is_over(house: House) -> None:
    house.bulk("one")
    job = house.job()
    pinned = house.pinned(job)
    house.bulk("two")
    assert house.texts() == ["two"]
    assert [path.read_text("utf-8") for path in pinned] == ["one"]
    house.end(job)
    house.tables.sweep()
    assert house.on_disk() == ["7", "7/two.parquet"]


def test_files_that_two_jobs_pinned_stay_for_both(house: House) -> None:
    house.bulk("one")
    jobs = [house.job(), house.job()]
    (pinned,) = {house.pinned(job)[0] for job in jobs}
    with house.database.transaction():
        house.tables.drop(DATASET)
    for job in jobs:
        assert pinned.exists()
        house.end(job)
        house.tables.sweep()
    assert not pinned.exists()


def test_a_job_that_was_stopped_meanwhile_pins_nothing(house: House) -> None:
    house.bulk("one")
    job = house.job()
    house.end(job)
    house.pinned(job)
    house.bulk("two")
    assert house.on_disk() == ["7", "7/two.parquet"]


def test_retired_files_are_not_pinned(house: House) -> None:
    house.bulk("one")
    first, second = house.job(), house.job()
    house.pinned(first)
    house.bulk("two")
    assert [path.read_text("utf-8") for path in house.pinned(second)] == ["two"]
    house.end(first)
    house.tables.sweep()
    assert house.on_disk() == ["7", "7/two.parquet"]


# What goes


def test_dropped_rows_leave_the_disk_with_their_folder_after_the_commit(house: House) -> None:
    house.bulk("one")
    house.streamed("event")
    house.bulk("elsewhere", OTHER)
    with house.database.transaction():
        house.tables.drop(DATASET)
        assert "7/one.parquet" in house.on_disk()
    assert house.on_disk() == ["8", "8/elsewhere.parquet"]
    assert not house.tables.has_rows(DATASET)


def test_dropping_that_is_rolled_back_drops_nothing(house: House) -> None:
    house.bulk("one")
    with suppress(ZeroDivisionError), house.database.transaction():
        house.tables.drop(DATASET)
        raise ZeroDivisionError
    house.tables.sweep()
    assert house.texts() == ["one"]


def test_sweeping_again_does_nothing(house: House) -> None:
    house.bulk("one")
    house.bulk("two")
    house.tables.sweep()
    assert house.texts() == ["two"]


def test_strays_go_but_not_what_open_jobs_have_made(house: House) -> None:
    house.bulk("one")
    for name in ("7/3.parquet", "7/4.parquet", "9/5.parquet"):
        path = house.folder / "tables" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    house.tables.sweep_strays({"3"})
    assert house.on_disk() == ["7", "7/3.parquet", "7/one.parquet"]


def test_strays_of_retired_rows_that_are_pinned_stay(house: House) -> None:
    house.bulk("one")
    house.pinned(house.job())
    house.bulk("two")
    house.tables.sweep_strays(set())
    assert house.on_disk() == ["7", "7/one.parquet", "7/two.parquet"]


def test_there_is_nothing_to_sweep_in_a_new_folder(house: House) -> None:
    house.tables.sweep()
    house.tables.sweep_strays(set())
    assert house.on_disk() == []


def test_a_segment_that_is_exchanged_keeps_its_place_and_its_readers(house: House) -> None:
    for text in ("first", "second"):
        house.bulk(text, replace=False)
    job = house.job()
    [old, _] = house.pinned(job)
    numbers = [number for number, _ in house.tables.numbered(DATASET)]
    with house.database.transaction():
        house.tables.exchange(numbers[0], house.spooled("fewer"), "9-1", rows=0)
    assert house.texts() == ["fewer", "second"]
    assert [number for number, _ in house.tables.numbered(DATASET)] == numbers
    assert house.tables.count(DATASET) == 1
    assert old.read_text("utf-8") == "first"
    house.end(job)
    house.tables.sweep()
    assert not old.exists()
    assert house.texts() == ["fewer", "second"]


def test_a_segment_that_has_gone_is_not_exchanged(house: House) -> None:
    house.bulk("first")
    [(number, _)] = house.tables.numbered(DATASET)
    house.bulk("second")
    with house.database.transaction():
        house.tables.exchange(number, house.spooled("fewer"), "9-1", rows=0)
    assert house.texts() == ["second"]


def test_what_an_open_job_exchanges_is_no_stray(house: House) -> None:
    house.bulk("first")
    house.streamed("stray")
    stray = house.folder / "tables" / str(DATASET) / "9-1.parquet"
    stray.write_text("fewer", "utf-8")
    house.tables.sweep_strays({"9"})
    assert stray.exists()
    house.tables.sweep_strays({"1"})
    assert not stray.exists()
