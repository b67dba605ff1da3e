"""What `compare` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from fakepersonalize.recipes.comparison import RANDOM, Compared, Interval

if TYPE_CHECKING:
    from fakepersonalize.recipes.catalogue import Recipe
    from fakepersonalize.recipes.training import Tick, TrainingData

POPULARITY = "aws-popularity-count"
NDCG, MRR, PRECISION = (
    "normalized_discounted_cumulative_gain_at_25",
    "mean_reciprocal_rank_at_25",
    "precision_at_25",
)
HEADING = "bold magenta"
PROTOCOL = """\
{test:,} users are tested. No recipe was trained on them, the newest tenth of what \
each did is hidden, and of 25 recommended items those that were hidden are hits. \
This is one draw of users (--seed makes another); beside each mean stands where 95 % \
of such draws would lie.
"""
LEGEND = """
NDCG@25   how high in the list the hits stand: 1 if all on top, 0 without any
MRR@25    1 / rank of the first hit
P@25      share of hits among the 25
Coverage  share of all items that appear in anybody's list
Fit       how long fitting took, on one processor core
"""
RELATED = """\
*         recommends what is related to one item: here to the last that was met
"""
# Of fewer users, all would stand on one side by chance alone more often than once in twenty times (sign test).
FEWEST = 6
VERDICTS = {1: "ahead of", -1: "behind", 0: "not clearly apart from"}


@contextmanager
def progress(console: Console) -> Iterator[Tick]:
    """Show, in a terminal, how far the work is."""
    columns = (
        TextColumn("Fitting and measuring", style="cyan"),
        BarColumn(30),
        TextColumn("{task.percentage:>3.0f} %"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("", total=1.0)
        yield lambda share: bars.update(task, completed=share)


def show(
    console: Console, name: str, data: TrainingData, found: Sequence[Compared], recipes: Mapping[str, Recipe]
) -> None:
    """Print the table, best first, and which recipes are ahead of popularity."""
    users = int((data.lengths > 0).sum())
    tested = len(next(iter(found[0].of_users.values())))
    console.print(f"{name}: {len(data.items):,} interactions, {users:,} users, {data.n_items:,} items", style=HEADING)
    console.print(PROTOCOL.format(test=tested))
    ranked = sorted(found, key=lambda each: -each.interval(NDCG).mean)
    related = {each for each, recipe in recipes.items() if recipe.recipe_type == "RELATED_ITEMS"}
    console.print(_table(ranked, related))
    console.print(LEGEND + (RELATED if related & {each.name for each in found} else ""), style="dim")
    said = [*verdicts(ranked)]
    if said:
        console.print("By NDCG@25, user by user", style=HEADING)
    for line in said:
        console.print(line)


def figures(name: str, data: TrainingData, found: Sequence[Compared], seed: int) -> dict[str, Any]:
    """Return all figures as JSON values, best recipe first; each metric has its mean and the 95 % bounds."""
    popular = next(each for each in found if each.name == POPULARITY)
    recipes = []
    for each in sorted(found, key=lambda each: -each.interval(NDCG).mean):
        told: dict[str, Any] = {"name": each.name, "coverage": each.coverage, "fitSeconds": each.seconds}
        told["metrics"] = {metric: asdict(each.interval(metric)) for metric in each.of_users}
        if each is not popular:
            told["aheadOfPopularity"] = asdict(each.ahead_of(popular, NDCG))
        recipes.append(told)
    return {
        "data": name,
        "interactions": len(data.items),
        "users": int((data.lengths > 0).sum()),
        "items": data.n_items,
        "testUsers": len(popular.of_users[NDCG]),
        "seed": seed,
        "recipes": recipes,
    }


def verdicts(ranked: Sequence[Compared]) -> list[str]:
    """Return a line for each recipe: whether it is ahead of popularity, or whether that cannot be told."""
    popular = next(each for each in ranked if each.name == POPULARITY)
    return [_verdict(each, popular) for each in ranked if each.name not in (POPULARITY, RANDOM)]


def short(name: str) -> str:
    """Return the name of a recipe as people say it."""
    return name.removeprefix("aws-")


def _verdict(one: Compared, popular: Compared) -> str:
    ahead = one.ahead_of(popular, NDCG)
    if len(one.of_users[NDCG]) < FEWEST:
        return f"{short(one.name)} cannot be told from popularity by so few users ({ahead.mean:+.3f})"
    sign = 1 if ahead.low > 0 else -1 if ahead.high < 0 else 0
    return f"{short(one.name)} is {VERDICTS[sign]} popularity ({ahead.mean:+.3f} [{ahead.low:+.3f} {ahead.high:+.3f}])"


def _table(ranked: Sequence[Compared], related: set[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="cyan")
    table.add_column("Recipe", no_wrap=True)
    for heading in ("NDCG@25", "MRR@25"):
        table.add_column(heading, no_wrap=True)
    for heading in ("P@25", "Coverage", "Fit"):
        table.add_column(heading, justify="right", no_wrap=True)
    for place, each in enumerate(ranked):
        yardstick = each.name in (POPULARITY, RANDOM)
        style = "dim" if yardstick else "bold green" if place == 0 else ""
        table.add_row(
            Text(short(each.name) + " *" * (each.name in related), style),
            *(_shown(each.interval(metric), style) for metric in (NDCG, MRR)),
            _short(each.interval(PRECISION).mean, 3),
            f"{each.coverage:.0%}",
            f"{each.seconds:.1f} s" if each.name != RANDOM else "",
        )
    return table


def _shown(found: Interval, style: str) -> Text:
    return Text.assemble((_short(found.mean, 3), style), (f" [{_short(found.low, 2)} {_short(found.high, 2)}]", "dim"))


def _short(share: float, digits: int) -> str:
    """Return a number from 0 to 1 without the zero before its point."""
    return f"{share:.{digits}f}".removeprefix("0")
