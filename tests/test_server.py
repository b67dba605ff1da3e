"""The process and its socket."""

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from fakepersonalize import Remote
from fakepersonalize.cli.main import main
from fakepersonalize.emulator import Emulator
from fakepersonalize.frontdoor import crew, waitress_server
from fakepersonalize.remote import port_of
from fakepersonalize.server import _port_file, _port_file_locked, create_app, running
from fakepersonalize.settings import Settings

SIGNED = "AWS4-HMAC-SHA256 Credential=111111111111/20260101/eu-west-1/personalize/aws4_request, Signature=0"
S3_SIGNED = SIGNED.replace("eu-west-1/personalize", "us-east-1/s3")
PROGRAM = """
import json, sys
from fakepersonalize.server import serve
from fakepersonalize.settings import Settings
serve(Settings(port=0, **json.loads(sys.argv[1])), on_ready=lambda url: print("ready", url, flush=True))
"""
STUCK = """
import time
from fakepersonalize.emulator import Emulator
Emulator.close = lambda self: time.sleep(60)
"""
CROWDED = """
import ctypes, sys, threading
from fakepersonalize.server import serve
from fakepersonalize.settings import Settings

def work(url):
    together = threading.Barrier(32)
    def take():
        together.wait()  # who is alone may get an arena that another thread has left
        held.append(bytearray(10_000))
        together.wait()
    held = []
    threads = [threading.Thread(target=take) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
    libc.malloc_info(0, file)
    libc.fclose(file)
    print("ready", url, flush=True)

serve(Settings(port=0), on_ready=work)
"""


@pytest.fixture(scope="module")
def served():
    with running(Settings(port=0, limits="off")) as running_server:
        yield running_server


@pytest.fixture
def connect(served):
    with ExitStack() as leaving:

        def connect(service, **config):
            client = boto3.client(
                service,
                region_name="eu-west-1",
                endpoint_url=served.url,
                aws_access_key_id="111111111111",
                aws_secret_access_key="x",
                config=Config(retries={"total_max_attempts": 1}, **config),
            )
            leaving.callback(client.close)
            return client

        yield connect


@pytest.fixture
def process():
    """Start real server processes; all are gone afterwards."""
    started = []

    def start(program=PROGRAM, **settings):
        command = [sys.executable, "-c", program, json.dumps(settings)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path.cwd())
        started.append(child)
        lines = []
        while not lines or not lines[-1].startswith("ready"):
            line = child.stdout.readline()
            assert line, child.stderr.read()
            lines.append(line.strip())
        return child, lines

    yield start
    for child in started:
        if child.poll() is None:
            child.kill()
        child.communicate()


