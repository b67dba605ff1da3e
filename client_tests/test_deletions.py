"""What CreateDataDeletionJob removes: the rows of users, imported or streamed, and their histories in what answers."""

from __future__ import annotations

from typing import Any

import pytest
import shops
from accounts import Account, Description
from test_exports import rows as exported

ROWS = shops.series()
GONE = {"u1", "u2"}
RECIPE = "aws-hrnn"
LATER = shops.START + 10_000_000
EVENTS_HEADER = f"{shops.HEADER},EVENT_TYPE,EVENT_VALUE"


def deleted(account: Account, group: str, location: str, name: str = "job") -> Description:
    arn = account.personalize.create_data_deletion_job(
        jobName=name, datasetGroupArn=group, roleArn=account.role, dataSource={"dataLocation": location}
    )["dataDeletionJobArn"]
    return account.settled("data_deletion_job", arn)


class Town:
    """A group with users, of whom one is to go, and a model that knows all of them."""

    def __init__(self, account: Account) -> None:
        self.account, self.group = account, account.group()
        self.events = account.dataset(self.group, account.schema("events", shops.EVENTS))
        self.users = account.dataset(self.group, account.schema("users", shops.USERS), "Users")
        text = shops.csv([(*row, "watch", "") for row in ROWS], EVENTS_HEADER)
        account.import_rows(self.events, account.put(text), "events")
        people = shops.csv([(f"u{n}", n) for n in range(60)], "USER_ID,AGE")
        account.import_rows(self.users, account.put(people, "users.csv"), "users")
        self.campaign = account.deployed(self.group, RECIPE, RECIPE)
        self.tracking_id = account.personalize.create_event_tracker(name="t", datasetGroupArn=self.group)["trackingId"]

    def meet(self, item: str, session: str = "s", **more: Any) -> None:
        event = {"eventType": "watch", "itemId": item, "sentAt": LATER}
        self.account.events.put_events(trackingId=self.tracking_id, sessionId=session, eventList=[event], **more)

    def recommended(self, user: str, **more: Any) -> list[str]:
        return self.account.recommended(self.campaign, userId=user, numResults=10, **more)

    def delete(self, *users: str, name: str = "job") -> Description:
        location = self.account.put("\n".join(["USER_ID", *users, ""]), f"{name}.csv")
        return deleted(self.account, self.group, location, name)


@pytest.fixture
def town(account: Account) -> Town:
    return Town(account)


def test_rows_and_events_of_the_users_go_and_all_others_stay(town: Town) -> None:
    town.meet("i50", userId="u1")
    town.meet("i51", session="s1")  # which becomes u1's with the next event
    town.meet("i52", session="s1", userId="u1")
    town.meet("i53", session="u2")
    town.meet("i54", session="s3", userId="u3")
    town.meet("i55", session="s4")
    before = exported(town.account, town.events, "ALL")
    job = town.delete(*GONE, "nobody")
    assert job["status"] == "COMPLETED", job
    stay = [row for row in before if row[0] not in GONE | {"s1"}]
    assert len(before) > len(stay) > 1000
    assert exported(town.account, town.events, "ALL") == stay
    people = exported(town.account, town.users, "ALL")
    assert {user for user, _ in people[1:]} == {f"u{n}" for n in range(60)} - GONE
    assert job["numDeleted"] == len(before) - len(stay) + len(GONE)


def test_what_they_did_influences_no_answer_any_more(town: Town) -> None:
    for item in ("i50", "i51"):
        town.meet(item, userId="u1")
    seen = town.account.personalize.create_filter(
        name="seen",
        datasetGroupArn=town.group,
        filterExpression='EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")',
    )["filterArn"]
    town.account.active("filter", seen)
    stranger, other = town.recommended("stranger"), town.recommended("u3")
    assert town.recommended("u1") != stranger != town.recommended("u2")
    assert town.recommended("u1", filterArn=seen) != stranger
    assert town.delete(*GONE)["status"] == "COMPLETED"
    for user in GONE:
        assert town.recommended(user) == stranger
        assert town.recommended(user, filterArn=seen) == stranger
    assert town.recommended("u3") == other
    new = town.account.deployed(town.group, RECIPE, "again")
    assert town.account.recommended(new, userId="u1") == town.account.recommended(new, userId="stranger")


