"""The file of a snapshot: a zip archive whose manifest names every file in it, with its size and its SHA-256.

Files are stored as they are (segments and models are packed already), so that none can grow when it is read: an archive
with packed, encrypted, repeated, overlapping or oddly named files is refused before anything else is looked at.
Source of the format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from fakepersonalize.version import __version__

FORMAT, VERSION = "fakepersonalize-snapshot", 1
MANIFEST = "manifest.json"
NAME = re.compile(r"rows/[a-z]+\.jsonl|segments/\d+\.parquet|models/-?\d+/(?:manifest\.json|arrays\.npz)|objects/\d+")
BLOCK_BYTES = 1 << 20
MOST_FILES = 200_000
MOST_MANIFEST_BYTES = 64 * 2**20
MOST_LINE_BYTES = 2**20  # of a row
# An empty list or object takes about thirty times as much memory as its letters; rows have few of them.
FEW_BRACKETS, LETTERS_PER_BRACKET = 1000, 16
END, END_64_LOCATOR = b"PK\x05\x06", b"PK\x06\x07"
END_BYTES, LOCATOR_BYTES, END_64_BYTES = 22, 20, 56
MOST_ENTRY_BYTES = 46 + 64 + 28  # in the directory: the fixed part, our longest name, sizes of 64 bits
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # equal states make equal files

NO_SNAPSHOT = "This is no snapshot of fakepersonalize, or not the whole of one"
ANOTHER_VERSION = "The snapshot has version {found} of the format; this fakepersonalize reads version {known}"
ODD_FILE = "The snapshot has a file that may not be there, or not like that: {name}"
LONG_LINE = "The snapshot has a row that is too long: line {line} of {name}"
MANY_BRACKETS = "The snapshot has a row of too many lists and objects: line {line} of {name}"
DAMAGED = "The snapshot is damaged: {name} is not what the manifest says"


class Unusable(ValueError):
    """A snapshot that cannot be loaded; nothing has changed. Its text is a sentence without a full stop."""


class Writer:
    """Packs files one after the other; `finish` adds the manifest."""

    def __init__(self, target: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(target, "w", zipfile.ZIP_STORED)
        self._files: dict[str, dict[str, Any]] = {}

    def add(self, name: str, blocks: Iterable[bytes]) -> None:
        """Add a file of these blocks."""
        assert NAME.fullmatch(name), name
        digest, size = hashlib.sha256(), 0
        with self._zip.open(zipfile.ZipInfo(name, LONG_AGO), "w", force_zip64=True) as file:
            for block in blocks:
                file.write(block)
                digest.update(block)
                size += len(block)
        self._files[name] = {"size": size, "sha256": digest.hexdigest()}

    def add_rows(self, name: str, rows: Iterable[Any]) -> None:
        """Add rows as lines of JSON."""
        self.add(name, (json.dumps(row, sort_keys=True, allow_nan=False).encode() + b"\n" for row in rows))

    def abandon(self) -> None:
        """Leave the file as it is: it cannot be written to."""
        self._zip.fp = None

    def finish(self) -> None:
        manifest = {"format": FORMAT, "version": VERSION, "writtenBy": __version__, "files": self._files}
        self._zip.writestr(zipfile.ZipInfo(MANIFEST, LONG_AGO), json.dumps(manifest, indent=1, sort_keys=True))
        self._zip.close()


class Reader:
    """A snapshot whose files are all there and are what its manifest says; raises Unusable where they are not."""

    def __init__(self, source: BinaryIO) -> None:
        _require_short_directory(source)
        try:
            self._zip = zipfile.ZipFile(source)
            entries = self._zip.infolist()
            size = source.seek(0, 2)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, OverflowError):
            raise Unusable(NO_SNAPSHOT) from None
        _require_plain(entries, size)
        self.files: dict[str, dict[str, Any]] = self._manifest()["files"]
        named = {entry.filename: entry.file_size for entry in entries if entry.filename != MANIFEST}
        for name in named.keys() ^ self.files.keys():
            raise Unusable(DAMAGED.format(name=shown(name)))
        for name, file_size in named.items():
            self._require_intact(name, file_size)

    def blocks(self, name: str) -> Iterator[bytes]:
        """Yield a file in blocks."""
        try:
            with self._zip.open(name) as file:
                while block := file.read(BLOCK_BYTES):
                    yield block
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError):
            raise Unusable(DAMAGED.format(name=shown(name))) from None

    def rows(self, name: str) -> Iterator[tuple[int, Any]]:
        """Yield the rows of a file with the numbers of their lines."""
        try:
            with self._zip.open(name) as file:
                number = 0
                while line := file.readline(MOST_LINE_BYTES + 1):
                    number += 1
                    if len(line) > MOST_LINE_BYTES:
                        raise Unusable(LONG_LINE.format(line=number, name=shown(name)))
                    brackets = line.count(b"[") + line.count(b"{")
                    if brackets > FEW_BRACKETS + len(line) // LETTERS_PER_BRACKET:
                        raise Unusable(MANY_BRACKETS.format(line=number, name=shown(name)))
                    yield number, json.loads(line)
        except Unusable:
            raise
        except (KeyError, ValueError, RecursionError, zipfile.BadZipFile):
            raise Unusable(DAMAGED.format(name=shown(name))) from None

    def extract(self, name: str, target: Path) -> None:
        """Write a file to a place that the caller has chosen."""
        with open(target, "wb") as file:
            file.writelines(self.blocks(name))

    def _manifest(self) -> dict[str, Any]:
        try:
            info = self._zip.getinfo(MANIFEST)
            text = b"".join(self.blocks(MANIFEST)) if info.file_size <= MOST_MANIFEST_BYTES else b""
            files = len(self._zip.infolist())
            # Empty lists and objects take thirty times as much memory as letters: there is one object for each file.
            plain = b"[" not in text and text.count(b"{") <= files + 1 and text.count(b":") <= 3 * files + 4
            found = json.loads(text) if plain else None
        except (KeyError, ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or found.get("format") != FORMAT or not isinstance(found.get("files"), dict):
            raise Unusable(NO_SNAPSHOT)
        if found.get("version") != VERSION:
            raise Unusable(ANOTHER_VERSION.format(found=shown(found.get("version")), known=VERSION))
        return found

    def _require_intact(self, name: str, size: int) -> None:
        digest = hashlib.sha256()
        for block in self.blocks(name):
            digest.update(block)
        if self.files[name] != {"size": size, "sha256": digest.hexdigest()}:
            raise Unusable(DAMAGED.format(name=shown(name)))


def shown(value: Any) -> str:
    """Return a value that may be anything as a few printable letters."""
    return ascii(value)[:100]


def _require_short_directory(source: BinaryIO) -> None:
    """Raise Unusable where the directory at the end is longer than that of as many files as there may be.

    zipfile would read the whole directory first, and make an object of each entry. Snapshots have no comment behind it.
    """
    size = source.seek(0, 2)
    source.seek(max(0, size - END_BYTES - LOCATOR_BYTES - END_64_BYTES))
    tail = source.read()
    end = tail[-END_BYTES:]
    if len(end) < END_BYTES or not end.startswith(END) or end[-2:] != b"\0\0":
        raise Unusable(NO_SNAPSHOT)
    length = int.from_bytes(end[12:16], "little")
    if tail[-END_BYTES - LOCATOR_BYTES :].startswith(END_64_LOCATOR):
        length = int.from_bytes(tail[-END_BYTES - LOCATOR_BYTES - END_64_BYTES :][40:48], "little")
    if length > MOST_FILES * MOST_ENTRY_BYTES:
        raise Unusable(NO_SNAPSHOT)


def _require_plain(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Raise Unusable for files that are more than a name of ours and bytes that lie in the archive, each once."""
    if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > size:
        raise Unusable(NO_SNAPSHOT)
    seen: set[str] = set()
    for entry in entries:
        plain = entry.compress_type == zipfile.ZIP_STORED and not entry.flag_bits & 1
        if not plain or not _known(entry.filename) or entry.filename in seen or entry.file_size != entry.compress_size:
            raise Unusable(ODD_FILE.format(name=shown(entry.filename)))
        seen.add(entry.filename)


def _known(name: str) -> bool:
    return name == MANIFEST or (name.isascii() and NAME.fullmatch(name) is not None)
