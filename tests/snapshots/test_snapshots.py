"""A snapshot brings everything back as it was, wherever it is loaded; what is not whole or not ours changes nothing."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakepersonalize import mock_personalize
from fakepersonalize.emulator import Emulator
from fakepersonalize.recommend.loaded import LoadedModels
from fakepersonalize.snapshots import archive, buckets
from fakepersonalize.snapshots.archive import MANIFEST, Unusable
from fakepersonalize.storage.metadata import Database

KEYS = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "x", "region_name": "us-east-1"}
ROLE = "arn:aws:iam::123456789012:role/reads"
RECIPE = "arn:aws:personalize:::recipe/"
FIELDS = {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long", "EVENT_TYPE": "string"}
Files = dict[str, bytes]


def client(service: str) -> Any:
    return boto3.client(service, **KEYS)


def rows() -> bytes:
    rng = np.random.default_rng(0)
    lines = [
        f"u{u},i{(start + n) % 40},{1_600_000_000 + n},click"
        for u, start in enumerate(rng.integers(0, 40, 40))
        for n in range(12)
    ]
    return "\n".join([",".join(FIELDS), *lines]).encode()


def schema() -> str:
    fields = [{"name": name, "type": type_} for name, type_ in FIELDS.items()]
    return json.dumps({"type": "record", "name": "Interactions", "namespace": "n", "fields": fields, "version": "1.0"})


class Shop:
    """A dataset group with a campaign, a recommender's relatives, streamed rows, tags, a filter and a bucket."""

    def __init__(self) -> None:
        self.s3, self.personalize, self.runtime = client("s3"), client("personalize"), client("personalize-runtime")
        self.s3.create_bucket(Bucket="films")
        self.s3.put_object(
            Bucket="films", Key="a b/../rows.csv", Body=rows(), Metadata={"of": "mine"}, ContentType="text/csv"
        )
        make = self.personalize
        self.group = make.create_dataset_group(name="films", tags=[{"tagKey": "of", "tagValue": "mine"}])[
            "datasetGroupArn"
        ]
        schema_arn = make.create_schema(name="films", schema=schema())["schemaArn"]
        self.dataset = make.create_dataset(
            name="films", datasetType="Interactions", datasetGroupArn=self.group, schemaArn=schema_arn
        )["datasetArn"]
        make.create_dataset_import_job(
            jobName="films",
            datasetArn=self.dataset,
            dataSource={"dataLocation": "s3://films/a b/../rows.csv"},
            roleArn=ROLE,
        )
        self.tracking_id = make.create_event_tracker(name="films", datasetGroupArn=self.group)["trackingId"]
        self.watch("u1", "i7", "i8")
        self.solution = make.create_solution(
            name="films", datasetGroupArn=self.group, recipeArn=f"{RECIPE}aws-user-personalization"
        )["solutionArn"]
        self.version = make.create_solution_version(solutionArn=self.solution)["solutionVersionArn"]
        self.campaign = make.create_campaign(name="films", solutionVersionArn=self.version)["campaignArn"]
        self.watch("u2", "i3", "i4", "i5")
        self.filter = make.create_filter(
            name="films",
            datasetGroupArn=self.group,
            filterExpression='EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")',
        )["filterArn"]

    def watch(self, user: str, *items: str) -> None:
        events = [{"eventType": "watch", "sentAt": 1_700_000_000 + n, "itemId": item} for n, item in enumerate(items)]
        client("personalize-events").put_events(
            trackingId=self.tracking_id, userId=user, sessionId="s", eventList=events
        )

    def seen(self) -> dict[str, Any]:
        """Return what clients see of it."""
        ask = self.personalize
        answers = [self.recommended(user) for user in ("u0", "u1", "u2", "new")]
        described = [
            ask.describe_dataset_group(datasetGroupArn=self.group)["datasetGroup"],
            ask.describe_dataset(datasetArn=self.dataset)["dataset"],
            ask.describe_solution_version(solutionVersionArn=self.version)["solutionVersion"],
            ask.describe_campaign(campaignArn=self.campaign)["campaign"],
            ask.get_solution_metrics(solutionVersionArn=self.version)["metrics"],
            ask.list_tags_for_resource(resourceArn=self.group)["tags"],
            ask.list_dataset_import_jobs(datasetArn=self.dataset)["datasetImportJobs"],
            ask.list_event_trackers(datasetGroupArn=self.group)["eventTrackers"],
        ]
        return {"answers": answers, "described": described}

    def recommended(self, user: str) -> list[str]:
        asked = {"campaignArn": self.campaign, "userId": user, "filterArn": self.filter}
        return [item["itemId"] for item in self.runtime.get_recommendations(**asked)["itemList"]]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, dict[str, Any], Path]:
    path = tmp_path_factory.mktemp("saved") / "films.zip"
    with mock_personalize() as emulator:
        shop = Shop()
        emulator.save_snapshot(path, objects=True)
        return shop, shop.seen(), path


