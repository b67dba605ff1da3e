from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import fakepersonalize

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run Python on the package that is being tested, installed or not, from a folder where nothing else is."""
    here = {"PYTHONPATH": str(Path(fakepersonalize.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"}

    def run(*arguments: str, cwd: Path = tmp_path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            cwd=cwd,
            env=os.environ | here | environment,
        )

    return run
