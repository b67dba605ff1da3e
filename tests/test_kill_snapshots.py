"""A real server is killed while it loads a snapshot with objects, and then has all of it or nothing.

FAKEPERSONALIZE_SNAPSHOT_KILLS sets how often (3 by default).
"""

from __future__ import annotations

import os
import random
import threading
import urllib.error
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

from lives import Life

KILLS = int(os.environ.get("FAKEPERSONALIZE_SNAPSHOT_KILLS", "3"))
KEYS = [f"{number:02}" for number in range(40)]


def life(folder: Path, number: int) -> Life:
    return Life(folder, number, "--step-seconds", "0.02", "--limits", "off")


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
    request = urllib.request.Request(f"{server.url}/_fakepersonalize/snapshot", content, method="POST")
    with suppress(OSError, HTTPException), urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()


def seen(server: Life) -> set[str]:
    """Return the names of which something is there."""
    groups = server.client("personalize").list_dataset_groups()["datasetGroups"]
    s3 = server.client("s3")
    bodies = {s3.get_object(Bucket="films", Key=key)["Body"].read() for key in KEYS}
    return {group["name"] for group in groups} | {body.decode()[:3] for body in bodies}


def test_a_server_that_is_killed_while_it_loads_has_all_or_nothing(tmp_path: Path) -> None:
    server, number, randomness = life(tmp_path, 0), 0, random.Random(7)
    try:
        snapshots = {}
        for name in ("old", "new"):
            fill(server, name)
            snapshots[name] = save(server)
        there, half = "new", 0
        for number in range(1, KILLS + 1):
            other = "old" if there == "new" else "new"
            loading = threading.Thread(target=load, args=(server, snapshots[other]))
            loading.start()
            loading.join(randomness.uniform(0.05, 0.5))
            server.kill()
            loading.join(60)
            half += (tmp_path / "data" / "loading.zip").exists()
            server = life(tmp_path, number)
            found = seen(server)
            assert found in ({there}, {other}), (number, found)
            (there,) = found
            assert not (tmp_path / "data" / "loading.zip").exists()
        assert half
    finally:
        server.kill()
    for log in tmp_path.glob("*.log"):
        assert "Traceback" not in log.read_text("utf-8"), log.read_text("utf-8")


def test_a_snapshot_of_objects_that_change_is_of_one_moment(tmp_path: Path) -> None:
    server = life(tmp_path, 0)
    try:
        fill(server, "old")
        over = threading.Event()

        def change() -> None:
            """Put a number into the first object, then into the second, then delete and put others."""
            s3 = server.client("s3")
            number = 0
            while not over.is_set():
                number += 1
                for key in KEYS[:2]:
                    s3.put_object(Bucket="films", Key=key, Body=f"{number:06}".encode())
                s3.delete_object(Bucket="films", Key=KEYS[2 + number % 30])
                s3.put_object(Bucket="films", Key=KEYS[2 + (number + 15) % 30], Body=b"x")

        for key in KEYS[:2]:
            server.client("s3").put_object(Bucket="films", Key=key, Body=b"000000")
        changing = threading.Thread(target=change)
        changing.start()
        snapshots = [save(server) for _ in range(6)]
        over.set()
        changing.join(60)
        differences = []
        for snapshot in snapshots:
            load(server, snapshot)
            s3 = server.client("s3")
            first, second = (int(s3.get_object(Bucket="films", Key=key)["Body"].read()[:6]) for key in KEYS[:2])
            differences.append(first - second)
        assert set(differences) <= {0, 1}
    finally:
        server.kill()
    assert "Traceback" not in (tmp_path / "0.log").read_text("utf-8")