@pytest.fixture
def elsewhere() -> Iterator[Emulator]:
    """An emulator that has something of its own."""
    with mock_personalize() as emulator:
        client("personalize").create_dataset_group(name="other")
        yield emulator


def test_everything_is_as_it_was_in_another_emulator(saved: Any, elsewhere: Emulator) -> None:
    shop, seen, path = saved
    assert elsewhere.load_snapshot(path) == 9
    assert shop.seen() == seen
    assert [g["name"] for g in client("personalize").list_dataset_groups()["datasetGroups"]] == ["films"]


def test_life_goes_on_after_loading(saved: Any, elsewhere: Emulator) -> None:
    shop, _, path = saved
    elsewhere.load_snapshot(path)
    before = shop.recommended("u9")
    shop.watch("u9", before[0])
    assert before[0] not in shop.recommended("u9")
    version = shop.personalize.create_solution_version(solutionArn=shop.solution)["solutionVersionArn"]
    found = shop.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]
    assert found["status"] == "ACTIVE"
    assert version != shop.version


def test_loading_again_and_again_leaves_nothing_behind(saved: Any, elsewhere: Emulator) -> None:
    shop, seen, path = saved
    for _ in range(3):
        elsewhere.load_snapshot(path)
    assert shop.seen() == seen
    folder = elsewhere.folder.path
    assert len(list(folder.glob("tables/*/*.parquet"))) == 1
    assert len(list(folder.glob("models/*"))) == 1
    assert list(folder.glob("jobs/*")) == []
    assert len(elsewhere.streamed.datasets()) == 1


def test_objects_come_with_it_as_they_were(saved: Any, elsewhere: Emulator) -> None:
    shop, _, path = saved
    elsewhere.load_snapshot(path)
    found = shop.s3.get_object(Bucket="films", Key="a b/../rows.csv")
    assert (found["Body"].read(), found["Metadata"], found["ContentType"]) == (rows(), {"of": "mine"}, "text/csv")


def test_a_snapshot_without_objects_has_none(saved: Any, elsewhere: Emulator, tmp_path: Path) -> None:
    elsewhere.load_snapshot(saved[2])
    elsewhere.save_snapshot(tmp_path / "without.zip")
    assert not any(name.startswith("objects/") for name in read(tmp_path / "without.zip"))


