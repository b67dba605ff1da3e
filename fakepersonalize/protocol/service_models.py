"""The operations that exist, read from the service models that ship with botocore."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from fakepersonalize.errors import UnknownOperationException, shortened
from fakepersonalize.protocol.wire import Incoming, WireProtocol

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel, StructureShape

SERVICES = ("personalize", "personalize-runtime", "personalize-events")

# Ours: AWS's front ends send this error without a sentence.
NO_SUCH_OPERATION = "There is no operation at {method} {address}"


@dataclass(frozen=True, eq=False, slots=True)
class Operation:
    """One operation of a service model: how it is called, what it takes, gives and raises.

    `function` is the operation's name in Python (`create_campaign`). `errors` maps each error code of the model to its
    HTTP status, 400 where the model names none. `target` is the `X-Amz-Target` of the JSON protocol, None for REST.
    """

    service: str
    name: str
    function: str
    input: StructureShape
    output: StructureShape | None
    errors: Mapping[str, int]
    method: str
    path: str
    protocol: WireProtocol
    target: str | None


class ServiceModels:
    """The operations of the three Personalize services, found by name or by the address of a request.

    botocore's files are read at the first question, not when this is made.
    """

    def __iter__(self) -> Iterator[Operation]:
        return iter(_operations())

    def __len__(self) -> int:
        return len(_operations())

    def names(self) -> list[str]:
        """Return what AWS calls the operations."""
        return [operation.name for operation in self]

    def operation(self, name: str) -> Operation:
        """Return the operation that AWS calls `name`, such as `CreateCampaign`; KeyError when there is none."""
        return self._by_name[name]

    def find(self, incoming: Incoming) -> Operation:
        """Return the operation that a request is for: by `X-Amz-Target` if there is one, else by path.

        Raises UnknownOperationException.
        """
        target = incoming.headers.get("x-amz-target")
        found = self._by_path.get(incoming.path) if target is None else self._by_target.get(target)
        if found is None or found.method != incoming.method:
            address = shortened(incoming.path if target is None else target)
            raise UnknownOperationException(NO_SUCH_OPERATION.format(method=incoming.method, address=address))
        return found

    @cached_property
    def _by_name(self) -> dict[str, Operation]:
        return {operation.name: operation for operation in self}

    @cached_property
    def _by_target(self) -> dict[str, Operation]:
        return {operation.target: operation for operation in self if operation.target is not None}

    @cached_property
    def _by_path(self) -> dict[str, Operation]:
        return {operation.path: operation for operation in self if operation.target is None}


@cache
def _operations() -> tuple[Operation, ...]:
    """Read the models once for all; they never change while a process lives."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    # The shipped models alone: a user's ~/.aws/models must not change what the emulator answers.
    loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    models = (ServiceModel(loader.load_service_model(service, "service-2"), service) for service in SERVICES)
    return tuple(_operation(model, model.operation_model(name)) for model in models for name in model.operation_names)


def _operation(service: ServiceModel, model: OperationModel) -> Operation:
    from botocore import xform_name

    prefix = service.metadata.get("targetPrefix")
    return Operation(
        service=service.service_name,
        name=model.name,
        function=xform_name(model.name),
        input=model.input_shape,
        output=model.output_shape,
        errors={shape.error_code: _status(shape) for shape in model.error_shapes},
        method=model.http["method"],
        path=model.http["requestUri"],
        protocol=service.metadata["protocol"],
        target=f"{prefix}.{model.name}" if prefix else None,
    )


def _status(error: Any) -> int:
    return int(error.metadata.get("error", {}).get("httpStatusCode", 400))
