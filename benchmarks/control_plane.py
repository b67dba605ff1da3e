"""ListSchemas and DescribeSchema under load: against moto_server, and against ourselves with 10,000 resources."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from load import milliseconds, request
from pairs import compare
from processes import PATIENCE_SECONDS, client, ours

FEW, MANY, THREADS = 100, 10_000, 8
ARN = "arn:aws:personalize:us-east-1:123456789012:schema/schema-0"
TARGET = "AmazonPersonalize.{operation}"
ASKED: dict[str, dict[str, Any]] = {"ListSchemas": {}, "DescribeSchema": {"schemaArn": ARN}}
SCHEMA = json.dumps(
    {
        "type": "record",
        "name": "Interactions",
        "namespace": "com.amazonaws.personalize.schema",
        "fields": [
            {"name": "USER_ID", "type": "string"},
            {"name": "ITEM_ID", "type": "string"},
            {"name": "TIMESTAMP", "type": "long"},
        ],
        "version": "1.0",
    }
)


def run() -> None:
    unlimited = {"FAKEPERSONALIZE_LIMITS": "off"}
    with moto() as rival, ours(**unlimited) as few, ours(**unlimited) as many:
        for url, amount in ((rival, FEW), (few, FEW), (many, MANY)):
            _create(url, amount)
        for operation in ASKED:
            _compare(f"{operation} of {FEW} schemas, against moto_server", operation, few, rival, 0.333)
            name = f"{operation} with {MANY:,} schemas present, against {FEW}, no answer known from before"
            _compare(name, operation, many, few, 1.5, fresh=True)


def _compare(name: str, operation: str, ours_: str, rival: str, wanted: float, fresh: bool = False) -> None:
    asked = request("/", ASKED[operation], TARGET.format(operation=operation), fresh)
    compare(name, lambda: milliseconds(ours_, asked), lambda: milliseconds(rival, asked), wanted, "ms")


def _create(url: str, amount: int) -> None:
    personalize = client("personalize", url)

    def create(number: int) -> None:
        personalize.create_schema(name=f"schema-{number}", schema=SCHEMA)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(create, range(amount)))
    assert len(personalize.list_schemas()["schemas"]) == FEW


@contextmanager
def moto() -> Iterator[str]:
    """Start moto_server; yield its URL; end it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    command = [sys.executable, "-c", "from moto.server import main; main()", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _await(f"{url}/moto-api/data.json")
        yield url
    finally:
        process.terminate()
        process.wait()


def _await(url: str) -> None:
    end = time.perf_counter() + PATIENCE_SECONDS
    while time.perf_counter() < end:
        with suppress(OSError), urllib.request.urlopen(url, timeout=30):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer")


if __name__ == "__main__":
    run()
