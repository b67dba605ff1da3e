"""Model, user and item become a ranked list; what serves is a view that writers replace after their commit."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from fakepersonalize import arns
from fakepersonalize.datasets.inlets import dataset_arn
from fakepersonalize.datasets.schema import ACTION_INTERACTIONS, INTERACTIONS, ITEMS
from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.catalogue import Exploration, Recipe
from fakepersonalize.recommend.filtering import Filters, automatic
from fakepersonalize.recommend.lags import LAGS, Lags
from fakepersonalize.recommend.live import LiveEvents
from fakepersonalize.recommend.loaded import LoadedModel, LoadedModels
from fakepersonalize.resources.kinds import CAMPAIGN, RECOMMENDER, SOLUTION_VERSION
from fakepersonalize.resources.processes import ACTIVE
from fakepersonalize.resources.shelf import Resource, Shelf
from fakepersonalize.storage.streamed import Event

if TYPE_CHECKING:
    from fakepersonalize.filters.evaluate import BoundFilter
    from fakepersonalize.recipes.models.trending import Trending
    from fakepersonalize.recipes.training import Codes, Mask, Scores
    from fakepersonalize.recommend.candidates import Items, Look
    from fakepersonalize.recommend.exploring import Exploring
    from fakepersonalize.recommend.increments import Increment
    from fakepersonalize.recommend.ranker import UserScores

    Picker = Callable[[Mask | None, int], Scores]

DECIMALS = 7  # as the service was seen to print scores
REASONS, TREND = "reasons", "trend"  # what recipes do
# Seconds between two looks of the use case Trending now; with the recipe the solution says it.
USE_CASE_INTERVAL = 2 * 3600
PROMOTED = "Promoted item"  # as the guide spells it


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a request needs to know of an ACTIVE campaign or recommender."""

    arn: str
    model: int
    recipe: Recipe
    config: Mapping[str, Any]
    group: str
    exploration: Exploration | None = None
    ended: float = math.inf  # when a newer version ended the automatic updates of this one; 0 where there were none
    grows: bool = False  # whether incremental updates bring new texts in
    trained: str = ""  # the ARN of the solution version, or recommender, that the model belongs to
    since: float = 0.0  # when that was created: automatic updates are counted from then on

    @property
    def looks_beyond(self) -> bool:
        """Whether items that the model does not know may be recommended."""
        return self.grows or self.exploration is not None or TREND in self.recipe.does

    @property
    def tells_metadata(self) -> bool:
        by_itself = "metadata-by-itself" in self.recipe.does
        return by_itself or bool(self.config.get("enableMetadataWithRecommendations"))


@dataclass(frozen=True, slots=True)
class Promotion:
    """Items that are to have a share of a list.

    https://docs.aws.amazon.com/personalize/latest/dg/promoting-items.html
    """

    name: str | None
    percent: int
    filter: BoundFilter

    def amount(self, of: int) -> int:
        return min(of, max(1, round(of * self.percent / 100)))


class Asked(NamedTuple):
    """Whom a list is for, beside which item, and how it is to be."""

    user: str | None
    item: str | None
    amount: int
    filter: BoundFilter | None = None
    promotion: Promotion | None = None
    seed: str = ""  # of the places of promoted items
    context: Mapping[str, str] | None = None
    until: int | None = None  # the number of the last streamed event that counts; None counts all
    at: float = math.inf  # when it was asked, if it is asked again: what updates brought later does not count


