"""With a seed, what one run answers the next one answers to the byte: ids, models, and under the manual clock times."""

import json
import os
import subprocess
import sys
from typing import Any

import boto3
import pytest

from fakepersonalize import mock_personalize
from fakepersonalize.settings import SEEDED_START, Settings

PROGRAM = """
import json, random, sys
from concurrent.futures import ThreadPoolExecutor
import boto3
from fakepersonalize import mock_personalize

shuffled, threads = random.Random(sys.argv[1]), int(sys.argv[2])
fields = [{"name": n, "type": t} for n, t in (("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"))]
shape = {"type": "record", "name": "Interactions", "namespace": "com.amazonaws.personalize.schema", "version": "1.0"}
rows = [f"u{u},i{(u * 7 + 3 * k) % 40},{1_600_000_000 + 60 * k}" for u in range(40) for k in range(12)]
steps = {}

def note(name, answer):
    del answer["ResponseMetadata"]
    steps[name] = answer
    return answer

def ask(user):
    return note(f"for {user}", runtime.get_recommendations(campaignArn=campaign, userId=user, numResults=10))

with mock_personalize(lifecycle="manual", step_seconds=0, seed=3, train_threads=threads):
    s3, personalize, runtime = (boto3.client(s, "us-east-1") for s in ("s3", "personalize", "personalize-runtime"))
    s3.create_bucket(Bucket="rows")
    s3.put_object(Bucket="rows", Key="rows.csv", Body="\\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *rows]).encode())
    schema = personalize.create_schema(name="rows", schema=json.dumps({**shape, "fields": fields}))["schemaArn"]
    group = personalize.create_dataset_group(name="shop")["datasetGroupArn"]
    made = {"datasetType": "Interactions", "datasetGroupArn": group, "schemaArn": schema}
    dataset = personalize.create_dataset(name="rows", **made)["datasetArn"]
    source, role = {"dataLocation": "s3://rows/rows.csv"}, "arn:aws:iam::123456789012:role/reads"
    personalize.create_dataset_import_job(jobName="rows", datasetArn=dataset, dataSource=source, roleArn=role)
    tracker = note("tracker", personalize.create_event_tracker(name="tracker", datasetGroupArn=group))

    def solved(name):
        recipe = "arn:aws:personalize:::recipe/" + {"a": "aws-user-personalization"}.get(name, "aws-popularity-count")
        solution = personalize.create_solution(name=name, datasetGroupArn=group, recipeArn=recipe)["solutionArn"]
        return [personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"] for _ in range(2)]

    names = ["a", "b", "c"]
    shuffled.shuffle(names)
    with ThreadPoolExecutor(4) as pool:
        versions = dict(zip(names, pool.map(solved, names)))
    note("metrics", personalize.get_solution_metrics(solutionVersionArn=versions["a"][1]))
    note("version", personalize.describe_solution_version(solutionVersionArn=versions["a"][1]))
    campaign = personalize.create_campaign(name="shop", solutionVersionArn=versions["a"][0])["campaignArn"]
    note("campaign", personalize.describe_campaign(campaignArn=campaign))
    users = [f"u{n}" for n in range(8)]
    shuffled.shuffle(users)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, users))
print(json.dumps({"versions": versions, **steps}, sort_keys=True, default=str))
"""


def ran(order: int, threads: int) -> dict[str, Any]:
    """Run the program in a process of its own, which hashes texts in its own way."""
    environ = os.environ | {"PYTHONHASHSEED": str(order), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-c", PROGRAM, str(order), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_two_runs_answer_the_same_whatever_the_order_of_their_threads() -> None:
    first, second = ran(order=1, threads=1), ran(order=2, threads=2)
    assert first == second
    assert len({answer["recommendationId"] for name, answer in first.items() if name.startswith("for ")}) == 8
    assert len({arn for pair in first["versions"].values() for arn in pair}) == 6
    assert first["campaign"]["campaign"]["creationDateTime"].startswith(SEEDED_START.strftime("%Y-%m-%d %H:%M:%S"))


def test_the_manual_clock_starts_at_the_same_moment_with_a_seed_and_where_it_is_told_to() -> None:
    with mock_personalize(lifecycle="manual") as emulator:
        assert emulator.clock.now() == SEEDED_START.timestamp()
    with mock_personalize(lifecycle="manual", clock_start="2020-02-29T00:00:00+01:00") as emulator:
        assert emulator.clock.now() == 1_582_930_800
    with mock_personalize(lifecycle="manual", seed=None) as emulator:
        assert emulator.clock.now() > SEEDED_START.timestamp()


@pytest.mark.parametrize("text", ["soon", "", "2026-13-01", "99999-01-01"])
def test_a_start_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="clock_start must be a time"):
        Settings(clock_start=text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-10:00"])
def test_a_start_that_no_client_can_show_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"clock_start must (lie in the years 1970 to 9999|be a time)"):
        Settings(clock_start=text)


@pytest.mark.parametrize(
    "given", [{"step_seconds": float("nan")}, {"step_seconds": -1.0}, {"loaded_models": -1}, {"loaded_megabytes": -1}]
)
def test_numbers_that_mean_nothing_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Settings(**given)


@mock_personalize(lifecycle="manual", step_seconds=0)
def test_a_manual_clock_may_have_statuses_that_last_no_time() -> None:
    client = boto3.client("personalize", "us-east-1")
    arn = client.create_dataset_group(name="films")["datasetGroupArn"]
    assert client.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]["status"] == "ACTIVE"


def test_spans_of_time_add_up() -> None:
    with mock_personalize(lifecycle="manual") as emulator:
        before = emulator.clock.now()
        emulator.advance(seconds=1, minutes=1, hours=3, days=2)
        assert emulator.clock.now() - before == 1 + 60 + 3 * 3600 + 2 * 86_400