def test_equal_states_make_equal_files(saved: Any, elsewhere: Emulator, tmp_path: Path) -> None:
    elsewhere.load_snapshot(saved[2])
    for name in "ab":
        elsewhere.save_snapshot(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_it_survives_a_restart_on_a_data_folder(saved: Any, tmp_path: Path) -> None:
    shop, seen, path = saved
    with mock_personalize(data_dir=str(tmp_path)) as emulator:
        emulator.load_snapshot(path)
    with mock_personalize(data_dir=str(tmp_path)):
        assert shop.seen() == seen


def test_work_that_is_under_way_begins_again_where_it_is_loaded(tmp_path: Path) -> None:
    with mock_personalize(lifecycle="manual") as emulator:
        client("s3").create_bucket(Bucket="films")
        client("s3").put_object(Bucket="films", Key="rows.csv", Body=rows())
        make = client("personalize")
        group = make.create_dataset_group(name="films")["datasetGroupArn"]
        schema_arn = make.create_schema(name="films", schema=schema())["schemaArn"]
        emulator.advance(hours=1)
        dataset = make.create_dataset(name="f", datasetType="Interactions", datasetGroupArn=group, schemaArn=schema_arn)
        emulator.advance(hours=1)
        source = {"dataLocation": "s3://films/rows.csv"}
        job = make.create_dataset_import_job(
            jobName="films", datasetArn=dataset["datasetArn"], dataSource=source, roleArn=ROLE
        )["datasetImportJobArn"]
        emulator.advance(minutes=5)
        assert status(job) == "CREATE IN_PROGRESS"
        emulator.save_snapshot(tmp_path / "s.zip", objects=True)
    with mock_personalize(lifecycle="manual") as emulator:
        emulator.load_snapshot(tmp_path / "s.zip")
        assert status(job) == "CREATE IN_PROGRESS"
        emulator.advance(hours=1)
        assert status(job) == "ACTIVE"


def test_automatic_trainings_keep_their_appointments(saved: Any, tmp_path: Path) -> None:
    how = {"lifecycle": "manual", "auto_training": "clock"}
    with mock_personalize(**how) as emulator:
        emulator.load_snapshot(saved[2])
        recipe = f"{RECIPE}aws-popularity-count"
        asked = {"name": "auto", "datasetGroupArn": saved[0].group, "recipeArn": recipe, "performAutoTraining": True}
        solution = client("personalize").create_solution(**asked)["solutionArn"]
        emulator.advance(minutes=30)
        emulator.save_snapshot(tmp_path / "s.zip")
    with mock_personalize(**how) as emulator:
        emulator.load_snapshot(tmp_path / "s.zip")
        for minutes, versions in ((25, 0), (10, 1)):
            emulator.advance(minutes=minutes)
            found = client("personalize").list_solution_versions(solutionArn=solution)["solutionVersions"]
            assert len(found) == versions


def test_work_that_is_under_way_is_forgotten_where_something_is_loaded(saved: Any) -> None:
    with mock_personalize(lifecycle="manual") as emulator:
        client("personalize").create_dataset_group(name="other")
        emulator.load_snapshot(saved[2])
        emulator.advance(hours=24)
        assert emulator.lifecycle.workshop.jobs() == []
        assert [g["name"] for g in client("personalize").list_dataset_groups()["datasetGroups"]] == ["films"]


def status(job: str) -> str:
    found = client("personalize").describe_dataset_import_job(datasetImportJobArn=job)["datasetImportJob"]
    return str(found["status"])


# What must not be believed


@pytest.fixture(scope="module")
def unmoved(saved: Any) -> Iterator[Emulator]:
    """An emulator that nothing changes."""
    with mock_personalize() as emulator:
        client("personalize").create_dataset_group(name="other")
        yield emulator


def read(path: Path) -> Files:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name != MANIFEST}


def packed(files: Files, manifest: dict[str, Any] | None = None, **how: Any) -> bytes:
    """Return a snapshot with an honest manifest of files, but for what `manifest` says."""
    target = io.BytesIO()
    named = {name: {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()} for name, body in files.items()}
    with zipfile.ZipFile(target, "w", **how) as archive:
        for name, body in files.items():
            archive.writestr(zipfile.ZipInfo(name), body, **({"compress_type": how["compression"]} if how else {}))
        text = {"format": "fakepersonalize-snapshot", "version": 1, "files": named} | (manifest or {})
        archive.writestr(MANIFEST, json.dumps(text), zipfile.ZIP_STORED)
    return target.getvalue()


