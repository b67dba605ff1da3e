"""What the demo prints: how good the recipes are, what a user watched, and what each recipe recommends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fakepersonalize.cli.films import Films

ROWS = 5
FAVOURITES = 3
HEADING = "bold magenta"
LIKED = "green"
COLUMNS = ((9, "dim"), (42, ""), (4, "dim"), (22, ""))  # date or rank, title, year, genres
# Metrics of GetSolutionMetrics: a short name, and what the number says.
# https://docs.aws.amazon.com/personalize/latest/dg/working-with-training-metrics.html
METRICS = {
    "mean_reciprocal_rank_at_25": ("MRR@25", "1 / rank of the first hit"),
    "normalized_discounted_cumulative_gain_at_5": ("NDCG@5", "hits in 5, worth more early"),
    "normalized_discounted_cumulative_gain_at_10": ("NDCG@10", "the same in 10"),
    "normalized_discounted_cumulative_gain_at_25": ("NDCG@25", "the same in 25"),
    "precision_at_5": ("Precision@5", "share of hits in 5"),
    "precision_at_10": ("Precision@10", "the same in 10"),
    "precision_at_25": ("Precision@25", "the same in 25"),
    "coverage": ("Coverage", "share of films brought up"),
}
WHAT_IS_MEASURED = """\
A first training leaves out a tenth of the users, and the newest tenth of what
they did is hidden. A hidden film that gets recommended to its user is a hit.
"""
REASONS = {
    "aws-popularity-count": "what most people watch, the same for everybody",
    "aws-sims": "what those who watched the last film above watched as well",
    "aws-user-personalization": "what {user}'s own history leads to",
}


class Report:
    """Prints one part after the other; plain text where the console is no terminal."""

    def __init__(self, console: Console, films: Films) -> None:
        self.console, self._films = console, films

    def begin(self, url: str) -> None:
        self.console.print(f"A server listens on {url}; boto3 asks it as it would ask AWS.\n")

    def metrics(self, of_recipes: Mapping[str, Mapping[str, float]]) -> None:
        """Print the metrics of the recipes beside each other, the best of each in bold."""
        self._heading("How good is each recipe? (get_solution_metrics)")
        self.console.print(WHAT_IS_MEASURED)
        table = Table(box=None, pad_edge=False, header_style="cyan")
        table.add_column("Metric")
        for recipe in of_recipes:
            table.add_column(_header(recipe), justify="right")
        table.add_column("What it says", style="dim")
        for key, (name, meaning) in METRICS.items():
            values = [metrics[key] for metrics in of_recipes.values()]
            table.add_row(name, *(_number(value, value == max(values)) for value in values), meaning)
        self.console.print(table)

    def history(self, user: str) -> None:
        """Print what a user watched last, and likes best."""
        favourites = self._films.favourite_genres(user, FAVOURITES)
        liked = ", ".join(f"{genre} ({share:.0%})" for genre, share in favourites.items())
        self._heading(f"What {user} watched last, the newest first")
        self.console.print(f"Most of all: {liked}\n")
        last = self._films.watched_by(user).iloc[: -ROWS - 1 : -1]
        self._print_films(user, [f"{at:%d %b %y}" for at in last["WATCHED"]], last["ITEM_ID"])

    def recommendations(self, user: str, recipe: str, items: Sequence[str]) -> None:
        """Print what a recipe recommends, and how often the user has watched it before."""
        self._heading(f"{recipe}: {REASONS[recipe].format(user=user)}")
        seen = self._films.watched_by(user)["ITEM_ID"].value_counts()
        ranks = [f"{rank} seen {seen[item]}x" if item in seen else f"{rank}" for rank, item in enumerate(items, 1)]
        self._print_films(user, ranks, items)

    def end(self) -> None:
        self.console.print("\nThe server has stopped and its data are gone. For one that stays:\nfakepersonalize serve")

    def _heading(self, text: str) -> None:
        self.console.print(f"\n{text}", style=HEADING)

    def _print_films(self, user: str, labels: Sequence[str], items: Iterable[str]) -> None:
        liked = self._films.favourite_genres(user, FAVOURITES)
        table = Table.grid(padding=(0, 1))
        for width, style in COLUMNS:
            table.add_column(width=width, style=style)
        for label, film in zip(labels, self._films.catalogue.loc[list(items)].itertuples()):
            genres = (Text(genre, LIKED if genre in liked else "") for genre in film.GENRES.split("|"))
            table.add_row(label, Text(film.TITLE), str(film.YEAR), Text(", ").join(genres))
        self.console.print(table)


def _number(value: float, best: bool) -> Text:
    return Text(f"{value:.4f}", "bold green" if best else "")


def _header(recipe: str) -> str:
    """Return the name of a recipe on two lines, so that three fit beside each other."""
    first, _, rest = recipe.removeprefix("aws-").partition("-")
    return f"{first}-\n{rest}" if rest else first
