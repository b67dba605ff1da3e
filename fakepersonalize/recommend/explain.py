"""Explains answers: each item's score taken apart, and what every part of every filter removed.

An answer is worked out once more from what it was asked, the events it knew and its model; nothing of this is kept.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from fakepersonalize.datasets.inlets import dataset_arn
from fakepersonalize.datasets.schema import ACTION_INTERACTIONS, ACTIONS, INTERACTIONS, ITEMS
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.recommend.answer import TREND, Asked, Promotion, Recommender
from fakepersonalize.recommend.answered import Answer, Answers
from fakepersonalize.recommend.filtering import Filters, automatic
from fakepersonalize.recommend.live import LiveEvents
from fakepersonalize.recommend.loaded import LoadedModel, LoadedModels

if TYPE_CHECKING:
    from fakepersonalize.filters.evaluate import BoundFilter
    from fakepersonalize.recipes.explanation import Explanation
    from fakepersonalize.recipes.training import Codes, Queries
    from fakepersonalize.recommend.candidates import Items, Look

UNKNOWN = "No answer with the recommendationId {id} is remembered; at most the newest {most} are."
MODEL_GONE = "The model that gave the answer {id} is gone."
FILTER_GONE = "The filter {arn} of the answer {id} is gone."
FILTER_UNFIT = "The filter {arn} of the answer {id} no longer fits its datasets: {reason}"

DEFAULT_AMOUNTS = {"GetRecommendations": 25, "GetActionRecommendations": 5}
MOST_PULLING = 20  # items of the history named for each item; the others are summed up
MOST_REMOVED = 100  # items named for each part of a filter, best first; all are counted
RANKED = 500
ALL = sys.maxsize  # events that count, in place of a window
EXPLORATION = "exploration"
REQUEST, PROMOTION, USE_CASE = "request", "promotion", "useCase"


class _Filter(NamedTuple):
    """A filter of an answer, and what it is there for."""

    role: str
    arn: str | None
    bound: BoundFilter


class _Listed(NamedTuple):
    """What an answer says when it is worked out again, and what filters chose from."""

    members: Sequence[dict[str, Any]]
    candidates: Items
    unfiltered: Sequence[str]  # the best ids before filters, for the order of what these removed


class Explainer:
    """Explains the answers that are remembered, on demand."""

    def __init__(self, recommender: Recommender, models: LoadedModels, live: LiveEvents, answers: Answers) -> None:
        self._recommender, self._models, self._live, self._answers = recommender, models, live, answers

    @property
    def _filters(self) -> Filters:
        return self._recommender.filters

    def explain(self, id_: str, titles: str | None = None) -> dict[str, Any]:
        """Return why an answer is as it is, as JSON values.

        `items` have their `score` as the model computed it, and contributions that sum to it; `filters` have their
        parts with what each removed. `same` says whether the answer comes out as it was given: metadata that filters
        read may have changed since. With `titles`, a column of Items or Actions, the member `titles` has what that says
        of all ids in the answer. Raises LookupError with a sentence where the answer, or what it takes, is gone.
        """
        answer = self._answers.find(id_)
        if answer is None:
            raise LookupError(UNKNOWN.format(id=id_[:100], most=self._answers.most))
        try:
            loaded = self._models.get(answer.endpoint.model)
        except (OSError, KeyError):
            raise LookupError(MODEL_GONE.format(id=id_)) from None
        asked = answer.asked()
        filters = [*self._automatic(answer), *self._requested(answer, asked, id_)]
        listed = _LISTS[answer.operation](self, answer, asked, loaded, filters, id_)
        queries = self._queries(answer, asked, loaded)
        told = _Told(listed.members)
        names = listed.candidates.ids if answer.endpoint.grows else loaded.item_ids
        explained = _EXPLAINED[answer.operation](self, answer, asked, loaded, queries, told)
        explanation = {
            "recommendationId": id_,
            "operation": answer.operation,
            "time": datetime.fromtimestamp(answer.time, UTC).isoformat(timespec="milliseconds"),
            "arn": answer.endpoint.arn,
            "recipe": answer.endpoint.recipe.arn,
            "request": asked,
            "same": told.ids == list(answer.items),
            "historyLength": len(queries.histories.items),
            "items": [*_described(listed.members, explained, told, names, _FILLING[answer.operation])],
            "filters": [self._told(each, answer, asked, listed, loaded.last) for each in filters],
        }
        if titles is not None:
            type_ = ACTIONS if answer.operation == "GetActionRecommendations" else ITEMS
            named = list(dict.fromkeys(_named(explanation)))
            explanation["titles"] = self._filters.titles(answer.endpoint.group, type_, titles, named)
        return explanation

    def _automatic(self, answer: Answer) -> Iterator[_Filter]:
        if answer.endpoint.recipe.auto_filter:
            yield _Filter(USE_CASE, None, automatic(answer.endpoint.recipe.auto_filter))

    def _requested(self, answer: Answer, asked: Mapping[str, Any], id_: str) -> Iterator[_Filter]:
        holders = [(REQUEST, asked), *((PROMOTION, promotion) for promotion in asked.get("promotions") or [])]
        for role, holder in holders:
            if arn := holder.get("filterArn"):
                found = self._filters.find(arn)
                if found is None or found.created > answer.time:  # a later one of that name is another one
                    raise LookupError(FILTER_GONE.format(arn=arn, id=id_))
                try:
                    yield _Filter(role, arn, self._filters.compiled(found).bind(holder.get("filterValues")))
                except InvalidInputException as unfit:
                    raise LookupError(FILTER_UNFIT.format(arn=arn, id=id_, reason=unfit.message)) from None

    def _recommended(
        self, answer: Answer, asked: dict[str, Any], loaded: LoadedModel, filters: Sequence[_Filter], id_: str
    ) -> _Listed:
        question = _question(answer, asked, filters, id_)
        members = self._recommender.recommend(answer.endpoint, question)
        without = question._replace(filter=None, promotion=None, amount=RANKED)
        best = self._recommender.recommend(answer.endpoint, without) if filters else []
        catalogue = self._filters.catalogue(answer.endpoint.group, loaded)
        return _Listed(members, catalogue, [item["itemId"] for item in best])

    def _ranked(
        self, answer: Answer, asked: dict[str, Any], loaded: LoadedModel, filters: Sequence[_Filter], id_: str
    ) -> _Listed:
        ids, until = list(dict.fromkeys(asked["inputList"])), answer.mark
        members, everything = (
            self._recommender.rank(answer.endpoint, asked["userId"], ids, filter_, asked.get("context"), until)
            for filter_ in (_of(REQUEST, filters), None)
        )
        candidates = self._filters.items(answer.endpoint.group, ids)
        return _Listed(members, candidates, [item["itemId"] for item in everything])

    def _acted(
        self, answer: Answer, asked: dict[str, Any], loaded: LoadedModel, filters: Sequence[_Filter], id_: str
    ) -> _Listed:
        amount = _amount(answer, asked)
        members, everything = (
            self._recommender.act(answer.endpoint, asked["userId"], most, answer.time, filter_, answer.mark)
            for most, filter_ in ((amount, _of(REQUEST, filters)), (RANKED, None))
        )
        candidates = self._filters.catalogue(answer.endpoint.group, loaded)
        return _Listed(members, candidates, [action["actionId"] for action in everything])

    def _queries(self, answer: Answer, asked: Mapping[str, Any], loaded: LoadedModel) -> Queries:
        """Return what the model was told of the user."""
        user, group = asked.get("userId"), answer.endpoint.group
        if user is None:
            return loaded.queries([None], [()], [asked.get("context")])
        reacts = answer.endpoint.recipe.reacts
        live = self._live.of(dataset_arn(group, INTERACTIONS), user, answer.mark) if reacts else ()
        dealings = dataset_arn(group, ACTION_INTERACTIONS)
        acted = self._live.of(dealings, user, answer.mark) if loaded.dealings else ()
        return loaded.queries([user], [live], [asked.get("context")], [acted])

    def _of_recommendations(
        self, answer: Answer, asked: dict[str, Any], loaded: LoadedModel, queries: Queries, told: _Told
    ) -> Explanation:
        endpoint, codes = answer.endpoint, told.codes(loaded.items)
        if endpoint.recipe.needs_item == "required":
            return self._of_item(answer, asked, loaded, told)
        if TREND in endpoint.recipe.does:
            catalogue = self._filters.catalogue(endpoint.group, loaded)
            question = Asked(None, None, 0, until=answer.mark, at=answer.time)
            trend = self._recommender.trend(endpoint, loaded, catalogue, question)
            return trend.explain(queries, told.codes(catalogue.codes))
        if endpoint.exploration:
            return self._of_explored(answer, asked, loaded, queries, told)
        return loaded.model.explain_list(queries, codes)

    def _of_item(self, answer: Answer, asked: dict[str, Any], loaded: LoadedModel, told: _Told) -> Explanation:
        """Explain what was found beside an item; where texts of now count, with them."""
        from fakepersonalize.recipes.explanation import Explanation

        endpoint, model, items = answer.endpoint, loaded.model, loaded.items
        if endpoint.grows:
            catalogue = self._filters.catalogue(endpoint.group, loaded)
            model, items = self._recommender.increment(loaded, catalogue).model, catalogue.codes
        seed, codes = items.get(asked.get("itemId") or ""), told.codes(items)
        if seed is None:
            return Explanation.nothing(len(codes))
        return model.explain_similar(seed, codes, endpoint.config.get("rankingInfluence"))

    def _of_explored(
        self, answer: Answer, asked: dict[str, Any], loaded: LoadedModel, queries: Queries, told: _Told
    ) -> Explanation:
        """Explain what a recipe that explores made of a user: what the model says, and what was tried out."""
        import numpy as np

        from fakepersonalize.recipes.explanation import Contribution

        catalogue = self._filters.catalogue(answer.endpoint.group, loaded)
        codes = told.codes(catalogue.codes)
        question = Asked(asked.get("userId"), None, 0, context=asked.get("context"), until=answer.mark, at=answer.time)
        scores = self._recommender.explored(answer.endpoint, loaded, question, catalogue)
        known = codes < scores.wanted.shape[1]
        relevance = scores.relevance()[0, codes[known]] * (1 - scores.shares.sum())
        tried = np.zeros(len(catalogue.ids))
        tried[scores.new.codes] = scores.shares[0]
        explained = loaded.model.explain(queries, codes[known]).scaled_to(relevance).spread(known)
        return explained.with_more(Contribution(EXPLORATION, None, tried[codes]))

    def _of_ranking(
        self, answer: Answer, asked: dict[str, Any], loaded: LoadedModel, queries: Queries, told: _Told
    ) -> Explanation:
        import numpy as np

        ids = dict.fromkeys(asked["inputList"])
        among = np.array([loaded.items[id_] for id_ in ids if id_ in loaded.items], np.int32)
        return loaded.model.explain_list(queries, told.codes(loaded.items), among)

    def _of_actions(
        self, answer: Answer, asked: dict[str, Any], loaded: LoadedModel, queries: Queries, told: _Told
    ) -> Explanation:
        assert loaded.dealings is not None
        return loaded.model.explain_list(queries, told.codes(loaded.dealings.actions))

    def _told(
        self, each: _Filter, answer: Answer, asked: Mapping[str, Any], listed: _Listed, learnt: int
    ) -> dict[str, Any]:
        group, candidates = answer.endpoint.group, listed.candidates
        look = self._filters.look(
            group, asked.get("userId"), asked.get("itemId"), candidates, [each.bound], answer.mark, learnt
        )
        named = {"filterArn": each.arn} if each.arn else {}
        parts = _parts(each.bound, look, listed)
        if each.bound.reads_events:
            everything = self._filters.look(
                group, asked.get("userId"), asked.get("itemId"), candidates, [each.bound], answer.mark, learnt, ALL
            )
            _tell_beyond(parts, each.bound, look, everything, candidates)
        return {"role": each.role, **named, "parts": parts}


class _Told:
    """The ids of a list, and which of them a model knows."""

    def __init__(self, members: Iterable[Mapping[str, Any]]) -> None:
        self.ids = [member.get("itemId") or member["actionId"] for member in members]
        self.places: list[int] = []  # in the list, of those that the model knows

    def codes(self, known: Mapping[str, int]) -> Codes:
        import numpy as np

        self.places = [place for place, id_ in enumerate(self.ids) if id_ in known]
        return np.array([known[self.ids[place]] for place in self.places], np.int32)


def _question(answer: Answer, asked: Mapping[str, Any], filters: Sequence[_Filter], id_: str) -> Asked:
    promoted = _of(PROMOTION, filters)
    promotions = [
        Promotion(each.get("name"), each["percentPromotedItems"], promoted)
        for each in asked.get("promotions") or []
        if promoted
    ]
    return Asked(
        asked.get("userId"),
        asked.get("itemId"),
        _amount(answer, asked),
        _of(REQUEST, filters),
        next(iter(promotions), None),
        id_,
        asked.get("context"),
        answer.mark,
        answer.time,
    )


def _amount(answer: Answer, asked: Mapping[str, Any]) -> int:
    amount = asked.get("numResults")
    return DEFAULT_AMOUNTS[answer.operation] if amount is None else int(amount)


def _of(role: str, filters: Sequence[_Filter]) -> BoundFilter | None:
    return next((each.bound for each in filters if each.role == role), None)


def _described(
    members: Sequence[dict[str, Any]], explained: Explanation, told: _Told, names: Sequence[str], filling: str
) -> Iterator[dict[str, Any]]:
    """Give the members of a list with their scores and contributions; `filling` is what brought those without any."""
    row_of = {place: row for row, place in enumerate(told.places)}
    for place, member in enumerate(members):
        row = row_of.get(place)
        given = {name: value for name, value in member.items() if name != "score"}
        answered = {"answeredScore": member["score"]} if "score" in member else {}
        score, found = 0.0, []
        if row is not None:
            score, found = float(explained.scores[row]), _contributions(explained, row, names)
        yield given | answered | {"score": score, "contributions": found or [_share({"source": filling}, 0.0, score)]}


def _contributions(explained: Explanation, row: int, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return what adds to a score, most first: each item once, with what it adds in which way."""
    score = float(explained.scores[row])
    by_item: dict[int, dict[str, float]] = {}
    others: list[dict[str, Any]] = []
    for source, item, amounts in explained.contributions:
        amount = float(amounts[row])
        if amount and item is None:
            others.append(_share({"source": source}, amount, score))
        elif amount and item is not None:
            by_item.setdefault(item, {})[source] = amount
    pulling = [
        _share({"source": "item", "itemId": names[item], "by": ways}, sum(ways.values()), score)
        for item, ways in by_item.items()
    ]
    pulling.sort(key=lambda each: -abs(each["score"]))
    if rest := pulling[MOST_PULLING:]:
        others.append(_share({"source": "otherItems", "amount": len(rest)}, sum(e["score"] for e in rest), score))
    return sorted([*pulling[:MOST_PULLING], *others], key=lambda each: -abs(each["score"]))


