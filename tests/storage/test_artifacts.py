import json
from pathlib import Path

import numpy as np
import pytest

from fakepersonalize.storage import artifacts
from fakepersonalize.storage.artifacts import ArtifactStore

ARRAYS = {
    "factors": np.arange(6, dtype=np.float32).reshape(2, 3),
    "codes": np.array([], np.int32),
    "letters": np.frombuffer(b"abc", np.uint8),
}
MANIFEST = {"model": "als", "metrics": {"coverage": 0.25}, "title": "Amélie \U0001f600"}


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [""],
        ["", "a", ""],
        ["plain", "Amélie", "東京", "\U0001f600\U0001f469‍\U0001f680"],
        ["lone \ud83d surrogate", "\udc00"],
        ["with\0zero", "line\nbreak"],
        ["x" * 100_000, "y"],
    ],
)
def test_texts_come_back_as_they_were(texts: list[str]) -> None:
    letters, offsets = artifacts.pack(texts)
    assert (letters.dtype, offsets.dtype, len(offsets)) == (np.uint8, np.int64, len(texts) + 1)
    assert artifacts.unpack(letters, offsets) == texts


def test_a_model_comes_back_as_it_was(tmp_path: Path) -> None:
    artifacts.write(tmp_path / "new" / "model", MANIFEST, ARRAYS)
    manifest, arrays = artifacts.read(tmp_path / "new" / "model")
    assert manifest == MANIFEST
    assert arrays.keys() == ARRAYS.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, ARRAYS[name], strict=True)


def test_a_model_that_was_read_holds_no_file(tmp_path: Path) -> None:
    artifacts.write(tmp_path, MANIFEST, ARRAYS)
    _, arrays = artifacts.read(tmp_path)
    (tmp_path / artifacts.ARRAYS).write_bytes(b"something else")
    assert arrays["factors"][1, 2] == 5


def test_arrays_of_objects_are_not_written(tmp_path: Path) -> None:
    for objects in (np.array([{"a": 1}], object), np.array([(1, "a")], [("n", int), ("o", object)])):
        with pytest.raises(ValueError, match="not of objects"):
            artifacts.write(tmp_path / "model", MANIFEST, {"objects": objects})
    assert not (tmp_path / "model" / artifacts.MANIFEST).exists()


def test_pickled_arrays_are_not_read(tmp_path: Path) -> None:
    (tmp_path / artifacts.MANIFEST).write_text("{}", "utf-8")
    np.savez(tmp_path / artifacts.ARRAYS, objects=np.array([{"a": 1}], object))
    with pytest.raises(ValueError, match="allow_pickle"):
        artifacts.read(tmp_path)


def test_the_manifest_can_be_read_by_people(tmp_path: Path) -> None:
    artifacts.write(tmp_path, MANIFEST, ARRAYS)
    assert json.loads((tmp_path / "manifest.json").read_text("utf-8")) == MANIFEST


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "models")


def made(tmp_path: Path, title: str) -> Path:
    artifacts.write(tmp_path / "job" / "model", {"title": title}, ARRAYS)
    return tmp_path / "job" / "model"


def test_a_store_takes_models_over_and_lets_them_go(store: ArtifactStore, tmp_path: Path) -> None:
    folder = made(tmp_path, "one")
    store.keep(3, folder)
    assert not folder.exists()
    assert store.load(3)[0] == {"title": "one"}
    store.drop(3)
    with pytest.raises(FileNotFoundError):
        store.load(3)
    store.drop(3)


def test_keeping_a_model_again_after_a_crash_changes_nothing(store: ArtifactStore, tmp_path: Path) -> None:
    folder = made(tmp_path, "one")
    store.keep(3, folder)
    store.keep(3, folder)
    assert store.load(3)[0] == {"title": "one"}


def test_a_model_replaces_what_an_earlier_attempt_left(store: ArtifactStore, tmp_path: Path) -> None:
    store.keep(3, made(tmp_path, "one"))
    store.keep(3, made(tmp_path, "two"))
    assert store.load(3)[0] == {"title": "two"}


def test_models_of_versions_that_are_gone_are_swept(store: ArtifactStore, tmp_path: Path) -> None:
    store.sweep({1})  # before there is a folder
    for number in (1, 2, 10):
        store.keep(number, made(tmp_path, str(number)))
    store.sweep({2, 3})
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["2"]
