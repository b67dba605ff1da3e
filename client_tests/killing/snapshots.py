"""A snapshot with objects that is loaded over another one: all of it is there or nothing."""

from __future__ import annotations

import urllib.request
from http.client import HTTPException
from pathlib import Path

from lives import Dead, Life, call

from killing import Announce

MANY = 20  # lives, of which one at least must end in the middle of a load
KEYS = [f"{number:02}" for number in range(40)]


def fill(server: Life, name: str) -> None:
    """Have a dataset group and objects of a name, and nothing of another."""
    urllib.request.urlopen(urllib.request.Request(f"{server.url}/_fakepersonalize/reset", b"{}"), timeout=60).close()
    server.client("personalize").create_dataset_group(name=name)
    s3 = server.client("s3")
    s3.create_bucket(Bucket="films")
    for key in KEYS:
        s3.put_object(Bucket="films", Key=key, Body=name.encode() * 20_000)


def save(server: Life) -> bytes:
    with urllib.request.urlopen(f"{server.url}/_fakepersonalize/snapshot?objects=true", timeout=60) as answer:
        content: bytes = answer.read()
    return content


def load(server: Life, content: bytes) -> None:
    """Load a snapshot; raise Dead when no answer comes."""
    request = urllib.request.Request(f"{server.url}/_fakepersonalize/snapshot", content, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
    except (OSError, HTTPException) as problem:
        raise Dead from problem


def seen(server: Life) -> set[str]:
    """Return the names of which something is there."""
    groups = call(server.client("personalize").list_dataset_groups)["datasetGroups"]
    bodies = {
        call(lambda key=key: server.client("s3").get_object(Bucket="films", Key=key)["Body"].read()) for key in KEYS
    }
    return {group["name"] for group in groups} | {body.decode()[:3] for body in bodies}


class Loading:
    """Loads two snapshots by turns."""

    kinds = {"snapshot load": 0.5}

    def __init__(self, folder: Path) -> None:
        self._kept = folder / "data" / "loading.zip"  # of a load that is under way
        self._snapshots: dict[str, bytes] = {}
        self._there = self._loading = "new"
        self._uses = self._half = 0

    def prepare(self, server: Life) -> None:
        for name in ("old", "new"):
            fill(server, name)
            self._snapshots[name] = save(server)

    def use(self, server: Life, announce: Announce) -> None:
        self._uses += 1
        try:
            while True:
                self._loading = "old" if self._there == "new" else "new"
                announce("snapshot load")
                load(server, self._snapshots[self._loading])
                self._there = self._loading
        finally:
            self._half += self._kept.exists()

    def check(self, server: Life) -> None:
        found = seen(server)
        assert found in ({self._there}, {self._loading}), f"{found} after {self._loading} over {self._there}"
        (self._there,) = found
        self._loading = self._there
        assert not self._kept.exists()

    def finish(self, server: Life) -> None:
        assert self._half or self._uses < MANY, "no kill struck a load"
