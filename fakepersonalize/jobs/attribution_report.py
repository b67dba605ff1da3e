"""Metric attribution: events are counted and summed by where they came from, for CloudWatch and for reports in S3.

Source: https://docs.aws.amazon.com/personalize/latest/dg/measuring-recommendation-impact.html and the pages below it.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fakepersonalize import arns
from fakepersonalize.datasets.inlets import dataset_arn
from fakepersonalize.datasets.live import GIVEN_BY
from fakepersonalize.datasets.schema import INTERACTIONS, ITEMS
from fakepersonalize.neighbours import Neighbours
from fakepersonalize.recommend.answered import Answers
from fakepersonalize.recommend.metadata import LiveMetadata
from fakepersonalize.resources.kinds import DATASET, METRIC_ATTRIBUTION
from fakepersonalize.resources.processes import CREATING, DELETING, FAILED_CREATION
from fakepersonalize.resources.quotas import ATTRIBUTION_SOURCES
from fakepersonalize.resources.shelf import Resource, Shelf
from fakepersonalize.storage.streamed import Event, Record, StreamedRows

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

log = logging.getLogger(__name__)
NAMESPACE = "AWS/Personalize"
UNDEFINED = "SOURCE_NAME_UNDEFINED"
WINDOW_SECONDS = 15 * 60
OLDEST_SECONDS = 14 * 24 * 3600  # of what CloudWatch is told
# Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
FURTHEST_SECONDS = 2 * 3600  # ahead of now, of what CloudWatch takes
SOURCE, REFERENCE = "EVENT_ATTRIBUTION_SOURCE", "RECOMMENDATION_ID"
KNOWN = ("EVENT_TYPE", "ITEM_ID", "TIMESTAMP")
HEADER = ("METRIC_NAME", "EVENT_TYPE", "VALUE", "MATH_FUNCTION", SOURCE, "TIMESTAMP")
REPORT = "AggregatedAttributionMetrics - {mode} - {timestamp}.csv"
MOST_WAITING = 10_000  # events, before whoever put the last one counts them
SUM = re.compile(r"SUM\((\w+)\.(\w+)\)", re.IGNORECASE | re.ASCII)

Metrics = Sequence[Mapping[str, Any]]
Values = Callable[[str, Sequence[str]], "np.ndarray"]  # of items, in a column of the Items dataset


class Key(NamedTuple):
    """What a total is of: a metric, where the events came from, and the beginning of their window."""

    metric: str
    event_type: str
    function: str
    source: str
    window: int  # seconds since 1970


def totals(rows: pa.Table, metrics: Metrics, values: Values) -> dict[Key, float]:
    """Return the totals of rows (EVENT_TYPE, ITEM_ID, TIMESTAMP, EVENT_ATTRIBUTION_SOURCE, columns that are summed).

    Types of events are compared whatever their case; a sum takes nothing from a value that is missing.
    """
    import numpy as np

    types, names = _codes(rows["EVENT_TYPE"])
    sources, labels = _codes(rows[SOURCE])
    windows = rows["TIMESTAMP"].to_numpy() // WINDOW_SECONDS
    first = windows.min() if len(windows) else 0
    width = int(windows.max() - first) + 1 if len(windows) else 1
    cells, places = np.unique(sources * width + windows - first, return_inverse=True)
    found: dict[Key, float] = {}
    for metric in metrics:
        wanted = [name.casefold() == metric["eventType"].casefold() for name in names]
        counted = np.array(wanted, bool)[types]
        summed = np.bincount(places[counted], _amounts(rows, metric, values)[counted], len(cells))
        function = "sum" if SUM.fullmatch(metric["expression"]) else "samplecount"
        for cell in np.unique(places[counted]).tolist():
            source, window = divmod(int(cells[cell]), width)
            begin = (window + int(first)) * WINDOW_SECONDS
            key = Key(metric["metricName"].upper(), metric["eventType"].upper(), function, labels[source], begin)
            found[key] = float(summed[cell])
    return found


def _amounts(rows: pa.Table, metric: Mapping[str, Any], values: Values) -> np.ndarray:
    """Return what each row adds to a metric, float64 [rows]."""
    import numpy as np

    named = SUM.fullmatch(metric["expression"])
    if not named:
        return np.ones(len(rows))
    column = named[2].upper()
    if named[1].upper() == ITEMS:
        codes, ids = _codes(rows["ITEM_ID"])
        of_items: np.ndarray = np.nan_to_num(values(column, ids), nan=0.0)
        return of_items[codes] if ids else np.zeros(0)
    if column not in rows.column_names:
        return np.zeros(len(rows))
    amounts: np.ndarray = np.nan_to_num(rows[column].cast("float64").to_numpy().astype(np.float64), nan=0.0)
    return amounts


def _codes(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    import numpy as np
    import pyarrow.compute as pc

    encoded = pc.fill_null(column.cast("string"), "").combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()


def report(found: Mapping[Key, float]) -> bytes:
    """Return totals in the layout of the service, the newest window first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for key in sorted(found, key=lambda key: (-key.window, key)):
        writer.writerow([key.metric, key.event_type, found[key], key.function, key.source, key.window])
    return text.getvalue().encode()


