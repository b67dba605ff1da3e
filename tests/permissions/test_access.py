import json
import logging
import re

import pytest

from fakepersonalize.arns import Scope
from fakepersonalize.errors import AccessDeniedException, InvalidInputException, JobFailed
from fakepersonalize.neighbours import Role
from fakepersonalize.permissions.access import Permissions, reading, reporting, writing

SCOPE = Scope("111111111111", "eu-west-1")
JOB = "arn:aws:personalize:eu-west-1:111111111111:dataset-import-job/first"
ROLE = "arn:aws:iam::111111111111:role/reader"
TRUST = {"Effect": "Allow", "Principal": {"Service": "personalize.amazonaws.com"}, "Action": "sts:AssumeRole"}
BOTH = ["arn:aws:s3:::films", "arn:aws:s3:::films/*"]
MAY_READ = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": BOTH}
GRANT = MAY_READ | {"Principal": {"Service": "personalize.amazonaws.com"}}
SENTENCE = "Insufficient privileges for accessing data in S3."


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Known:
    """Neighbours with one role and the policies of a few buckets."""

    def __init__(self, trust=TRUST, may=(MAY_READ,), buckets=None, elsewhere=False):
        self.roles = {ROLE: Role(ROLE, policy(trust), (policy(*may),))} if trust else {}
        self.buckets = {"films": policy(GRANT)} if buckets is None else buckets
        self.elsewhere = elsewhere

    def role(self, scope, role_arn):
        return self.roles.get(role_arn)

    def bucket_policy(self, scope, bucket):
        return self.buckets.get(bucket)


def refusal(known, *needs):
    with pytest.raises(JobFailed) as refused:
        Permissions(known, "enforce").require(JOB, ROLE, *needs)
    return refused.value


def suggested(hint):
    return [json.loads(text) for text in re.findall(r"\{.*?\}(?=;|$)", hint)]


def test_what_is_allowed_is_done():
    Permissions(Known(), "enforce").require(JOB, ROLE, reading("s3://films/in/a.csv"), reading("s3://films"))


@pytest.mark.parametrize(
    ("known", "hint"),
    [
        (Known(trust=None), "there is no role"),
        (Known(trust=TRUST | {"Effect": "Deny"}), "does not trust"),
        (Known(trust=TRUST | {"Principal": {"Service": "forecast.amazonaws.com"}}), "does not trust"),
        (Known(trust=TRUST | {"Condition": {"StringEquals": {"aws:SourceAccount": "2"}}}), "does not trust"),
        (Known(may=()), "the policies of the role"),
        (Known(may=(MAY_READ | {"Action": "s3:GetObject"},)), "s3:ListBucket on arn:aws:s3:::films"),
        (Known(may=(MAY_READ, MAY_READ | {"Effect": "Deny"})), "the policies of the role"),
        (Known(buckets={}), "the policy of the bucket films"),
        (Known(buckets={"films": policy(GRANT | {"Resource": "arn:aws:s3:::films"})}), "s3:GetObject on arn:aws:s3"),
        (Known(buckets={"films": "nonsense"}), "the policy of the bucket films"),
        (
            Known(buckets={"films": policy(GRANT, GRANT | {"Effect": "Deny", "Principal": {"AWS": ROLE}})}),
            "the policy of the bucket films",
        ),
    ],
)
def test_a_refusal_says_what_aws_says_then_what_is_missing(known, hint):
    refused = refusal(known, reading("s3://films/in/"))
    assert refused.message.startswith(SENTENCE)
    assert refused.message.endswith("fix bucket policy on films.")
    assert hint in refused.hint


@pytest.mark.parametrize(
    "needs",
    [
        [reading("s3://films/in/a.csv")],
        [writing("s3://films/out/")],
        [reading("s3://films/in/"), writing("s3://films/out"), reporting("s3://films/reports/")],
    ],
)
def test_the_policies_that_are_suggested_work(needs):
    hint = refusal(Known(trust=TRUST | {"Effect": "Deny"}, may=(), buckets={}), *needs).hint
    trust, may, grant = map(json.dumps, suggested(hint))
    known = Known(buckets={"films": grant})
    known.roles = {ROLE: Role(ROLE, trust, (may,))}
    Permissions(known, "enforce").require(JOB, ROLE, *needs)


