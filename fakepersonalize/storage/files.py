"""Files and folders that move into their place whole, and leave again, also where open files cannot be unlinked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast


def move(source: Path, target: Path) -> None:
    """Move a file or folder into its place; doing it again after a crash changes nothing."""
    if not source.exists() and target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    for file in [source] if source.is_file() else sorted(source.iterdir()):
        _sync(file)
    if target.is_dir():
        shutil.rmtree(target)
    os.replace(source, target)
    _sync_folder(target.parent)


@contextmanager
def opened(place: str | os.PathLike[str] | BinaryIO, mode: str) -> Iterator[BinaryIO]:
    """Lend a file that is open already, or one that is opened for the purpose."""
    if isinstance(place, str | os.PathLike):
        with open(place, mode) as file:
            yield cast(BinaryIO, file)
    else:
        yield place


def share(source: Path, target: Path) -> None:
    """Give the files of a folder a second place; where the disk can, without copying. They must never be changed."""
    target.mkdir()
    for file in sorted(source.iterdir()):
        try:
            os.link(file, target / file.name)
        except FileNotFoundError:
            raise
        except OSError:
            shutil.copyfile(file, target / file.name)


def remove(path: Path) -> None:
    """Remove a file or folder; what cannot go now (open elsewhere, on Windows) is swept at the next start."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            return


def _sync(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    if os.name == "nt":  # a folder cannot be opened there, and needs no sync
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
