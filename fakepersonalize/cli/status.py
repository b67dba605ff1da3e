"""`status`: the dataset groups of a server at a glance, with their data, solution versions, metrics and campaigns."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any

from fakepersonalize.cli.asking import ask
from fakepersonalize.cli.flags import OF_A_RUNNING_SERVER, add_client_flags, settings_of
from fakepersonalize.cli.showing import amount, colour, console, name, plain
from fakepersonalize.cli.starting import running_server

NOTHING = "There are no dataset groups."
NOTHING_OF = "There are no dataset groups of this account and region; without --account and --region, all are shown."
# The metrics shown, if a version has them; --json has all.
METRICS = {
    "normalized_discounted_cumulative_gain_at_25": "NDCG@25",
    "mean_reciprocal_rank_at_25": "MRR@25",
    "precision_at_5": "P@5",
    "coverage": "coverage",
}
MOST_METRICS = 4

Found = Mapping[str, Any]
Row = tuple[int, str, str, str]  # depth, what it is, status, details


def add_to(commands: Any) -> None:
    """Add the command to a parser's sub-commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "status",
        aliases=["ls"],
        help="show a server's dataset groups with their data, solution versions, metrics and campaigns",
    )
    parser.set_defaults(command=status)
    parser.add_argument("--account", metavar="ID", help="only what is of this account")
    parser.add_argument("--region", help="only what is in this region")
    parser.add_argument("--json", action="store_true", help="print what the server says, with ARNs and all metrics")
    add_client_flags(parser, OF_A_RUNNING_SERVER)


def status(account: str | None, region: str | None, json: bool, **flags: Any) -> None:
    """Print a line for each resource that somebody waits for or asks."""
    from urllib.parse import urlencode

    asked = {name: value for name, value in (("account", account), ("region", region)) if value is not None}
    found = ask(running_server(settings_of(flags)), "GET", f"status?{urlencode(asked)}")
    print(_as_json(found)) if json else show(found, NOTHING_OF if asked else NOTHING)


def show(found: Found, nothing: str = NOTHING) -> None:
    """Print one table for each dataset group; `nothing` where there is none."""
    from rich.table import Table
    from rich.text import Text

    out = console()
    groups = found["datasetGroups"]
    out.print(amount(len(groups), "dataset group") if groups else nothing)
    # All groups share their widths, so that one can be compared with the next.
    tables = [[*_group(group)] for group in groups]
    widest = max((2 * depth + len(what) for table in tables for depth, what, *_ in table), default=0)
    longest = max((len(status) for table in tables for _, _, status, _ in table), default=0)
    for rows in tables:
        table = Table.grid(padding=(0, 2))
        table.add_column(width=min(widest, 2 * out.width // 5), overflow="fold")
        table.add_column(width=longest)
        table.add_column(overflow="fold")
        for depth, what, status, details in rows:
            style = "bold" if not depth else ""
            table.add_row(Text("  " * depth + what, style), Text(status, colour(status)), details)
        out.print()
        out.print(table)
    if found["jobs"]:
        out.print(f"\n{amount(found['jobs'], 'job')} under way: fakepersonalize jobs")


def _group(group: Found) -> Iterator[Row]:
    domain = f"  {group['domain']}" if "domain" in group else ""
    yield _row(0, group["name"], group, f"{group['account']}  {group['region']}{domain}")
    for each in group["datasets"]:
        yield _row(1, f"dataset {each['datasetType'].upper()}", each, _imported(each["importedRows"]))
    for each in group["eventTrackers"]:
        yield _row(1, f"event tracker {each['name']}", each, each.get("trackingId", ""))
    for each in group["filters"]:
        yield _row(1, f"filter {each['name']}", each, each["filterExpression"])
    for each in group["solutions"]:
        yield _row(1, f"solution {each['name']}", each, _recipe(each))
        for version in each["versions"]:
            yield _row(2, f"version {version['arn'].rpartition('/')[2]}", version, _metrics(version.get("metrics")))
    for each in group["campaigns"]:
        yield _row(1, f"campaign {each['name']}", each, _version(each["solutionVersionArn"]))
    for each in group["recommenders"]:
        details = "  ".join(filter(None, (_recipe(each), _metrics(each.get("modelMetrics")))))
        yield _row(1, f"recommender {each['name']}", each, details)


def _row(depth: int, what: str, found: Found, details: str) -> Row:
    """Return a line; where something failed, the reason stands in front of the details."""
    last = found.get("latestUpdate", found)
    return depth, what, last["status"], plain("  ".join(filter(None, (last.get("failureReason"), details))))


def _imported(rows: int) -> str:
    return f"{amount(rows, 'row')} imported" if rows else "nothing imported"


def _recipe(found: Found) -> str:
    return str(found.get("recipeArn", "")).rpartition("/")[2].removeprefix("aws-")


def _version(arn: str) -> str:
    return name(arn).removeprefix("solution/")


def _metrics(metrics: Mapping[str, float] | None) -> str:
    metrics = metrics or {}
    known = {short: metrics[full] for full, short in METRICS.items() if full in metrics} or dict(metrics)
    return "  ".join(f"{short} {value:.3f}" for short, value in [*known.items()][:MOST_METRICS])


def _as_json(found: Found) -> str:
    return json.dumps(found, indent=2)
