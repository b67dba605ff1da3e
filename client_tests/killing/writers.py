"""Clients that write without a pause, schemas and objects, so that every kill strikes near a write."""

from __future__ import annotations

import itertools
import threading
from contextlib import suppress
from pathlib import Path

import shops
from accounts import PATIENCE_SECONDS
from botocore.exceptions import ClientError
from lives import Dead, Life, call

from killing import Announce

OBJECTS = ("a", "../b", "folder/c", "d e", "\u00fc", "f", "g")
NOTHING = {"NoSuchKey", "NoSuchBucket"}


class Schemas:
    """Creates schemas and deletes two of three."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._there: set[str] = set()
        self._unclear: set[str] = set()

    def write(self, server: Life, announce: Announce) -> None:
        """Write until the server is dead."""
        personalize = server.client("personalize")
        for number in self._numbers:
            name = f"scribble{number}"
            self._unclear = {name}
            announce("")
            arn = call(personalize.create_schema, name=name, schema=shops.INTERACTIONS)["schemaArn"]
            self._there.add(name)
            if number % 3:
                call(personalize.delete_schema, schemaArn=arn)
                self._there.discard(name)
            self._unclear = set()

    def check(self, server: Life) -> None:
        personalize = server.client("personalize")
        pages = personalize.get_paginator("list_schemas")
        listed = [schema["name"] for page in call(lambda: list(pages.paginate())) for schema in page["schemas"]]
        found = {name for name in listed if name.startswith("scribble")}
        assert found - self._unclear == self._there - self._unclear
        for name in found & self._unclear:
            arn = f"arn:aws:personalize:us-east-1:123456789012:schema/{name}"
            assert call(personalize.describe_schema, schemaArn=arn)["schema"]["schema"] == shops.INTERACTIONS
        self._there, self._unclear = found, set()


class Objects:
    """Puts, replaces and deletes objects; reads all of them again in the next life."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._there: dict[str, bytes] = {}
        self._unclear: tuple[str, bytes | None] | None = None

    def write(self, server: Life, announce: Announce) -> None:
        """Write until the server is dead."""
        s3 = server.client("s3")
        announce("objects")
        call(s3.create_bucket, Bucket="library")
        for number in self._numbers:
            key, body = OBJECTS[number % len(OBJECTS)], f"{number} ".encode() * 5000
            self._unclear = (key, None if number % 4 == 0 else body)
            announce("objects")
            if number % 4:
                call(s3.put_object, Bucket="library", Key=key, Body=body)
                self._there[key] = body
            else:
                call(s3.delete_object, Bucket="library", Key=key)
                self._there.pop(key, None)
            self._unclear = None

    def check(self, server: Life) -> None:
        found = {key: self._read(server, key) for key in OBJECTS}
        expected = {key: self._there.get(key) for key in OBJECTS}
        if self._unclear and found[self._unclear[0]] == self._unclear[1]:
            expected[self._unclear[0]] = self._unclear[1]
        differing = {key: (found[key] or b"")[:20] for key in OBJECTS if found[key] != expected[key]}
        assert not differing, f"{differing} instead of {[(expected[key] or b'')[:20] for key in differing]}"
        self._there = {key: body for key, body in found.items() if body is not None}
        self._unclear = None

    def _read(self, server: Life, key: str) -> bytes | None:
        try:
            body: bytes = call(lambda: server.client("s3").get_object(Bucket="library", Key=key)["Body"].read())
        except ClientError as refusal:
            if refusal.response["Error"]["Code"] not in NOTHING:
                raise
            return None
        return body


class Writers:
    """Both at once."""

    kinds = {"objects": 0.5}

    def __init__(self, folder: Path) -> None:
        self._all = (Schemas(), Objects())

    def prepare(self, server: Life) -> None:
        pass

    def use(self, server: Life, announce: Announce) -> None:
        threads = self.begin(server, lambda kind: announce(kind) if kind else None)
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        raise Dead

    def begin(self, server: Life, announce: Announce) -> list[threading.Thread]:
        """Begin to write, until the server is dead."""
        for service in ("personalize", "s3"):
            server.client(service)
        threads = [threading.Thread(target=_until_dead, args=(each, server, announce)) for each in self._all]
        for thread in threads:
            thread.start()
        return threads

    def check(self, server: Life) -> None:
        for each in self._all:
            each.check(server)

    def finish(self, server: Life) -> None:
        pass


def _until_dead(writer: Schemas | Objects, server: Life, announce: Announce) -> None:
    with suppress(Dead):
        writer.write(server, announce)
