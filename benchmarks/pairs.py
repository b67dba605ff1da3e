"""Runs ours and a rival in turn, and says what came of it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

RUNS = 5


def compare(
    name: str,
    ours: Callable[[], float],
    rival: Callable[[], float],
    wanted: float | None,
    unit: str = "s",
    most: float | None = None,
) -> float:
    """Measure both `RUNS` times in turn after one warm-up each; print all numbers; return the median ratio.

    `wanted` is the ratio that is wanted, `most` what is wanted of ours alone, in the unit.
    """
    ours(), rival()
    return show(name, [(ours(), rival()) for _ in range(RUNS)], wanted, unit, most)


def show(
    name: str, pairs: Sequence[tuple[float, float]], wanted: float | None, unit: str = "s", most: float | None = None
) -> float:
    """Print what was measured of ours and of the rival, and whether it is as wanted; return the median ratio."""
    mine, theirs = zip(*pairs)
    ratios = [one / other for one, other in pairs]
    print(f"\n{name}")
    for label, values in (("ours", mine), ("rival", theirs), ("ratio", ratios)):
        shown = "  ".join(f"{value:8.3f}" for value in values)
        print(f"  {label:6} {unit if label != 'ratio' else '':3} {shown}   median {statistics.median(values):.3f}")
    for of, found, bar in (
        ("ratio", statistics.median(ratios), wanted),
        (f"ours in {unit}", statistics.median(mine), most),
    ):
        if bar is not None:
            print(f"  wanted: {of} at most {bar}; {'met' if found <= bar else 'NOT MET'}")
    return statistics.median(ratios)
