"""All 79 operations answer."""

from __future__ import annotations

import pytest
import smallest
from accounts import Account
from botocore import xform_name
from botocore.exceptions import ClientError

OPERATIONS = [(operation.service_model.service_name, operation.name) for operation in smallest.operations()]


def code(account: Account, service: str, name: str) -> tuple[str, int, str]:
    """Call an operation with the least that it takes; return code, status and message of the error, if there is one."""
    client = account.client(service)
    asked = smallest.request(client.meta.service_model.operation_model(name))
    try:
        getattr(client, xform_name(name))(**asked)
    except ClientError as error:
        answer = error.response
        return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]
    return "", 200, ""


def test_the_services_have_79_operations() -> None:
    assert len(OPERATIONS) == 79


@pytest.mark.parametrize(("service", "name"), OPERATIONS)
def test_every_operation_answers_the_smallest_request(account: Account, service: str, name: str) -> None:
    found, status, message = code(account, service, name)
    assert status < 500, message
    assert "validation error" not in message
    assert found in ("", "InvalidInputException", "ResourceNotFoundException")
