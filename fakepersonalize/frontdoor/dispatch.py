"""The steps of answering one call, in one function."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from fakepersonalize.arns import Scope
from fakepersonalize.disk import complaint
from fakepersonalize.errors import (
    DiskFailure,
    InternalFailure,
    NotImplementedByFakePersonalize,
    ServiceError,
    fault,
)
from fakepersonalize.faults import ConnectionCut, Event, Faults
from fakepersonalize.frontdoor.journal import Entry, Journal
from fakepersonalize.frontdoor.kept_answers import KeptAnswers
from fakepersonalize.lifecycle.machine import Lifecycle
from fakepersonalize.protocol.constraints import check
from fakepersonalize.protocol.messages import again, read, write, write_error
from fakepersonalize.protocol.service_models import Operation, ServiceModels
from fakepersonalize.protocol.wire import Incoming, Reply
from fakepersonalize.resources.identifiers import Identifiers
from fakepersonalize.storage.metadata import Database

log = logging.getLogger(__name__)
READING = ("Describe", "Get", "List")
CONTROL_PLANE = "personalize"
NO_REPLY = Reply(0, {}, b"")

Handler = Callable[[Any, dict[str, Any]], Mapping[str, Any] | None]
OpenCall = Callable[[Operation, Scope, str, bool, bytes], Any]
NAMING = ("name", "jobName", "trackingId")  # and all that end in Arn


class Dispatcher:
    """Answers what is sent to the three services; knows no web framework.

    It is handed what it cannot know: `handlers` by the names of their functions, `looks`, which run before the
    transactions of some of them, and `open_call`, which makes the first argument of both from operation, scope, request
    id, whether what is streamed is to be lost, and the body.
    """

    def __init__(
        self,
        models: ServiceModels,
        handlers: Mapping[str, Handler],
        open_call: OpenCall,
        database: Database,
        lifecycle: Lifecycle,
        journal: Journal,
        teach: bool,
        faults: Faults | None = None,
        looks: Mapping[str, Handler] | None = None,
    ) -> None:
        self._models, self._handlers, self._open_call = models, handlers, open_call
        self._database, self._lifecycle, self._journal, self._teach = database, lifecycle, journal, teach
        self._faults = Faults() if faults is None else faults
        self._looks = looks or {}
        self.sleep: Callable[[float], object] = time.sleep  # because a fault says so
        self._request_ids = Identifiers(None)
        self._kept = KeptAnswers(lambda: database.commits)

    def answer(self, incoming: Incoming, scope: Scope) -> Reply:
        """Answer one request and note it; whatever goes wrong becomes an AWS error."""
        begun, request_id = time.perf_counter(), self._request_ids.uuid()
        operation: Operation | None = None
        error: ServiceError | None = None
        cut: ConnectionCut | None = None
        reply = NO_REPLY
        try:
            operation = self._models.find(incoming)
            lost = bool(self._faults) and self._struck(operation, incoming, scope)
            reply = self._done(operation, incoming, scope, request_id, lost)
        except ConnectionCut as asked:
            cut = asked
        except ServiceError as refusal:
            error = refusal
        except Exception as problem:
            said, name = complaint(problem), operation.name if operation else incoming.path
            log.error("%s failed: %s", name, said or problem, exc_info=not said)
            error = DiskFailure(said) if said else InternalFailure("Internal failure.")
        if error:
            reply = write_error(operation, error, request_id, incoming.protocol, self._teach)
        self._journal.note(
            Entry(
                self._lifecycle.clock.now(),
                request_id,
                scope,
                operation.name if operation else None,
                incoming.body,
                reply.status,
                error.code if error else type(cut).__name__ if cut else None,
                error.text(self._teach) if error else None,
                time.perf_counter() - begun,
            )
        )
        if cut:
            raise cut
        return reply

    def _struck(self, operation: Operation, incoming: Incoming, scope: Scope) -> bool:
        """Let the rules of faults strike; say whether what is streamed is to be lost."""
        event = Event(operation.name, scope.account, _names(incoming.body), incoming.body)
        lost = False
        for rule in self._faults.striking(event):
            if rule.latency:
                self.sleep(rule.latency)
            if rule.cut:
                raise ConnectionCut
            if rule.error:
                raise fault(rule.error, rule.message, operation.name)
            lost = lost or rule.lost
        return lost

    def _done(self, operation: Operation, incoming: Incoming, scope: Scope, request_id: str, lost: bool) -> Reply:
        self._settle(operation)
        if not _only_reads(operation):
            return self._asked(operation, incoming, scope, request_id, lost)
        question = (operation.name, scope, incoming.body)
        reply = again(self._kept.answer(question, lambda: self._asked(operation, incoming, scope, "")), request_id)
        self._database.wait_for_listeners()  # whoever reads ACTIVE may use it in the next call
        return reply

    def _asked(
        self, operation: Operation, incoming: Incoming, scope: Scope, request_id: str, lost: bool = False
    ) -> Reply:
        request = read(operation, incoming)
        check(operation, request)
        handler = self._handlers.get(operation.function)
        if handler is None:
            raise NotImplementedByFakePersonalize(f"{operation.name} is not built in fakepersonalize yet.")
        call = self._open_call(operation, scope, request_id, lost, incoming.body)
        if look := self._looks.get(operation.function):
            look(call, request)
        if _changes_metadata(operation):
            with self._database.transaction():
                result = handler(call, request)
        else:
            result = handler(call, request)
        self._settle(operation)  # where steps last nothing, they are over when the call is
        return write(operation, result, request_id)

    def _settle(self, operation: Operation) -> None:
        """Apply the steps that are due; no recommendation or event waits for that where the ticker does it anyway."""
        if operation.service == CONTROL_PLANE or not self._lifecycle.ticks:
            self._lifecycle.settle_if_possible()


def _names(body: bytes) -> list[str]:
    """Return what a request names: ARNs, tracking ids, and the name of what it creates."""
    try:
        members = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return []
    named = members.items() if isinstance(members, dict) else ()
    return [value for key, value in named if isinstance(value, str) and (key in NAMING or key.endswith("Arn"))]


def _only_reads(operation: Operation) -> bool:
    """Whether an answer depends on nothing but committed metadata."""
    return operation.service == CONTROL_PLANE and operation.name.startswith(READING)


def _changes_metadata(operation: Operation) -> bool:
    """Whether a call is one transaction; streamed records have a store of their own."""
    return operation.service == CONTROL_PLANE and not _only_reads(operation)
