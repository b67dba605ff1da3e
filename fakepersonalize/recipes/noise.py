"""Noise that can be had again: numbers between 0 and 1 that follow from who asks and what is asked about."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]

# The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
STEPS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
NUMPY_STEPS = tuple((np.uint64(shift), np.uint64(factor)) for shift, factor in STEPS)
LARGEST = 2**64 - 1
FEW = 24  # up to so many, numpy's overhead is more than the work


def key(*parts: object) -> int:
    """Return a number below 2^64 that follows from the texts of the parts."""
    return int.from_bytes(blake2b("\0".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=8).digest())


def keys(ids: Iterable[str]) -> Keys:
    """Return the key of each id, [n]."""
    return np.array([key(id_) for id_ in ids], np.uint64)


def askers(seed: int, users: Iterable[str | None], place: str) -> Keys:
    """Return the key of each user who asks at a place, such as a solution version, [users]."""
    return np.array([key(seed, user, place) for user in users], np.uint64)


def of(key: int) -> float:
    """Return the number above 0 and below 1 that belongs to a key, such as that of who asks."""
    mixed = key
    for shift, factor in STEPS:
        mixed = (mixed ^ (mixed >> shift)) * factor & LARGEST
    return (((mixed ^ (mixed >> 31)) >> 12) + 0.5) / 2.0**52


def uniform(asker: int, about: Keys) -> npt.NDArray[np.float64]:
    """Return a number above 0 and below 1 for each key, [n]; another asker gets others."""
    numbers: npt.NDArray[np.float64] = of_many(np.array([asker], np.uint64), about)[0]
    return numbers


def of_many(askers: Keys, about: Keys) -> npt.NDArray[np.float64]:
    """Return what `uniform` returns for each asker, [askers, n]."""
    if len(askers) * len(about) <= FEW:
        drawn = [of(asker ^ key) for asker in askers.tolist() for key in about.tolist()]
        return np.array(drawn).reshape(len(askers), len(about))
    mixed = about ^ askers[:, None]
    for shift, factor in NUMPY_STEPS:
        mixed ^= mixed >> shift
        mixed *= factor
    mixed ^= mixed >> np.uint64(31)
    return ((mixed >> np.uint64(12)).astype(np.float64) + 0.5) / 2.0**52
