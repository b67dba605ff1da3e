"""A server that is killed in the middle of a batch inference job writes, once it is started again, the same bytes."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from accounts import until
from lives import Life

GENEROUS_SECONDS = 60
LINES = 25_000
ROLE = "arn:aws:iam::123456789012:role/reader"
SCHEMA = {
    "type": "record",
    "name": "Interactions",
    "fields": [{"name": name, "type": "string"} for name in ("USER_ID", "ITEM_ID")]
    + [{"name": "TIMESTAMP", "type": "long"}],
}
ROWS = "USER_ID,ITEM_ID,TIMESTAMP\n" + "".join(
    f"u{user},i{(user * 7 + turn * turn) % 400},{1_600_000_000 + turn}\n" for user in range(60) for turn in range(40)
)


class Server(Life):
    def __init__(self, folder: Path, number: int) -> None:
        super().__init__(folder, number, "--step-seconds", "0", "--iam", "off")

    def progress(self) -> float:
        with urllib.request.urlopen(f"{self.url}/_fakepersonalize/jobs", timeout=GENEROUS_SECONDS) as answer:
            return max((job["progress"] for job in json.load(answer)["jobs"]), default=0.0)

    def active(self, describe: str, member: str, arn: str) -> None:
        def ended() -> str | None:
            status = getattr(self.client("personalize"), describe)(**{f"{member}Arn": arn})[member]["status"]
            return status if status in ("ACTIVE", "CREATE FAILED") else None

        assert until(ended) == "ACTIVE"


def trained(server: Server) -> str:
    personalize, s3 = server.client("personalize"), server.client("s3")
    s3.create_bucket(Bucket="films")
    s3.put_object(Bucket="films", Key="rows.csv", Body=ROWS)
    lines = "".join(f'{{"userId": "u{number % 70}"}}\n' for number in range(LINES))
    s3.put_object(Bucket="films", Key="in/lines", Body=lines)
    schema = personalize.create_schema(name="s", schema=json.dumps(SCHEMA))["schemaArn"]
    group = personalize.create_dataset_group(name="g")["datasetGroupArn"]
    server.active("describe_dataset_group", "datasetGroup", group)
    dataset = personalize.create_dataset(name="d", datasetType="Interactions", datasetGroupArn=group, schemaArn=schema)[
        "datasetArn"
    ]
    job = personalize.create_dataset_import_job(
        jobName="i", datasetArn=dataset, dataSource={"dataLocation": "s3://films/rows.csv"}, roleArn=ROLE
    )["datasetImportJobArn"]
    server.active("describe_dataset_import_job", "datasetImportJob", job)
    recipe = "arn:aws:personalize:::recipe/aws-user-personalization"
    solution = personalize.create_solution(name="s", datasetGroupArn=group, recipeArn=recipe)["solutionArn"]
    version: str = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    server.active("describe_solution_version", "solutionVersion", version)
    return version


def begun(server: Server, version: str, name: str) -> str:
    arn: str = server.client("personalize").create_batch_inference_job(
        jobName=name,
        solutionVersionArn=version,
        jobInput={"s3DataSource": {"path": "s3://films/in/"}},
        jobOutput={"s3DataDestination": {"path": f"s3://films/{name}/"}},
        roleArn=ROLE,
    )["batchInferenceJobArn"]
    return arn


def output(server: Server, name: str) -> bytes:
    body: bytes = server.client("s3").get_object(Bucket="films", Key=f"{name}/lines.out")["Body"].read()
    return body


def test_a_job_that_was_interrupted_ends_with_the_same_bytes(tmp_path: Path) -> None:
    server = Server(tmp_path, 0)
    try:
        version = trained(server)
        broken = begun(server, version, "broken")
        until(lambda: server.progress() > 0.05)
        server.kill()
        server = Server(tmp_path, 1)
        assert server.client("personalize").list_batch_inference_jobs()["batchInferenceJobs"][0]["status"] != "ACTIVE"
        server.active("describe_batch_inference_job", "batchInferenceJob", broken)
        server.active("describe_batch_inference_job", "batchInferenceJob", begun(server, version, "whole"))
        assert output(server, "broken").count(b"\n") == LINES
        assert output(server, "broken") == output(server, "whole")
    finally:
        server.kill()
