"""`explain`: why a running server gave an answer."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from fakepersonalize.cli.flags import OF_A_RUNNING_SERVER, add_client_flags, settings_of
from fakepersonalize.cli.showing import amount, console, plain

MOST_SOURCES = 3  # on the line of each item; --json has all
LONGEST_TITLE = 40  # --json has all of it
MOST_ITEMS = 5  # of those that a part of a filter removed
BEYOND = "      overlooked {amount} (older than the newest {window} interactions of each type){first}"


def add_to(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser("explain", help="say why a running server gave an answer")
    parser.set_defaults(command=explain)
    parser.add_argument("recommendation_id", metavar="ID", help="the recommendationId of the answer")
    parser.add_argument("--titles", metavar="COLUMN", help="column of the items, or actions, to show beside their ids")
    parser.add_argument("--json", action="store_true", help="print all that is known, as JSON")
    add_client_flags(parser, OF_A_RUNNING_SERVER)


def explain(recommendation_id: str, titles: str | None, json: bool, **flags: Any) -> None:
    """Print an explanation, as a table for people or whole."""
    from fakepersonalize.cli.asking import ask
    from fakepersonalize.cli.starting import running_server

    page = f"explain/{quote(recommendation_id, safe='')}"
    if titles is not None:
        page += "?" + urlencode({"titles": titles})
    found = ask(running_server(settings_of(flags)), "GET", page)
    print(_whole(found)) if json else show(found)


def _whole(found: Mapping[str, Any]) -> str:
    return json.dumps(found, indent=2)


def show(found: Mapping[str, Any]) -> None:
    """Print a line for each item with its score and what that came from, and below them what filters removed."""
    from rich.table import Table

    out, titles = console(), found.get("titles", {})
    for line in _heading(found):
        out.print(line)
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", min_width=4, no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for place, item in enumerate(found["items"], 1):
        sources = ", ".join(_source(each, titles) for each in item["contributions"][:MOST_SOURCES])
        promoted = f"promoted by {plain(item['promotionName'])}; " if "promotionName" in item else ""
        name = _titled(item.get("itemId") or item["actionId"], titles)
        table.add_row(str(place), name, f"{item['score']:.7g}", promoted + sources)
    if found["items"]:
        out.print(table)
    for line in _filters(found["filters"], titles):
        out.print(line)


def _heading(found: Mapping[str, Any]) -> Iterator[str]:
    recipe = found["recipe"].rpartition("/")[2]
    yield f"{found['operation']} of {found['arn']} ({recipe}) at {found['time']}"
    yield f"The model knew {amount(found['historyLength'], 'interaction')} of the user."
    if not found["same"]:
        yield "Its data have changed since: this is what it would say now."


def _filters(filters: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> Iterator[str]:
    for each in filters:
        yield f"Filter of the {each['role']}: {each.get('filterArn', 'automatic')}"
        for part in each["parts"]:
            yield f"      {plain(part['expression'])}"
            yield f"      removed {part['removed']}{_first(part['items'], part['removed'], titles)}"
            if beyond := part.get("beyondWindow"):
                yield BEYOND.format(**beyond, first=_first(beyond["items"], beyond["amount"], titles))


def _first(items: Sequence[str], amount: int, titles: Mapping[str, str]) -> str:
    first = ", ".join(_titled(id_, titles) for id_ in items[:MOST_ITEMS])
    return f"{': ' if first else ''}{first}{', ...' if amount > MOST_ITEMS else ''}"


def _titled(id_: str, titles: Mapping[str, str]) -> str:
    """Return an id, with as much of its title as tells it from others."""
    title = titles.get(id_, "")
    shown = title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 3].rstrip()}..."
    return plain(f"{id_} {shown}".rstrip())


def _source(contribution: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    share = f" {contribution['share']:.0%}" if contribution["share"] is not None else ""
    name = _titled(contribution["itemId"], titles) if contribution.get("itemId") else contribution["source"]
    return f"{name}{share}"
