"""Makes what a set-up file names, through clients as anybody's, one thing after the other; what is there stays.

Nothing waits for the pace of the clock: each resource is hurried on, and takes as long as its work does.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fakepersonalize import arns
from fakepersonalize.arns import Scope, service_owned
from fakepersonalize.resources.kinds import KINDS
from fakepersonalize.resources.processes import ACTIVE, IN_TRANSITION
from fakepersonalize.setups.reading import Document, Keys, files_below, text_of, within
from fakepersonalize.setups.wanted import DATASET_TYPES, checked

USUAL_REGION = "us-east-1"  # of S3, which wants to hear of all others
PERSONALIZE = "personalize.amazonaws.com"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": PERSONALIZE}, "Action": "sts:AssumeRole"}],
}
ACTIONS = ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]
MAY_USE_BUCKETS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ACTIONS, "Resource": "*"}],
}
IMPORT_NAME, OWN_POLICY = "setup", "setup"
POLL_SECONDS = 0.02

FAILED = "{arn} ended as {status}: {reason}"
REFUSED = "{operation} was refused: {reason}"

Client = Callable[[str, Scope], Any]


@dataclass(frozen=True)
class Means:
    """What a set-up needs of the emulator: clients of a service in a scope, and two ways to hurry."""

    client: Client
    hurry: Callable[[str], None]  # the steps of the resource with an ARN are due now
    settle: Callable[[], None]


def set_up(path: Path, scope: Scope, means: Means, personalize: bool = True) -> None:
    """Make what a file names and is not there yet, in the account and region that it names, or else in a scope.

    Without `personalize` only buckets and roles: a copy of a folder holds the rest.

    Raises SetupError, and OSError where a file cannot be read.
    """
    document = checked(path)
    scope = Scope(document.content.get("account", scope.account), document.content.get("region", scope.region))
    SetUp(document, scope, means).run(personalize)


class SetUp:
    """One run of a set-up file."""

    def __init__(self, document: Document, scope: Scope, means: Means) -> None:
        self._document, self._scope, self._means = document, scope, means
        self._roles: dict[str, str] = {}

    @cached_property
    def _personalize(self) -> Any:
        return self._means.client("personalize", self._scope)

    def run(self, personalize: bool) -> None:
        content = self._document.content
        for name, bucket in content["buckets"].items():
            self._bucket(("buckets", name), name, bucket)
        for name, role in content["roles"].items():
            self._roles[name] = self._role(("roles", name), name, role)
        if not personalize:
            return
        for name, schema in content["schemas"].items():
            self._schema_text(("schemas", name), schema)  # wrong files are found before anything is made of others
        for name, group in content["dataset_groups"].items():
            self._group(("dataset_groups", name), name, group)
        groups = content["dataset_groups"].values()
        used = {dataset["schema"] for group in groups for dataset in group["datasets"].values()}
        for name in content["schemas"].keys() - used:  # those of datasets are made with them, in their domain
            self._schema(("schemas", name), name)

    # S3 and IAM

    def _bucket(self, keys: Keys, name: str, bucket: Mapping[str, Any]) -> None:
        s3 = self._means.client("s3", self._scope)
        files: Mapping[str, Path] = {}
        if bucket.get("folder") is not None:
            folder = within(self._document, (*keys, "folder"), str(bucket["folder"]))
            files = files_below(self._document, (*keys, "folder"), folder)
        with self._explained(keys):
            if name not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
                place = {"LocationConstraint": self._scope.region}
                own = {} if self._scope.region == USUAL_REGION else {"CreateBucketConfiguration": place}
                s3.create_bucket(Bucket=name, **own)
            if bucket.get("policy", True) is not False:
                s3.put_bucket_policy(Bucket=name, Policy=_policy(self._scope, name, bucket.get("policy")))
            there = _entity_tags(s3, name)
            for key, path in files.items():
                if there.get(key) != _md5(path):
                    with open(path, "rb") as body:
                        s3.put_object(Bucket=name, Key=key, Body=body)

    def _role(self, keys: Keys, name: str, role: Mapping[str, Any]) -> str:
        iam = self._means.client("iam", self._scope)
        with self._explained(keys):
            try:
                arn = iam.get_role(RoleName=name)["Role"]["Arn"]
            except iam.exceptions.NoSuchEntityException:
                arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
            iam.put_role_policy(RoleName=name, PolicyName=OWN_POLICY, PolicyDocument=json.dumps(MAY_USE_BUCKETS))
            for policy in role.get("policies") or ():
                iam.attach_role_policy(RoleName=name, PolicyArn=str(policy))
        return str(arn)

    # Personalize

    def _group(self, keys: Keys, name: str, group: Mapping[str, Any]) -> None:
        ours = ("datasets", "solutions", "recommenders", "filters", "event_trackers")
        own = {member: value for member, value in group.items() if member not in ours}
        arn = self._resource(keys, "dataset_group", {"name": name}, own)
        for type_, dataset in group["datasets"].items():
            self._dataset((*keys, "datasets", type_), name, arn, type_, dataset, group.get("domain"))
        for filter_, expression in group["filters"].items():
            request = {"name": filter_, "datasetGroupArn": arn, "filterExpression": expression}
            self._resource((*keys, "filters", filter_), "filter", request)
        for tracker in group["event_trackers"]:
            self._tracker((*keys, "event_trackers", tracker), tracker, arn)
        for solution, wanted in group["solutions"].items():
            self._solution((*keys, "solutions", solution), solution, arn, wanted)
        for recommender, wanted in group["recommenders"].items():
            request = {"name": recommender, "datasetGroupArn": arn, "recipeArn": self._recipe(wanted["recipe"])}
            more = {member: value for member, value in wanted.items() if member != "recipe"}
            self._resource((*keys, "recommenders", recommender), "recommender", request, more)

    def _dataset(
        self, keys: Keys, group: str, group_arn: str, given: str, dataset: Mapping[str, Any], domain: str | None
    ) -> None:
        type_ = DATASET_TYPES[given.lower()]
        schema_arn = self._schema((*keys, "schema"), dataset["schema"], domain)
        request = {
            "name": f"{group}-{type_.lower()}",
            "datasetGroupArn": group_arn,
            "datasetType": type_,
            "schemaArn": schema_arn,
        }
        more = {member: value for member, value in dataset.items() if member not in ("schema", "import", "role")}
        arn = self._resource(keys, "dataset", request, more, group=group, datasetType=type_.upper())
        if "import" in dataset:
            role = self._roles[dataset["role"]] if "role" in dataset else next(iter(self._roles.values()))
            job = {
                "jobName": f"{IMPORT_NAME}-{group}-{type_.lower()}",
                "datasetArn": arn,
                "dataSource": {"dataLocation": dataset["import"]},
                "roleArn": role,
            }
            self._resource((*keys, "import"), "dataset_import_job", job)

    def _solution(self, keys: Keys, name: str, group_arn: str, solution: Mapping[str, Any]) -> None:
        request: dict[str, Any] = {"name": name, "datasetGroupArn": group_arn, "performAutoTraining": False}
        if solution.get("recipe"):
            request["recipeArn"] = self._recipe(solution["recipe"])
        more = {member: value for member, value in solution.items() if member not in ("recipe", "campaigns")}
        arn = self._resource(keys, "solution", request | more)
        if not solution["campaigns"]:
            return
        version = self._version(keys, arn)
        for campaign, wanted in solution["campaigns"].items():
            made = {"name": campaign, "solutionVersionArn": version}
            self._resource((*keys, "campaigns", campaign), "campaign", made, wanted)

    def _version(self, keys: Keys, solution_arn: str) -> str:
        """Return the newest version that can be deployed, trained now if there is none."""
        with self._explained(keys):
            versions = self._personalize.list_solution_versions(solutionArn=solution_arn)["solutionVersions"]
            arn = next((each["solutionVersionArn"] for each in versions if each["status"] == ACTIVE), None)
            if arn is None:
                arn = self._personalize.create_solution_version(solutionArn=solution_arn)["solutionVersionArn"]
        return self._arrived(keys, "solution_version", arn)

    def _tracker(self, keys: Keys, name: str, group_arn: str) -> None:
        with self._explained(keys):
            there = self._personalize.list_event_trackers(datasetGroupArn=group_arn)["eventTrackers"]
            arn = next((each["eventTrackerArn"] for each in there if each["name"] == name), None)
            if arn is None:
                arn = self._personalize.create_event_tracker(name=name, datasetGroupArn=group_arn)["eventTrackerArn"]
        self._arrived(keys, "event_tracker", arn)

    def _resource(
        self,
        keys: Keys,
        kind: str,
        request: Mapping[str, Any],
        more: Mapping[str, Any] | None = None,
        **places: str,
    ) -> str:
        """Create a resource unless there is one of its ARN, wait until it is ACTIVE, and return the ARN."""
        arn = arns.build(self._scope, KINDS[kind].tail.format(**{**request, **places}))
        with self._explained(keys):
            try:
                self._describe(kind, arn)
            except self._personalize.exceptions.ResourceNotFoundException:
                getattr(self._personalize, f"create_{kind}")(**request, **(more or {}))
        return self._arrived(keys, kind, arn)

    def _arrived(self, keys: Keys, kind: str, arn: str) -> str:
        """Return the ARN of a resource once it is ACTIVE. Raises SetupError for one that failed."""
        while True:
            self._means.hurry(arn)
            self._means.settle()
            with self._explained(keys):
                described = self._describe(kind, arn)
            status = described.get("status", ACTIVE)
            if status == ACTIVE:
                return arn
            if status not in IN_TRANSITION:
                reason = str(described.get("failureReason", "no reason is given")).rstrip(".")
                raise self._document.error(keys, FAILED.format(arn=arn, status=status, reason=reason))
            time.sleep(POLL_SECONDS)

    def _describe(self, kind: str, arn: str) -> Mapping[str, Any]:
        member = KINDS[kind].member
        answer = getattr(self._personalize, f"describe_{kind}")(**{member: arn})
        found: Mapping[str, Any] = answer[member.removesuffix("Arn")]
        return found

    def _schema(self, keys: Keys, name: str, domain: str | None = None) -> str:
        text = self._schema_text(("schemas", name), self._document.content["schemas"][name])
        return self._resource(keys, "schema", {"name": name, "schema": text} | ({"domain": domain} if domain else {}))

    def _schema_text(self, keys: Keys, schema: Any) -> str:
        """Return a schema as JSON: from the file that is named, or as it stands in the set-up."""
        if isinstance(schema, dict):
            return json.dumps(schema)
        return text_of(self._document, keys, str(schema))

    def _recipe(self, named: str) -> str:
        return named if named.startswith("arn:") else service_owned(f"recipe/{named}", self._scope.partition)

    def _explained(self, keys: Keys) -> _Explained:
        return _Explained(self._document, keys)


class _Explained:
    """Turns what a service refuses into the SetupError of a key."""

    def __init__(self, document: Document, keys: Keys) -> None:
        self._document, self._keys = document, keys

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: Any, error: BaseException | None, at: Any) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(error, ClientError):
            reason = " ".join(str(error.response["Error"]["Message"]).split()).rstrip(".")
            raise self._document.error(
                self._keys, REFUSED.format(operation=error.operation_name, reason=reason)
            ) from None
        if isinstance(error, BotoCoreError):
            raise self._document.error(self._keys, " ".join(str(error).split()).rstrip(".")) from None


def _policy(scope: Scope, bucket: str, given: Any) -> str:
    """Return the policy of a bucket: what is given, or what lets Personalize list, read and write."""
    if isinstance(given, dict):
        return json.dumps(given)
    arn = f"arn:{scope.partition}:s3:::{bucket}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": PERSONALIZE},
        "Action": ACTIONS,
        "Resource": [arn, f"{arn}/*"],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _entity_tags(s3: Any, bucket: str) -> dict[str, str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {entry["Key"]: entry["ETag"].strip('"') for page in pages for entry in page.get("Contents", ())}


def _md5(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
