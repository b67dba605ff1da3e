"""May Personalize use this place in S3, with this role? Jobs ask before they read or write, and some Create calls.

What AWS documents to be needed is checked: the role exists and trusts the service, its policies allow the actions, and
the policy of the bucket grants them to the service. Sources:
https://docs.aws.amazon.com/personalize/latest/dg/granting-personalize-s3-access.html, export-permissions.html and
cross-service-confused-deputy-prevention.html there.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fakepersonalize import arns, errors
from fakepersonalize.arns import Scope
from fakepersonalize.errors import AccessDeniedException, JobFailed, ServiceError
from fakepersonalize.neighbours import Neighbours, split_location
from fakepersonalize.permissions.policy import ALLOW, DENY, Principal, Request, decide

log = logging.getLogger(__name__)

OFF, WARN, ENFORCE = "off", "warn", "enforce"
SERVICE = Principal("Service", "personalize.amazonaws.com")
LIST, GET, PUT = "s3:ListBucket", "s3:GetObject", "s3:PutObject"
REMEMBERED = 1000  # jobs that were warned about
WOULD_READ = "The job goes on here (--iam off: without this check). In AWS it would fail: {text}"


@dataclass(frozen=True, slots=True)
class Need:
    """Actions at `s3://bucket/key` or, where it ends in a slash, on whatever is in that folder."""

    location: str
    actions: tuple[str, ...]

    @property
    def bucket(self) -> str:
        return split_location(self.location)[0]

    def requests(self, scope: Scope) -> Iterator[tuple[str, str, dict[str, str]]]:
        """Yield action, resource and context of what is needed."""
        bucket, key = split_location(self.location)
        arn = f"arn:{scope.partition}:s3:::{bucket}"
        any_key = f"{key}*" if not key or key.endswith("/") else key
        for action in self.actions:
            if action == LIST:
                yield action, arn, {"s3:prefix": key}
            else:
                yield action, f"{arn}/{any_key}", {}


def reading(location: str) -> Need:
    """What a job needs that reads an object or the objects of a folder."""
    return Need(location, (GET, LIST))


def writing(location: str) -> Need:
    """What exports and batch jobs need where they write."""
    return Need(location, (PUT, LIST))


def reporting(location: str) -> Need:
    """What a metric attribution needs where its reports go."""
    return Need(location, (PUT,))


class Problem(NamedTuple):
    """What is missing: in a few words, and with the policy that would do."""

    briefly: str
    text: str


class Permissions:
    """Checks what `iam` asks for: nothing (off), with a line in the log (warn), or so that it counts (enforce)."""

    def __init__(self, neighbours: Neighbours, iam: str) -> None:
        self._neighbours, self._iam = neighbours, iam
        self._warned: deque[tuple[str, str]] = deque(maxlen=REMEMBERED)
        self._explained: deque[str] = deque(maxlen=REMEMBERED)

    def require(self, job_arn: str, role_arn: str, *needs: Need) -> None:
        """Fail a job that AWS would not let do what it needs; JobFailed has the policies that would have worked.

        Name everything that a job needs in one call: then the policies suffice for all of it.
        """
        if self._iam == OFF:
            return
        problems = self._problems(job_arn, role_arn, needs)
        if not problems:
            return
        if self._iam == ENFORCE:
            refused = _refused(needs, problems)
            raise JobFailed(refused.message, refused.hint)
        self._warn(job_arn, needs, problems)

    def require_at_once(self, job_arn: str, role_arn: str, *needs: Need) -> None:
        """Refuse a call, where AWS does not wait for the job; only when it counts, since the job warns as well."""
        problems = self._problems(job_arn, role_arn, needs) if self._iam == ENFORCE else []
        if problems:
            raise _refused(needs, problems)

    def require_passable(self, scope: Scope, role_arn: str | None) -> None:
        """Refuse a role of another account, which nobody can pass to a service."""
        if self._iam == ENFORCE and role_arn and role_arn.split(":")[4] != scope.account:
            raise AccessDeniedException(errors.CROSS_ACCOUNT_ROLE)

    def _warn(self, job_arn: str, needs: Sequence[Need], problems: Sequence[Problem]) -> None:
        """Write a short line for each job; the policies that would do follow it once for each role and bucket."""
        briefly = "; ".join(problem.briefly for problem in problems)
        if (job_arn, briefly) in self._warned:
            return
        self._warned.append((job_arn, briefly))
        log.warning("AWS would refuse %s: %s", job_arn.split(":", 5)[-1], briefly)
        if briefly not in self._explained:
            self._explained.append(briefly)
            log.warning("%s", WOULD_READ.format(text=_refused(needs, problems).text()))

    def _problems(self, job_arn: str, role_arn: str, needs: Sequence[Need]) -> list[Problem]:
        job = arns.parse(job_arn)
        assert job is not None
        source = {
            "aws:sourceaccount": job.account,
            "aws:sourcearn": job_arn,
            "aws:securetransport": "true",
        }
        return [
            *self._problems_of_role(job.scope, role_arn, needs, source),
            *(
                problem
                for bucket in dict.fromkeys(need.bucket for need in needs)
                for problem in self._problems_of_bucket(
                    job.scope, bucket, [need for need in needs if need.bucket == bucket], source, role_arn
                )
            ),
        ]

    def _problems_of_role(
        self, scope: Scope, role_arn: str, needs: Sequence[Need], source: Mapping[str, str]
    ) -> Iterator[Problem]:
        role = self._neighbours.role(scope, role_arn)
        if role is None:
            yield Problem(
                errors.NO_ROLE_BRIEFLY.format(role=_name(role_arn)),
                errors.NO_ROLE.format(role=role_arn, policy=json.dumps(_trust(scope))),
            )
            return
        assuming = Request("sts:AssumeRole", principal=SERVICE, context=source)
        if decide([role.trust], assuming) != ALLOW:
            yield Problem(
                errors.NO_TRUST_BRIEFLY.format(role=_name(role_arn), service=SERVICE.name),
                errors.NO_TRUST.format(role=role_arn, service=SERVICE.name, policy=json.dumps(_trust(scope))),
            )
        missing = _not_allowed(scope, needs, role.policies, None, {**source, "aws:principalarn": role_arn})
        if missing:
            policy = json.dumps(_policy(scope, needs, None))
            yield Problem(
                errors.ROLE_MAY_NOT_BRIEFLY.format(role=_name(role_arn), actions=_actions(missing)),
                errors.ROLE_MAY_NOT.format(role=role_arn, missing=", ".join(missing), policy=policy),
            )

    def _problems_of_bucket(
        self, scope: Scope, bucket: str, needs: list[Need], source: Mapping[str, str], role_arn: str
    ) -> Iterator[Problem]:
        found = self._neighbours.bucket_policy(scope, bucket)
        if found is None and self._neighbours.elsewhere:
            return  # not every S3 has policies; what it refuses, it refuses to the job
        documents = [found or "{}"]
        missing = _not_allowed(scope, needs, documents, SERVICE, source)
        role = Principal("AWS", role_arn)
        denied = [
            f"{action} on {resource}"
            for need in needs
            for action, resource, context in need.requests(scope)
            if decide(documents, Request(action, resource, role, {**source, **context})) == DENY
        ]
        if missing or denied:
            policy = json.dumps(_policy(scope, needs, SERVICE))
            refused = missing or denied
            yield Problem(
                errors.BUCKET_MAY_NOT_BRIEFLY.format(bucket=bucket, service=SERVICE.name, actions=_actions(refused)),
                errors.BUCKET_MAY_NOT.format(
                    bucket=bucket, service=SERVICE.name, missing=", ".join(refused), policy=policy
                ),
            )


def _refused(needs: Sequence[Need], problems: Sequence[Problem]) -> ServiceError:
    return errors.unreadable_bucket(needs[0].location, "; ".join(problem.text for problem in problems))


def _name(role_arn: str) -> str:
    return role_arn.rpartition("/")[2]


def _actions(missing: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(each.partition(" on ")[0] for each in missing))


def _not_allowed(
    scope: Scope, needs: Iterable[Need], documents: Iterable[str], who: Principal | None, source: Mapping[str, str]
) -> list[str]:
    documents = list(documents)
    return [
        f"{action} on {resource}"
        for need in needs
        for action, resource, context in need.requests(scope)
        if decide(documents, Request(action, resource, who, {**source, **context})) != ALLOW
    ]


def _trust(scope: Scope) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {SERVICE.kind: SERVICE.name},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": scope.account},
                    "StringLike": {"aws:SourceArn": arns.build(scope, "*")},
                },
            }
        ],
    }


def _policy(scope: Scope, needs: Iterable[Need], who: Principal | None) -> dict[str, Any]:
    needs = list(needs)
    actions = sorted({action for need in needs for action in need.actions})
    buckets = list(dict.fromkeys(need.bucket for need in needs))
    arns_ = [f"arn:{scope.partition}:s3:::{bucket}{tail}" for bucket in buckets for tail in ("", "/*")]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "PersonalizeS3BucketAccessPolicy",
                "Effect": "Allow",
                **({"Principal": {who.kind: who.name}} if who else {}),
                "Action": actions,
                "Resource": arns_,
            }
        ],
    }
