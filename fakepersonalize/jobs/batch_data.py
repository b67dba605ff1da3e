"""What batch jobs look at: the model, and the data as they were when the job began, spooled and opened again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize import errors
from fakepersonalize.datasets import schema
from fakepersonalize.datasets.schema import INTERACTIONS, ITEMS, NUMBERS, USERS, Column
from fakepersonalize.errors import InvalidInputException, JobFailed
from fakepersonalize.jobs import side_rows
from fakepersonalize.jobs.batch_lines import CONTEXT, ITEM, USER, Line
from fakepersonalize.jobs.batch_spec import BatchSpec
from fakepersonalize.jobs.services import Services
from fakepersonalize.lifecycle.workshop import Job
from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.catalogue import Exploration
from fakepersonalize.recommend.answer import is_latest
from fakepersonalize.resources.kinds import DATASET, SOLUTION_VERSION
from fakepersonalize.resources.shelf import Resource
from fakepersonalize.storage import artifacts
from fakepersonalize.storage.streamed import Event

if TYPE_CHECKING:
    from fakepersonalize.filters.evaluate import BoundFilter, Candidates, Filter, FilterContext
    from fakepersonalize.recipes.exploration import Newcomers
    from fakepersonalize.recipes.features import Cells, Kind
    from fakepersonalize.recipes.themes import Themes
    from fakepersonalize.recipes.training import Codes, Mask, Queries, Shortlists
    from fakepersonalize.recommend.candidates import Items
    from fakepersonalize.recommend.increments import Increment
    from fakepersonalize.recommend.live import StreamedHistories
    from fakepersonalize.recommend.loaded import LoadedModel
    from fakepersonalize.recommend.metadata import Rows
    from fakepersonalize.recommend.past import UserInteractions

MODEL, LIVE = "model", "live.jsonl"
KEPT_MASKS = 256
NOTHING = ""  # no item has this id
Values = tuple[tuple[str, str], ...]


def gather(services: Services, job: Job, asked: Resource, also: Sequence[str] = ()) -> dict[str, Any]:
    """Pin model and data as they are now, with the datasets that the filter reads and some `also`."""
    version = _existing(services, asked["solutionVersionArn"])
    recipe = catalogue.recipe_of(version["recipeArn"])
    assert recipe is not None
    filter_ = _existing(services, asked["filterArn"]) if asked.document.get("filterArn") else None
    explores = recipe.exploration((asked.document.get("batchInferenceJobConfig") or {}).get("itemExplorationConfig"))
    grows = bool(version.document.get("performIncrementalUpdate"))
    read = {
        *also,
        *([ITEMS] if explores or grows else []),
        *(name.partition(".")[0] for name in (filter_["fields"] if filter_ else ())),
    }
    datasets = {each["datasetType"]: each for each in services.shelf.below(version["datasetGroupArn"], DATASET)}
    try:
        services.models.lend(version.number, job.folder / MODEL)
    except FileNotFoundError:
        raise JobFailed(errors.not_found(version.arn).message) from None
    interactions = datasets.get(INTERACTIONS)
    with services.database.transaction():
        sides = {
            type_: side_rows.spool(services, job, datasets[type_])
            for type_ in (ITEMS, USERS)
            if type_ in {*datasets} & read
        }
        seen = interactions is not None and INTERACTIONS in read
        segments = services.tables.pin(interactions.number, job.number) if interactions and seen else []
    if interactions and (seen or recipe.reacts or explores):
        _spool_events(services, interactions.number, job.folder / LIVE)
    return {
        "recipe": recipe.name,
        "filter": filter_ and filter_["filterExpression"],
        "schemas": {type_: _schema(services, dataset) for type_, dataset in datasets.items()},
        "sides": sides,
        "segments": [str(path) for path in segments],
        "reacts": recipe.reacts,
        "explores": explores,
        "grows": grows,
        "seed": services.settings.seed or 0,
        "version": version.arn,
        "latest": is_latest(version, services.shelf.below(version["solutionArn"], SOLUTION_VERSION)),
        "config": asked.document.get("batchInferenceJobConfig") or {},
    }


def open_stock(spec: BatchSpec, folder: Path) -> Stock:
    """Return what `gather` pinned."""
    from fakepersonalize.recommend.loaded import load

    return Stock(spec, folder, load(*artifacts.read(folder / MODEL)))


@dataclass(frozen=True, slots=True)
class Allowed:
    """What each of some lines may be answered with, and for which the filter cannot say it, with the reason.

    `mask` is for the lines without a problem: [candidates] where it is the same for all, [lines, candidates], or None.
    """

    problems: Mapping[int, str] = field(default_factory=dict)
    whole: Mask | None = None
    groups: Sequence[int] = ()
    n_items: int = 0

    @property
    def mask(self) -> Mask | None:
        """The mask of the model's items alone."""
        return None if self.whole is None else self.whole[..., : self.n_items]

    def row(self, place: int) -> Mask | None:
        """Return which of the model's items a line may be answered with."""
        mask = self.mask
        return mask if mask is None or mask.ndim == 1 else mask[place]

    def passes(self, place: int, candidate: int) -> bool:
        if self.whole is None:
            return True
        return bool((self.whole if self.whole.ndim == 1 else self.whole[place])[candidate])

    def group(self, place: int) -> int:
        """Return a number that two lines share only if they are allowed the same."""
        return self.groups[place] if self.groups else 0


