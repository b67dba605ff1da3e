"""Batch jobs as tests run them: lines in, lines out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Any

from accounts import Account, Description

_numbers = itertools.count()
Lines = Iterable[Mapping[str, Any] | str | bytes]


class Batch:
    """One job of an account; its input and output are folders of its own."""

    def __init__(self, account: Account, kind: str = "inference") -> None:
        self.account, self.kind, self.name = account, kind, f"batch{next(_numbers)}"
        self.described: Description = {}

    def put(self, lines: Lines, file: str = "lines.json") -> str:
        """Put a file of lines into the input folder; return where it is."""
        body = b"".join(each if isinstance(each, bytes) else encoded(each) for each in lines)
        return self.account.put(body, f"{self.name}/in/{file}", "batches")

    @property
    def bucket(self) -> str:
        return f"batches-{self.account.number}"

    def begin(self, version: str, **more: Any) -> str:
        source = more.pop("source", f"s3://{self.bucket}/{self.name}/in/")
        target = more.pop("target", f"s3://{self.bucket}/{self.name}/out/")
        answer = getattr(self.account.personalize, f"create_batch_{self.kind}_job")(
            jobName=self.name,
            solutionVersionArn=version,
            jobInput={"s3DataSource": {"path": source}},
            jobOutput={"s3DataDestination": {"path": target}},
            roleArn=self.account.role,
            **more,
        )
        return str(answer[f"batch{self.kind.capitalize()}JobArn"])

    def run(self, version: str, **more: Any) -> Description:
        """Return the job as it ended."""
        return self.account.settled(f"batch_{self.kind}_job", self.begin(version, **more))

    def outputs(self) -> dict[str, bytes]:
        """Return the objects in the output folder by their names there."""
        s3, prefix = self.account.client("s3"), f"{self.name}/out/"
        listed = s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return {
            each["Key"].removeprefix(prefix): s3.get_object(Bucket=self.bucket, Key=each["Key"])["Body"].read()
            for each in listed
        }


def encoded(line: Mapping[str, Any] | str) -> bytes:
    text = line if isinstance(line, str) else json.dumps(line)
    return f"{text}\n".encode()


def answered(account: Account, version: str, lines: Lines, kind: str = "inference", **more: Any) -> list[str]:
    """Run a job on one file and return the lines of its output, without their ends."""
    batch = Batch(account, kind)
    batch.put(lines)
    ended = batch.run(version, **more)
    assert ended["status"] == "ACTIVE", ended
    outputs = batch.outputs()
    assert outputs.keys() == {"lines.json.out", "_CHECK"}
    text = outputs["lines.json.out"].decode()
    assert text == "" or text.endswith("\n")
    return text.split("\n")[:-1]


def parsed(lines: Iterable[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]
