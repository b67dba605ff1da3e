"""With lags, streamed rows count when the emulator's clock says so; without, at once."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import boto3
import pytest

from fakepersonalize import mock_personalize
from fakepersonalize.emulator import Emulator
from fakepersonalize.recommend.lags import LAGS, Lags, Waiting
from fakepersonalize.storage.streamed import Event, Row

START = 1_600_000_000
ROLE = "arn:aws:iam::123456789012:role/films"
AT_ONCE = tuple(
    f"{kind}=immediate"
    for kind in (
        *("dataset_group", "dataset", "dataset_import_job", "data_deletion_job"),
        *("event_tracker", "filter", "solution_version", "campaign"),
    )
)
FIELDS = {
    "Interactions": ["USER_ID", "ITEM_ID", "EVENT_TYPE"],
    "Items": ["ITEM_ID", "GENRE"],
    "Users": ["USER_ID", "CLASS"],
}


def client(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1")


def schema(type_: str) -> str:
    fields = [{"name": name, "type": "string"} for name in FIELDS[type_]]
    fields += [{"name": "TIMESTAMP", "type": "long"}] if type_ == "Interactions" else []
    for field in fields:
        field |= {} if field["name"] not in ("GENRE", "CLASS") else {"categorical": True}  # type: ignore[dict-item]
    return json.dumps({"type": "record", "name": type_, "fields": fields})


class Films:
    """Thirty people in a circle of forty films, trained on streamed rows."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator, self.numbers = emulator, itertools.count()
        personalize = client("personalize")
        self.group = personalize.create_dataset_group(name="films")["datasetGroupArn"]
        self.datasets = {type_: self._dataset(type_) for type_ in FIELDS}
        made = personalize.create_event_tracker(name="films", datasetGroupArn=self.group)
        self.tracking_id = made["trackingId"]
        for user in range(30):
            self.put(f"u{user}", [f"i{(user * 3 + step) % 40}" for step in range(10)])
        for item in range(40):
            self.put_item(f"i{item}", "drama" if item % 2 else "comedy")
        emulator.advance(seconds=24 * 3600)
        solution = personalize.create_solution(
            name="films", datasetGroupArn=self.group, recipeArn="arn:aws:personalize:::recipe/aws-user-personalization"
        )["solutionArn"]
        version = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
        self.campaign = personalize.create_campaign(name="films", solutionVersionArn=version)["campaignArn"]

    def filter(self, name: str, expression: str) -> str:
        made = client("personalize").create_filter(name=name, datasetGroupArn=self.group, filterExpression=expression)
        return str(made["filterArn"])

    def recommended(self, user: str, **asked: Any) -> list[str]:
        answer = client("personalize-runtime").get_recommendations(
            campaignArn=self.campaign, userId=user, numResults=40, **asked
        )
        return [item["itemId"] for item in answer["itemList"]]

    def put(self, user: str, items: list[str]) -> None:
        sent = [{"eventType": "watch", "itemId": item, "sentAt": START + n} for n, item in enumerate(items)]
        client("personalize-events").put_events(
            trackingId=self.tracking_id, sessionId=f"of {user}", userId=user, eventList=sent
        )

    def put_item(self, item: str, genre: str) -> None:
        film = {"itemId": item, "properties": json.dumps({"genre": genre})}
        client("personalize-events").put_items(datasetArn=self.datasets["Items"], items=[film])

    def put_user(self, user: str, class_: str) -> None:
        person = {"userId": user, "properties": json.dumps({"class": class_})}
        client("personalize-events").put_users(datasetArn=self.datasets["Users"], users=[person])

    def load(self, type_: str, *lines: str, mode: str = "FULL") -> None:
        """Import rows."""
        self._on_file(
            "dataset_import_job", *lines, datasetArn=self.datasets[type_], importMode=mode, header=FIELDS[type_]
        )

    def delete_users(self, *users: str) -> None:
        self._on_file("data_deletion_job", *users, datasetGroupArn=self.group, header=["USER_ID"])

    def _on_file(self, kind: str, *lines: str, header: list[str], **asked: str) -> None:
        name, s3 = f"job{next(self.numbers)}", client("s3")
        s3.create_bucket(Bucket="films")
        columns = [*header, "TIMESTAMP"] if "EVENT_TYPE" in header else header
        s3.put_object(Bucket="films", Key=name, Body="\n".join([",".join(columns), *lines]).encode())
        create = getattr(client("personalize"), f"create_{kind}")
        create(jobName=name, dataSource={"dataLocation": f"s3://films/{name}"}, roleArn=ROLE, **asked)

    def _dataset(self, type_: str) -> str:
        made = client("personalize").create_schema(name=type_, schema=schema(type_))["schemaArn"]
        arn = client("personalize").create_dataset(
            name=type_, schemaArn=made, datasetGroupArn=self.group, datasetType=type_
        )["datasetArn"]
        return str(arn)


