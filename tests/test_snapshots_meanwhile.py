"""A snapshot that is saved while objects change shows them as they were at one moment."""

from __future__ import annotations

import threading
from pathlib import Path

from killing.snapshots import KEYS, fill, load, save
from lives import Life


def test_a_snapshot_of_objects_that_change_is_of_one_moment(tmp_path: Path) -> None:
    server = Life(tmp_path, 0, "--step-seconds", "0.02", "--limits", "off")
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
