import subprocess
import sys

import pytest

from fakepersonalize.errors import UnknownOperationException
from fakepersonalize.protocol.service_models import Operation, ServiceModels
from fakepersonalize.protocol.wire import Incoming

FAMILIES = {
    "Create": "BatchInferenceJob BatchSegmentJob Campaign DataDeletionJob Dataset DatasetExportJob DatasetGroup "
    "DatasetImportJob EventTracker Filter MetricAttribution Recommender Schema Solution SolutionVersion",
    "Delete": "Campaign Dataset DatasetGroup EventTracker Filter MetricAttribution Recommender Schema Solution",
    "Describe": "Algorithm BatchInferenceJob BatchSegmentJob Campaign DataDeletionJob Dataset DatasetExportJob "
    "DatasetGroup DatasetImportJob EventTracker FeatureTransformation Filter MetricAttribution Recipe Recommender "
    "Schema Solution SolutionVersion",
    "Get": "SolutionMetrics",
    "List": "BatchInferenceJobs BatchSegmentJobs Campaigns DataDeletionJobs DatasetExportJobs DatasetGroups "
    "DatasetImportJobs Datasets EventTrackers Filters MetricAttributionMetrics MetricAttributions Recipes Recommenders "
    "Schemas SolutionVersions Solutions TagsForResource",
    "Start": "Recommender",
    "Stop": "Recommender SolutionVersionCreation",
    "Tag": "Resource",
    "Untag": "Resource",
    "Update": "Campaign Dataset MetricAttribution Recommender Solution",
}
CONTROL_PLANE = {verb + noun for verb, nouns in FAMILIES.items() for noun in nouns.split()}
PATHS = {
    "/recommendations": "GetRecommendations",
    "/personalize-ranking": "GetPersonalizedRanking",
    "/action-recommendations": "GetActionRecommendations",
    "/events": "PutEvents",
    "/items": "PutItems",
    "/users": "PutUsers",
    "/actions": "PutActions",
    "/action-interactions": "PutActionInteractions",
}
MODELS = ServiceModels()


def request(path: str = "/", target: str | None = None, method: str = "POST") -> Incoming:
    return Incoming(method, path, {} if target is None else {"x-amz-target": target}, b"{}")


def test_there_are_79_operations_and_a_newer_botocore_that_adds_one_is_noticed() -> None:
    names = {operation.name for operation in MODELS}
    assert names == CONTROL_PLANE | set(PATHS.values())
    assert len(MODELS) == len(names) == 79


def test_a_target_finds_each_operation_of_the_control_plane() -> None:
    for name in CONTROL_PLANE:
        operation = MODELS.find(request(target=f"AmazonPersonalize.{name}"))
        assert (operation.name, operation.service, operation.protocol) == (name, "personalize", "json")


def test_a_path_finds_each_operation_of_runtime_and_events() -> None:
    for path, name in PATHS.items():
        operation = MODELS.find(request(path))
        assert (operation.name, operation.path, operation.protocol) == (name, path, "rest-json")
        assert operation.service == ("personalize-events" if name.startswith("Put") else "personalize-runtime")


@pytest.mark.parametrize(
    "incoming",
    [
        request(),
        request(target=""),
        request(target="AmazonPersonalize.NoSuchThing"),
        request(target="CreateCampaign"),
        request(target="AmazonPersonalize.GetRecommendations"),
        request(target="AmazonPersonalize.CreateCampaign", method="GET"),
        request(target="/recommendations"),
        request("/recommendations", method="GET"),
        request("/recommendations/"),
        request("/elsewhere"),
    ],
    ids=str,
)
def test_what_is_no_operation_is_refused(incoming: Incoming) -> None:
    with pytest.raises(UnknownOperationException) as refusal:
        MODELS.find(incoming)
    assert incoming.method in refusal.value.message


def test_an_endless_address_is_not_repeated_in_the_refusal() -> None:
    with pytest.raises(UnknownOperationException) as refusal:
        MODELS.find(request("/" + "x" * 100_000))
    assert len(refusal.value.message) < 400


def test_functions_are_named_as_boto3_names_its_methods() -> None:
    import boto3

    for operation in MODELS:
        client = boto3.client(operation.service, "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        assert callable(getattr(client, operation.function))


@pytest.mark.parametrize(
    ("name", "errors"),
    [
        ("DescribeCampaign", {"InvalidInputException": 400, "ResourceNotFoundException": 400}),
        ("GetRecommendations", {"InvalidInputException": 400, "ResourceNotFoundException": 404}),
        ("PutEvents", {"InvalidInputException": 400}),
        (
            "PutItems",
            {"InvalidInputException": 400, "ResourceNotFoundException": 404, "ResourceInUseException": 409},
        ),
    ],
)
def test_errors_carry_the_status_of_the_model(name: str, errors: dict[str, int]) -> None:
    assert MODELS.operation(name).errors == errors


def test_only_deletes_and_puts_and_one_stop_have_no_output() -> None:
    silent = {operation.name for operation in MODELS if operation.output is None}
    puts = {name for name in PATHS.values() if name.startswith("Put")}
    deletes = {name for name in CONTROL_PLANE if name.startswith("Delete")}
    assert silent == puts | deletes | {"StopSolutionVersionCreation"}


def test_an_operation_is_the_same_object_for_everyone() -> None:
    def address(models: ServiceModels) -> Operation:
        return models.find(request("/events"))

    assert address(ServiceModels()) is address(MODELS) is MODELS.operation("PutEvents")


def test_botocore_is_not_loaded_before_the_first_question() -> None:
    program = """
import sys
from fakepersonalize.protocol import constraints, messages, service_models
service_models.ServiceModels()
assert "botocore" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
