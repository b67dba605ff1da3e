"""The whole way through Amazon Personalize with boto3: from an empty account to a campaign for each recipe."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fakepersonalize.cli.films import FILES, Films
from fakepersonalize.cli.steps import ACTIVE, Steps

RECIPES = ("aws-popularity-count", "aws-sims", "aws-user-personalization")
BUCKET = NAME = "films"
POLL_SECONDS = 0.1
PATIENCE_SECONDS = 300
MAY_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
SERVICE = {"Service": "personalize.amazonaws.com"}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": SERVICE, "Action": "sts:AssumeRole"}],
}
GRANT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": SERVICE,
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
        }
    ],
}

FAILED = "{arn} ended as {status}: {reason}"
TOO_SLOW = "{arn} is still {status} after {seconds} seconds"

Request = Mapping[str, Any]


class WayBlocked(Exception):
    """A resource has failed, or takes far too long; the text names it and says why."""


@dataclass(frozen=True)
class Trained:
    """What has become of a recipe: the metrics of its solution version, and the campaign that serves it."""

    recipe: str
    metrics: Mapping[str, float]
    campaign_arn: str


class Walk:
    """Creates things one after the other, through clients of boto3, and shows each as a step."""

    def __init__(self, s3: Any, iam: Any, personalize: Any, steps: Steps) -> None:
        self._s3, self._iam, self._personalize, self._steps = s3, iam, personalize, steps

    def go(self, films: Films) -> list[Trained]:
        """Train all recipes on the films. Raises WayBlocked."""
        group = self._import(films, self._role_that_reads(self._bucket_with(films)))
        return self._train(group)

    def _bucket_with(self, films: Films) -> str:
        files = {f"{type_}.csv": films.csv(type_) for type_ in FILES}
        mebibytes = sum(map(len, files.values())) / 2**20
        step = self._steps.begin("create_bucket, put_object", f"{len(files)} files, {mebibytes:.1f} MiB")
        self._s3.create_bucket(Bucket=BUCKET)
        for key, body in files.items():
            self._s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        self._steps.done(step)
        return BUCKET

    def _role_that_reads(self, bucket: str) -> str:
        step = self._steps.begin("create_role, put_bucket_policy", f"may read s3://{bucket}")
        role = self._iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
        self._iam.attach_role_policy(RoleName=NAME, PolicyArn=MAY_READ)
        self._s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(GRANT))
        self._steps.done(step)
        return str(role["Arn"])

    def _import(self, films: Films, role: str) -> str:
        (group,) = self._create("dataset_group", {NAME: [{"name": NAME}]})
        schemas = self._create(
            "schema", {"3, one for each dataset": [{"name": type_, "schema": films.schema(type_)} for type_ in FILES]}
        )
        datasets = self._create(
            "dataset",
            {
                ", ".join(FILES): [
                    {"name": type_, "datasetType": type_, "schemaArn": schema, "datasetGroupArn": group}
                    for type_, schema in zip(FILES, schemas)
                ]
            },
        )
        self._create(
            "dataset_import_job",
            {
                f"{films.rows(type_):,} {type_.lower()}": [
                    {
                        "jobName": type_,
                        "datasetArn": dataset,
                        "dataSource": {"dataLocation": f"s3://{BUCKET}/{type_}.csv"},
                        "roleArn": role,
                    }
                ]
                for type_, dataset in zip(FILES, datasets)
            },
        )
        return group

    def _train(self, group: str) -> list[Trained]:
        solutions = self._create(
            "solution",
            {
                "3, one for each recipe": [
                    {
                        "name": recipe,
                        "datasetGroupArn": group,
                        "recipeArn": f"arn:aws:personalize:::recipe/{recipe}",
                        "performAutoTraining": False,
                    }
                    for recipe in RECIPES
                ]
            },
        )
        versions = self._create(
            "solution_version",
            {recipe: [{"solutionArn": solution}] for recipe, solution in zip(RECIPES, solutions)},
        )
        campaigns = self._create(
            "campaign",
            {
                "3, one for each version": [
                    {"name": recipe, "solutionVersionArn": version} for recipe, version in zip(RECIPES, versions)
                ]
            },
        )
        return [
            Trained(recipe, self._personalize.get_solution_metrics(solutionVersionArn=version)["metrics"], campaign)
            for recipe, version, campaign in zip(RECIPES, versions, campaigns)
        ]

    def _create(self, noun: str, wanted: Mapping[str, Sequence[Request]]) -> list[str]:
        """Create resources of a kind, each group of them a step, wait until all are ACTIVE, and return their ARNs."""
        call, member = f"create_{noun}", _member(noun)
        made = {}
        for what, requests in wanted.items():
            step = self._steps.begin(call, what)
            made[step] = [getattr(self._personalize, call)(**request)[f"{member}Arn"] for request in requests]
        waiting = dict(made)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            waiting = {
                step: arns
                for step, arns in waiting.items()
                if not self._steps.show(step, [self._status(noun, arn, deadline) for arn in arns])
            }
            if not waiting:
                return [arn for arns in made.values() for arn in arns]
            time.sleep(POLL_SECONDS)

    def _status(self, noun: str, arn: str, deadline: float) -> str:
        member = _member(noun)
        described = getattr(self._personalize, f"describe_{noun}")(**{f"{member}Arn": arn})[member]
        status = str(described.get("status", ACTIVE))  # schemas have none
        if status.endswith("FAILED"):
            raise WayBlocked(FAILED.format(arn=arn, status=status, reason=described.get("failureReason")))
        if status != ACTIVE and time.monotonic() > deadline:
            raise WayBlocked(TOO_SLOW.format(arn=arn, status=status, seconds=PATIENCE_SECONDS))
        return status


def _member(noun: str) -> str:
    """Return what a kind of resource is called in requests: `dataset_group` is datasetGroup."""
    first, *others = noun.split("_")
    return first + "".join(map(str.capitalize, others))
