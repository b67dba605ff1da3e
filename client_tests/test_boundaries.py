"""Every constraint of every input member of all operations, over HTTP and in process, as no SDK would let it pass.

What a good request then meets behind the check of its shape is not looked at here, as long as it is no error of ours.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import accounts
import pytest
from accounts import Account
from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest
from botocore.model import OperationModel
from boundaries import Case, cases, changed, good
from shapes import CONSTRAINT

SERVICES = ("personalize", "personalize-runtime", "personalize-events")
SIGNED = (
    "AWS4-HMAC-SHA256 Credential={key}/20240101/us-east-1/personalize/aws4_request, SignedHeaders=host, Signature=0"
)

OPERATIONS = [
    service.operation_model(name)
    for service in map(accounts.session._session.get_service_model, SERVICES)
    for name in service.operation_names
]


class Answer:
    """Status, code of the error and message of an answer."""

    def __init__(self, model: OperationModel, raw: Any) -> None:
        body = json.loads(raw.content or b"{}")
        in_body = model.service_model.metadata["protocol"] == "json"
        headers = {name.lower(): value for name, value in raw.headers.items()}
        self.status: int = raw.status_code
        self.code = body.get("__type") if in_body else headers.get("x-amzn-errortype")
        self.message: str = body.get("message", "")

    def __repr__(self) -> str:
        return f"{self.status} {self.code}: {self.message[:500]}"


def send(account: Account, model: OperationModel, request: Any) -> Answer:
    """Send a request as it is, past all that botocore checks, over the transport of the account's clients."""
    service = model.service_model
    headers = {"Authorization": SIGNED.format(key=account.number), "Content-Type": "application/json"}
    if "targetPrefix" in service.metadata:
        headers["X-Amz-Target"] = f"{service.metadata['targetPrefix']}.{model.name}"
    endpoint = account.client(service.service_name)._endpoint
    url = endpoint.host + model.http["requestUri"]
    sent = AWSPreparedRequest(model.http["method"], url, headers, json.dumps(request).encode(), stream_output=False)
    return Answer(model, endpoint._send(sent))


def refusals(model: OperationModel) -> list[Case]:
    return [case for case in cases(model.input_shape, (), "") if case.refused]


@pytest.mark.parametrize("model", OPERATIONS, ids=lambda model: model.name)
def test_what_breaks_a_constraint_is_refused_by_its_name_and_changes_nothing(
    account: Account, model: OperationModel
) -> None:
    request = good(model.input_shape)
    for case in refusals(model):
        answer = send(account, model, changed(request, case))
        assert (answer.status, answer.code) == (400, case.refused), (case, answer)
        assert not case.way or f"'{case.path}" in answer.message, (case, answer)
    for list_name, key in lists_of(account, model):
        assert getattr(account.personalize, list_name)()[key] == []


def lists_of(account: Account, model: OperationModel) -> list[tuple[str, str]]:
    """Return the list that shows what an operation creates, with the member that it is in."""
    name = f"List{model.name.removeprefix('Create')}s"
    service = account.personalize.meta.service_model
    if not model.name.startswith("Create") or name not in service.operation_names:
        return []
    members = service.operation_model(name).output_shape.members
    return [(xform_name(name), member) for member in members if member != "nextToken"]


@pytest.mark.parametrize("model", OPERATIONS, ids=lambda model: model.name)
def test_what_keeps_to_every_constraint_passes_the_check_of_its_shape(account: Account, model: OperationModel) -> None:
    request = good(model.input_shape)
    for case in cases(model.input_shape, (), ""):
        if not case.refused:
            answer = send(account, model, changed(request, case))
            assert answer.status < 500, (case, answer)
            assert answer.code != "SerializationException", (case, answer)
            assert not CONSTRAINT.match(answer.message), (case, answer)


def test_the_cases_are_many_and_of_every_sort() -> None:
    sorts = Counter(case.what for model in OPERATIONS for case in cases(model.input_shape, (), ""))
    assert sorts.total() > 2400, sorts
    assert sorts.keys() >= {"missing", "null", "wrong type", "unknown member", "below minimum", "above maximum"}
    assert sorts.keys() >= {"pattern", "bad enum value", "enum value", "at minimum", "at maximum"}
