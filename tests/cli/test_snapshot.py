"""`snapshot` writes what a server holds, and puts it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from fakepersonalize.cli.main import main
from fakepersonalize.server import running
from fakepersonalize.settings import Settings

KEYS = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "x", "region_name": "us-east-1"}


def groups(url: str) -> list[str]:
    personalize: Any = boto3.client("personalize", endpoint_url=url, **KEYS)
    return [group["name"] for group in personalize.list_dataset_groups()["datasetGroups"]]


def test_a_server_is_saved_and_loaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "films.snapshot")
    with running(Settings(port=0)) as server:
        boto3.client("personalize", endpoint_url=server.url, **KEYS).create_dataset_group(name="films")
        assert main(["snapshot", "save", "--port", str(server.port), file]) == 0
    assert capsys.readouterr().out == f"{file}: 0.0 MiB\n"
    assert [path.name for path in tmp_path.iterdir()] == ["films.snapshot"]
    with running(Settings(port=0)) as server:
        (tmp_path / "port").write_text(str(server.port))
        assert main(["snapshot", "load", "--port-file", str(tmp_path / "port"), file]) == 0
        assert groups(server.url) == ["films"]
    assert capsys.readouterr().out == f"{file}: 1 resources\n"


def test_what_cannot_be_done_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "films").write_bytes(b"no snapshot")
    with running(Settings(port=0)) as server:
        port = str(server.port)
        assert main(["snapshot", "load", "--port", port, str(tmp_path / "films")]) == 1
        assert main(["snapshot", "load", "--port", port, str(tmp_path / "none")]) == 1
        assert main(["snapshot", "save", "--port", port, str(tmp_path / "none" / "films")]) == 1
        assert main(["snapshot", "save", "--port", port, str(tmp_path)]) == 1
    assert main(["snapshot", "save", "--port", "9", str(tmp_path / "new")]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 5
    assert "This is no snapshot of fakepersonalize" in said[0]
    assert "No server of fakepersonalize answers" in said[4]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["films"]
