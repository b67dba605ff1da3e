"""Bytes that are no HTTP: the connection is closed at once, and one line of the log says why."""

import socket
import ssl
import time

import pytest
from waitress.adjustments import Adjustments

from fakepersonalize.frontdoor.waitress_server import Parser
from fakepersonalize.server import running
from fakepersonalize.settings import Settings

HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(190))
SPEAKERS = {
    "TLS": HELLO,
    "the first bytes of TLS": HELLO[:5],
    "lines that end in LF": b"GET /_fakepersonalize/health/live HTTP/1.1\nHost: localhost\n\n",
    "one line that ends in LF": b"GET / HTTP/1.1\r\nHost: localhost\nAccept: */*\r\n",
    "a word": b"hello\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "Redis": b"*1\r\n$4\r\nPING\r\n",
    "PostgreSQL": b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n",
    "a method without an end": b"A" * 100,
    "a NUL": b"GET /\x00",
    "a broken address": b"GET http://[::1/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a length of 5,000 digits": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "no header": b"GET / HTTP/1.1\r\nwords\r\n\r\n",
}


@pytest.fixture(scope="module")
def served():
    with running(Settings(port=0)) as server:
        yield server


@pytest.mark.parametrize("name", SPEAKERS)
def test_what_is_no_http_is_closed_at_once_with_one_line(served, name, caplog):
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
        connection.sendall(SPEAKERS[name])
        said = b"".join(iter(lambda: connection.recv(65536), b""))
    assert time.monotonic() - begun < 2
    assert said.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 ")), said
    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    assert record.exc_info is None


def test_a_client_of_tls_learns_it_at_once(served, caplog):
    context = ssl.create_default_context()
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection, pytest.raises(ssl.SSLError):
        context.wrap_socket(connection, server_hostname="localhost")
    assert [record.getMessage() for record in caplog.records] == [
        "Refused a request: The client speaks TLS, and this port takes plain HTTP: the URL must begin with http://."
    ]


@pytest.mark.parametrize("empty_lines", [b"", b"\r\n", b"\r\n\r\n"])
def test_a_request_may_come_byte_by_byte(served, empty_lines, caplog):
    request = b"GET /_fakepersonalize/health/live?a=%ff HTTP/1.1\r\nHost: localhost\r\nX-Long: a  b\r\n\r\n"
    parser = Parser(Adjustments())
    for byte in request:
        assert parser.received(bytes([byte])) == 1
    assert (parser.completed, parser.error, parser.query) == (True, None, "a=%ff")
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
        for byte in empty_lines + request:
            connection.sendall(bytes([byte]))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert not caplog.records


def test_a_connection_that_is_kept_is_closed_as_well(served):
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
        connection.sendall(b"GET /_fakepersonalize/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(HELLO)
        assert b"".join(iter(lambda: connection.recv(65536), b"")).startswith(b"HTTP/1.0 400 ")