class Recommender:
    """Answers from models in memory. `refresh` hears of every commit; asking takes no SQL."""

    def __init__(
        self,
        shelf: Shelf,
        models: LoadedModels,
        live: LiveEvents,
        filters: Filters,
        lags: Lags = LAGS["none"],
        now: Callable[[], float] = float,
        seed: int = 0,
    ) -> None:
        """`lags` say what passes between two updates of a model; the seed is that of exploration."""
        self._shelf, self._models, self._live = shelf, models, live
        self._lags, self._now, self._seed = lags, now, seed
        self.filters = filters
        self._computing = threading.Lock()
        self._endpoints: dict[str, Endpoint] = {}
        self.refresh({each.arn for kind in (CAMPAIGN, RECOMMENDER) for each in shelf.of_kind(kind)})

    @property
    def mark(self) -> int:
        """The number of the newest streamed row: answers that count rows until there can be told once more."""
        return self._live.last

    def endpoint(self, arn: str) -> Endpoint | None:
        """Return what serves under an ARN; None for what is not there or not ACTIVE."""
        return self._endpoints.get(arn)

    def refresh(self, changed: set[str]) -> None:
        """Look again at what serves among the changed resources."""
        for arn in changed:
            named = arns.parse(arn)
            if named and named.kind in (CAMPAIGN.noun, RECOMMENDER.noun):
                self._refresh_endpoint(arn)
            elif named and named.kind == SOLUTION_VERSION.noun:
                self._refresh_campaigns(self._shelf.find(arn))

    def recommend(self, endpoint: Endpoint, asked: Asked) -> list[dict[str, Any]]:
        """Return up to `amount` items as members of PredictedItem: best first, but for promoted ones in between."""
        loaded = self._models.get(endpoint.model)
        always = [automatic(endpoint.recipe.auto_filter)] if endpoint.recipe.auto_filter else []
        rest = [*always, asked.filter] if asked.filter else always
        promoted = [*always, asked.promotion.filter] if asked.promotion else []
        items = self._items(endpoint, loaded, [*rest, *promoted])
        look = self._look(endpoint, loaded, items, asked, [*rest, *promoted]) if items else None
        ids = items.ids if items and endpoint.looks_beyond else loaded.item_ids
        # numpy lets go of the interpreter in each of its calls: threads that compute side by side only queue for it.
        with self._computing:
            pick = self._picker(endpoint, loaded, asked, items)
            allowed = look.allowed(rest, len(ids)) if look else None
            if look is None or asked.promotion is None:
                return _members(endpoint, ids, pick(allowed, asked.amount))
            chosen = pick(look.allowed(promoted, len(ids)), asked.promotion.amount(asked.amount))
            others = pick(_without(allowed, chosen.items, len(ids)), asked.amount - len(chosen.items))
        marked = [item | _mark(endpoint, asked.promotion) for item in _members(endpoint, ids, chosen)]
        return _mixed(_members(endpoint, ids, others), marked, asked.seed)

    def explored(self, endpoint: Endpoint, loaded: LoadedModel, asked: Asked, items: Items) -> UserScores:
        """Return the scores of a user where the recipe explores."""
        from fakepersonalize.recipes import exploration, noise
        from fakepersonalize.recommend.exploring import met
        from fakepersonalize.recommend.ranker import UserScores

        assert endpoint.exploration is not None
        live = self._live_events(endpoint, asked.user, asked.until)
        queries = loaded.queries([asked.user], [live], [asked.context])
        exploring = self._exploring(endpoint, loaded, items)
        new = exploring.newcomers(endpoint.exploration.cut_off_days, items, asked.until, asked.at)
        askers = noise.askers(self._seed, [asked.user], endpoint.trained)
        shares = exploration.shares(new, endpoint.exploration, askers, met(queries, [live], items.codes))
        return UserScores.of(
            loaded.model, loaded.model.score(queries), new, shares, len(items.ids), REASONS in endpoint.recipe.does
        )

    def trend(self, endpoint: Endpoint, loaded: LoadedModel, items: Items, asked: Asked) -> Trending:
        """Return what trends by now, or as of when it was asked."""
        from fakepersonalize.recommend.trends import Trends

        known = loaded.companions.find(Trends)
        if known is None:
            pause = self._lags.updates and (USE_CASE_INTERVAL if endpoint.recipe.domain else None)
            known = loaded.companions.keep(Trends(loaded, pause, self._now))
        return known.model(items, self._live.log(dataset_arn(endpoint.group, INTERACTIONS)), asked.until, asked.at)

    def increment(self, loaded: LoadedModel, items: Items) -> Increment:
        """Return a model that goes by texts with those that items have by now."""
        from fakepersonalize.recommend.increments import Increments

        known = loaded.companions.find(Increments)
        if known is None:
            known = loaded.companions.keep(Increments(loaded, self._lags.increments, self._now))
        return known.of(items)

    def rank(
        self,
        endpoint: Endpoint,
        user: str,
        ids: Sequence[str],
        filter_: BoundFilter | None = None,
        context: Mapping[str, str] | None = None,
        until: int | None = None,
    ) -> list[dict[str, Any]]:
        """Return the given items in the user's order as members of PredictedItem, without those that a filter refuses.

        Repeated ids count once. Scores sum to 1 over the items that the model knows; the others follow as they came.
        """
        import numpy as np

        loaded = self._models.get(endpoint.model)
        listed = list(dict.fromkeys(ids))
        known = [loaded.items[id_] for id_ in listed if id_ in loaded.items]
        items = self.filters.items(endpoint.group, listed) if filter_ else None
        look = None
        if items and filter_:
            look = self.filters.look(endpoint.group, user, None, items, [filter_], until, loaded.last)
        with self._computing:
            allowed = look.allowed([filter_], len(listed)) if look and filter_ else None
            queries = loaded.queries([user], [self._live_events(endpoint, user, until)], [context])
            (scores,) = loaded.model.rank(queries, [np.array(known, np.int32)])
        unknown: dict[str, Any] = {"score": 0.0} if "scores-unknown" in endpoint.recipe.does else {}
        ranked = _members(endpoint, loaded.item_ids, scores)
        ranked += [{"itemId": id_} | unknown for id_ in listed if id_ not in loaded.items]
        if items is None or allowed is None:
            return ranked
        return [item for item in ranked if allowed[items.codes[item["itemId"]]]]

    def passing(
        self,
        endpoint: Endpoint,
        ids: Sequence[str],
        user: str | None,
        item: str | None,
        filter_: BoundFilter | None,
        type_: str = ITEMS,
    ) -> set[str]:
        """Return those of some items, or actions, that a filter lets a user have, beside an item."""
        if filter_ is None:
            return set(ids)
        looked_at = [*ids, item] if item is not None and item not in ids else ids
        items = self.filters.items(endpoint.group, looked_at, type_)
        last = self._models.get(endpoint.model).last
        look = self.filters.look(endpoint.group, user, item, items, [filter_], learnt=last)
        allowed = look.allowed([filter_], len(ids))
        assert allowed is not None, "there is a filter"
        return {id_ for id_, passes in zip(ids, allowed.tolist()) if passes}

    def act(
        self,
        endpoint: Endpoint,
        user: str,
        amount: int,
        now: float,
        filter_: BoundFilter | None = None,
        until: int | None = None,
    ) -> list[dict[str, Any]]:
        """Return up to `amount` actions as members of PredictedAction, those that the user is likeliest to take first.

        Actions that have expired, or that the user met too lately, are left out; what is put counts at once.
        """
        from fakepersonalize.recipes import noise

        loaded = self._models.get(endpoint.model)
        candidates = self.filters.catalogue(endpoint.group, loaded)
        actions = self.filters.actions(candidates)
        dealings = dataset_arn(endpoint.group, ACTION_INTERACTIONS)
        events = self.filters.events(dealings, user, until, loaded.last) if actions.any_waits else ()
        look = None
        if filter_:
            look = self.filters.look(endpoint.group, user, None, candidates, [filter_], until, loaded.last)
        acted = self._live.of(dealings, user, until)
        with self._computing:
            queries = loaded.queries([user], [self._live_events(endpoint, user, until)], acted=[acted])
            scores = loaded.propensities(queries, len(actions.ids))[0]
            allowed = actions.timely(now, events)
            passed = look.allowed([filter_], len(scores)) if look and filter_ else None
            allowed = allowed if passed is None else allowed & passed
            chosen = actions.ordered(scores, allowed, amount, noise.key(user, endpoint.trained))
        found = zip(chosen.tolist(), scores[chosen].tolist())
        return [{"actionId": actions.ids[code], "score": round(score, DECIMALS)} for code, score in found]

    def _items(self, endpoint: Endpoint, loaded: LoadedModel, filters: Sequence[BoundFilter]) -> Items | None:
        """Return all there is to choose from, if filters or the recipe look beyond the items of the model."""
        return self.filters.catalogue(endpoint.group, loaded) if filters or endpoint.looks_beyond else None

    def _look(
        self, endpoint: Endpoint, loaded: LoadedModel, items: Items, asked: Asked, filters: Sequence[BoundFilter]
    ) -> Look | None:
        if not filters:
            return None
        return self.filters.look(endpoint.group, asked.user, asked.item, items, filters, asked.until, loaded.last)

    def _exploring(self, endpoint: Endpoint, loaded: LoadedModel, items: Items) -> Exploring:
        """Return what is known of the items, up to date if the model is the latest; the caller holds the lock."""
        from fakepersonalize.recommend.exploring import Exploring

        known = loaded.companions.find(Exploring)
        if known is None:
            known = loaded.companions.keep(Exploring(loaded, self._lags.updates, self._now, endpoint.since))
        if endpoint.ended and self.filters.is_latest(loaded, items):
            at = partial(self.filters.catalogue_at, endpoint.group, loaded, items)
            log = self._live.log(dataset_arn(endpoint.group, INTERACTIONS))
            streamed = partial(self.filters.streamed_since, endpoint.group, items, loaded.learnt.last)
            known.refresh(items, log, self.mark, at, endpoint.ended, streamed)
        return known

    def _picker(self, endpoint: Endpoint, loaded: LoadedModel, asked: Asked, items: Items | None) -> Picker:
        """Return what picks so many of the allowed items for the user, or for the item."""
        if endpoint.recipe.needs_item == "required":
            influence = endpoint.config.get("rankingInfluence")
            further = {"influence": influence} if influence else {}
            if endpoint.grows and items:
                return self.increment(loaded, items).picker(items.codes.get(asked.item or ""), further)
            return partial(loaded.model.similar, loaded.items.get(asked.item or ""), **further)
        if endpoint.exploration and items:
            scores = self.explored(endpoint, loaded, asked, items)
            return lambda allowed, k: scores.pick(allowed, k).row(0)
        if TREND in endpoint.recipe.does and items:
            trend, queries = self.trend(endpoint, loaded, items, asked), loaded.queries([None])
            return lambda allowed, k: trend.recommend(queries, allowed, k).row(0)
        live = self._live_events(endpoint, asked.user, asked.until)
        queries = loaded.queries([asked.user], [live], [asked.context])
        return lambda allowed, k: loaded.model.recommend(queries, allowed, k).row(0)

    def _live_events(self, endpoint: Endpoint, user_id: str | None, until: int | None) -> Sequence[Event]:
        """Return the events that count at once: there are recipes that wait for the next training."""
        if user_id is None or not endpoint.recipe.reacts:
            return ()
        return self._live.of(dataset_arn(endpoint.group, INTERACTIONS), user_id, until)

    def _refresh_campaigns(self, version: Resource | None) -> None:
        """A new solution version ends the automatic updates of the ones before it."""
        if version and version.kind is SOLUTION_VERSION and version.status == ACTIVE:
            for campaign in self._shelf.below(version["solutionArn"], CAMPAIGN):
                self._refresh_endpoint(campaign.arn)

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
        recipe = catalogue.recipe_of(trained["recipeArn"])
        assert recipe is not None
        versions = [] if resource.kind is RECOMMENDER else self._shelf.below(trained["solutionArn"], SOLUTION_VERSION)
        explores = recipe.exploration(config.get("itemExplorationConfig"))
        grows = bool(trained.document.get("performIncrementalUpdate"))
        group = trained["datasetGroupArn"]
        return Endpoint(
            resource.arn,
            model,
            recipe,
            config,
            group,
            explores,
            _ended(trained, versions),
            grows,
            trained.arn,
            trained.created,
        )


