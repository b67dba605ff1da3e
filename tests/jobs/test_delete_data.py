"""A deletion leaves nothing of the users on the disk, and a later start finds nothing of them either."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import shops
from accounts import Account

from fakepersonalize import mock_personalize
from fakepersonalize.jobs import delete_data
from fakepersonalize.storage import artifacts
from fakepersonalize.storage.streamed import StreamedRows

GONE = "the-one-who-goes"
ROWS = [(GONE if user == "u1" else user, item, time) for user, item, time in shops.series()]
RECIPE = "aws-user-personalization"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def arranged(account: Account) -> str:
    """Import and stream rows, train a model; return the dataset group."""
    group = account.shop(ROWS)
    account.deployed(group, RECIPE, RECIPE)
    tracking_id = account.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
    event = {"eventType": "x", "itemId": "i1", "sentAt": shops.START}
    for user in (GONE, "u2"):
        account.events.put_events(trackingId=tracking_id, sessionId="s", userId=user, eventList=[event])
    return group


def delete(account: Account, group: str) -> dict[str, Any]:
    location = account.put(f"USER_ID\n{GONE}\n", "gone.csv")
    arn = account.personalize.create_data_deletion_job(
        jobName="d", datasetGroupArn=group, roleArn=account.role, dataSource={"dataLocation": location}
    )["dataDeletionJobArn"]
    return account.settled("data_deletion_job", arn)


def traces(data: Path) -> list[str]:
    """Return the files of the data folder in which the user's id stands, packed or not."""
    found = []
    for path in data.rglob("*"):
        if path.suffix == ".parquet":
            users = pq.read_table(path)["USER_ID"].to_pylist()
        elif path.name == artifacts.ARRAYS:
            arrays = artifacts.read(path.parent)[1]
            users = artifacts.unpack(arrays["user_ids"], arrays["user_ids.offsets"])
        else:
            users = [GONE] * (path.is_file() and GONE.encode() in path.read_bytes())
        found += [path.relative_to(data).as_posix()] * (GONE in users)
    return found


def test_nothing_of_the_user_stays_on_the_disk(data: Path) -> None:
    with mock_personalize(data_dir=str(data)):
        account = Account("123456789012")
        group = arranged(account)
        assert {each.split("/")[0].split(".")[0] for each in traces(data)} == {"tables", "models", "streamed"}
        assert delete(account, group)["numDeleted"] == sum(user == GONE for user, _, _ in ROWS) + 1
        assert traces(data) == []
        before = recommended(account)
    with mock_personalize(data_dir=str(data)):
        assert recommended(Account("123456789012")) == before
        assert traces(data) == []


def recommended(account: Account) -> list[list[str]]:
    campaign = account.arn(f"campaign/{RECIPE}")
    answers = [account.recommended(campaign, userId=user, numResults=5) for user in (GONE, "stranger", "u2")]
    assert answers[0] == answers[1] != answers[2]
    return answers


def test_a_deletion_that_is_interrupted_is_done_again(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record: Callable[..., dict[str, Any]] = delete_data.record
    attempts: list[int] = []

    def stumbling(*given: Any) -> dict[str, Any]:
        changes = record(*given)
        attempts.append(1)
        if len(attempts) == 1:
            raise KeyboardInterrupt  # after everything was done, before anything was committed
        return changes

    monkeypatch.setattr(delete_data, "record", stumbling)
    with mock_personalize(data_dir=str(data)) as emulator:
        account = Account("123456789012")
        group = arranged(account)
        with pytest.raises(KeyboardInterrupt):
            delete(account, group)
        emulator.lifecycle.settle()
        job = account.describe("data_deletion_job", account.arn("data-deletion-job/d"))
        assert job["numDeleted"] == sum(user == GONE for user, _, _ in ROWS) + 1
        assert traces(data) == []


def test_from_the_commit_on_no_answer_knows_the_user(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taking rows off the disk may take its time: whoever sees that the job is over asks meanwhile."""
    answers: list[list[list[str]]] = []
    with mock_personalize(data_dir=str(data)):
        account = Account("123456789012")
        group = arranged(account)
        campaign = account.arn(f"campaign/{RECIPE}")
        assert account.recommended(campaign, userId=GONE) != account.recommended(campaign, userId="stranger")
        monkeypatch.setattr(StreamedRows, "forget", lambda streamed: answers.append(recommended(account)))
        delete(account, group)
    assert len(answers) == 1


def test_a_model_without_some_users_is_that_of_the_others(data: Path) -> None:
    import pyarrow as pa

    with mock_personalize(data_dir=str(data)):
        arranged(Account("123456789012"))
        (folder,) = (data / "models").iterdir()
        arrays = artifacts.read(folder)[1]
    fewer = delete_data._without(arrays, pa.array([GONE, "u5"]))
    assert fewer is not None
    old, new = histories(arrays), histories(fewer)
    assert new == {user: history for user, history in old.items() if user not in (GONE, "u5")}
    assert delete_data._without(fewer, pa.array([GONE])) is None


def histories(arrays: dict[str, Any]) -> dict[str, list[tuple[int, int]]]:
    users = artifacts.unpack(arrays["user_ids"], arrays["user_ids.offsets"])
    offsets = arrays["history.offsets"]
    pairs = list(zip(arrays["history.items"].tolist(), arrays["history.times"].tolist()))
    assert offsets[-1] == len(pairs)
    return {user: pairs[offsets[n] : offsets[n + 1]] for n, user in enumerate(users)}
