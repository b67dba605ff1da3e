"""Buckets and objects between moto's memory and the disk: written down when they changed, brought back at a start.

Like `neighbour_app`, which loads this module when it needs it, it knows moto from inside (hence the upper bound on
moto's version). A kept object's body is not in memory: moto gets a buffer that reads the file.
"""

from __future__ import annotations

import io
import json
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from moto.s3.models import (
    FakeAcl,
    FakeBucket,
    FakeDeleteMarker,
    FakeGrant,
    FakeGrantee,
    FakeKey,
    get_canned_acl,
    s3_backends,
)
from moto.s3.utils import _VersionedKeyStore

from fakepersonalize.storage.objects import ObjectStore, Setting, Version

log = logging.getLogger(__name__)
BLOCK_BYTES = 1 << 20

# What can be set about a bucket by PUT /bucket?name, as far as moto knows it; it comes back by being set again.
SETTINGS = (
    *("object-lock", "versioning", "lifecycle", "policy", "acl", "tagging", "website", "cors", "logging"),
    *("notification", "accelerate", "publicAccessBlock", "encryption", "replication", "ownershipControls"),
)
OF_BUCKETS = ("region_name", "bucket_namespace", "creation_date", "object_lock_enabled", "versioning_status")
OF_OBJECTS = (
    *("account_id", "region_name", "contentsize", "last_modified", "_etag", "_version_id", "_is_versioned"),
    *("_storage_class", "_expiry", "website_redirect_location", "encryption", "kms_key_id", "bucket_key_enabled"),
    *("lock_mode", "lock_legal_status", "lock_until"),
    *("checksum_algorithm", "checksum_value", "checksum_type", "checksum_parts"),
)
OF_MARKERS = ("last_modified", "_version_id")
TIME = "time"  # JSON has none: {"time": "2026-01-31T12:00:00"}


class StoredBody:
    """The body of an object where moto has a buffer in memory: a file, opened only while it is read."""

    def __init__(self, store: ObjectStore, number: int) -> None:
        self.store, self.number = store, number
        self._position = 0
        self._closed = False

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        assert whence == io.SEEK_SET
        self._position = position
        return position

    def read(self, size: int = -1) -> bytes:
        """Read on from where the last one ended; ValueError, as for any closed file, when the object is gone."""
        if self._closed:
            raise ValueError("the object is gone")
        try:
            with open(self.store.path(self.number), "rb") as file:
                file.seek(self._position)
                found = file.read(size)
        except FileNotFoundError:
            raise ValueError("the object is gone") from None
        self._position += len(found)
        return found

    def open(self) -> IO[bytes]:
        """Open the file; what reads it may go on when the object is gone."""
        return open(self.store.path(self.number), "rb", buffering=0)

    def close(self) -> None:
        self._closed = True


class Keys(_VersionedKeyStore):  # type: ignore[misc,unused-ignore]
    """The objects of a bucket, with a note of those that each thread touched."""

    def __init__(self) -> None:
        super().__init__()
        self._touched: defaultdict[int, set[str]] = defaultdict(set)

    def touched(self) -> set[str]:
        """Return the keys that this thread touched since it asked last."""
        return self._touched.pop(threading.get_ident(), set())

    def _touch(self, key: str) -> None:
        self._touched[threading.get_ident()].add(key)

    def setlist(self, key: Any, list_: Any) -> Any:
        self._touch(key)
        return super().setlist(key, list_)

    def __setitem__(self, key: str, value: Any) -> Any:
        self._touch(key)
        return super().__setitem__(key, value)

    def pop(self, key: str) -> None:  # type: ignore[override,unused-ignore]
        self._touch(key)
        super().pop(key)


