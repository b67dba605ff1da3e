"""CloudWatch's ListMetrics: list each metric once, where moto repeats metrics of several dimensions for each value.

A metric is its namespace, its name and its set of dimensions; the filter may leave out the value of a dimension.
Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""

from __future__ import annotations

from functools import wraps
from typing import Any, cast


def prepare() -> None:
    """Make moto's CloudWatch list each metric once; done once per process."""
    from moto.cloudwatch.models import CloudWatchBackend

    backend = cast(Any, CloudWatchBackend)
    original = backend.get_filtered_metrics
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def filtered(self: Any, metric_name: str, namespace: str, dimensions: list[dict[str, str]]) -> list[Any]:
        distinct = {(each.namespace, each.name, _key(each)): each for each in reversed(self.get_all_metrics())}
        return [each for each in reversed(distinct.values()) if each.filter(namespace, metric_name, dimensions)]

    backend.get_filtered_metrics = filtered


def _key(metric: Any) -> frozenset[tuple[str, str]]:
    return frozenset((each.name, each.value) for each in metric.dimensions)
