"""A client of Personalize for the emulator's own use: what it asks is answered in this thread, without a socket."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fakepersonalize.arns import Scope
from fakepersonalize.clients import NOWHERE, new_session, respond
from fakepersonalize.protocol.wire import Incoming, Reply

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

Answer = Callable[[Incoming, Scope], Reply]


def own_client(answer: Answer, scope: Scope) -> Any:
    """Return a client of the service `personalize`, as boto3 has it, whose requests `answer` gets."""
    client = new_session().create_client(
        "personalize",
        region_name=scope.region,
        endpoint_url=NOWHERE,
        aws_access_key_id=scope.account,
        aws_secret_access_key=scope.account,  # nothing is verified
    )
    client.meta.events.register_first("before-send", partial(_ask, answer, scope))
    return client


def _ask(answer: Answer, scope: Scope, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    headers = {
        name.lower(): value.decode("latin-1") if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
    body = request.body or b""
    path = urlsplit(request.url).path or "/"
    reply = answer(Incoming(request.method, path, headers, body if isinstance(body, bytes) else body.encode()), scope)
    return respond(request.url, reply.status, reply.headers.items(), reply.body)
