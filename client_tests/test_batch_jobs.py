"""Batch jobs as resources: Create-, Describe-, ListBatchInferenceJobs and Create-, Describe-, ListBatchSegmentJobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import shops
from accounts import Account, Description, refused
from conftest import NewAccount, Tell
from modes import socket_only

MORE_THAN_5 = "More than 5 resources with PENDING or IN_PROGRESS status."
PICKS, RANKING, SIMILAR, TREND, AFFINITY = (
    *("aws-user-personalization", "aws-personalized-ranking", "aws-similar-items", "aws-trending-now"),
    "aws-item-affinity",
)
EXPLORING = {"itemExplorationConfig": {"explorationWeight": "0.5", "explorationItemAgeCutOff": "10"}}
THEMES = {
    "batchInferenceJobMode": "THEME_GENERATION",
    "themeGenerationConfig": {"fieldsForThemeGeneration": {"itemName": "GENRES"}},
}
TOLD = shops.schema(
    "Items",
    "ITEM_ID string",
    {"name": "GENRES", "type": "string", "categorical": True},
    "PRICE float",
    {"name": "PLOT", "type": "string", "textual": True},
)
UNFIT: dict[str, tuple[str, str, dict[str, Any]]] = {
    "no inference with segments": ("inference", AFFINITY, {}),
    "no inference with trends": ("inference", TREND, {}),
    "no segments with items": ("segment", PICKS, {}),
    "too many items": ("inference", PICKS, {"numResults": 501}),
    "fewer items than none": ("inference", PICKS, {"numResults": -1}),
    "too many users": ("segment", AFFINITY, {"numResults": 5_000_001}),
    "exploration elsewhere": ("inference", RANKING, {"batchInferenceJobConfig": EXPLORING}),
    "too much exploration": (
        "inference",
        PICKS,
        {"batchInferenceJobConfig": {"itemExplorationConfig": {"explorationWeight": "2"}}},
    ),
    "influence elsewhere": ("inference", PICKS, {"batchInferenceJobConfig": {"rankingInfluence": {"POPULARITY": 0.5}}}),
    "themes elsewhere": ("inference", PICKS, THEMES),
    "themes without a name": ("inference", SIMILAR, {"batchInferenceJobMode": "THEME_GENERATION"}),
    "a name without themes": ("inference", SIMILAR, {"themeGenerationConfig": THEMES["themeGenerationConfig"]}),
    "a name that is a number": (
        "inference",
        SIMILAR,
        THEMES | {"themeGenerationConfig": {"fieldsForThemeGeneration": {"itemName": "PRICE"}}},
    ),
    "a name that is not there": (
        "inference",
        SIMILAR,
        THEMES | {"themeGenerationConfig": {"fieldsForThemeGeneration": {"itemName": "TITLE"}}},
    ),
}


class Store:
    """A group with items and users, and an ACTIVE version of each recipe that is asked for."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.group = account.shop(shops.series())
        account.dataset(self.group, account.schema("items", TOLD), "Items")
        account.dataset(self.group, account.schema("users", shops.USERS), "Users")
        self._versions: dict[str, str] = {}

    def version(self, recipe: str) -> str:
        if recipe not in self._versions:
            self._versions[recipe] = self.account.version(self.account.solution(self.group, recipe, recipe))
        return self._versions[recipe]

    def begin(
        self,
        kind: str = "inference",
        recipe: str = PICKS,
        name: str = "job",
        source: str = "s3://films/in/",
        target: str = "s3://films/out/",
        **more: Any,
    ) -> str:
        asked = {"solutionVersionArn": self.version(recipe)} | more
        answer = getattr(self.account.personalize, f"create_batch_{kind}_job")(
            jobName=name,
            jobInput={"s3DataSource": {"path": source}},
            jobOutput={"s3DataDestination": {"path": target}},
            roleArn=self.account.role,
            **asked,
        )
        return str(answer[f"batch{kind.capitalize()}JobArn"])

    def job(self, kind: str = "inference", recipe: str = PICKS, name: str = "job", **more: Any) -> Description:
        """Begin a job and return it as it ended."""
        return self.account.settled(f"batch_{kind}_job", self.begin(kind, recipe, name, **more))

    def filter(self, expression: str, name: str, group: str | None = None) -> str:
        made = self.account.personalize.create_filter(
            name=name, datasetGroupArn=group or self.group, filterExpression=expression
        )
        self.account.active("filter", made["filterArn"])
        return str(made["filterArn"])


