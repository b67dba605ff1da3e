"""A page of somebody else, in a real Chromium, can change nothing; pages of the server's own origin and links work."""

from __future__ import annotations

import itertools
import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from selenium import webdriver

from fakepersonalize.server import Server

COUNT = 1000
EVIL, OWN_NAME = "evil.example", "emulator.lan"  # see conftest.py
SIGNATURE = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/{service}/aws4_request, Signature=0"
PATIENCE_SECONDS = 30
PATHS = (
    *("/_fakepersonalize/reset", "/_fakepersonalize/clock", "/_fakepersonalize/faults", "/_fakepersonalize/snapshot"),
    *("/_fakepersonalize/settings", "/_fakepersonalize/health/live", "/moto-api/reset", "/moto-api/seed?a=1"),
    *("/moto-api/recorder/start-recording", "/moto-api/recorder/replay-recording", "/moto-api/", "/moto-api/data.json"),
    *("/?Action=CreateUser&UserName=eve", "/films/heat.csv", "/films/eve.csv", "/recommendations", "/events", "/"),
)
# Ways in which a page causes a request; each resolves when the browser is done with it.
WAYS = """
const element = (tag, name, more = {}) => url => new Promise(done => {
    const made = Object.assign(document.createElement(tag), more);
    made.onload = made.onerror = () => { made.remove(); done(); };
    made[name] = url;
    document.body.append(made);
});
const form = (method, enctype) => url => new Promise(done => {
    const frame = Object.assign(document.createElement("iframe"), {name: "frame" + Math.random()});
    const form = Object.assign(document.createElement("form"), {method, enctype, action: url, target: frame.name});
    for (const [name, value] of new URL(url).searchParams)
        form.append(Object.assign(document.createElement("input"), {name, value}));
    document.body.append(frame, form);
    form.submit();
    frame.onload = () => { frame.remove(); form.remove(); done(); };
});
const fetched = options => url => fetch(url, options).then(() => 0, () => 0);
const plain = {"Content-Type": "text/plain"};
const WAYS = {
    image: element("img", "src"),
    script: element("script", "src"),
    stylesheet: element("link", "href", {rel: "stylesheet"}),
    iframe: element("iframe", "src"),
    object: element("object", "data"),
    get: fetched({mode: "no-cors"}),
    head: fetched({mode: "no-cors", method: "HEAD"}),
    post: fetched({mode: "no-cors", method: "POST", headers: plain, body: "{}"}),
    "cors get": fetched({mode: "cors"}),
    "cors post": fetched({mode: "cors", method: "POST", headers: plain, body: "{}"}),
    "cors put": fetched({mode: "cors", method: "PUT", body: "{}"}),
    "cors signed": fetched({mode: "cors", method: "POST", headers: {authorization: "Bearer x"}, body: "{}"}),
    "form get": form("get", "application/x-www-form-urlencoded"),
    "form post": form("post", "application/x-www-form-urlencoded"),
    "form text": form("post", "text/plain"),
    beacon: async url => navigator.sendBeacon(url, "{}"),
};
"""
NAMES = (
    *("image", "script", "stylesheet", "iframe", "object", "get", "head", "post", "cors get", "cors post", "cors put"),
    *("cors signed", "form get", "form post", "form text", "beacon"),
)
ATTACK = f"""
{WAYS}
const [asked, done] = [arguments[0], arguments[arguments.length - 1]];
const soon = () => new Promise(done => setTimeout(done, 3000));  // what is downloaded never says that it has loaded
(async () => {{
    for (let at = 0; at < asked.length; at += 20)
        await Promise.all(asked.slice(at, at + 20).map(([way, url]) => Promise.race([WAYS[way](url), soon()])));
    done(asked.length);
}})();
"""


def attacks(url: str, count: int) -> list[tuple[str, str]]:
    """Return ways and addresses, all combinations in turn; a number tells the addresses apart."""
    every = itertools.cycle(itertools.product(PATHS, NAMES))
    return [
        (way, f"{url}{path}{'&' if '?' in path else '?'}number={number}")
        for number, (path, way) in enumerate(itertools.islice(every, count))
    ]


def send(server: Server, method: str, path: str, service: str = "s3", body: bytes = b"", **headers: str) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    signed = {"Authorization": SIGNATURE.format(service=service)}
    urllib.request.urlopen(
        urllib.request.Request(server.url + path, body, signed | named, method=method), timeout=5
    ).close()


