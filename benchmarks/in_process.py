"""What tests wait for: the first call of a process, an emulator for a test, and a campaign that is trained."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

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


def _tell(name: str, measured: Callable[[], float], wanted: float) -> None:
    measured()
    values = [measured() for _ in range(RUNS)]
    median = statistics.median(values)
    print(f"\n{name}\n  s    {'  '.join(f'{value:8.3f}' for value in values)}   median {median:.3f}")
    print(f"  wanted: at most {wanted}; {'met' if median <= wanted else 'NOT MET'}")


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
