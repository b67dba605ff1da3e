"""What belongs to S3 and IAM and survives a restart: rows in an SQLite file of their own, bodies of objects in files.

Why this and not a log of requests: a log grows for ever and replays what was deleted long ago; here a start reads one
row for each object that is there, and no body. A body is a file that is named by a number, so that no key of a client
becomes a path; it is on the disk before the row that names it, and leaves after that row.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fakepersonalize.storage import files
from fakepersonalize.storage.metadata import OBJECTS, Database, Row

CLEARING = ("clear_buckets", "clear_settings", "clear_versions", "clear_identities")
USER = "user"  # the kind of the identities that have access keys


class Version(NamedTuple):
    """A version of an object: the number of its body (None for a delete marker), and JSON of what is known of it."""

    body: int | None
    facts: str


class Setting(NamedTuple):
    """The request that last set something about a bucket; `name` is the query, such as `policy`, `headers` JSON."""

    name: str
    headers: str
    body: bytes


class Identity(NamedTuple):
    """A role, user, group or policy: whose it is, and JSON of all that is known of it."""

    account: str
    partition: str
    kind: str
    name: str
    facts: str


class ObjectStore:
    """Buckets, objects, roles, users, groups and policies. What a method keeps is on the disk when it returns."""

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / "objects.db", durable=True, of=OBJECTS)
        self._folder = folder / "objects"
        self._folder.mkdir(exist_ok=True)
        self._numbers = itertools.count(self._sweep() + 1)

    def write(self, blocks: Iterable[bytes]) -> int:
        """Write a body and return its number; nothing is left of one that cannot be written."""
        number = next(self._numbers)
        draft = self._folder / f"{number}.part"
        try:
            with open(draft, "wb") as file:
                for block in blocks:
                    file.write(block)
            files.move(draft, self.path(number))
        except BaseException:
            files.remove(draft)
            raise
        return number

    def path(self, body: int) -> Path:
        return self._folder / str(body)

    def discard(self, bodies: Iterable[int]) -> None:
        """Remove bodies that no row names."""
        for body in bodies:
            files.remove(self.path(body))

    def keep(self, bucket: str, objects: Mapping[str, Sequence[Version]]) -> None:
        """Put these versions in place of all that objects of a bucket had, oldest first; none means it is gone."""
        replaced: set[int] = set()
        with self._database.transaction():
            for key, versions in objects.items():
                named = {"bucket": bucket, "key": _encoded(key)}
                replaced |= _bodies(self._database.rows("versions", **named))
                self._database.run("drop_versions", **named)
                for position, version in enumerate(versions):
                    self._database.run("keep_version", **named, position=position, **version._asdict())
        self.discard(replaced - {version.body for versions in objects.values() for version in versions})

    def versions(self, bucket: str, key: str) -> list[Version]:
        """Return the versions of an object, oldest first."""
        rows = self._database.rows("versions", bucket=bucket, key=_encoded(key))
        return [Version(row["body"], row["facts"]) for row in rows]

    def objects(self, bucket: str) -> Iterator[tuple[str, list[Version]]]:
        """Yield the keys of a bucket and their versions, oldest first."""
        rows = self._database.rows("versions_in", bucket=bucket)
        for key, group in itertools.groupby(rows, key=lambda row: bytes(row["key"])):
            yield key.decode("utf-8", "surrogatepass"), [Version(row["body"], row["facts"]) for row in group]

    def keep_bucket(self, name: str, account: str, partition: str, facts: str) -> None:
        with self._database.transaction():
            self._database.run("keep_bucket", name=name, account=account, partition=partition, facts=facts)

    def drop_bucket(self, name: str) -> None:
        """Forget a bucket and all that is in it."""
        bodies = _bodies(self._database.rows("versions_in", bucket=name))
        with self._database.transaction():
            for statement in ("drop_bucket", "drop_settings", "drop_versions_in"):
                self._database.run(statement, bucket=name)
        self.discard(bodies)

    def buckets(self) -> list[Row]:
        """Return name, account, partition and facts of each bucket."""
        return self._database.rows("buckets")

    def keep_setting(self, bucket: str, setting: Setting) -> None:
        with self._database.transaction():
            self._database.run("keep_setting", bucket=bucket, **setting._asdict())

    def drop_setting(self, bucket: str, name: str) -> None:
        with self._database.transaction():
            self._database.run("drop_setting", bucket=bucket, name=name)

    def settings(self, bucket: str | None = None) -> list[tuple[str, Setting]]:
        """Return the settings of a bucket, or of all, each with its bucket, in the order they were made."""
        of = {} if bucket is None else {"bucket": bucket}
        rows = self._database.rows("settings_of" if of else "settings", **of)
        return [(row["bucket"], Setting(row["name"], row["headers"], row["body"])) for row in rows]

    def keep_identities(self, kept: Iterable[Identity], gone: Iterable[Identity]) -> None:
        """Keep identities, and forget others."""
        with self._database.transaction():
            for identity in gone:
                named = {name: value for name, value in identity._asdict().items() if name != "facts"}
                self._database.run("drop_identity", **named)
            for identity in kept:
                self._database.run("keep_identity", **identity._asdict())

    def identities(self) -> list[Identity]:
        """Return all roles, users, groups and policies."""
        return [Identity(*row) for row in self._database.rows("identities")]

    def clear(self) -> None:
        """Forget everything."""
        with self._database.transaction():
            for statement in CLEARING:
                self._database.run(statement)
        self._sweep()

    def close(self) -> None:
        self._database.close()

    def _sweep(self) -> int:
        """Remove the files that no row names; return the highest number that one does."""
        named = _bodies(self._database.rows("bodies"))
        for file in self._folder.iterdir():
            if not (file.name.isdecimal() and int(file.name) in named):
                files.remove(file)
        return max(named, default=0)


def _encoded(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")


def _bodies(rows: Iterable[Row]) -> set[int]:
    return {row["body"] for row in rows if row["body"] is not None}