def refused(emulator: Emulator, content: bytes, said: str = "napshot") -> None:
    """Check that a file is refused and changes nothing."""

    def state() -> Any:
        folder = emulator.folder.path
        files = {
            path for path in folder.rglob("*") if path.is_file() and not path.name.endswith((".db-wal", ".db-shm"))
        }
        groups = client("personalize").list_dataset_groups()["datasetGroups"]
        return groups, files, client("s3").list_buckets()["Buckets"]

    before = state()
    with pytest.raises(Unusable, match=said):
        emulator.load_snapshot(io.BytesIO(content))
    assert state() == before


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + bytes(100)])
def test_other_files_are_refused(content: bytes, unmoved: Emulator) -> None:
    refused(unmoved, content, "no snapshot")


def test_a_file_that_was_cut_or_changed_anywhere_is_refused(saved: Any, unmoved: Emulator) -> None:
    whole = saved[2].read_bytes()
    refused(unmoved, whole[:-100])
    refused(unmoved, whole[100:])
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(whole), 60).tolist():
        changed = whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :]
        try:
            unmoved.load_snapshot(io.BytesIO(changed))
        except Unusable:
            continue
        with zipfile.ZipFile(io.BytesIO(changed)) as archive:  # a date or the like, which means nothing
            assert {name: archive.read(name) for name in archive.namelist()}.keys() >= read(saved[2]).keys()


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "models/../../1/arrays.npz",
        "segments/1.parquet/../../x",
        "rows\\resources.jsonl",
        "rows/more.jsonl\n",
        "segments/\u0661.parquet",
        "metadata.db",
        "rows/",
    ],
)
def test_names_that_are_not_ours_are_refused(name: str, saved: Any, unmoved: Emulator) -> None:
    refused(unmoved, packed(read(saved[2]) | {name: b"x"}))


def test_packed_files_are_refused_and_so_cannot_be_bombs(saved: Any, unmoved: Emulator) -> None:
    refused(unmoved, packed(read(saved[2]), compression=zipfile.ZIP_DEFLATED))
    bomb = packed({"rows/resources.jsonl": bytes(10**7)}, compression=zipfile.ZIP_DEFLATED)
    refused(unmoved, bomb, "no snapshot")


