"""A whole training of 20 million interactions, metrics included, against implicit's ALS alone on the same matrix.

Each runs in a process of its own, in turn: ours from the Parquet segment that an import makes to the model on the disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import interactions

RECIPE = "aws-user-personalization"
THREADS = os.cpu_count() or 1
MOST, MOST_BYTES = 4, 3e9
SCHEMA = {
    "type": "record",
    "name": "Interactions",
    "fields": [{"name": name, "type": "long" if name == "TIMESTAMP" else "string"} for name in interactions.FIELDS],
}


def run(drawn: int = 25_000_000) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _child("make", folder, drawn)
        rival, ours = _child("als", folder), _child("train", folder)
    ratio = ours["seconds"] / rival["seconds"]
    print(f"\n{RECIPE}, {ours['interactions']:,} interactions of {ours['users']:,} users with {ours['items']:,} items")
    phases = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in ours["phases"].items())
    print(f"  ours   {ours['seconds']:8.1f} s ({phases}), peak {ours['peak'] / 1e9:.2f} GB")
    print(f"  rival  {rival['seconds']:8.1f} s, peak {rival['peak'] / 1e9:.2f} GB")
    print(f"  ratio  {ratio:8.2f}, wanted: at most {MOST}; {'met' if ratio <= MOST else 'NOT MET'}")
    print(f"  memory: wanted at most {MOST_BYTES / 1e9:g} GB; {'met' if ours['peak'] <= MOST_BYTES else 'NOT MET'}")


def make(folder: Path, drawn: str) -> dict[str, Any]:
    """Write the interactions as an import would."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    users, items, times = interactions.large(drawn=int(drawn))
    columns = [
        pa.DictionaryArray.from_arrays(codes.astype(np.int32), [f"{letter}{n}" for n in range(codes.max() + 1)])
        for codes, letter in ((users, "u"), (items, "i"))
    ]
    pq.write_table(pa.table([*columns, times], interactions.FIELDS), folder / "interactions.parquet")
    return {}


def als(folder: Path) -> dict[str, Any]:
    from fakepersonalize.jobs import training_rows
    from fakepersonalize.jobs.training_spec import TrainingSpec
    from fakepersonalize.recipes.models.als import item_factors

    data = training_rows.prepare(TrainingSpec.from_json(_spec(folder)), frozenset()).data
    begun = time.perf_counter()
    item_factors(data, 64, 0, THREADS, lambda share: None)
    return {"seconds": time.perf_counter() - begun}


def train(folder: Path) -> dict[str, Any]:
    from fakepersonalize.jobs import train
    from fakepersonalize.storage import artifacts

    begun = time.perf_counter()
    outcome = train.work(_spec(folder), folder, lambda share: None)
    seconds = time.perf_counter() - begun
    arrays = artifacts.read(folder / train.MODEL)[1]
    sizes = {name: len(arrays[f"{name[:-1]}_ids.offsets"]) - 1 for name in ("users", "items")}
    return {"seconds": seconds, "phases": outcome["seconds"], "interactions": len(arrays["history.items"]), **sizes}


def _spec(folder: Path) -> dict[str, Any]:
    """Return what gathering gives for a solution that configures nothing."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("domain", "metric", "tuning", "objective", "event_type", "threshold", "minima", "base")
    )
    return nothing | {
        "segments": [str(folder / "interactions.parquet")],
        "schema": json.dumps(SCHEMA),
        "recipes": [RECIPE],
        "sensitivity": "OFF",
        **{name: [] for name in ("acted", "events")},
        **{name: {} for name in ("sides", "choice", "hyperparameters", "features", "considered")},
        **dict.fromkeys(("last_streamed", "last_acted", "now", "seed"), 0),
        "needed": True,
        "threads": THREADS,
    }


def _child(what: str, folder: str, *more: object) -> dict[str, Any]:
    command = [sys.executable, __file__, what, folder, *map(str, more)]
    answered: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return answered


def _peak_bytes() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__" and len(sys.argv) > 2:
    found = {"make": make, "als": als, "train": train}[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
    print(json.dumps(found | {"peak": _peak_bytes(), "cpu": time.process_time()}))
elif __name__ == "__main__":
    run(*map(int, sys.argv[1:]))