@pytest.fixture
def kept(server: Server) -> Callable[[], Any]:
    """A function that returns what the server holds; there are a fault, a bucket, an object and a user."""
    urllib.request.urlopen(f"{server.url}/moto-api/reset", b"", timeout=5).close()
    server.emulator.mend()
    server.emulator.fail(operation="ListSchemas", error="ThrottlingException")
    send(server, "PUT", "/films")
    send(server, "PUT", "/films/heat.csv", body=b"USER_ID,ITEM_ID,TIMESTAMP\n", x_amz_acl="public-read")
    send(server, "POST", "/?Action=CreateUser&UserName=ann", "iam")

    def state() -> Any:
        with urllib.request.urlopen(f"{server.url}/moto-api/data.json", timeout=30) as answer:
            moto = json.load(answer)
        names = {"keys": len(moto["s3"]["FakeKey"]), "users": [user["name"] for user in moto["iam"]["User"]]}
        return names, server.emulator.faults(), server.emulator.calls(), server.emulator.clock.now() > 0

    return state


def until(ready: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        assert time.monotonic() < end, "waited for too long"
        time.sleep(0.02)


@pytest.mark.parametrize("site", [EVIL, "localhost", "127.0.0.1"])
def test_a_foreign_page_is_refused_whatever_it_tries(
    browser: webdriver.Chrome,
    server: Server,
    seen: list[Any],
    kept: Callable[[], Any],
    foreign_port: int,
    site: str,
) -> None:
    before = kept()
    browser.get(f"http://{site}:{foreign_port}/")
    seen.clear()
    count = COUNT if site == EVIL else COUNT // 4
    assert browser.execute_async_script(ATTACK, attacks(server.url, count)) == count
    until(lambda: len(seen) >= 0.95 * count)
    passed = [each for each in seen if each.status != 403]
    assert passed == []
    assert {each.site for each in seen} == {"same-site" if site == "127.0.0.1" else "cross-site"}
    assert kept() == before


def test_a_name_that_browsers_do_not_trust_gives_nothing_away(
    browser: webdriver.Chrome, server: Server, seen: list[Any], kept: Callable[[], Any], foreign_port: int
) -> None:
    """Chromium sends no Sec-Fetch headers to `http://emulator.lan`: what passes there must change nothing."""
    before = kept()
    browser.get(f"http://{EVIL}:{foreign_port}/")
    seen.clear()
    asked = attacks(f"http://{OWN_NAME}:{server.port}", len(PATHS) * len(NAMES))
    browser.execute_async_script(ATTACK, asked)
    until(lambda: len(seen) >= 0.9 * len(asked))
    assert {each.site for each in seen} == {None}
    assert {each.status for each in seen if each.method not in ("GET", "HEAD")} == {403}
    assert {each.status for each in seen if "recorder" in each.path and each.method == "GET"} <= {404, 403}
    assert {each.status for each in seen if "Action=" in each.path} == {403}
    assert kept() == before


def test_links_on_a_foreign_page_open_what_only_reads(
    browser: webdriver.Chrome, server: Server, seen: list[Any], kept: Callable[[], Any], foreign_port: int
) -> None:
    statuses = {}
    before = kept()
    for path in ("/_fakepersonalize/health/live", "/films/heat.csv", *PATHS):
        browser.get(f"http://{EVIL}:{foreign_port}/")
        seen.clear()
        browser.execute_script("location.href = arguments[0]", server.url + path)
        until(lambda: bool(seen))
        statuses[path] = seen[0].status
    opened = {path for path, status in statuses.items() if status != 403}
    assert opened >= {"/_fakepersonalize/health/live", "/_fakepersonalize/settings", "/films/heat.csv"}
    assert not [path for path in opened if "moto-api" in path or "Action=" in path or "snapshot" in path]
    assert not {"/_fakepersonalize/reset"} & opened
    assert kept() == before


def test_the_servers_own_origin_may_ask(browser: webdriver.Chrome, server: Server) -> None:
    browser.get(f"{server.url}/_fakepersonalize/settings")
    script = """
        const done = arguments[arguments.length - 1];
        fetch("/_fakepersonalize/reset", {method: "POST"}).then(answer => done(answer.status), () => done(0));
    """
    assert browser.execute_async_script(script) == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "films.localhost"])
def test_a_page_in_s3_runs_no_script_and_is_no_page_of_the_server(
    browser: webdriver.Chrome, server: Server, seen: list[Any], kept: Callable[[], Any], host: str
) -> None:
    script = 'document.title = "ran"; fetch("/_fakepersonalize/reset", {method: "POST"});'
    page = f'<!doctype html><title>quiet</title><script>{script}</script><img src="/_fakepersonalize/settings">'
    kept()
    send(server, "PUT", "/films/page.html", body=page.encode(), content_type="text/html", x_amz_acl="public-read")
    seen.clear()
    path = "/films/page.html" if host == "127.0.0.1" else "/page.html"
    browser.get(f"http://{host}:{server.port}{path}")
    until(lambda: len(seen) >= 2)
    assert browser.title == "quiet"
    assert not [each for each in seen if each.method != "GET"]
    assert [each.status for each in seen if each.path == "/_fakepersonalize/settings"] == [403]
