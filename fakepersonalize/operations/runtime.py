"""Real-time answers. Nothing here opens a transaction or asks the database.

Source: https://docs.aws.amazon.com/personalize/latest/dg/getting-real-time-recommendations.html.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fakepersonalize import arns, errors
from fakepersonalize.datasets.inlets import dataset_arn
from fakepersonalize.datasets.schema import ACTIONS, ITEMS
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.filters.syntax import ACTION_ID, ITEM_ID
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.registry import operation
from fakepersonalize.protocol.messages import Written
from fakepersonalize.recommend.answer import Asked, Endpoint, Promotion
from fakepersonalize.resources.identifiers import digest
from fakepersonalize.resources.processes import ACTIVE
from fakepersonalize.resources.quotas import ACTION_RESULTS, METADATA_COLUMNS, RESULTS, RESULTS_WITH_METADATA

if TYPE_CHECKING:
    from fakepersonalize.filters.evaluate import BoundFilter

DEFAULT_RESULTS, DEFAULT_ACTION_RESULTS = 25, 5
INVALID = {
    "campaign": "The given campaign ARN is invalid: {arn}",  # seen
    "recommender": "The given recommender ARN is invalid: {arn}",  # ours, after it
}


@operation
def get_recommendations(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    endpoint = _endpoint(call, request)
    _check(call, endpoint, request)
    columns = _metadata_columns(call, endpoint, request)
    amount = request.get("numResults")
    most = RESULTS_WITH_METADATA if columns else RESULTS
    if (amount or 0) > most:
        hint = f"without metadataColumns it can be {RESULTS}" if columns else None
        raise errors.invalid(errors.TOO_MANY_RESULTS, hint, most=most)
    filter_, promotion = _filter(call, endpoint, request, request), _promotion(call, endpoint, request)
    id_, mark = _recommendation_id(call, endpoint, request), call.house.recommender.mark
    asked = Asked(
        request.get("userId"),
        request.get("itemId"),
        DEFAULT_RESULTS if amount is None else amount,
        filter_,
        promotion,
        id_,
        request.get("context"),
        mark,
    )
    pinned = _pinned(call, endpoint, request, filter_)
    if pinned is None:
        items = call.house.recommender.recommend(endpoint, asked)
        _remember(call, endpoint, id_, [item["itemId"] for item in items], mark)
    else:
        items = pinned[: asked.amount]
    return {"itemList": Written(_described(call, endpoint, items, columns)), "recommendationId": id_}


@operation
def get_personalized_ranking(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    endpoint = _endpoint(call, request)
    _check(call, endpoint, request)
    columns = _metadata_columns(call, endpoint, request)
    most = RESULTS_WITH_METADATA if columns else RESULTS
    if not 0 < len(request["inputList"]) <= most or "" in request["inputList"]:
        raise errors.invalid(errors.BAD_LIST, most=most)
    filter_ = _filter(call, endpoint, request, request)
    id_, mark = _recommendation_id(call, endpoint, request), call.house.recommender.mark
    items = _pinned(call, endpoint, request, filter_)
    if items is None:
        items = call.house.recommender.rank(
            endpoint, request["userId"], request["inputList"], filter_, request.get("context"), mark
        )
        _remember(call, endpoint, id_, [item["itemId"] for item in items], mark)
    return {"personalizedRanking": Written(_described(call, endpoint, items, columns)), "recommendationId": id_}


@operation
def get_action_recommendations(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    endpoint = _endpoint(call, request)
    _check(call, endpoint, request)
    amount = request.get("numResults")
    if (amount or 0) > ACTION_RESULTS:
        raise errors.invalid(errors.TOO_MANY_RESULTS, most=ACTION_RESULTS)
    filter_ = _filter(call, endpoint, request, request, ACTION_ID)
    amount = DEFAULT_ACTION_RESULTS if amount is None else amount
    id_, mark = _recommendation_id(call, endpoint, request), call.house.recommender.mark
    pinned = _pinned(call, endpoint, request, filter_, ACTIONS)
    if pinned is None:
        actions = call.house.recommender.act(endpoint, request["userId"], amount, call.now, filter_, mark)
        _remember(call, endpoint, id_, [action["actionId"] for action in actions], mark)
    else:
        actions = [{"actionId": action.pop("itemId"), **action} for action in pinned[:amount]]
    return {"actionList": Written(actions), "recommendationId": id_}


def _endpoint(call: Call, request: dict[str, Any]) -> Endpoint:
    """Return what serves: the campaign or recommender that the request names."""
    named = [(noun, request[f"{noun}Arn"]) for noun in INVALID if request.get(f"{noun}Arn")]
    if len(named) != 1:
        raise InvalidInputException(errors.ONE_ENDPOINT)
    noun, arn = named[0]
    parsed = arns.parse(arn)
    if parsed is None or parsed.kind != noun:
        raise InvalidInputException(INVALID[noun].format(arn=errors.shortened(arn)))
    found = call.house.recommender.endpoint(arn) if parsed.scope == call.scope else None
    if found is None:
        elsewhere = errors.of_another_place(parsed.scope, call.scope)
        raise errors.not_found(arn, call.operation.name, noun, elsewhere)
    call.count("campaign", arn)
    return found


def _check(call: Call, endpoint: Endpoint, request: dict[str, Any]) -> None:
    recipe = endpoint.recipe
    if recipe.operation != call.operation.name:
        sentence = errors.WRONG_CALL.format(arn=recipe.arn, operation=call.operation.name)
        raise InvalidInputException(sentence, errors.CALL_INSTEAD.format(operation=recipe.operation))
    needs = {"userId": recipe.needs_user, "itemId": recipe.needs_item}
    _require(request, [name for name, need in needs.items() if need == "required"])


def _require(request: dict[str, Any], needed: Sequence[str]) -> None:
    missing = [name for name in needed if not request.get(name)]
    if missing:
        raise InvalidInputException(errors.REQUIRED_FIELDS.format(names=", ".join(missing)))


def _promotion(call: Call, endpoint: Endpoint, request: dict[str, Any]) -> Promotion | None:
    for promotion in request.get("promotions") or []:  # the model allows one
        filter_ = _filter(call, endpoint, request, promotion)
        if filter_ is None or not promotion.get("percentPromotedItems"):
            raise errors.invalid(errors.INCOMPLETE_PROMOTION)
        return Promotion(promotion.get("name"), promotion["percentPromotedItems"], filter_)
    return None


def _filter(
    call: Call, endpoint: Endpoint, request: dict[str, Any], holder: Mapping[str, Any], subject: str = ITEM_ID
) -> BoundFilter | None:
    """Return the filter that a request, or the promotion in it, names, with its values."""
    arn = holder.get("filterArn")
    if not arn:
        return None
    filters = call.house.recommender.filters
    found = filters.find(arn)
    if found is None or found.scope != call.scope:
        named = arns.parse(arn)
        hint = errors.of_another_place(named.scope, call.scope) if named else None
        raise errors.not_found(arn, call.operation.name, "filter", hint)
    if found["datasetGroupArn"] != endpoint.group:
        raise errors.invalid(errors.FILTER_OF_OTHER_GROUP, arn=arn)
    if found.status != ACTIVE:
        refused = errors.not_active(arn, found.status)  # the model of these operations has no such error
        raise InvalidInputException(refused.message, refused.hint)
    compiled = filters.compiled(found)
    if compiled.subject != subject:
        raise errors.invalid(errors.WRONG_SUBJECT, arn=arn, subject=subject)
    if compiled.needs_item and endpoint.recipe.needs_item != "required":
        raise errors.invalid(errors.NO_CURRENT_ITEM, arn=arn, recipe=endpoint.recipe.arn)
    _require(request, ["userId"] if compiled.needs_user else [])
    return compiled.bind(holder.get("filterValues"))


def _pinned(
    call: Call, endpoint: Endpoint, request: dict[str, Any], filter_: BoundFilter | None, type_: str = ITEMS
) -> list[dict[str, Any]] | None:
    """Return what a test wants to be answered, under the request's filter; None where it wants the model's answer.

    A ranking has the pinned ones among its items first, and the others behind them as they came.
    """
    pins, user, item = call.house.pins, request.get("userId"), request.get("itemId")
    pin = pins.find(endpoint.arn, user, item) if pins else None
    if pin is None:
        if pins.is_strict(endpoint.arn):
            raise errors.NotPinned(errors.NOT_PINNED.format(user=user, item=item, arn=endpoint.arn))
        return None
    if pin.error:
        raise errors.fault(pin.error, pin.message, call.operation.name)
    items: list[dict[str, Any]] = [{"itemId": id_, "score": score} for id_, score in pin.scored()]
    if "inputList" in request:
        listed = dict.fromkeys(request["inputList"])
        items = [each for each in items if each["itemId"] in listed]
        others = listed.keys() - {each["itemId"] for each in items}
        items += [{"itemId": id_, "score": 0.0} for id_ in listed if id_ in others]
    if not endpoint.recipe.returns_scores:
        items = [{"itemId": each["itemId"]} for each in items]
    passing = call.house.recommender.passing(endpoint, [each["itemId"] for each in items], user, item, filter_, type_)
    return [each for each in items if each["itemId"] in passing]


def _metadata_columns(call: Call, endpoint: Endpoint, request: dict[str, Any]) -> dict[str, str]:
    """Return the columns of items that are asked for, with the schema's names by those to show: in lower case.

    The service was seen to show them so, whatever case the request had (`["TITLE"]` gives `{"title": ...}`):
    https://github.com/aws-samples/amazon-personalize-immersion-day, Media_04 and Retail_03.
    """
    asked: Mapping[str, Sequence[str]] = request.get("metadataColumns") or {}
    if not asked:
        return {}
    if not endpoint.tells_metadata:
        raise InvalidInputException(errors.METADATA_OFF)
    for type_ in asked:
        if type_ != ITEMS:
            raise errors.invalid(errors.METADATA_OF_ITEMS, name=type_)
    if len(asked[ITEMS]) > METADATA_COLUMNS:
        raise errors.invalid(errors.TOO_MANY_COLUMNS, most=METADATA_COLUMNS)
    inlet = call.house.inlets.of(dataset_arn(endpoint.group, ITEMS))
    known = {column.name.upper(): column.name for column in inlet.schema.columns if not column.is_id} if inlet else {}
    for name in asked[ITEMS]:
        if name.upper() not in known:
            raise errors.invalid(errors.UNKNOWN_COLUMN, type=ITEMS, name=name)
    return {name.lower(): known[name.upper()] for name in asked[ITEMS]}


def _described(
    call: Call, endpoint: Endpoint, items: list[dict[str, Any]], columns: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Add what is known of the items now, if it is asked for."""
    rows = call.house.metadata.of(dataset_arn(endpoint.group, ITEMS)) if columns else None
    if rows is None:
        return items
    texts = rows.texts([item["itemId"] for item in items], columns)
    return [item | {"metadata": found} for item, found in zip(items, texts)]


def _remember(call: Call, endpoint: Endpoint, id_: str, items: Sequence[str], mark: int) -> None:
    call.house.answers.keep(id_, endpoint, call.operation.name, call.body, items, mark, call.now)


def _recommendation_id(call: Call, endpoint: Endpoint, request: dict[str, Any]) -> str:
    """Return an id of 40 characters: RID, the last 25 of a UUID, CID, six hexadecimal digits of the endpoint.

    Seen: https://github.com/aws-samples/near-real-time-recommendations (README). With a seed it depends on what is
    asked: other threads may ask other things meanwhile.
    """
    asked = digest(json.dumps(request, sort_keys=True)) if call.house.identifiers.seeded else ""
    id_ = call.house.identifiers.uuid("recommendation", endpoint.arn, asked)
    return f"RID-{id_[11:]}-CID-{_endpoint_id(endpoint.arn)}"


@lru_cache(maxsize=4096)
def _endpoint_id(arn: str) -> str:
    """Return the six hexadecimal digits that the ids of all answers of a campaign or recommender end in."""
    return digest(arn)[:6]
