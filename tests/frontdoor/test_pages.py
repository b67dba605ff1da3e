"""The pages that AWS does not have, through the door: who may use them, and with which methods."""

import pytest
from werkzeug.test import Client

from fakepersonalize.frontdoor.door import Door
from fakepersonalize.frontdoor.hosts import Hosts
from fakepersonalize.frontdoor.pages import MOTO_PAGES, Guard
from fakepersonalize.protocol.wire import Reply

TOKEN = "correct-horse"
PAGES = ["/_fakepersonalize/reset", "/_fakepersonalize/", "/_fakepersonalize", "/moto-api/reset"]
FORWARDED = [{"Forwarded": "for=10.0.0.7"}, {"X-Forwarded-For": "10.0.0.7"}, {"X-Forwarded-Proto": "https"}]


def application(name):
    def answer(environ, start_response):
        start_response("200 OK", [("X-From", name), ("Content-Type", "text/html")])
        return [name.encode()]

    return answer


def client(guard=None):
    def personalize(incoming, scope):
        return Reply(200, {}, b"personalize")

    return Client(Door(application("admin"), personalize, application("neighbours"), Hosts(("emulator.lan",)), guard))


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("sent", [f"Bearer {TOKEN}", f"bearer {TOKEN}"])
def test_a_server_that_listens_widely_wants_its_token(path, sent):
    widely = client(Guard(TOKEN, listens_widely=True))
    refused = widely.post(path)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "Bearer TOKEN" in refused.json["error"]
    assert TOKEN not in refused.text
    assert widely.post(path, headers={"Authorization": sent}).status_code == 200


@pytest.mark.parametrize(
    "sent",
    ["", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer \xe9", f"Bearer {TOKEN[:-1]}"],
)
def test_nothing_but_the_token_is_the_token(sent):
    assert client(Guard(TOKEN, listens_widely=True)).post(PAGES[0], headers={"Authorization": sent}).status_code == 401


@pytest.mark.parametrize("guard", [Guard(TOKEN, listens_widely=True), Guard(None, listens_widely=True)])
def test_health_and_aws_need_no_token(guard):
    widely = client(guard)
    for path in ("/_fakepersonalize/health/live", "/_fakepersonalize/health/ready", "/films/heat.csv", "/"):
        assert widely.get(path).status_code == 200


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("forwarded", FORWARDED)
def test_on_loopback_only_what_a_proxy_forwards_needs_it(path, forwarded):
    local = client(Guard(TOKEN))
    assert local.post(path).status_code == 200
    assert local.post(path, headers=forwarded).status_code == 401
    assert local.post(path, headers=forwarded | {"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_without_a_token_nothing_that_is_forwarded_may_use_the_pages():
    refused = client().post(PAGES[0], headers=FORWARDED[0] | {"Authorization": "Bearer None"})
    assert (refused.status_code, "--admin-token" in refused.json["error"]) == (401, True)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "POST"])
@pytest.mark.parametrize(
    "path",
    [
        *("/moto-api", "/moto-api/", "/moto-api/lib.js", "/moto-api/none", "/moto-api/reset/", "/moto-api-data/key"),
        *(
            f"/moto-api/recorder/{verb}-recording"
            for verb in ("start", "stop", "reset", "upload", "download", "replay")
        ),
    ],
)
def test_motos_recorder_and_dashboard_are_off(path, method):
    assert client().open(path, method=method).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("path", [path for path, methods in MOTO_PAGES.items() if "GET" not in methods])
def test_a_page_of_moto_that_changes_something_takes_no_get(path, method):
    refused = client().open(path, method=method)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/moto-api/x", "/moto-api/reset", "/moto-api/recorder/start-recording"])
def test_keys_of_a_bucket_that_the_host_names_may_begin_as_they_like(path):
    assert client().get(path, headers={"Host": "films.localhost"}).text == "neighbours"


@pytest.mark.parametrize("query", ["Action=CreateUser", "%41ction=CreateUser", "a=b&Action=", "Action=ListUsers"])
def test_a_get_with_an_action_must_be_signed(query):
    refused = client().get(f"/?{query}")
    assert (refused.status_code, "<Code>MissingAuthenticationToken</Code>" in refused.text) == (403, True)
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=111111111111/20260101/us-east-1/iam/aws4_request"}
    assert client().get(f"/?{query}", headers=signed).text == "neighbours"


@pytest.mark.parametrize(
    ("actions", "status"),
    [("Action=GetCallerIdentity", 200), ("Action=CreateUser", 403), ("Action=GetUser&Action=CreateUser", 403)],
)
def test_a_presigned_url_with_an_action_may_read(actions, status):
    credential = "X-Amz-Credential=111111111111/20260101/us-east-1/sts/aws4_request"
    assert client().get(f"/?{actions}&{credential}").status_code == status


def test_what_the_neighbours_answer_is_sandboxed():
    headers = client().get("/films/page.html").headers
    assert (headers["Content-Security-Policy"], headers["X-Content-Type-Options"]) == ("sandbox", "nosniff")
