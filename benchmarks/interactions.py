"""The data of the benchmarks, and the way to a dataset group that holds them."""

from __future__ import annotations

import io
import json
import runpy
from functools import cache
from pathlib import Path
from typing import Any

from processes import client, wait

GENERATOR = Path(__file__).parent.parent / "fixtures" / "make_films.py"
SHELVES = 60
USERS, FILMS = 6000, 3700
FIELDS = ("USER_ID", "ITEM_ID", "TIMESTAMP")


@cache
def columns(amount: int) -> tuple[Any, Any, Any]:
    """Return users, items and times of about `amount` made-up interactions, as integer arrays."""
    made = runpy.run_path(str(GENERATOR))["make"](users=USERS, films=FILMS, interactions=amount, seed=1)
    return made.user, made.film, made.time


def as_csv(amount: int, **further: str) -> bytes:
    import pandas as pd

    table = pd.DataFrame(dict(zip(FIELDS, columns(amount)))).assign(**further)
    return table.to_csv(index=False).encode()


def dataset_group(url: str, amount: int, **further: str) -> str:
    """Import the interactions, with further columns that say the same in each row; return the dataset group's ARN."""
    upload(url, amount, **further)
    return imported(url, *further)


def upload(url: str, amount: int, **further: str) -> None:
    s3 = client("s3", url)
    s3.create_bucket(Bucket="benchmark")
    s3.upload_fileobj(io.BytesIO(as_csv(amount, **further)), "benchmark", "interactions.csv")


def imported(url: str, *further: str) -> str:
    """Import what was uploaded, with these columns beside the three; return the dataset group's ARN."""
    personalize = client("personalize", url)
    group = personalize.create_dataset_group(name="benchmark")["datasetGroupArn"]
    wait(personalize.describe_dataset_group, "datasetGroup", datasetGroupArn=group)
    fields = [{"name": name, "type": "long" if name == "TIMESTAMP" else "string"} for name in (*FIELDS, *further)]
    _import(url, group, "Interactions", fields)
    return group


def genres(url: str, group: str) -> None:
    """Import an Items dataset that has one of five genres for each film."""
    rows = "".join(f"{film},{'abcde'[film % 5]}\n" for film in range(FILMS))
    client("s3", url).put_object(Bucket="benchmark", Key="items.csv", Body=f"ITEM_ID,GENRE\n{rows}".encode())
    genre = {"name": "GENRE", "type": "string", "categorical": True}
    _import(url, group, "Items", [{"name": "ITEM_ID", "type": "string"}, genre])


def _import(url: str, group: str, type_: str, fields: list[dict[str, Any]]) -> None:
    personalize = client("personalize", url)
    schema = {"type": "record", "name": type_, "namespace": "x", "fields": fields, "version": "1.0"}
    dataset = personalize.create_dataset(
        name=type_,
        datasetType=type_,
        datasetGroupArn=group,
        schemaArn=personalize.create_schema(name=type_, schema=json.dumps(schema))["schemaArn"],
    )["datasetArn"]
    job = personalize.create_dataset_import_job(
        jobName=type_,
        datasetArn=dataset,
        dataSource={"dataLocation": f"s3://benchmark/{type_.lower()}.csv"},
        roleArn="arn:aws:iam::123456789012:role/benchmark",
    )["datasetImportJobArn"]
    wait(personalize.describe_dataset_import_job, "datasetImportJob", datasetImportJobArn=job)


def solution(url: str, group: str, recipe: str) -> str:
    arn = f"arn:aws:personalize:::recipe/{recipe}"
    created = client("personalize", url).create_solution(name=recipe, datasetGroupArn=group, recipeArn=arn)
    return str(created["solutionArn"])


def trained(url: str, solution_arn: str) -> str:
    """Train a solution version; return its ARN when it is ACTIVE."""
    personalize = client("personalize", url)
    version = personalize.create_solution_version(solutionArn=solution_arn)["solutionVersionArn"]
    wait(personalize.describe_solution_version, "solutionVersion", solutionVersionArn=version)
    return str(version)


def large(users: int = 138_000, items: int = 27_000, drawn: int = 25_000_000, seed: int = 1) -> tuple[Any, Any, Any]:
    """Return users, items and times of about 20 million interactions by default, each pair of user and item once.

    Histories have the lengths of a log-normal distribution, from 20 on; popularity falls with the rank, and most users
    keep to a few shelves of the catalogue. Faster to make than films, and as uneven.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    lengths = np.minimum(20 + random.lognormal(4.0, 1.2, users), 9000)
    lengths = np.maximum(20, lengths * drawn / lengths.sum()).astype(np.int64)
    user = np.repeat(np.arange(users), lengths)
    rank = (np.exp(random.random(len(user)) * np.log(items / 100 + 1)) - 1) * 100
    popular = np.minimum(rank.astype(np.int64), items - 1)
    shelf = random.integers(0, SHELVES, (users, 8))[user, random.integers(0, 8, len(user))]
    own = np.minimum(popular // SHELVES * SHELVES + shelf, items - 1)
    item = np.where(random.random(len(user)) < 0.7, own, popular)
    first = np.sort(np.unique(user * items + item, return_index=True)[1])
    return user[first], item[first], np.arange(len(first)) + 1_000_000_000