CHEAP, YOUNG = "INCLUDE ItemID WHERE Items.PRICE < 10", "INCLUDE UserID WHERE Users.AGE < 30"


@pytest.fixture(scope="module")
def shared(new_account: NewAccount) -> Store:
    """A store whose versions tests share; the names of their jobs are their own."""
    store = Store(new_account())
    store.filter(CHEAP, "cheap")
    store.filter(YOUNG, "young")
    return store


def listed(account: Account, kind: str, **asked: Any) -> list[Description]:
    answer = getattr(account.personalize, f"list_batch_{kind}_jobs")(**asked)
    found: list[Description] = answer[f"batch{kind.capitalize()}Jobs"]
    return found


def test_an_inference_job_is_described_and_listed(shared: Store) -> None:
    account = shared.account
    described = shared.job(
        name="whole", numResults=10, filterArn=account.arn("filter/cheap"), batchInferenceJobConfig=EXPLORING
    )
    assert described["batchInferenceJobArn"] == account.arn("batch-inference-job/whole")
    assert described["solutionVersionArn"] == shared.version(PICKS)
    assert (described["jobName"], described["numResults"], described["roleArn"]) == ("whole", 10, account.role)
    assert described["jobInput"] == {"s3DataSource": {"path": "s3://films/in/"}}
    assert described["jobOutput"] == {"s3DataDestination": {"path": "s3://films/out/"}}
    assert (described["filterArn"], described["batchInferenceJobConfig"]) == (account.arn("filter/cheap"), EXPLORING)
    assert described["batchInferenceJobMode"] == "BATCH_INFERENCE"
    assert "themeGenerationConfig" not in described
    found = listed(account, "inference", solutionVersionArn=shared.version(PICKS))[0]
    assert found.keys() - {"failureReason"} == {
        *("batchInferenceJobArn", "jobName", "status", "creationDateTime", "lastUpdatedDateTime"),
        *("solutionVersionArn", "batchInferenceJobMode"),
    }
    assert found.items() <= described.items()
    assert listed(account, "inference", solutionVersionArn=shared.version(RANKING)) == []


def test_a_segment_job_is_described_and_listed(shared: Store) -> None:
    account = shared.account
    described = shared.job("segment", AFFINITY, "whole", filterArn=account.arn("filter/young"))
    assert described["batchSegmentJobArn"] == account.arn("batch-segment-job/whole")
    assert (described["numResults"], described["filterArn"]) == (25, account.arn("filter/young"))
    assert (described["solutionVersionArn"], described["roleArn"]) == (shared.version(AFFINITY), account.role)
    (found,) = listed(account, "segment")
    assert found.keys() - {"failureReason"} == {
        *("batchSegmentJobArn", "jobName", "status", "creationDateTime", "lastUpdatedDateTime", "solutionVersionArn")
    }
    assert found.items() <= described.items()


def test_a_theme_job_keeps_its_configuration(shared: Store) -> None:
    described = shared.job("inference", SIMILAR, "themes", **THEMES)
    assert described.items() >= THEMES.items()
    assert described["numResults"] == 25


@pytest.mark.parametrize(("kind", "recipe", "asked"), UNFIT.values(), ids=UNFIT.keys())
def test_what_breaks_the_rules_is_refused(shared: Store, kind: str, recipe: str, asked: dict[str, Any]) -> None:
    with refused("InvalidInputException"):
        shared.begin(kind, recipe, "refused", **asked)


