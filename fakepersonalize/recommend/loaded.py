"""Models in memory: loaded when first asked for, the least recently used one goes first."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from fakepersonalize.datasets.live import value_of
from fakepersonalize.datasets.schema import ACTION_INTERACTIONS
from fakepersonalize.storage import artifacts
from fakepersonalize.storage.artifacts import ArtifactStore
from fakepersonalize.storage.streamed import Event

if TYPE_CHECKING:
    import numpy as np

    from fakepersonalize.recipes.exploration import Knowledge
    from fakepersonalize.recipes.features import Encoding
    from fakepersonalize.recipes.training import Model, Present, Queries, TrainingData

Companion = TypeVar("Companion")

TAKEN = "taken"
SEMANTIC = "semantic"  # the model
BYTES_OF_AN_ID = 200


@dataclass(frozen=True, slots=True)
class Learnt:
    """Which streamed events a model has learnt from, and which it would: those of its solution's type and threshold."""

    last: int
    event_type: str | None = None
    threshold: float | None = None
    events: Mapping[str, float | None] = field(default_factory=dict)  # types in lower case that count, from a value on

    def is_new(self, event: Event) -> bool:
        return (
            event.number > self.last
            and (not self.event_type or event.type.lower() == self.event_type.lower())
            and self._reaches(event, self.threshold)
            and self._is_listed(event)
        )

    def _is_listed(self, event: Event) -> bool:
        type_ = event.type.lower()
        return not self.events or (type_ in self.events and self._reaches(event, self.events[type_]))

    @staticmethod
    def _reaches(event: Event, threshold: float | None) -> bool:
        if threshold is None:
            return True
        value = value_of(event)
        return value is not None and value >= threshold


@dataclass(frozen=True, slots=True, eq=False)
class Dealings:
    """What users did with actions up to the training, and what turns ids of actions into codes."""

    action_ids: list[str]
    actions: dict[str, int]
    histories: TrainingData  # a weight of 1 is TAKEN, 0 NOT_TAKEN or VIEWED
    last: int  # the newest streamed event among them

    def of(self, users: Sequence[int], live: Sequence[Sequence[Event]]) -> TrainingData:
        """Return what users, by code, did with known actions, trained or live; -1 stands for an unknown user."""
        import numpy as np

        from fakepersonalize.filters.evaluate import event_type
        from fakepersonalize.recipes.training import TrainingData

        codes = np.array(users, np.int64)
        known = (codes >= 0).nonzero()[0]
        trained = self.histories.only(codes[known])
        new = [
            (row, event)
            for row, events in enumerate(live)
            for event in events
            if event.number > self.last and event.item in self.actions
        ]
        taken = [event_type(ACTION_INTERACTIONS, event.type) == TAKEN for _, event in new]
        weights = np.zeros(len(trained.items), np.float32) if trained.weights is None else trained.weights
        return TrainingData.from_columns(
            np.concatenate([known[trained.users()], np.array([row for row, _ in new], np.int64)]),
            np.concatenate([trained.items, np.array([self.actions[event.item] for _, event in new], np.int32)]),
            np.concatenate([trained.times, np.array([event.time for _, event in new], np.int64)]),
            len(codes),
            len(self.action_ids),
            np.concatenate([weights, np.array(taken, np.float32)]),
        )


