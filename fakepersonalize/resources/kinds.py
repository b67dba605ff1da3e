"""The table of the kinds of resources: facts only, never a callable.

Sources: the service model, the developer guide's "Endpoints and quotas", and ARNs that the service printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fakepersonalize.resources.processes import (
    ACTIVE,
    CREATE,
    CREATING,
    DELETE,
    DELETE_DATA,
    STAYING,
    UNDER_WAY,
    Process,
)


@dataclass(frozen=True, slots=True)
class Blocker:
    """A resource of the kind named `kind` below this one forbids its deletion (only in `statuses`, if given)."""

    kind: str
    statuses: frozenset[str] | None = None
    of_parent: bool = False  # below the dataset group of this one instead
    of_types: frozenset[str] | None = None  # only datasets of these types
    of_named: bool = False  # and datasets that an expression of the metrics names


@dataclass(frozen=True, slots=True)
class Kind:
    """What is true of every resource of one kind.

    `noun` is what stands before the first slash of the ARN's tail, `tail` the template of that tail. `parents` names
    the request members that hold the ARNs of resources that it descends from. `create` None means usable at once.
    """

    name: str
    noun: str
    tail: str
    member: str  # "campaignArn"
    parents: Mapping[str, str] = field(default_factory=dict)  # request member -> name of a kind
    create: Process | None = CREATE
    delete: Process | None = DELETE
    blocked_by: tuple[Blocker, ...] = ()
    cascade: tuple[str, ...] = ()  # kinds below that go with it
    quota: str | None = None
    taggable: bool = True

    @property
    def words(self) -> str:
        """The name of the kind in errors: "solution version"."""
        return self.name.replace("_", " ")


DATASET_GROUP = Kind(
    "dataset_group",
    "dataset-group",
    "dataset-group/{name}",
    "datasetGroupArn",
    quota="dataset_groups",
    # A tracker on its way out goes with the group: AWS's notebook on exploration deletes one right after the other
    # (https://github.com/aws-samples/amazon-personalize-samples, user-personalization-with-exploration.ipynb).
    blocked_by=(
        *map(Blocker, ("dataset", "solution", "recommender", "filter", "metric_attribution", "campaign")),
        Blocker("event_tracker", STAYING),
    ),
    cascade=("event_tracker",),
)
SCHEMA = Kind(
    "schema",
    "schema",
    "schema/{name}",
    "schemaArn",
    create=None,
    delete=None,
    quota="schemas",
    blocked_by=(Blocker("dataset"),),
    taggable=False,
)
DATASET = Kind(
    "dataset",
    "dataset",
    "dataset/{group}/{datasetType}",
    "datasetArn",
    parents={"datasetGroupArn": "dataset_group", "schemaArn": "schema"},
    # https://docs.aws.amazon.com/personalize/latest/dg/deleting-dataset.html; what is being deleted counts no longer.
    blocked_by=(
        Blocker("dataset_import_job", UNDER_WAY),
        Blocker("filter", STAYING, of_parent=True),
        Blocker("event_tracker", STAYING, of_parent=True, of_types=frozenset({"INTERACTIONS"})),
        Blocker("metric_attribution", STAYING, of_parent=True, of_types=frozenset({"INTERACTIONS"}), of_named=True),
        Blocker("batch_inference_job", UNDER_WAY, of_parent=True),
        Blocker("batch_segment_job", UNDER_WAY, of_parent=True),
        Blocker("solution_version", UNDER_WAY, of_parent=True),
        Blocker("recommender", UNDER_WAY, of_parent=True),
        Blocker("campaign", CREATING | {ACTIVE}, of_parent=True),
    ),
)
DATASET_IMPORT_JOB = Kind(
    "dataset_import_job",
    "dataset-import-job",
    "dataset-import-job/{jobName}",
    "datasetImportJobArn",
    parents={"datasetArn": "dataset"},
    quota="dataset_import_jobs",
)
DATASET_EXPORT_JOB = Kind(
    "dataset_export_job",
    "dataset-export-job",
    "dataset-export-job/{jobName}",
    "datasetExportJobArn",
    parents={"datasetArn": "dataset"},
)
DATA_DELETION_JOB = Kind(
    "data_deletion_job",
    "data-deletion-job",
    "data-deletion-job/{jobName}",
    "dataDeletionJobArn",
    parents={"datasetGroupArn": "dataset_group"},
    create=DELETE_DATA,
    quota="data_deletion_jobs",
)
EVENT_TRACKER = Kind(
    "event_tracker",
    "event-tracker",
    "event-tracker/{id}",
    "eventTrackerArn",
    parents={"datasetGroupArn": "dataset_group"},
)
FILTER = Kind(
    "filter",
    "filter",
    "filter/{name}",
    "filterArn",
    parents={"datasetGroupArn": "dataset_group"},
    quota="filters",
)
RECOMMENDER = Kind(
    "recommender",
    "recommender",
    "recommender/{name}",
    "recommenderArn",
    parents={"datasetGroupArn": "dataset_group"},
    quota="recommenders",
)
METRIC_ATTRIBUTION = Kind(
    "metric_attribution",
    "metric-attribution",
    "metric-attribution/{name}",
    "metricAttributionArn",
    parents={"datasetGroupArn": "dataset_group"},
    quota="metric_attributions",
    taggable=False,
)
SOLUTION = Kind(
    "solution",
    "solution",
    "solution/{name}",
    "solutionArn",
    parents={"datasetGroupArn": "dataset_group"},
    create=None,
    quota="solutions",
    blocked_by=(Blocker("campaign"), Blocker("solution_version", UNDER_WAY)),
    cascade=("solution_version",),
)
SOLUTION_VERSION = Kind(
    "solution_version",
    "solution",
    "solution/{solution}/{id}",
    "solutionVersionArn",
    parents={"solutionArn": "solution"},
    quota="solution_versions",
)
CAMPAIGN = Kind(
    "campaign",
    "campaign",
    "campaign/{name}",
    "campaignArn",
    parents={"solutionVersionArn": "solution_version"},
    quota="campaigns",
)
BATCH_INFERENCE_JOB = Kind(
    "batch_inference_job",
    "batch-inference-job",
    "batch-inference-job/{jobName}",
    "batchInferenceJobArn",
    parents={"solutionVersionArn": "solution_version", "filterArn": "filter"},
    quota="batch_inference_jobs",
)
BATCH_SEGMENT_JOB = Kind(
    "batch_segment_job",
    "batch-segment-job",
    "batch-segment-job/{jobName}",
    "batchSegmentJobArn",
    parents={"solutionVersionArn": "solution_version", "filterArn": "filter"},
    quota="batch_segment_jobs",
)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        DATASET_GROUP,
        SCHEMA,
        DATASET,
        DATASET_IMPORT_JOB,
        DATASET_EXPORT_JOB,
        DATA_DELETION_JOB,
        EVENT_TRACKER,
        FILTER,
        RECOMMENDER,
        METRIC_ATTRIBUTION,
        SOLUTION,
        SOLUTION_VERSION,
        CAMPAIGN,
        BATCH_INFERENCE_JOB,
        BATCH_SEGMENT_JOB,
    )
}
KIND_OF_MEMBER: dict[str, Kind] = {kind.member: kind for kind in KINDS.values()}


def is_arn_of(kind: Kind, noun: str, id_: str) -> bool:
    """Say whether an ARN's noun and id have the form of a kind: solutions and their versions share a noun."""
    return kind.noun == noun and id_.count("/") == kind.tail.count("/") - 1 and all(id_.split("/"))