def test_each_bucket_of_a_job_needs_its_own_policy():
    refused = refusal(
        Known(may=(MAY_READ | {"Action": "*", "Resource": "*"},)), reading("s3://films/"), writing("s3://out/")
    )
    assert "the policy of the bucket films" not in refused.hint
    assert "the policy of the bucket out" in refused.hint


def test_a_suggested_trust_policy_is_for_jobs_of_the_account_alone():
    (trust, *_) = suggested(refusal(Known(trust=None), reading("s3://films/")).hint)
    known = Known()
    known.roles = {ROLE: Role(ROLE, json.dumps(trust), (policy(MAY_READ),))}
    Permissions(known, "enforce").require(JOB, ROLE, reading("s3://films/"))
    with pytest.raises(JobFailed, match="fix bucket policy"):
        Permissions(known, "enforce").require(JOB.replace("1111", "2222"), ROLE, reading("s3://films/"))


def test_a_real_s3_without_policies_is_asked_by_the_job_itself():
    Permissions(Known(buckets={}, elsewhere=True), "enforce").require(JOB, ROLE, reading("s3://films/"))


def test_reports_need_no_listing():
    may = MAY_READ | {"Action": "s3:PutObject"}
    known = Known(may=(may,), buckets={"films": policy(GRANT | {"Action": "s3:PutObject"})})
    Permissions(known, "enforce").require(JOB, ROLE, reporting("s3://films/reports/"))
    assert "s3:ListBucket" in refusal(known, writing("s3://films/reports/")).hint


def test_a_warning_is_a_short_line_for_each_job_and_the_policies_come_once(caplog):
    permissions = Permissions(Known(trust=None, buckets={}), "warn")
    with caplog.at_level(logging.WARNING):
        for job in (JOB, JOB, JOB + "2"):
            permissions.require(job, ROLE, reading("s3://films/"))
    first, policies, second = caplog.messages
    said = (
        "there is no role reader; the bucket films does not grant personalize.amazonaws.com s3:GetObject, s3:ListBucket"
    )
    assert first == f"AWS would refuse dataset-import-job/first: {said}"
    assert second == f"AWS would refuse dataset-import-job/first2: {said}"
    assert SENTENCE in policies
    assert len(suggested(policies)) == 2


def test_another_bucket_needs_another_policy(caplog):
    permissions = Permissions(Known(buckets={}), "warn")
    with caplog.at_level(logging.WARNING):
        for bucket in ("films", "songs", "songs"):
            permissions.require(f"{JOB}-{bucket}", ROLE, reading(f"s3://{bucket}/"))
    explained = [message for message in caplog.messages if SENTENCE in message]
    assert len(explained) == 2
    assert "arn:aws:s3:::songs" in explained[1]


def test_a_role_that_may_not_or_does_not_trust_is_told_in_a_few_words(caplog):
    with caplog.at_level(logging.WARNING):
        Permissions(Known(may=()), "warn").require(JOB, ROLE, reading("s3://films/"))
        Permissions(Known(trust={**TRUST, "Effect": "Deny"}), "warn").require(JOB, ROLE, reading("s3://films/"))
    assert caplog.messages[0].endswith(": the role reader may not s3:GetObject, s3:ListBucket")
    assert caplog.messages[2].endswith(": the role reader does not trust personalize.amazonaws.com")


def test_off_asks_nobody():
    Permissions(None, "off").require(JOB, ROLE, reading("s3://films/"))


def test_calls_are_refused_at_once_only_where_it_counts():
    refusing = Known(buckets={})
    Permissions(refusing, "warn").require_at_once(JOB, ROLE, reading("s3://films/"))
    with pytest.raises(InvalidInputException, match="Insufficient privileges"):
        Permissions(refusing, "enforce").require_at_once(JOB, ROLE, reading("s3://films/"))


def test_a_role_of_another_account_cannot_be_passed():
    permissions = Permissions(Known(), "enforce")
    for role in (ROLE, None):
        permissions.require_passable(SCOPE, role)
    with pytest.raises(AccessDeniedException, match="Cross-account"):
        permissions.require_passable(SCOPE, ROLE.replace("1111", "2222"))
    Permissions(Known(), "warn").require_passable(SCOPE, ROLE.replace("1111", "2222"))
