"""With `--s3-endpoint`, jobs read and write an S3 elsewhere, for which another of our servers stands."""

from __future__ import annotations

import pytest
import shops
from accounts import Account, refused
from conftest import STEP_SECONDS, Servers, make_account
from modes import socket_only

NUMBER = "400000000003"


@pytest.fixture(scope="module")
def storage(mode: str, servers: Servers) -> Account:
    return make_account(servers.url("--limits", "off"), number=NUMBER)


@pytest.fixture(scope="module")
def account(servers: Servers, storage: Account) -> Account:
    assert storage.endpoint
    url = servers.url(
        *("--limits", "off", "--s3-endpoint", storage.endpoint),
        FAKEPERSONALIZE_STEP_SECONDS=STEP_SECONDS,
        AWS_ACCESS_KEY_ID=NUMBER,
        AWS_SECRET_ACCESS_KEY="anything",
    )
    return make_account(url, number=NUMBER)


@socket_only
def test_jobs_read_and_write_there(account: Account, storage: Account) -> None:
    location = storage.put(shops.csv(shops.series(users=3, each=20)))
    dataset = account.dataset(account.group(), account.schema())
    assert account.import_rows(dataset, location)["status"] == "ACTIVE"
    bucket = location.split("/")[2]
    arn = account.personalize.create_dataset_export_job(
        jobName="out",
        datasetArn=dataset,
        ingestionMode="BULK",
        roleArn=account.role,
        jobOutput={"s3DataDestination": {"path": f"s3://{bucket}/out/"}},
    )["datasetExportJobArn"]
    account.active("dataset_export_job", arn)
    (written,) = storage.client("s3").list_objects_v2(Bucket=bucket, Prefix="out/")["Contents"]
    body = storage.client("s3").get_object(Bucket=bucket, Key=written["Key"])["Body"].read()
    assert len(body.splitlines()) == 61
    with refused("InvalidInputException", "NoSuchKey"):
        account.begin_import(dataset, f"s3://{bucket}/none.csv")


@socket_only
def test_the_server_says_where_s3_is_and_still_has_iam(account: Account, storage: Account) -> None:
    with refused("NotImplemented", f"S3 is at {storage.endpoint}"):
        account.client("s3").list_buckets()
    account.client("iam").create_role(RoleName="reader", AssumeRolePolicyDocument="{}")
