"""Each error that the model lists for an operation of `personalize` has a condition that raises it.

The conditions are rules about kinds of operations; what cannot be raised stands on a short list with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import shops
import smallest
from accounts import RECIPES, Account, refused
from botocore import xform_name
from conftest import Servers, Tell, make_waiting
from modes import socket_only
from test_recommenders import EVENTS, FILMS

Request = dict[str, Any]

INVALID, MISSING, TAKEN, LIMIT, IN_USE = (
    *("InvalidInputException", "ResourceNotFoundException", "ResourceAlreadyExistsException"),
    *("LimitExceededException", "ResourceInUseException"),
)
TAGS, KEYS, TOKEN = "TooManyTagsException", "TooManyTagKeysException", "InvalidNextTokenException"
NEVER = {
    ("CreateDataset", LIMIT): "the one quota, one dataset of each type, is a matter of names",
    ("CreateDatasetExportJob", LIMIT): "there is no quota of exports",
    ("CreateEventTracker", LIMIT): "the one quota, one tracker of a group, answers that it already exists",
    ("UpdateSolution", LIMIT): "an update makes nothing that is counted",
    ("TagResource", LIMIT): "the one quota, of tags, has an error of its own",
    ("TagResource", IN_USE): "tags can be set whatever the status",
    ("UntagResource", IN_USE): "tags can be removed whatever the status",
    ("ListTagsForResource", IN_USE): "tags can be read whatever the status",
    ("StopSolutionVersionCreation", IN_USE): "what cannot be stopped is invalid input",
}
MODELS = [operation for operation in smallest.operations() if operation.service_model.service_name == "personalize"]
ERRORS = {(model.name, shape.name): model for model in MODELS for shape in model.error_shapes}
PAIRS = [pair for pair in ERRORS if pair not in NEVER]
KINDS = (
    *("dataset_group", "dataset", "dataset_import_job", "dataset_export_job", "data_deletion_job", "event_tracker"),
    *("filter", "recommender", "metric_attribution", "solution", "solution_version", "campaign"),
    *("batch_inference_job", "batch_segment_job"),
)
UNCLICKED = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
CLICKS = {"eventType": "click", "metricName": "clicks", "expression": "SAMPLECOUNT()"}
OWNED = "arn:aws:personalize:::"


class World:
    """An account with a resource of each kind that is ready, and one that is under way and stays so.

    `made` holds the requests that made the former, `arns` and `pending` the ARNs of both by the members that name them.
    """

    def __init__(self, account: Account, tell: Tell) -> None:
        self.account, self._tell = account, tell
        self.made: dict[str, Request] = {}
        self.arns: dict[str, str] = {
            "recipeArn": f"{OWNED}recipe/aws-sims",
            "algorithmArn": f"{OWNED}algorithm/aws-sims",
            "featureTransformationArn": f"{OWNED}feature-transformation/sims",
            "resourceArn": account.arn("campaign/c"),
        }
        self.pending: dict[str, str] = {}
        rows = [(*row, "click") for row in shops.series()]
        self.role = {"roleArn": account.role}
        self.source = {"dataSource": {"dataLocation": account.put(shops.csv(rows, f"{shops.HEADER},EVENT_TYPE"))}}
        self._cinema()
        second = self.create("DatasetGroup", name="second")
        more = {"datasetGroupArn": second, "schemaArn": self.schema("more-events", shops.EVENTS)}
        self.rows = self.create("Dataset", name="d", datasetType="Interactions", **more)
        self._data()
        self._models()
        self._begin(second)

    def _cinema(self) -> None:
        """A group of a domain. A recommender that failed, for there is no data, is there all the same."""
        domain = {"domain": "VIDEO_ON_DEMAND"}
        group = self.create("DatasetGroup", name="cinema", **domain)
        for type_, text in (("Items", FILMS), ("Interactions", EVENTS)):
            schema = self.schema(f"film-{type_.lower()}", text, **domain)
            self.create("Dataset", name="d", datasetGroupArn=group, schemaArn=schema, datasetType=type_)
        self.create("Recommender", name="r", datasetGroupArn=group, recipeArn=f"{RECIPES}aws-vod-most-popular")

    def _data(self) -> None:
        self.group = {"datasetGroupArn": self.create("DatasetGroup", name="main")}
        self.create("Schema", name="events", schema=EVENTS)
        dataset = self.create(
            "Dataset", name="d", schemaArn=self.arns["schemaArn"], datasetType="Interactions", **self.group
        )
        output = {"jobOutput": {"s3DataDestination": {"path": "s3://films/out/"}}}
        self.create("DatasetImportJob", jobName="j", datasetArn=dataset, **self.source, **self.role)
        self.create("DatasetExportJob", jobName="j", datasetArn=dataset, **output, **self.role)
        self.create("DataDeletionJob", jobName="j", **self.source, **self.role, **self.group)
        self.create("EventTracker", name="t", **self.group)
        self.create("Filter", name="f", filterExpression=UNCLICKED, **self.group)
        self.create("MetricAttribution", name="m", metrics=[CLICKS], metricsOutputConfig=self.role, **self.group)

    def _models(self) -> None:
        files = {
            "jobInput": {"s3DataSource": {"path": "s3://films/in/"}},
            "jobOutput": {"s3DataDestination": {"path": "s3://films/out/"}},
        }
        for recipe, kind in (("aws-item-affinity", "Segment"), ("aws-popularity-count", "Inference")):
            solution = self.create("Solution", name=kind, recipeArn=RECIPES + recipe, **self.group)
            version = self.create("SolutionVersion", solutionArn=solution, name="v1")
            self.create(f"Batch{kind}Job", jobName="j", solutionVersionArn=version, **files, **self.role)
        self.create("Campaign", name="c", solutionVersionArn=version)

    def _begin(self, second: str) -> None:
        """Begin what waits from now on: nobody tells anything any more."""
        solution, version = self.arns["solutionArn"], self.arns["solutionVersionArn"]
        users = self.schema("users", shops.USERS)
        self.begin("DatasetGroup", name="waiting")
        self.begin("Dataset", name="d", schemaArn=users, datasetType="Users", **self.group)
        self.begin("DatasetImportJob", jobName="waiting", datasetArn=self.rows, **self.source, **self.role)
        self.begin("EventTracker", name="t", datasetGroupArn=second)
        self.begin("Filter", name="waiting", filterExpression=UNCLICKED, **self.group)
        self.begin("Recommender", **self.made["CreateRecommender"] | {"name": "waiting"})
        attribution = {"metrics": [CLICKS], "metricsOutputConfig": self.role, "datasetGroupArn": second}
        self.begin("MetricAttribution", name="waiting", **attribution)
        self.begin("Solution", name="leaving", recipeArn=f"{RECIPES}aws-sims", **self.group)
        self.account.personalize.delete_solution(solutionArn=self.pending["solutionArn"])
        self.begin("SolutionVersion", solutionArn=solution, name="v2")
        self.begin("Campaign", name="waiting", solutionVersionArn=version)

    def schema(self, name: str, text: str, **more: Any) -> str:
        arn: str = self.account.personalize.create_schema(name=name, schema=text, **more)["schemaArn"]
        return arn

    def call(self, operation: str, asked: Request) -> Request:
        answer: Request = getattr(self.account.personalize, xform_name(operation))(**asked)
        return answer

    def create(self, what: str, **asked: Any) -> str:
        """Make something and wait until nothing happens to it any more."""
        arn = self._made(what, asked)
        self.made[f"Create{what}"], self.arns[_member(what)] = asked, arn
        if what != "Schema":
            self._tell()
            self._tell()
            self.account.settled(xform_name(what), arn)
        return arn

    def begin(self, what: str, **asked: Any) -> None:
        self.pending[_member(what)] = self._made(what, asked)

    def _made(self, what: str, asked: Request) -> str:
        return str(self.call(f"Create{what}", asked)[_member(what)])


def _member(what: str) -> str:
    return f"{what[0].lower()}{what[1:]}Arn"


def arns_of(pair: tuple[str, str], found: dict[str, str]) -> Request:
    """Return the smallest request with the ARNs that are found for its members."""
    asked = smallest.request(ERRORS[pair])
    return asked | {member: found[member] for member in asked if member in found}


def unknown(arns: Request) -> Request:
    """Return ARNs of the same kinds that nothing has."""
    return {
        member: re.sub(r"(:[a-z-]+/)[^/]+", r"\1none", arn)
        for member, arn in arns.items()
        if member.endswith("Arn") and member not in ("roleArn", "recipeArn")
    }


def invalid(world: World, name: str) -> Request:
    asked = smallest.request(ERRORS[name, INVALID])
    if name == "CreateDatasetGroup":
        return asked | world.role  # without a key
    if "resourceArn" in asked:
        return asked | {"resourceArn": world.arns["schemaArn"]}  # a schema has no tags
    return asked | ({"maxResults": 101} if name.startswith("List") else {})


def missing(world: World, name: str) -> Request:
    if name in world.made:
        return world.made[name] | unknown(world.made[name])
    asked = arns_of((name, MISSING), world.arns)
    optional = {"UpdateMetricAttribution": "metricAttributionArn", "ListSolutionVersions": "solutionArn"}
    if name in optional:
        asked[optional[name]] = world.arns[optional[name]]
    named = {member: arn for member, arn in asked.items() if member.endswith("Arn")}
    return asked | unknown(named) | ({"recipeArn": f"{OWNED}recipe/none"} if "recipeArn" in asked else {})


def taken(world: World, name: str) -> Request:
    if name == "UpdateMetricAttribution":
        return {"metricAttributionArn": world.arns["metricAttributionArn"], "addMetrics": [CLICKS]}
    return world.made[name]


def in_use(world: World, name: str) -> Request:
    if name == "CreateDatasetImportJob":  # one import of a dataset at a time
        return world.made[name] | {"datasetArn": world.rows}
    if name == "DeleteSchema":
        return {"schemaArn": world.arns["schemaArn"]}
    if name in world.made:
        parents = {member: world.pending[member] for member in world.made[name] if member in world.pending}
        return world.made[name] | parents
    asked = arns_of((name, IN_USE), world.arns | world.pending)
    optional = "metricAttributionArn"
    return asked | ({optional: world.pending[optional]} if name == "UpdateMetricAttribution" else {})


def too_many_tags(world: World, name: str) -> Request:
    tags = {"tags": [{"tagKey": f"key{number}", "tagValue": ""} for number in range(51)]}
    if name == "TagResource":
        return {"resourceArn": world.arns["campaignArn"]} | tags
    asked = world.made[name] | {"jobName" if "jobName" in world.made[name] else "name": "tagged"} | tags
    if name == "CreateEventTracker":  # a group that has none
        asked |= {"datasetGroupArn": world.account.arn("dataset-group/cinema")}
    if name == "CreateDataset":
        asked |= {"datasetType": "Items", "schemaArn": world.schema("items", shops.ITEMS)}
    return asked


def over_the_limit(world: World, name: str) -> Request:
    """Fill up what is counted and return the request that is too much."""
    if name == "CreateDatasetImportJob":
        return _sixth_import(world)
    member = "jobName" if "jobName" in world.made[name] else "name"
    for number in range(1000):
        asked = world.made[name] | {member: f"n{number}"}
        try:
            world.call(name, asked)
        except world.account.personalize.exceptions.LimitExceededException:
            return asked
    raise AssertionError(f"there is no limit to {name}")


def _sixth_import(world: World) -> Request:
    """Import into datasets until five imports run, one of which does already."""
    users = world.made["CreateDataset"] | {
        "datasetType": "Users",
        "schemaArn": world.account.arn("schema/users"),
        "datasetGroupArn": world.account.arn("dataset-group/second"),
    }
    world.call("CreateDataset", users)
    tails = ("main/INTERACTIONS", "main/USERS", "cinema/INTERACTIONS", "cinema/ITEMS", "second/USERS")
    requests = [
        world.made["CreateDatasetImportJob"]
        | {"jobName": f"n{number}", "datasetArn": world.account.arn(f"dataset/{tail}")}
        for number, tail in enumerate(tails)
    ]
    for asked in requests[:-1]:
        world.call("CreateDatasetImportJob", asked)
    return requests[-1]


CONDITIONS: dict[str, Callable[[World, str], Request]] = {
    INVALID: invalid,
    MISSING: missing,
    TAKEN: taken,
    IN_USE: in_use,
    TAGS: too_many_tags,
    KEYS: lambda world, name: arns_of((name, KEYS), world.arns) | {"tagKeys": [f"key{n}" for n in range(201)]},
    TOKEN: lambda world, name: {"nextToken": "garbage"},
    LIMIT: over_the_limit,  # the last one: nothing can be made after it
}


@pytest.fixture(scope="module")
def world(mode: str, servers: Servers) -> World:
    account, tell = make_waiting(servers, *KINDS)
    return World(account, tell)


def test_the_list_of_what_cannot_happen_is_short_and_of_the_model() -> None:
    assert len(NEVER) <= 15
    assert NEVER.keys() <= ERRORS.keys()
    assert {code for _, code in ERRORS} == CONDITIONS.keys()


@socket_only
@pytest.mark.parametrize(("name", "code"), sorted(PAIRS, key=lambda pair: list(CONDITIONS).index(pair[1])))
def test_every_error_of_the_model_has_a_condition(world: World, name: str, code: str) -> None:
    asked = CONDITIONS[code](world, name)
    with refused(code):
        world.call(name, asked)