def get(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
        return answer.status, answer.read(), dict(answer.headers)


def raw(port, request):
    """Send bytes as they are and return all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_health_answers_without_loading_a_model(served):
    for page in ("live", "ready"):
        assert get(f"{served.url}/_fakepersonalize/health/{page}")[:2] == (200, b'{"status":"%s"}\n' % page.encode())


def test_it_is_not_ready_before_and_after_its_time():
    app = create_app(Settings(in_process=True))
    emulator = app.extensions["fakepersonalize"]
    assert app.test_client().get("/_fakepersonalize/health/ready").status_code == 200
    emulator.close()
    assert app.test_client().get("/_fakepersonalize/health/ready").status_code == 503
    assert app.test_client().get("/_fakepersonalize/health/live").status_code == 200


def test_the_flask_application_answers_for_all_services():
    app = create_app(Settings(in_process=True))
    client = app.test_client()
    ours = client.post(
        "/", data="{}", headers={"Authorization": SIGNED, "X-Amz-Target": "AmazonPersonalize.ListSchemas"}
    )
    assert json.loads(ours.data) == {"schemas": []}
    assert client.put("/events", headers={"Authorization": S3_SIGNED}).status_code == 200
    assert client.post("/moto-api/reset").status_code == 200
    app.extensions["fakepersonalize"].close()


@pytest.mark.parametrize("bucket", ["recommendations", "events"])
def test_buckets_named_like_our_paths_work(connect, bucket):
    s3 = connect("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=bucket, Key="key", Body=b"content")
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"content"


def test_keys_and_metadata_arrive_as_they_were_sent(connect):
    s3 = connect("s3")
    s3.create_bucket(Bucket="awkward", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(
        Bucket="awkward", Key="//a%2F b/é", Body=b"x", Metadata={"my_key": "1", "my-key": "2", "other_key": "3"}
    )
    metadata = s3.get_object(Bucket="awkward", Key="//a%2F b/é")["Metadata"]
    # WSGI has one place for the first two names, so the one with dashes keeps it.
    assert metadata == {"my-key": "2", "other_key": "3"}


def test_motos_reset_empties_personalize_too(connect, served):
    fields = [{"name": name, "type": "string"} for name in ("USER_ID", "ITEM_ID")] + [
        {"name": "TIMESTAMP", "type": "long"}
    ]
    schema = {"type": "record", "name": "Interactions", "namespace": "x", "fields": fields, "version": "1.0"}
    personalize = connect("personalize")
    arn = personalize.create_schema(name="films", schema=json.dumps(schema))["schemaArn"]
    assert arn == "arn:aws:personalize:eu-west-1:111111111111:schema/films"
    request = urllib.request.Request(f"{served.url}/moto-api/reset", method="POST")
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 200
    assert personalize.list_schemas()["schemas"] == []
    assert connect("s3").list_buckets()["Buckets"] == []


@pytest.mark.parametrize("path", ["/", "/bucket/key", "/moto-api/data.json", "/_fakepersonalize/health/live"])
def test_rebinding_hosts_and_foreign_pages_are_refused(served, path):
    for foreign in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(served.url + path, **foreign)
        assert refused.value.code == 403
        refused.value.close()


def test_motos_answers_have_no_cors_headers(served):
    headers = get(f"{served.url}/moto-api/data.json", Origin=served.url)[2]
    assert not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE"])
@pytest.mark.parametrize(
    "path", ["/", "/recommendations", "/%00", "/%ff", "//", "/_fakepersonalize/", "/_fakepersonalize/%ff"]
)
def test_no_method_on_any_path_of_ours_makes_a_5xx_or_hangs(served, method, path):
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=5)) as connection:
        connection.request(method, path, headers={"Authorization": SIGNED})
        assert 200 <= connection.getresponse().status < 500


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PATCH", "TRACE"])
@pytest.mark.parametrize("path", ["/", "/recommendations", "/%ff", "//"])
def test_strange_requests_to_the_neighbours_are_answered(served, method, path, caplog):
    with caplog.at_level("CRITICAL"), closing(HTTPConnection("127.0.0.1", served.port, timeout=5)) as connection:
        connection.request(method, path)
        assert connection.getresponse().status  # moto has a 500 for some


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: nonsense\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 1, 2\r\n",
        b"Content-Length: 100\r\n",
        b"Transfer-Encoding: nonsense\r\n",
        b"Transfer-Encoding: chunked\r\n",
    ],
)
def test_malformed_framing_never_makes_a_5xx_or_hangs(served, framing):
    head = (
        b"POST /recommendations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: %s\r\n"
        % SIGNED.encode()
    )
    answer = raw(served.port, head + framing + b"\r\n{}")
    assert not answer.startswith(b"HTTP/1.1 5") or framing.endswith(b"nonsense\r\n")  # RFC 9112 has 501 for codings
    assert answer or framing == b"Content-Length: 100\r\n" or b"chunked" in framing


def test_chunked_bodies_are_read(served):
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: %s\r\n" % SIGNED.encode()
    chunks = b"X-Amz-Target: AmazonPersonalize.ListSchemas\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    assert b'{"schemas":[]}' in raw(served.port, head + chunks).replace(b" ", b"")


def test_an_open_connection_after_300_idle_ones_is_answered(served):
    with ExitStack() as leaving:
        for _ in range(300):
            idle = HTTPConnection("127.0.0.1", served.port, timeout=5)
            leaving.callback(idle.close)
            idle.request("GET", "/_fakepersonalize/health/live")
            assert idle.getresponse().read()
        assert get(f"{served.url}/_fakepersonalize/health/live")[0] == 200


def test_a_port_in_use_is_refused_before_anything_is_built(served):
    with pytest.raises(OSError, match="in use"), running(Settings(port=served.port)):
        pass


def test_leaving_frees_the_port_and_leaves_no_thread_and_no_folder():
    before = set(threading.enumerate())
    with running(Settings(port=0)) as short:
        folder, port = short.emulator.folder.path, short.port
        assert get(f"{short.url}/_fakepersonalize/health/live")[0] == 200
    assert set(threading.enumerate()) <= before
    assert not folder.exists()
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_the_first_lines_say_url_data_and_export_and_the_port_file_is_whole(process, tmp_path):
    child, (first, data, export, *keys, ready) = process(port_file=str(tmp_path / "port"))
    url = ready.split()[1]
    assert first.endswith(f"listens on {url}")
    assert data.startswith("Data: ")
    assert export.endswith(f"AWS_ENDPOINT_URL={url}")
    assert keys == [
        "export AWS_ACCESS_KEY_ID=123456789012",
        "export AWS_SECRET_ACCESS_KEY=anything",
        "export AWS_DEFAULT_REGION=us-east-1",
        "export AWS_REGION=us-east-1",
    ]
    assert f":{(tmp_path / 'port').read_text().strip()}" in url
    assert sorted(path.name for path in tmp_path.iterdir()) == ["port", "port.lock"]
    child.terminate()
    child.wait(2)


def test_requests_are_lines_on_stderr_unless_it_is_quiet(process):
    for quiet, told in ((False, True), (True, False)):
        child, (*_, ready) = process(quiet=quiet)
        headers = {"X-Amz-Target": "AmazonPersonalize.ListRecipes", "Authorization": SIGNED}
        request = urllib.request.Request(ready.split()[1], b"{}", headers)
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
        child.terminate()
        child.wait(2)
        lines = child.stderr.read().splitlines()
        assert [line for line in lines if "ListRecipes" in line] == lines
        assert bool(lines) == told


def test_nobody_waits_for_request_lines_that_nobody_reads(process):
    child, (*_, ready) = process()
    connection = HTTPConnection(ready.split("//")[1], timeout=10)
    for _ in range(2000):  # a pipe takes 64 KiB
        connection.request("GET", "/_fakepersonalize/clock?" + "a" * 100)
        connection.getresponse().read()
    connection.close()
    child.terminate()
    child.wait(2)


def test_a_server_for_others_says_where_and_what_must_be_allowed(process):
    child, lines = process(host="0.0.0.0")
    others = [line for line in lines if line.startswith("Other machines: http://")]
    assert others
    assert all("--allow-host" in line for line in others)
    child.terminate()
    child.wait(2)


def test_a_port_file_that_is_anothers_by_now_stays(tmp_path):
    path = tmp_path / "port"
    with _port_file(str(path), 1):
        path.write_text("2\n")
    assert path.read_text() == "2\n"
    with pytest.raises(IsADirectoryError), _port_file(str(tmp_path), 1):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["port"]


def test_a_temporary_folder_goes_and_a_chosen_one_stays(process, tmp_path):
    for settings in ({}, {"data_dir": str(tmp_path / "data")}):
        child, lines = process(**settings)
        folder = Path(lines[1].removeprefix("Data: ").removesuffix(", removed at exit"))
        assert folder.is_dir()
        child.terminate()
        child.wait(2)
        assert folder.exists() == bool(settings)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_temporary_folder_goes_also_when_its_server_must_leave_before_that(process):
    child, lines = process(program=STUCK + PROGRAM)
    folder = Path(lines[1].removeprefix("Data: ").removesuffix(", removed at exit"))
    assert folder.is_dir()
    child.send_signal(signal.SIGTERM)
    assert child.wait(2) == 0
    deadline = time.monotonic() + 30
    while folder.exists():
        assert time.monotonic() < deadline, list(folder.rglob("*"))
        time.sleep(0.01)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_it_within_two_seconds_also_with_open_connections_and_work(process, number):
    child, lines = process(quiet=True)
    url = lines[-1].split()[1]
    with ExitStack() as leaving:
        port = int(url.rpartition(":")[2])
        for _ in range(20):
            leaving.enter_context(socket.create_connection(("127.0.0.1", port)))
        half = leaving.enter_context(socket.create_connection(("127.0.0.1", port)))
        half.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
        get(f"{url}/moto-api/data.json")
        child.send_signal(number)
        assert child.wait(2) == 0
    assert child.stderr.read() == ""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's malloc")
def test_threads_do_not_keep_freed_memory_each_for_itself(tmp_path, monkeypatch):
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    command = [sys.executable, "-c", CROWDED, str(tmp_path / "malloc.xml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert any(line.startswith("ready") for line in child.stdout)
        child.terminate()
    assert (tmp_path / "malloc.xml").read_text().count("<heap nr=") == 1


def test_a_request_that_never_ends_does_not_hold_up_the_end(monkeypatch):
    begun, release = threading.Event(), threading.Event()

    def wait(emulator, incoming, scope):
        begun.set()
        release.wait(30)
        raise AssertionError("nobody waits for this answer")

    monkeypatch.setattr(Emulator, "answer", wait)
    with running(Settings(port=0)) as stuck:
        request = f"POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: {SIGNED}\r\n\r\n".encode()
        asking = threading.Thread(target=raw, args=(stuck.port, request))
        asking.start()
        assert begun.wait(5)
    asking.join(2)
    assert not asking.is_alive()
    release.set()


def test_a_fault_that_waits_holds_up_nobody_for_a_moment(monkeypatch):
    monkeypatch.setattr(crew, "SLOW_SECONDS", 5)  # nobody is taken for slow
    with running(Settings(port=0)) as served, ExitStack() as leaving:
        served.emulator.fail(operation="ListSchemas", latency=2.0)
        for _ in range(3):
            waiting = HTTPConnection("127.0.0.1", served.port, timeout=5)
            leaving.callback(waiting.close)
            waiting.request(
                "POST", "/", "{}", {"Authorization": SIGNED, "X-Amz-Target": "AmazonPersonalize.ListSchemas"}
            )
        begun = time.monotonic()
        assert get(f"{served.url}/_fakepersonalize/health/live")[0] == 200
        assert time.monotonic() - begun < 1.5


def test_importing_the_server_loads_nothing_heavy():
    program = "import sys, fakepersonalize.server as s; s.create_app(s.Settings(in_process=True)); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path.cwd())
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"moto", "pandas", "scipy", "implicit", "pyarrow", "numpy", "boto3"}


def test_many_open_files_are_allowed():
    resource = pytest.importorskip("resource", reason="Windows")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        waitress_server._allow_open_files(512)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 512
        assert waitress_server._allow_open_files(300) == 300
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 512
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_no_heavy_library_is_loaded_before_the_first_health_answer():
    code = """if True:
        import sys
        from fakepersonalize.server import create_app
        status = create_app().test_client().get("/_fakepersonalize/health/live").status_code
        heavy = ("botocore", "moto", "numpy", "scipy", "implicit", "pandas", "pyarrow", "lark", "fastavro", "urllib3")
        print(status, sorted({*heavy} & {*sys.modules}))
    """
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "200 []\n"


def ask_remote(remote):
    """Use a read-only page, one that changes something, and one of moto's."""
    remote.calls()
    remote.reset()
    remote.empty()


def test_a_server_that_listens_beyond_loopback_makes_up_a_token_and_says_it(process, monkeypatch, capsys):
    monkeypatch.delenv("FAKEPERSONALIZE_TOKEN", raising=False)
    child, lines = process(host="0.0.0.0")
    url, token = lines[-1].split()[1], "".join(lines).partition("FAKEPERSONALIZE_TOKEN=")[2].partition("export")[0]
    assert len(token) >= 32
    assert get(f"{url}/_fakepersonalize/health/ready")[0] == 200
    with pytest.raises(ValueError, match="Bearer TOKEN"):
        ask_remote(Remote(url))
    ask_remote(Remote(url, token))
    monkeypatch.setenv("FAKEPERSONALIZE_TOKEN", token)
    ask_remote(Remote(url))
    port = ["--port", url.rpartition(":")[2]]
    assert main(["jobs", *port]) == 0
    monkeypatch.delenv("FAKEPERSONALIZE_TOKEN")
    assert main(["jobs", *port]) == 1
    assert "Bearer TOKEN" in capsys.readouterr().err
    assert main(["jobs", *port, "--admin-token", token]) == 0
    child.terminate()
    child.wait(5)
    assert token not in child.stderr.read()


def test_on_loopback_a_token_is_only_needed_behind_a_proxy():
    with running(Settings(port=0, token="secret")) as served:
        page = f"{served.url}/_fakepersonalize/settings"
        assert b"secret" not in get(page)[1]
        assert "secret" not in repr(served.emulator.settings)
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(page, **{"X-Forwarded-For": "10.0.0.7"})
        assert refused.value.code == 401
        refused.value.close()
        assert get(page, **{"X-Forwarded-For": "10.0.0.7", "Authorization": "Bearer secret"})[0] == 200


@pytest.mark.parametrize("token", ["", "two words", "é", "a\nb"])
def test_a_token_must_fit_into_a_header(token):
    with pytest.raises(ValueError, match="token"):
        Settings(token=token)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_fetch_of_node_passes(served):
    script = """
        const answer = await fetch(process.argv[1] + "/_fakepersonalize/reset", {method: "POST"});
        console.log(answer.status, (await answer.json()).removed);
    """
    command = ["node", "--input-type=module", "-e", script, served.url]
    assert subprocess.run(command, capture_output=True, text=True, timeout=30).stdout == "200 0\n"


def test_a_bucket_in_the_host_leads_to_no_page_of_motos(served, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for host in ("moto-api.localhost", "moto-api.s3.localhost"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(f"{served.url}/recorder/start-recording", Host=host)
        assert refused.value.code == 404
        refused.value.close()
    get(f"{served.url}/moto-api/data.json")
    assert not list(tmp_path.iterdir())


def test_objects_of_s3_are_sandboxed_and_otherwise_as_they_were(connect):
    s3 = connect("s3")
    s3.create_bucket(Bucket="pages", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="pages", Key="page.html", Body=b"<script>1</script>", ContentType="text/html")
    answer = s3.get_object(Bucket="pages", Key="page.html")
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert (headers["content-security-policy"], headers["x-content-type-options"]) == ("sandbox", "nosniff")
    assert (answer["ContentType"], answer["Body"].read()) == ("text/html", b"<script>1</script>")


@pytest.mark.parametrize(("iam", "status"), [("enforce", 403), ("warn", 200), ("off", 200)])
def test_enforcing_keeps_accounts_apart(iam, status):
    with running(Settings(port=0, iam=iam)) as served:
        for path in ("/apart", "/apart/key"):
            assert send("PUT", served.url + path, S3_SIGNED) == 200
        assert send("GET", f"{served.url}/apart/key", S3_SIGNED) == 200
        assert send("GET", f"{served.url}/apart/key", S3_SIGNED.replace("111111111111", "222222222222")) == status
        assert send("POST", f"{served.url}/moto-api/reset") == 200


def send(method, url, authorization=None):
    """Return the status of an answer."""
    headers = {"Authorization": authorization} if authorization else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, b"", headers, method=method), timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return refusal.code


def test_two_servers_never_share_a_port_file(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    command = [sys.executable, "-m", "fakepersonalize", "serve", "--port", "0", "--port-file", str(port_file)]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port = port_of(port_file, lambda: first.poll() is None)
        second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert second.returncode != 0
        assert f"The port file {port_file} is in use by another server." in second.stderr
        assert "Traceback" not in second.stderr
        assert port_file.read_text() == f"{port}\n"
    finally:
        first.kill()
        first.wait()
    with _port_file_locked(str(port_file)):  # a server that was killed keeps nobody out
        pass
    assert list(tmp_path.iterdir()) == [port_file]


@pytest.mark.parametrize("path", ["/", "/_fakepersonalize/health", "/schemas"])
def test_several_processes_are_refused_with_a_sentence(path: str) -> None:
    app = create_app(Settings(port=0))
    try:
        client = app.test_client()
        alone = client.get(path, environ_overrides={"wsgi.multiprocess": False})
        assert alone.status_code != 421
        refused = client.get(path, environ_overrides={"wsgi.multiprocess": True})
        assert refused.status_code == 421
        assert "gunicorn --workers 1 --threads 16" in refused.json["message"]
    finally:
        app.extensions["fakepersonalize"].close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_worker_that_was_forked_from_the_maker_refuses_too() -> None:  # as gunicorn --preload does
    app = create_app(Settings(port=0))
    try:
        child = os.fork()
        if not child:
            os._exit(0 if app.test_client().get("/schemas").status_code == 421 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert app.test_client().get("/schemas").status_code != 421
    finally:
        app.extensions["fakepersonalize"].close()
