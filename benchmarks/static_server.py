"""The same WSGI server and application stack as ours, which answers every call with the same bytes."""

from __future__ import annotations

import argparse
import signal
import socket
import threading
from pathlib import Path

from flask import Flask
from waitress.server import create_server

from fakepersonalize.frontdoor.door import Door
from fakepersonalize.frontdoor.hosts import Hosts
from fakepersonalize.frontdoor.waitress_server import WebServer
from fakepersonalize.protocol.wire import Reply


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--body", type=Path, required=True)
    parser.add_argument("--plain", action="store_true", help="with waitress as it comes instead of our threads")
    given = parser.parse_args()
    body = given.body.read_bytes()
    headers = {"Content-Type": "application/json", "x-amzn-requestid": "0" * 36}
    app = Flask("static")
    app.wsgi_app = Door(app.wsgi_app, lambda incoming, scope: Reply(200, headers, body), app.wsgi_app, Hosts())  # type: ignore[method-assign]
    listening = socket.create_server(("127.0.0.1", 0))
    if given.plain:
        threading.Thread(target=create_server(app, sockets=[listening], threads=8).run, daemon=True).start()
    else:
        WebServer(listening, app).start()
    given.port_file.write_text(str(listening.getsockname()[1]))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop.wait()


if __name__ == "__main__":
    main()
