"""Objects that are uploaded in parts: moto joins them in memory, four times over; here they are joined on the disk."""

from __future__ import annotations

import codecs
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any, cast

BLOCK_BYTES = 1 << 20
CHECKSUM, CHECKSUM_TYPE = "x-amz-checksum-algorithm", "x-amz-checksum-type"  # that an upload began with


class Joined:
    """The bytes of parts, one behind the other, in a file of their own: moto drops the parts before it stores these."""

    def __init__(self, parts: list[Any]) -> None:
        self.file = tempfile.SpooledTemporaryFile()  # noqa: SIM115  the object's from now on
        self.file.rollover()
        for part in parts:
            with part.lock:
                part._value_buffer.seek(0)
                shutil.copyfileobj(part._value_buffer, self.file, BLOCK_BYTES)
        self._size = self.file.tell()

    def __len__(self) -> int:
        return self._size


def prepare() -> None:
    """Make moto's uploads join their parts so, once per process."""
    from moto.s3 import models

    key, upload = cast(Any, models.FakeKey), cast(Any, models.FakeMultipart)

    if not hasattr(upload.complete, "__wrapped__"):
        upload.complete = _joining(upload.complete)
        key.value = property(key.value.fget, _storing(key.value.fset))


def _joining(complete: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(complete)
    def joined(upload: Any, body: Iterable[tuple[int, str]]) -> Any:
        checksum = _checksum(upload)
        if checksum and checksum.checksum_type != "COMPOSITE":  # it needs all bytes at once
            return complete(upload, body)
        parts = list(_checked(upload, body))
        digests = b"".join(codecs.decode(part.etag.strip('"'), "hex") for part in parts)
        etag = hashlib.md5(digests, usedforsecurity=False).hexdigest()
        for part in parts if checksum else ():
            checksum.addPart(part.value)
        return Joined(parts), f"{etag}-{len(parts)}", checksum.build() if checksum else None

    return joined


def _checksum(upload: Any) -> Any:
    """Return what makes moto's checksum of an upload, None where the client did not ask for one."""
    from moto.s3.models import MultipartChecksumBuilder

    algorithm = upload.metadata.get(CHECKSUM)
    return MultipartChecksumBuilder(algorithm, upload.metadata.get(CHECKSUM_TYPE)) if algorithm else None


def _checked(upload: Any, body: Iterable[tuple[int, str]]) -> Iterator[Any]:
    """Yield the parts that the client names, in its order, as moto checks them."""
    from moto.s3.exceptions import EntityTooSmall, InvalidPart, MalformedXML
    from moto.settings import S3_UPLOAD_PART_MIN_SIZE

    last = None
    for number, etag in body:
        part = upload.parts.get(number)
        if part is None or part.etag.replace('"', "") != etag.replace('"', ""):
            raise InvalidPart()
        if last is not None and last.contentsize < S3_UPLOAD_PART_MIN_SIZE:
            raise EntityTooSmall()
        yield part
        last = part
    if last is None:
        raise MalformedXML


def _storing(store: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    @wraps(store)
    def stored(key: Any, value: Any) -> None:
        if not isinstance(value, Joined):
            if len(value) > key._max_buffer_size:
                key._value_buffer.rollover()  # before and not after it was copied in memory, where all others wait
            store(key, value)
            return
        key._value_buffer.close()
        key._value_buffer = value.file
        key.contentsize = len(value)

    return stored
