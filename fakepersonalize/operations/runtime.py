"""Real-time answers. Nothing here opens a transaction or asks the database."""

from __future__ import annotations

from typing import Any

from fakepersonalize import arns, errors
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.registry import operation
from fakepersonalize.recommend.answer import Endpoint

DEFAULT_RESULTS, MOST_RESULTS = 25, 500
INVALID = {
    "campaign": "The given campaign ARN is invalid: {arn}",  # seen
    "recommender": "The given recommender ARN is invalid: {arn}",  # ours, after it
}
ONE_ENDPOINT = "Provide either a campaignArn or a recommenderArn, not both or neither."  # ours
REQUIRED = "Required fields for the provided recipe are {names}"  # seen in batch output
TOO_MANY = "numResults cannot be more than {most}."  # ours
WRONG_CALL = "The recipe {arn} does not answer {operation}."  # ours
METADATA_OFF = "Metadata is not enabled: enableMetadataWithRecommendations is not set."  # ours


@operation
def get_recommendations(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    endpoint = _endpoint(call, request)
    _check(call.operation.name, endpoint, request)
    amount = request.get("numResults")
    items = call.house.recommender.recommend(
        endpoint, request.get("userId"), request.get("itemId"), DEFAULT_RESULTS if amount is None else amount
    )
    return {"itemList": items, "recommendationId": _recommendation_id(call, endpoint)}


def _endpoint(call: Call, request: dict[str, Any]) -> Endpoint:
    """Return what serves: the campaign that the request names."""
    named = [(noun, request[f"{noun}Arn"]) for noun in INVALID if request.get(f"{noun}Arn")]
    if len(named) != 1:
        raise InvalidInputException(ONE_ENDPOINT)
    noun, arn = named[0]
    parsed = arns.parse(arn)
    if parsed is None or parsed.kind != noun:
        raise InvalidInputException(INVALID[noun].format(arn=errors.shortened(arn)))
    found = call.house.recommender.endpoint(arn) if parsed.scope == call.scope else None
    if found is None:
        raise errors.not_found(arn)
    return found


def _check(call_name: str, endpoint: Endpoint, request: dict[str, Any]) -> None:
    recipe = endpoint.recipe
    if recipe.operation != call_name:
        raise InvalidInputException(WRONG_CALL.format(arn=recipe.arn, operation=call_name))
    needs = {"userId": recipe.needs_user, "itemId": recipe.needs_item}
    missing = [name for name, need in needs.items() if need == "required" and not request.get(name)]
    if missing:
        raise InvalidInputException(REQUIRED.format(names=", ".join(missing)))
    if (request.get("numResults") or 0) > MOST_RESULTS:
        raise InvalidInputException(TOO_MANY.format(most=MOST_RESULTS))
    if request.get("metadataColumns"):
        raise InvalidInputException(METADATA_OFF)
    _refuse_filters(request)


def _refuse_filters(request: dict[str, Any]) -> None:
    """No filter can exist before CreateFilter is built; a promotion needs one."""
    for promotion in request.get("promotions") or []:
        if not promotion.get("filterArn") or not promotion.get("percentPromotedItems"):
            raise InvalidInputException("A promotion needs a filterArn and percentPromotedItems.")
        raise errors.not_found(promotion["filterArn"])
    if request.get("filterArn"):
        raise errors.not_found(request["filterArn"])


def _recommendation_id(call: Call, endpoint: Endpoint) -> str:
    return f"RID-{call.house.identifiers.uuid('recommendation', endpoint.arn)}"
