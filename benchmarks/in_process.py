"""What tests wait for: the first call of a process, an emulator for a test, and a campaign that is trained."""

from __future__ import annotations

import gzip
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

RUNS = 7
FIRST = """
import time, boto3
begun = time.perf_counter()
from fakepersonalize import mock_personalize
with mock_personalize():
    boto3.client("personalize", "us-east-1").list_schemas()
print(time.perf_counter() - begun)
"""
TRAINED = """
import pathlib, tempfile, time, boto3
from fakepersonalize.trained import train
with tempfile.TemporaryDirectory() as folder:
    begun = time.perf_counter()
    train(pathlib.Path(folder), "123456789012", "us-east-1")
    print(time.perf_counter() - begun)
"""
POLICY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def run() -> None:
    _tell("import, enter, make a client and call, in a new process", lambda: _told(FIRST), wanted=1.0)
    _tell("enter, create a role with a managed policy, leave", _role, wanted=0.05)
    _tell("train the campaign of the pytest plugin, in a new process", lambda: _told(TRAINED), wanted=2.0)
    _tell_restores()


def _tell(name: str, measured: Callable[[], float], wanted: float) -> None:
    measured()
    values = [measured() for _ in range(RUNS)]
    median = statistics.median(values)
    print(f"\n{name}\n  s    {'  '.join(f'{value:8.3f}' for value in values)}   median {median:.3f}")
    print(f"  wanted: at most {wanted}; {'met' if median <= wanted else 'NOT MET'}")


def _tell_restores() -> None:
    """Compare how long a test waits for its copy of a set-up file and of the trained campaign, on the same rows."""
    from fakepersonalize.bundled import SMALL, folder
    from fakepersonalize.mock import Mocked
    from fakepersonalize.trained import train

    with tempfile.TemporaryDirectory() as place:
        rows, campaign, done, setup = (Path(place) / name for name in ("rows", "campaign", "done", "setup.json"))
        rows.mkdir()
        (rows / "rows.csv").write_bytes(gzip.decompress((folder(SMALL) / "interactions.csv.gz").read_bytes()))
        schema = json.loads((folder(SMALL) / "schemas" / "interactions.json").read_text("utf-8"))
        solutions = {"films": {"recipe": "aws-user-personalization", "campaigns": ["films"]}}
        datasets = {"Interactions": {"schema": "rows", "import": "s3://films/rows.csv"}}
        wanted = {
            "buckets": {"films": {"folder": "rows"}},
            "roles": ["reads"],
            "schemas": {"rows": schema},
            "dataset_groups": {"films": {"datasets": datasets, "solutions": solutions}},
        }
        setup.write_text(json.dumps(wanted))
        train(campaign, "123456789012", "us-east-1")
        manual = {"setup": str(setup), "lifecycle": "manual", "step_seconds": 0}
        with Mocked({**manual, "data_dir": str(done)}):
            pass
        taken: dict[str, list[float]] = {"trained_campaign": [], "set-up file": []}
        for _ in range(RUNS + 1):
            for name, mocked in {
                "trained_campaign": Mocked({}, campaign),
                "set-up file": Mocked({"setup": str(setup)}, done, is_set_up=True),
            }.items():
                begun = time.perf_counter()
                with mocked:
                    taken[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(values[1:]) for name, values in taken.items()}
    print("\nrestore for a test: " + ", ".join(f"{name} {value:.3f} s" for name, value in medians.items()))
    print(f"  ratio {medians['set-up file'] / medians['trained_campaign']:.2f}")


def _told(program: str) -> float:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _role() -> float:
    import boto3

    from fakepersonalize import mock_personalize

    iam = boto3.client("iam", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    begun = time.perf_counter()
    with mock_personalize():
        iam.create_role(RoleName="reader", AssumeRolePolicyDocument="{}")
        iam.attach_role_policy(RoleName="reader", PolicyArn=POLICY)
    return time.perf_counter() - begun


if __name__ == "__main__":
    run()
