"""Every constraint of every input member of all operations, tried at its boundary and beyond."""

import json
from typing import Any

import pytest
from boundaries import cases, changed, good

from fakepersonalize.errors import ServiceError
from fakepersonalize.protocol.constraints import check
from fakepersonalize.protocol.messages import read
from fakepersonalize.protocol.service_models import Operation, ServiceModels
from fakepersonalize.protocol.wire import Incoming

MODELS = ServiceModels()


def received(operation: Operation, request: Any) -> None:
    check(operation, read(operation, Incoming("POST", "/", {}, json.dumps(request).encode())))


@pytest.mark.parametrize("operation", tuple(MODELS), ids=lambda operation: operation.name)
def test_every_constraint_is_kept_at_its_boundary_and_beyond(operation: Operation) -> None:
    request = good(operation.input)
    received(operation, request)
    for case in cases(operation.input, (), ""):
        if case.refused is None:
            received(operation, changed(request, case))
            continue
        with pytest.raises(ServiceError) as caught:
            received(operation, changed(request, case))
        assert caught.value.code == case.refused, case
        if case.way:
            assert f"'{case.path}" in str(caught.value), case
