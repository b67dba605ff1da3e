"""Clients that read nothing of a large object and calls that a fault delays: how long do others wait meanwhile?

    python benchmarks/hardening/slow_clients.py --readers 200 --sleepers 100

A client with one connection asks a campaign for recommendations, first alone and then beside the slow ones, with health
checks in between. Exits with 1 when a hundredth of its calls takes longer than 50 ms, or a reader costs more than 1 MB.
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import processes
from aging import OPTIONS, Aged

OBJECT_BYTES = 24 * 2**20
CALLS = 3000
HEALTH_EVERY = 20  # calls
P99_SECONDS = 0.05
MEGABYTES_EACH = 1.0
SIGNED = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/personalize/aws4_request, Signature=0"
HEADERS = {"Authorization": SIGNED, "Content-Type": "application/json"}
HEALTH = "/_fakepersonalize/health/ready"


def ask(port: int, latency: float = 0.0) -> socket.socket:
    """Send a request of which nothing is read: for the object or, with a latency, for what the fault delays."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**14)
    connection.connect(("127.0.0.1", port))
    if latency:
        head = (
            f"Authorization: {SIGNED}\r\nX-Amz-Target: AmazonPersonalize.ListSchemas\r\nContent-Length: 2\r\n\r\n{{}}"
        )
        connection.sendall(f"POST / HTTP/1.1\r\nHost: localhost\r\n{head}".encode())
    else:
        connection.sendall(b"GET /films/large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.recv(1, socket.MSG_PEEK)
    return connection


def p99(port: int, campaign: str, calls: int) -> tuple[float, float]:
    """Return in seconds what a hundredth of recommendations of one client exceeds, and the longest health check."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    found: dict[bool, list[float]] = {True: [], False: []}
    for number in range(calls):
        health = number % HEALTH_EVERY == 0
        begun = time.perf_counter()
        if health:
            connection.request("GET", HEALTH)
        else:
            asked = {"campaignArn": campaign, "userId": f"u{number % 50}"}
            connection.request("POST", "/recommendations", json.dumps(asked), HEADERS)
        answer = connection.getresponse()
        body = answer.read()
        found[health].append(time.perf_counter() - begun)
        if answer.status != 200 or not (health or json.loads(body)["itemList"]):
            raise RuntimeError(f"{answer.status}: {body[:300]!r}")
    connection.close()
    return sorted(found[False])[int(len(found[False]) * 0.99)], max(found[True])


@contextmanager
def slow_ones(url: str, port: int, readers: int, sleepers: int, seconds: float) -> Iterator[None]:
    """Have so many readers and sleepers while the context is open; no sleeper wakes before `seconds`."""
    rule = json.dumps({"operation": "ListSchemas", "latency": seconds}).encode()
    urllib.request.urlopen(
        urllib.request.Request(f"{url}/_fakepersonalize/faults", rule, {"Content-Type": "application/json"})
    )
    with ExitStack() as opened:
        for _ in range(readers):
            opened.enter_context(ask(port))
        for _ in range(sleepers):
            opened.enter_context(ask(port, seconds))
        time.sleep(1)
        yield


def measure(readers: int, sleepers: int, calls: int) -> bool:
    """Measure and print; return whether the limits hold."""
    with processes.ours(**OPTIONS) as url:
        campaign = Aged(url).campaign
        port = int(url.rpartition(":")[2])
        s3 = processes.client("s3", url)
        s3.create_bucket(Bucket="films", ACL="public-read")
        s3.put_object(Bucket="films", Key="large", Body=bytes(OBJECT_BYTES), ACL="public-read")
        p99(port, campaign, 200)
        ask(port).close()
        alone, _ = p99(port, campaign, calls)
        before = processes.resident_megabytes()
        with slow_ones(url, port, readers, sleepers, 60.0):
            each = (processes.resident_megabytes() - before) / max(1, readers)
            beside, health = p99(port, campaign, calls)
    print(f"p99 alone {alone * 1000:.1f} ms, beside {readers} readers and {sleepers} sleepers {beside * 1000:.1f} ms")
    print(f"longest health check {health * 1000:.1f} ms, memory {each:.2f} MB a reader")
    return beside <= P99_SECONDS and each <= MEGABYTES_EACH


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--readers", type=int, default=200)
    options.add_argument("--sleepers", type=int, default=100)
    options.add_argument("--calls", type=int, default=CALLS)
    given = options.parse_args()
    return 0 if measure(given.readers, given.sleepers, given.calls) else 1


if __name__ == "__main__":
    raise SystemExit(main())