class KeptObjects:
    """Keeps the buckets of all accounts; `send` makes or removes a bucket's setting as a client's request would."""

    def __init__(self, store: ObjectStore, send: Callable[[str, str, str, str, Setting], int]) -> None:
        self._store, self._send = store, send
        self._known: set[str] = set()

    def restore(self) -> None:
        """Bring back all that was kept; what cannot be read is reported in the log and left on the disk."""
        for row in self._store.buckets():
            try:
                self._restore_bucket(row["name"], row["account"], row["partition"], json.loads(row["facts"]))
            except Exception:
                log.exception("the bucket %s cannot be restored", row["name"])
        for bucket, setting in self._store.settings():
            self._set(bucket, setting)
        for bucket in sorted(self._known):
            for key, versions in self._store.objects(bucket):
                self._restore_object(bucket, key, versions)

    def knows(self, name: str) -> bool:
        """Say whether a bucket is kept."""
        return name in self._known

    def keep(self, name: str, key: str) -> None:
        """Keep what a request did to a bucket: to the object that it named, and to all others that it touched."""
        bucket = _find(name)
        if bucket is None:
            if name in self._known:
                self._store.drop_bucket(name)
                self._known.discard(name)
            return
        if name not in self._known:
            self._keep_bucket(bucket)
        touched = bucket.keys.touched() | ({key} if key else set())
        if touched:
            self._keep_objects(bucket, touched)

    def keep_setting(self, bucket: str, setting: Setting) -> None:
        """Keep a setting of a bucket; undo it when that fails."""
        self._write_setting(bucket, setting.name, lambda: self._store.keep_setting(bucket, setting))

    def drop_setting(self, bucket: str, name: str) -> None:
        """Forget a setting of a bucket; undo that when it fails."""
        self._write_setting(bucket, name, lambda: self._store.drop_setting(bucket, name))

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()
        self._store.clear()

    def _keep_bucket(self, bucket: Any) -> None:
        """Keep a bucket that is new to us, with what is in it already; it was never there when that fails."""
        keys = Keys()
        for key, versions in bucket.keys.lists():
            keys.setlist(key, versions)
        facts = json.dumps(
            _facts(bucket, OF_BUCKETS) | {"acl": _grants(bucket.acl), "ownership": bucket.ownership_rule}
        )
        try:
            self._store.drop_bucket(bucket.name)  # rows of one that could not be restored
            self._store.keep_bucket(bucket.name, bucket.account_id, bucket.partition, facts)
        except BaseException:
            _forget(bucket)
            raise
        bucket.keys = keys
        self._known.add(bucket.name)

    def _keep_objects(self, bucket: Any, keys: Iterable[str]) -> None:
        written: list[int] = []
        try:
            objects = {key: list(self._versions(bucket, key, written)) for key in keys}
            self._store.keep(bucket.name, objects)
        except BaseException:
            self._store.discard(written)
            for key in keys:
                self._restore_object(bucket.name, key, self._store.versions(bucket.name, key))
            raise

    def _versions(self, bucket: Any, key: str, written: list[int]) -> Iterator[Version]:
        """Yield what to keep of an object; bodies that are not kept yet are written, and their numbers noted."""
        for version in bucket.keys.getlist(key, []):
            if isinstance(version, FakeDeleteMarker):
                yield Version(None, json.dumps(_facts(version, OF_MARKERS)))
                continue
            etag = version.etag  # computed now, from the buffer, where it was not before
            assert etag
            if not self._has(version):
                number = self._store.write(_blocks(version))
                written.append(number)
                self._hand_over(version, number)
            yield Version(version._value_buffer.number, json.dumps(_object_facts(version)))

    def _has(self, version: Any) -> bool:
        buffer = version._value_buffer
        return isinstance(buffer, StoredBody) and buffer.store is self._store

    def _hand_over(self, version: Any, number: int) -> None:
        """Let go of the copy in memory."""
        with version.lock:
            buffer, version._value_buffer = version._value_buffer, StoredBody(self._store, number)
            buffer.close()

    def _restore_bucket(self, name: str, account: str, partition: str, facts: dict[str, Any]) -> None:
        there = _find(name)
        if there is not None:
            _forget(there)
        new: Callable[..., Any] = FakeBucket
        bucket = new(name, account, facts["region_name"], facts["bucket_namespace"])
        _set_facts(bucket, facts, OF_BUCKETS)
        bucket.acl, bucket.ownership_rule = _acl(facts["acl"]), facts["ownership"]
        bucket.keys = Keys()
        s3_backends[account][partition].buckets[name] = bucket
        self._known.add(name)

    def _restore_object(self, name: str, key: str, versions: Iterable[Version]) -> None:
        bucket = _find(name)
        if bucket is None:
            return
        restored: list[Any] = []
        for version in versions:
            try:
                restored.append(self._restored(bucket, key, version, restored))
            except Exception as problem:
                log.error("the object %r of the bucket %s cannot be restored: %r", key, name, problem)
        if restored:
            bucket.keys.setlist(key, restored)
        elif key in bucket.keys:
            bucket.keys.pop(key)
        bucket.keys.touched()

    def _restored(self, bucket: Any, key: str, version: Version, before: list[Any]) -> Any:
        facts = json.loads(version.facts)
        if version.body is None:
            marker = FakeDeleteMarker(
                before[-1] if before else FakeKey(key, b"", bucket.account_id, bucket.region_name)
            )
            _set_facts(marker, facts, OF_MARKERS)
            return marker
        _require_size(self._store.path(version.body), facts["contentsize"])
        found = FakeKey(key, b"", facts["account_id"], facts["region_name"], bucket_name=bucket.name)
        self._hand_over(found, version.body)
        _set_facts(found, facts, OF_OBJECTS)
        found.set_metadata(facts["metadata"], replace=False)
        if facts["acl"] != _PRIVATE:  # which it has already
            found.acl = _acl(facts["acl"])
        if facts["tags"]:
            tagger = s3_backends[found.account_id][found.partition].tagger
            tagger.tag_resource(found.arn, [{"Key": name, "Value": value} for name, value in facts["tags"].items()])
        return found

    def _write_setting(self, bucket: str, name: str, write: Callable[[], None]) -> None:
        try:
            write()
        except BaseException:
            kept = [setting for _, setting in self._store.settings(bucket) if setting.name == name]
            if kept:
                self._set(bucket, kept[0])
            else:
                self._set(bucket, Setting(name, "{}", b""), "DELETE")
            raise

    def _set(self, name: str, setting: Setting, method: str = "PUT") -> None:
        bucket = _find(name)
        if bucket is None:
            return
        status = self._send(method, bucket.account_id, bucket.region_name, name, setting)
        if status >= 300:
            log.error("the setting %s of the bucket %s cannot be restored: S3 answers %d", setting.name, name, status)


