"""A tenth of what the tools in `benchmarks/hardening/` do; times are not judged on a busy machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1] / "benchmarks" / "hardening"
PATIENCE_SECONDS = 600


def run(tool: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOLS / tool), *options]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=PATIENCE_SECONDS)


def test_no_wrong_request_is_answered_by_a_5xx_or_not_at_all() -> None:
    ended = run("fuzz.py", "--count", "10000", "--seed", "3")
    assert ended.returncode == 0, ended.stdout
    assert "Traceback" not in ended.stderr, ended.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_server_neither_grows_nor_keeps_files_open() -> None:
    ended = run("aging.py", "--cycles", "300", "--recommendations", "4000", "--remembered", "1000", "--no-times")
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_slow_clients_are_measured_beside_answers_of_a_campaign() -> None:
    ended = run("slow_clients.py", "--readers", "20", "--sleepers", "10", "--calls", "300")
    assert "p99 alone" in ended.stdout, ended.stdout + ended.stderr
