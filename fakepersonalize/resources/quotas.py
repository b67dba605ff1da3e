"""How many of what there may be, as named rows: who enforces a number of the service's quotas page takes it from here.

Only the language of filters, which knows no other room, has its own (`filters/check.py`); what the service models limit
is read off them.
Source: https://docs.aws.amazon.com/personalize/latest/dg/limits.html (2025).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from fakepersonalize.resources.processes import DELETE_DATA, FAILED_CREATION, UNDER_WAY

RUNNING, WAITING = "PENDING or IN_PROGRESS", "PENDING"
_COUNTED = {RUNNING: UNDER_WAY, WAITING: {DELETE_DATA.pending}}


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `most` resources, per region or per dataset group; of one status, or all that have not failed."""

    most: int
    per: str  # "region" or "dataset group"
    only: str | None = None

    def counts(self, status: str) -> bool:
        return status in _COUNTED[self.only] if self.only else status != FAILED_CREATION

    @property
    def sentence(self) -> str:
        """AWS's sentence (documented for imports and campaigns, the same pattern for the others)."""
        if self.only:
            return f"More than {self.most} resources with {self.only} status."
        return f"More than {self.most} resources in ACTIVE state. Please delete some and try again."


QUOTAS = {
    "schemas": Quota(500, "region"),
    "dataset_groups": Quota(5, "region"),
    "dataset_import_jobs": Quota(5, "region", only=RUNNING),
    "solution_versions": Quota(20, "region", only=RUNNING),
    "solutions": Quota(10, "dataset group"),
    "campaigns": Quota(5, "dataset group"),
    "recommenders": Quota(5, "dataset group"),
    "filters": Quota(30, "dataset group"),
    "metric_attributions": Quota(1, "dataset group"),
    "data_deletion_jobs": Quota(5, "dataset group", only=WAITING),
    "batch_inference_jobs": Quota(5, "region", only=RUNNING),
    "batch_segment_jobs": Quota(5, "region", only=RUNNING),
}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `most` calls in a second, all operations of the rate together, per region or per one resource."""

    most: int
    per: str  # "region", "dataset group" or "campaign"; a recommender counts as a campaign


# By operation; enforced only where `--rates aws` asks for it.
_RECOMMENDATIONS = Rate(2500, "region")
RATES: Mapping[str, tuple[Rate, ...]] = {
    "PutEvents": (Rate(1000, "dataset group"),),
    "PutActionInteractions": (Rate(1000, "dataset group"),),
    "PutItems": (Rate(10, "dataset group"),),
    "PutUsers": (Rate(10, "dataset group"),),
    "PutActions": (Rate(10, "dataset group"),),
    "GetRecommendations": (Rate(500, "campaign"), _RECOMMENDATIONS),
    "GetPersonalizedRanking": (Rate(500, "campaign"), _RECOMMENDATIONS),
    "GetActionRecommendations": (Rate(500, "campaign"), _RECOMMENDATIONS),
}

# Minima of data, checked when a model is trained and when interactions are imported.
MINIMUM_INTERACTIONS = 1000
MINIMUM_USERS = 25
MINIMUM_SHARE_OF_USERS = 0.01
INTERACTIONS_PER_USER = 2
# Other numbers of capacity: they are lifted with the quotas.
FILTERED_FIELDS_PER_GROUP = 20
EVENT_TYPES_AND_METADATA = 10
BYTES_OF_ITEMS_AND_USERS = dict.fromkeys(("aws-hrnn-metadata", "aws-hrnn-coldstart"), 5 * 10**9)
IMPORT_BYTES = {"FULL": 100 * 10**9, "INCREMENTAL": 10**9}
DELETION_BYTES = 100 * 10**6


@dataclass(frozen=True, slots=True)
class Considered:
    """How much of the data a training looks at; what is more is left out in silence."""

    interactions: int = 500_000_000
    items: int = 750_000
    actions: int = 1000
    action_interactions: int = 500_000_000


# By recipe, where it is not as for the others.
_V2 = Considered(interactions=3_000_000_000, items=5_000_000)
CONSIDERED: Mapping[str, Considered] = {
    "aws-user-personalization-v2": _V2,
    "aws-personalized-ranking-v2": _V2,
    "aws-semantic-similarity": Considered(items=10_000_000),
}


def considered(recipe: str | None) -> Considered:
    """Return what trainings of a recipe look at; without a recipe, everything."""
    return CONSIDERED.get(recipe, Considered()) if recipe else Considered(*[2**63 - 1] * len(fields(Considered)))


ATTRIBUTION_SOURCES = 100
# Of the input of one batch job.
BATCH_FILES, BATCH_BYTES, BATCH_LINES, THEME_LINES = 1000, 10**9, 50_000_000, 100
SEGMENT_LINES = {"aws-item-affinity": 500, "aws-item-attribute-affinity": 10}

# The shape of requests and data: always enforced.
TAGS_PER_RESOURCE = 50
METRICS_PER_ATTRIBUTION = 10
RESULTS, RESULTS_WITH_METADATA, ACTION_RESULTS = 500, 50, 100
METADATA_COLUMNS = 10
EVENT_BYTES = 10 * 1024
METADATA_FIELDS = {"INTERACTIONS": 5, "USERS": 25, "ITEMS": 100, "ACTIONS": 10, "ACTION_INTERACTIONS": 5}
ID_CHARACTERS = 256
STRING_CHARACTERS = 1000
TEXT_CHARACTERS = 20_000
TEXT_CHARACTERS_HAN = 7_000  # Chinese and Japanese
