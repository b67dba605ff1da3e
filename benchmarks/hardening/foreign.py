"""Foreign Host, Origin and Sec-Fetch headers in all kinds of combinations: the server must refuse each one.

    python benchmarks/hardening/foreign.py --count 1000 --seed 1

A combination is foreign if its Host is not served, if its Origin is not the server's own, or if the browser says that
another site caused it and it is not a link to a page that only reads. Everything else about it is drawn at random: the
method, the path, the signature and the headers that are not foreign. After all of them the server holds what it held
before. Exits with 1 when a combination was answered otherwise.
"""

from __future__ import annotations

import argparse
import http.client
import random
import sys
import urllib.request
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

REFUSED = 403
SERVICES = ("personalize", "s3", "iam", "sts", "sqs")
SIGNED = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/{service}/aws4_request, Signature=0"
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")
CHANGING_PATHS = (
    "/_fakepersonalize/reset",
    "/_fakepersonalize/clock",
    "/_fakepersonalize/faults",
    "/_fakepersonalize/pins",
    "/_fakepersonalize/snapshot",
    "/_fakepersonalize/snapshot?objects=true",
    "/moto-api/",
    "/moto-api/reset",
    "/moto-api/seed?a=1",
    "/moto-api/recorder/start-recording",
    "/moto-api/recorder/replay-recording",
    "/?Action=CreateUser&UserName=eve",
    "/?%41ction=CreateUser&UserName=eve",
    "/?Action=DeleteUser&UserName=ann&X-Amz-Credential=123456789012/20260101/us-east-1/iam/aws4_request",
    "/sqs_us-east-1/?Action=CreateQueue&QueueName=eve",
)
READING_PATHS = (
    "/",
    "/films",
    "/films/heat.csv",
    "/recommendations",
    "/events",
    "/_fakepersonalize/settings",
    "/_fakepersonalize/requests",
    "/_fakepersonalize/health/live",
)
FOREIGN_HOSTS = (
    *("evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "localhost.evil.example", "10.0.0.7"),
    *("0.0.0.0:{port}", "[::]:{port}", "169.254.169.254", "127.1:{port}", "2130706433:{port}", "evillocalhost"),
    *("localhost@evil.example", "localhost:{port}, evil.example", "localhost/evil", "[::1", "", "xn--lcalhost-54a"),
)
OWN_HOSTS = ("127.0.0.1:{port}", "localhost:{port}", "films.localhost:{port}", "[::1]:{port}")
FOREIGN_ORIGINS = (
    *("https://evil.example", "http://evil.example:{port}", "null", "", "file://", "http://10.0.0.7"),
    *("http://localhost", "http://localhost:3000", "http://127.0.0.1:1", "https://127.0.0.1", "127.0.0.1:{port}"),
    *(
        "http://evil@127.0.0.1:{port}",
        "http://127.0.0.1:{port}.evil.example",
        "http://127.0.0.1:{port}/",
        "ftp://{own}",
    ),
    *("chrome-extension://{own}", "http://{own}, http://evil.example", "http://{own} http://evil.example"),
)
FOREIGN_SITES = ("cross-site", "same-site", "", "Cross-Site", "none, cross-site", "unheard-of")
MODES = ("no-cors", "cors", "navigate", "nested-navigate", "websocket", None)
DESTINATIONS = ("image", "script", "iframe", "embed", "empty", "document", "frame", None)


class Combination(NamedTuple):
    """One request."""

    method: str
    path: str
    headers: dict[str, str]


def combinations(count: int, seed: int, port: int) -> Iterator[Combination]:
    """Yield foreign combinations for a server on a port of this machine; the same ones for the same seed."""
    dice = random.Random(seed)
    for _ in range(count):
        foreign = set(dice.sample(("host", "origin", "site"), dice.choice((1, 1, 1, 2, 3))))
        path = dice.choice((*CHANGING_PATHS, *READING_PATHS))
        host = dice.choice(FOREIGN_HOSTS if "host" in foreign else OWN_HOSTS).format(port=port)
        headers = {"Host": host}
        if "origin" in foreign:
            headers["Origin"] = dice.choice(FOREIGN_ORIGINS).format(port=port, own=host)
        elif dice.random() < 0.3:
            headers["Origin"] = f"http://{host}"
        if "site" in foreign:
            headers |= _site(dice, path)
        elif dice.random() < 0.3:
            headers["Sec-Fetch-Site"] = dice.choice(("none", "same-origin"))
        if dice.random() < 0.5:
            headers["Authorization"] = SIGNED.format(service=dice.choice(SERVICES))
        if dice.random() < 0.2:
            headers["X-Amz-Target"] = "AmazonPersonalize.CreateDatasetGroup"
        yield Combination(dice.choice(METHODS), path, headers)


def _site(dice: random.Random, path: str) -> dict[str, str]:
    """Return what a browser says of a request of another site, but for a link to a page that only reads."""
    found = {"Sec-Fetch-Mode": dice.choice(MODES), "Sec-Fetch-Dest": dice.choice(DESTINATIONS)}
    is_link = found == {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    if is_link and path in READING_PATHS:
        found["Sec-Fetch-Dest"] = "iframe"
    kept = {name: value for name, value in found.items() if value is not None}
    return {"Sec-Fetch-Site": dice.choice(FOREIGN_SITES), **kept}


def passed(url: str, count: int, seed: int) -> list[tuple[int, Combination]]:
    """Send foreign combinations to a server; return those that it did not refuse, with the status of the answer."""
    place = urlsplit(url)
    found = []
    for each in combinations(count, seed, place.port or 80):
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=5)
        try:
            connection.putrequest(each.method, each.path, skip_host=True, skip_accept_encoding=True)
            for name, value in {**each.headers, "Content-Length": "2"}.items():
                connection.putheader(name, value)
            connection.endheaders(b"{}")
            answer = connection.getresponse()
            if answer.status != REFUSED or any(name.lower().startswith("access-control-") for name in answer.headers):
                found.append((answer.status, each))
        finally:
            connection.close()
    return found


def state(url: str) -> list[bytes]:
    """Return what a server was asked, what it was told to do, and what moto holds."""
    pages = ("_fakepersonalize/requests", "_fakepersonalize/faults", "_fakepersonalize/pins", "moto-api/data.json")
    found = []
    for page in pages:
        with urllib.request.urlopen(f"{url}/{page}", timeout=30) as answer:
            found.append(answer.read())
    return found


def main() -> int:
    """Start a server, send the combinations and print what came of them."""
    from fakepersonalize.server import running
    from fakepersonalize.settings import Settings

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with running(Settings(port=0)) as server:
        before = state(server.url)
        found = passed(server.url, asked.count, asked.seed)
        changed = state(server.url) != before
    for status, each in found:
        print(status, *each)
    print(
        f"{asked.count - len(found)} of {asked.count} foreign combinations refused, seed {asked.seed}; "
        f"{'something' if changed else 'nothing'} changed."
    )
    return 1 if found or changed else 0


if __name__ == "__main__":
    sys.exit(main())
