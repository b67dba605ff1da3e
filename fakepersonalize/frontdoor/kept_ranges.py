"""Bodies of S3 objects: no more is read than is sent, and a server reads them from their files as the client does.

moto would read all of an object for each answer, and for each range of it. A `Body` stands in for the bytes until the
answer is on its way: then a server opens it as a file, and everybody else (moto's mocks) reads it whole.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import IO, Any, cast

PIECE_BYTES = 1 << 18
_RANGE = re.compile("bytes=[^=]*")
_lazily = ContextVar("lazily", default=False)
_answers: ContextVar[Answer | None] = ContextVar("answers", default=None)


class Answer:
    """The body of the answer that is being made, if it is one of an object."""

    body: Body | None = None


class Body:
    """The bytes `taken` of an object, read when they are asked for."""

    def __init__(self, key: Any, taken: range | None = None) -> None:
        self._key, self._taken = key, range(int(key.contentsize)) if taken is None else taken

    def __len__(self) -> int:
        return len(self._taken)

    def __getitem__(self, part: slice) -> Body:
        return Body(self._key, self._taken[part])

    def __iter__(self) -> Iterator[bytes]:
        return self.pieces(self.open())

    def pieces(self, file: IO[bytes]) -> Iterator[bytes]:
        """Yield this body piece by piece from a file that `open` returned, and close it."""
        with file:
            left = len(self)
            while left and (piece := file.read(min(PIECE_BYTES, left))):
                left -= len(piece)
                yield piece

    def whole(self) -> bytes:
        with self._key.lock:
            self._key._value_buffer.seek(self._taken.start)
            found: bytes = self._key._value_buffer.read(len(self))
        return found

    def open(self) -> IO[bytes]:
        """Open a file where this body begins; it stays as it is when the object is replaced or deleted."""
        with self._key.lock:
            file = _opened(self._key._value_buffer)
        file.seek(self._taken.start)
        return file


class _Shared(io.RawIOBase):
    """Reads a file under a descriptor of its own at a position of its own, whatever others do with the file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._position = os.dup(descriptor), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}.get(whence)
        self._position = offset + (os.fstat(self._descriptor).st_size if begin is None else begin)
        return self._position

    def readinto(self, buffer: Any) -> int:
        found = os.pread(self._descriptor, len(buffer), self._position)
        buffer[: len(found)] = found
        self._position += len(found)
        return len(found)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


@contextmanager
def streaming() -> Iterator[Answer]:
    """While entered, moto answers with a `Body` in this thread's calls, which the `Answer` then has."""
    answer = Answer()
    token = _answers.set(answer)
    try:
        yield answer
    finally:
        _answers.reset(token)


def prepare() -> None:
    """Make moto's S3 read no more of an object than it sends, once per process."""
    from moto.s3 import models, responses

    key, response = cast(Any, models.FakeKey), cast(Any, responses.S3Response)
    if not hasattr(response.get_object, "__wrapped__"):
        key.value = property(_seeing(key.value.fget), key.value.fset)
        response.get_object = _getting(response.get_object)
        response._handle_range_header = _cutting(response._handle_range_header)


def _opened(buffer: Any) -> IO[bytes]:
    """Open what an object is kept in: a file of ours, or moto's, which is in memory while it is small."""
    if hasattr(buffer, "open"):
        return cast(IO[bytes], buffer.open())
    if getattr(buffer, "_rolled", False) and hasattr(os, "pread"):
        buffer.flush()
        return cast(IO[bytes], _Shared(buffer.fileno()))
    if isinstance(held := getattr(buffer, "_file", None), io.BytesIO):
        return io.BytesIO(held.getvalue())  # both share the bytes
    buffer.seek(0)
    return io.BytesIO(buffer.read())


def _seeing(read: Callable[[Any], bytes]) -> Callable[[Any], Any]:
    @wraps(read)
    def seen(key: Any) -> Any:
        return Body(key) if _lazily.get() else read(key)

    return seen


def _getting(get: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @wraps(get)
    def got(response: Any) -> Any:
        ranged = _RANGE.fullmatch(response.headers.get("range", "")) is not None
        token = _lazily.set(ranged or _answers.get() is not None)
        try:
            status, headers, body = get(response)
        finally:
            _lazily.reset(token)
        return status, headers, body if status == 200 and ranged else _sent(body)

    return got


def _cutting(cut: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(cut)
    def ranged(response: Any, request: Any, headers: Any, body: Any) -> Any:
        if not _RANGE.fullmatch(request.headers["range"]):  # S3 ignores what names no range of bytes; moto would fail
            return 200, headers, body
        status, headers, body = cut(response, request, headers, body)
        return status, headers, _sent(body)

    return ranged


def _sent(body: Any) -> Any:
    """Return the body of an answer as its receiver takes it."""
    answer = _answers.get()
    if answer is None:
        return body.whole() if isinstance(body, Body) else body
    answer.body = body if isinstance(body, Body) else None
    return body
