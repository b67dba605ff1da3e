"""Runs ours and a rival in turn, and says what came of it."""

from __future__ import annotations

import statistics
from collections.abc import Callable

RUNS = 5


def compare(
    name: str, ours: Callable[[], float], rival: Callable[[], float], wanted: float | None, unit: str = "s"
) -> float:
    """Measure both `RUNS` times in turn after one warm-up each; print all numbers; return the median ratio."""
    ours(), rival()
    pairs = [(ours(), rival()) for _ in range(RUNS)]
    ratios = [mine / theirs for mine, theirs in pairs]
    median = statistics.median(ratios)
    print(f"\n{name}")
    for label, values in (("ours", [p[0] for p in pairs]), ("rival", [p[1] for p in pairs]), ("ratio", ratios)):
        shown = "  ".join(f"{value:8.3f}" for value in values)
        print(f"  {label:6} {unit if label != 'ratio' else '':3} {shown}   median {statistics.median(values):.3f}")
    if wanted is not None:
        print(f"  wanted: at most {wanted}; {'met' if median <= wanted else 'NOT MET'}")
    return median
