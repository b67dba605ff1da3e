import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fakepersonalize.recommend import loaded
from fakepersonalize.recommend.loaded import Learnt, LoadedModels
from fakepersonalize.storage.artifacts import ArtifactStore
from fakepersonalize.storage.streamed import Event


class Store(ArtifactStore):
    """Counts how often each model is read."""

    def __init__(self) -> None:
        super().__init__(Path())
        self.read: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def load(self, key: int) -> Any:
        self.read.append(key)
        self.gate.wait(30)
        if key < 0:
            raise FileNotFoundError(key)
        return {"key": key}, {"factors": np.zeros(key, np.uint8)}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(loaded, "load", lambda manifest, arrays: (manifest["key"], object()))
    return Store()


def test_a_model_is_loaded_when_it_is_first_asked_for_and_then_kept(store: Store) -> None:
    models = LoadedModels(store, most=2)
    assert store.read == []
    assert models.get(1) is models.get(1)
    assert store.read == [1]


def test_the_least_recently_used_model_goes_first(store: Store) -> None:
    models = LoadedModels(store, most=2)
    for key in (1, 2, 1, 3, 1, 2):
        models.get(key)
    assert store.read == [1, 2, 3, 2]


def test_models_go_when_they_take_too_much_memory_together_but_for_one(store: Store) -> None:
    models = LoadedModels(store, most=9, most_bytes=10)
    for key in (4, 5, 4, 3, 4, 5):  # each takes as many bytes as its key says
        models.get(key)
    assert store.read == [4, 5, 3, 5]
    models.drop(5)
    models.get(4)
    models.get(6)
    models.get(4)
    assert store.read == [4, 5, 3, 5, 6]
    models.get(11)
    assert models.get(11) is models.get(11)
    assert store.read == [4, 5, 3, 5, 6, 11]


def test_threads_that_want_the_same_model_wait_for_one_loading(store: Store) -> None:
    models, found = LoadedModels(store, most=2), list[Any]()
    store.gate.clear()
    threads = [threading.Thread(target=lambda: found.append(models.get(1))) for _ in range(6)]
    for thread in threads:
        thread.start()
    store.gate.set()
    for thread in threads:
        thread.join(30)
    assert store.read == [1]
    assert len({id(model) for model in found}) == 1


def test_a_model_in_memory_is_not_held_up_by_the_loading_of_another(store: Store) -> None:
    models = LoadedModels(store, most=2)
    models.get(1)
    store.gate.clear()
    loading = threading.Thread(target=models.get, args=(2,))
    loading.start()
    assert models.get(1)
    store.gate.set()
    loading.join(30)


def test_a_loading_that_failed_is_tried_again(store: Store) -> None:
    models = LoadedModels(store, most=2)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            models.get(-1)
    assert store.read == [-1, -1]


def test_dropped_models_leave_the_memory(store: Store) -> None:
    models = LoadedModels(store, most=2)
    models.get(1)
    models.drop(1)
    models.drop(1)
    models.get(1)
    models.clear()
    models.get(1)
    assert store.read == [1, 1, 1]


def test_a_user_without_a_history_has_an_empty_one() -> None:
    model = loaded.LoadedModel(
        None,  # type: ignore[arg-type]
        ["a", "b"],
        {"a": 0, "b": 1},
        {"u0": 0, "u1": 1, "u2": 2},
        np.array([0, 2, 2, 3]),
        np.array([1, 0, 1], np.int32),
        np.array([10, 20, 30]),
        loaded.Learnt(0),
    )
    histories = {user: model.queries([user]).histories.items.tolist() for user in ("u0", "u1", "u2", "nobody", None)}
    assert histories == {"u0": [1, 0], "u1": [], "u2": [1], "nobody": [], None: []}
    assert model.queries(["u2"]).histories.times.tolist() == [30]


def test_events_of_listed_types_count_from_their_values_on() -> None:
    learnt = Learnt(last=0, events={"watch": 2.0, "click": None})
    counts = [("Watch", 2.0), ("watch", 1.9), ("watch", None), ("Click", None), ("buy", 9.0)]
    found = [
        learnt.is_new(Event(1, "u", "s", None, "i", 0, type_, json.dumps({"EVENT_VALUE": value}), 1))
        for type_, value in counts
    ]
    assert found == [True, False, False, True, False]
