"""Waiters wait for what their names say, end early with a reason, and are made for the shapes that there are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import jmespath
import pytest
from botocore.exceptions import WaiterError

import fakepersonalize
from fakepersonalize import mock_personalize
from fakepersonalize.operations.registry import handlers
from fakepersonalize.resources.kinds import KINDS, SCHEMA
from fakepersonalize.waiters import FAST_SLEEP, get_waiter, names

FILE = Path(fakepersonalize.__file__).with_name("waiters-2.json")
WAITERS = json.loads(FILE.read_text("utf-8"))["waiters"]
KEYS = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "x", "region_name": "us-east-1"}
NO_ROWS = {"dataLocation": "s3://films/none.csv"}


@pytest.fixture
def personalize() -> Iterator[Any]:
    with mock_personalize():
        yield boto3.client("personalize", **KEYS)


def test_every_kind_has_a_waiter_for_its_life_and_one_for_its_deletion() -> None:
    created = {kind.name for kind in KINDS.values()} - {SCHEMA.name}
    expected = {f"{name}_active" for name in created - {"data_deletion_job"}} | {"data_deletion_job_completed"}
    expected |= {f"{kind.name}_deleted" for kind in KINDS.values() if f"delete_{kind.name}" in handlers()}
    assert set(names()) == expected | {"recommender_inactive", "solution_version_stopped"}


@pytest.mark.parametrize("waiter", WAITERS.values(), ids=lambda w: w["operation"])
def test_a_waiter_looks_at_members_that_its_operation_answers_with(waiter: dict[str, Any]) -> None:
    operation = botocore.session.Session().get_service_model("personalize").operation_model(waiter["operation"])
    for acceptor in waiter["acceptors"]:
        if acceptor["matcher"] == "error":
            assert acceptor["expected"] in {error.name for error in operation.error_shapes}
        else:
            shape = operation.output_shape
            for part in acceptor["argument"].split("."):
                shape = shape.members[part]
            assert jmespath.compile(acceptor["argument"])


def test_waiting_for_a_life_and_for_a_deletion(personalize: Any) -> None:
    arn = personalize.create_dataset_group(name="films")["datasetGroupArn"]
    get_waiter(personalize, "dataset_group_active").wait(datasetGroupArn=arn)
    personalize.delete_dataset_group(datasetGroupArn=arn)
    get_waiter(personalize, "dataset_group_deleted").wait(datasetGroupArn=arn)


def test_a_failure_ends_the_waiting_with_its_reason(personalize: Any) -> None:
    boto3.client("s3", **KEYS).create_bucket(Bucket="films")
    group = personalize.create_dataset_group(name="films")["datasetGroupArn"]
    fields = [{"name": name, "type": type_} for name, type_ in (("USER_ID", "string"), ("ITEM_ID", "string"))]
    fields.append({"name": "TIMESTAMP", "type": "long"})
    text = json.dumps({"type": "record", "name": "Interactions", "namespace": "n", "fields": fields, "version": "1.0"})
    schema = personalize.create_schema(name="films", schema=text)["schemaArn"]
    made = personalize.create_dataset(name="f", datasetType="Interactions", datasetGroupArn=group, schemaArn=schema)
    boto3.client("s3", **KEYS).put_object(Bucket="films", Key="none.csv", Body=b"USER_ID\nx\n")
    job = personalize.create_dataset_import_job(
        jobName="films", datasetArn=made["datasetArn"], dataSource=NO_ROWS, roleArn="arn:aws:iam::123456789012:role/r"
    )["datasetImportJobArn"]
    failed = personalize.describe_dataset_import_job(datasetImportJobArn=job)["datasetImportJob"]["failureReason"]
    with pytest.raises(WaiterError) as caught:
        get_waiter(personalize, "dataset_import_job_active").wait(datasetImportJobArn=job)
    assert str(caught.value).endswith(failed)
    assert caught.value.last_response["datasetImportJob"]["status"] == "CREATE FAILED"


def test_what_is_not_there_is_not_waited_for(personalize: Any) -> None:
    arn = "arn:aws:personalize:us-east-1:123456789012:campaign/none"
    with pytest.raises(WaiterError, match="ResourceNotFoundException"):
        get_waiter(personalize, "campaign_active").wait(campaignArn=arn)
    with pytest.raises(ValueError, match=r"no waiter 'film_active'; there are .*campaign_active"):
        get_waiter(personalize, "film_active")


@pytest.mark.parametrize(
    ("endpoint", "fast_sleep", "delay"),
    [
        ("http://127.0.0.1:1", False, 0.2),
        ("http://localhost:1", False, 0.2),
        ("http://[::1]:1", False, 0.2),
        ("http://127.0.0.1:1", True, 60),  # sleeping costs nothing there
        (None, False, 60),
    ],
)
def test_the_delay_suits_the_place_and_the_patience_is_the_same(
    endpoint: str | None, fast_sleep: bool, delay: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    if fast_sleep:
        monkeypatch.setenv(FAST_SLEEP, "http://127.0.0.1:1")
    waiter = get_waiter(boto3.client("personalize", endpoint_url=endpoint, **KEYS), "solution_version_active")
    assert waiter.config.delay == delay
    assert waiter.config.delay * waiter.config.max_attempts == pytest.approx(6 * 3600)


def test_the_file_can_be_given_to_botocore_itself(tmp_path: Path) -> None:
    folder = tmp_path / "personalize" / "2018-05-22"
    folder.mkdir(parents=True)
    shutil.copy(FILE, folder)
    session = botocore.session.Session()
    session.get_component("data_loader").search_paths.append(str(tmp_path))
    with mock_personalize():
        client = boto3.Session(botocore_session=session, **KEYS).client("personalize")
        arn = client.create_dataset_group(name="films")["datasetGroupArn"]
        assert "dataset_group_active" in client.waiter_names
        client.get_waiter("dataset_group_active").wait(datasetGroupArn=arn)
