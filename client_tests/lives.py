"""Lives of a server: it is killed, and another one on the same data folder finds what it kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
from accounts import CONFIG, PATIENCE_SECONDS, until


class Life:
    """One life of a server on the folder `data` in a folder."""

    def __init__(self, folder: Path, number: int, *options: str) -> None:
        port_file, log = folder / f"{number}.port", folder / f"{number}.log"
        place = ["--data-dir", str(folder / "data"), "--port", "0", "--port-file", str(port_file)]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fakepersonalize", "serve", *place, *options],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        until(lambda: port_file.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, log.read_text("utf-8")
        self.url = f"http://127.0.0.1:{port_file.read_text('ascii').strip()}"

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "x"}
        return boto3.client(service, "us-east-1", endpoint_url=self.url, config=CONFIG, **keys)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)
