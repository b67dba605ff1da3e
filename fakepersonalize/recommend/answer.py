"""Model, user and item become a ranked list; what serves is a view that writers replace after their commit."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.catalogue import Recipe
from fakepersonalize.recommend.loaded import LoadedModel, LoadedModels
from fakepersonalize.resources.kinds import CAMPAIGN
from fakepersonalize.resources.processes import ACTIVE
from fakepersonalize.resources.shelf import Resource, Shelf

if TYPE_CHECKING:
    from fakepersonalize.recipes.training import Scores

DECIMALS = 7  # as the service was seen to print scores


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a request needs to know of an ACTIVE campaign."""

    arn: str
    model: int
    recipe: Recipe
    config: Mapping[str, Any]


class Recommender:
    """Answers from models in memory. `refresh` hears of every commit; asking takes no SQL."""

    def __init__(self, shelf: Shelf, models: LoadedModels) -> None:
        self._shelf, self._models = shelf, models
        self._computing = threading.Lock()
        self._endpoints: dict[str, Endpoint] = {}
        self.refresh({campaign.arn for campaign in shelf.of_kind(CAMPAIGN)})

    def endpoint(self, arn: str) -> Endpoint | None:
        """Return what serves under an ARN; None for what is not there or not ACTIVE."""
        return self._endpoints.get(arn)

    def refresh(self, changed: set[str]) -> None:
        """Look again at the campaigns among the changed resources."""
        for arn in changed:
            if f":{CAMPAIGN.noun}/" in arn:
                campaign = self._shelf.find(arn)
                if campaign and campaign.status == ACTIVE:
                    self._endpoints[arn] = self._view(campaign)
                else:
                    self._endpoints.pop(arn, None)

    def recommend(
        self, endpoint: Endpoint, user_id: str | None, item_id: str | None, amount: int
    ) -> list[dict[str, Any]]:
        """Return up to `amount` items, best first, as members of PredictedItem."""
        loaded = self._models.get(endpoint.model)
        # numpy lets go of the interpreter in each of its calls: threads that compute side by side only queue for it.
        with self._computing:
            scores = self._scores(endpoint.recipe, loaded, user_id, item_id, amount)
        ids = [loaded.item_ids[code] for code in scores.items.tolist()]
        if scores.scores is None or not endpoint.recipe.returns_scores:
            return [{"itemId": id_} for id_ in ids]
        return [{"itemId": id_, "score": round(score, DECIMALS)} for id_, score in zip(ids, scores.scores.tolist())]

    def _scores(
        self, recipe: Recipe, loaded: LoadedModel, user_id: str | None, item_id: str | None, amount: int
    ) -> Scores:
        if recipe.needs_item == "required":
            return loaded.model.similar(loaded.items.get(item_id or ""), None, amount)
        return loaded.model.recommend(loaded.model.fold_in(loaded.history(user_id)), None, amount)

    def _view(self, campaign: Resource) -> Endpoint:
        version = self._shelf.find(campaign["solutionVersionArn"])
        assert version is not None, "a campaign keeps its solution"
        recipe = catalogue.recipe(version["recipeArn"].rpartition("/")[2])
        assert recipe is not None
        return Endpoint(campaign.arn, version.number, recipe, campaign.document.get("campaignConfig") or {})
