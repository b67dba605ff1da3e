"""Builds everything from the settings, in order; the only place that knows all rooms."""

from __future__ import annotations

import threading

from fakepersonalize.arns import Scope
from fakepersonalize.frontdoor.dispatch import Dispatcher
from fakepersonalize.frontdoor.hosts import Hosts
from fakepersonalize.frontdoor.neighbour_app import NeighbourApp
from fakepersonalize.jobs import train
from fakepersonalize.jobs.bodies import bodies
from fakepersonalize.jobs.services import Services
from fakepersonalize.lifecycle.clock import Clock, ManualClock, ScaledClock, WallClock
from fakepersonalize.lifecycle.machine import Lifecycle
from fakepersonalize.lifecycle.pace import EvenPace, Pace, RealisticPace
from fakepersonalize.lifecycle.runners import InlineRunner, Runner, ThreadRunner, WorkerProcess
from fakepersonalize.lifecycle.workshop import Workshop
from fakepersonalize.neighbours import Neighbours
from fakepersonalize.operations.call import Call, House
from fakepersonalize.operations.registry import handlers
from fakepersonalize.protocol.messages import Incoming, Reply
from fakepersonalize.protocol.service_models import ServiceModels
from fakepersonalize.recommend.answer import Recommender
from fakepersonalize.recommend.loaded import LoadedModels
from fakepersonalize.resources.identifiers import Identifiers
from fakepersonalize.resources.kinds import DATASET, KINDS, SOLUTION_VERSION
from fakepersonalize.resources.shelf import Resource, Shelf
from fakepersonalize.settings import Settings
from fakepersonalize.storage.artifacts import ArtifactStore
from fakepersonalize.storage.folder import DataFolder
from fakepersonalize.storage.metadata import Database
from fakepersonalize.storage.tables import TableStore

LIGHT_THREADS = 4
CLASSROOM_FACTOR = 60.0
WARM_AFTER_SECONDS = 1.0


class Emulator:
    """One Personalize: takes requests, answers them, and does what they ask for.

    Use it from as many threads of one process as you like. `start` begins background work (nothing runs in process
    before that, nor after `close`).
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings = settings or Settings()
        self.folder = DataFolder(settings.data_dir)
        self.hosts = Hosts(settings.allow_host)
        self.neighbour_app = NeighbourApp(self.hosts, self.reset)
        self.database = Database(self.folder.path / "metadata.db", durable=not self.folder.temporary)
        self.clock = _clock(settings)
        self.shelf = Shelf(self.database, self.clock.now, settings.quotas)
        self.tables = TableStore(self.database, self.folder.path / "tables")
        self.models = ArtifactStore(self.folder.path / "models")
        self.loaded = LoadedModels(self.models, settings.loaded_models)
        self.recommender = Recommender(self.shelf, self.loaded)
        self.database.listeners.append(self.recommender.refresh)
        self.identifiers = Identifiers(settings.seed)
        neighbours = Neighbours(self.neighbour_app)
        self._workshop = self._build_workshop(neighbours)
        self.lifecycle = Lifecycle(self.shelf, self.clock, _pace(settings), self._workshop, self._gone)
        house = House(settings, self.lifecycle, self.tables, neighbours, self.recommender, self.identifiers)
        self._dispatcher = Dispatcher(
            ServiceModels(),
            handlers(),
            lambda operation, scope, request: Call(operation, scope, request, self.shelf.at(scope), house),
            self.database,
            self.lifecycle,
            settings.teach,
        )
        self.ready = False

    def answer(self, incoming: Incoming, scope: Scope) -> Reply:
        """Answer one request to one of the three services."""
        return self._dispatcher.answer(incoming, scope)

    def start(self) -> None:
        """Take up what an earlier run left behind and, in a server, do background work from now on."""
        self._sweep()
        self.lifecycle.recover()
        if self._process:
            self.lifecycle.start_ticker()
            # Loading the libraries takes a second of processor time: not while the first requests come in.
            self._warming = threading.Timer(WARM_AFTER_SECONDS, self._process.warm_up)
            self._warming.daemon = True
            self._warming.start()
        self.ready = True

    def reset(self) -> None:
        """Remove every resource of every account, with their data, models and running work."""
        with self.database.transaction():
            gone = [resource for kind in KINDS.values() for resource in self.shelf.of_kind(kind)]
            for resource in gone:
                self.lifecycle.abandon(resource)
                self.shelf.remove(resource)
        for resource in gone:
            self._gone(resource)
        self.identifiers.clear()

    def close(self) -> None:
        """End background work at once and let go of the folder."""
        self.ready = False
        if self._warming:
            self._warming.cancel()
        self.lifecycle.close()
        self.database.close()
        self.loaded.clear()
        self.folder.close()

    _warming: threading.Timer | None = None

    def _build_workshop(self, neighbours: Neighbours) -> Workshop:
        settings = self.settings
        inline = settings.in_process or settings.lifecycle == "manual"
        light: Runner = InlineRunner() if inline else ThreadRunner("job", LIGHT_THREADS)
        heavy: Runner = light if inline else ThreadRunner("training", 1)
        self._process = None if inline else WorkerProcess(train.LIBRARIES)
        services = Services(settings, self.database, self.shelf, self.tables, self.models, neighbours)
        return Workshop(
            self.database,
            self.folder.path / "jobs",
            bodies(services),
            light,
            heavy,
            self._process,
            settings.teach,
        )

    def _gone(self, resource: Resource) -> None:
        if resource.kind is DATASET:
            self.tables.drop(resource.number)
        elif resource.kind is SOLUTION_VERSION:
            self.loaded.drop(resource.number)
            self.models.drop(resource.number)

    def _sweep(self) -> None:
        """Clear away what a crash left on the disk that no row names."""
        open_jobs = {str(row["number"]) for row in self.database.rows("open_jobs")}
        self.tables.sweep_strays(open_jobs)
        self.tables.sweep()
        self.models.sweep({version.number for version in self.shelf.of_kind(SOLUTION_VERSION)})


def _clock(settings: Settings) -> Clock:
    if settings.lifecycle == "manual":
        return ManualClock()
    return ScaledClock(CLASSROOM_FACTOR) if settings.lifecycle == "classroom" else WallClock()


def _pace(settings: Settings) -> Pace:
    return EvenPace(settings.seconds_per_step) if settings.lifecycle == "instant" else RealisticPace()
