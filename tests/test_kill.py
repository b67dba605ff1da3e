"""A real server is killed at random points of the whole way, again and again, and nothing that it acknowledged is lost.

FAKEPERSONALIZE_KILLS sets how often (20 by default), FAKEPERSONALIZE_KILL_SEED where.
"""

import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
import shops
from accounts import until
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, IncompleteReadError
from botocore.parsers import ResponseParserError

KILLS = int(os.environ.get("FAKEPERSONALIZE_KILLS", "20"))
SEED = int(os.environ.get("FAKEPERSONALIZE_KILL_SEED", "2"))
GENEROUS_SECONDS = 60
POLL_SECONDS = 0.03
# So many calls of the way, polls included, a server lives at most: about as many as the whole way takes.
MOST_CALLS = 60
SHARE_KILLED_WHILE_STARTING = 0.15
BUCKET, KEY = "films", "interactions.csv"
RECIPE = "arn:aws:personalize:::recipe/aws-popularity-count"
ROLE = "arn:aws:iam::123456789012:role/reader"
ROWS = "USER_ID,ITEM_ID,TIMESTAMP\n" + "".join(
    f"u{user},i{(user * 7 + turn * turn) % 60},{1_600_000_000 + 100 * user + turn}\n"
    for user in range(40)
    for turn in range(30)
)
# Why a job may have failed: it was interrupted too often.
REASONS = ("Internal error. Please retry. The work was interrupted",)
SERVICE = {"Service": "personalize.amazonaws.com"}
MAY_READ = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
OBJECTS = ("a", "../b", "folder/c", "d e", "\u00fc", "f", "g")


def policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


TRUST = policy(Effect="Allow", Principal=SERVICE, Action="sts:AssumeRole")


class Dead(Exception):
    """The server does not answer any more."""


