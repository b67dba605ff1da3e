"""Trained models: a manifest in JSON beside arrays in one npz file, read with pickling refused.

Source of the format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize.storage import files

if TYPE_CHECKING:
    import numpy as np  # loaded with the first model, not with the server

MANIFEST, ARRAYS = "manifest.json", "arrays.npz"


def write(folder: Path, manifest: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a model into an empty or new folder. Arrays of objects are refused (ValueError)."""
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    if any(array.dtype.hasobject for array in arrays.values()):
        raise ValueError("models are made of numbers, not of objects")
    with open(folder / ARRAYS, "wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type, unused-ignore]
    (folder / MANIFEST).write_text(json.dumps(manifest, sort_keys=True), "utf-8")


def read(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return manifest and arrays of a model; files are read whole and closed."""
    import numpy as np

    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
        return manifest, {name: arrays[name] for name in arrays.files}


def pack(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return texts as one uint8 array of UTF-8 and int64 offsets (one more than there are texts)."""
    import numpy as np

    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    return np.frombuffer(b"".join(encoded), np.uint8), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def unpack(letters: np.ndarray, offsets: np.ndarray) -> list[str]:
    """Return the texts of `pack`. Raises ValueError for offsets that do not divide the letters among texts."""
    if not len(offsets) or offsets[0] or offsets[-1] != len(letters) or (offsets[1:] < offsets[:-1]).any():
        raise ValueError("texts that overlap, or letters of none")
    raw, ends = letters.tobytes(), offsets.tolist()
    return [raw[a:b].decode("utf-8", "surrogatepass") for a, b in zip(ends, ends[1:])]


class ArtifactStore:
    """The models of all solution versions, by their numbers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Nobody may find a model missing, or read half of it, while another takes its place.
        self._exchanging = threading.Lock()

    def keep(self, key: int, folder: Path) -> None:
        """Take over a folder that `write` made, in the place of what was kept under the key."""
        with self._exchanging:
            files.move(folder, self._folder / str(key))

    def copy(self, key: int, folder: Path) -> None:
        """Put a model into a new folder as well, where it stays when it is dropped here."""
        with self._exchanging:
            shutil.copytree(self._folder / str(key), folder)

    @contextmanager
    def files(self, key: int) -> Iterator[dict[str, Path]]:
        """Lend the files of a model by their names, none where there is no such model; they stay meanwhile."""
        with self._exchanging:
            folder = self._folder / str(key)
            yield {name: folder / name for name in (MANIFEST, ARRAYS) if (folder / name).exists()}

    def load(self, key: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        with self._exchanging:
            return read(self._folder / str(key))

    def lend(self, key: int, folder: Path) -> None:
        """Put a model into another folder as well, where it stays whatever becomes of it here.

        Raises FileNotFoundError for one that is gone.
        """
        files.share(self._folder / str(key), folder)

    def drop(self, key: int) -> None:
        files.remove(self._folder / str(key))

    def sweep(self, known: set[int]) -> None:
        """Remove models of versions that are no longer there."""
        if self._folder.is_dir():
            for folder in self._folder.iterdir():
                if folder.name not in {str(key) for key in known}:
                    files.remove(folder)
