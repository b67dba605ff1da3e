import io

import pytest
from werkzeug.test import Client, create_environ

from fakepersonalize.arns import Scope
from fakepersonalize.frontdoor import door
from fakepersonalize.frontdoor.door import Door
from fakepersonalize.frontdoor.hosts import Hosts
from fakepersonalize.protocol.wire import Reply

PERSONALIZE = "AWS4-HMAC-SHA256 Credential=111111111111/20260101/eu-west-1/personalize/aws4_request, Signature=0"
S3 = PERSONALIZE.replace("/personalize/", "/s3/")
PATHS = ["/", "/recommendations", "/bucket/key", "/moto-api/reset", "/_fakepersonalize/health/live"]


def application(name):
    def answer(environ, start_response):
        start_response("200 OK", [("Access-Control-Allow-Origin", "*"), ("Connection", "close"), ("X-From", name)])
        return [name.encode()]

    return answer


class Personalize:
    """Stands for the dispatcher and remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, incoming, scope):
        self.asked.append((incoming, scope))
        return Reply(200, {"Content-Type": "application/json"}, b'{"ours": true}')


@pytest.fixture
def personalize():
    return Personalize()


@pytest.fixture
def client(personalize):
    return Client(Door(application("admin"), personalize, application("neighbours"), Hosts()))


def test_admin_paths_are_admins_whoever_signed(client):
    assert client.get("/_fakepersonalize/health/live", headers={"Authorization": PERSONALIZE}).text == "admin"
    assert client.get("/_fakepersonalize").text == "admin"


def test_motos_own_pages_are_motos_whoever_signed(client):
    assert client.post("/moto-api/reset", headers={"Authorization": PERSONALIZE}).text == "neighbours"


def test_admin_is_a_folder_not_a_prefix(client):
    assert client.get("/_fakepersonalizer").text == "neighbours"


def test_signed_for_personalize_is_ours_with_account_region_and_body(client, personalize):
    answer = client.post("/recommendations", data=b'{"userId": "1"}', headers={"Authorization": PERSONALIZE})
    assert answer.json == {"ours": True}
    incoming, scope = personalize.asked[0]
    assert scope == Scope("111111111111", "eu-west-1")
    assert (incoming.method, incoming.path, incoming.body) == ("POST", "/recommendations", b'{"userId": "1"}')
    assert incoming.headers["authorization"] == PERSONALIZE


def test_presigned_for_personalize_is_ours(client):
    credential = PERSONALIZE.split("Credential=")[1].split(",")[0]
    assert client.post("/", query_string={"X-Amz-Credential": credential}).json == {"ours": True}


@pytest.mark.parametrize("path", ["/recommendations", "/events", "/events/key", "/recommendations?list-type=2"])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "HEAD"])
def test_buckets_named_like_our_paths_stay_s3s(client, personalize, path, method):
    answer = client.open(path, method=method, headers={"Authorization": S3})
    assert answer.headers["X-From"] == "neighbours"
    assert not personalize.asked


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("authorization", [PERSONALIZE, S3, None])
@pytest.mark.parametrize("host", ["evil.example:7377", "127.0.0.1.evil.example", "10.0.0.7", ""])
def test_foreign_hosts_are_refused_on_every_path(client, personalize, path, authorization, host):
    headers = {"Host": host} | ({"Authorization": authorization} if authorization else {})
    answer = client.post(path, headers=headers)
    assert answer.status_code == 403
    assert "--allow-host" in answer.json["message"]
    assert not personalize.asked


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000", "http://127.0.0.1"])
def test_foreign_origins_are_refused_on_every_path(client, personalize, path, origin):
    answer = client.post(path, headers={"Origin": origin, "Authorization": PERSONALIZE})
    assert answer.status_code == 403
    assert origin in answer.json["message"]
    assert not personalize.asked


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_no_answer_carries_cors_headers(client, path, method):
    answer = client.open(path, method=method, headers={"Origin": "http://localhost"})
    assert answer.status_code == (405 if path == "/moto-api/reset" else 200)
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]
    assert "Connection" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "BREW"])
def test_any_method_reaches_the_dispatcher(client, personalize, method):
    answer = client.open("/recommendations", method=method, headers={"Authorization": PERSONALIZE})
    assert answer.status_code == 200
    assert personalize.asked[0][0].method == method
    assert answer.data == (b"" if method == "HEAD" else b'{"ours": true}')
    assert answer.headers["Content-Length"] == "14"


@pytest.mark.parametrize("length", ["nonsense", "-1", "", "1e3", "٣"])
def test_malformed_content_lengths_mean_no_body(personalize, client, length):
    environ = create_environ("/", method="POST", headers={"Authorization": PERSONALIZE})
    environ |= {"CONTENT_LENGTH": length, "wsgi.input": Endless()}
    status = run(client.application, environ)
    assert status.startswith("200")
    assert personalize.asked[0][0].body == b""


def test_chunked_bodies_are_read_to_their_end(personalize, client):
    environ = create_environ("/", method="POST", headers={"Authorization": PERSONALIZE})
    environ |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, "wsgi.input": io.BytesIO(b"{}")}
    environ.pop("CONTENT_LENGTH", None)
    run(client.application, environ)
    assert personalize.asked[0][0].body == b"{}"


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize(("size", "status"), [(10, "200"), (11, "413"), (99, "413")])
def test_bodies_beyond_the_limit_are_refused(client, personalize, monkeypatch, chunked, size, status):
    monkeypatch.setattr(door, "LARGEST_BODY_BYTES", 10)
    environ = create_environ("/", method="POST", data=b"x" * size, headers={"Authorization": PERSONALIZE})
    if chunked:
        environ |= {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    assert run(client.application, environ).startswith(status)
    assert len(personalize.asked) == (status == "200")


class Endless(io.RawIOBase):
    """A client that would never stop sending."""

    def readable(self):
        return True

    def readinto(self, buffer):
        raise AssertionError("nobody said how much there is to read")


def run(app, environ):
    statuses = []
    b"".join(app(environ, lambda status, headers, exc_info=None: statuses.append(status)))
    return statuses[0]
