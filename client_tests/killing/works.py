"""All work that servers are killed over."""

from __future__ import annotations

from killing.snapshots import Loading
from killing.streams import Stream
from killing.way import Way
from killing.writers import Writers

WORKS = (Way, Writers, Stream, Loading)
KINDS = [kind for work in WORKS for kind in work.kinds]
