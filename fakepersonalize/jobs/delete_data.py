"""CreateDataDeletionJob: users whose ids stand in a bucket leave the datasets, the live events and the models.

Their rows in Users, their interactions and action interactions go, whether imported or put one by one, with what they
did in sessions that became theirs; so do their ids and histories in models, to which they are strangers from then on.
What the models learnt of them together with all others stays until the next training. Rows that come while the job is
under way may stay, as in the service.
Source: https://docs.aws.amazon.com/personalize/latest/dg/delete-records.html.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize.datasets import schema as schemas
from fakepersonalize.errors import LARGE_DELETION, NO_DATA, ONE_COLUMN, JobFailed, unreadable_bucket
from fakepersonalize.jobs.services import Services
from fakepersonalize.lifecycle.runners import Tick
from fakepersonalize.lifecycle.workshop import Job
from fakepersonalize.neighbours import Unreadable
from fakepersonalize.permissions.access import reading
from fakepersonalize.resources.kinds import DATASET, RECOMMENDER, SOLUTION_VERSION
from fakepersonalize.resources.quotas import DELETION_BYTES
from fakepersonalize.resources.shelf import Resource
from fakepersonalize.storage import artifacts

if TYPE_CHECKING:
    import pyarrow as pa

    from fakepersonalize.datasets.csv_header import Copy

USER_LIST = schemas.Schema(schemas.USERS, (schemas.Column("USER_ID", "string"),))
ABOUT_USERS = (schemas.INTERACTIONS, schemas.ACTION_INTERACTIONS, schemas.USERS)
IDS, STREAMED, MODELS = "users.parquet", "streamed.json", "models"
WORK = "fakepersonalize.jobs.delete_data:work"


def gather(services: Services, job: Job) -> dict[str, Any]:
    """Read whom it is about, pin the imported rows and note which streamed ones are theirs."""
    from fakepersonalize.datasets import csv_header, csv_rows

    deleting = services.shelf.find(job.arn)
    assert deleting is not None
    need = reading(deleting["dataSource"]["dataLocation"])
    services.permissions.require(job.arn, deleting["roleArn"], need)
    files = list(_spooled(services, deleting, job.folder))
    for file in files:
        names = csv_header.header(file)
        if len(names) > 1:  # a file of interactions would name everybody
            raise JobFailed(ONE_COLUMN, f"the header of {csv_header.name_of(file, 1)} has {len(names)} columns")
    csv_rows.spool_parquet(files, USER_LIST, job.folder / IDS, minimum_rows=0)
    users = _ids(job.folder)
    segments: list[tuple[int, str]] = []
    streamed: dict[int, list[int]] = {}
    for dataset in _datasets(services, deleting):
        with services.database.transaction():
            services.tables.pin(dataset.number, job.number)
            segments += [(number, str(path)) for number, path in services.tables.numbered(dataset.number)]
        streamed[dataset.number] = _streamed(services, dataset, users)
    (job.folder / STREAMED).write_text(json.dumps(streamed), "utf-8")
    return {"segments": segments, "streamed": sum(map(len, streamed.values()))}


def work(spec: dict[str, Any], folder: Path, tick: Tick) -> dict[str, Any]:
    """Write the segments once more, without the rows of these users."""
    from fakepersonalize.datasets import segments

    users = _ids(folder)
    rewritten, deleted = [], spec["streamed"]
    for done, (number, path) in enumerate(spec["segments"]):
        tick(done / len(spec["segments"]))
        kept, gone = segments.without(Path(path), "USER_ID", users, folder / f"{number}.parquet")
        if gone:
            rewritten.append((number, kept))
            deleted += gone
    return {"segments": rewritten, "deleted": deleted}


def deliver(services: Services, job: Job, outcome: dict[str, Any], tick: Tick) -> dict[str, Any]:
    """Write the models once more, without these users."""
    deleting = services.shelf.find(job.arn)
    assert deleting is not None
    users, changed = _ids(job.folder), []
    for key in _models(services, deleting):
        tick(0.9)
        try:
            manifest, arrays = services.models.load(key)
        except FileNotFoundError:  # it was not trained, or is gone
            continue
        if fewer := _without(arrays, users):
            artifacts.write(job.folder / MODELS / str(key), manifest, fewer)
            changed.append(key)
    return outcome | {"models": changed}


def record(services: Services, job: Job, outcome: dict[str, Any]) -> dict[str, Any]:
    """Put what was written in the place of what was there; say how many rows went."""
    deleting = services.shelf.find(job.arn)
    assert deleting is not None
    for number, rows in outcome["segments"]:
        services.tables.exchange(number, job.folder / f"{number}.parquet", f"{job.number}-{number}", rows)
    for dataset, numbers in json.loads((job.folder / STREAMED).read_text("utf-8")).items():
        services.streamed.remove(int(dataset), numbers)
    current = services.database.current
    assert current is not None
    current.afterwards.append(services.streamed.forget)
    current.changed |= {dataset.arn for dataset in _datasets(services, deleting)}
    for key in {*outcome["models"]} & {*_models(services, deleting)}:
        services.models.keep(key, job.folder / MODELS / str(key))
        services.loaded.drop(key)  # before the commit: who sees that the job is over is answered without these users
    return {"numDeleted": outcome["deleted"]}


def _spooled(services: Services, deleting: Resource, folder: Path) -> Iterator[Copy]:
    """Copy the objects into the job's folder."""
    from fakepersonalize.datasets.csv_header import Copy

    location = deleting["dataSource"]["dataLocation"]
    try:
        found = services.neighbours.objects(deleting.scope, location, deep=True)
        size = sum(each.size for each in found)
        if not found:
            raise JobFailed(NO_DATA, "there is no object at the location")
        if services.settings.quotas and size > DELETION_BYTES:
            raise JobFailed(
                LARGE_DELETION.format(most=DELETION_BYTES / 1e6),
                f"the files have {size / 1e6:g} MB; --limits off lifts all quotas",
            )
        for number, each in enumerate(found):
            target = folder / f"{number}.csv"
            with open(target, "wb") as file:
                file.writelines(services.neighbours.read_object(deleting.scope, each.bucket, each.key))
            yield Copy(target, each.key)
    except Unreadable as problem:
        refused = unreadable_bucket(location, services.neighbours.why(deleting.scope, problem))
        raise JobFailed(refused.message, refused.hint) from None