class Server:
    """One life of a server on the data folder."""

    def __init__(self, folder: Path, number: int) -> None:
        self.log, self._port_file = folder / f"{number}.log", folder / f"{number}.port"
        options = ["--data-dir", str(folder / "data"), "--port", "0", "--port-file", str(self._port_file)]
        options += ["--limits", "off", "--step-seconds", "0.03", "--iam", "enforce"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fakepersonalize", "serve", *options],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.workers: list[int] = []

    def kill(self) -> None:
        self.workers = children(self.process.pid)
        self.process.kill()

    def listen(self) -> None:
        """Wait until it listens, and make clients for it."""
        until(lambda: self._port_file.exists() or self.process.poll() is not None)
        if self.process.poll() is not None:
            raise Dead
        url = f"http://127.0.0.1:{self._port_file.read_text('ascii').strip()}"
        self.personalize, self.runtime, self.s3, self.iam = (
            boto3.client(
                service,
                endpoint_url=url,
                region_name="us-east-1",
                aws_access_key_id="123456789012",
                aws_secret_access_key="x",
                config=Config(retries={"total_max_attempts": 1}, read_timeout=GENEROUS_SECONDS),
            )
            for service in ("personalize", "personalize-runtime", "s3", "iam")
        )

    def close(self) -> None:
        for client in (getattr(self, name, None) for name in ("personalize", "runtime", "s3", "iam")):
            if client:
                client.close()
        self.process.kill()
        self.process.wait(GENEROUS_SECONDS)


def call(function: Callable[..., Any], **request: Any) -> Any:
    """Call the server; raise Dead when it did not answer."""
    try:
        answer = function(**request)
    except (HTTPClientError, ConnectionError, ResponseParserError, IncompleteReadError) as problem:
        raise Dead from problem
    if _cut_off(answer):
        raise Dead
    return answer


def _cut_off(answer: Any) -> bool:
    """Say whether an answer ended behind its headers, which botocore takes for an empty one."""
    if not isinstance(answer, dict) or answer.keys() != {"ResponseMetadata"}:
        return False
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    return "json" in headers.get("content-type", "") and int(headers.get("content-length", 0)) > len("{}")


def code(function: Callable[..., Any], **request: Any) -> str | None:
    """Call the server; return the code of its refusal."""
    try:
        call(function, **request)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


def children(pid: int) -> list[int]:
    """Return the processes that a process started, where the system tells."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# What the client knows


class Resource:
    """A resource that the client asked for: what was sent, and what the server said since.

    It may go from when its deletion is asked for, must go once that is acknowledged, and is gone when it was not found.
    """

    def __init__(self, noun: str, sent: dict[str, Any]) -> None:
        self.noun, self.sent = noun, sent
        self.arn: str | None = None
        self.active = self.may_go = self.must_go = self.gone = False

    def __repr__(self) -> str:
        return f"{self.noun} {self.sent} ({self.arn})"

    def function(self, verb: str, server: Server) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(server.personalize, f"{verb}_{self.noun}")
        return found

    @property
    def member(self) -> str:
        first, *rest = self.noun.split("_")
        return first + "".join(word.capitalize() for word in rest)

    def record(self, server: Server) -> dict[str, Any]:
        answer = call(self.function("describe", server), **{f"{self.member}Arn": self.arn})
        found: dict[str, Any] = answer[self.member]
        return found

    def create(self, server: Server) -> None:
        """Create it, unless an earlier life did so without getting round to saying it."""
        try:
            self.arn = call(self.function("create", server), **self.sent)[f"{self.member}Arn"]
        except server.personalize.exceptions.ResourceAlreadyExistsException as refusal:
            self.arn = refusal.response["Error"]["Message"].split()[4]

    def delete(self, server: Server) -> None:
        self.may_go = True
        refusal = code(self.function("delete", server), **{f"{self.member}Arn": self.arn})
        # An earlier life may have begun the deletion, or even ended it, without getting round to saying it.
        assert refusal in (None, "ResourceInUseException", "ResourceNotFoundException"), refusal
        if refusal == "ResourceInUseException":
            assert self.record(server)["status"].startswith("DELETE")
        self.must_go = True

    def check(self, server: Server) -> None:
        """Compare what the server says with what it has acknowledged."""
        try:
            found = self.record(server)
        except server.personalize.exceptions.ResourceNotFoundException:
            assert self.may_go, f"lost: {self}"
            return
        assert not self.gone, f"back again: {self}"
        differing = {name: found.get(name) for name, value in self.sent.items() if not same(found.get(name), value)}
        assert not differing, f"{self}: {differing}"
        status = found.get("status", "ACTIVE")
        assert not self.must_go or status.startswith("DELETE"), f"{self} came back: {status}"
        assert not self.active or status == "ACTIVE" or status.startswith("DELETE"), f"{self} fell back: {status}"
        assert status != "CREATE FAILED" or found["failureReason"].startswith(REASONS), found
        if status == "ACTIVE" and self.noun == "solution_version":
            assert call(server.personalize.get_solution_metrics, solutionVersionArn=self.arn)["metrics"]


def same(found: Any, sent: Any) -> bool:
    """Say whether a member came back as it was sent; the type of a dataset comes back in capitals."""
    return bool(found == sent or (isinstance(sent, str) and found == sent.upper()) or str(found).endswith(f"/{sent}"))


class Way:
    """The whole way, round after round; it goes on in the next life where the last one ended."""

    def __init__(self) -> None:
        self.resources: list[Resource] = []
        self.stage, self.rounds = "begin", 0
        self.has_bucket = False
        self._server: Server
        self._answers: Callable[[], None] = lambda: None

    def go_on(self, server: Server, answered: Callable[[], None]) -> None:
        """Walk until a round is over; `answered` is called before every call."""
        self._server, self._answers = server, answered
        rounds = self.rounds
        while self.rounds == rounds:
            self._walk()

    def check(self, server: Server) -> None:
        for resource in self.resources:
            if resource.arn:
                resource.check(server)

    def _walk(self) -> None:
        """One round. All of it is safe to repeat: what is there already is not made again."""
        name = f"films{self.rounds}"
        schema = self._made("schema", name=name, schema=shops.INTERACTIONS)
        group = self._made("dataset_group", name=name)
        dataset = self._made(
            "dataset", name=name, datasetType="Interactions", schemaArn=schema.arn, datasetGroupArn=group.arn
        )
        self._imported(f"{name}-first", dataset)
        solution = self._made("solution", name=name, datasetGroupArn=group.arn, recipeArn=RECIPE)
        version = self._trained(solution)
        self._imported(f"{name}-second", dataset)
        campaign = self._made("campaign", name=name, solutionVersionArn=version.arn)
        self._recommended(campaign)
        for resource in (campaign, solution, dataset, schema, group):
            self._deleted(resource)
        self.resources = [each for each in self.resources if each.noun == "dataset_import_job"]
        self.rounds += 1

    def _made(self, noun: str, **sent: Any) -> Resource:
        resource = next((each for each in self.resources if (each.noun, each.sent) == (noun, sent)), None)
        if resource is None:
            resource = Resource(noun, sent)
            self.resources.append(resource)
        self.stage = f"{noun}: create"
        if resource.arn is None:
            self._answers()
            resource.create(self._server)
        self.stage = f"{noun}: wait"
        deadline = time.monotonic() + GENEROUS_SECONDS
        while not (resource.active or resource.may_go):
            assert time.monotonic() < deadline, f"nothing becomes of {resource}"
            self._answers()
            record = resource.record(self._server)
            if record.get("status", "ACTIVE") == "CREATE FAILED":
                assert record["failureReason"].startswith(REASONS), record
                return resource
            resource.active = record.get("status", "ACTIVE") == "ACTIVE"
            time.sleep(0 if resource.active else POLL_SECONDS)
        return resource

    def _tried(self, noun: str, **sent: Any) -> Resource:
        """Make what may fail when it is interrupted, under one name after the other."""
        name = next(member for member in ("jobName", "name") if member in sent)
        for attempt in range(1000):
            made = self._made(noun, **sent | {name: f"{sent[name]}-{attempt}"})
            if made.active:
                return made
        raise AssertionError("it never went well")

    def _imported(self, name: str, dataset: Resource) -> None:
        if not self.has_bucket:
            self._answers()
            make_bucket_and_role(self._server)
            self.has_bucket = True
        source = {"dataLocation": f"s3://{BUCKET}/{KEY}"}
        self._tried("dataset_import_job", jobName=name, datasetArn=dataset.arn, dataSource=source, roleArn=ROLE)

    def _trained(self, solution: Resource) -> Resource:
        return self._tried("solution_version", name="v", solutionArn=solution.arn)

    def _recommended(self, campaign: Resource) -> None:
        self.stage = "recommend"
        if not campaign.may_go:
            self._answers()
            answer = call(self._server.runtime.get_recommendations, campaignArn=campaign.arn, userId="u1")
            assert len({item["itemId"] for item in answer["itemList"]}) == 25

    def _deleted(self, resource: Resource) -> None:
        self.stage = f"{resource.noun}: delete"
        if resource.noun == "solution":
            for version in self.resources:
                version.may_go |= version.noun == "solution_version"
        if not resource.must_go:
            self._answers()
            resource.delete(self._server)
        self.stage = f"{resource.noun}: wait until it is gone"
        deadline = time.monotonic() + GENEROUS_SECONDS
        while not resource.gone:
            assert time.monotonic() < deadline, f"does not go: {resource}"
            self._answers()
            gone = code(resource.function("describe", self._server), **{f"{resource.member}Arn": resource.arn})
            assert gone in (None, "ResourceNotFoundException"), gone
            resource.gone = bool(gone)
            time.sleep(0 if gone else POLL_SECONDS)


class Scribbler:
    """Creates and deletes schemas without a pause, so that every kill strikes near a write."""

    def __init__(self) -> None:
        self.numbers = iter(range(10**9))
        self.there: set[str] = set()
        self.unclear: set[str] = set()

    def scribble(self, server: Server) -> None:
        """Write until the server is dead."""
        with suppress(Dead):
            for number in self.numbers:
                name = f"scribble{number}"
                self.unclear = {name}
                arn = call(server.personalize.create_schema, name=name, schema=shops.INTERACTIONS)["schemaArn"]
                self.there.add(name)
                if number % 3:
                    call(server.personalize.delete_schema, schemaArn=arn)
                    self.there.discard(name)
                self.unclear = set()

    def check(self, server: Server) -> None:
        pages = server.personalize.get_paginator("list_schemas")
        found = {
            schema["name"]
            for page in call(lambda: list(pages.paginate()))
            for schema in page["schemas"]
            if schema["name"].startswith("scribble")
        }
        assert found - self.unclear == self.there - self.unclear
        for name in found & self.unclear:
            arn = f"arn:aws:personalize:us-east-1:123456789012:schema/{name}"
            assert call(server.personalize.describe_schema, schemaArn=arn)["schema"]["schema"] == shops.INTERACTIONS
        self.there, self.unclear = found, set()


class Librarian:
    """Puts, replaces and deletes objects without a pause; reads all of them again in the next life."""

    def __init__(self) -> None:
        self.numbers = iter(range(10**9))
        self.there: dict[str, bytes] = {}
        self.unclear: tuple[str, bytes | None] | None = None
        self.has_bucket = False

    def scribble(self, server: Server) -> None:
        """Write until the server is dead."""
        with suppress(Dead):
            call(server.s3.create_bucket, Bucket="library")
            self.has_bucket = True
            for number in self.numbers:
                key, body = OBJECTS[number % len(OBJECTS)], f"{number} ".encode() * 5000
                self.unclear = (key, None if number % 4 == 0 else body)
                if number % 4:
                    call(server.s3.put_object, Bucket="library", Key=key, Body=body)
                    self.there[key] = body
                else:
                    call(server.s3.delete_object, Bucket="library", Key=key)
                    self.there.pop(key, None)
                self.unclear = None

    def check(self, server: Server) -> None:
        found = {key: self._read(server, key) for key in OBJECTS}
        expected = {key: self.there.get(key) for key in OBJECTS}
        if self.unclear and found[self.unclear[0]] == self.unclear[1]:
            expected[self.unclear[0]] = self.unclear[1]
        assert found == expected
        self.there = {key: body for key, body in found.items() if body is not None}
        self.unclear = None

    def _read(self, server: Server, key: str) -> bytes | None:
        nothing = {"NoSuchKey"} if self.has_bucket else {"NoSuchKey", "NoSuchBucket"}
        try:
            body: bytes = call(lambda: server.s3.get_object(Bucket="library", Key=key)["Body"].read())
        except ClientError as refusal:
            if refusal.response["Error"]["Code"] not in nothing:
                raise
            return None
        return body


def make_bucket_and_role(server: Server) -> None:
    """Make what an import needs, or as much as earlier lives have not got round to."""
    call(server.s3.create_bucket, Bucket=BUCKET)
    call(server.s3.put_object, Bucket=BUCKET, Key=KEY, Body=ROWS)
    call(server.s3.put_bucket_policy, Bucket=BUCKET, Policy=policy(Principal=SERVICE, **MAY_READ))
    refusal = code(server.iam.create_role, RoleName="reader", AssumeRolePolicyDocument=TRUST)
    assert refusal in (None, "EntityAlreadyExists"), refusal
    call(server.iam.put_role_policy, RoleName="reader", PolicyName="may", PolicyDocument=policy(**MAY_READ))


class Killer:
    """Decides when a server has lived long enough."""

    def __init__(self, randomness: random.Random) -> None:
        self._randomness = randomness
        self.struck: Counter[str] = Counter()

    def watch(self, server: Server) -> Callable[[], None]:
        """Kill a server, while it starts or some calls later; return what is to be called before each call."""
        if self._randomness.random() < SHARE_KILLED_WHILE_STARTING:
            self._kill_after(server, self._randomness.uniform(0.0, 0.5))
            return lambda: None
        left = self._randomness.randrange(MOST_CALLS)
        delay = self._randomness.uniform(0.0, POLL_SECONDS)

        def count() -> None:
            nonlocal left
            left -= 1
            if left == -1:
                self._kill_after(server, delay)

        return count

    def _kill_after(self, server: Server, seconds: float) -> None:
        timer = threading.Timer(seconds, server.kill)
        timer.daemon = True
        timer.start()


# The tests


Scribblers = tuple[Scribbler, Librarian]


def live(server: Server, way: Way, scribblers: Scribblers, answered: Callable[[], None]) -> None:
    """Use a server until it is dead."""
    server.listen()
    check(server, way, scribblers)
    writing = [threading.Thread(target=each.scribble, args=(server,), daemon=True) for each in scribblers]
    for thread in writing:
        thread.start()
    try:
        while True:
            way.go_on(server, answered)
    except Dead:
        server.process.wait(GENEROUS_SECONDS)  # or else it lives and gives no answer
        raise
    finally:
        server.process.kill()
        for thread in writing:
            thread.join(GENEROUS_SECONDS)


def check(server: Server, way: Way, scribblers: Scribblers) -> None:
    """Compare what the server says with what earlier lives have acknowledged."""
    for each in (way, *scribblers):
        each.check(server)


def test_nothing_acknowledged_is_lost_however_often_the_server_is_killed(tmp_path: Path) -> None:
    way, scribblers, killer = Way(), (Scribbler(), Librarian()), Killer(random.Random(SEED))
    number = 0
    # On a slow machine more lives are needed until work of several kinds was struck.
    while number < KILLS or (len(killer.struck) < min(4, KILLS) and number < 3 * KILLS):
        number += 1
        with closing(Server(tmp_path, number)) as server:
            with pytest.raises(Dead):
                live(server, way, scribblers, killer.watch(server))
            server.process.wait(GENEROUS_SECONDS)
            killer.struck[way.stage] += 1
            until(lambda server=server: not any(runs(worker) for worker in server.workers))
            assert "Traceback" not in server.log.read_text("utf-8"), server.log.read_text("utf-8")
    with closing(Server(tmp_path, 0)) as server:
        finish(server, way, scribblers)
    assert left_in(tmp_path / "data") == []
    assert len(killer.struck) >= min(4, KILLS), killer.struck


def finish(server: Server, way: Way, scribblers: Scribblers) -> None:
    """Let a server live: the way comes to its end, and so does another one."""
    server.listen()
    check(server, way, scribblers)
    for _ in range(2):
        way.go_on(server, lambda: None)
    server.process.terminate()
    assert server.process.wait(GENEROUS_SECONDS) == 0 or sys.platform == "win32"
    assert "Traceback" not in server.log.read_text("utf-8"), server.log.read_text("utf-8")


def left_in(data: Path) -> list[str]:
    """Return what is left in a data folder of resources that were deleted."""
    found = [str(path.relative_to(data)) for room in ("jobs", "tables", "models") for path in data.glob(f"{room}/*")]
    with closing(sqlite3.connect(data / "metadata.db")) as database:
        for table in ("step", "job", "pin", "segment"):
            found += [f"{table}: {row}" for row in database.execute(f"SELECT * FROM {table}")]
        found += [
            row[0]
            for row in database.execute("SELECT arn FROM resource WHERE kind NOT LIKE '%_job' AND kind != 'schema'")
        ]
    return found


def test_a_second_server_on_a_folder_ends_with_one_sentence_that_names_the_first(tmp_path: Path) -> None:
    with closing(Server(tmp_path, 1)) as first:
        first.listen()
        with closing(Server(tmp_path, 2)) as second:
            assert second.process.wait(GENEROUS_SECONDS) == 1
        (said,) = second.log.read_text("utf-8").splitlines()
        assert f"pid {first.process.pid}" in said
        assert first.process.poll() is None


def test_a_folder_of_a_killed_server_can_be_taken(tmp_path: Path) -> None:
    for number in range(2):
        with closing(Server(tmp_path, number)) as server:
            server.listen()
            server.kill()
