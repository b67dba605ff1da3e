"""While a guard is in force, nothing in this process connects to AWS's hosts."""

from __future__ import annotations

import asyncio
import http.client
import importlib.util
import json
import socket
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from socket import create_connection as bound_before
from typing import Any

import boto3
import botocore
import pytest
import requests
import urllib3
from botocore.config import Config
from moto import mock_aws

from fakepersonalize import guard, mock_personalize
from fakepersonalize.guard import SUFFIXES, ConnectionToAWSRefused, guarded

HOST = "personalize.us-east-1.amazonaws.com"
KEYS = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "x", "region_name": "us-east-1"}
BEFORE = boto3.client("personalize", **KEYS)
STANDARD = boto3.client("personalize", config=Config(retries={"mode": "standard"}), **KEYS)
SENTENCE = f"{HOST} belongs to AWS, which tests must not reach.*personalize_server"


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A server on this machine that stands for AWS once a name is resolved; gives the heads of requests that came."""
    heads: list[str] = []
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                heads.append(connection.recv(65536).decode("latin-1"))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    thread = threading.Thread(target=serve)
    thread.start()
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host in (HOST, HOST.encode()):
            sys.audit("socket.getaddrinfo", host, *args)  # as the real one does
            if args[0] is None:  # the guard asks where a name leads: elsewhere
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))]
            return resolve("127.0.0.1", port, *args[1:], **kwargs)
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield heads
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def by_urllib3() -> None:
    with urllib3.PoolManager(retries=False) as pool:
        pool.request("GET", f"https://{HOST}/")


def by_asyncio() -> None:
    async def connect() -> None:
        await asyncio.open_connection(HOST, 443)

    asyncio.run(connect())


def by_tunnel() -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", 9)) as connection:
        connection.set_tunnel(HOST, 443)
        connection.request("GET", "/")


WAYS: dict[str, Callable[[], Any]] = {
    "boto3, made before": BEFORE.list_schemas,
    "boto3, standard retries": STANDARD.list_schemas,
    "boto3, made inside": lambda: boto3.client("personalize", **KEYS).delete_schema(schemaArn="arn:x"),
    "requests": lambda: requests.get(f"https://{HOST}/", timeout=5),
    "urllib3": by_urllib3,
    "urllib.request": lambda: urllib.request.urlopen(f"https://{HOST.upper()}./", timeout=5),
    "http.client through a tunnel": by_tunnel,
    "sockets": lambda: bound_before((HOST, 443), 5),
    "gethostbyname": lambda: socket.gethostbyname(HOST),
    "asyncio": by_asyncio,
}


@pytest.mark.parametrize("way", WAYS)
def test_no_client_connects_to_aws(way: str, reached: list[str]) -> None:
    with guarded(), pytest.raises(ConnectionToAWSRefused, match=SENTENCE):
        WAYS[way]()
    assert reached == []


def test_a_connection_that_is_open_already_takes_no_more_requests(reached: list[str]) -> None:
    with closing(http.client.HTTPConnection(HOST, 80, timeout=5)) as connection:
        connection.request("GET", "/before")
        connection.getresponse().read()
        with guarded(), pytest.raises(ConnectionToAWSRefused, match=SENTENCE):
            connection.request("GET", "/inside")
    assert [head.split()[1] for head in reached] == ["/before"]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # urllib3 leaves its socket to the collector
def test_a_proxy_is_not_asked_for_aws(scheme: str, reached: list[str]) -> None:
    port = socket.getaddrinfo(HOST, 80)[0][4][1]
    with guarded(), urllib3.ProxyManager(f"http://127.0.0.1:{port}", retries=False) as pool:
        assert pool.request("GET", "http://elsewhere.invalid/").status == 200
        with pytest.raises(ConnectionToAWSRefused, match=SENTENCE):
            pool.request("GET", f"{scheme}://{HOST}/")
    assert [head.split()[1] for head in reached if head] == ["http://elsewhere.invalid/"]


def test_a_socket_that_resolves_a_name_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "SUFFIXES", ("localhost",))
    monkeypatch.setattr(guard, "_is_loopback", lambda name: False)
    refused = pytest.raises(ConnectionToAWSRefused, match="localhost belongs to AWS")
    with closing(socket.create_server(("127.0.0.1", 0))) as listening, socket.socket() as plain, guarded(), refused:
        plain.connect(("localhost", listening.getsockname()[1]))


def test_without_a_guard_everything_is_as_before(reached: list[str]) -> None:
    with guarded():
        pass
    client = boto3.client("personalize", endpoint_url=f"http://{HOST}", **KEYS)
    client.list_schemas()
    assert len(reached) == 1


@pytest.mark.parametrize("host", [HOST, "*.us-east-1.amazonaws.com", HOST.upper()])
def test_hosts_can_be_exempt(host: str, reached: list[str]) -> None:
    client = boto3.client("personalize", endpoint_url=f"http://{HOST}", **KEYS)
    with guarded([host.lower()]):
        client.list_schemas()
    with guarded(["sts.amazonaws.com"]), pytest.raises(ConnectionToAWSRefused):
        client.list_schemas()
    assert len(reached) == 1


def test_names_that_resolve_to_loopback_pass(reached: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo

    def to_loopback(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:  # as /etc/hosts may say
        if host == HOST and port is None:
            return resolve("127.0.0.1", None)
        return resolve(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", to_loopback)
    with guarded():
        assert requests.get(f"http://{HOST}/", timeout=5).status_code == 200
    assert len(reached) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "example.com.invalid", "notamazonaws.com.invalid"])
def test_other_hosts_are_left_alone(host: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
        with guarded():
            try:
                socket.create_connection((host, port), 5).close()
            except OSError:  # a name that does not resolve, which is no refusal of ours
                assert host.endswith(".invalid")


def test_the_suffixes_are_those_of_all_partitions() -> None:
    data = Path(botocore.__file__).parent / "data"
    outputs = [each["outputs"] for each in json.loads((data / "partitions.json").read_text())["partitions"]]
    names = {each[name] for each in outputs for name in ("dnsSuffix", "dualStackDnsSuffix")}
    assert len(names) > 10
    assert [name for name in names if not f".{name}".endswith(tuple(f".{each}" for each in SUFFIXES))] == []


@pytest.mark.parametrize("service", ["personalize", "s3"])
def test_inside_a_mock_boto3_is_answered_and_what_moto_lacks_is_refused(service: str, reached: list[str]) -> None:
    with mock_personalize():
        assert boto3.client("personalize", **KEYS).list_schemas()["schemas"] == []
        assert boto3.client("s3", **KEYS).list_buckets()["Buckets"] == []
        with pytest.raises(ConnectionToAWSRefused):
            socket.create_connection((f"{service}.us-east-1.amazonaws.com", 443), 5)
        with pytest.raises(ConnectionToAWSRefused):
            by_urllib3()
    assert reached == []


@pytest.mark.parametrize("service", ["personalize", "personalize-runtime", "personalize-events"])
def test_inside_a_mock_motos_own_personalize_does_not_answer_requests(service: str) -> None:
    host = f"{service}.us-east-1.amazonaws.com"
    headers = {"X-Amz-Target": "AmazonPersonalize.ListSchemas"}
    with mock_personalize(), mock_aws():
        with pytest.raises(ConnectionToAWSRefused, match=f"{host} belongs to AWS"):
            requests.post(f"https://{host}/", "{}", headers=headers, timeout=5)
        assert requests.get("https://personalize.s3.amazonaws.com/", timeout=5).status_code == 404


@pytest.mark.parametrize("given", ["sts.amazonaws.com", [1], None])
def test_hosts_to_exempt_are_a_list(given: Any) -> None:
    with pytest.raises(TypeError, match="allow_hosts must be a list of host names"):
        mock_personalize(allow_hosts=given)


@pytest.mark.skipif(not importlib.util.find_spec("aiobotocore"), reason="aiobotocore pins botocore: tox -e aio")
class TestAiobotocore:
    @pytest.mark.parametrize("service", ["personalize", "s3"])
    @pytest.mark.parametrize("made", ["before", "inside"])
    def test_it_is_refused_at_once_with_a_sentence(self, service: str, made: str) -> None:
        from aiobotocore.session import get_session

        call = {"personalize": "list_schemas", "s3": "list_buckets"}[service]

        async def main() -> None:
            session = get_session()
            if made == "inside":
                with mock_personalize():
                    async with session.create_client(service, **KEYS) as client:
                        await getattr(client, call)()
            async with session.create_client(service, **KEYS) as client:
                with mock_personalize():
                    await getattr(client, call)()

        with pytest.raises(ConnectionToAWSRefused, match=r"aiobotocore.*personalize_server"):
            asyncio.run(main())

    @pytest.mark.skipif(not importlib.util.find_spec("aioboto3"), reason="aioboto3 pins boto3: tox -e aio")
    def test_aioboto3_is_refused_as_well(self) -> None:
        import aioboto3

        async def main() -> None:
            async with aioboto3.Session().resource("s3", **KEYS) as s3:
                with mock_personalize():
                    await s3.meta.client.list_buckets()

        with pytest.raises(ConnectionToAWSRefused, match="aioboto3"):
            asyncio.run(main())

    def test_it_reaches_a_server(self, personalize_server: Any) -> None:
        from aiobotocore.session import get_session

        async def main() -> Any:
            async with get_session().create_client(
                "personalize", endpoint_url=personalize_server.url, **KEYS
            ) as client:
                arn = (await client.create_dataset_group(name="films"))["datasetGroupArn"]
                return (await client.describe_dataset_group(datasetGroupArn=arn))["datasetGroup"]["name"]

        assert asyncio.run(main()) == "films"
