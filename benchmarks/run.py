"""Run the benchmarks named on the command line, or all of them."""

from __future__ import annotations

import sys
from importlib import import_module

BENCHMARKS = (
    "meanwhile",
    "start",
    "latency",
    "load",
    "compute",
    "events",
    "control_plane",
    "training",
    "in_process",
    "batch",
)

if __name__ == "__main__":
    for name in sys.argv[1:] or BENCHMARKS:
        import_module(name).run()
