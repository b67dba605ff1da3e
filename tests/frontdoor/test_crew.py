"""The threads that answer: one leads, slow requests are left to theirs."""

import logging
import socket
import threading
import time
from contextlib import ExitStack, closing

import pytest

from fakepersonalize.frontdoor import crew as crew_module
from fakepersonalize.frontdoor import waitress_server
from fakepersonalize.frontdoor.waitress_server import THREADS, WebServer

PATIENCE = 10
BLOCK, BLOCKS = b"x" * 2**20, 40  # together more than waitress holds for a client that does not read


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
        if path == "/sleep":
            self.begun.release()
            self.web.sleep(1.0)
        if path == "/broken":
            raise RuntimeError("broken on purpose")
        if path.startswith("/stream"):
            start_response("200 OK", [("Content-Length", str(len(BLOCK) * BLOCKS))])
            return self.stream()
        if path == "/drip":
            start_response("200 OK", [("Content-Length", "2")])
            return self.drip()
        body = path.encode() * (1 if path != "/long" else 200_000)
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    def stream(self):
        self.begun.release()
        for _ in range(BLOCKS):
            yield BLOCK

    def drip(self):
        yield b"1"
        self.begun.release()
        assert self.may_end.wait(PATIENCE)
        yield b"2"


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
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    ask(slow, "/long")
    ask(quick, "/quick")
    assert answer(quick) == "/quick"
    assert answer(slow) == "/long" * 200_000


def test_clients_that_read_nothing_hold_up_nobody_however_many(shop, connect):
    idle = [connect() for _ in range(THREADS)]
    for connection in idle:
        ask(connection, "/stream")
    for _ in idle:
        assert shop.begun.acquire(timeout=PATIENCE)
    assert len(answer(idle[0])) == len(BLOCK) * BLOCKS
    quick = connect()
    ask(quick, "/quick")
    assert answer(quick) == "/quick"


def test_admin_pages_are_answered_while_all_threads_are_busy(shop, connect):
    slow = [connect() for _ in range(THREADS)]
    for connection in slow:
        ask(connection, "/slow")
    for _ in slow:
        assert shop.begun.acquire(timeout=PATIENCE)
    waiting, urgent = connect(), connect()
    ask(waiting, "/quick")
    for number in range(2 * crew_module.URGENT_THREADS):
        ask(urgent, f"/_fakepersonalize/{number}")
        assert answer(urgent) == f"/_fakepersonalize/{number}"
    shop.may_end.set()
    assert answer(waiting) == "/quick"


def test_a_thread_that_sleeps_is_replaced_and_is_not_one_too_many_afterwards(shop, web, connect):
    sleepers = [connect() for _ in range(2 * THREADS)]
    for connection in sleepers:
        ask(connection, "/sleep")
    for _ in sleepers:
        assert shop.begun.acquire(timeout=PATIENCE)
    quick = connect()
    ask(quick, "/quick")
    assert answer(quick) == "/quick"
    assert [answer(connection) for connection in sleepers] == ["/sleep"] * len(sleepers)
    deadline = time.monotonic() + PATIENCE
    while len(web._crew._threads) > THREADS:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_a_slow_request_says_first_is_sent_and_then_nobody_is_kept_busy(shop, web, connect, monkeypatch):
    looks, look = [], web._crew._poll
    monkeypatch.setattr(web._crew, "_poll", lambda *given: (looks.append(1), look(*given)))
    connection = connect()
    ask(connection, "/drip")
    assert shop.begun.acquire(timeout=PATIENCE)
    while not connection.recv(4096).endswith(b"1"):
        pass
    seen = len(looks)
    time.sleep(0.3)
    assert len(looks) - seen < 10
    shop.may_end.set()
    assert connection.recv(10) == b"2"


def test_a_request_that_comes_when_the_watch_lies_down_is_watched(shop, web, connect, monkeypatch):
    slow, quick, busy, lying = connect(), connect(), web._crew._busy, threading.Event()

    def lie_down():
        monkeypatch.undo()
        ask(slow, "/slow")
        assert shop.begun.acquire(timeout=PATIENCE)
        busy.clear()
        lying.set()

    monkeypatch.setattr(busy, "clear", lie_down)
    ask(quick, "/1")  # wakes the watch
    assert answer(quick) == "/1"
    assert lying.wait(PATIENCE)
    quick.settimeout(PATIENCE / 2)  # before the slow one gives up
    ask(quick, "/quick")
    assert answer(quick) == "/quick"


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


