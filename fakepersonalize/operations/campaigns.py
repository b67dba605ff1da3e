"""Campaigns: a solution version that answers."""

from __future__ import annotations

from typing import Any

from fakepersonalize import arns, errors
from fakepersonalize.lifecycle.machine import STATUS, Lifecycle
from fakepersonalize.operations import serving_config, solution_versions
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.recipes import find_recipe
from fakepersonalize.operations.registry import operation
from fakepersonalize.operations.verbs import begin_creation, delete, describe, list_
from fakepersonalize.resources.kinds import CAMPAIGN, SOLUTION, SOLUTION_VERSION, is_arn_of
from fakepersonalize.resources.processes import ACTIVE, CREATE, CREATING, FAILED_CREATION
from fakepersonalize.resources.shelf import Document, Resource, Shelf

LATEST = "/$LATEST"
UPDATE = "latestCampaignUpdate"
SYNC = "syncWithLatestSolutionVersion"


@operation
def create_campaign(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    version = _version(call, request["solutionVersionArn"])
    _check_config(call, version, request.get("campaignConfig"), request["solutionVersionArn"].endswith(LATEST))
    document = {"minProvisionedTPS": 1} | request | {"solutionVersionArn": version.arn}
    return begin_creation(call, call.resources.add(CAMPAIGN, request["name"], document))


@operation
def describe_campaign(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return describe(call, CAMPAIGN, request)


@operation
def list_campaigns(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Campaigns of a solution, or of a version of one: AWS was seen to take its ARN as the solutionArn.

    Source: https://github.com/aws-samples/amazon-personalize-samples, the notebook of a recommender agent.
    """
    parsed = arns.parse(request.get("solutionArn") or "")
    if parsed and is_arn_of(SOLUTION_VERSION, parsed.kind, parsed.id):
        request = {name: value for name, value in request.items() if name != "solutionArn"} | {
            SOLUTION_VERSION.member: request["solutionArn"]
        }
    return list_(call, CAMPAIGN, request)


@operation
def update_campaign(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The old version and configuration go on serving until the update is ACTIVE; what is left out stays as it is.

    A campaign that failed is created anew by it.
    """
    campaign = call.resources.get(CAMPAIGN, request["campaignArn"])
    if campaign.status not in (ACTIVE, FAILED_CREATION):
        raise errors.not_active(campaign.arn, campaign.status)
    running = _running(campaign)
    if running:
        raise errors.in_transition(campaign.arn, f"{UPDATE} {running}")
    asked = request.get("solutionVersionArn")
    version = _version(call, asked or campaign["solutionVersionArn"])
    _require_same_group(call, campaign, version)
    config = request.get("campaignConfig", campaign.document.get("campaignConfig"))
    _check_config(call, version, config, asked.endswith(LATEST) if asked else _follows(campaign))
    changes = {name: request[name] for name in ("minProvisionedTPS", "campaignConfig") if request.get(name) is not None}
    _begin_update(call.resources.shelf, call.lifecycle, campaign, changes | {"solutionVersionArn": version.arn})
    return {"campaignArn": campaign.arn}


@operation
def delete_campaign(call: Call, request: dict[str, Any]) -> None:
    delete(call, CAMPAIGN, request)


def follow(shelf: Shelf, lifecycle: Lifecycle, resource: Resource) -> None:
    """Update campaigns that follow the latest version of their solution; `resource` has just become ACTIVE.

    It runs inside the transaction of that. A campaign that is itself under way catches up when that is over.
    """
    if resource.kind is SOLUTION_VERSION:
        for campaign in shelf.below(resource["solutionArn"], CAMPAIGN):
            _catch_up(shelf, lifecycle, campaign)
    elif resource.kind is CAMPAIGN:
        _catch_up(shelf, lifecycle, resource)


def _catch_up(shelf: Shelf, lifecycle: Lifecycle, campaign: Resource) -> None:
    if campaign.status != ACTIVE or _running(campaign) or not _follows(campaign):
        return
    served = shelf.find(campaign["solutionVersionArn"])
    assert served is not None, "a campaign keeps its solution"
    newest = _newest(shelf, served["solutionArn"])
    if newest and newest.number > served.number:
        _begin_update(shelf, lifecycle, campaign, {"solutionVersionArn": newest.arn})


def _begin_update(shelf: Shelf, lifecycle: Lifecycle, campaign: Resource, changes: Document) -> None:
    members = ("solutionVersionArn", "minProvisionedTPS", "campaignConfig")
    update = {name: campaign[name] for name in members if name in campaign.document} | changes
    # Until the update is over, both versions are in use and neither solution can go.
    shelf.add_links(campaign.arn, shelf.lineage(CAMPAIGN, update))
    track = (STATUS, UPDATE) if campaign.status == FAILED_CREATION else (UPDATE,)
    lifecycle.begin(shelf.put(campaign, campaign.document | {UPDATE: update}), CREATE, track=track)


def _running(campaign: Resource) -> str | None:
    """Return the status of an update that is under way."""
    status: str | None = campaign.document.get(UPDATE, {}).get("status")
    return status if status in CREATING else None


def _follows(campaign: Resource) -> bool:
    return bool((campaign.document.get("campaignConfig") or {}).get(SYNC))


def _version(call: Call, arn: str) -> Resource:
    """Return the ACTIVE solution version that an ARN names; `<solution>/$LATEST` names the newest."""
    if arn.endswith(LATEST):
        return _latest(call, arn.removesuffix(LATEST))
    parsed = arns.parse(arn)
    if parsed and is_arn_of(SOLUTION, parsed.kind, parsed.id):  # a bare solution ARN was seen to be refused so
        raise errors.not_found(arn)
    return solution_versions.usable(call, arn)


def _latest(call: Call, solution_arn: str) -> Resource:
    found = _newest(call.resources.shelf, call.resources.active(SOLUTION, solution_arn).arn)
    if found is None:
        raise errors.not_active(solution_arn + LATEST, "unknown: no version is ACTIVE")
    return found


def _newest(shelf: Shelf, solution_arn: str) -> Resource | None:
    versions = reversed(shelf.below(solution_arn, SOLUTION_VERSION))
    return next((version for version in versions if version.status == ACTIVE), None)


def _require_same_group(call: Call, campaign: Resource, version: Resource) -> None:
    if version["datasetGroupArn"] not in call.resources.shelf.ancestors(campaign.arn):
        raise errors.invalid(errors.OTHER_GROUP)


def _check_config(call: Call, version: Resource, config: dict[str, Any] | None, latest: bool) -> None:
    """Check what a campaign is told; `latest` says whether it is told to serve the latest version."""
    recipe = find_recipe(call, version["recipeArn"])
    if recipe.recipe_type == "USER_SEGMENTATION":
        raise errors.invalid(errors.NO_CAMPAIGNS, arn=recipe.arn)
    serving_config.check(recipe, config)
    if (config or {}).get(SYNC) and not latest:
        raise errors.invalid(errors.SYNC_WITHOUT_LATEST)
