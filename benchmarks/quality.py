"""How good the models are on MovieLens, beside the floors that they are held to.

Set FAKEPERSONALIZE_MOVIELENS to a folder with ml-1m/ratings.dat(.gz), ml-100k/u.data(.gz) and ml-latest-small.zip.
Protocols without data are skipped; if none is, `figures.json` is written, from which README and docs quote. Only
protocol T is the split that the service was measured on as well; the parameters of the models were chosen on ml-100k
and POC, and T is reported untouched.
"""

from __future__ import annotations

import json
import os
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fakepersonalize.recipes import catalogue, evaluation
from fakepersonalize.recipes.metrics import measure, of_segments
from fakepersonalize.recipes.models import model_class
from fakepersonalize.recipes.training import Queries, TrainingData

COLUMNS = ["user", "item", "rating", "time"]
SEEDS = range(5)
MRR, COVERAGE = "mean_reciprocal_rank_at_25", "coverage"
NDCG, P5, P25 = "normalized_discounted_cumulative_gain_at_25", "precision_at_5", "precision_at_25"
HITS, RECALL = "hits_at_1_percent", "recall_at_1_percent"
OVER_ACTIVITY = "hits over activity's"
SHORT = {MRR: "MRR", NDCG: "NDCG@25", P5: "P@5", P25: "P@25", HITS: "hits", RECALL: "recall"}

PERSONAL = {MRR: 0.33, NDCG: 0.40, P25: 0.086, COVERAGE: 0.30}
RELATED = {MRR: 0.225, NDCG: 0.295}
FIGURES = Path(__file__).with_name("figures.json")
Metrics = dict[str, float]
Floors = dict[str, float]


def run() -> None:
    folder = os.environ.get("FAKEPERSONALIZE_MOVIELENS")
    if not folder:
        sys.exit("FAKEPERSONALIZE_MOVIELENS names no folder")
    figures: dict[str, Any] = {}
    skipped = []
    for protocol in (internal, half_of_the_items, clicks_and_watches, temporal):
        try:
            for name, runs, floors in protocol(Path(folder)):
                figures[name] = _figures(runs, floors)
                _show(name, runs, floors)
        except FileNotFoundError as missing:
            print(f"{protocol.__name__}: skipped, {missing.filename} is not there")
            skipped.append(protocol)
    if not skipped:
        FIGURES.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")


Row = tuple[str, list[Metrics], Floors]


def internal(folder: Path) -> Iterator[Row]:
    """ml-100k, the documented split, five seeds."""
    data = _encoded(_read(folder / "ml-100k" / "u.data", "\t"))
    yield "ml-100k aws-user-personalization", _five(data, "aws-user-personalization"), {MRR: 0.37, NDCG: 0.43}
    yield "ml-100k aws-sims", _five(data, "aws-sims"), {}


