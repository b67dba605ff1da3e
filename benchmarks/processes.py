"""Servers in processes of their own, and clients for them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 60
started: list[subprocess.Popen[bytes]] = []  # servers, the last one is the newest


@contextmanager
def server(*command: str, **environment: str) -> Iterator[str]:
    """Start a server that writes its port to `--port-file`; yield its URL; end it."""
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        process = subprocess.Popen(
            [sys.executable, *command, "--port-file", str(port_file)],
            env=os.environ | environment,
            stdout=subprocess.DEVNULL,
        )
        started.append(process)
        try:
            yield f"http://127.0.0.1:{_port(port_file, process)}"
        finally:
            process.terminate()
            process.wait()


def ours(**environment: str) -> Any:
    return server("-m", "fakepersonalize", "serve", "--port", "0", **environment)


def resident_megabytes() -> float:
    """Return the memory of the newest server (Linux only)."""
    status = Path(f"/proc/{started[-1].pid}/status").read_text("ascii", "replace")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def descriptors() -> int:
    """Return how many descriptors the newest server has open (Linux only)."""
    return len(os.listdir(f"/proc/{started[-1].pid}/fd"))


def client(service: str, url: str) -> Any:
    import boto3

    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="123456789012",
        aws_secret_access_key="benchmark",
    )


def wait(describe: Any, key: str, **arn: str) -> None:
    """Ask without a pause worth mentioning until a resource is ACTIVE."""
    while (found := describe(**arn)[key])["status"] != "ACTIVE":
        if found["status"].endswith("FAILED"):
            raise RuntimeError(found["failureReason"])
        time.sleep(0.005)


def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    end = time.perf_counter() + PATIENCE_SECONDS
    while not file.exists():
        if process.poll() is not None or time.perf_counter() > end:
            raise RuntimeError(f"{process.args!r} does not start")
        time.sleep(0.01)
    return int(file.read_text())
