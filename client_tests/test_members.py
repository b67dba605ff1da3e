"""What the same members do in many operations: of two resources, each is found, listed, paged and deleted by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import shops
import smallest
from accounts import RECIPES, Account, member
from botocore import xform_name
from conftest import make_account
from test_recommenders import EVENTS, FILMS

from fakepersonalize import mock_personalize

Request = dict[str, Any]

POPULARITY = f"{RECIPES}aws-popularity-count"
CLICKED = 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
METRICS = [{"eventType": type_, "metricName": type_, "expression": "SAMPLECOUNT()"} for type_ in ("click", "view")]
MODELS = {each.name: each for each in smallest.operations() if each.service_model.service_name == "personalize"}
KINDS = [
    name.removeprefix("Describe")
    for name in MODELS
    if name.startswith("Describe") and f"Create{name.removeprefix('Describe')}" in MODELS
]
DELETED = (  # what depends on something goes before it
    *("Campaign", "Recommender", "Solution", "EventTracker", "Filter", "MetricAttribution"),
    *("Dataset", "Schema", "DatasetGroup"),
)
LISTED = [name for name in MODELS if name.startswith("List") and "nextToken" in MODELS[name].input_shape.members]
PARENTS = [(name, parent) for name in LISTED for parent in MODELS[name].input_shape.members if parent.endswith("Arn")]
# Their names stand in no ARN; a group has but one attribution; a version has a test of its own.
UNNAMED = {"Dataset", "EventTracker", "MetricAttribution", "SolutionVersion"}


class Pairs:
    """An account with two of all that can be created, each below other parents: what made them, and their ARNs."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.made: dict[str, list[tuple[Request, str]]] = {}
        self.role = {"roleArn": account.role}
        for number in range(2):
            self.shop(number)
            self.cinema(number)

    def shop(self, number: int) -> None:
        group = {"datasetGroupArn": self.create("DatasetGroup", name=f"g{number}")}
        schema = self.create("Schema", name=f"s{number}", schema=shops.EVENTS)
        rows = {"name": "d", "schemaArn": schema, "datasetType": "Interactions"}
        dataset = {"datasetArn": self.create("Dataset", **rows, **group)}
        self.create("EventTracker", name="t", **group)
        self.create("Filter", name=f"f{number}", filterExpression=CLICKED, **group)
        self.create("MetricAttribution", name=f"m{number}", metrics=METRICS, metricsOutputConfig=self.role, **group)
        self.data_jobs(f"j{number}", group, dataset)
        version = self.version(f"s{number}", POPULARITY, group)
        self.create("Campaign", name=f"c{number}", solutionVersionArn=version)
        self.batch_jobs("Inference", f"j{number}", version)
        self.batch_jobs("Segment", f"j{number}", self.version(f"a{number}", f"{RECIPES}aws-item-affinity", group))

    def data_jobs(self, name: str, group: Request, dataset: Request) -> None:
        rows = [(*row, "click", 1.0) for row in shops.series(users=6, items=18, each=9)]
        text = shops.csv(rows, f"{shops.HEADER},EVENT_TYPE,EVENT_VALUE")
        asked = {"jobName": name, "dataSource": {"dataLocation": self.account.put(text)}, **self.role}
        self.create("DatasetImportJob", **asked, **dataset)
        self.create("DataDeletionJob", **asked, **group)
        output = {"jobOutput": {"s3DataDestination": {"path": "s3://films/out/"}}}
        self.create("DatasetExportJob", jobName=name, **output, **dataset, **self.role)

    def version(self, name: str, recipe: str, group: Request) -> str:
        return self.create("SolutionVersion", solutionArn=self.create("Solution", name=name, recipeArn=recipe, **group))

    def batch_jobs(self, kind: str, name: str, version: str) -> None:
        files = {
            "jobInput": {"s3DataSource": {"path": "s3://films/in/"}},
            "jobOutput": {"s3DataDestination": {"path": "s3://films/out/"}},
        }
        self.create(f"Batch{kind}Job", jobName=name, solutionVersionArn=version, **files, **self.role)

    def cinema(self, number: int) -> None:
        """A recommender that failed, for there is no data, is there all the same."""
        domain = {"domain": "VIDEO_ON_DEMAND"}
        group = self.account.group(f"cinema{number}", **domain)
        for type_, text in (("Items", FILMS), ("Interactions", EVENTS)):
            self.account.dataset(group, self.account.schema(f"{type_}{number}", text, **domain), type_)
        recipe = f"{RECIPES}aws-vod-most-popular"
        self.create("Recommender", name=f"r{number}", datasetGroupArn=group, recipeArn=recipe)

    def create(self, what: str, **asked: Any) -> str:
        arn = str(self.call(f"Create{what}", asked)[named(what)])
        self.made.setdefault(what, []).append((asked, arn))
        return arn

    def arns(self, what: str) -> list[str]:
        return [arn for _, arn in self.made[what]]

    def call(self, operation: str, asked: Request) -> Request:
        answer: Request = getattr(self.account.personalize, xform_name(operation))(**asked)
        return answer

    def listed(self, operation: str, **asked: Any) -> tuple[list[str], str | None]:
        """Return the ARNs that a page shows (names of metrics), and the token of the next."""
        answer = self.call(operation, asked)
        (rows,) = (value for key, value in answer.items() if key not in ("nextToken", "ResponseMetadata"))
        shown = named(operation.removeprefix("List").removesuffix("s"))
        return [row.get(shown) or row["metricName"] for row in rows], answer.get("nextToken")

    def parents(self, what: str, parent: str) -> list[str]:
        """Return what the two of a kind are below, by the member that names it."""
        if (what, parent) == ("Campaign", "solutionArn"):
            return [asked["solutionVersionArn"].rpartition("/")[0] for asked, _ in self.made[what]]
        return [asked[parent] for asked, _ in self.made[what]]


