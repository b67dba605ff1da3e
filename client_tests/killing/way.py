"""The whole way from a schema to a campaign and back, with an import, a training, a batch and an export job."""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import shops
from lives import Dead, Life, call, code

from killing import Announce
from killing.writers import Writers

GENEROUS_SECONDS = 60
POLL_SECONDS = 0.03
WRITERS_PAUSE = 0.02  # in seconds, so that they do not slow the way down
OLD_JOBS = 8  # of earlier rounds that are looked at in each life
KINDS = {
    "dataset_import_job": "import",
    "solution_version": "train",
    "batch_inference_job": "batch",
    "dataset_export_job": "export",
}
BUCKET, KEY, USERS = "films", "interactions.csv", 2000
RECIPE = "arn:aws:personalize:::recipe/aws-popularity-count"
ROLE = "arn:aws:iam::123456789012:role/reader"
HEADER, *ROWS = ["USER_ID,ITEM_ID,TIMESTAMP"] + [
    f"u{user},i{(user * 7 + turn * turn) % 60},{1_600_000_000 + 100 * user + turn}"
    for user in range(40)
    for turn in range(30)
]
# Why a job may have failed: it was interrupted too often.
REASONS = ("Internal error. Please retry. The work was interrupted",)
SERVICE = {"Service": "personalize.amazonaws.com"}
MAY = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"], "Resource": "*"}


def policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


TRUST = policy(Effect="Allow", Principal=SERVICE, Action="sts:AssumeRole")


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

    def function(self, verb: str, server: Life) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(server.client("personalize"), f"{verb}_{self.noun}")
        return found

    @property
    def member(self) -> str:
        first, *rest = self.noun.split("_")
        return first + "".join(word.capitalize() for word in rest)

    def record(self, server: Life) -> dict[str, Any]:
        answer = call(self.function("describe", server), **{f"{self.member}Arn": self.arn})
        found: dict[str, Any] = answer[self.member]
        return found

    def create(self, server: Life) -> None:
        """Create it, unless an earlier life did so without getting round to saying it."""
        try:
            self.arn = call(self.function("create", server), **self.sent)[f"{self.member}Arn"]
        except server.client("personalize").exceptions.ResourceAlreadyExistsException as refusal:
            self.arn = refusal.response["Error"]["Message"].split()[4]
        except server.client("personalize").exceptions.ResourceInUseException as refusal:
            user = refusal.response["Error"]["Message"].partition(" is in use by ")[2].split()[0].rstrip(".")
            if not user.endswith(f"/{self.sent.get('jobName')}"):  # it is this job that uses the dataset
                raise
            self.arn = user

    def delete(self, server: Life) -> None:
        self.may_go = True
        refusal = code(self.function("delete", server), **{f"{self.member}Arn": self.arn})
        # An earlier life may have begun the deletion, or even ended it, without getting round to saying it.
        assert refusal in (None, "ResourceInUseException", "ResourceNotFoundException"), refusal
        if refusal == "ResourceInUseException":
            assert self.record(server)["status"].startswith("DELETE")
        self.must_go = True

    def check(self, server: Life) -> None:
        """Compare what the server says with what it has acknowledged."""
        try:
            found = self.record(server)
        except server.client("personalize").exceptions.ResourceNotFoundException:
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
            assert call(server.client("personalize").get_solution_metrics, solutionVersionArn=self.arn)["metrics"]
        if "jobOutput" in self.sent:
            check_output(server, self)


def same(found: Any, sent: Any) -> bool:
    """Say whether a member came back as it was sent; the type of a dataset comes back in capitals."""
    return bool(found == sent or (isinstance(sent, str) and found == sent.upper()) or str(found).endswith(f"/{sent}"))