def half_of_the_items(folder: Path) -> Iterator[Row]:
    """I50: half of the items of ml-1m, the newest tenth of every history dropped, then the documented split."""
    rows = _million(folder)
    items = np.random.RandomState(42).permutation(rows.item.unique())
    rows = rows[rows.item.isin(set(items[len(items) // 2 :]))]
    data = _encoded(rows[~_newest_tenth(rows)])
    for recipe in ("aws-user-personalization", "aws-hrnn", "aws-personalized-ranking"):
        yield f"I50 {recipe}", _five(data, recipe), PERSONAL
    for recipe in ("aws-sims", "aws-similar-items"):
        yield f"I50 {recipe}", _five(data, recipe), RELATED


def clicks_and_watches(folder: Path) -> Iterator[Row]:
    """POC: ml-latest-small, ratings above 1 as clicks, and those above 3 once more as watches; the documented split."""
    with zipfile.ZipFile(folder / "ml-latest-small.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith("ratings.csv"))
        rows = pd.read_csv(archive.open(name))
    rows.columns = pd.Index(COLUMNS)
    data = _encoded(pd.concat([rows[rows.rating > 1], rows[rows.rating > 3]]))
    yield "POC aws-user-personalization", _five(data, "aws-user-personalization"), {MRR: 0.285, NDCG: 0.36}
    yield "POC aws-sims", _five(data, "aws-sims"), {MRR: 0.25, NDCG: 0.33}


def temporal(folder: Path) -> Iterator[Row]:
    """T: the newest tenth of every history of ml-1m is foretold by a model of the rest, for all users."""
    rows = _million(folder)
    newest = _newest_tenth(rows)
    given, truth = _together(rows, ~newest, newest)
    personal = {MRR: 0.395, P5: 0.200, P25: 0.122, NDCG: 0.445}
    for recipe, floors in (
        ("aws-hrnn", personal),
        ("aws-user-personalization", personal),
        ("aws-popularity-count", {MRR: 0.0638}),
    ):
        model = _fitted(recipe, given)
        metrics = measure(model.recommend(Queries.of(given), None, 25).table(25), truth, len(np.unique(given.items)))
        yield f"T {recipe}", [metrics], floors
    yield "T aws-item-affinity", [_segments(given, truth)], {OVER_ACTIVITY: 1.65, RECALL: 0.23, COVERAGE: 0.6}


def _segments(given: TrainingData, truth: TrainingData) -> Metrics:
    model = _fitted("aws-item-affinity", given)
    items = np.arange(given.n_items, dtype=np.int32)
    right = truth.pairs().toarray() > 0
    metrics = of_segments(model.interest(items.astype(np.int64), items, given.n_items, Queries.of(given)), right)
    activity = of_segments(np.tile(given.lengths[:, None].astype(np.float32), given.n_items), right)
    return metrics | {OVER_ACTIVITY: metrics[HITS] / activity[HITS]}


def _five(data: TrainingData, name: str) -> list[Metrics]:
    recipe = catalogue.recipe(name)
    assert recipe is not None
    assert recipe.model is not None
    settings = evaluation.settings_of(recipe, recipe.parse({}, {}))
    kind = model_class(recipe.model)
    return [evaluation.evaluate(recipe.recipe_type, kind, data, settings, seed, 2, _no_tick) for seed in SEEDS]


def _fitted(name: str, data: TrainingData) -> Any:
    recipe = catalogue.recipe(name)
    assert recipe is not None
    assert recipe.model is not None
    settings = evaluation.settings_of(recipe, recipe.parse({}, {}))
    return model_class(recipe.model).fit(data, settings, 0, 2, _no_tick)


@cache
def _million(folder: Path) -> pd.DataFrame:
    return _read(folder / "ml-1m" / "ratings.dat", "::")


def _read(path: Path, separator: str) -> pd.DataFrame:
    found = next((p for p in (path, path.with_name(path.name + ".gz")) if p.exists()), None)
    if found is None:
        raise FileNotFoundError(2, "no such file", str(path))
    return pd.read_csv(found, sep=separator, engine="python" if len(separator) > 1 else "c", names=COLUMNS)


def _newest_tenth(rows: pd.DataFrame) -> Any:
    return rows.groupby("user").time.rank(pct=True, method="first") > 0.9


def _encoded(rows: pd.DataFrame) -> TrainingData:
    users, known_users = pd.factorize(rows.user.astype(str), sort=True)
    items, known_items = pd.factorize(rows.item.astype(str), sort=True)
    return TrainingData.from_columns(users, items, rows.time.to_numpy(), len(known_users), len(known_items))


def _together(rows: pd.DataFrame, *parts: Any) -> list[TrainingData]:
    """Return parts of the rows in the codes of all of them."""
    users, known_users = pd.factorize(rows.user.astype(str), sort=True)
    items, known_items = pd.factorize(rows.item.astype(str), sort=True)
    times = rows.time.to_numpy()
    size = (len(known_users), len(known_items))
    return [TrainingData.from_columns(users[part], items[part], times[part], *size) for part in parts]


def _show(name: str, runs: list[Metrics], floors: Floors) -> None:
    """Print mean and deviation of the metrics that have a floor, or of the most telling ones."""
    print(name)
    for metric in floors or [metric for metric in (MRR, NDCG, P5, P25, COVERAGE) if metric in runs[0]]:
        values = [metrics[metric] for metrics in runs]
        shown = f"{np.mean(values):.4f}" + (f" +- {np.std(values):.4f}" if len(values) > 1 else "")
        floor = floors.get(metric)
        verdict = "" if floor is None else f"floor {floor:.4f}  {'met' if np.mean(values) >= floor else 'NOT MET'}"
        print(f"  {SHORT.get(metric, metric):22}{shown:20}{verdict}")


def _figures(runs: list[Metrics], floors: Floors) -> dict[str, Any]:
    """Return the means over the runs, and the floors beside them."""
    means = {metric: round(float(np.mean([metrics[metric] for metrics in runs])), 4) for metric in runs[0]}
    missed = sorted(metric for metric, floor in floors.items() if means[metric] < floor)
    return {"runs": len(runs), "metrics": means, "floors": floors, "below_floor": missed}


def _no_tick(share: float) -> None:
    pass


if __name__ == "__main__":
    run()