def test_a_file_that_is_there_twice_is_refused(saved: Any, unmoved: Emulator) -> None:
    content = io.BytesIO(saved[2].read_bytes())
    with zipfile.ZipFile(content, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(zipfile.ZipInfo("rows/links.jsonl"), b"")
    refused(unmoved, content.getvalue())


@pytest.mark.parametrize(
    "manifest",
    [{"version": 2}, {"version": "1"}, {"format": "x"}, {"files": []}, {"files": {}}, {"files": {"rows/x": 5}}],
)
def test_a_manifest_that_says_otherwise_is_refused(manifest: dict[str, Any], saved: Any, unmoved: Emulator) -> None:
    refused(unmoved, packed(read(saved[2]), manifest))


Change = Callable[[dict[str, Any]], object]


def changed(files: Files, file: str, change: Change) -> Files:
    """Return the files with a change to the first row of one of them that it applies to."""
    lines = [json.loads(line) for line in files[f"rows/{file}.jsonl"].splitlines()]
    for row in lines:
        before = json.dumps(row)
        change(row)
        if json.dumps(row) != before:
            break
    else:
        raise AssertionError("nothing changed")
    return files | {f"rows/{file}.jsonl": b"".join(json.dumps(row).encode() + b"\n" for row in lines)}


def of_kind(kind: str, **members: Any) -> Change:
    return lambda row: row["kind"] == kind and row["document"].update(members)


CHANGES: list[tuple[str, Change]] = [
    ("resources", lambda row: row.update(arn="films")),
    ("resources", lambda row: row.update(arn=row["arn"].replace("123456789012", "../../../x"))),
    ("resources", lambda row: row.update(arn=row["arn"].replace("us-east-1", "us/east"))),
    ("resources", lambda row: row.update(kind="film")),
    ("resources", lambda row: row.update(kind="campaign")),
    ("resources", lambda row: row.update(status="GREAT")),
    ("resources", lambda row: row.update(number="1")),
    ("resources", lambda row: row.update(number=True)),
    ("resources", lambda row: row.update(number=10**30)),
    ("resources", lambda row: row.update(created=float("nan"))),
    ("resources", lambda row: row.update(created=10**12)),
    ("resources", lambda row: row.update(updated=-1)),
    ("resources", lambda row: row.update(document=[])),
    ("resources", lambda row: row.update(more=1)),
    ("resources", lambda row: row.pop("name")),
    ("resources", of_kind("schema", schema="{")),
    ("resources", of_kind("schema", schema=5)),
    ("resources", of_kind("dataset", schemaArn="arn:aws:personalize:us-east-1:123456789012:schema/none")),
    ("resources", of_kind("dataset", schemaArn="arn:aws:personalize:us-east-1:123456789012:campaign/films")),
    ("resources", of_kind("dataset", datasetType=["x"])),
    ("resources", of_kind("filter", filterExpression="DROP TABLE resource")),
    ("resources", of_kind("solution_version", recipeArn="aws-none")),
    ("resources", of_kind("campaign", solutionVersionArn=None)),
    ("resources", of_kind("campaign", model=-1)),
    ("links", lambda row: row.update(ancestor="films")),
    ("tags", lambda row: row.update(arn="films")),
    ("segments", lambda row: row.update(dataset=10**9)),
    ("segments", lambda row: row.update(rows=row["rows"] + 1)),
    ("segments", lambda row: row.update(number=row["number"] + 1)),
    ("events", lambda row: row.update(dataset=10**9)),
    ("events", lambda row: row.update(more="[]")),
    ("events", lambda row: row.update(time="x")),
    ("objects", lambda row: row.update(bucket=5)),
    ("objects", lambda row: row.update(key="")),
    ("objects", lambda row: row.update(key="x" * 1025)),
    ("objects", lambda row: row.update(metadata={"a": 5})),
    ("objects", lambda row: row.update(metadata={"a": "b\r\nc: d"})),
    ("buckets", lambda row: row.update(name="../x")),
    ("buckets", lambda row: row.update(account="x")),
    ("buckets", lambda row: row.update(policy="{")),
    ("buckets", lambda row: row.update(policy='{"Statement": [{}]}')),
    ("objects", lambda row: row.update(key="a\ud800")),
    ("objects", lambda row: row.update(type="text/plain\r\nc: d")),
    ("resources", of_kind("campaign", campaignConfig={"a": "\ud800"})),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_rows_that_cannot_be_are_refused(number: int, saved: Any, unmoved: Emulator) -> None:
    file, change = CHANGES[number]
    refused(unmoved, packed(changed(read(saved[2]), file, change)), "The snapshot ")


@pytest.mark.parametrize(
    ("automatic", "status", "why"),
    [
        (False, "CREATE FAILED", "lacks recipeArn"),
        (True, "ACTIVE", "lacks recipeArn"),
        (True, "CREATE FAILED", "whose solution version has no recipe"),  # of the campaign
    ],
)
def test_a_version_without_a_recipe_serves_nothing(
    automatic: bool, status: str, why: str, saved: Any, unmoved: Emulator
) -> None:
    def change(row: dict[str, Any]) -> None:
        if row["kind"] == "solution_version":
            row["status"] = status
            row["document"]["performAutoML"] = automatic
            del row["document"]["recipeArn"]

    refused(unmoved, packed(changed(read(saved[2]), "resources", change)), why)


@pytest.mark.parametrize("line", [b"{", b"[]", b"5", b"[" * 100_000, b'{"arn": 1e999}', b"\xff"])
def test_lines_that_are_no_rows_are_refused(line: bytes, saved: Any, unmoved: Emulator) -> None:
    refused(unmoved, packed(read(saved[2]) | {"rows/tags.jsonl": line}))


def test_a_row_file_that_lacks_is_refused(saved: Any, unmoved: Emulator) -> None:
    files = read(saved[2])
    for name in [name for name in files if name.startswith("rows/")]:
        refused(unmoved, packed({other: body for other, body in files.items() if other != name}))


def with_segment(files: Files, table: pa.Table) -> Files:
    (name,) = [name for name in files if name.startswith("segments/")]
    target = io.BytesIO()
    pq.write_table(table, target)
    return changed(files | {name: target.getvalue()}, "segments", lambda row: row.update(rows=table.num_rows))


def test_segments_of_other_columns_or_hidden_size_are_refused(saved: Any, unmoved: Emulator) -> None:
    files = read(saved[2])
    (name,) = [name for name in files if name.startswith("segments/")]
    refused(unmoved, packed(files | {name: b"no Parquet"}), "not Parquet")
    refused(unmoved, packed(with_segment(files, pa.table({"USER_ID": [1]}))), "other columns")
    refused(unmoved, packed(with_segment(files, pa.table({"FILM": ["x"]}))), "other columns")
    same = pa.repeat("x" * 1000, 400_000)
    bomb = with_segment(files, pa.table({"USER_ID": same}))
    assert len(bomb[name]) < 100_000
    refused(unmoved, packed(bomb), "larger than it looks")


def with_arrays(files: Files, **arrays: Any) -> Files:
    (name,) = [name for name in files if name.endswith("arrays.npz")]
    with np.load(io.BytesIO(files[name])) as own:
        target = io.BytesIO()
        np.savez(target, **({each: own[each] for each in own.files} | arrays))
    return files | {name: target.getvalue()}


def test_models_that_do_not_load_are_refused(saved: Any, unmoved: Emulator) -> None:
    files = read(saved[2])
    (name,) = [name for name in files if name.endswith("arrays.npz")]
    manifest = name.replace("arrays.npz", "manifest.json")
    refused(unmoved, packed(files | {name: b"no zip"}), "arrays cannot be read")
    refused(unmoved, packed(files | {manifest: b"{}"}), "does not load")
    refused(
        unmoved, packed(files | {manifest: json.dumps(json.loads(files[manifest]) | {"model": "os.system"}).encode()})
    )
    refused(unmoved, packed(with_arrays(files, **{"history.items": np.array([10**6])})), "does not load")
    with np.load(io.BytesIO(files[name])) as own:
        one = {each: own[each].ravel()[:1] for each in own.files if each.startswith("model.") and own[each].size > 1}
    refused(unmoved, packed(with_arrays(files, **one)), "does not load")
    refused(unmoved, packed(with_arrays(files, x=np.array([{}], dtype=object))), "arrays cannot be read")
    refused(unmoved, packed({other: body for other, body in files.items() if other != name}), "lacks arrays")
    deflated = io.BytesIO()
    with zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(10**7))
    refused(unmoved, packed(files | {name: deflated.getvalue()}), "arrays cannot be read")
    lying = io.BytesIO()
    with zipfile.ZipFile(lying, "w") as archive, archive.open("x.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"shape": (10**12,), "fortran_order": False, "descr": "<f8"})
    refused(unmoved, packed(files | {name: lying.getvalue()}), "arrays cannot be read")


def test_arrays_of_nothing_or_of_endless_shapes_are_refused(saved: Any, unmoved: Emulator) -> None:
    files = read(saved[2])
    (name,) = [name for name in files if name.endswith("arrays.npz")]
    for descr, shape in (("<U0", (10**12,)), ("|V0", (10**12,)), ("<f8", (0, 10**12)), ("<f8", (-1, -8))):
        lying = io.BytesIO()
        with zipfile.ZipFile(lying, "w") as archive, archive.open("x.npy", "w") as file:
            np.lib.format.write_array_header_1_0(file, {"shape": shape, "fortran_order": False, "descr": descr})
            if shape == (-1, -8):
                file.write(bytes(64))
        refused(unmoved, packed(files | {name: lying.getvalue()}), "arrays cannot be read")


def test_texts_of_a_model_that_overlap_are_refused(saved: Any, unmoved: Emulator) -> None:
    files = read(saved[2])
    (name,) = [name for name in files if name.endswith("arrays.npz")]
    with np.load(io.BytesIO(files[name])) as own:
        letters, offsets = own["item_ids"], own["item_ids.offsets"].copy()
    offsets[1:-1:2], offsets[2:-1:2] = len(letters), 0
    refused(unmoved, packed(with_arrays(files, **{"item_ids.offsets": offsets})), "does not load")


def test_a_row_that_is_too_long_is_refused_before_it_is_read(saved: Any, unmoved: Emulator) -> None:
    line = json.dumps({"arn": "x", "key": "y", "value": "z" * 2**20}).encode() + b"\n"
    refused(unmoved, packed(read(saved[2]) | {"rows/tags.jsonl": line}), "too long: line 1")
    refused(unmoved, packed(read(saved[2]), {"more": [[]] * 1000}), "no snapshot")


def test_rows_that_would_fill_the_memory_are_refused_before_they_do(saved: Any, unmoved: Emulator) -> None:
    files = read(saved[2])
    tag = b'{"arn": "x", "key": "y", "value": [' + b"[]," * 20_000 + b"[]]}\n"
    refused(unmoved, packed(files | {"rows/tags.jsonl": tag}), "too many lists and objects: line 1")
    refused(
        unmoved, packed(files | {"rows/clock.jsonl": b'{"now": 1}\n' * 2}), "line 2 of clock, which is one too many"
    )
    foreign = files["rows/resources.jsonl"].splitlines(keepends=True)[0].replace(b"arn:aws", b"films", 1)
    refused(
        unmoved, packed(files | {"rows/resources.jsonl": foreign + b"no row"}), "line 1 of resources, which is no ARN"
    )


def test_a_directory_that_is_too_long_is_refused_before_it_is_read(
    saved: Any, unmoved: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = saved[2].read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(archive.zipfile, "ZipFile", lambda *_: pytest.fail("the directory was read"))
        short = content[:-10] + (2**30).to_bytes(4, "little") + content[-6:]
        refused(unmoved, short, "no snapshot")
        locator = b"PK\x06\x07" + bytes(16)
        record = b"PK\x06\x06" + bytes(36) + (2**40).to_bytes(8, "little") + bytes(8)
        refused(unmoved, content[:-22] + record + locator + content[-22:], "no snapshot")
        refused(unmoved, content[:-2] + b"\1\0c", "no snapshot")  # a comment


SHARED = {"use_dictionary": False, "column_encoding": {"USER_ID": "DELTA_BYTE_ARRAY"}}
BOMBS: dict[str, tuple[str, int, dict[str, Any]]] = {  # the text of all rows, how many there are, how they are written
    "one page": ("x" * (150 << 20), 1, {"use_dictionary": False}),
    "a dictionary": ("x" * (150 << 20), 1, {}),
    "a text that all rows have": ("x" * 2**16, 4000, {}),
    "prefixes that texts share": ("x" * 2**20, 200, SHARED),
}
CHECK = """
import json, resource, sys
from pathlib import Path
from fakepersonalize.datasets import schema
from fakepersonalize.snapshots.archive import Unusable
from fakepersonalize.snapshots.parts import check_segment

def check(path, rows):
    try:
        check_segment(1, Path(path), rows, schema.parse(sys.argv[1]))
    except Unusable as refused:
        return str(refused)

check(sys.argv[2], 40)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
said = [check(path, int(rows)) for path, rows in zip(sys.argv[3::2], sys.argv[4::2])]
print(json.dumps([said, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="others count memory in other units, or not at all")
def test_segments_that_unpack_to_much_are_refused_before_they_do(tmp_path: Path) -> None:
    asked: list[str] = []
    for name, (text, rows, how) in {"honest": ("u1", 40, {}), **BOMBS}.items():
        column = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([text]))
        table = pa.table({"USER_ID": column.cast(pa.string()) if how else column})
        path = tmp_path / f"{name}.parquet"
        pq.write_table(table, path, compression="zstd", write_statistics=False, store_schema=False, **how)
        assert path.stat().st_size < 10**6
        asked += [str(path), str(rows)][: 1 if name == "honest" else 2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", CHECK, schema(), *asked]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    said, grown = json.loads(done.stdout)
    for why in said:
        assert "larger than it looks" in why or "not Parquet" in why
    assert grown < 80 * 2**20


def test_a_database_is_no_part_of_a_snapshot(saved: Any) -> None:
    assert not any(body.startswith(b"SQLite format") for body in read(saved[2]).values())


def test_what_fails_in_the_middle_changes_nothing(
    saved: Any, elsewhere: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, seen, path = saved
    plain = Database.run

    def failing(self: Database, statement: str, **values: Any) -> Any:
        if statement == "add_segment":
            raise OSError("no room")
        return plain(self, statement, **values)

    buckets_before = client("s3").list_buckets()["Buckets"]
    monkeypatch.setattr(Database, "run", failing)
    with pytest.raises(OSError, match="no room"):
        elsewhere.load_snapshot(path)
    monkeypatch.undo()
    assert [g["name"] for g in client("personalize").list_dataset_groups()["datasetGroups"]] == ["other"]
    assert client("s3").list_buckets()["Buckets"] == buckets_before
    elsewhere.load_snapshot(path)
    assert shop.seen() == seen


def test_buckets_that_another_account_has_are_refused_and_what_came_before_is_undone(saved: Any) -> None:
    files = read(saved[2])
    own = json.loads(files["rows/buckets.jsonl"].splitlines()[0])
    rows = [own, own | {"name": "taken"}]
    files["rows/buckets.jsonl"] = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    with mock_personalize() as emulator:
        boto3.client("s3", "us-east-1", aws_access_key_id="210987654321", aws_secret_access_key="x").create_bucket(
            Bucket="taken"
        )
        refused(emulator, packed(files), "S3 did not take")


def test_objects_that_were_replaced_come_back_where_a_snapshot_cannot_be_loaded(
    saved: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = read(saved[2])
    own = json.loads(files["rows/buckets.jsonl"].splitlines()[0])
    first = json.loads(files["rows/objects.jsonl"].splitlines()[0])
    with mock_personalize() as emulator:
        s3 = client("s3")
        s3.create_bucket(Bucket=own["name"])
        s3.put_object(Bucket=own["name"], Key=first["key"], Body=b"mine", Metadata={"a": "b"})

        def failing(*_: Any) -> None:
            raise Unusable("The snapshot is too much")

        monkeypatch.setattr(buckets, "_set_policy", failing)
        refused(emulator, packed(files), "too much")
        found = s3.get_object(Bucket=own["name"], Key=first["key"])
        assert (found["Body"].read(), found["Metadata"]) == (b"mine", {"a": "b"})


def test_a_model_in_memory_is_not_taken_for_the_loaded_one(saved: Any, elsewhere: Emulator) -> None:
    shop, seen, path = saved
    elsewhere.load_snapshot(path)
    shop.recommended("u1")
    elsewhere.load_snapshot(path)
    assert isinstance(elsewhere.loaded, LoadedModels)
    assert shop.seen() == seen
