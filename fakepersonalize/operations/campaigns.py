"""Campaigns: a solution version that answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fakepersonalize import arns, errors
from fakepersonalize.errors import InvalidInputException, NotImplementedByFakePersonalize
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.recipes import find_recipe
from fakepersonalize.operations.registry import operation
from fakepersonalize.operations.verbs import begin_creation, delete, describe, list_
from fakepersonalize.resources.kinds import CAMPAIGN, SOLUTION, SOLUTION_VERSION, is_arn_of
from fakepersonalize.resources.processes import ACTIVE, CREATE, CREATING, FAILED_CREATION
from fakepersonalize.resources.shelf import Resource

LATEST = "/$LATEST"
UPDATE = "latestCampaignUpdate"
# Ours, all of them.
NO_CAMPAIGNS = "Solution versions of the recipe {arn} cannot be deployed: use a batch segment job."
EXPLORATION_REFUSED = "itemExplorationConfig is only supported for the recipe aws-user-personalization."
INFLUENCE_REFUSED = "rankingInfluence is only supported for the recipe aws-semantic-similarity."
UNKNOWN_EXPLORATION = "Unknown member of itemExplorationConfig: {name}."
EXPLORATION_OUT_OF_RANGE = "{name} must be {range}: {value}"
SYNC_WITHOUT_LATEST = "syncWithLatestSolutionVersion needs a solutionVersionArn that ends in /$LATEST."
OTHER_GROUP = "The solution version belongs to another dataset group."

EXPLORATION_RANGES: dict[str, tuple[str, Callable[[float], bool]]] = {
    "explorationWeight": ("between 0 and 1", lambda number: 0 <= number <= 1),
    "explorationItemAgeCutOff": ("above 0", lambda number: 0 < number < float("inf")),
}


@operation
def create_campaign(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    version = _version(call, request["solutionVersionArn"])
    config = request.get("campaignConfig")
    _check_config(version, config, request["solutionVersionArn"])
    document = {"minProvisionedTPS": 1} | request | {"solutionVersionArn": version.arn}
    return begin_creation(call, call.resources.add(CAMPAIGN, request["name"], document))


@operation
def describe_campaign(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return describe(call, CAMPAIGN, request)


@operation
def list_campaigns(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return list_(call, CAMPAIGN, request)


@operation
def update_campaign(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The old version and configuration go on serving until the update is ACTIVE; what is left out stays as it is."""
    campaign = call.resources.get(CAMPAIGN, request["campaignArn"])
    if campaign.status not in (ACTIVE, FAILED_CREATION):
        raise errors.not_active(campaign.arn, campaign.status)
    running = campaign.document.get(UPDATE, {}).get("status")
    if running in CREATING:
        raise errors.in_transition(campaign.arn, f"{UPDATE} {running}")
    asked = request.get("solutionVersionArn") or campaign["solutionVersionArn"]
    version = _version(call, asked)
    _require_same_group(call, campaign, version)
    config = request.get("campaignConfig", campaign.document.get("campaignConfig"))
    _check_config(version, config, asked)
    update = {
        "solutionVersionArn": version.arn,
        "minProvisionedTPS": request.get("minProvisionedTPS", campaign["minProvisionedTPS"]),
    } | ({"campaignConfig": config} if config is not None else {})
    # Until the update is over, both versions are in use and neither solution can go.
    call.resources.shelf.add_links(campaign.arn, call.resources.shelf.lineage(CAMPAIGN, update))
    changed = call.resources.shelf.put(campaign, campaign.document | {UPDATE: update})
    call.lifecycle.begin(changed, CREATE, track=(UPDATE,))
    return {"campaignArn": campaign.arn}


@operation
def delete_campaign(call: Call, request: dict[str, Any]) -> None:
    delete(call, CAMPAIGN, request)


def _version(call: Call, arn: str) -> Resource:
    """Return the ACTIVE solution version that an ARN names; `<solution>/$LATEST` names the newest."""
    if arn.endswith(LATEST):
        return _latest(call, arn.removesuffix(LATEST))
    parsed = arns.parse(arn)
    if parsed and is_arn_of(SOLUTION, parsed.kind, parsed.id):  # a bare solution ARN was seen to be refused so
        raise errors.not_found(arn)
    return call.resources.active(SOLUTION_VERSION, arn)


def _latest(call: Call, solution_arn: str) -> Resource:
    solution = call.resources.get(SOLUTION, solution_arn)
    for version in reversed(call.resources.below(solution.arn, SOLUTION_VERSION)):
        if version.status == ACTIVE:
            return version
    raise errors.not_active(solution.arn + LATEST, "unknown: no version is ACTIVE")


def _require_same_group(call: Call, campaign: Resource, version: Resource) -> None:
    if version["datasetGroupArn"] not in call.resources.shelf.ancestors(campaign.arn):
        raise InvalidInputException(OTHER_GROUP)


def _check_config(version: Resource, config: dict[str, Any] | None, asked: str) -> None:
    recipe = find_recipe(version["recipeArn"])
    if recipe.recipe_type == "USER_SEGMENTATION":
        raise InvalidInputException(NO_CAMPAIGNS.format(arn=recipe.arn))
    config = config or {}
    if config.get("itemExplorationConfig"):
        if recipe.name != "aws-user-personalization":
            raise InvalidInputException(EXPLORATION_REFUSED)
        _check_exploration(config["itemExplorationConfig"])
    if config.get("rankingInfluence") and recipe.name != "aws-semantic-similarity":
        raise InvalidInputException(INFLUENCE_REFUSED)
    if config.get("syncWithLatestSolutionVersion"):
        if not asked.endswith(LATEST):
            raise InvalidInputException(SYNC_WITHOUT_LATEST)
        raise NotImplementedByFakePersonalize("syncWithLatestSolutionVersion is not built in fakepersonalize yet.")


def _check_exploration(config: dict[str, str]) -> None:
    for name, text in config.items():
        if name not in EXPLORATION_RANGES:
            raise InvalidInputException(UNKNOWN_EXPLORATION.format(name=errors.shortened(name)))
        words, holds = EXPLORATION_RANGES[name]
        try:
            fits = holds(float(text))
        except ValueError:
            fits = False
        if not fits:
            raise InvalidInputException(
                EXPLORATION_OUT_OF_RANGE.format(name=name, range=words, value=errors.shortened(text))
            )
