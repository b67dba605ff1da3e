"""Tests cannot leave this machine, and neither can the servers under test."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import loopback
import pytest

FOREIGN = ("192.0.2.1", 80)  # of a network that documents use


def test_foreign_hosts_are_refused_and_noted() -> None:
    with pytest.raises(ConnectionRefusedError, match=r"192\.0\.2\.1"):
        socket.create_connection(FOREIGN)
    with pytest.raises(ConnectionRefusedError, match=r"films\.example"):
        socket.getaddrinfo("films.example", 80)
    with socket.socket() as stream, pytest.raises(ConnectionRefusedError):
        stream.connect_ex(FOREIGN)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, pytest.raises(ConnectionRefusedError):
        datagrams.sendto(b"", FOREIGN)
    assert loopback.attempts == [
        "socket.getaddrinfo '192.0.2.1'",
        "socket.getaddrinfo 'films.example'",
        "socket.connect '192.0.2.1'",
        "socket.sendto '192.0.2.1'",
    ]
    loopback.attempts.clear()  # else this test would fail as any other


@pytest.mark.parametrize("host", [None, "", "localhost", "films.localhost", "127.0.0.1", "127.1.2.3", "::1", "0.0.0.0"])
def test_this_machine_may_be_reached(host: str | None) -> None:
    assert loopback.is_own(host)


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "169.254.169.254", "localhost.example", "s3.amazonaws.com", "fe80::1%eth0"]
)
def test_others_may_not(host: str) -> None:
    assert not loopback.is_own(host)


def test_servers_are_guarded_from_their_start(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    guarded = os.environ | {"PYTHONPATH": str(Path(loopback.__file__).parent), loopback.NOTES: str(notes)}
    code = f"import socket; socket.create_connection({FOREIGN})"
    ended = subprocess.run([sys.executable, "-c", code], env=guarded, capture_output=True, text=True)
    assert "ConnectionRefusedError: tests may not reach '192.0.2.1'" in ended.stderr
    assert notes.read_text("utf-8") == "socket.getaddrinfo '192.0.2.1'\n"
