"""Model, user and item become a ranked list; what serves is a view that writers replace after their commit."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fakepersonalize import arns
from fakepersonalize.datasets.inlets import dataset_arn
from fakepersonalize.datasets.schema import INTERACTIONS
from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.catalogue import Recipe
from fakepersonalize.recommend.live import LiveEvents
from fakepersonalize.recommend.loaded import LoadedModel, LoadedModels
from fakepersonalize.resources.kinds import CAMPAIGN, FILTER, RECOMMENDER
from fakepersonalize.resources.processes import ACTIVE
from fakepersonalize.resources.shelf import Resource, Shelf
from fakepersonalize.storage.streamed import Event

if TYPE_CHECKING:
    from fakepersonalize.recipes.training import Scores

DECIMALS = 7  # as the service was seen to print scores


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a request needs to know of an ACTIVE campaign or recommender."""

    arn: str
    model: int
    recipe: Recipe
    config: Mapping[str, Any]
    interactions: str  # the ARN that the Interactions dataset of its group has, if it is there


class Recommender:
    """Answers from models in memory. `refresh` hears of every commit; asking takes no SQL."""

    def __init__(self, shelf: Shelf, models: LoadedModels, live: LiveEvents) -> None:
        self._shelf, self._models, self._live = shelf, models, live
        self._computing = threading.Lock()
        self._endpoints: dict[str, Endpoint] = {}
        self._filters: dict[str, Resource] = {}
        self.refresh({each.arn for kind in (CAMPAIGN, RECOMMENDER, FILTER) for each in shelf.of_kind(kind)})

    def endpoint(self, arn: str) -> Endpoint | None:
        """Return what serves under an ARN; None for what is not there or not ACTIVE."""
        return self._endpoints.get(arn)

    def filter(self, arn: str) -> Resource | None:
        """Return a filter, whatever its status."""
        return self._filters.get(arn)

    def refresh(self, changed: set[str]) -> None:
        """Look again at what serves and at the filters among the changed resources."""
        for arn in changed:
            named = arns.parse(arn)
            if named and named.kind in (CAMPAIGN.noun, RECOMMENDER.noun):
                self._refresh_endpoint(arn)
            elif named and named.kind == FILTER.noun:
                found = self._shelf.find(arn)
                if found:
                    self._filters[arn] = found
                else:
                    self._filters.pop(arn, None)

    def recommend(
        self,
        endpoint: Endpoint,
        user_id: str | None,
        item_id: str | None,
        amount: int,
        context: Mapping[str, str] | None = None,
    ) -> list[dict[str, Any]]:
        """Return up to `amount` items, best first, as members of PredictedItem."""
        loaded = self._models.get(endpoint.model)
        # numpy lets go of the interpreter in each of its calls: threads that compute side by side only queue for it.
        with self._computing:
            scores = self._scores(endpoint, loaded, user_id, item_id, amount, context)
        ids = [loaded.item_ids[code] for code in scores.items.tolist()]
        if scores.scores is None or not endpoint.recipe.returns_scores:
            return [{"itemId": id_} for id_ in ids]
        return [{"itemId": id_, "score": round(score, DECIMALS)} for id_, score in zip(ids, scores.scores.tolist())]

    def _scores(
        self,
        endpoint: Endpoint,
        loaded: LoadedModel,
        user_id: str | None,
        item_id: str | None,
        amount: int,
        context: Mapping[str, str] | None,
    ) -> Scores:
        if endpoint.recipe.needs_item == "required":
            return loaded.model.similar(loaded.items.get(item_id or ""), None, amount)
        history = loaded.history(user_id, self._live_events(endpoint, user_id), context)
        return loaded.model.recommend(loaded.model.fold_in(history), None, amount)

    def _live_events(self, endpoint: Endpoint, user_id: str | None) -> Sequence[Event]:
        """Return the events that count at once: there are recipes that wait for the next training."""
        if user_id is None or not endpoint.recipe.reacts:
            return ()
        return self._live.of(endpoint.interactions, user_id)

    def _refresh_endpoint(self, arn: str) -> None:
        resource, old = self._shelf.find(arn), self._endpoints.get(arn)
        if resource is None or resource.status != ACTIVE:
            self._endpoints.pop(arn, None)
            return
        self._endpoints[arn] = new = self._view(resource)
        if old and resource.kind is RECOMMENDER and old.model != new.model:  # nobody else has it
            self._models.drop(old.model)

    def _view(self, resource: Resource) -> Endpoint:
        if resource.kind is RECOMMENDER:
            trained, model, config = resource, resource["model"], resource["recommenderConfig"]
        else:
            version = self._shelf.find(resource["solutionVersionArn"])
            assert version is not None, "a campaign keeps its solution"
            trained, model, config = version, version.number, resource.document.get("campaignConfig") or {}
        recipe = catalogue.recipe(trained["recipeArn"].rpartition("/")[2])
        assert recipe is not None
        interactions = dataset_arn(trained["datasetGroupArn"], INTERACTIONS)
        return Endpoint(resource.arn, model, recipe, config, interactions)