class Way:
    """The whole way, round after round; it goes on in the next life where the last one ended."""

    kinds = dict.fromkeys(KINDS.values(), 1.5)

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._resources: list[Resource] = []
        self._jobs: list[Resource] = []  # of earlier rounds
        self._rounds, self._dice = 0, random.Random(3)
        self._writers = Writers(folder)
        self._server: Life
        self._announce: Announce

    def prepare(self, server: Life) -> None:
        s3, iam = server.client("s3"), server.client("iam")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key=KEY, Body="\n".join((HEADER, *ROWS)))
        s3.put_object(Bucket=BUCKET, Key="lines", Body="".join(f'{{"userId": "u{n}"}}\n' for n in range(USERS)))
        s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(Principal=SERVICE, **MAY))
        iam.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST)
        iam.put_role_policy(RoleName="reader", PolicyName="may", PolicyDocument=policy(**MAY))

    def use(self, server: Life, announce: Announce) -> None:
        self._server, self._announce = server, announce
        writing = self._writers.begin(server, lambda kind: time.sleep(WRITERS_PAUSE))
        try:
            while True:
                self._walk()
        finally:
            if not isinstance(sys.exception(), Dead):
                server.process.kill()
            for thread in writing:
                thread.join(GENEROUS_SECONDS)

    def check(self, server: Life) -> None:
        self._writers.check(server)
        for resource in (*self._resources, *self._dice.sample(self._jobs, min(OLD_JOBS, len(self._jobs)))):
            if resource.arn:
                resource.check(server)

    def finish(self, server: Life) -> None:
        """Come to the end of the round, and to that of another one; nothing is left of either."""
        self._server, self._announce = server, lambda kind: None
        for job in self._jobs:
            job.check(server)
        for _ in range(2):
            self._walk()
        server.process.terminate()
        assert server.process.wait(GENEROUS_SECONDS) == 0 or sys.platform == "win32"
        assert left_in(self._folder / "data") == []

    def _walk(self) -> None:
        """One round. All of it is safe to repeat: what is there already is not made again."""
        name = f"films{self._rounds}"
        schema = self._made("schema", name=name, schema=shops.INTERACTIONS)
        group = self._made("dataset_group", name=name)
        dataset = self._made(
            "dataset", name=name, datasetType="Interactions", schemaArn=schema.arn, datasetGroupArn=group.arn
        )
        self._imported(f"{name}-first", dataset)
        solution = self._made("solution", name=name, datasetGroupArn=group.arn, recipeArn=RECIPE)
        version = self._tried("solution_version", name="v", solutionArn=solution.arn)
        self._worked("batch_inference_job", name, solutionVersionArn=version.arn, jobInput=at("s3DataSource", "lines"))
        self._worked("dataset_export_job", name, datasetArn=dataset.arn, ingestionMode="BULK")
        self._imported(f"{name}-second", dataset)
        campaign = self._made("campaign", name=name, solutionVersionArn=version.arn)
        self._recommended(campaign)
        for resource in (campaign, solution, dataset, schema, group):
            self._deleted(resource)
        self._jobs += [each for each in self._resources if each.noun.endswith("_job")]
        self._resources = []
        self._rounds += 1

    def _made(self, noun: str, **sent: Any) -> Resource:
        resource = next((each for each in self._resources if (each.noun, each.sent) == (noun, sent)), None)
        if resource is None:
            resource = Resource(noun, sent)
            self._resources.append(resource)
        kind = KINDS.get(noun, "")
        if resource.arn is None:
            self._announce(kind)
            resource.create(self._server)
        deadline = time.monotonic() + GENEROUS_SECONDS
        while not (resource.active or resource.may_go):
            assert time.monotonic() < deadline, f"nothing becomes of {resource}"
            self._announce(kind)
            record = resource.record(self._server)
            if "jobOutput" in sent:
                check_output(self._server, resource)
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
        source = {"dataLocation": f"s3://{BUCKET}/{KEY}"}
        self._tried("dataset_import_job", jobName=name, datasetArn=dataset.arn, dataSource=source, roleArn=ROLE)

    def _worked(self, noun: str, name: str, **sent: Any) -> None:
        """Have a job write objects."""
        output = at("s3DataDestination", f"{noun}/{name}/")
        self._tried(noun, jobName=name, jobOutput=output, roleArn=ROLE, **sent).check(self._server)

    def _recommended(self, campaign: Resource) -> None:
        if not campaign.may_go:
            self._announce("")
            runtime = self._server.client("personalize-runtime")
            answer = call(runtime.get_recommendations, campaignArn=campaign.arn, userId="u1")
            assert len({item["itemId"] for item in answer["itemList"]}) == 25

    def _deleted(self, resource: Resource) -> None:
        if resource.noun == "solution":
            for version in self._resources:
                version.may_go |= version.noun == "solution_version"
        self._announce("")
        if not resource.must_go:
            resource.delete(self._server)
        deadline = time.monotonic() + GENEROUS_SECONDS
        while not resource.gone:
            assert time.monotonic() < deadline, f"does not go: {resource}"
            self._announce("")
            gone = code(resource.function("describe", self._server), **{f"{resource.member}Arn": resource.arn})
            assert gone in (None, "ResourceNotFoundException"), gone
            resource.gone = bool(gone)
            time.sleep(0 if gone else POLL_SECONDS)


def at(member: str, key: str) -> dict[str, dict[str, str]]:
    return {member: {"path": f"s3://{BUCKET}/{key}"}}


def check_output(server: Life, job: Resource) -> None:
    """What a job wrote is there as a whole once it is ACTIVE, and before that as a whole or not at all."""
    s3, prefix = server.client("s3"), job.sent["jobOutput"]["s3DataDestination"]["path"].removeprefix(f"s3://{BUCKET}/")
    listed = call(s3.list_objects_v2, Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    keys = [each["Key"] for each in listed if not each["Key"].endswith("_CHECK")]
    if job.noun == "dataset_export_job":
        keys = [key for key in keys if key.startswith(f"{prefix}{job.sent['jobName']}-")]
    assert len(keys) <= 1, keys
    assert keys or not job.active, f"no output of {job}"
    for key in keys:
        text: str = call(lambda key=key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()).decode()
        if job.noun == "dataset_export_job":
            assert Counter(text.splitlines()) == Counter((HEADER, *ROWS)), f"half an output of {job}: {len(text)} bytes"
        else:
            assert text.endswith("}\n"), f"half an output of {job}"
            users = [json.loads(line)["input"]["userId"] for line in text.splitlines()]
            assert users == [f"u{number}" for number in range(USERS)], f"half an output of {job}"


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