def is_latest(version: Resource, versions: Iterable[Resource]) -> bool:
    """Tell whether a solution version is one that the service keeps up to date: the newest one, fully trained."""
    return _ended(version, versions) == math.inf


def _ended(version: Resource, versions: Iterable[Resource]) -> float:
    """Return when the automatic updates of a solution version ended: as soon as a newer one was ACTIVE."""
    if version.document.get("trainingMode") == "UPDATE":
        return 0.0
    newer = (each.updated for each in versions if each.number > version.number and each.status == ACTIVE)
    return min(newer, default=math.inf)


def _members(endpoint: Endpoint, all_ids: Sequence[str], picked: Scores) -> list[dict[str, Any]]:
    codes = picked.items.tolist()
    members: list[dict[str, Any]]
    if picked.scores is None or not endpoint.recipe.returns_scores:
        return [{"itemId": all_ids[code]} for code in codes]
    members = [
        {"itemId": all_ids[code], "score": score} if score == score else {"itemId": all_ids[code]}  # NaN is none
        for code, score in zip(codes, picked.scores.round(DECIMALS).tolist())
    ]
    for member, code in zip(members, codes) if picked.reasons else ():
        if code in picked.reasons:
            member["reason"] = list(picked.reasons[code])
    return members


def _mark(endpoint: Endpoint, promotion: Promotion) -> dict[str, Any]:
    name = {"promotionName": promotion.name} if promotion.name else {}
    return name | ({"reason": [PROMOTED]} if REASONS in endpoint.recipe.does else {})


def _without(allowed: Mask | None, items: Codes, n_items: int) -> Mask:
    import numpy as np

    left = np.ones(n_items, bool) if allowed is None else allowed.copy()
    left[items] = False
    return left


def _mixed(others: Sequence[dict[str, Any]], promoted: Sequence[dict[str, Any]], seed: str) -> list[dict[str, Any]]:
    """Return both lists as one: promoted items at random places, either group in its own order."""
    amount = len(others) + len(promoted)
    places = set(Random(seed).sample(range(amount), len(promoted)))
    rest, marked = iter(others), iter(promoted)
    return [next(marked) if place in places else next(rest) for place in range(amount)]
