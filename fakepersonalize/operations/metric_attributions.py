"""Metric attributions: what is counted of events, and where the reports go.

Source: https://docs.aws.amazon.com/personalize/latest/dg/measuring-recommendation-impact.html.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fakepersonalize import errors
from fakepersonalize.datasets.schema import INTERACTIONS, ITEMS, NUMBERS, Schema
from fakepersonalize.errors import ResourceAlreadyExistsException, ResourceNotFoundException, shortened
from fakepersonalize.operations.call import Call
from fakepersonalize.operations.data_jobs import require_location
from fakepersonalize.operations.datasets import schemas
from fakepersonalize.operations.registry import operation
from fakepersonalize.operations.verbs import begin_creation, delete, describe, list_
from fakepersonalize.resources import paging
from fakepersonalize.resources.kinds import DATASET_GROUP, METRIC_ATTRIBUTION
from fakepersonalize.resources.processes import UPDATE
from fakepersonalize.resources.quotas import METRICS_PER_ATTRIBUTION
from fakepersonalize.resources.shelf import Resource

Metrics = list[dict[str, Any]]
CHANGES = "changes"  # of an update under way; no answer shows them
EXPRESSION = re.compile(
    rf"SAMPLECOUNT\(\)|SUM\(({ITEMS}|{INTERACTIONS})\.([a-z_][a-z\d_]*)\)", re.IGNORECASE | re.ASCII
)


@operation
def create_metric_attribution(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    group = call.resources.active(DATASET_GROUP, request["datasetGroupArn"])
    _check_metrics(call, group.arn, request["metrics"])
    _check_output(call, request["metricsOutputConfig"])
    names = [metric["metricName"] for metric in request["metrics"]]
    if len(set(names)) < len(names):
        raise errors.invalid(errors.METRIC_TWICE, name=max(names, key=names.count))
    document = request | {"metrics": _numbered([], request["metrics"])}
    return begin_creation(call, call.resources.add(METRIC_ATTRIBUTION, request["name"], document))


@operation
def describe_metric_attribution(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return describe(call, METRIC_ATTRIBUTION, request)


@operation
def list_metric_attributions(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return list_(call, METRIC_ATTRIBUTION, request)


@operation
def list_metric_attribution_metrics(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Metrics in the order in which they were added, those of the newest attribution first."""
    arn, token = request.get("metricAttributionArn"), request.get("nextToken")
    asked = (call.operation.name, call.scope.account, call.scope.region, arn)
    # An attribution with ten metrics fills a page: the shape allows no more.
    size = min(request.get("maxResults") or METRICS_PER_ATTRIBUTION, METRICS_PER_ATTRIBUTION)
    before = paging.read(token, asked) if token is not None else None
    rest = [
        (_place(attribution, metric), metric)
        for attribution in _attributions(call, arn)
        for metric in attribution["metrics"]
        if before is None or _place(attribution, metric) < before
    ]
    more = paging.write(rest[size - 1][0], asked) if len(rest) > size else None
    return {"metrics": [metric for _, metric in rest[:size]], "nextToken": more}


@operation
def update_metric_attribution(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """What is removed makes room for what is added; both count when the update is over."""
    if not request.get("metricAttributionArn"):  # optional in the model alone
        raise errors.invalid(errors.ATTRIBUTION_REQUIRED)
    attribution = call.resources.active(METRIC_ATTRIBUTION, request["metricAttributionArn"])
    added = request.get("addMetrics") or []
    if added:
        _check_metrics(call, attribution["datasetGroupArn"], added)
    metrics = _added(_kept(attribution["metrics"], request.get("removeMetrics") or []), added)
    changes: dict[str, Any] = {"metrics": metrics}
    if request.get("metricsOutputConfig"):
        _check_output(call, request["metricsOutputConfig"])
        changes["metricsOutputConfig"] = request["metricsOutputConfig"]
    changed = call.resources.shelf.put(attribution, attribution.document | {CHANGES: changes})
    call.lifecycle.begin(changed, UPDATE, track=("status", CHANGES))
    return {"metricAttributionArn": attribution.arn}


@operation
def delete_metric_attribution(call: Call, request: dict[str, Any]) -> None:
    delete(call, METRIC_ATTRIBUTION, request)


def _attributions(call: Call, arn: str | None) -> list[Resource]:
    """Return the attribution with an ARN, or all there are, newest first; an unknown one has no metrics."""
    if arn is None:
        return _all(call)
    try:
        return [call.resources.get(METRIC_ATTRIBUTION, arn)]
    except ResourceNotFoundException:
        return []


def _all(call: Call) -> list[Resource]:
    found, token = call.resources.page(METRIC_ATTRIBUTION, {}, call.operation.name)
    while token:
        more, token = call.resources.page(METRIC_ATTRIBUTION, {"nextToken": token}, call.operation.name)
        found += more
    return found


def _place(attribution: Resource, metric: Mapping[str, Any]) -> int:
    """Return where a metric stands among all: newer attributions are higher, metrics added later are lower."""
    return attribution.number << 32 | (1 << 32) - 1 - int(metric["number"])


def _check_metrics(call: Call, group_arn: str, metrics: Metrics) -> None:
    known = schemas(call, group_arn)
    if INTERACTIONS not in known:
        raise errors.invalid(errors.NO_INTERACTIONS)
    if known[INTERACTIONS].column("EVENT_TYPE") is None:
        raise errors.invalid(errors.NO_EVENT_TYPE)
    for metric in metrics:
        _check_expression(metric["expression"], known)


def _check_expression(expression: str, known: Mapping[str, Schema]) -> None:
    found = EXPRESSION.fullmatch(expression)
    if not found:
        raise errors.invalid(errors.BAD_EXPRESSION, expression=expression)
    dataset, name = found[1], found[2]
    if dataset is None:
        return
    schema = known.get(dataset.upper())
    column = schema.column(name) if schema else None
    if column is None or column.type not in NUMBERS:
        raise errors.invalid(errors.NO_SUM, expression=expression, dataset=dataset)


def _check_output(call: Call, config: Mapping[str, Any]) -> None:
    call.house.permissions.require_passable(call.scope, config.get("roleArn"))
    if config.get("s3DataDestination"):
        require_location(config["s3DataDestination"]["path"], errors.BAD_OUTPUT_PATH)


def _kept(metrics: Metrics, removed: list[str]) -> Metrics:
    names = {metric["metricName"] for metric in metrics}
    for name in removed:
        if name not in names:
            raise ResourceNotFoundException(errors.UNKNOWN_METRIC.format(name=shortened(name)))
    return [metric for metric in metrics if metric["metricName"] not in removed]


def _added(metrics: Metrics, added: Metrics) -> Metrics:
    names = {metric["metricName"] for metric in metrics}
    for metric in added:
        if metric["metricName"] in names:
            raise ResourceAlreadyExistsException(errors.METRIC_TWICE.format(name=shortened(metric["metricName"])))
        names.add(metric["metricName"])
    if len(names) > METRICS_PER_ATTRIBUTION:
        raise errors.invalid(errors.TOO_MANY_METRICS, most=METRICS_PER_ATTRIBUTION)
    return _numbered(metrics, added)


def _numbered(metrics: Metrics, added: Metrics) -> Metrics:
    """Return all metrics, each with a number that grows: pages go on behind it."""
    first = max((metric["number"] for metric in metrics), default=-1) + 1
    return metrics + [metric | {"number": number} for number, metric in enumerate(added, first)]
