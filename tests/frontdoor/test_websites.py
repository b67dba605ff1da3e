"""What browsers send for other websites is refused; what other clients send passes."""

import pytest

from fakepersonalize.frontdoor.websites import is_foreign

HOST = "127.0.0.1:7377"
LINK = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
IMAGE = {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
CREDENTIAL = "X-Amz-Credential=111111111111%2F20260101%2Fus-east-1%2F{service}%2Faws4_request"


def foreign(method="GET", path="/films/heat.csv", query="", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return is_foreign(method, path, {"host": HOST} | named, query)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "headers", [{}, {"sec-fetch-mode": "cors"}, {"sec-fetch-site": "none"}, {"sec-fetch-site": "same-origin"}]
)
def test_clients_that_are_no_browsers_and_pages_of_the_server_pass(method, headers):
    assert not foreign(method, "/moto-api/reset", **headers)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "none, none", "NONE", "later-invention"])
@pytest.mark.parametrize("path", ["/", "/films/heat.csv", "/_fakepersonalize/settings", "/moto-api/reset", "/events"])
@pytest.mark.parametrize("more", [{}, IMAGE, LINK | {"sec-fetch-dest": "iframe"}, LINK | {"sec-fetch-mode": "cors"}])
def test_what_another_website_loads_is_refused(site, path, more):
    assert foreign(path=path, sec_fetch_site=site, **more)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_a_form_on_another_website_is_refused(method):
    assert foreign(method, sec_fetch_site="cross-site", **LINK)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/films/heat.csv", ""),
        ("/films", "list-type=2"),
        ("/films/heat.csv", CREDENTIAL.format(service="s3")),
        ("/_fakepersonalize/settings", ""),
        ("/_fakepersonalize/explain/RID-1", ""),
        ("/_fakepersonalize/health/live", ""),
    ],
)
def test_a_link_on_another_website_opens_what_only_reads(path, query):
    assert not foreign(path=path, query=query, sec_fetch_site="cross-site", **LINK)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/_fakepersonalize/snapshot", ""),
        ("/_fakepersonalize/snapshot", "objects=true"),
        ("/_fakepersonalize", ""),
        ("/_fakepersonalize/settingsx", ""),
        ("/moto-api/data.json", ""),
        ("/moto-api/recorder/start-recording", ""),
        ("/", "Action=CreateUser&UserName=eve"),
        ("/", "%41ction=CreateUser&UserName=eve"),
        ("/", "Action=CreateUser&" + CREDENTIAL.format(service="iam")),
        ("/", CREDENTIAL.format(service="personalize")),
        ("/sqs_us-east-1/queue", ""),
    ],
)
def test_a_link_on_another_website_opens_nothing_else(path, query):
    assert foreign(path=path, query=query, sec_fetch_site="cross-site", **LINK)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:7377", HOST),
        ("https://127.0.0.1:7377", HOST),  # a proxy speaks TLS
        ("http://localhost", "LOCALHOST"),
        ("http://[::1]:7377", "[::1]:7377"),
        ("http://emulator.lan", "emulator.lan"),
    ],
)
def test_pages_of_the_servers_own_origin_may_ask(origin, host):
    assert not foreign("POST", origin=origin, host=host)


@pytest.mark.parametrize(
    "origin",
    [
        *("null", "", "http://evil.example", "http://127.0.0.1:3000", "http://127.0.0.1", "http://localhost:7377"),
        *("file://", "file://127.0.0.1:7377", "http://evil@127.0.0.1:7377", "127.0.0.1:7377", "://127.0.0.1:7377"),
    ],
)
@pytest.mark.parametrize("site", [None, "none", "same-origin", "same-site", "cross-site"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_all_other_origins_are_refused(origin, site, method):
    more = LINK | ({"sec-fetch-site": site} if site else {})
    assert foreign(method, origin=origin, **more)