def named(what: str) -> str:
    """Return the member that names a kind: `campaignArn` for `Campaign`."""
    return member(xform_name(what))


@pytest.fixture(scope="module")
def pairs() -> Iterator[Pairs]:
    """Tests add to it and take nothing away."""
    with mock_personalize(limits="off"):
        yield Pairs(make_account(None))


def test_every_kind_is_there_twice(pairs: Pairs) -> None:
    assert pairs.made.keys() == set(KINDS)
    assert min(map(len, pairs.made.values())) == 2


@pytest.mark.parametrize("what", KINDS)
def test_describe_tells_the_one_that_is_named(pairs: Pairs, what: str) -> None:
    for arn in pairs.arns(what):
        answer = pairs.call(f"Describe{what}", {named(what): arn})
        assert answer[named(what).removesuffix("Arn")][named(what)] == arn


@pytest.mark.parametrize("operation", [name for name in LISTED if name != "ListRecipes"])
def test_pages_are_as_long_as_asked_for_and_go_on_where_they_ended(pairs: Pairs, operation: str) -> None:
    metrics = operation == "ListMetricAttributionMetrics"
    of = {"metricAttributionArn": pairs.arns("MetricAttribution")[0]} if metrics else {}
    everything, end = pairs.listed(operation, **of)
    assert (len(everything) > 1, end) == (True, None)
    first, token = pairs.listed(operation, **of, maxResults=1)
    rest, end = pairs.listed(operation, **of, nextToken=token)
    assert (first, rest, end) == (everything[:1], everything[1:], None)


@pytest.mark.parametrize(
    ("operation", "parent"), [each for each in PARENTS if each[0] != "ListMetricAttributionMetrics"]
)
def test_a_list_below_a_parent_shows_what_is_below_it_alone(pairs: Pairs, operation: str, parent: str) -> None:
    what = operation.removeprefix("List").removesuffix("s")
    parents, own = pairs.parents(what, parent), pairs.arns(what)
    for arn in (parents[0], parents[-1]):
        found, _ = pairs.listed(operation, **{parent: arn})
        assert [each in found for each in own] == [each == arn for each in parents]
    assert parents[0] != parents[-1]


@pytest.mark.parametrize("what", [what for what in KINDS if what not in UNNAMED])
def test_another_name_makes_another_resource(pairs: Pairs, what: str) -> None:
    asked, first = pairs.made[what][0]
    name = "jobName" if "jobName" in asked else "name"
    second = pairs.call(f"Create{what}", asked | {name: "another"})[named(what)]
    assert second == f"{first.rpartition('/')[0]}/another"


def test_delete_takes_the_one_that_is_named() -> None:
    with mock_personalize(limits="off"):
        pairs = Pairs(make_account(None))
        for what in DELETED:
            gone = pairs.arns(what)[: len(pairs.arns(what)) // 2]
            for arn in gone:
                pairs.call(f"Delete{what}", {named(what): arn})
            assert [pairs.account.is_gone(xform_name(what), arn) for arn in pairs.arns(what)] == [
                arn in gone for arn in pairs.arns(what)
            ]
