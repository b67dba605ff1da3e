"""Lives of a server: it is killed, and another one on the same data folder finds what it kept."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from accounts import CONFIG, PATIENCE_SECONDS, session
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, IncompleteReadError
from botocore.parsers import ResponseParserError

POLL_SECONDS = 0.003  # while it starts
HEALTH = "/_fakepersonalize/health/ready"


class Dead(Exception):
    """The server does not answer any more."""


class Life:
    """One life of a server on the folder `data` in a folder; without `listen`, call `listen` to wait for its start."""

    def __init__(self, folder: Path, number: int, *options: str, listen: bool = True) -> None:
        self.log, self._port_file = folder / f"{number}.log", folder / f"{number}.port"
        self._clients: dict[str, Any] = {}
        place = ["--data-dir", str(folder / "data"), "--port", "0", "--port-file", str(self._port_file)]
        with self.log.open("wb") as output:
            self._begun = time.perf_counter()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fakepersonalize", "serve", *place, *options],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.workers: list[int] = []
        if listen:
            try:
                self.listen()
            except Dead:
                raise AssertionError(self.log.read_text("utf-8")) from None

    def listen(self) -> None:
        """Wait for the first answer to a health request, `start_seconds` after the command, or raise Dead."""
        while not self._port_file.exists():
            if self.process.poll() is not None or time.perf_counter() - self._begun > PATIENCE_SECONDS:
                raise Dead
            time.sleep(POLL_SECONDS)
        self.url = f"http://127.0.0.1:{self._port_file.read_text('ascii').strip()}"
        try:
            urllib.request.urlopen(self.url + HEALTH, timeout=PATIENCE_SECONDS).close()
        except OSError as problem:
            raise Dead from problem
        self.start_seconds = time.perf_counter() - self._begun

    def client(self, service: str) -> Any:
        """Return a client without retries; threads that share one must have asked for it beforehand."""
        if service not in self._clients:
            keys = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "x"}
            made = session.client(service, "us-east-1", endpoint_url=self.url, config=CONFIG, **keys)
            self._clients[service] = made
        return self._clients[service]

    def kill(self) -> None:
        self.workers = children(self.process.pid)
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        for client in list(self._clients.values()):
            client.close()
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)


def call(function: Callable[..., Any], **request: Any) -> Any:
    """Call a server; raise Dead when it did not answer."""
    try:
        answer = function(**request)
    except (HTTPClientError, ConnectionError, ResponseParserError, IncompleteReadError) as problem:
        raise Dead from problem
    if _cut_off(answer):
        raise Dead
    return answer


def _cut_off(answer: Any) -> bool:
    """Say whether an answer ended behind its headers, which botocore takes for an empty one."""
    if not isinstance(answer, dict) or answer.keys() != {"ResponseMetadata"}:
        return False
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    return "json" in headers.get("content-type", "") and int(headers.get("content-length", 0)) > len("{}")


def code(function: Callable[..., Any], **request: Any) -> str | None:
    """Call a server; return the code of its refusal."""
    try:
        call(function, **request)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


def children(pid: int) -> list[int]:
    """Return the processes that a process started, where the system tells."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
