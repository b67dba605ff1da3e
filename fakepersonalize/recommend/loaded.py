"""Models in memory: loaded when first asked for, the least recently used one goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fakepersonalize.datasets.live import value_of
from fakepersonalize.storage import artifacts
from fakepersonalize.storage.artifacts import ArtifactStore
from fakepersonalize.storage.streamed import Event

if TYPE_CHECKING:
    import numpy as np

    from fakepersonalize.recipes.features import Encoding
    from fakepersonalize.recipes.training import History, Model, Scores


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

    def history(
        self, user_id: str | None, live: Sequence[Event] = (), context: Mapping[str, str] | None = None
    ) -> History:
        """Return what a user did: up to the training, and live since then; an unknown user did nothing.

        `context` are the circumstances of a request; what the training did not know of them says nothing.
        """
        from fakepersonalize.recipes.training import History

        code = self.users.get(user_id) if user_id is not None else None
        start, end = (0, 0) if code is None else (self.offsets[code], self.offsets[code + 1])
        trained = History(
            self.history_items[start:end],
            self.history_times[start:end],
            self._features(code),
            self._context(context) if context else None,
        )
        new = [event for event in live if event.item in self.items and self.learnt.is_new(event)]
        return trained.later([self.items[event.item] for event in new], [event.time for event in new])

    def rank(self, history: History, items: Sequence[int]) -> Scores:
        """Return the items with these codes in the order of a user with this history."""
        import numpy as np

        return self.model.rank(self.model.fold_in(history), np.array(items, np.int32))

    def _features(self, user: int | None) -> np.ndarray | None:
        if user is None or self.features is None or self.feature_offsets is None:
            return None
        return self.features[self.feature_offsets[user] : self.feature_offsets[user + 1]]

    def _context(self, context: Mapping[str, str]) -> np.ndarray | None:
        if self.contexts is None:
            return None
        given = {name.upper(): value for name, value in context.items()}
        cells = {column.name: _cell(column.kind, given.get(column.name.upper())) for column in self.contexts.columns}
        return self.contexts.codes(cells)


class LoadedModels:
    """At most `most` models; two threads that want the same one wait for one loading."""

    def __init__(self, store: ArtifactStore, most: int) -> None:
        self._store, self._most = store, most
        self._lock = threading.Lock()
        self._loading: dict[int, threading.Lock] = {}
        self._models: OrderedDict[int, LoadedModel] = OrderedDict()

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
                found = load(*self._store.load(key))
                self._put(key, found)
        return found

    def drop(self, key: int) -> None:
        with self._lock:
            self._models.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._models.clear()

    def _put(self, key: int, model: LoadedModel) -> None:
        with self._lock:
            self._models[key] = model
            self._loading.pop(key, None)
            while len(self._models) > self._most:
                self._models.popitem(last=False)


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
    )


def _cell(kind: str, text: str | None) -> str | float | None:
    """Return the text of a request as the cell of a column; a text that is no number says nothing of a numeric one."""
    if kind != "number" or text is None:
        return text
    try:
        return float(text)
    except ValueError:
        return None
