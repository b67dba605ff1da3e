"""An import of 20 million interactions, from Create to ACTIVE, against pyarrow's streaming reader on the same file.

Memory is what the server takes above what it holds with the object stored.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import interactions
import processes
from batch_memory import resident
from processes import client, wait

MOST, MOST_BYTES = 4, 1.5e9
BLOCK_ROWS = 1_000_000
SCHEMA = {
    "type": "record",
    "name": "Interactions",
    "namespace": "x",
    "version": "1.0",
    "fields": [{"name": name, "type": "long" if name == "TIMESTAMP" else "string"} for name in interactions.FIELDS],
}


def run(drawn: int = 25_000_000) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "interactions.csv"
        rows = _write(file, drawn)
        data = str(Path(folder) / "data")
        with processes.ours(FAKEPERSONALIZE_STEP_SECONDS="0", FAKEPERSONALIZE_DATA_DIR=data) as url:
            client("s3", url).create_bucket(Bucket="benchmark")
            client("s3", url).upload_file(str(file), "benchmark", file.name)
            dataset = _dataset(url)
            pairs = [(_ours(url, dataset, number), _rival(file)) for number in range(2)]
    print(
        f"\nan import of {rows:,} interactions ({file.name}), from Create to ACTIVE, against pyarrow's streaming reader"
    )
    for (seconds, peak), rival in pairs:
        print(f"  ours {seconds:.1f} s, {peak / 1e6:.0f} MB more   rival {rival:.1f} s   ratio {seconds / rival:.2f}")
    print(f"  wanted: a ratio of at most {MOST}, at most {MOST_BYTES / 1e9:g} GB more")


def _write(file: Path, drawn: int) -> int:
    import pandas as pd

    users, items, times = interactions.large(drawn=drawn)
    table = pd.DataFrame(dict(zip(interactions.FIELDS, (users, items, times))))
    table.to_csv(file, index=False, chunksize=BLOCK_ROWS)
    return len(table)


def _dataset(url: str) -> str:
    personalize = client("personalize", url)
    group = personalize.create_dataset_group(name="benchmark")["datasetGroupArn"]
    wait(personalize.describe_dataset_group, "datasetGroup", datasetGroupArn=group)
    schema = personalize.create_schema(name="benchmark", schema=json.dumps(SCHEMA))["schemaArn"]
    arn: str = personalize.create_dataset(
        name="benchmark", datasetType="Interactions", datasetGroupArn=group, schemaArn=schema
    )["datasetArn"]
    wait(personalize.describe_dataset, "dataset", datasetArn=arn)
    return arn


def _ours(url: str, dataset: str, number: int) -> tuple[float, float]:
    """Return how many seconds an import takes, and how many bytes more the server has at its peak."""
    personalize, server = client("personalize", url), processes.started[-1].pid
    peak = before = resident(server)
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.02):
            peak = max(peak, resident(server))

    watching = threading.Thread(target=watch)
    watching.start()
    begun = time.perf_counter()
    job = personalize.create_dataset_import_job(
        jobName=f"benchmark{number}",
        datasetArn=dataset,
        dataSource={"dataLocation": "s3://benchmark/interactions.csv"},
        roleArn="arn:aws:iam::123456789012:role/benchmark",
    )["datasetImportJobArn"]
    wait(personalize.describe_dataset_import_job, "datasetImportJob", datasetImportJobArn=job)
    seconds = time.perf_counter() - begun
    over.set()
    watching.join()
    return seconds, peak - before


def _rival(file: Path) -> float:
    done = subprocess.run([sys.executable, __file__, str(file)], stdout=subprocess.PIPE, check=True)
    return float(done.stdout)


def read(file: str) -> float:
    """Read a file as pyarrow streams it, with the types of the schema, and keep nothing."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    types: dict[str, Any] = {"USER_ID": pa.string(), "ITEM_ID": pa.string(), "TIMESTAMP": pa.int64()}
    begun = time.perf_counter()
    with pacsv.open_csv(file, convert_options=pacsv.ConvertOptions(column_types=types)) as batches:
        for _ in batches:
            pass
    return time.perf_counter() - begun


if __name__ == "__main__" and len(sys.argv) > 1:
    print(read(sys.argv[1]))
elif __name__ == "__main__":
    run()
