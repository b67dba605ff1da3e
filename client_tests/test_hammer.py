"""64 clients call at random on names that all of them use: one winner for each name, nothing lost, nothing double.

`FAKEPERSONALIZE_CALLS` says how many calls each client makes.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from accounts import Account, until
from botocore.exceptions import ClientError
from conftest import NewAccount

CLIENTS, CALLS = 64, int(os.environ.get("FAKEPERSONALIZE_CALLS", "20"))
NAMES = max(10, CALLS // 2)
TAGGERS = 50  # as many tags as a resource may have
HARMLESS = {"", "ResourceAlreadyExistsException", "ResourceNotFoundException", "ResourceInUseException"}

Made = tuple[str, str]  # kind and name


@dataclass(frozen=True)
class Update:
    """A schedule that a client gave a solution, and when the call began and ended."""

    schedule: str
    begun: float
    ended: float


@dataclass
class Ledger:
    """What the clients were told that they had done."""

    codes: Counter[str] = field(default_factory=Counter)
    created: Counter[Made] = field(default_factory=Counter)
    deleted: Counter[Made] = field(default_factory=Counter)
    tags: dict[str, str] = field(default_factory=dict)
    updates: list[Update] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Client:
    """One of many: does something at random on one of the names, and notes what came of it."""

    account: Account
    ledger: Ledger
    group: str
    solution: str
    number: int

    def run(self) -> None:
        rng = random.Random(self.number)
        doings = [self.make_schema, self.make_group, self.come_and_go, self.come_and_go, self.look, self.list]
        doings += [self.update] + [self.tag] * (self.number < TAGGERS)
        for call in range(CALLS):
            rng.choice(doings)(f"n{rng.randrange(NAMES)}", call, rng)

    def make_schema(self, name: str, call: int, rng: random.Random) -> None:
        if self.done(lambda: self.account.schema(name)):
            self.note("created", ("schema", name))

    def make_group(self, name: str, call: int, rng: random.Random) -> None:
        if self.done(lambda: self.account.personalize.create_dataset_group(name=name)):
            self.note("created", ("group", name))

    def come_and_go(self, name: str, call: int, rng: random.Random) -> None:
        """Create or delete a group that others create and delete."""
        name = f"{name}-now-and-then"
        arn = self.account.arn(f"dataset-group/{name}")
        if rng.random() < 0.5:
            if self.done(lambda: self.account.personalize.create_dataset_group(name=name)):
                self.note("created", ("group", name))
        elif self.done(lambda: self.account.personalize.delete_dataset_group(datasetGroupArn=arn)):
            self.note("deleted", ("group", name))

    def look(self, name: str, call: int, rng: random.Random) -> None:
        self.done(lambda: self.account.describe("schema", self.account.arn(f"schema/{name}")))

    def list(self, name: str, call: int, rng: random.Random) -> None:
        self.done(lambda: self.account.personalize.list_dataset_groups(maxResults=1 + rng.randrange(5)))

    def tag(self, name: str, call: int, rng: random.Random) -> None:
        """Set the client's own tag on what all others tag."""
        key, value = f"client{self.number}", str(call)
        tags = [{"tagKey": key, "tagValue": value}]
        if self.done(lambda: self.account.personalize.tag_resource(resourceArn=self.group, tags=tags)):
            self.ledger.tags[key] = value

    def update(self, name: str, call: int, rng: random.Random) -> None:
        schedule = f"rate({2 + rng.randrange(29)} days)"
        config = {"autoTrainingConfig": {"schedulingExpression": schedule}}
        begun = time.monotonic()
        if self.done(
            lambda: self.account.personalize.update_solution(
                solutionArn=self.solution, solutionUpdateConfig=config, performAutoTraining=True
            )
        ):
            self.ledger.updates.append(Update(schedule, begun, time.monotonic()))

    def done(self, call: Callable[[], Any]) -> bool:
        code = ""
        try:
            call()
        except ClientError as error:
            code = error.response["Error"]["Code"]
        with self.ledger.lock:
            self.ledger.codes[code] += 1
        return not code

    def note(self, book: str, made: Made) -> None:
        with self.ledger.lock:
            getattr(self.ledger, book)[made] += 1


def everything(account: Account) -> Counter[Made]:
    """Return what is there when nothing is under way any more, page by page."""
    found: Counter[Made] = Counter()
    for kind, operation in (("schema", "list_schemas"), ("group", "list_dataset_groups")):
        for page in account.personalize.get_paginator(operation).paginate(maxResults=7):
            (rows,) = (value for key, value in page.items() if key not in ("ResponseMetadata", "nextToken"))
            assert len({row.get("schemaArn", row.get("datasetGroupArn")) for row in rows}) == len(rows)
            found.update((kind, row["name"]) for row in rows)
    return found


def settled(account: Account, solution: str) -> bool:
    groups = account.personalize.get_paginator("list_dataset_groups").paginate()
    statuses = {group["status"] for page in groups for group in page["datasetGroups"]}
    return statuses | {account.describe("solution", solution)["latestSolutionUpdate"]["status"]} == {"ACTIVE"}


@pytest.fixture
def ledger(unlimited: NewAccount) -> tuple[Account, Ledger, str, str]:
    """Let all clients loose on one account; return what they were told, when all is quiet again."""
    account, ledger = unlimited(), Ledger()
    assert account.personalize.meta  # the client is made before many threads want it
    group = account.group("tagged")
    solution = account.solution(group, "aws-popularity-count")
    clients = [Client(account, ledger, group, solution, number) for number in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(Client.run, clients))
    until(lambda: settled(account, solution))
    return account, ledger, group, solution


def test_of_many_who_want_a_name_one_gets_it_and_nothing_is_lost(ledger: tuple[Account, Ledger, str, str]) -> None:
    account, told, group, solution = ledger
    assert told.codes.keys() <= HARMLESS
    assert told.codes.total() == CLIENTS * CALLS

    there = everything(account)
    assert set(there.values()) == {1}
    for made in {*told.created, *told.deleted}:
        left = told.created[made] - told.deleted[made]
        assert left == there[made], made
        assert told.deleted[made] == 0 or made[1].endswith("now-and-then")
    assert there.keys() - told.created.keys() == {("group", "tagged")}

    tags = account.personalize.list_tags_for_resource(resourceArn=group)["tags"]
    assert {tag["tagKey"]: tag["tagValue"] for tag in tags} == told.tags

    described = account.describe("solution", solution)
    final = described["solutionConfig"]["autoTrainingConfig"]["schedulingExpression"]
    # Whoever wrote last: nobody whose update was accepted began after it had ended.
    latest_begun = max(update.begun for update in told.updates)
    assert final in {update.schedule for update in told.updates if update.ended >= latest_begun}
