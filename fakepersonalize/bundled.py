"""Where the data sets lie that ship with the package: made-up films, their viewers, and what they watched."""

from __future__ import annotations

from pathlib import Path

FILMS, SMALL = "films", "small"


def folder(name: str = FILMS) -> Path:
    """Return the folder of a data set: inside the package where it is installed, beside it in a checkout."""
    package = Path(__file__).parent
    places = [place / "fixtures" / name for place in (package, package.parent)]
    return next(place for place in places if place.is_dir())