class Companions:
    """What others work out from a model and live data, one of each type; it goes when the model goes."""

    def __init__(self) -> None:
        self._by_type: dict[type, Any] = {}

    def find(self, type_: type[Companion]) -> Companion | None:
        """Return the one of a type, if there is one by now."""
        return self._by_type.get(type_)

    def keep(self, found: Companion) -> Companion:
        """Keep it as the one of its type, and return it."""
        self._by_type[type(found)] = found
        return found


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class LoadedModel:
    """A model, and what turns ids into its codes and back."""

    model: Model
    item_ids: list[str]
    items: dict[str, int]
    users: dict[str, int]
    offsets: np.ndarray  # int64[users + 1]
    history_items: np.ndarray  # int32[n]
    history_times: np.ndarray  # int64[n]
    learnt: Learnt
    features: np.ndarray | None = None  # int32[n], of the users
    feature_offsets: np.ndarray | None = None  # [users + 1]
    contexts: Encoding | None = None
    dealings: Dealings | None = None  # of models that recommend actions
    knowledge: Knowledge | None = None  # of the items, at the training
    texts: Encoding | None = None  # of models that go by them
    companions: Companions = field(default_factory=Companions)

    @property
    def last(self) -> int:
        """The newest streamed event at the training, of those with what it recommends."""
        return self.dealings.last if self.dealings else self.learnt.last

    def queries(
        self,
        users: Sequence[str | None],
        live: Sequence[Sequence[Event]] = (),
        contexts: Sequence[Mapping[str, str] | None] = (),
        acted: Sequence[Sequence[Event]] = (),
    ) -> Queries:
        """Return what the model is told of users: what they did up to the training and, in `live` events, since then.

        An unknown user did nothing. `contexts` are the circumstances of the requests; what the training did not know of
        them says nothing. `acted` are live events with actions. Each has an entry for each user, or none at all.
        """
        import numpy as np

        from fakepersonalize.recipes.training import Queries, TrainingData, runs

        codes = [-1 if user is None else self.users.get(user, -1) for user in users]
        new = [
            (row, self.items[event.item], event.time)
            for row, events in enumerate(live)
            for event in events
            if event.item in self.items and self.learnt.is_new(event)
        ]
        rows: slice | np.ndarray
        if len(codes) == 1:  # the history lies in one piece
            start, end = (0, 0) if codes[0] < 0 else (self.offsets[codes[0]], self.offsets[codes[0] + 1])
            offsets, rows = np.array([0, end - start], np.int64), slice(start, end)
        else:
            of = np.array(codes, np.int64)
            lengths = np.where(of < 0, 0, self.offsets[of + 1] - self.offsets[of])
            offsets, rows = np.concatenate([[0], np.cumsum(lengths)]), runs(self.offsets[of], lengths)
        histories = TrainingData(
            len(codes), len(self.item_ids), offsets, self.history_items[rows], self.history_times[rows]
        )
        if new:
            more = np.array(new, np.int64)
            histories = TrainingData.from_columns(
                np.concatenate([histories.users(), more[:, 0]]),
                np.concatenate([histories.items, more[:, 1]]),
                np.concatenate([histories.times, more[:, 2]]),
                len(codes),
                len(self.item_ids),
            )
        return Queries(
            histories,
            self._features(codes),
            self._contexts(contexts),
            self.dealings.of(codes, acted) if self.dealings else None,
        )

    def propensities(self, queries: Queries, amount: int) -> np.ndarray:
        """Return how likely each user is to take each action, float64 [users, amount]; 0 for those behind."""
        import numpy as np

        known = self.model.score(queries)
        return np.pad(known, ((0, 0), (0, amount - known.shape[1])))

    def _features(self, users: Sequence[int]) -> Present | None:
        import numpy as np

        if self.features is None or self.feature_offsets is None:
            return None
        known = [(row, code) for row, code in enumerate(users) if code >= 0]
        if len(users) == 1:
            own = [self.features[self.feature_offsets[code] : self.feature_offsets[code + 1]] for _, code in known]
            return (np.zeros(len(own[0]), np.int64), own[0]) if own else None
        from fakepersonalize.recipes.training import runs

        rows, codes = np.array(known, np.int64).reshape(-1, 2).T
        lengths = self.feature_offsets[codes + 1] - self.feature_offsets[codes]
        return np.repeat(rows, lengths), self.features[runs(self.feature_offsets[codes], lengths)]

    def _contexts(self, given: Sequence[Mapping[str, str] | None]) -> Present | None:
        import numpy as np

        if self.contexts is None or not any(given):
            return None
        found = [(row, self._context(each)) for row, each in enumerate(given) if each]
        rows = np.repeat([row for row, _ in found], [len(codes) for _, codes in found])
        return rows, np.concatenate([codes for _, codes in found])

    def _context(self, context: Mapping[str, str]) -> np.ndarray:
        assert self.contexts is not None
        given = {name.upper(): value for name, value in context.items()}
        cells = {column.name: _cell(column.kind, given.get(column.name.upper())) for column in self.contexts.columns}
        return self.contexts.codes(cells)


