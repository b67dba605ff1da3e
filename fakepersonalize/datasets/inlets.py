"""Where streamed rows go: a view of datasets and tracking ids that needs no SQL, because every event asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from fakepersonalize import arns
from fakepersonalize.arns import Scope
from fakepersonalize.datasets.live import Inlet, inlet
from fakepersonalize.datasets.schema import ACTION_INTERACTIONS, INTERACTIONS
from fakepersonalize.resources.kinds import DATASET, EVENT_TRACKER
from fakepersonalize.resources.processes import DELETING
from fakepersonalize.resources.shelf import Resource, Shelf


@dataclass(frozen=True, slots=True)
class Tracking:
    """Whose a tracking id is, and the ARNs of dataset group and dataset and the type of what it feeds."""

    scope: Scope
    group: str
    dataset: str
    type: str


class Inlets:
    """The inlets of all datasets, and the tracking ids that lead to them.

    Event trackers have tracking ids, and Action interactions datasets have one of their own each. `refresh` hears of
    every commit; asking takes no SQL.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._trackings: dict[str, Tracking] = {}
        self._ids: dict[str, str] = {}  # by the ARN of tracker or dataset
        self._inlets: dict[str, Inlet] = {}  # by the ARN of the dataset
        self.refresh({found.arn for kind in (DATASET, EVENT_TRACKER) for found in shelf.of_kind(kind)})

    def find(self, tracking_id: str, type_: str, scope: Scope) -> Tracking | None:
        """Return what a tracking id is for; None for what is unknown to an account in a region, or of another type."""
        found = self._trackings.get(tracking_id)
        return found if found and (found.type, found.scope) == (type_, scope) else None

    def of(self, dataset_arn: str) -> Inlet | None:
        """Return the inlet of a dataset, if it is there now and not on its way out."""
        return self._inlets.get(dataset_arn)

    def refresh(self, changed: set[str]) -> None:
        """Look again at the trackers and datasets among the changed resources."""
        for arn in changed:
            named = arns.parse(arn)
            if named and named.kind in (DATASET.noun, EVENT_TRACKER.noun):
                found = self._shelf.find(arn)
                if found is None or found.status in DELETING:
                    self._forget(arn)
                else:
                    self._remember(found)

    def _forget(self, arn: str) -> None:
        self._inlets.pop(arn, None)
        self._trackings.pop(self._ids.pop(arn, ""), None)

    def _remember(self, resource: Resource) -> None:
        """Put a view in the place of the old one; nobody may find none in between."""
        own = resource.kind is DATASET
        if own:
            self._inlets[resource.arn] = self._inlet(resource)
        if resource.document.get("trackingId"):
            group = resource["datasetGroupArn"]
            dataset = resource.arn if own else dataset_arn(group, INTERACTIONS)
            type_ = ACTION_INTERACTIONS if own else INTERACTIONS
            if self._ids.get(resource.arn) != resource["trackingId"]:
                self._trackings.pop(self._ids.get(resource.arn, ""), None)
            self._trackings[resource["trackingId"]] = Tracking(resource.scope, group, dataset, type_)
            self._ids[resource.arn] = resource["trackingId"]

    def _inlet(self, dataset: Resource) -> Inlet:
        schema = self._shelf.find(dataset["schemaArn"])
        assert schema is not None, "a dataset keeps its schema"
        return inlet(dataset.number, schema["schema"], schema.document.get("domain"))


@lru_cache(maxsize=4096)  # every answer asks
def dataset_arn(group_arn: str, type_: str) -> str:
    """Return the ARN that the dataset of a type has in a dataset group, there or not."""
    group = arns.parse(group_arn)
    assert group is not None
    return arns.build(group.scope, DATASET.tail.format(group=group.id, datasetType=type_))
