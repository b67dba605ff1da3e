"""The threads that answer: one leads, slow requests are left to theirs."""

import logging
import socket
import threading
import time
from contextlib import closing

import pytest

from fakepersonalize.frontdoor import crew as crew_module
from fakepersonalize.frontdoor.waitress_server import THREADS, WebServer

PATIENCE = 10


class Shop:
    """An application with requests that last until they may end; it notes which threads answer."""

    def __init__(self):
        self.web = None
        self.begun, self.may_end = threading.Semaphore(0), threading.Event()
        self.threads = []

    def __call__(self, environ, start_response):
        self.threads.append(threading.get_ident())
        path = environ["PATH_INFO"]
        if path.startswith("/slow"):
            if path == "/slow/told":
                self.web.before_waiting()
            self.begun.release()
            assert self.may_end.wait(PATIENCE)
        if path == "/broken":
            raise RuntimeError("broken on purpose")
        body = path.encode() * (1 if path != "/long" else 200_000)
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]


@pytest.fixture
def shop():
    return Shop()


@pytest.fixture
def web(shop):
    listening = socket.create_server(("127.0.0.1", 0))
    shop.web = WebServer(listening, shop)
    shop.web.port = listening.getsockname()[1]
    shop.web.start()
    yield shop.web
    shop.may_end.set()
    shop.web.close()


@pytest.fixture
def connect(web):
    opened = []

    def connect():
        opened.append(socket.create_connection(("127.0.0.1", web.port), timeout=PATIENCE))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def ask(connection, *paths):
    connection.sendall(b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths))


def answer(connection):
    """Return the body of the next answer."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    body = b""
    while len(body) < length:
        body += connection.recv(length - len(body))
    return body.decode()


def test_quick_requests_of_all_connections_are_answered_by_one_thread(shop, connect, monkeypatch):
    monkeypatch.setattr(crew_module, "SLOW_SECONDS", PATIENCE)  # a busy machine makes no request slow
    connections = [connect() for _ in range(8)]
    for number, connection in enumerate(connections * 5):
        ask(connection, f"/{number}")
        assert answer(connection) == f"/{number}"
    assert len(set(shop.threads)) == 1


@pytest.mark.parametrize("path", ["/slow", "/slow/told"])
def test_slow_requests_hold_up_nobody(shop, connect, path):
    slow = [connect() for _ in range(THREADS - 1)]
    for connection in slow:
        ask(connection, path)
    for _ in slow:
        assert shop.begun.acquire(timeout=PATIENCE)
    quick = connect()
    ask(quick, "/quick")
    assert answer(quick) == "/quick"
    shop.may_end.set()
    assert [answer(connection) for connection in slow] == [path] * len(slow)


def test_who_says_that_it_waits_is_left_alone_at_once(shop, connect, monkeypatch):
    monkeypatch.setattr(crew_module, "SLOW_SECONDS", PATIENCE)
    slow, quick = connect(), connect()
    ask(slow, "/slow/told")
    assert shop.begun.acquire(timeout=PATIENCE)
    ask(quick, "/quick")
    assert answer(quick) == "/quick"
    shop.may_end.set()
    assert answer(slow) == "/slow/told"


def test_requests_sent_ahead_are_answered_in_their_order(shop, connect):
    connection = connect()
    ask(connection, "/slow", "/1", "/long", "/2")
    assert shop.begun.acquire(timeout=PATIENCE)
    shop.may_end.set()
    assert [answer(connection) for _ in range(4)] == ["/slow", "/1", "/long" * 200_000, "/2"]


def test_a_client_that_reads_slowly_gets_all_and_holds_up_nobody(connect):
    slow, quick = connect(), connect()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    ask(slow, "/long")
    ask(quick, "/quick")
    assert answer(quick) == "/quick"
    assert answer(slow) == "/long" * 200_000


def test_a_request_that_fails_ends_neither_its_connection_nor_the_crew(connect, caplog):
    caplog.set_level(logging.CRITICAL, "waitress")
    connection, other = connect(), connect()
    ask(connection, "/broken")
    assert "Internal Server Error" in answer(connection)
    ask(other, "/1")
    assert answer(other) == "/1"


def test_sockets_that_cannot_be_looked_at_for_once_do_not_end_it(web, connect, monkeypatch, caplog):
    connection, look = connect(), web._crew._poll
    failed = threading.Event()

    def fail_once(*given):
        if not failed.is_set():
            failed.set()
            raise OSError("broken on purpose")
        look(*given)

    monkeypatch.setattr(web._crew, "_poll", fail_once)
    for path in ("/1", "/2"):
        ask(connection, path)
        assert answer(connection) == path
    assert failed.is_set()
    assert "looking at the sockets failed" in caplog.text


def test_the_end_waits_for_no_request(shop, web, connect):
    connection = connect()
    ask(connection, "/slow")
    assert shop.begun.acquire(timeout=PATIENCE)
    begun = time.monotonic()
    web.close()
    assert time.monotonic() - begun < 5
    assert web.join(0)
    with closing(socket.socket()) as late:
        assert late.connect_ex(("127.0.0.1", web.port)) != 0


def test_after_the_end_no_thread_is_left(shop, web, connect):
    before = {thread for thread in threading.enumerate() if thread.name.startswith("fakepersonalize-")}
    assert len([thread for thread in before if thread in web._crew._threads]) == THREADS
    web.close()
    for thread in (*web._crew._threads, web._crew._watch):
        thread.join(PATIENCE)
        assert not thread.is_alive()
