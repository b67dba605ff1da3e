"""Next tokens: where a list goes on, bound to the question that was asked."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence

from fakepersonalize import errors
from fakepersonalize.errors import InvalidNextTokenException


def digest(question: Sequence[str | None]) -> str:
    """Return a short fingerprint of what a list was asked for."""
    return hashlib.sha256(json.dumps(list(question)).encode()).hexdigest()[:12]


def write(last: int, question: Sequence[str | None]) -> str:
    """Return the token of the page behind the resource with the number `last`."""
    return base64.urlsafe_b64encode(json.dumps([last, digest(question)]).encode()).decode()


def read(token: str, question: Sequence[str | None]) -> int:
    """Return the number that a page goes on behind; refuse what is garbage or belongs to another question."""
    try:
        last, asked = json.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
        # A bool is an int to Python, a number beyond 64 bits is an error to SQLite.
        if type(last) is int and 0 <= last < 2**63 and asked == digest(question):
            return last
    except (ValueError, TypeError, binascii.Error, UnicodeError, RecursionError):
        pass
    raise InvalidNextTokenException(errors.BAD_TOKEN)