@pytest.fixture(scope="module", params=["aws", "none"])
def films(request: pytest.FixtureRequest) -> Iterator[Films]:
    with mock_personalize(lifecycle="manual", transitions=AT_ONCE, lags=request.param, limits="off") as emulator:
        yield Films(emulator)


def waits(films: Films) -> bool:
    return films.emulator.settings.lags == "aws"


def test_an_event_counts_in_recommendations_two_seconds_later(films: Films) -> None:
    before = films.recommended("new")
    films.put("new", ["i20"])
    assert (films.recommended("new") == before) == waits(films)
    films.emulator.advance(seconds=1.9)
    assert (films.recommended("new") == before) == waits(films)
    films.emulator.advance(seconds=0.2)
    assert films.recommended("new") != before


def test_an_event_counts_in_filters_two_seconds_later(films: Films) -> None:
    met = films.filter("met", 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")')
    films.put("guest", ["i7"])
    assert films.recommended("guest", filterArn=met) == ([] if waits(films) else ["i7"])
    films.emulator.advance(seconds=2)
    assert films.recommended("guest", filterArn=met) == ["i7"]


def test_an_item_counts_in_filters_twenty_minutes_later(films: Films) -> None:
    crime = films.filter("crime", 'INCLUDE ItemID WHERE Items.GENRE IN ("crime")')
    films.put_item("i5", "crime")
    assert films.recommended("u1", filterArn=crime) == ([] if waits(films) else ["i5"])
    films.emulator.advance(seconds=1199)
    assert films.recommended("u1", filterArn=crime) == ([] if waits(films) else ["i5"])
    films.emulator.advance(seconds=1)
    assert films.recommended("u1", filterArn=crime) == ["i5"]


def test_a_user_counts_in_filters_twenty_minutes_later(films: Films) -> None:
    gold = films.filter("gold", 'EXCLUDE ItemID WHERE Items.GENRE IN ("drama") IF CurrentUser.CLASS = "gold"')
    films.put_user("u2", "gold")
    assert (len(films.recommended("u2", filterArn=gold)) == 40) is waits(films)
    films.emulator.advance(seconds=1200)
    assert len(films.recommended("u2", filterArn=gold)) < 40


def test_imported_rows_count_in_filters_twenty_minutes_later(films: Films) -> None:
    """Meanwhile those that they replace count, and what was put before."""
    western = films.filter("western", 'INCLUDE ItemID WHERE Items.GENRE IN ("western")')
    liked = films.filter("liked", 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("like")')
    films.load("Items", "i6,western", "i8,western")
    films.emulator.advance(seconds=1200)
    assert set(films.recommended("u1", filterArn=western)) == {"i6", "i8"}
    films.put_item("i10", "western")
    films.load("Items", "i7,western")
    films.load("Items", "i8,western", mode="INCREMENTAL")
    films.load("Interactions", f"u3,i9,like,{START}")
    after = {"i7", "i8", "i10"}, ["i9"]
    for seconds in (0, 1199):
        films.emulator.advance(seconds=seconds)
        found = set(films.recommended("u1", filterArn=western)), films.recommended("u3", filterArn=liked)
        assert found == (({"i6", "i8"}, []) if waits(films) else after)
    films.emulator.advance(seconds=1)
    assert (set(films.recommended("u1", filterArn=western)), films.recommended("u3", filterArn=liked)) == after


def test_deleted_users_are_gone_at_once(films: Films) -> None:
    loved = films.filter("loved", 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("love")')
    films.load("Interactions", f"leaver,i9,love,{START}", f"stayer,i9,love,{START}")
    films.emulator.advance(seconds=1200)
    assert films.recommended("leaver", filterArn=loved) == ["i9"]
    films.load("Interactions", f"stayer,i8,love,{START}", f"leaver,i8,love,{START}")
    films.delete_users("leaver")
    assert films.recommended("leaver", filterArn=loved) == []
    assert films.recommended("stayer", filterArn=loved) == ["i8"]


def waiting(folder: Path) -> AbstractContextManager[Emulator]:
    return mock_personalize(lifecycle="manual", transitions=AT_ONCE, lags="aws", limits="off", data_dir=str(folder))


def test_imported_rows_count_after_a_restart(tmp_path: Path) -> None:
    with waiting(tmp_path) as emulator:
        films = Films(emulator)
        films.load("Items", "i6,western")
        western = films.filter("western", 'INCLUDE ItemID WHERE Items.GENRE IN ("western")')
        films.load("Items", "i7,western")
        assert films.recommended("u1", filterArn=western) == []
        folder = tmp_path / "tables"
        assert len([*folder.glob("*/*.parquet")]) == 2
    with waiting(tmp_path):
        assert films.recommended("u1", filterArn=western) == ["i7"]
        assert len([*folder.glob("*/*.parquet")]) == 1


def test_streamed_rows_go_on_waiting_after_a_restart(tmp_path: Path) -> None:
    with waiting(tmp_path) as emulator:
        films = Films(emulator)
        western = films.filter("western", 'INCLUDE ItemID WHERE Items.GENRE IN ("western")')
        met = films.filter("met", 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")')
        films.put_item("i5", "western")
        films.put("guest", ["i7"])
        emulator.advance(seconds=600)
        films.put_item("i6", "western")
        films.put("guest", ["i8"])
        films.filter("later", 'INCLUDE ItemID WHERE Items.GENRE IN ("later")')  # the clock goes on from here
    with waiting(tmp_path) as emulator:
        emulator.advance(seconds=1)
        assert films.recommended("u1", filterArn=western) == []
        assert films.recommended("guest", filterArn=met) == ["i7"]
        emulator.advance(seconds=1)
        assert set(films.recommended("guest", filterArn=met)) == {"i7", "i8"}
        emulator.advance(seconds=598)
        assert films.recommended("u1", filterArn=western) == ["i5"]
        emulator.advance(seconds=600)
        assert set(films.recommended("u1", filterArn=western)) == {"i5", "i6"}


def test_no_row_of_an_earlier_run_waits_longer_than_a_new_one() -> None:
    heard: list[Row] = []
    now = [100.0]
    waiting: Waiting[Row] = Waiting(heard.extend, 5, lambda: now[0])
    rows = [Event(1, "u", "s", None, "i", 1, "watch", "{}", number, at) for number, at in enumerate((95, 99, 1000, 97))]
    waiting.resume(rows[:3])  # a clock that ran ahead
    waiting.resume(rows[3:])  # of another dataset
    assert heard == rows[:1]
    for seconds, number in ((102.0, 3), (104.0, 1), (105.0, 2)):
        now[0] = seconds - 0.1
        waiting.settle()
        assert rows[number] not in heard
        now[0] = seconds
        waiting.settle()
        assert heard[-1] == rows[number]


def test_a_training_takes_what_came_whether_it_counts_yet_or_not(films: Films) -> None:
    films.put("late", ["i1", "i2"])
    made = client("personalize").create_solution_version(solutionArn=films.campaign.replace("campaign", "solution"))
    version = films.emulator.shelf.find(made["solutionVersionArn"])
    assert version is not None
    assert "late" in films.emulator.loaded.get(version.number).users


def test_there_is_no_lag_unless_asked_for() -> None:
    assert LAGS["none"] == Lags(0, 0, 0)


def test_rows_arrive_in_their_order_and_those_of_a_dataset_that_is_gone_do_not() -> None:
    def row(number: int, dataset: int) -> Event:
        return Event(dataset, "u", "s", None, "i", 1, "watch", "{}", number)

    heard: list[Row] = []
    time = [0.0]
    waiting = Waiting(heard.extend, 5, lambda: time[0])
    for number in range(6):
        waiting.take([row(number, number % 2)])
        time[0] += 1
    waiting.settle()
    assert [each.number for each in heard if isinstance(each, Event)] == [0, 1]
    waiting.drop(1)
    time[0] = 100
    waiting.settle()
    assert [each.number for each in heard if isinstance(each, Event)] == [0, 1, 2, 4]


def test_what_is_removed_on_its_way_never_arrives() -> None:
    heard: list[Row] = []
    now = [0.0]
    waiting = Waiting(heard.extend, 2.0, lambda: now[0])
    rows = [Event(1, "u", "s", None, item, START, "watch", "{}", number) for number, item in enumerate("abc")]
    waiting.take(rows)
    waiting.remove({1})
    now[0] = 3.0
    waiting.settle()
    assert heard == [rows[0], rows[2]]
