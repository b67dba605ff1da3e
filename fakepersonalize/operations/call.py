"""A call: who asks, when, and the services of the house that an operation may use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fakepersonalize.arns import Scope
from fakepersonalize.datasets.inlets import Inlets
from fakepersonalize.errors import ServiceError
from fakepersonalize.lifecycle.machine import Lifecycle
from fakepersonalize.neighbours import Neighbours
from fakepersonalize.permissions.access import Permissions
from fakepersonalize.protocol.service_models import Operation
from fakepersonalize.recommend.answer import Recommender
from fakepersonalize.recommend.answered import Answers
from fakepersonalize.recommend.metadata import LiveMetadata
from fakepersonalize.recommend.pins import Pins
from fakepersonalize.resources.identifiers import Identifiers
from fakepersonalize.resources.rates import Rates
from fakepersonalize.resources.shelf import ScopedShelf
from fakepersonalize.settings import Settings
from fakepersonalize.storage.streamed import Event, Record, StreamedRows
from fakepersonalize.storage.tables import TableStore


@dataclass(frozen=True, slots=True)
class House:
    """What all calls share."""

    settings: Settings
    lifecycle: Lifecycle
    tables: TableStore
    neighbours: Neighbours
    permissions: Permissions
    recommender: Recommender
    identifiers: Identifiers
    inlets: Inlets
    streamed: StreamedRows
    metadata: LiveMetadata
    answers: Answers
    rates: Rates
    pins: Pins


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way."""

    operation: Operation
    scope: Scope
    request_id: str
    resources: ScopedShelf
    house: House
    lost: bool = False  # what it streams is accepted and not counted
    body: bytes = b""  # of the request, as it came
    seen: list[ServiceError] = field(default_factory=list)  # what a look before the transaction found to refuse

    @property
    def lifecycle(self) -> Lifecycle:
        return self.house.lifecycle

    @property
    def now(self) -> float:
        return self.house.lifecycle.clock.now()

    def stream(self, rows: Sequence[Event | Record]) -> None:
        """Add streamed rows, unless a fault loses them."""
        if not self.lost:
            self.house.streamed.add(rows)

    def count(self, per: str, place: str) -> None:
        """Count this call for a place, and for the region, where AWS limits their rates."""
        region = f"{self.scope.account} {self.scope.region}"
        self.house.rates.count(self.operation.name, {"region": region, per: place})
