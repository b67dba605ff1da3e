"""Objects of which a range is asked for, as by clients that load them in parts: moto would read all for each part."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, cast

_RANGE = re.compile("bytes=[^=]*")
_lazily = ContextVar("lazily", default=False)


class Stored:
    """The bytes of an object, read when they are taken."""

    def __init__(self, key: Any) -> None:
        self._key = key

    def __len__(self) -> int:
        return int(self._key.contentsize)

    def __getitem__(self, taken: slice) -> bytes:
        begin, end, _ = taken.indices(len(self))
        with self._key.lock:
            self._key._value_buffer.seek(begin)
            found: bytes = self._key._value_buffer.read(max(0, end - begin))
        return found


def prepare() -> None:
    """Make moto's S3 read no more of an object than it sends, once per process."""
    from moto.s3 import models, responses

    key, response = cast(Any, models.FakeKey), cast(Any, responses.S3Response)
    if not hasattr(response.get_object, "__wrapped__"):
        key.value = property(_seeing(key.value.fget), key.value.fset)
        response.get_object = _getting(response.get_object)
        response._handle_range_header = _cutting(response._handle_range_header)


def _seeing(read: Callable[[Any], bytes]) -> Callable[[Any], Any]:
    @wraps(read)
    def seen(key: Any) -> Any:
        return Stored(key) if _lazily.get() else read(key)

    return seen


def _getting(get: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @wraps(get)
    def got(response: Any) -> Any:
        token = _lazily.set(_RANGE.fullmatch(response.headers.get("range", "")) is not None)
        try:
            status, headers, body = get(response)
        finally:
            _lazily.reset(token)
        return status, headers, body if status == 200 else _read(body)

    return got


def _cutting(cut: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(cut)
    def ranged(response: Any, request: Any, headers: Any, body: Any) -> Any:
        if not _RANGE.fullmatch(request.headers["range"]):  # S3 ignores what names no range of bytes; moto would fail
            return 200, headers, body
        status, headers, body = cut(response, request, headers, body)
        return status, headers, _read(body)

    return ranged


def _read(body: Any) -> Any:
    return body[:] if isinstance(body, Stored) else body