class LoadedModels:
    """At most `most` models, of at most `most_bytes` together; two threads that want the same one wait for one loading.

    Whoever answers from a model keeps it until the answer is there, so that a model that goes fails nobody.
    """

    def __init__(self, store: ArtifactStore, most: int, most_bytes: float = math.inf) -> None:
        self._store, self._most, self._most_bytes = store, most, most_bytes
        self._lock = threading.Lock()
        self._loading: dict[int, threading.Lock] = {}
        self._models: OrderedDict[int, LoadedModel] = OrderedDict()
        self._sizes: dict[int, int] = {}
        self._drops = 0

    def get(self, key: int) -> LoadedModel:
        with self._lock:
            found = self._models.get(key)
            if found:
                self._models.move_to_end(key)
                return found
            loading = self._loading.setdefault(key, threading.Lock())
        with loading:
            found = self._models.get(key)
            if found is None:
                drops = self._drops
                manifest, arrays = self._store.load(key)
                found = load(manifest, arrays)
                self._put(key, found, _bytes(arrays), drops)
        return found

    def drop(self, key: int) -> None:
        with self._lock:
            self._drops += 1
            self._models.pop(key, None)
            self._sizes.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._models.clear()
            self._sizes.clear()

    def _put(self, key: int, model: LoadedModel, size: int, drops: int) -> None:
        """Keep a model unless some were dropped since its loading began: it may have been among them."""
        with self._lock:
            self._loading.pop(key, None)
            if drops != self._drops:
                return
            self._models[key], self._sizes[key] = model, size
            while len(self._models) > max(1, self._most) or self._is_crowded():
                del self._sizes[self._models.popitem(last=False)[0]]

    def _is_crowded(self) -> bool:
        return len(self._models) > 1 and sum(self._sizes.values()) > self._most_bytes


def _bytes(arrays: Mapping[str, np.ndarray]) -> int:
    """Return about how much memory a model takes: its arrays, and for each id a text and its places in tables."""
    ids = sum(len(array) for name, array in arrays.items() if name.endswith("_ids.offsets"))
    return sum(array.nbytes for array in arrays.values()) + BYTES_OF_AN_ID * ids


def load(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> LoadedModel:
    """Make a model of what was saved of it."""
    from fakepersonalize.recipes.features import Encoding
    from fakepersonalize.recipes.models import model_class

    own = {name.removeprefix("model."): array for name, array in arrays.items() if name.startswith("model.")}
    user_ids = artifacts.unpack(arrays["user_ids"], arrays["user_ids.offsets"])
    item_ids = artifacts.unpack(arrays["item_ids"], arrays["item_ids.offsets"])
    return LoadedModel(
        model_class(manifest["model"]).from_arrays(own, manifest),
        item_ids,
        {id_: code for code, id_ in enumerate(item_ids)},
        {id_: code for code, id_ in enumerate(user_ids)},
        arrays["history.offsets"],
        arrays["history.items"],
        arrays["history.times"],
        Learnt(**manifest["learnt"]),
        arrays.get("user_features"),
        arrays.get("user_features.offsets"),
        Encoding.from_description(manifest["encodings"]["context"]) if "context" in manifest["encodings"] else None,
        _dealings(arrays, manifest["last_acted"], len(user_ids)) if "action_ids" in arrays else None,
        _knowledge(arrays),
        Encoding.from_description(manifest["encodings"]["items"]) if manifest["model"] == SEMANTIC else None,
    )


def _knowledge(arrays: dict[str, np.ndarray]) -> Knowledge:
    import numpy as np

    from fakepersonalize.recipes.exploration import Knowledge

    met = arrays["items.met"]
    passed_over = arrays.get("items.passed_over", np.zeros(len(met), np.int64))
    return Knowledge(arrays["items.came"], met, passed_over, int(arrays["history.times"].max(initial=0)))


def _dealings(arrays: dict[str, np.ndarray], last: int, n_users: int) -> Dealings:
    from fakepersonalize.recipes.training import TrainingData

    ids = artifacts.unpack(arrays["action_ids"], arrays["action_ids.offsets"])
    offsets, items, times, weights = (arrays[f"acted.{name}"] for name in ("offsets", "items", "times", "weights"))
    histories = TrainingData(n_users, len(ids), offsets, items, times, weights)
    return Dealings(ids, {id_: code for code, id_ in enumerate(ids)}, histories, last)


def _cell(kind: str, text: str | None) -> str | float | None:
    """Return the text of a request as the cell of a column; a text that is no number says nothing of a numeric one."""
    if kind != "number" or text is None:
        return text
    try:
        return float(text)
    except ValueError:
        return None
