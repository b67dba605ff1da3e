"""From the command to the first answer: ours against moto's own server."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from pairs import compare


def run() -> None:
    compare(
        "from the command to the first health answer, against moto_server",
        lambda: _start(["-m", "fakepersonalize", "serve"], "--port", "/_fakepersonalize/health/live"),
        lambda: _start(["-c", "from moto.server import main; main()"], "-p", "/moto-api/data.json"),
        wanted=1.5,
    )


def _start(command: list[str], port_flag: str, path: str) -> float:
    port = _free_port()
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command, port_flag, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not _answers(f"http://127.0.0.1:{port}{path}"):
            time.sleep(0.005)
        return time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


if __name__ == "__main__":
    run()
