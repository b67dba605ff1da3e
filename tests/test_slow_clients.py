"""Clients that do not read, and calls that a fault delays: nobody else waits, and they cost next to no memory.

FAKEPERSONALIZE_SLOW_CLIENTS sets how many of each there are (40 by default, more than the server has threads).
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest
from accounts import CONFIG, until

from fakepersonalize.frontdoor.waitress_server import THREADS
from fakepersonalize.server import Server, running
from fakepersonalize.settings import Settings

SLOW_CLIENTS = int(os.environ.get("FAKEPERSONALIZE_SLOW_CLIENTS", str(THREADS + 8)))
OBJECT = bytes(range(256)) * (24 * 2**20 // 256)
PATIENCE_SECONDS = 20.0
MOST_SECONDS = 2.0  # generous: what is held up here would wait for ever
MOST_MEGABYTES_EACH = 1.0


@pytest.fixture(params=["in memory", "in a folder"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    folder = str(tmp_path / "data") if request.param == "in a folder" else None
    with running(Settings(port=0, data_dir=folder)) as server:
        yield server


def client(server: Server, service: str) -> Any:
    keys = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "x"}
    return boto3.client(service, "us-east-1", endpoint_url=server.url, config=CONFIG, **keys)


@pytest.fixture
def s3(server: Server) -> Any:
    s3 = client(server, "s3")
    s3.create_bucket(Bucket="films", ACL="public-read")
    s3.put_object(Bucket="films", Key="large", Body=OBJECT, ACL="public-read")
    return s3


def resident_megabytes() -> float:
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError("VmRSS")


def ask(server: Server, *heads: str) -> socket.socket:
    """Send requests for the object, and read nothing of the answers."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**14)
    connection.settimeout(PATIENCE_SECONDS)
    connection.connect((server.host, server.port))
    for head in heads or ("",):
        connection.sendall(f"GET /films/large HTTP/1.1\r\nHost: localhost:{server.port}\r\n{head}\r\n".encode())
    return connection


def read(connection: socket.socket) -> tuple[bytes, bytes]:
    """Return head and body of an answer."""
    with connection.makefile("rb") as answer:
        head = b"".join(iter(answer.readline, b"\r\n"))
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        return head, answer.read(length)


def health(server: Server) -> Any:
    with urllib.request.urlopen(f"{server.url}/_fakepersonalize/health/ready", timeout=PATIENCE_SECONDS) as answer:
        return json.load(answer)


def assert_others_are_answered(server: Server) -> None:
    personalize, s3 = client(server, "personalize"), client(server, "s3")
    for call in (lambda: health(server), personalize.list_schemas, s3.list_buckets):
        begun = time.monotonic()
        call()
        assert time.monotonic() - begun < MOST_SECONDS


def test_others_are_answered_while_nobody_reads_and_everybody_gets_all_in_the_end(server: Server, s3: Any) -> None:
    with ExitStack() as opened:
        before = resident_megabytes() if sys.platform == "linux" else 0.0
        slow = [opened.enter_context(ask(server)) for _ in range(SLOW_CLIENTS)]
        for connection in slow:
            assert connection.recv(1, socket.MSG_PEEK)
        assert_others_are_answered(server)
        if sys.platform == "linux":
            assert resident_megabytes() - before < MOST_MEGABYTES_EACH * SLOW_CLIENTS + 30  # of boto3's clients
        for connection in slow[:3]:
            assert read(connection)[1] == OBJECT


def test_requests_sent_ahead_of_an_unread_answer_hold_no_thread(server: Server, s3: Any) -> None:
    with ExitStack() as opened:
        slow = [opened.enter_context(ask(server, "", "Range: bytes=5-9\r\n")) for _ in range(SLOW_CLIENTS)]
        for connection in slow:
            assert connection.recv(1, socket.MSG_PEEK)
        assert_others_are_answered(server)
        with slow[0].makefile("rb") as answers:
            for body in (OBJECT, OBJECT[5:10]):
                head = b"".join(iter(answers.readline, b"\r\n"))
                assert b"content-length: %d\r\n" % len(body) in head.lower()
                assert answers.read(len(body)) == body


def test_who_reads_an_object_gets_the_one_that_was_there_at_first(server: Server, s3: Any) -> None:
    with ask(server) as whole, ask(server, "Range: bytes=100-20000099\r\n") as part:
        assert whole.recv(1, socket.MSG_PEEK)
        assert part.recv(1, socket.MSG_PEEK)
        s3.put_object(Bucket="films", Key="large", Body=b"another one")
        s3.delete_object(Bucket="films", Key="large")
        assert read(whole)[1] == OBJECT
        head, body = read(part)
        assert head.startswith(b"HTTP/1.1 206")
        assert b"bytes 100-20000099/%d" % len(OBJECT) in head
        assert body == OBJECT[100:20_000_100]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_file_stays_open(server: Server, s3: Any) -> None:
    for connection in [ask(server), ask(server)]:
        assert read(connection)[1] == OBJECT
        connection.close()
    files = len(os.listdir("/proc/self/fd"))
    slow = [ask(server) for _ in range(10)]
    for connection in slow:
        assert connection.recv(1, socket.MSG_PEEK)
        connection.close()
    until(lambda: len(os.listdir("/proc/self/fd")) <= files)


def test_others_are_answered_while_calls_sleep(server: Server) -> None:
    server.emulator.fail(operation="ListSchemas", latency=PATIENCE_SECONDS / 4)
    lists: list[Any] = []
    sleeping = [
        threading.Thread(target=lambda: lists.append(client(server, "personalize").list_schemas()))
        for _ in range(SLOW_CLIENTS)
    ]
    for thread in sleeping:
        thread.start()
    until(lambda: server.emulator.faults()[0]["struck"] == SLOW_CLIENTS)
    begun = time.monotonic()
    health(server)
    client(server, "personalize").list_dataset_groups()
    assert time.monotonic() - begun < MOST_SECONDS
    assert not lists
    for thread in sleeping:
        thread.join(PATIENCE_SECONDS)
    assert len(lists) == SLOW_CLIENTS
    until(lambda: server_threads() <= THREADS)


def server_threads() -> int:
    return sum(thread.name.startswith("fakepersonalize-server") for thread in threading.enumerate())