class Stock:
    """Model and data of one job, each part made when it is first asked for."""

    def __init__(self, spec: BatchSpec, folder: Path, loaded: LoadedModel) -> None:
        self.loaded = loaded
        self._spec, self._folder = spec, folder
        self._masks: dict[Values, Mask] = {}

    def queries(self, lines: Sequence[Line]) -> Queries:
        """Return what the model is told of the users of some lines."""
        return self._queries(lines, self._streamed(lines))

    def _queries(self, lines: Sequence[Line], live: Sequence[Sequence[Event]]) -> Queries:
        return self.loaded.queries([line[USER] for line in lines], live, [line.values(CONTEXT) for line in lines])

    def lists(self, lines: Sequence[Line], allowed: Mask | None, k: int, reasons: bool) -> Shortlists:
        """Return the `k` best of the allowed items for the user of each line, and what is tried out."""
        from fakepersonalize.recipes import exploration, noise
        from fakepersonalize.recipes.models.blend import LISTING_BYTES, rows_of
        from fakepersonalize.recipes.training import Shortlists
        from fakepersonalize.recommend.exploring import met
        from fakepersonalize.recommend.ranker import UserScores

        model, live = self.loaded.model, self._streamed(lines)
        queries = self._queries(lines, live)
        setting = self._exploration
        if setting is None:
            return model.recommend(queries, allowed, k)
        users = [line[USER] for line in lines]
        known = self._codes if self._spec.latest else self.loaded.items
        seen = met(queries, live, known)
        askers = noise.askers(self._spec.seed, users, self._spec.version)
        shares, found = exploration.shares(self._newcomers, setting, askers, seen), []
        for first, block in queries.blocks(LISTING_BYTES):
            own = shares[first : first + len(block)]
            scores = UserScores.of(model, model.score(block), self._newcomers, own, len(self._codes), reasons)
            found.append(scores.pick(rows_of(allowed, first, len(block)), k))
        return Shortlists.joined(found, k)

    @property
    def _exploration(self) -> Exploration | None:
        return Exploration(*self._spec.explores) if self._spec.explores else None

    @cached_property
    def _newcomers(self) -> Newcomers:
        """The items that the job can try out on users."""
        from fakepersonalize.recommend.exploring import Exploring

        exploring, catalogue = Exploring(self.loaded, 0.0, float), self._catalogue
        if self._spec.latest:
            exploring.refresh(catalogue, self._live.log)
        assert self._exploration is not None
        return exploring.newcomers(self._exploration.cut_off_days, catalogue)

    @cached_property
    def themes(self) -> Themes:
        """What is found in the categories, the text and the names of the model's items."""
        from fakepersonalize.recipes.models.semantic import NO_TEXT
        from fakepersonalize.recipes.themes import Themes

        columns = self._items.schema.columns if self._items else ()
        if not any(column.textual for column in columns):
            raise JobFailed(NO_TEXT)
        assert self._items is not None
        name = (self._spec.item_name or "").upper()
        found: dict[str, tuple[Kind, Cells]] = {}
        for column in columns:
            if column.categorical or column.textual or column.name.upper() == name:
                kind: Kind = "category" if column.categorical else "text"
                found[column.name] = kind, self._items.cells(column.name, self.loaded.item_ids)
        return Themes(found, len(self.loaded.item_ids))

    @cached_property
    def items(self) -> list[str]:
        """What answers may hold: the items of the model and, where the recipe looks beyond, those that came later."""
        return list(self._codes) if self._spec.explores or self._spec.grows else self.loaded.item_ids

    @cached_property
    def increment(self) -> Increment | None:
        """The model with the texts that items have by now; None where new texts wait for the next training."""
        from fakepersonalize.recommend.increments import Increments

        if not self._spec.grows:
            return None
        return Increments(self.loaded, 0.0, float).of(self._catalogue)

    def asked(self, item: str) -> int | None:
        """Return the code of an item that a line asks about, None where the model does not know it."""
        return (self._codes if self._spec.grows else self.loaded.items).get(item)

    def similar(self, item: int | None, allowed: Mask | None, amount: int) -> Codes:
        """Return what is like an item, or popular where it is not known."""
        if self.increment:
            return self.increment.picker(item, self.influence)(allowed, amount).items
        return self.loaded.model.similar(item, allowed, amount, **self.influence).items

    @cached_property
    def influence(self) -> dict[str, Any]:
        """What the order of similar items is told beside the item."""
        asked = self._spec.config.get("rankingInfluence")
        return {"influence": asked} if asked else {}

    def allowed(self, lines: Sequence[Line], of_user: bool) -> Allowed:
        """Return what the filter lets through for each line; `of_user` says that the lines are sure to name one."""
        if self.filter is None or not lines:
            return Allowed(n_items=len(self.items))
        problems: dict[int, str] = {}
        groups: dict[Values, tuple[BoundFilter, list[int]]] = {}
        for place, line in enumerate(lines):
            values = tuple(sorted(line.values().items()))
            if self.filter.needs_user and not of_user and not isinstance(line.asked.get(USER), str):
                problems[place] = errors.REQUIRED_FIELDS.format(names=USER)
            elif values in groups:
                groups[values][1].append(place)
            elif isinstance(bound := self.bound(values), str):
                problems[place] = bound
            else:
                groups[values] = bound, [place]
        return self._masked(lines, problems, groups)

    def candidate(self, item: str) -> int:
        """Return the code of an item for filters; the last one is that of all items of which nothing is known."""
        return self._codes.get(item, len(self._codes))

    @cached_property
    def filter(self) -> Filter | None:
        from fakepersonalize.filters.evaluate import compile_filter

        if self._spec.filter is None:
            return None
        fields = {type_: schema.parse(*known).columns for type_, known in self._spec.schemas.items()}
        return compile_filter(self._spec.filter, fields)

    def _masked(
        self,
        lines: Sequence[Line],
        problems: Mapping[int, str],
        groups: Mapping[Values, tuple[BoundFilter, Sequence[int]]],
    ) -> Allowed:
        import numpy as np

        sound = [place for place in range(len(lines)) if place not in problems]
        new = {place: number for number, place in enumerate(sound)}
        found = [
            (places, self._mask(values, bound, [lines[place] for place in places]))
            for values, (bound, places) in groups.items()
        ]
        n_items = len(self.items)
        if not found:
            return Allowed(problems, n_items=n_items)
        if len(found) == 1 and found[0][1].ndim == 1:
            return Allowed(problems, found[0][1], n_items=n_items)
        whole = np.empty((len(sound), found[0][1].shape[-1]), bool)
        numbers = list(range(len(sound)))
        for places, mask in found:
            rows = [new[place] for place in places]
            whole[rows] = mask
            if mask.ndim == 1:
                for row in rows:
                    numbers[row] = rows[0]
        return Allowed(problems, whole, numbers, n_items)

    def _mask(self, values: Values, bound: BoundFilter, lines: Sequence[Line]) -> Mask:
        """Return what the filter with these values lets through: one row for all lines, or one each."""
        import numpy as np

        from fakepersonalize.recommend.filter_context import context, recent_events

        if values in self._masks:
            return self._masks[values]
        assert self.filter is not None
        at = None
        if self.filter.needs_item:
            at = np.array([self._codes.get(line.asked.get(ITEM), -1) for line in lines], np.int64)
        users, events = [line.asked.get(USER) for line in lines], {}
        if bound.reads_events:
            ids = [user or "" for user in users]
            live = [self._live.of(id_, self.loaded.last) for id_ in ids]
            events = recent_events(self._past, ids, live, self._catalogue)
        people = self._people if bound.reads_user else None
        mask = bound.mask(self.candidates, context(users, events, people, bound.user_columns, at))
        if mask.ndim == 1 and len(self._masks) < KEPT_MASKS:
            self._masks[values] = mask
        return mask

    def bound(self, values: Values) -> BoundFilter | str:
        """Return the filter with these values, or why they do not suit it."""
        if values not in self._bounds:
            if len(self._bounds) >= KEPT_MASKS:
                self._bounds.clear()
            assert self.filter is not None
            try:
                self._bounds[values] = self.filter.bind(dict(values))
            except InvalidInputException as refused:
                self._bounds[values] = refused.message
        return self._bounds[values]

    @cached_property
    def _bounds(self) -> dict[Values, BoundFilter | str]:
        return {}

    @cached_property
    def _codes(self) -> dict[str, int]:
        """The items of the model by its codes, and behind them those of the Items dataset and of streamed events."""
        ids = dict.fromkeys([*self.loaded.items, *(self._items.ids if self._items else ()), *self._live.items])
        return {id_: code for code, id_ in enumerate(ids)}

    @cached_property
    def _catalogue(self) -> Items:
        return _catalogue(list(self._codes), self._items)

    @cached_property
    def candidates(self) -> Candidates:
        """The items that have codes, and one of which nothing is known."""
        return _catalogue([*self._codes, NOTHING], self._items).candidates

    @cached_property
    def people(self) -> Candidates:
        """The users of the model by its codes, for filters about users."""
        return _catalogue(list(self.loaded.users), side_rows.read(self._spec.sides.get(USERS))).candidates

    @cached_property
    def doings(self) -> FilterContext:
        """Which users have events of which types."""
        from fakepersonalize.filters.evaluate import FilterContext
        from fakepersonalize.recommend.filter_context import users_with_events

        return FilterContext.of_one(users_with_events(self._past, self._live.log, self.loaded.users))

    @cached_property
    def trained_columns(self) -> dict[str, list[Column]]:
        """The columns of items that segments may be about: booleans, texts and plain strings never train."""
        columns = self._items.schema.columns if self._items else ()
        return {ITEMS: [each for each in columns if each.categorical or each.type in NUMBERS]}

    @cached_property
    def _items(self) -> side_rows.Side | None:
        return side_rows.read(self._spec.sides.get(ITEMS))

    @cached_property
    def _past(self) -> UserInteractions:
        """The imported interactions of all users, with their types."""
        from fakepersonalize.recommend.past import rows_of, user_interactions

        own = schema.parse(*self._spec.schemas[INTERACTIONS])
        return user_interactions(rows_of([Path(path) for path in self._spec.segments], own))

    @cached_property
    def _people(self) -> Rows | None:
        return _rows(side_rows.read(self._spec.sides.get(USERS)))

    @cached_property
    def _live(self) -> StreamedHistories:
        """What users have streamed."""
        from fakepersonalize.recommend.live import StreamedHistories

        file, found = self._folder / LIVE, StreamedHistories()
        for event in _events(file) if file.exists() else ():
            found.add(event)
        return found

    def _streamed(self, lines: Sequence[Line]) -> list[Sequence[Event]]:
        """Return what the user of each line has streamed, if the recipe reacts to it before the next training."""
        return [self._live.of(line[USER]) if self._spec.reacts else () for line in lines]


def _catalogue(ids: Sequence[str], side: side_rows.Side | None) -> Items:
    from fakepersonalize.recommend.candidates import Items

    return Items(ids, _rows(side), side.schema if side else None, INTERACTIONS)


def _rows(side: side_rows.Side | None) -> Rows | None:
    from fakepersonalize.recommend.metadata import Rows

    return Rows(side.table, {id_: place for place, id_ in enumerate(side.ids)}) if side else None


def _events(file: Path) -> Iterator[Event]:
    with open(file, encoding="utf-8") as rows:
        for row in rows:
            yield Event(*json.loads(row))


def _spool_events(services: Services, dataset: int, target: Path) -> None:
    with open(target, "w", encoding="utf-8") as file:
        for page in services.streamed.pages_of_events(dataset):
            file.writelines(f"{json.dumps(event)}\n" for event in page)


def _schema(services: Services, dataset: Resource) -> tuple[str, str | None]:
    found = services.shelf.find(dataset["schemaArn"])
    assert found is not None, "a dataset keeps its schema"
    return found["schema"], found.document.get("domain")


def _existing(services: Services, arn: str) -> Resource:
    found = services.shelf.find(arn)
    if found is None:
        raise JobFailed(errors.not_found(arn).message)
    return found
