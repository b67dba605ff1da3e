"""The command `compare`: recipes beside popularity and chance on somebody's own data, as a table and as a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize.cli.refusal import Refused

if TYPE_CHECKING:
    import argparse

    from fakepersonalize.recipes.catalogue import Recipe

POPULARITY = "aws-popularity-count"
RECIPES = ("aws-user-personalization", "aws-similar-items", "aws-sims", "aws-trending-now")
FORMATS = (".png", ".svg", ".pdf")
NO_RECIPE = "There is no recipe {name}; compare these: {names}."
NO_LISTS = "{name} does not list items: it cannot be compared with recipes that do."
NOT_A_PICTURE = "{path} must end in one of {formats}."
NO_MATPLOTLIB = "A picture needs matplotlib: python -m pip install 'fakepersonalize[plot]'."
CANNOT_WRITE = "{path} cannot be written: {reason}."
BAD_SEED = "--seed must not be negative."
NO_TESTS = "Nobody in {path} has two interactions, so there is nothing to foretell."


def add_to(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "compare", help="measure recipes on your own interactions, beside popularity and chance"
    )
    parser.set_defaults(command=compare)
    parser.add_argument(
        "--data",
        required=True,
        metavar="FILE",
        help="interactions: CSV with USER_ID, ITEM_ID and TIMESTAMP, or MovieLens' ratings.csv, ratings.dat or u.data; "
        "also packed with gzip, or MovieLens' zip file as it was downloaded",
    )
    parser.add_argument(
        "--items", metavar="FILE", help="metadata of items: CSV with ITEM_ID, or MovieLens' movies.csv or zip"
    )
    parser.add_argument(
        "--recipes",
        default=",".join(RECIPES),
        metavar="NAMES",
        help=f"which ones, separated by commas (default: {','.join(RECIPES)})",
    )
    parser.add_argument("--plot", metavar="FILE", help="draw the table as a picture as well (png, svg or pdf)")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON, and no table")
    parser.add_argument("--seed", type=int, default=0, help="draws other test users (default: 0)")


def compare(data: str, items: str | None, recipes: str, plot: str | None, seed: int, json: bool) -> None:
    """Fit each recipe once, measure all on the same test users, and show what came of it."""
    if seed < 0:
        raise Refused(BAD_SEED)
    chosen = [*{recipe.name: recipe for recipe in map(_recipe, [*recipes.split(","), POPULARITY])}.values()]
    if plot:
        _require_matplotlib(plot)
    from rich.console import Console

    from fakepersonalize.cli import comparison_table, ratings
    from fakepersonalize.errors import JobFailed
    from fakepersonalize.recipes import comparison

    console = Console(highlight=False)
    encoded = ratings.read(Path(data), Path(items) if items else None)
    if not (encoded.data.lengths >= 2).any():
        raise Refused(NO_TESTS.format(path=data))
    try:
        with comparison_table.progress(Console(stderr=True) if json else console) as tick:
            found = comparison.compare(chosen, encoded.data, seed, 1, tick)
    except JobFailed as failure:
        raise Refused(failure.message) from None
    if json:
        print(_as_json(comparison_table.figures(Path(data).name, encoded.data, found, seed)))
    else:
        comparison_table.show(console, Path(data).name, encoded.data, found, {each.name: each for each in chosen})
    if plot:
        _draw(plot, Path(data).name, found)
        if not json:
            console.print(f"\nDrawn to {plot}", soft_wrap=True)


def _as_json(found: dict[str, Any]) -> str:
    return json.dumps(found, indent=2)


def _recipe(name: str) -> Recipe:
    from fakepersonalize.recipes import catalogue, comparison

    full = name.strip() if name.strip().startswith("aws-") else f"aws-{name.strip()}"
    found = catalogue.recipe(full)
    known = sorted(each.name for each in catalogue.recipes() if each.recipe_type in comparison.LISTING and each.model)
    if found is None:
        raise Refused(NO_RECIPE.format(name=name.strip() or "without a name", names=", ".join(known)))
    if found.name not in known:
        raise Refused(NO_LISTS.format(name=found.name))
    return found


def _require_matplotlib(path: str) -> None:
    """Say before any work that there will be no picture."""
    from importlib.util import find_spec

    if Path(path).suffix.lower() not in FORMATS:
        raise Refused(NOT_A_PICTURE.format(path=path, formats=", ".join(FORMATS)))
    if not find_spec("matplotlib"):
        raise Refused(NO_MATPLOTLIB)


def _draw(path: str, of: str, found: Any) -> None:
    from fakepersonalize.cli import comparison_plot

    try:
        comparison_plot.draw(Path(path), of, found)
    except OSError as error:
        raise Refused(CANNOT_WRITE.format(path=path, reason=error.strerror)) from None