class Attributions:
    """The metric attributions there are, and what streamed events add to their metrics until CloudWatch is told.

    `refresh` hears of every commit, `take` of every streamed row. With `at_once`, `settle` tells all there is;
    otherwise what belongs to windows that are over by the emulator's clock.
    """

    def __init__(
        self,
        shelf: Shelf,
        neighbours: Neighbours,
        metadata: LiveMetadata,
        answers: Answers,
        now: Callable[[], float],
        at_once: bool,
    ) -> None:
        self._shelf, self._neighbours, self._metadata, self._answers = shelf, neighbours, metadata, answers
        self._now, self._at_once = now, at_once
        self._waiting: deque[tuple[Resource, Event, str]] = deque()
        self._lock = threading.Lock()  # guards the two below
        self._totals: dict[tuple[str, Key], float] = {}  # by the ARN of the attribution
        self._counted: dict[str, Resource] = {}
        self._sources: dict[str, set[str]] = {}  # of each attribution
        self._of_dataset: dict[int, Resource] = {}
        self._look()

    def refresh(self, changed: set[str]) -> None:
        """Look again at the attributions when one of them or a dataset has changed."""
        kinds = {named.kind for arn in changed if (named := arns.parse(arn))}
        if kinds & {METRIC_ATTRIBUTION.noun, DATASET.noun}:
            self._look()

    def of(self, group: str) -> Resource | None:
        """Return the attribution of a dataset group, if it counts now."""
        for found in self._shelf.below(group, METRIC_ATTRIBUTION):
            if found.status not in CREATING | DELETING | {FAILED_CREATION}:
                return found
        return None

    def take(self, rows: Iterable[Event | Record]) -> None:
        """Hear of new rows."""
        if not self._of_dataset:
            return
        for row in rows:
            attribution = self._of_dataset.get(row.dataset) if isinstance(row, Event) else None
            if attribution:
                assert isinstance(row, Event)
                self._waiting.append((attribution, row, self._source_of(row)))

    def resume(self, streamed: StreamedRows) -> None:
        """Count what an earlier run counted of streamed events: CloudWatch has forgotten it.

        They count by the metrics that there are now, but not what came before the attribution, nor what CloudWatch
        takes no longer.
        """
        oldest = self._now() - OLDEST_SECONDS - WINDOW_SECONDS
        for dataset, attribution in self._of_dataset.items():
            for page in streamed.pages_of_events(dataset):
                counted = [event for event in page if event.at >= attribution.created and event.time > oldest]
                with self._lock:
                    self._add(attribution, [(event, self._source_of(event)) for event in counted])

    @property
    def crowded(self) -> bool:
        return len(self._waiting) > MOST_WAITING

    def settle(self) -> None:
        """Tell CloudWatch what is due."""
        if not self._waiting and not self._totals:
            return
        with self._lock:
            for attribution, events in self._arrived().values():
                self._add(attribution, events)
            last = float("inf") if self._at_once else self._now() - WINDOW_SECONDS
            due = {of: total for of, total in self._totals.items() if of[1].window <= last}
            self._totals = {of: total for of, total in self._totals.items() if of not in due}
            attributions = {arn: self._counted[arn] for arn, _ in due}
        for arn, attribution in attributions.items():
            try:
                self._tell(attribution, {key: total for (of, key), total in due.items() if of == arn})
            except Exception:  # whoever asks a neighbour for something else has no part in it
                log.exception("CloudWatch could not be told the metrics of %s", arn)

    def imported(self, importing: Resource, rows: Path) -> None:
        """Report what an import brought: to S3 if it was asked for, and to CloudWatch if it added to earlier rows.

        Raises Unreadable where the report cannot be written.
        """
        dataset = self._shelf.find(importing["datasetArn"])
        attribution = (
            self.of(dataset["datasetGroupArn"]) if dataset and dataset["datasetType"] == INTERACTIONS else None
        )
        if attribution is None or attribution.created > importing.created:
            return
        incremental = importing["importMode"] == "INCREMENTAL"
        if not (incremental or importing["publishAttributionMetricsToS3"]):
            return
        table = self._imported(rows, attribution["metrics"])
        found = self._known(attribution, totals(table, attribution["metrics"], self._values(attribution)))
        destination = (attribution["metricsOutputConfig"].get("s3DataDestination") or {}).get("path")
        if importing["publishAttributionMetricsToS3"] and destination:
            name = REPORT.format(mode=importing["importMode"], timestamp=int(importing.created * 1000))
            with self._neighbours.writing(importing.scope, f"{destination.removesuffix('/')}/{name}") as file:
                file.write(report(found))
        if incremental:
            self._tell(attribution, found)

    def _arrived(self) -> dict[tuple[str, float], tuple[Resource, list[tuple[Event, str]]]]:
        """Take out what waits, by the attribution as it was when the events came."""
        found: dict[tuple[str, float], tuple[Resource, list[tuple[Event, str]]]] = {}
        with suppress(IndexError):
            while True:
                attribution, event, source = self._waiting.popleft()
                found.setdefault((attribution.arn, attribution.updated), (attribution, []))[1].append((event, source))
        return found

    def _look(self) -> None:
        found = {}
        for attribution in self._shelf.of_kind(METRIC_ATTRIBUTION):
            dataset = self._shelf.find(dataset_arn(attribution["datasetGroupArn"], INTERACTIONS))
            if dataset and attribution.status not in CREATING | DELETING | {FAILED_CREATION}:
                found[dataset.number] = attribution
        self._of_dataset = found

    def _source_of(self, event: Event) -> str:
        given = {name.upper(): value for name, value in json.loads(event.more).items()}
        return str(given.get(SOURCE) or given.get(GIVEN_BY) or UNDEFINED)

    def _endpoint(self, recommendation_id: str | None) -> str | None:
        """Return what gave a recommendation, if that was not too long ago."""
        answer = self._answers.find(recommendation_id) if recommendation_id else None
        return answer.endpoint.arn if answer else None

    def _add(self, attribution: Resource, events: Sequence[tuple[Event, str]]) -> None:
        self._counted[attribution.arn] = attribution
        for key, total in totals(_table(events), attribution["metrics"], self._values(attribution)).items():
            of = (attribution.arn, key)
            self._totals[of] = self._totals.get(of, 0.0) + total

    def _values(self, attribution: Resource) -> Values:
        def values(column: str, ids: Sequence[str]) -> np.ndarray:
            import numpy as np

            rows = self._metadata.of(dataset_arn(attribution["datasetGroupArn"], ITEMS))
            name = next((name for name in rows.table.column_names if name.upper() == column), None) if rows else None
            if rows is None or name is None:
                return np.zeros(len(ids))
            return np.array(rows.only([name]).aligned(ids)[name].cast("float64").to_pylist(), np.float64)

        return values

    def _known(self, attribution: Resource, found: Mapping[Key, float]) -> dict[Key, float]:
        """Leave out what comes from more sources than the service counts."""
        sources = self._sources.setdefault(attribution.arn, set())
        kept = {}
        for key, total in found.items():
            if key.source in sources or len(sources) < ATTRIBUTION_SOURCES:
                sources.add(key.source)
                kept[key] = total
        return kept

    def _tell(self, attribution: Resource, found: Mapping[Key, float]) -> None:
        group, now = attribution["datasetGroupArn"], self._now()
        data = [
            {
                "MetricName": key.metric,
                "Dimensions": [
                    {"Name": "EventAttributionSource", "Value": key.source.upper()},
                    {"Name": "DatasetGroupArn", "Value": group},
                ],
                "Timestamp": datetime.fromtimestamp(key.window, UTC),
                "Value": total,
            }
            for key, total in self._known(attribution, found).items()
            if now - OLDEST_SECONDS - WINDOW_SECONDS < key.window <= now + FURTHEST_SECONDS
        ]
        if data:
            self._neighbours.put_metrics(attribution.scope, NAMESPACE, data)

    def _imported(self, path: Path, metrics: Metrics) -> pa.Table:
        """Return the rows of a file that an import made, with the source of each."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        summed = {found[2].upper() for each in metrics if (found := SUM.fullmatch(each["expression"]))}
        names = {name.upper(): name for name in pq.read_schema(path).names}
        wanted = {*KNOWN, SOURCE, REFERENCE, *summed} & names.keys()
        table = pq.read_table(path, columns=[names[name] for name in sorted(wanted)]).rename_columns(sorted(wanted))
        columns = {name: table[name] for name in wanted - {SOURCE, REFERENCE}}
        nulls = pa.chunked_array([pa.nulls(len(table), pa.string())])
        given, reference = (table[name] if name in wanted else nulls for name in (SOURCE, REFERENCE))
        return pa.table(columns | {SOURCE: self._sources_of(given, reference)})

    def _sources_of(self, given: pa.ChunkedArray, reference: pa.ChunkedArray) -> pa.Array:
        import numpy as np
        import pyarrow as pa

        (codes, names), (places, ids) = _codes(given), _codes(reference)
        own = np.array([*names, ""], object)[codes]
        behind = np.array([*(self._endpoint(id_) or UNDEFINED for id_ in ids), UNDEFINED], object)[places]
        return pa.array(np.where(own == "", behind, own), pa.string())


def _table(events: Sequence[tuple[Event, str]]) -> pa.Table:
    import pyarrow as pa

    more = [{name.upper(): value for name, value in json.loads(event.more).items()} for event, _ in events]
    numbers = {
        name for each in more for name, value in each.items() if isinstance(value, int | float) and name not in KNOWN
    }
    columns: dict[str, Any] = {
        "EVENT_TYPE": pa.array([event.type for event, _ in events], pa.string()),
        "ITEM_ID": pa.array([event.item for event, _ in events], pa.string()),
        "TIMESTAMP": pa.array([event.time for event, _ in events], pa.int64()),
        SOURCE: pa.array([source for _, source in events], pa.string()),
    }
    return pa.table(
        columns | {name: pa.array([_number(each.get(name)) for each in more], pa.float64()) for name in numbers}
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