@pytest.mark.parametrize("kind", ["inference", "segment"])
@pytest.mark.parametrize(
    ("source", "target", "sentence"),
    [
        ("https://films/in", "s3://films/out", "Invalid S3 input path"),
        ("s3://films/in", "http://films/out", "Invalid S3 output path"),
        ("s3://films/in", "s3://films/in", "Invalid S3 output path"),
        ("s3://films/in/", "s3://films/in", "Invalid S3 output path"),
    ],
)
def test_both_paths_are_places_in_s3(shared: Store, kind: str, source: str, target: str, sentence: str) -> None:
    with refused("InvalidInputException", sentence):
        shared.begin(kind, AFFINITY if kind == "segment" else PICKS, "refused", source, target)


def test_the_filter_is_of_the_group_and_about_what_is_chosen_from(shared: Store) -> None:
    account = shared.account
    other = account.group("other")
    account.dataset(other, account.arn("schema/items"), "Items")
    foreign = shared.filter(CHEAP, "foreign", other)
    for kind, recipe, filter_ in (
        ("inference", PICKS, foreign),
        ("inference", PICKS, account.arn("filter/young")),
        ("segment", AFFINITY, account.arn("filter/cheap")),
    ):
        with refused("InvalidInputException", filter_):
            shared.begin(kind, recipe, "refused", filterArn=filter_)


@pytest.mark.parametrize(("kind", "recipe"), [("inference", PICKS), ("segment", AFFINITY)])
def test_version_and_filter_must_exist_and_the_name_be_new(shared: Store, kind: str, recipe: str) -> None:
    account = shared.account
    with refused("ResourceNotFoundException", "filter/none"):
        shared.begin(kind, recipe, filterArn=account.arn("filter/none"))
    with refused("ResourceNotFoundException", "solution/none/01234567"):
        shared.begin(kind, recipe, solutionVersionArn=account.arn("solution/none/01234567"))
    arn = shared.begin(kind, recipe, "taken")
    with refused("ResourceAlreadyExistsException", f"Another resource with Arn {arn} already exists."):
        shared.begin(kind, recipe, "taken")


def test_the_version_must_be_active(account: Account) -> None:
    store = Store(account)
    failed = account.train(account.solution(store.group, PICKS, "failing", eventType="click"))
    assert failed["status"] == "CREATE FAILED"
    for kind in ("inference", "segment"):
        with refused("ResourceInUseException", failed["solutionVersionArn"]):
            store.begin(kind, solutionVersionArn=failed["solutionVersionArn"])


@socket_only
def test_five_jobs_of_a_kind_run_at_once(waiting: Callable[..., tuple[Account, Tell]]) -> None:
    account, tell = waiting("batch_inference_job", "batch_segment_job", "filter")
    store = Store(account)
    made = account.personalize.create_filter(name="f", datasetGroupArn=store.group, filterExpression=CHEAP)
    with refused("ResourceInUseException", f"Resource {made['filterArn']} is not in ACTIVE state."):
        store.begin(filterArn=made["filterArn"])
    for kind, recipe in (("inference", PICKS), ("segment", AFFINITY)):
        for number in range(5):
            arn = store.begin(kind, recipe, f"j{number}")
        assert account.describe(f"batch_{kind}_job", arn)["status"] == "CREATE PENDING"
        with refused("LimitExceededException", MORE_THAN_5):
            store.begin(kind, recipe)
    tell()
    tell()
    account.settled("batch_segment_job", arn)
    store.begin("segment", AFFINITY)


def test_jobs_outlive_their_solution(account: Account) -> None:
    store = Store(account)
    arn = store.job()["batchInferenceJobArn"]
    account.delete("solution", account.arn(f"solution/{PICKS}"))
    assert account.describe("batch_inference_job", arn)["solutionVersionArn"] == store.version(PICKS)
    assert [job["batchInferenceJobArn"] for job in listed(account, "inference")] == [arn]
