"""Builds everything from the settings, in order; the only place that knows all rooms."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from fakepersonalize import errors
from fakepersonalize.arns import Scope
from fakepersonalize.belongings import Belongings
from fakepersonalize.controls import Controls, provisioned
from fakepersonalize.datasets.inlets import Inlets
from fakepersonalize.disk import FULL, is_full
from fakepersonalize.faults import Faults
from fakepersonalize.frontdoor.dispatch import Dispatcher
from fakepersonalize.frontdoor.hosts import Hosts
from fakepersonalize.frontdoor.journal import Journal
from fakepersonalize.frontdoor.neighbour_app import NeighbourApp
from fakepersonalize.jobs import train
from fakepersonalize.jobs.attribution_report import Attributions
from fakepersonalize.jobs.bodies import bodies
from fakepersonalize.jobs.services import Services
from fakepersonalize.lifecycle.clock import Clock, ManualClock, ScaledClock, SteadyClock, WallClock
from fakepersonalize.lifecycle.machine import Lifecycle
from fakepersonalize.lifecycle.pace import EvenPace, Pace, RealisticPace, RuledPace, rules
from fakepersonalize.lifecycle.runners import InlineRunner, Runner, ThreadRunner, WorkerProcess
from fakepersonalize.lifecycle.workshop import Workshop
from fakepersonalize.neighbours import Neighbours
from fakepersonalize.operations import automatic_training, campaigns
from fakepersonalize.operations.call import Call, House
from fakepersonalize.operations.registry import handlers, looks
from fakepersonalize.permissions.access import ENFORCE, Permissions
from fakepersonalize.protocol.service_models import ServiceModels
from fakepersonalize.protocol.wire import Incoming, Reply
from fakepersonalize.recommend.answer import Recommender
from fakepersonalize.recommend.answered import Answers
from fakepersonalize.recommend.explain import Explainer
from fakepersonalize.recommend.filtering import Filters
from fakepersonalize.recommend.lags import LAGS
from fakepersonalize.recommend.live import LiveEvents
from fakepersonalize.recommend.loaded import LoadedModels
from fakepersonalize.recommend.metadata import LiveMetadata
from fakepersonalize.recommend.past import PastEvents
from fakepersonalize.recommend.pins import Pins
from fakepersonalize.resources.identifiers import Identifiers
from fakepersonalize.resources.kinds import DATASET_GROUP, KINDS
from fakepersonalize.resources.rates import Rates
from fakepersonalize.resources.shelf import Resource, Shelf
from fakepersonalize.settings import Settings
from fakepersonalize.snapshots.state import State
from fakepersonalize.storage.artifacts import ArtifactStore
from fakepersonalize.storage.files import opened
from fakepersonalize.storage.folder import DataFolder
from fakepersonalize.storage.metadata import Database, Row
from fakepersonalize.storage.objects import ObjectStore
from fakepersonalize.storage.streamed import StreamedRows
from fakepersonalize.storage.tables import TableStore

log = logging.getLogger(__name__)

LIGHT_THREADS = 4
TRAINING = "CreateSolutionVersion"
WARM_AFTER_SECONDS = 1.0
NO_SETUP = "There is no set-up file; start the server with --setup FILE."


class Emulator(Controls):
    """One Personalize: takes requests, answers them, and does what they ask for.

    Use it from as many threads of one process as you like. `start` begins background work (nothing runs in process
    before that, nor after `close`). Without a `data_dir` it may begin with a copy of `template`, the folder of another;
    `is_set_up` says that this holds what the set-up file names of Personalize.
    """

    def __init__(self, settings: Settings | None = None, template: Path | None = None, is_set_up: bool = False) -> None:
        self.settings = settings = settings or Settings()
        self._is_set_up = is_set_up
        pace = _pace(settings)
        self.folder = DataFolder(settings.data_dir, template)
        self.hosts = Hosts(settings.allow_host)
        self.database = _database(self.folder)
        self.clock = _clock(settings, self.database.row("latest_change"))
        self.shelf = Shelf(self.database, self.clock.now, settings.quotas)
        self.tables = TableStore(self.database, self.folder.path / "tables")
        self.models = ArtifactStore(self.folder.path / "models")
        self.loaded = LoadedModels(self.models, settings.loaded_models, settings.loaded_megabytes * 2**20)
        self.streamed = _streamed(self.folder, self.database, self.clock)
        self._objects = _objects(settings, self.folder, self.database, self.streamed)
        enforce = settings.iam == ENFORCE
        self.neighbour_app = NeighbourApp(self.hosts, self.reset, self._objects, settings.s3_endpoint, enforce)
        inlets = Inlets(self.shelf)
        lags = LAGS[settings.lags]
        self.live = LiveEvents(self.streamed, inlets, lags.events, self.clock.now)
        self.metadata = LiveMetadata(self.shelf, self.tables, self.streamed, inlets, lags.records, self.clock.now)
        self.tables.read = self.metadata.read
        self.past = PastEvents(self.metadata, inlets)
        self._belongings = belongings = Belongings(
            self.database,
            self.shelf,
            self.tables,
            self.models,
            self.loaded,
            self.streamed,
            (self.live, self.metadata, self.past),
        )
        filters = Filters(self.shelf, inlets, self.metadata, self.live, self.past)
        self.recommender = Recommender(
            self.shelf, self.loaded, self.live, filters, lags, self.clock.now, settings.seed or 0
        )
        self.answers = Answers(settings.explainable)
        self.database.listeners += [
            inlets.refresh,
            self.metadata.refresh,
            filters.refresh,
            self.recommender.refresh,
        ]
        self.identifiers = Identifiers(settings.seed, _highest_number(self.database))
        models = ServiceModels()
        faults = Faults(
            self.clock.now, settings.seed, models.names, errors.FAULT_CODES, partial(provisioned, self.shelf)
        )
        self._neighbours = neighbours = Neighbours(self.neighbour_app, settings.s3_endpoint)
        permissions = Permissions(neighbours, settings.iam)
        at_once = settings.lifecycle == "instant"
        self._attributions = Attributions(self.shelf, neighbours, self.metadata, self.answers, self.clock.now, at_once)
        self.database.listeners.append(self._attributions.refresh)
        self.streamed.listeners.append(self._attributions.take)
        self.neighbour_app.before = self._attributions.settle
        self._workshop = self._build_workshop(neighbours, permissions, faults)
        self.lifecycle = Lifecycle(self.shelf, self.clock, pace, self._workshop, belongings.drop, faults)
        self.lifecycle.arrived = partial(campaigns.follow, self.shelf, self.lifecycle)
        pins = Pins(errors.FAULT_CODES)
        house = House(
            settings,
            self.lifecycle,
            self.tables,
            neighbours,
            permissions,
            self.recommender,
            self.identifiers,
            inlets,
            self.streamed,
            self.metadata,
            self.answers,
            Rates(self.clock.now, settings.rates == "aws"),
            pins,
        )
        self.lifecycle.kept = lambda trained: automatic_training.keep(
            Call(models.operation(TRAINING), trained.scope, "", self.shelf.at(trained.scope), house), trained
        )
        journal = Journal()
        self._dispatcher = Dispatcher(
            models,
            handlers(),
            lambda operation, scope, request_id, lost, body: Call(
                operation, scope, request_id, self.shelf.at(scope, operation.name), house, lost, body
            ),
            self.database,
            self.lifecycle,
            journal,
            settings.teach,
            faults,
            looks(),
        )
        self._state = State(
            self.database,
            self.shelf,
            self.tables,
            self.streamed,
            self.models,
            self.lifecycle,
            self.clock,
            neighbours,
            self.folder.path / "jobs",
            self._objects is not None,
            belongings.drop,
            belongings.drop_rows,
            train.model_key,
        )
        explainer = Explainer(self.recommender, self.loaded, self.live, self.answers)
        super().__init__(faults, pins, journal, explainer, filters, self.recommender, self.lifecycle, models.names)
        self.ready = False

    def answer(self, incoming: Incoming, scope: Scope) -> Reply:
        """Answer one request to one of the three services."""
        reply = self._dispatcher.answer(incoming, scope)
        # A server's CloudWatch is told before it is asked; in process, whoever asks it does not come by here.
        if self.settings.in_process or self._attributions.crowded:
            self._attributions.settle()
        return reply

    def wait_by(self, before_waiting: Callable[[], None], sleep: Callable[[float], None]) -> None:
        """From now on have `before_waiting` called, in its thread, by a call that waits for the disk or another call.

        One that a fault delays calls `sleep` with the seconds.
        """
        self.streamed.before_waiting, self._dispatcher.sleep = before_waiting, sleep

    def start(self) -> None:
        """Take up what an earlier run left behind and, in a server, do background work from now on."""
        if is_full(self.folder.path):
            log.warning("%s: %s", self.folder.path, FULL)
        self._belongings.sweep()
        self.neighbour_app.recall()
        if not self.settings.in_process:  # there CloudWatch is whoever mocks it, and may remember
            self._attributions.resume(self.streamed)
        self.lifecycle.recover()
        self._load_again()
        if self._process:
            self.lifecycle.start_ticker()
            # Loading the libraries takes a second of processor time: not while the first requests come in.
            self._warming = threading.Timer(WARM_AFTER_SECONDS, self._process.warm_up)
            self._warming.daemon = True
            self._warming.start()
        if self.settings.setup is not None:
            self._set_up(personalize=not self._is_set_up)
        self.ready = True

    def advance(
        self, seconds: float = 0.0, times: int = 0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0
    ) -> None:
        """Move the clock of the profile `manual` on, and tell kinds with a rule `manual:N` so many times to go on.

        What falls due happens in its order, jobs included. Raises ValueError for a clock that moves by itself, and for
        a time that no clock can show.
        """
        self.lifecycle.tell(times)
        self.lifecycle.advance(seconds + 60 * minutes + 3600 * hours + 86_400 * days)
        self._attributions.settle()

    def reset(self, account: str | None = None, dataset_group: str | None = None, setup: bool = False) -> int:
        """Remove every resource, or those of an account, or the dataset group with an ARN and all that is below it.

        Their data, models and running work go as well, buckets and roles stay. With `setup`, make again what the
        set-up file of the settings names and is not there. Returns how many resources are gone. Raises LookupError when
        there is no such dataset group, ValueError where there is no set-up file, and setups.reading.SetupError or
        OSError for a file that cannot be done.
        """
        if setup and self.settings.setup is None:
            raise ValueError(NO_SETUP)
        with self.database.transaction():
            gone = self._owned(account) if dataset_group is None else self._group(dataset_group)
            for resource in gone:
                self.lifecycle.abandon(resource)
                self.shelf.remove(resource)
                self._belongings.drop(resource)
        if dataset_group is None:
            self.identifiers.clear(account)
            self.answers.clear(account)
            self._forget(account)
        if setup:
            self._set_up()
        return len(gone)

    def _set_up(self, personalize: bool = True) -> None:
        """Make what the set-up file of the settings names and is not there yet; it has settled when this returns."""
        from fakepersonalize.frontdoor.own_client import own_client
        from fakepersonalize.setups.make import Means, set_up

        def client(service: str, scope: Scope) -> Any:
            return (
                own_client(self.answer, scope) if service == "personalize" else self._neighbours.client(service, scope)
            )

        settings = self.settings
        scope = Scope(settings.setup_account, settings.setup_region)
        set_up(
            Path(str(settings.setup)), scope, Means(client, self.lifecycle.hurry, self.lifecycle.settle), personalize
        )

    def save_snapshot(self, target: str | os.PathLike[str] | BinaryIO, objects: bool = False) -> None:
        """Write all resources, their data and models into one file, with `objects` also buckets and what is in them.

        Raises snapshots.archive.Unusable where objects lie elsewhere. See docs/snapshots.md.
        """
        from fakepersonalize.snapshots import save

        with opened(target, "wb") as file:
            save.save(self._state, file, objects)

    def load_snapshot(self, source: str | os.PathLike[str] | BinaryIO) -> int:
        """Put what a snapshot holds in the place of all resources; return how many there are now.

        What was under way here is stopped and forgotten. Raises snapshots.archive.Unusable for a file that is not
        whole, or not what it says; nothing has changed then.
        """
        from fakepersonalize.snapshots import load

        with opened(source, "rb") as file:
            loaded = load.load(self._state, file)
        self._follow_a_load()
        return loaded

    def _load_again(self) -> None:
        """Load what an earlier run was loading when it was killed, of which it may have done a part."""
        if self.database.row("loading"):
            from fakepersonalize.snapshots import load

            load.again(self._state)
            self._follow_a_load()

    def _follow_a_load(self) -> None:
        self.identifiers.begin_after(_highest_number(self.database))
        self.answers.clear()
        self.lifecycle.settle_if_possible()

    def close(self) -> None:
        """End background work at once and let go of the folder. In a forked child, leave all of that to the parent."""
        if self.folder.inherited:
            return
        self.ready = False
        if self._warming:
            self._warming.cancel()
        self.lifecycle.close()
        if self._warming:
            self._warming.join(timeout=1)
        self.streamed.close()
        self.database.close()
        if self._objects:
            self._objects.close()
        self.loaded.clear()
        self.folder.close()

    _warming: threading.Timer | None = None

    def _build_workshop(self, neighbours: Neighbours, permissions: Permissions, faults: Faults) -> Workshop:
        settings = self.settings
        inline = settings.in_process or settings.lifecycle == "manual"
        light: Runner = InlineRunner() if inline else ThreadRunner("job", LIGHT_THREADS)
        heavy: Runner = light if inline else ThreadRunner("training", 1)
        self._process = None if inline else WorkerProcess(train.LIBRARIES)
        services = Services(
            settings,
            self.database,
            self.shelf,
            self.tables,
            self.streamed,
            self.models,
            self.loaded,
            neighbours,
            permissions,
            faults,
            self._attributions,
        )
        workshop = Workshop(
            self.database,
            self.folder.path / "jobs",
            bodies(services),
            light,
            heavy,
            self._process,
            settings.teach,
        )
        workshop.released = self.tables.sweep
        workshop.swept = self._belongings.sweep_strays
        return workshop

    def _owned(self, account: str | None) -> list[Resource]:
        found = (resource for kind in KINDS.values() for resource in self.shelf.of_kind(kind))
        return [resource for resource in found if account in (None, resource.scope.account)]

    def _group(self, arn: str) -> list[Resource]:
        group = self.shelf.find(arn)
        if group is None or group.kind is not DATASET_GROUP:
            raise LookupError(arn)
        return [group, *(resource for kind in KINDS.values() for resource in self.shelf.below(arn, kind))]


def _database(folder: DataFolder) -> Database:
    try:
        return Database(folder.path / "metadata.db", durable=not folder.temporary)
    except BaseException:
        folder.close()
        raise


def _streamed(folder: DataFolder, database: Database, clock: Clock) -> StreamedRows:
    try:
        return StreamedRows(folder.path / "streamed.db", durable=not folder.temporary, now=clock.now)
    except BaseException:
        database.close()
        folder.close()
        raise


def _objects(settings: Settings, folder: DataFolder, database: Database, streamed: StreamedRows) -> ObjectStore | None:
    """Return where S3 and IAM are kept; in process they are moto's mocks, which are gone when those are."""
    if folder.temporary or settings.in_process:
        return None
    try:
        return ObjectStore(folder.path)
    except BaseException:
        streamed.close()
        database.close()
        folder.close()
        raise


def _clock(settings: Settings, latest_change: Row | None) -> Clock:
    since = (latest_change and latest_change["at"]) or 0.0
    if settings.lifecycle == "manual":
        return ManualClock(settings.start_of_time, since)
    if settings.lifecycle == "classroom":
        return ScaledClock(settings.classroom_factor, since)
    # In process nobody waits, and tests put times of their own in the place of the system's.
    return WallClock() if settings.in_process else SteadyClock()


def _highest_number(database: Database) -> int:
    row = database.row("highest_number")
    return (row and row["number"]) or 0


def _pace(settings: Settings) -> Pace:
    even = settings.lifecycle == "instant" or (settings.lifecycle == "manual" and settings.step_seconds is not None)
    pace: Pace = EvenPace(settings.seconds_per_step) if even else RealisticPace()
    return RuledPace(rules(settings.transitions), pace) if settings.transitions else pace