def test_who_comes_back_is_met_anew(town: Town) -> None:
    town.meet("i50", userId="u1")
    stranger = town.recommended("stranger")
    town.delete("u1")
    town.meet("i50", userId="u1")
    town.meet("i50", userId="new")
    assert town.recommended("u1") == town.recommended("new") != stranger
    assert len(exported(town.account, town.events, "PUT")) == 3


def test_records_put_one_by_one_go_too(account: Account) -> None:
    group = account.group()
    users = account.dataset(group, account.schema("users", shops.USERS), "Users")
    for user, age in (("u1", 3), ("u1", 4), ("u2", 5)):
        account.events.put_users(datasetArn=users, users=[{"userId": user, "properties": f'{{"age": {age}}}'}])
    job = deleted(account, group, account.put("USER_ID\nu1\n"))
    assert (job["status"], job["numDeleted"]) == ("COMPLETED", 2)
    assert exported(account, users, "PUT") == [("USER_ID", "AGE"), ("u2", "5")]


def test_a_folder_counts_with_all_below_it(account: Account) -> None:
    group = account.group()
    users = account.dataset(group, account.schema("users", shops.USERS), "Users")
    account.import_rows(users, account.put("USER_ID,AGE\nu1,1\nu2,2\nu3,3\n"))
    account.put("USER_ID\nu1\n", "gone/1.csv")
    account.put("user_id\r\nu2\r\n", "gone/deep/2")
    for key in ("gone/deep/", "gone/_SUCCESS", "gone/empty.csv", "gone/deep/.2.crc", "gone/_temporary/3.csv"):
        account.put("USER_ID\nu3\n" if key.endswith("3.csv") else "crc" if key.endswith("crc") else "", key)
    job = deleted(account, group, account.put("USER_ID\nu3\n", "gone.csv").replace("gone.csv", "gone/"))
    assert (job["status"], job["numDeleted"]) == ("COMPLETED", 2)
    assert exported(account, users, "BULK")[1:] == [("u3", "3")]


def test_the_file_of_a_folder_that_cannot_be_read_is_named(account: Account) -> None:
    account.put("USER_ID\nu1\n", "gone/1.csv")
    location = account.put("USER_ID\n" + 257 * "u", "gone/deep/2.csv").replace("deep/2.csv", "")
    assert "line 2 of gone/deep/2.csv" in deleted(account, account.group(), location)["failureReason"]


def test_users_that_nobody_knows_are_no_failure(account: Account) -> None:
    job = deleted(account, account.group(), account.put("USER_ID\nnobody\n"))
    assert (job["status"], job["numDeleted"]) == ("COMPLETED", 0)


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ("u1\nu2\n", "users.csv", "Input CSV is missing the following columns:[USER_ID]."),
        ("USER_ID,ITEM_ID\nu1,i1\n", "users.csv", "Input CSV must have a single column, USER_ID."),
        ("USER_ID\n\n", "users.csv", "No data found at the given location."),
        ("", "users.csv", "No data found at the given location."),
        ("", "nothing/", "No data found at the given location."),
        ("USER_ID\n" + 257 * "u", "users.csv", "Length cannot be more than 256 characters for USER_ID."),
    ],
)
def test_a_list_that_cannot_be_read_fails_the_job_and_removes_nothing(
    account: Account, text: str, key: str, reason: str
) -> None:
    group = account.group()
    users = account.dataset(group, account.schema("users", shops.USERS), "Users")
    account.import_rows(users, account.put("USER_ID,AGE\nu1,1\n"))
    job = deleted(account, group, account.put(text, key))
    assert job["status"] == "FAILED"
    assert reason in job["failureReason"]
    assert "numDeleted" not in job
    assert exported(account, users, "BULK")[1:] == [("u1", "1")]


@pytest.mark.parametrize("location", ["s3://no-such-bucket/users.csv", "s3://no-such-bucket/"])
def test_a_list_that_is_not_there_fails_the_job(account: Account, location: str) -> None:
    job = deleted(account, account.group(), location)
    assert job["status"] == "FAILED"
    assert job["failureReason"].startswith("Insufficient privileges for accessing data in S3.")
