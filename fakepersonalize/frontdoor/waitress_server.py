"""waitress with threads of our own, taught to keep the names of S3 metadata, to take empty objects, and to cut.

WSGI writes `a-b` and `a_b` alike, so servers drop the latter; S3 tells the metadata keys `my-key` and `my_key` apart.
"""

from __future__ import annotations

import logging
import re
import select
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import create_server
from waitress.task import WSGITask
from waitress.utilities import BadRequest

from fakepersonalize.faults import ConnectionCut
from fakepersonalize.frontdoor import pages
from fakepersonalize.frontdoor.crew import Crew
from fakepersonalize.version import __version__

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = logging.getLogger(__name__)

THREADS = 32
LARGEST_UPLOAD_BYTES = 6 * 2**30  # S3 takes 5 GB in one piece
SENT_AT_ONCE_BYTES = 2**16
READ_AT_ONCE_BYTES = 2**16  # between two looks, in which others are answered
FLUSHED_AT_ONCE_BYTES = 2**22  # to one client, likewise
MOST_UNSENT_BYTES = 2**18  # of earlier answers on a connection, until its next request is answered
IDLE_SECONDS = 900  # until a connection is closed on which nothing moves; a debugger may stop a client that long
# select(), all that Windows has, takes 512 sockets; waitress needs a few for itself.
OPEN_CONNECTIONS = 4096 if hasattr(select, "poll") else 500
SPARE_FILES = 512
DISMISSAL_SECONDS = 0.2

SPELLINGS = "moto.preserved_header_names"  # where moto looks for the names as they were sent

