"""Whatever write fails, and whether the disk stays full, the store opens, nothing is half there and no job is stuck.

The whole way is walked again and again, and each time a later one of its writes fails: each of them, or one of so many
as FAKEPERSONALIZE_DISK_STRIDE says.
"""

from __future__ import annotations

import errno
import gc
import io
import itertools
import json
import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
import shops
from botocore.config import Config
from botocore.exceptions import ClientError
from failing_disk import Disk, put_in_place
from werkzeug.test import Client

from fakepersonalize.cli.refusal import Refused
from fakepersonalize.cli.starting import explained
from fakepersonalize.clients import _call
from fakepersonalize.disk import FULL, complaint
from fakepersonalize.frontdoor.neighbour_app import NeighbourApp
from fakepersonalize.server import create_app
from fakepersonalize.settings import Settings

STRIDE = int(os.environ.get("FAKEPERSONALIZE_DISK_STRIDE", "31"))
RECIPE = "arn:aws:personalize:::recipe/aws-popularity-count"
ROLE = "arn:aws:iam::123456789012:role/reads"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "personalize.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


class World:
    """An emulator on a folder, its clients, and what they know to be there."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder, self.disk = folder, disk
        self.open()

    def open(self) -> None:
        Client(NeighbourApp()).post("/moto-api/reset")  # moto's memory belongs to the process, and a new one has none
        settings = Settings(data_dir=str(self._folder), lifecycle="manual", step_seconds=1, limits="off", iam="off")
        self.app = self.patiently(lambda: create_app(settings))
        self.emulator = self.app.extensions["fakepersonalize"]
        services = ("personalize", "personalize-runtime", "personalize-events", "s3", "iam")
        self.personalize, self.runtime, self.events, self.s3, self.iam = map(self._client, services)

    def close(self) -> None:
        self.emulator.close()

    def patiently(self, function: Callable[..., Any], **request: Any) -> Any:
        """Do something; when the disk is why it fails, make room and do it once more."""
        problem, result = tried(function, request)
        if problem is None:
            return result
        refused = isinstance(problem, ClientError)
        assert complaint(problem) or (refused and "The disk " in problem.response["Error"]["Message"]), problem
        self.disk.recover()
        problem, result = tried(function, request)
        # IAM and S3 may have done what they could not answer; Personalize has not.
        assert problem is None or "Exists" in problem.response["Error"]["Code"], problem
        assert problem is None or function in (self.iam.create_role, self.s3.create_bucket), problem
        return result

    def made(self, noun: str, **request: Any) -> str:
        """Make a resource, under another name when the disk lets it fail, and return its ARN once it is ACTIVE."""
        first, *rest = noun.split("_")
        member = first + "".join(word.capitalize() for word in rest)
        name = "jobName" if "job" in noun else "name"
        for attempt in itertools.count():
            asked = request | {name: f"{noun.replace('_', '-')}-{attempt}"}
            arn = self.patiently(getattr(self.personalize, f"create_{noun}"), **asked)[f"{member}Arn"]
            self.patiently(lambda: self.emulator.advance(hours=1))
            found = getattr(self.personalize, f"describe_{noun}")(**{f"{member}Arn": arn})[member]
            if found.get("status", "ACTIVE") == "ACTIVE":
                return str(arn)
            assert found["status"] == "CREATE FAILED", found
            assert "The disk" in found["failureReason"], found
            self.disk.recover()
        raise AssertionError

    def gone(self, noun: str, arn: str) -> None:
        first, *rest = noun.split("_")
        member = first + "".join(word.capitalize() for word in rest)
        self.patiently(getattr(self.personalize, f"delete_{noun}"), **{f"{member}Arn": arn})
        self.patiently(lambda: self.emulator.advance(hours=1))

    def _client(self, service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        keys = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "x"}
        client = boto3.client(service, "us-east-1", endpoint_url="http://localhost:7377", config=config, **keys)
        client.meta.events.register_first("before-send", lambda request, **_: _call(self.app.wsgi_app, request))
        return client


def tried(function: Callable[..., Any], request: dict[str, Any]) -> tuple[Any, Any]:
    """Return what a function raises, and what it returns."""
    try:
        return None, function(**request)
    except Exception as problem:
        return problem, None


def walk(world: World) -> list[tuple[str, str]]:
    """Walk from an empty folder to recommendations; return what is to be deleted."""
    do = world.patiently
    do(world.s3.create_bucket, Bucket="films")
    do(world.s3.put_object, Bucket="films", Key="rows.csv", Body=ROWS)
    do(world.iam.create_role, RoleName="reads", AssumeRolePolicyDocument=json.dumps(TRUST))
    schema = world.made("schema", schema=shops.INTERACTIONS)
    group = world.made("dataset_group")
    dataset = world.made("dataset", datasetType="Interactions", schemaArn=schema, datasetGroupArn=group)
    source = {"dataLocation": "s3://films/rows.csv"}
    world.made("dataset_import_job", datasetArn=dataset, dataSource=source, roleArn=ROLE)
    tracker = world.made("event_tracker", datasetGroupArn=group)
    tracking = world.personalize.describe_event_tracker(eventTrackerArn=tracker)["eventTracker"]["trackingId"]
    event = {"eventType": "x", "itemId": "i1", "sentAt": shops.START}
    do(world.events.put_events, trackingId=tracking, sessionId="s", userId="new", eventList=[event])
    solution = world.made("solution", datasetGroupArn=group, recipeArn=RECIPE)
    version = world.made("solution_version", solutionArn=solution)
    campaign = world.made("campaign", solutionVersionArn=version)
    output = {"s3DataDestination": {"path": "s3://films/out/"}}
    world.made("dataset_export_job", datasetArn=dataset, jobOutput=output, roleArn=ROLE, ingestionMode="ALL")
    answer = world.runtime.get_recommendations(campaignArn=campaign, userId="u1", numResults=10)
    assert len(answer["itemList"]) == 10
    return [
        ("campaign", campaign),
        ("solution", solution),
        ("event_tracker", tracker),
        ("dataset", dataset),
        ("schema", schema),
        ("dataset_group", group),
    ]


ROWS = shops.csv(shops.series(users=8, items=20, each=8)).encode()


@contextmanager
def world_on(folder: Path) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk(folder)
        put_in_place(disk, patch)
        world = World(folder, disk)
        try:
            yield world
        finally:
            disk.recover()
            world.close()


def left_in(data: Path) -> list[str]:
    found = [str(path.relative_to(data)) for room in ("jobs", "tables", "models") for path in data.glob(f"{room}/*")]
    with closing(sqlite3.connect(data / "metadata.db")) as database:
        for table in ("step", "job", "pin", "segment"):
            found += [f"{table}: {row}" for row in database.execute(f"SELECT * FROM {table}")]
        query = "SELECT arn FROM resource WHERE kind NOT LIKE '%_job'"
        found += [row[0] for row in database.execute(query)]
    with closing(sqlite3.connect(data / "streamed.db")) as database:
        found += [str(row) for row in database.execute("SELECT * FROM event")]
    with closing(sqlite3.connect(data / "objects.db")) as database:
        named = {str(row[0]) for row in database.execute("SELECT body FROM version")}
    assert named == {path.name for path in (data / "objects").iterdir()}
    return found


def fail_everywhere(tmp_path: Path, error: int, stays: bool, walking: Callable[[World], Any]) -> int:
    """Walk once for each write that fails; return how many there are."""
    for number in itertools.count(1, STRIDE):
        folder = tmp_path / str(number)
        folder.mkdir()
        with world_on(folder) as world:
            world.disk.fail(number, error, stays)
            made = walking(world)
            if not world.disk.failed:
                return number
            world.disk.recover()
            world.close()
            world.open()
            for noun, arn in made:
                world.gone(noun, arn)
        assert left_in(folder) == [], (number, left_in(folder))
    raise AssertionError


@pytest.mark.parametrize("stays", [False, True], ids=["once", "until there is room"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=["full", "failing"])
def test_the_whole_way_survives_whichever_write_fails(
    error: int, stays: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        writes = fail_everywhere(tmp_path, error, stays, walk)
    assert writes > 150
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
    assert any(FULL in record.getMessage() for record in caplog.records) == (error == errno.ENOSPC)


def test_a_start_on_a_full_disk_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        disk = Disk(tmp_path)
        put_in_place(disk, patch)
        for number in range(1, 6):  # each of the first writes
            disk.fail(number, errno.ENOSPC, stays=True)
            with pytest.raises(Refused, match="The disk is full"), explained(Settings(data_dir=str(tmp_path / "new"))):
                create_app(Settings(data_dir=str(tmp_path / "new")))
    plain = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: plain(folder)._replace(free=5000))
    create_app(Settings(data_dir=str(tmp_path / "new"))).extensions["fakepersonalize"].close()
    assert [record.getMessage() for record in caplog.records] == [f"{tmp_path / 'new'}: {FULL}"]


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_snapshot_that_finds_no_room_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with world_on(tmp_path) as world:
        world.personalize.create_dataset_group(name="films")

        class Full(io.BytesIO):
            def write(self, _: Any) -> int:
                raise OSError(errno.ENOSPC, "No space left on device")

        with Full() as target, pytest.raises(OSError, match="No space"):
            world.emulator.save_snapshot(target)
        gc.collect()
        app = world.app
        app.add_url_rule("/_fakepersonalize/full", view_func=lambda: Full().write(b""))
        answer = Client(app).get("/_fakepersonalize/full")
        assert (answer.status_code, answer.json) == (507, {"error": FULL})