def _ids(folder: Path) -> pa.Array:
    import pyarrow.parquet as pq

    return pq.read_table(folder / IDS)["USER_ID"].unique()


def _datasets(services: Services, deleting: Resource) -> list[Resource]:
    datasets = services.shelf.below(deleting["datasetGroupArn"], DATASET)
    return [dataset for dataset in datasets if dataset["datasetType"] in ABOUT_USERS]


def _models(services: Services, deleting: Resource) -> list[int]:
    """Return the keys of all models of the dataset group, trained or not."""
    group = deleting["datasetGroupArn"]
    recommenders = [each.document.get("model") for each in services.shelf.below(group, RECOMMENDER)]
    versions = [each.number for each in services.shelf.below(group, SOLUTION_VERSION)]
    return [*versions, *(key for key in recommenders if key is not None)]


def _streamed(services: Services, dataset: Resource, users: pa.Array) -> list[int]:
    """Return the numbers of streamed rows that are about users, also as sessions that are or became theirs."""
    if dataset["datasetType"] == schemas.USERS:
        return [
            number
            for page in services.streamed.pages_of_records(dataset.number)
            for number in _chosen([(row.id, row.number) for row in page], users)
        ]
    known: dict[str, str] = {}  # the first user of each session
    for page in services.streamed.pages_of_events(dataset.number):
        for event in page:
            if event.user is not None:
                known.setdefault(event.session, event.user)
    found: set[int] = set()
    for page in services.streamed.pages_of_events(dataset.number):
        found.update(_chosen([(event.owner, event.number) for event in page], users))
        found.update(_chosen([(event.user or known.get(event.session), event.number) for event in page], users))
    return sorted(found)


def _chosen(owned: list[tuple[str | None, int]], users: pa.Array) -> list[int]:
    import pyarrow as pa
    import pyarrow.compute as pc

    theirs = pc.is_in(pa.array([owner for owner, _ in owned], pa.string()), value_set=users, skip_nulls=True)
    return [number for (_, number), their in zip(owned, theirs.to_pylist()) if their]


def _without(arrays: dict[str, Any], users: pa.Array) -> dict[str, Any] | None:
    """Return the arrays of a model without some users' ids, histories and features; None where it knows none of them.

    Of what models themselves learnt nothing is by user.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    ids = artifacts.unpack(arrays["user_ids"], arrays["user_ids.offsets"])
    stays = ~pc.is_in(pa.array(ids, pa.string()), value_set=users).to_numpy(zero_copy_only=False).astype(bool)
    if stays.all():
        return None
    fewer = dict(arrays)
    fewer["user_ids"], fewer["user_ids.offsets"] = artifacts.pack([id_ for id_, kept in zip(ids, stays) if kept])
    for offsets, columns in PER_USER.items():
        if offsets in arrays:
            lengths = np.diff(arrays[offsets])
            entries = np.repeat(stays, lengths)
            fewer |= {name: arrays[name][entries] for name in columns}
            fewer[offsets] = np.concatenate([[0], np.cumsum(lengths[stays])]).astype(arrays[offsets].dtype)
    return fewer


# The arrays of a model that have entries of each user, by those that say where each user's begin.
PER_USER = {
    "history.offsets": ("history.items", "history.times"),
    "user_features.offsets": ("user_features",),
    "acted.offsets": ("acted.items", "acted.times", "acted.weights"),
}
