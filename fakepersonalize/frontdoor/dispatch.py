"""The steps of answering one call, in one function."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

from fakepersonalize.arns import Scope
from fakepersonalize.errors import InternalFailure, NotImplementedByFakePersonalize, ServiceError
from fakepersonalize.lifecycle.machine import Lifecycle
from fakepersonalize.protocol.constraints import check
from fakepersonalize.protocol.messages import Incoming, Reply, read, write, write_error
from fakepersonalize.protocol.service_models import Operation, ServiceModels
from fakepersonalize.resources.identifiers import Identifiers
from fakepersonalize.storage.metadata import Database

log = logging.getLogger(__name__)
READING = ("Describe", "Get", "List")

Handler = Callable[[Any, dict[str, Any]], Mapping[str, Any] | None]
OpenCall = Callable[[Operation, Scope, str], Any]


class Dispatcher:
    """Answers what is sent to the three services; knows no web framework.

    It is handed what it cannot know: `handlers` by the names of their functions, and `open_call`, which makes the first
    argument of a handler from operation, scope and request id.
    """

    def __init__(
        self,
        models: ServiceModels,
        handlers: Mapping[str, Handler],
        open_call: OpenCall,
        database: Database,
        lifecycle: Lifecycle,
        teach: bool,
    ) -> None:
        self._models, self._handlers, self._open_call = models, handlers, open_call
        self._database, self._lifecycle, self._teach = database, lifecycle, teach
        self._request_ids = Identifiers(None)

    def answer(self, incoming: Incoming, scope: Scope) -> Reply:
        """Answer one request; whatever goes wrong becomes an AWS error."""
        request_id, operation = self._request_ids.uuid(), None
        try:
            operation = self._models.find(incoming)
            request = read(operation, incoming)
            check(operation, request)
            handler = self._handlers.get(operation.function)
            if handler is None:
                raise NotImplementedByFakePersonalize(f"{operation.name} is not built in fakepersonalize yet.")
            self._lifecycle.settle()
            call = self._open_call(operation, scope, request_id)
            with nullcontext() if _only_reads(operation) else self._database.transaction():
                result = handler(call, request)
            self._lifecycle.settle()  # where steps last nothing, they are over when the call is
            return write(operation, result, request_id)
        except ServiceError as error:
            return self._refusal(operation, error, request_id, incoming)
        except Exception:
            log.exception("%s failed", operation.name if operation else incoming.path)
            return self._refusal(operation, InternalFailure("Internal failure."), request_id, incoming)

    def _refusal(self, operation: Operation | None, error: ServiceError, request_id: str, incoming: Incoming) -> Reply:
        return write_error(operation, error, request_id, incoming.protocol, self._teach)


def _only_reads(operation: Operation) -> bool:
    return operation.name.startswith(READING)
