"""The random parts of ARNs and ids: random, or with a seed a hash of their place, so that threads do not matter."""

from __future__ import annotations

import hashlib
import os
import random
import threading
import uuid
from collections import Counter

_NUMBERS = random.Random()  # of our own: who seeds Python's shall not get ids twice
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_NUMBERS.seed)


def digest(text: str) -> str:
    """Return a short name of a text, for places that are long."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Identifiers:
    """Makes ids. With a seed, an id depends on the seed, its place and how often that place asked before.

    How often is only known of this run; `past`, 0 in a new folder, tells later runs of a folder apart.
    """

    def __init__(self, seed: int | None, past: int = 0) -> None:
        self._seed = seed
        self._past = past
        self._lock = threading.Lock()
        self._asked: Counter[tuple[str, ...]] = Counter()

    @property
    def seeded(self) -> bool:
        """Whether ids are repeatable."""
        return self._seed is not None

    def uuid(self, *place: str) -> str:
        """Return a lower-case UUID4 (RFC 9562)."""
        if self._seed is None:
            return _random()
        with self._lock:
            self._asked[place] += 1
            ordinal = self._asked[place]
            past = self._past
        named = "\0".join((str(self._seed), str(past), *place, str(ordinal)))
        return str(uuid.UUID(bytes=hashlib.sha256(named.encode()).digest()[:16], version=4))

    def hex8(self, *place: str) -> str:
        """Return eight lower-case hexadecimal digits, as in the ARN of a solution version."""
        return self.uuid(*place)[:8]

    def begin_after(self, past: int) -> None:
        """Begin again in a folder whose resources another run made, up to this number."""
        with self._lock:
            self._asked.clear()
            self._past = past

    def clear(self, account: str | None = None) -> None:
        """Begin again, once nothing is there that has an id: as in a new folder, or in the places of one account."""
        with self._lock:
            if account is None:
                self._asked.clear()
                self._past = 0
            else:
                own = [place for place in self._asked if any(account in part.split(":") for part in place)]
                for place in own:
                    del self._asked[place]


def _random() -> str:
    """Return what `str(uuid.uuid4())` does in a fraction of the time: an answer has two of them. None is a secret."""
    digits = f"{_NUMBERS.getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
