"""Requests of all kinds of wrong to all surfaces: no answer may be a 5xx, none may take longer than five seconds.

    python benchmarks/hardening/fuzz.py --count 100000 --seed 1

Operations come from botocore's models, with members that are missing, too many, too long, of another type, or names of
what exists; beside them are admin pages, S3, IAM and STS, and bytes that are no HTTP. 501 is no failure: it says that
moto has no such operation. Exits with 1 when something was answered otherwise, or the server is no longer there.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import socket
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

sys.path.insert(0, str(Path(__file__).parents[1]))
import processes

MOST_SECONDS = 5.0
CLIENTS = 4
NOT_IMPLEMENTED = 501
SIGNED = (
    "AWS4-HMAC-SHA256 Credential={account}/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
)
ACCOUNTS = ("123456789012", "210987654321", "AKIAEXAMPLE", "", "\u00e9")
ARN = "arn:aws:personalize:us-east-1:123456789012:{kind}/{name}"
KINDS = ("dataset-group", "dataset", "schema", "solution", "campaign", "filter", "event-tracker", "recommender", "x")
TEXTS = (
    *(
        "",
        " ",
        "a",
        "shop",
        "a" * 64,
        "a" * 5000,
        "\u0000",
        "\ud83d\ude00",
        "\ud800",
        "../../etc/passwd",
        "%00",
        "%s{0}",
    ),
    *(
        "null",
        "-1",
        "1e400",
        "' OR 1=1 --",
        "<x>&",
        "s3://films/",
        "s3://",
        "rate(3 days)",
        "INCLUDE ItemID",
        "{}",
        "[]",
    ),
)
NUMBERS = (0, 1, -1, 2**31, 2**63, -(2**63), 10**400, 0.5, 1e308, float("nan"), float("inf"))
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")
ADMIN = ("health/live", "health/ready", "clock", "faults", "faults/1", "pins", "requests", "settings", "explain", "x")
QUERIES = (
    *("acl", "policy", "tagging", "versioning", "lifecycle", "cors", "uploads", "delete", "list-type=2", "versions"),
    *("uploadId=x", "partNumber=0&uploadId=x", "max-keys=-1", "max-keys=x", "location", "website", "encryption", ""),
)
FORMS = ("CreateUser", "CreateRole", "GetRole", "PutRolePolicy", "ListUsers", "GetCallerIdentity", "AssumeRole", "X")
RAW = (
    b"\x16\x03\x01\x02\x00",
    b"\x00" * 100,
    b"GET / HTTP/9.9\r\n\r\n",
    b"A" * 5000,
    b"GET /\nHost: x\n\n",
    b"\r\n" * 50,
)


class Request(NamedTuple):
    """One request; without a method its body is sent as it is."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """A request, the status of its answer (0 where there was none) and the seconds it took."""

    status: int
    seconds: float
    request: Request

    @property
    def is_wrong(self) -> bool:
        unanswered = bool(self.request.method) and not self.status  # bytes that are no HTTP need no answer
        failed = self.status >= 500 and self.status != NOT_IMPLEMENTED
        return unanswered or failed or self.seconds > MOST_SECONDS


def requests(count: int, seed: int) -> list[Request]:
    """Return requests; the same ones for the same seed."""
    dice = random.Random(seed)
    kinds = (_operation,) * 10 + (_admin, _admin, _s3, _s3, _s3, _form, _raw)
    return [dice.choice(kinds)(dice) for _ in range(count)]


def send(port: int, count: int, seed: int) -> tuple[list[Answer], Counter[int]]:
    """Send requests from several clients; return what must not be, and how often each status came."""
    asked = requests(count, seed)
    with ThreadPoolExecutor(CLIENTS) as pool:
        found = [each for part in pool.map(lambda n: _sent(port, asked[n::CLIENTS]), range(CLIENTS)) for each in part]
    return [each for each in found if each.is_wrong], Counter(each.status for each in found)


def _sent(port: int, asked: list[Request]) -> list[Answer]:
    found, connection = [], http.client.HTTPConnection("127.0.0.1", port, timeout=2 * MOST_SECONDS)
    for request in asked:
        begun, status = time.perf_counter(), 0
        try:
            if request.method:
                connection.request(request.method, request.path, request.body, request.headers)
                answer = connection.getresponse()
                status = answer.status
                answer.read()
            else:
                _send_raw(port, request.body)
        except (OSError, http.client.HTTPException):
            connection.close()
        found.append(Answer(status, time.perf_counter() - begun, request))
    connection.close()
    return found


def _send_raw(port: int, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=2 * MOST_SECONDS) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(2**16):
            pass


@cache
def _models() -> list[Any]:
    from botocore.session import get_session

    session = get_session()
    return [session.get_service_model(f"personalize{suffix}") for suffix in ("", "-runtime", "-events")]


def _operation(dice: random.Random) -> Request:
    model = dice.choice(_models())
    operation = model.operation_model(dice.choice(model.operation_names))
    members = _value(dice, operation.input_shape, 0)
    body = json.dumps(members).encode()
    if dice.random() < 0.05:
        body = dice.choice((body[:-1], b"", b"[]", b"[" * 5000, b"\xff\xfe", b"null", b'{"a":1}' * 2))
    headers = {"Authorization": _signed(dice, "personalize"), "Content-Type": "application/x-amz-json-1.1"}
    if model.metadata["protocol"] == "json":
        headers["X-Amz-Target"] = f"{model.metadata['targetPrefix']}.{operation.name}"
    return Request("POST", operation.http["requestUri"], headers, body)


def _value(dice: random.Random, shape: Any, depth: int) -> Any:
    """Return a value for a member: mostly of its type, now and then of another one."""
    if shape is None or depth > 4 or dice.random() < 0.05:
        return dice.choice((None, True, [], {}, *TEXTS, *NUMBERS))
    if shape.type_name == "structure":
        required = set(shape.required_members)
        chosen = {k: v for k, v in shape.members.items() if dice.random() < (0.95 if k in required else 0.2)}
        return {name: _named(dice, name, member, depth) for name, member in chosen.items()}
    if shape.type_name == "list":
        return [_value(dice, shape.member, depth + 1) for _ in range(dice.choice((0, 1, 2, 30)))]
    if shape.type_name == "map":
        return {dice.choice(TEXTS): _value(dice, shape.value, depth + 1) for _ in range(dice.choice((0, 1, 3)))}
    if shape.type_name == "string":
        return dice.choice((*shape.enum, *TEXTS)) if shape.enum else dice.choice(TEXTS)
    if shape.type_name == "boolean":
        return dice.random() < 0.5
    return dice.choice(NUMBERS)


def _named(dice: random.Random, name: str, shape: Any, depth: int) -> Any:
    if name.endswith("Arn") and dice.random() < 0.8:
        return ARN.format(kind=dice.choice(KINDS), name=dice.choice(("shop", "shop/INTERACTIONS", "none", "")))
    return _value(dice, shape, depth + 1)


def _admin(dice: random.Random) -> Request:
    members = {dice.choice(("operation", "latency", "error", "advance", "set", "campaign", *TEXTS)): _any(dice)}
    body = dice.choice((json.dumps(members).encode(), b"", b"[]", b"{", b"\xff"))
    if b"latency" in body:  # which would delay what follows, as asked
        body = b"{}"
    query = quote(dice.choice(TEXTS).encode("utf-8", "surrogatepass"))
    path = f"/_fakepersonalize/{dice.choice(ADMIN)}?{query}={query}"
    return Request(dice.choice(METHODS), path, {"Content-Type": "application/json"}, body)


def _any(dice: random.Random) -> Any:
    return dice.choice((None, True, [], {}, {"a": []}, *TEXTS, *NUMBERS))


def _s3(dice: random.Random) -> Request:
    bucket = dice.choice(("films", "films", "none", "A_b", "a" * 70, ""))
    key = quote(dice.choice(TEXTS).encode("utf-8", "surrogatepass"))
    headers = {"Authorization": _signed(dice, "s3")} if dice.random() < 0.8 else {}
    if dice.random() < 0.2:
        headers["Range"] = dice.choice(
            ("bytes=0-1", "bytes=9-1", "bytes=-0", "bytes=x", "lines=1", "bytes=0-1,3-4", "")
        )
    if dice.random() < 0.1:
        headers["x-amz-copy-source"] = dice.choice(("/films/a", "films", "", "%ff", "/none/x?versionId=1"))
    body = dice.choice((b"", b"text", b"<x/>", b"<Delete><Object><Key>a</Key></Object></Delete>", b"{}", b"\xff<"))
    return Request(dice.choice(METHODS), f"/{bucket}/{key}?{dice.choice(QUERIES)}", headers, body)


def _form(dice: random.Random) -> Request:
    members = {"Action": dice.choice(FORMS), "Version": "2010-05-08"}
    for name in ("UserName", "RoleName", "PolicyName", "PolicyDocument", "AssumeRolePolicyDocument", "RoleArn", "Path"):
        if dice.random() < 0.4:
            members[name] = dice.choice(TEXTS).encode("utf-8", "replace").decode()
    service = dice.choice(("iam", "sts", "sqs", "x"))
    headers = {"Authorization": _signed(dice, service), "Content-Type": "application/x-www-form-urlencoded"}
    return Request("POST", "/", headers, urlencode(members).encode())


def _raw(dice: random.Random) -> Request:
    return Request("", "", {}, dice.choice((*RAW, dice.randbytes(dice.randrange(1, 3000)))))


def _signed(dice: random.Random, service: str) -> str:
    return SIGNED.format(account=dice.choices(ACCOUNTS, (20, 2, 1, 1, 1))[0], service=service)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    with processes.ours(FAKEPERSONALIZE_QUIET="1", FAKEPERSONALIZE_LIFECYCLE="instant") as url:
        processes.client("s3", url).create_bucket(Bucket="films")
        processes.client("personalize", url).create_dataset_group(name="shop")
        wrong, statuses = send(int(url.rpartition(":")[2]), given.count, given.seed)
        alive = processes.started[-1].poll() is None
    for status, seconds, request in wrong[:20]:
        print(f"{status} after {seconds:.1f} s: {request}"[:600])
    print(f"{given.count} requests, {len(wrong)} wrong; answers by status: {dict(sorted(statuses.items()))}")
    return 0 if alive and not wrong else 1


if __name__ == "__main__":
    raise SystemExit(main())