def _share(named: dict[str, Any], amount: float, score: float) -> dict[str, Any]:
    return named | {"score": amount, "share": amount / score if score else None}


def _parts(bound: BoundFilter, look: Look, listed: _Listed) -> list[dict[str, Any]]:
    """Return the parts of a filter with how much each removed, and what of it would have come first."""
    ids = listed.candidates.ids
    rank = {id_: place for place, id_ in enumerate(listed.unfiltered)}
    told = []
    for part, removed in look.removed(bound):
        gone = [ids[code] for code in removed.nonzero()[0].tolist()]
        gone.sort(key=lambda id_: rank.get(id_, RANKED))
        told.append({"expression": part, "removed": len(gone), "items": gone[:MOST_REMOVED]})
    return told


def _tell_beyond(
    parts: Sequence[dict[str, Any]], bound: BoundFilter, look: Look, everything: Look, candidates: Items
) -> None:
    """Add to parts what they would do otherwise if filters looked at all events: remove more, or for INCLUDE less."""
    from fakepersonalize.filters.evaluate import WINDOW

    for part, (_, removed), (_, all_told) in zip(parts, look.removed(bound), everything.removed(bound)):
        other = (removed != all_told).nonzero()[0].tolist()
        if other:
            items = [candidates.ids[code] for code in other[:MOST_REMOVED]]
            part["beyondWindow"] = {"window": WINDOW[candidates.events], "amount": len(other), "items": items}


def _named(explanation: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ids that an explanation names."""
    for item in explanation["items"]:
        yield item.get("itemId") or item["actionId"]
        yield from (each["itemId"] for each in item["contributions"] if "itemId" in each)
    for part in (part for each in explanation["filters"] for part in each["parts"]):
        yield from part["items"]
        yield from part.get("beyondWindow", {}).get("items", ())


_LISTS = {
    "GetRecommendations": Explainer._recommended,
    "GetPersonalizedRanking": Explainer._ranked,
    "GetActionRecommendations": Explainer._acted,
}
# What brings items into a list that nothing adds to the score of.
_FILLING = {
    "GetRecommendations": "popularity",
    "GetPersonalizedRanking": "unknownItem",
    "GetActionRecommendations": EXPLORATION,
}
_EXPLAINED = {
    "GetRecommendations": Explainer._of_recommendations,
    "GetPersonalizedRanking": Explainer._of_ranking,
    "GetActionRecommendations": Explainer._of_actions,
}