_HEADER = re.compile(rb"^(x-amz-meta-[^:\s]*_[^:\s]*):[ \t]*(.*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_CAPITALIZED = b"\r\nX-Amz-Meta-"
_NAME = re.compile(rb"(?<=\r\n)X-Amz-Meta-[^:\r]*")


TLS_HANDSHAKE = b"\x16\x03"
SPEAKS_TLS = "The client speaks TLS, and this port takes plain HTTP: the URL must begin with http://"
BARE_LINE_FEED = "The lines of a request must end in CR LF"
NO_REQUEST_LINE = "This is no request of HTTP/1.1"
BAD_URI_OR_LENGTH = "The URI or the Content-Length is malformed"
_LONGEST_METHOD = 64
_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
_METHOD = re.compile(rb"[!#$%%&'*+\-.^_`|~0-9A-Za-z]{0,%d}" % _LONGEST_METHOD)
_REQUEST_LINE = re.compile(rb"%s [^ ]+ HTTP/1\.[0-9]" % _METHOD.pattern)
_BEGINNING_OF_ONE = re.compile(rb"%s(?: [^\x00-\x1f\x7f]*\r?)?" % _METHOD.pattern)


class Parser(HTTPRequestParser):  # type: ignore[misc,unused-ignore]  # waitress has no types of its own
    """Remembers the metadata headers that are going to be dropped; refuses at once what cannot become a request."""

    metadata: list[tuple[str, str]]
    completed: bool

    def received(self, data: bytes) -> int:
        """Take bytes in; a client that has sent everything need not be told to go on (waitress would wait for more)."""
        taken: int = super().received(data)
        if not self.completed and not self.headers_finished and (problem := _problem(self.header_plus)):
            self.error, self.completed = BadRequest(problem), True
        if self.completed:
            self.expect_continue = False
            if self.error:
                log.warning("Refused a request: %s.", self.error.body)
                return len(data)  # the connection is closed: what follows is no request
        return taken

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head of a request. Raises ParsingError, also for what makes waitress fail."""
        try:
            super().parse_header(header_plus)
        except ValueError:
            raise ParsingError(BAD_URI_OR_LENGTH) from None
        if not self.version.startswith("1."):
            raise ParsingError(NO_REQUEST_LINE)
        self.metadata = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in _HEADER.findall(header_plus)]


def _problem(head: bytes) -> str | None:
    """Return why the beginning of a head can never become a request; waitress would wait for the rest for ever."""
    if head.startswith(TLS_HANDSHAKE):
        return SPEAKS_TLS
    line, ended, _ = head.lstrip(b"\r\n").partition(b"\r\n")
    if _BARE_LINE_FEED.search(head):
        return BARE_LINE_FEED
    return None if (_REQUEST_LINE if ended else _BEGINNING_OF_ONE).fullmatch(line) else NO_REQUEST_LINE


class Task(WSGITask):  # type: ignore[misc,unused-ignore]
    """Hands them on; one that would stand in for a header with dashes stays away."""

    def service(self) -> None:
        """Answer, or cut the connection where a fault wants that."""
        self.channel.writing = True
        try:
            super().service()
        except ConnectionCut:
            self.close_on_finish = True
        finally:
            self.channel.writing = False

    def build_response_header(self) -> bytes:
        """Leave the names of metadata as S3 keeps them: clients hand them on as they come, and waitress capitalizes."""
        head: bytes = super().build_response_header()
        return _NAME.sub(lambda name: name[0].lower(), head) if _CAPITALIZED in head else head

    def finish(self) -> None:
        """Send head and body of a short answer in one piece, and at once."""
        super().finish()
        channel = self.channel
        with channel.outbuf_lock:
            if channel.total_outbufs_len:
                channel._flush_exception(channel._flush_some, do_close=False)

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        spellings = environ.setdefault(SPELLINGS, {})
        for name, value in getattr(self.request, "metadata", ()):
            key = f"HTTP_{name.upper().replace('-', '_')}"
            if environ.setdefault(key, value) is value:
                spellings[key] = name
        return environ


class Channel(HTTPChannel):  # type: ignore[misc,unused-ignore]
    """What waitress makes for each connection."""

    parser_class = Parser
    task_class = Task

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.sendbuf_len: int = SENT_AT_ONCE_BYTES  # read from a file for each send
        self._left = 0  # bytes that this flush may still send
        self.writing = self._parked = False

    @property
    def urgent(self) -> bool:
        """Whether the request is one that always finds a thread."""
        return bool(self.requests) and pages.is_admin(getattr(self.requests[0], "path", ""))

    def service(self) -> None:
        """Answer a request, unless the client has not read earlier answers: then come back when it has."""
        with self.outbuf_lock:
            self._parked = self.connected and self.total_outbufs_len > MOST_UNSENT_BYTES
        if not self._parked:
            super().service()

    def _flush_outbufs_below_high_watermark(self) -> None:
        """Let an application that has written much wait for the client; between two requests, `service` does not."""
        if self.writing:
            super()._flush_outbufs_below_high_watermark()

    def _flush_some(self, do_close: bool = True) -> bool:
        self._left = FLUSHED_AT_ONCE_BYTES
        return bool(super()._flush_some(do_close))

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Send, but let others have their turn."""
        if self._left <= 0:
            return 0
        sent: int = super().send(data, do_close)
        self._left -= sent
        return sent

    def handle_write(self) -> None:
        """Send even the little that a request in progress has written: unsent, its socket would be ready for ever."""
        if self.requests and self.total_outbufs_len:
            self._flush_exception(self._flush_some_if_lockable)
        super().handle_write()
        if self._parked and self.total_outbufs_len <= MOST_UNSENT_BYTES:
            self._parked = False
            self.server.add_task(self)


class WebServer:
    """Answers with a WSGI application what comes on a listening socket, from threads of its own."""

    def __init__(self, listening: socket.socket, application: WSGIApplication) -> None:
        files = _allow_open_files(OPEN_CONNECTIONS + SPARE_FILES)
        self._sockets: dict[int, Any] = {}
        poll = hasattr(select, "poll")
        self._crew = crew = Crew(self._sockets, THREADS, poll)
        self._waitress = create_server(
            application,
            map=self._sockets,
            sockets=[listening],
            _dispatcher=crew,
            connection_limit=min(OPEN_CONNECTIONS, max(files - SPARE_FILES, files // 2)),
            asyncore_use_poll=poll,
            recv_bytes=READ_AT_ONCE_BYTES,
            channel_timeout=IDLE_SECONDS,
            max_request_body_size=LARGEST_UPLOAD_BYTES,
            ident=f"fakepersonalize/{__version__}",
            clear_untrusted_proxy_headers=False,  # nobody trusts them, but the door asks whether they are there
        )
        self._waitress.channel_class = Channel
        self._waitress.adj.send_bytes = SENT_AT_ONCE_BYTES  # as an argument it is deprecated
        self._trigger = self._waitress.trigger
        self._waitress.pull_trigger = lambda: None if crew.leads else self._trigger.pull_trigger()
        self._let_one_in = self._waitress.handle_accept
        self._waitress.handle_accept = self._let_in
        self._closed = False

    def start(self) -> None:
        """Begin to answer."""
        self._crew.start()

    def before_waiting(self) -> None:
        """Tell, from within a request, that its thread is going to wait: others are answered meanwhile at once."""
        self._crew.pass_on()

    def sleep(self, seconds: float) -> None:
        """Sleep, from within a request, without holding one of the threads that answer."""
        self._crew.sleep(seconds)

    def join(self, seconds: float) -> bool:
        """Wait so long for the end; say whether it has come."""
        return self._crew.join(seconds)

    def close(self, seconds: float = 1.0) -> None:
        """Stop answering; a request in progress does not hold it up."""
        if self._closed:
            return
        self._closed = True
        self._trigger.pull_trigger(self._leave)
        if self._crew.join(seconds):
            self._crew.dismiss(DISMISSAL_SECONDS)
            self._trigger.close()  # last: a late pull would write to whatever file has its number then

    def _let_in(self) -> None:
        """Accept all who knock, as many as may be: the leader answers what it has found before it looks again."""
        before = 0
        while before < len(self._sockets) < self._waitress.adj.connection_limit:
            before = len(self._sockets)
            self._let_one_in()

    def _leave(self) -> None:
        """Take all sockets away, which only who looks at them may do; the crew ends when none is left."""
        for channel in list(self._waitress.active_channels.values()):
            with suppress(OSError):
                channel.handle_close()  # unlike close, this wakes a thread that waits for the client to read
        wasyncore.dispatcher.close(self._waitress)
        self._trigger.del_channel()


def _allow_open_files(count: int) -> int:
    """Raise this process's limit of open files (1,024 or 256 by default) as far as it may; say how many it may open."""
    try:
        import resource
    except ImportError:  # Windows knows no such limit
        return count
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # macOS names a hard limit that it does not grant
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    now = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return count if now == resource.RLIM_INFINITY else min(count, now)
