"""With `iam=enforce`, roles and bucket policies count as at AWS; a refusal names the policy that would have worked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import shops
from accounts import Account, Description, refused
from batches import Batch
from botocore.exceptions import ClientError
from conftest import STEP_SECONDS, Servers, make_account
from modes import SOCKET

from fakepersonalize import mock_personalize

SENTENCE = "Insufficient privileges for accessing data in S3."
SERVICE = {"Service": "personalize.amazonaws.com"}
TRUST = {"Effect": "Allow", "Principal": SERVICE, "Action": "sts:AssumeRole"}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def suggested(text: str, after: str) -> str:
    """Return the policy that a refusal suggests behind these words."""
    found = re.search(rf"{after}[^{{]*(\{{.*?\}})(?=; |$)", text)
    assert found, text
    return found[1]


@pytest.fixture
def account(mode: str, servers: Servers) -> Iterator[Account]:
    if mode == SOCKET:
        options = ("--limits", "off", "--iam", "enforce")
        yield make_account(servers.url(*options, FAKEPERSONALIZE_STEP_SECONDS=STEP_SECONDS))
    else:
        with mock_personalize(limits="off", iam="enforce"):
            yield make_account(None)


@pytest.fixture
def location(account: Account) -> str:
    return account.put(shops.csv(shops.series(users=3, each=20)))


@pytest.fixture
def dataset(account: Account) -> str:
    return account.dataset(account.group(), account.schema())


def bucket_of(location: str) -> str:
    return location.split("/")[2]


def refusal(account: Account, dataset: str, location: str) -> str:
    with pytest.raises(ClientError, match=SENTENCE) as caught:
        account.begin_import(dataset, location)
    return str(caught.value)


def make_role(account: Account, *may: dict[str, Any], trust: str = policy(TRUST)) -> None:
    iam = account.client("iam")
    iam.create_role(RoleName="personalize", AssumeRolePolicyDocument=trust)
    if may:
        iam.put_role_policy(RoleName="personalize", PolicyName="may", PolicyDocument=policy(*may))


def test_an_import_needs_a_role_that_trusts_and_may_and_a_bucket_that_grants(
    account: Account, dataset: str, location: str
) -> None:
    """Each refusal, followed, leads to the next one."""
    iam, s3 = account.client("iam"), account.client("s3")
    said = refusal(account, dataset, location)
    assert f"fix bucket policy on {bucket_of(location)}." in said
    trust = suggested(said, "there is no role")
    iam.create_role(RoleName="personalize", AssumeRolePolicyDocument=trust)
    said = refusal(account, dataset, location)
    may = suggested(said, "the policies of the role")
    iam.put_role_policy(RoleName="personalize", PolicyName="may", PolicyDocument=may)
    said = refusal(account, dataset, location)
    grant = suggested(said, "the policy of the bucket")
    s3.put_bucket_policy(Bucket=bucket_of(location), Policy=grant)
    assert account.import_rows(dataset, location)["status"] == "ACTIVE"


def test_a_role_that_trusts_another_service_is_refused(account: Account, dataset: str, location: str) -> None:
    make_role(account, trust=policy(TRUST | {"Principal": {"Service": "forecast.amazonaws.com"}}))
    with refused("InvalidInputException", "does not trust personalize.amazonaws.com"):
        account.begin_import(dataset, location)


def test_attached_policies_count_and_a_denial_wins(account: Account, dataset: str, location: str) -> None:
    make_role(account)
    attached = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    account.client("iam").attach_role_policy(RoleName="personalize", PolicyArn=attached)
    grant = {"Effect": "Allow", "Principal": SERVICE, "Action": "s3:*", "Resource": "*"}
    denial = grant | {
        "Effect": "Deny",
        "Principal": "*",
        "Condition": {"StringEquals": {"aws:SourceAccount": account.number}},
    }
    s3 = account.client("s3")
    s3.put_bucket_policy(Bucket=bucket_of(location), Policy=policy(grant, denial))
    with refused("InvalidInputException", "the policy of the bucket"):
        account.begin_import(dataset, location)
    s3.put_bucket_policy(Bucket=bucket_of(location), Policy=policy(grant))
    assert account.import_rows(dataset, location)["status"] == "ACTIVE"


def test_a_bucket_that_demands_tls_and_another_network_can_be_filled_and_imported(
    account: Account, dataset: str, location: str
) -> None:
    """The first denial is what the CDK writes for `enforce_ssl=True`."""
    make_role(account, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    grant = {"Effect": "Allow", "Principal": SERVICE, "Action": "s3:*", "Resource": "*"}
    denial = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": "*"}
    insecure = denial | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    outside = denial | {"Action": "s3:PutObject", "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}
    s3, bucket = account.client("s3"), bucket_of(location)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(grant, insecure, outside))
    s3.put_object(Bucket=bucket, Key="more.csv", Body=shops.csv(shops.series(users=3, each=20)))
    assert account.import_rows(dataset, f"s3://{bucket}/more.csv")["status"] == "ACTIVE"
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(grant, denial | {"Principal": {"AWS": account.number}}))
    with refused("AccessDenied"):
        s3.put_object(Bucket=bucket, Key="more.csv", Body=b"")


def test_a_role_of_another_account_cannot_be_passed(account: Account, dataset: str, location: str) -> None:
    role = account.role.replace(account.number, "999999999999")
    with refused("AccessDeniedException", "Cross-account pass role is not allowed."):
        account.personalize.create_dataset_import_job(
            jobName="import", datasetArn=dataset, dataSource={"dataLocation": location}, roleArn=role
        )


def test_an_export_that_may_not_write_fails_and_says_which_policies_would_do(
    account: Account, dataset: str, location: str
) -> None:
    reading = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
    make_role(account, reading)
    s3, bucket = account.client("s3"), bucket_of(location)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(reading | {"Principal": SERVICE}))
    assert account.import_rows(dataset, location)["status"] == "ACTIVE"
    failed = export(account, dataset, bucket, "refused")
    assert failed["status"] == "CREATE FAILED"
    assert failed["failureReason"].startswith(SENTENCE)
    may = suggested(failed["failureReason"], "the policies of the role")
    account.client("iam").put_role_policy(RoleName="personalize", PolicyName="more", PolicyDocument=may)
    s3.put_bucket_policy(Bucket=bucket, Policy=suggested(failed["failureReason"], "the policy of the bucket"))
    assert export(account, dataset, bucket, "allowed")["status"] == "ACTIVE"
    assert s3.list_objects_v2(Bucket=bucket, Prefix="out/")["KeyCount"] == 1


def test_a_deletion_that_may_not_read_fails_removes_nothing_and_says_which_policies_would_do(
    account: Account, dataset: str, location: str
) -> None:
    grow(account, dataset, location)
    gone = account.put("USER_ID\nu1\n", "gone.csv", "users")
    failed = delete(account, gone, "refused")
    assert failed["status"] == "FAILED"
    assert "numDeleted" not in failed
    allow(account, failed["failureReason"], bucket_of(gone))
    done = delete(account, gone, "allowed")
    assert (done["status"], done["numDeleted"]) == ("COMPLETED", 20)


@pytest.mark.parametrize(
    ("kind", "recipe", "line"),
    [("inference", "aws-user-personalization", {"userId": "u1"}), ("segment", "aws-item-affinity", {"itemId": "i1"})],
)
def test_a_batch_that_may_not_read_and_write_fails_and_says_which_policies_would_do(
    account: Account, dataset: str, location: str, kind: str, recipe: str, line: dict[str, str]
) -> None:
    grow(account, dataset, location)
    group = account.describe("dataset", dataset)["datasetGroupArn"]
    version = account.version(account.solution(group, recipe))
    refused_, allowed = Batch(account, kind), Batch(account, kind)
    for batch in (refused_, allowed):
        batch.put([line])
    failed = refused_.run(version)
    assert failed["status"] == "CREATE FAILED"
    assert "s3:PutObject" in failed["failureReason"]
    assert refused_.outputs() == {}
    allow(account, failed["failureReason"], allowed.bucket)
    assert allowed.run(version)["status"] == "ACTIVE"
    assert allowed.outputs()


def grow(account: Account, dataset: str, location: str) -> None:
    """Import rows, with a role and a bucket that allow that and no more."""
    bucket = bucket_of(location)
    reading = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"]}
    make_role(account, reading | {"Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]})
    grant = reading | {"Resource": "*", "Principal": SERVICE}
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy(grant))
    assert account.import_rows(dataset, location)["status"] == "ACTIVE"


def allow(account: Account, reason: str, bucket: str) -> None:
    """Do what a refusal suggests."""
    assert reason.startswith(SENTENCE)
    may = suggested(reason, "the policies of the role")
    account.client("iam").put_role_policy(RoleName="personalize", PolicyName="more", PolicyDocument=may)
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=suggested(reason, "the policy of the bucket"))


def delete(account: Account, location: str, name: str) -> Description:
    group = account.personalize.list_dataset_groups()["datasetGroups"][0]["datasetGroupArn"]
    arn = account.personalize.create_data_deletion_job(
        jobName=name, datasetGroupArn=group, roleArn=account.role, dataSource={"dataLocation": location}
    )["dataDeletionJobArn"]
    return account.settled("data_deletion_job", arn)


def export(account: Account, dataset: str, bucket: str, name: str) -> dict[str, Any]:
    arn = account.personalize.create_dataset_export_job(
        jobName=name,
        datasetArn=dataset,
        ingestionMode="BULK",
        roleArn=account.role,
        jobOutput={"s3DataDestination": {"path": f"s3://{bucket}/out/"}},
    )["datasetExportJobArn"]
    return dict(account.settled("dataset_export_job", arn))