def _find(name: str) -> Any:
    owner = s3_backends.bucket_accounts.get(name)
    return s3_backends[owner[1]][owner[0]].buckets.get(name) if owner else None


def _forget(bucket: Any) -> None:
    """Take a bucket out of moto's memory with all that is in it."""
    for _, versions in bucket.keys.lists():
        for version in versions:
            getattr(version, "dispose", lambda: None)()
    s3_backends.bucket_accounts.pop(bucket.name, None)
    s3_backends[bucket.account_id][bucket.partition].buckets.pop(bucket.name, None)


def _blocks(version: Any) -> Iterator[bytes]:
    with version.lock:
        version._value_buffer.seek(0)
        while block := version._value_buffer.read(BLOCK_BYTES):
            yield block


def _require_size(body: Path, size: int) -> None:
    found = body.stat().st_size
    if found != size:
        raise ValueError(f"its body has {found} bytes, not {size}")


def _object_facts(version: Any) -> dict[str, Any]:
    tags = s3_backends[version.account_id][version.partition].tagger.get_tag_dict_for_resource(version.arn)
    return _facts(version, OF_OBJECTS) | {
        "metadata": dict(version.metadata),
        "acl": _grants(version.acl),
        "tags": tags,
    }


def _facts(thing: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: _plain(getattr(thing, name)) for name in names}


def _set_facts(thing: Any, facts: Mapping[str, Any], names: Iterable[str]) -> None:
    for name in names:
        value = facts[name]
        setattr(thing, name, datetime.fromisoformat(value[TIME]) if isinstance(value, dict) else value)


def _plain(value: Any) -> Any:
    return {TIME: value.isoformat()} if isinstance(value, datetime) else value


def _grants(acl: Any) -> list[Any] | None:
    if acl is None:
        return None
    return [[[[who.id, who.uri, who.display_name] for who in g.grantees], list(g.permissions)] for g in acl.grants]


_PRIVATE = _grants(get_canned_acl("private"))


def _acl(grants: list[Any] | None) -> Any:
    if grants is None:
        return None
    return FakeAcl([FakeGrant([FakeGrantee(*who) for who in grantees], may) for grantees, may in grants])
