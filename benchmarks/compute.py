"""What an answer takes beside the web: folding a history in, exploration, a filter and picking, by catalogue size."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from fakepersonalize.datasets.schema import Column
from fakepersonalize.filters.columns import column
from fakepersonalize.filters.evaluate import BoundFilter, Candidates, FilterContext, compile_filter
from fakepersonalize.recipes import noise
from fakepersonalize.recipes.catalogue import Exploration
from fakepersonalize.recipes.exploration import Knowledge, newcomers, shares
from fakepersonalize.recipes.models.blend import Blend
from fakepersonalize.recipes.training import Queries, TrainingData
from fakepersonalize.recommend.ranker import UserScores

CALLS, RESULTS = 500, 25
# Items, users, interactions, and what is wanted of which percentile, in milliseconds; the first is MovieLens 1M's size.
SIZES = (
    (3_700, 6_000, 1_000_000, 50, 0.4),
    (27_000, 20_000, 2_000_000, 50, 1.0),
    (100_000, 20_000, 2_000_000, 99, 10.0),
)
GENRE = Column("GENRE", "string", True, True)
FILTERS = {
    "no filter": None,
    "item filter": 'INCLUDE ItemID WHERE Items.GENRE IN ("a", "b")',
    "interaction filter": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")',
}


def run() -> None:
    for n_items, n_users, n, percentile, wanted in SIZES:
        data = _made_up(n_items, n_users, n)
        model = Blend.fit(data, {}, 0, 2, lambda share: None)
        print(f"\nmodel, filter and picking with {n_items:,} items, {CALLS} users, milliseconds")
        for name, text in FILTERS.items():
            times = _times(_answering(model, data, text), data)
            p50, p99 = statistics.median(times), statistics.quantiles(times, n=100)[-1]
            met = "met" if {50: p50, 99: p99}[percentile] <= wanted else "NOT MET"
            print(f"  {name:20} p50 {p50:6.3f}   p99 {p99:6.3f}   wanted: p{percentile} at most {wanted}; {met}")


def _answering(model: Blend, data: TrainingData, text: str | None) -> Callable[[Queries, int], Any]:
    """Return what answers one user as campaigns of aws-user-personalization do."""
    random = np.random.default_rng(1)
    genres = random.choice(["a", "b", "c", "d|a", "e"], data.n_items).tolist()
    candidates = Candidates(data.n_items, {"GENRE": column(GENRE, genres)})
    fields = {"ITEMS": [GENRE], "INTERACTIONS": [Column("EVENT_TYPE", "string")]}
    filter_: BoundFilter | None = compile_filter(text, fields).bind() if text else None
    zeros = np.zeros(data.n_items, np.int64)
    came = np.where(random.random(data.n_items) < 0.02, 100, zeros)
    new = newcomers(Knowledge(came, zeros, zeros, 100), 0.0, noise.keys(map(str, range(data.n_items))))

    def answer(queries: Queries, user: int) -> Any:
        history = queries.histories
        context = FilterContext.of_one({"watch": np.unique(history.items[-100:])})
        allowed = filter_.mask(candidates, context) if filter_ else None
        askers, met = np.array([user], np.uint64), (np.zeros(len(history.items), np.intp), history.items)
        tried = shares(new, Exploration(0.3, 30.0), askers, met)
        return UserScores.of(model, model.score(queries), new, tried, data.n_items, False).pick(allowed, RESULTS)

    return answer


def _times(answer: Callable[[Queries, int], Any], data: TrainingData) -> list[float]:
    found = []
    for user in range(-20, CALLS):
        own = slice(data.offsets[abs(user)], data.offsets[abs(user) + 1])
        queries = Queries.of_one(data.items[own], data.times[own], data.n_items)
        begun = time.perf_counter()
        answer(queries, abs(user))
        found.append(1000 * (time.perf_counter() - begun))
    return found[20:]


def _made_up(n_items: int, n_users: int, n: int) -> TrainingData:
    """Return interactions of users who like items near one another, popular ones most."""
    random = np.random.default_rng(0)
    users = random.integers(0, n_users, n)
    items = (users * 37 + n_items * random.random(n) ** 3).astype(np.int64) % n_items
    return TrainingData.from_columns(users, items, np.arange(n), n_users, n_items)


if __name__ == "__main__":
    run()
