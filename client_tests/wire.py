"""Requests as bytes, without an SDK."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

CONTROL, REST = "application/x-amz-json-1.1", "application/json"
SIGNED = "AWS4-HMAC-SHA256 Credential={key}/20240101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
NOBODY = "999999999999"  # an account that has nothing


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Wire:
    """Sends bytes to a server, each time over a new connection, or over one that is kept open."""

    endpoint: str
    account: str = NOBODY
    connection: http.client.HTTPConnection | None = field(default=None)

    def send(self, method: str, path: str, body: bytes | None = b"{}", **headers: str) -> Answer:
        """Send a request; underscores in the names of headers stand for dashes."""
        connection = self.connection or self._connect()
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            if connection is not self.connection:
                connection.close()

    @contextmanager
    def kept_open(self) -> Iterator[Wire]:
        connection = self._connect()
        try:
            yield Wire(self.endpoint, self.account, connection)
        finally:
            connection.close()

    def control(self, operation: str, body: bytes | None = b"{}", **headers: str) -> Answer:
        """Call an operation of the control plane."""
        signed = SIGNED.format(key=self.account, service="personalize")
        target = {"X_Amz_Target": f"AmazonPersonalize.{operation}", "Content_Type": CONTROL, "Authorization": signed}
        return self.send("POST", "/", body, **target | headers)

    def rest(self, body: bytes | None, path: str = "/recommendations", method: str = "POST") -> Answer:
        """Call an operation of the runtime, or of events."""
        signed = SIGNED.format(key=self.account, service="personalize")
        return self.send(method, path, body, Authorization=signed, Content_Type=REST)

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=60)
