"""The random parts of ARNs and ids: random, or with a seed a hash of their place, so that threads do not matter."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections import Counter


class Identifiers:
    """Makes ids. With a seed, an id depends on the seed, its place and how often that place asked before."""

    def __init__(self, seed: int | None) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._asked: Counter[tuple[str, ...]] = Counter()

    def uuid(self, *place: str) -> str:
        """Return a lower-case UUID4 (RFC 9562)."""
        if self._seed is None:
            return str(uuid.uuid4())
        with self._lock:
            self._asked[place] += 1
            ordinal = self._asked[place]
        named = "\0".join((str(self._seed), *place, str(ordinal)))
        return str(uuid.UUID(bytes=hashlib.sha256(named.encode()).digest()[:16], version=4))

    def hex8(self, *place: str) -> str:
        """Return eight lower-case hexadecimal digits, as in the ARN of a solution version."""
        return self.uuid(*place)[:8]

    def clear(self) -> None:
        with self._lock:
            self._asked.clear()
