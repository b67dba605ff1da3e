"""`explain`: why a running server gave an answer."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from fakepersonalize.cli.flags import OF_A_RUNNING_SERVER, add_client_flags, settings_of

MOST_SOURCES = 3  # on the line of each item; --json has all
MOST_ITEMS = 5  # of those that a part of a filter removed


def add_to(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser("explain", help="say why a running server gave an answer")
    parser.set_defaults(command=explain)
    parser.add_argument("recommendation_id", metavar="ID", help="the recommendationId of the answer")
    parser.add_argument("--json", action="store_true", help="print all that is known, as JSON")
    add_client_flags(parser, OF_A_RUNNING_SERVER)


def explain(recommendation_id: str, json: bool, **flags: Any) -> None:
    """Print an explanation, as a table for people or whole."""
    from fakepersonalize.cli.asking import ask
    from fakepersonalize.cli.starting import running_server

    found = ask(running_server(settings_of(flags)), "GET", f"explain/{quote(recommendation_id, safe='')}")
    print(_whole(found) if json else "\n".join(_lines(found)))


def _whole(found: Mapping[str, Any]) -> str:
    return json.dumps(found, indent=2)


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    recipe = found["recipe"].rpartition("/")[2]
    yield f"{found['operation']} of {found['arn']} ({recipe}) at {found['time']}"
    yield f"The model knew {found['historyLength']} interactions of the user."
    if not found["same"]:
        yield "Its data have changed since: this is what it would say now."
    for place, item in enumerate(found["items"], 1):
        sources = ", ".join(_source(each) for each in item["contributions"][:MOST_SOURCES])
        promoted = f" promoted by {item['promotionName']};" if "promotionName" in item else ""
        id_ = item.get("itemId") or item["actionId"]
        yield f"{place:4}  {id_:20} {item['score']:<12.7g}{promoted} {sources}"
    for each in found["filters"]:
        yield f"Filter of the {each['role']}: {each.get('filterArn', 'automatic')}"
        for part in each["parts"]:
            first = ", ".join(part["items"][:MOST_ITEMS])
            more = ", ..." if part["removed"] > MOST_ITEMS else ""
            yield f"      {part['expression']}"
            yield f"      removed {part['removed']}{': ' if first else ''}{first}{more}"


def _source(contribution: Mapping[str, Any]) -> str:
    share = f" {contribution['share']:.0%}" if contribution["share"] is not None else ""
    return f"{contribution.get('itemId') or contribution['source']}{share}"