def test_all_who_knock_at_once_are_let_in_at_once(shop, web, connect, monkeypatch):
    monkeypatch.setattr(crew_module, "SLOW_SECONDS", PATIENCE)
    looks, look = [], web._crew._poll
    monkeypatch.setattr(web._crew, "_poll", lambda *given: (looks.append(1), look(*given)))
    ask(connect(), "/slow")
    assert shop.begun.acquire(timeout=PATIENCE)
    seen = len(looks)
    connections = [connect() for _ in range(50)]
    for connection in connections:
        ask(connection, "/quick")
    shop.may_end.set()
    assert [answer(connection) for connection in connections] == ["/quick"] * 50
    assert len(looks) - seen < 10


def test_an_upload_is_taken_in_in_large_pieces(web, connect, monkeypatch):
    looks, look = [], web._crew._poll
    monkeypatch.setattr(web._crew, "_poll", lambda *given: (looks.append(1), look(*given)))
    connection = connect()
    connection.sendall(b"PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (8 * len(BLOCK)) + BLOCK * 8)
    assert answer(connection) == "/upload"
    assert len(looks) < 600  # between two of them others are answered; 8 KiB at once would be 1,024


def test_where_few_files_may_be_open_few_are_let_in(shop, monkeypatch):
    monkeypatch.setattr(waitress_server, "_allow_open_files", lambda count: 256)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        web = WebServer(listening, shop)
        web.start()
        assert web._waitress.adj.connection_limit == 128
        web.close()


def test_no_more_are_let_in_than_may_be(web, connect, monkeypatch, caplog):
    monkeypatch.setattr(web._waitress.adj, "connection_limit", 10)
    connections = [connect() for _ in range(16)]
    for connection in connections:
        ask(connection, "/quick")
    inside = connections[:8]  # the server itself has two
    assert [answer(connection) for connection in inside] == ["/quick"] * 8
    assert len(web._sockets) == 10
    for connection in inside:
        connection.close()
    assert answer(connections[-1]) == "/quick"
    assert "reached the connection limit" in caplog.text


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


def test_the_end_waits_for_no_request_when_all_threads_have_one(shop, web, connect):
    for _ in range(THREADS):
        ask(connect(), "/slow")
        assert shop.begun.acquire(timeout=PATIENCE)
    web.close()
    assert web.join(0)


def test_the_end_that_comes_when_the_watch_lies_down_ends_it_as_well(web, connect, monkeypatch):
    busy, connection, lying = web._crew._busy, connect(), threading.Event()

    def lie_down():
        monkeypatch.undo()
        threading.Thread(target=web.close).start()
        for thread in web._crew._threads:
            thread.join(PATIENCE)
        busy.clear()
        lying.set()

    monkeypatch.setattr(busy, "clear", lie_down)
    ask(connection, "/1")  # wakes the watch
    assert answer(connection) == "/1"
    assert lying.wait(PATIENCE)
    web._crew._watch.join(PATIENCE)
    assert not web._crew._watch.is_alive()


def test_the_end_wakes_who_waits_for_a_client_to_read(shop, web, connect, caplog):
    connections = [connect() for _ in range(4)]
    for connection in connections:
        ask(connection, "/stream")
        assert shop.begun.acquire(timeout=PATIENCE)
    time.sleep(0.2)
    web.close()
    for thread in (*web._crew._threads, web._crew._watch):
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert not caplog.records


def test_a_second_end_touches_no_file_that_was_opened_since(web, tmp_path):
    web.close()
    with ExitStack() as leaving:
        paths = [tmp_path / str(number) for number in range(20)]
        for path in paths:
            leaving.enter_context(path.open("wb"))
        web.close()
    assert [path.read_bytes() for path in paths] == [b""] * 20


def test_after_the_end_no_thread_is_left(shop, web, connect):
    before = {thread for thread in threading.enumerate() if thread.name.startswith("fakepersonalize-")}
    assert len([thread for thread in before if thread in web._crew._threads]) == THREADS
    web.close()
    for thread in (*web._crew._threads, web._crew._watch):
        thread.join(PATIENCE)
        assert not thread.is_alive()
