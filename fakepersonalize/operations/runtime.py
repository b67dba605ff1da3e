"""Real-time answers. Nothing here opens a transaction or asks the database."""

from __future__ import annotations

from typing import Any

from fakepersonalize import arns, errors
from fakepersonalize.errors import InvalidInputException, NotImplementedByFakePersonalize
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.registry import operation
from fakepersonalize.recommend.answer import Endpoint
from fakepersonalize.resources.quotas import RESULTS

DEFAULT_RESULTS = 25
INVALID = {
    "campaign": "The given campaign ARN is invalid: {arn}",  # seen
    "recommender": "The given recommender ARN is invalid: {arn}",  # ours, after it
}


@operation
def get_recommendations(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    endpoint = _endpoint(call, request)
    _check(call, endpoint, request)
    amount = request.get("numResults")
    items = call.house.recommender.recommend(
        endpoint,
        request.get("userId"),
        request.get("itemId"),
        DEFAULT_RESULTS if amount is None else amount,
        request.get("context"),
    )
    return {"itemList": items, "recommendationId": _recommendation_id(call, endpoint)}


def _endpoint(call: Call, request: dict[str, Any]) -> Endpoint:
    """Return what serves: the campaign that the request names."""
    named = [(noun, request[f"{noun}Arn"]) for noun in INVALID if request.get(f"{noun}Arn")]
    if len(named) != 1:
        raise InvalidInputException(errors.ONE_ENDPOINT)
    noun, arn = named[0]
    parsed = arns.parse(arn)
    if parsed is None or parsed.kind != noun:
        raise InvalidInputException(INVALID[noun].format(arn=errors.shortened(arn)))
    found = call.house.recommender.endpoint(arn) if parsed.scope == call.scope else None
    if found is None:
        raise errors.not_found(arn)
    return found


def _check(call: Call, endpoint: Endpoint, request: dict[str, Any]) -> None:
    recipe = endpoint.recipe
    if recipe.operation != call.operation.name:
        raise InvalidInputException(errors.WRONG_CALL.format(arn=recipe.arn, operation=call.operation.name))
    needs = {"userId": recipe.needs_user, "itemId": recipe.needs_item}
    missing = [name for name, need in needs.items() if need == "required" and not request.get(name)]
    if missing:
        raise InvalidInputException(errors.REQUIRED_FIELDS.format(names=", ".join(missing)))
    if (request.get("numResults") or 0) > RESULTS:
        raise InvalidInputException(errors.TOO_MANY_RESULTS.format(most=RESULTS))
    if request.get("metadataColumns"):
        raise InvalidInputException(errors.METADATA_OFF)
    _refuse_filters(call, request)


def _refuse_filters(call: Call, request: dict[str, Any]) -> None:
    for promotion in request.get("promotions") or []:
        if not promotion.get("filterArn") or not promotion.get("percentPromotedItems"):
            raise errors.invalid(errors.INCOMPLETE_PROMOTION)
        _refuse_filter(call, promotion["filterArn"])
    if request.get("filterArn"):
        _refuse_filter(call, request["filterArn"])


def _refuse_filter(call: Call, arn: str) -> None:
    """What a filter lets through is not worked out yet: say so rather than leave it out."""
    found = call.house.recommender.filter(arn)
    if found is None or found.scope != call.scope:
        raise errors.not_found(arn)
    raise NotImplementedByFakePersonalize(errors.NOT_BUILT.format(what="Filtering of recommendations"))


def _recommendation_id(call: Call, endpoint: Endpoint) -> str:
    return f"RID-{call.house.identifiers.uuid('recommendation', endpoint.arn)}"
