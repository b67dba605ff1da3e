"""What was asked and what came of it: a bounded log of the calls on the three services.

Bodies are kept as they came; headers, and with them credentials, are not.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn

from fakepersonalize.arns import Scope

MOST_ENTRIES = 10_000
MOST_BYTES = 16 * 2**20  # of all bodies together; a larger one is not kept at all


class Entry(NamedTuple):
    """One call; `body` is None where it was too large, `operation` where there is none of that name."""

    time: float
    request_id: str
    scope: Scope
    operation: str | None
    body: bytes | None
    status: int
    error: str | None
    message: str | None
    seconds: float

    def shown(self) -> dict[str, Any]:
        """Return the entry as JSON values; `parameters` is None where the body was no JSON object or not kept."""
        return {
            "time": datetime.fromtimestamp(self.time, UTC).isoformat(timespec="milliseconds"),
            "requestId": self.request_id,
            "account": self.scope.account,
            "region": self.scope.region,
            "operation": self.operation,
            "parameters": _parameters(self.body),
            "status": self.status,
            "error": self.error,
            "message": self.message,
            "milliseconds": round(1000 * self.seconds, 3),
        }


class Journal:
    """The newest calls, oldest first; the oldest go when there are too many or their bodies are too large."""

    def __init__(self, most_entries: int = MOST_ENTRIES, most_bytes: int = MOST_BYTES) -> None:
        self._most_entries, self._most_bytes = most_entries, most_bytes
        self._entries: deque[Entry] = deque()
        self._lock = threading.Lock()
        self._bytes = 0

    def note(self, entry: Entry) -> None:
        """Write down a call that was answered."""
        if len(entry.body or b"") > self._most_bytes:
            entry = entry._replace(body=None)
        with self._lock:
            self._entries.append(entry)
            self._bytes += len(entry.body or b"")
            while self._bytes > self._most_bytes or len(self._entries) > self._most_entries:
                self._bytes -= len(self._entries.popleft().body or b"")

    def entries(self, operation: str | None = None, account: str | None = None) -> list[Entry]:
        """Return the calls of an operation or an account, or all."""
        with self._lock:
            kept = list(self._entries)
        return [e for e in kept if operation in (None, e.operation) and account in (None, e.scope.account)]

    def clear(self, account: str | None = None) -> None:
        """Forget all calls, or those of an account."""
        with self._lock:
            kept = [entry for entry in self._entries if account not in (None, entry.scope.account)]
            self._entries = deque(kept)
            self._bytes = sum(len(entry.body or b"") for entry in kept)


def _parameters(body: bytes | None) -> dict[str, Any] | None:
    try:
        found = json.loads(body or b"{}", parse_constant=_refuse) if body is not None else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
