"""`explain`: why a running server gave an answer."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from fakepersonalize.cli.flags import OF_A_RUNNING_SERVER, add_client_flags, settings_of
from fakepersonalize.cli.showing import amount

MOST_SOURCES = 3  # on the line of each item; --json has all
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
    print(_whole(found) if json else "\n".join(_lines(found)))


def _whole(found: Mapping[str, Any]) -> str:
    return json.dumps(found, indent=2)


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    titles = found.get("titles", {})
    recipe = found["recipe"].rpartition("/")[2]
    yield f"{found['operation']} of {found['arn']} ({recipe}) at {found['time']}"
    yield f"The model knew {amount(found['historyLength'], 'interaction')} of the user."
    if not found["same"]:
        yield "Its data have changed since: this is what it would say now."
    names = [_titled(item.get("itemId") or item["actionId"], titles) for item in found["items"]]
    width = max(20, *map(len, names)) if names else 20
    for place, (name, item) in enumerate(zip(names, found["items"]), 1):
        sources = ", ".join(_source(each, titles) for each in item["contributions"][:MOST_SOURCES])
        promoted = f" promoted by {item['promotionName']};" if "promotionName" in item else ""
        yield f"{place:4}  {name:{width}} {item['score']:<12.7g}{promoted} {sources}"
    for each in found["filters"]:
        yield f"Filter of the {each['role']}: {each.get('filterArn', 'automatic')}"
        for part in each["parts"]:
            yield f"      {part['expression']}"
            yield f"      removed {part['removed']}{_first(part['items'], part['removed'], titles)}"
            if beyond := part.get("beyondWindow"):
                yield BEYOND.format(**beyond, first=_first(beyond["items"], beyond["amount"], titles))


def _first(items: Sequence[str], amount: int, titles: Mapping[str, str]) -> str:
    first = ", ".join(_titled(id_, titles) for id_ in items[:MOST_ITEMS])
    return f"{': ' if first else ''}{first}{', ...' if amount > MOST_ITEMS else ''}"


def _titled(id_: str, titles: Mapping[str, str]) -> str:
    return f"{id_} {titles[id_]}" if id_ in titles else id_


def _source(contribution: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    share = f" {contribution['share']:.0%}" if contribution["share"] is not None else ""
    name = _titled(contribution["itemId"], titles) if contribution.get("itemId") else contribution["source"]
    return f"{name}{share}"
