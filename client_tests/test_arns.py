"""What all families share: how an ARN is read, and what is answered for one that nothing has."""

from __future__ import annotations

import pytest
from accounts import Account, member, refused
from botocore.exceptions import ClientError
from conftest import make_account

from fakepersonalize import mock_personalize

TAILS = {
    "dataset_group": "dataset-group/none",
    "schema": "schema/none",
    "dataset": "dataset/none/ITEMS",
    "dataset_import_job": "dataset-import-job/none",
    "solution": "solution/none",
    "solution_version": "solution/none/01234567",
    "campaign": "campaign/none",
    "dataset_export_job": "dataset-export-job/none",
    "data_deletion_job": "data-deletion-job/none",
    "event_tracker": "event-tracker/01234567",
    "filter": "filter/none",
    "recommender": "recommender/none",
    "metric_attribution": "metric-attribution/none",
    "batch_inference_job": "batch-inference-job/none",
    "batch_segment_job": "batch-segment-job/none",
}
DELETABLE = (
    *("dataset_group", "schema", "dataset", "solution", "campaign"),
    *("event_tracker", "filter", "recommender", "metric_attribution"),
)
CALLS = [("describe", kind) for kind in TAILS] + [("delete", kind) for kind in DELETABLE]


@pytest.mark.parametrize(("verb", "kind"), CALLS)
def test_what_is_not_there_is_not_found(account: Account, verb: str, kind: str) -> None:
    arn = account.arn(TAILS[kind])
    words = kind.replace("_", " ")
    with refused("ResourceNotFoundException", f"The given {words} does not exist: {arn}"):
        getattr(account.personalize, f"{verb}_{kind}")(**{member(kind): arn})


@pytest.mark.parametrize(("verb", "kind"), CALLS)
def test_the_arn_of_another_kind_is_refused(account: Account, verb: str, kind: str) -> None:
    for other, tail in TAILS.items():
        if other != kind:
            with refused("InvalidInputException", f"Invalid ARN: {account.arn(tail)}"):
                getattr(account.personalize, f"{verb}_{kind}")(**{member(kind): account.arn(tail)})


@pytest.mark.parametrize("arn", ["films", "arn:aws:s3:::films", "arn:aws:personalize:us-east-1:1:", "a" * 257])
@pytest.mark.parametrize("kind", TAILS)
def test_what_is_no_arn_is_refused(account: Account, kind: str, arn: str) -> None:
    with refused("InvalidInputException", member(kind)):
        account.describe(kind, arn)


def test_arns_are_told_apart_by_case(account: Account) -> None:
    account.schema("films")
    with refused("ResourceNotFoundException"):
        account.describe("schema", account.arn("schema/Films"))


@pytest.mark.parametrize(("messages", "hint"), [("aws", ""), ("teach", " | fakepersonalize: ")])
def test_a_hint_follows_the_sentence_of_aws_only_where_it_is_wanted(messages: str, hint: str) -> None:
    with mock_personalize(messages=messages):
        account = make_account(None)
        arn = account.arn("filter/films")
        with pytest.raises(ClientError) as refusal:
            account.describe("campaign", arn)
    said = refusal.value.response["Error"]["Message"]
    assert said.startswith(f"Invalid ARN: {arn}{hint}")
    assert bool(hint) == (said != f"Invalid ARN: {arn}")
