"""The picture that `compare` draws: a dot for each recipe, and the line within which it might as well lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize.cli.comparison_table import MRR, NDCG, POPULARITY, short
from fakepersonalize.recipes.comparison import RANDOM, Compared

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = {NDCG: "NDCG@25", MRR: "MRR@25"}
OURS, YARDSTICK, INK, FAINT = "#1b6ca8", "#9aa0a6", "#202124", "#e8eaed"
INCHES_PER_ROW = 0.42
FOOTNOTE = "{users:,} test users, one split; lines: 95 % bootstrap intervals over users; dashed: popularity"


def draw(path: Path, of: str, found: Sequence[Compared]) -> None:
    """Write the picture in the format of the path's ending; an OSError says that it cannot be written."""
    from matplotlib.figure import Figure

    ranked = sorted(found, key=lambda each: each.interval(NDCG).mean)
    figure = Figure(figsize=(9, 1.6 + INCHES_PER_ROW * len(ranked)), dpi=150, layout="constrained")
    axes: Any = figure.subplots(1, len(PANELS), sharey=True)
    for panel, (metric, title) in zip(axes, PANELS.items()):
        _panel(panel, ranked, metric, title)
    axes[0].set_yticks(range(len(ranked)), [short(each.name) for each in ranked])
    for label, each in zip(axes[0].get_yticklabels(), ranked):
        label.set_color(YARDSTICK if _is_yardstick(each) else INK)
    figure.suptitle(f"Recipes on {of}", x=0.01, ha="left", fontsize=13, fontweight="bold", color=INK)
    users = len(next(iter(found[0].of_users.values())))
    figure.supxlabel(FOOTNOTE.format(users=users), x=0.01, ha="left", fontsize=8, color="#5f6368")
    figure.savefig(path)


def _panel(axes: Axes, ranked: Sequence[Compared], metric: str, title: str) -> None:
    for row, each in enumerate(ranked):
        reached = each.interval(metric)
        colour = YARDSTICK if _is_yardstick(each) else OURS
        axes.plot([reached.low, reached.high], [row, row], color=colour, linewidth=2.5, solid_capstyle="round")
        axes.plot(reached.mean, row, "o", color=colour, markersize=7)
        axes.annotate(
            f"{reached.mean:.3f}",
            (reached.high, row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=colour if _is_yardstick(each) else INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
        if each.name == POPULARITY:
            axes.axvline(reached.mean, color=YARDSTICK, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_xlim(left=0)
    axes.margins(x=0.15, y=0.12)
    axes.grid(axis="x", color=FAINT)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=9)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)


def _is_yardstick(one: Compared) -> bool:
    return one.name in (POPULARITY, RANDOM)
