"""Batch inference with a filter: scoring every user against implicit's own, and a whole job against the scoring."""

from __future__ import annotations

import time
from functools import cache
from itertools import count
from typing import Any

import numpy as np
from interactions import columns, dataset_group, solution, trained
from pairs import compare
from processes import client, ours, wait

AMOUNT, RESULTS, AT_ONCE = 1_000_000, 25, 2048
RECIPE = "aws-user-personalization"
FILTER = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")'
_jobs = count()


def run() -> None:
    compare(
        f"scores, filter and the best {RESULTS} of every user, {AMOUNT:,} interactions, against ALS.recommend",
        _ours,
        _implicit,
        wanted=3.0,
    )
    with ours(FAKEPERSONALIZE_STEP_SECONDS="0") as url:
        group = dataset_group(url, AMOUNT, EVENT_TYPE="watch")
        version = trained(url, solution(url, group, RECIPE))
        asked = {"solutionVersionArn": version, "filterArn": _filter(url, group)}
        client("s3", url).put_object(Bucket="benchmark", Key="in/users", Body=_lines())
        compare(
            "a whole batch inference job, from Create to ACTIVE, against the scoring",
            lambda: job(url, asked),
            _ours,
            wanted=3.0,
        )


@cache
def _data() -> Any:
    from fakepersonalize.recipes.training import TrainingData

    users, items, times = columns(AMOUNT)
    users, items = np.unique(users, return_inverse=True)[1], np.unique(items, return_inverse=True)[1]
    return TrainingData.from_columns(users, items, times, int(users.max()) + 1, int(items.max()) + 1)


@cache
def _blend() -> Any:
    from fakepersonalize.recipes.models.blend import Blend

    return Blend.fit(_data(), {}, 0, 1, lambda share: None)


@cache
def _als() -> Any:
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        als = AlternatingLeastSquares(64, iterations=1, num_threads=1, random_state=0)
        als.fit(_data().pairs(), show_progress=False)
    return als


@cache
def _interactions() -> Any:
    """Return the interactions that the filter sees, and the items."""
    import pyarrow as pa

    from fakepersonalize.recommend.candidates import Items
    from fakepersonalize.recommend.past import user_interactions

    data = _data()
    rows = pa.table(
        {
            "USER_ID": pa.array(data.users()).cast("string"),
            "ITEM_ID": pa.array(data.items).cast("string"),
            "TIMESTAMP": data.times,
            "EVENT_TYPE": pa.array(np.full(len(data.items), "watch")),
        }
    )
    return user_interactions(rows), Items([str(code) for code in range(data.n_items)], None, None, "INTERACTIONS")


def _ours() -> float:
    from threadpoolctl import threadpool_limits

    from fakepersonalize.datasets.schema import Column
    from fakepersonalize.filters.evaluate import Candidates, FilterContext, compile_filter
    from fakepersonalize.recipes.training import Queries
    from fakepersonalize.recommend.filter_context import recent_events

    data, model, (past, items) = _data(), _blend(), _interactions()
    filter_ = compile_filter(FILTER, {"INTERACTIONS": [Column("EVENT_TYPE", "string")]})
    ids, candidates = [str(user) for user in range(data.n_users)], Candidates(data.n_items, {})
    with threadpool_limits(1, "blas"):
        begun = time.perf_counter()
        for first in range(0, data.n_users, AT_ONCE):
            some = ids[first : first + AT_ONCE]
            allowed = filter_.bind().mask(candidates, FilterContext(len(some), recent_events(past, some, (), items)))
            model.recommend(Queries.of(data.between(first, first + len(some))), allowed, RESULTS)
        return time.perf_counter() - begun


def _implicit() -> float:
    from threadpoolctl import threadpool_limits

    als, pairs = _als(), _pairs()
    users = np.arange(pairs.shape[0])
    with threadpool_limits(1, "blas"):
        begun = time.perf_counter()
        als.recommend(users, pairs, N=RESULTS)
        return time.perf_counter() - begun


@cache
def _pairs() -> Any:
    return _data().pairs()


def _filter(url: str, group: str) -> str:
    personalize = client("personalize", url)
    arn = personalize.create_filter(name="unseen", datasetGroupArn=group, filterExpression=FILTER)["filterArn"]
    wait(personalize.describe_filter, "filter", filterArn=arn)
    return str(arn)


def _lines() -> bytes:
    return "".join(f'{{"userId": "{user}"}}\n' for user in sorted({*columns(AMOUNT)[0].tolist()})).encode()


def job(url: str, asked: dict[str, str], source: str = "in/users") -> float:
    """Return how long a job takes from Create to ACTIVE, seconds."""
    personalize = client("personalize", url)
    begun = time.perf_counter()
    arn = personalize.create_batch_inference_job(
        jobName=f"job{next(_jobs)}",
        jobInput={"s3DataSource": {"path": f"s3://benchmark/{source}"}},
        jobOutput={"s3DataDestination": {"path": "s3://benchmark/out/"}},
        roleArn="arn:aws:iam::123456789012:role/benchmark",
        numResults=RESULTS,
        **asked,
    )["batchInferenceJobArn"]
    wait(personalize.describe_batch_inference_job, "batchInferenceJob", batchInferenceJobArn=arn)
    return time.perf_counter() - begun


if __name__ == "__main__":
    run()
