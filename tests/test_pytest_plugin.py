"""The fixtures as the tests of other people use them: each run is a pytest of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Ran = subprocess.CompletedProcess[str]
Run = Callable[..., Ran]

USUAL = """
import asyncio
import json
import unittest

import boto3
import pytest

EARLY = boto3.client("personalize", region_name="us-east-1")  # made without credentials


@pytest.fixture(autouse=True)
def told(personalize_account):
    print("account", personalize_account)


def names(client):
    return [group["name"] for group in client.list_dataset_groups()["datasetGroups"]]


@pytest.mark.parametrize("turn", range(3))
def test_every_test_has_an_emulator_of_its_own(personalize, turn):
    assert names(personalize) == []
    arn = personalize.create_dataset_group(name="films")["datasetGroupArn"]
    assert personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]["status"] == "ACTIVE"
    assert names(boto3.client("personalize")) == names(EARLY) == ["films"]


def test_the_accounts_of_clients_and_neighbours_agree(personalize, personalize_account):
    group = personalize.create_dataset_group(name="films")["datasetGroupArn"]
    assert group.split(":")[4] == personalize_account
    assert boto3.client("sts").get_caller_identity()["Account"] == personalize_account


@pytest.mark.fakepersonalize(lifecycle="manual")
def test_a_marker_gives_settings(personalize, personalize_emulator):
    arn = personalize.create_dataset_group(name="films")["datasetGroupArn"]
    status = lambda: personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]["status"]
    assert status() == "CREATE PENDING"
    personalize_emulator.advance(hours=1)
    assert status() == "ACTIVE"


@pytest.mark.fakepersonalize(limits="off", seed=9)
class TestOfAClass:
    @pytest.mark.fakepersonalize(seed=11)
    def test_the_nearest_marker_wins(self, personalize_emulator):
        settings = personalize_emulator.settings
        assert (settings.limits, settings.seed, settings.messages) == ("off", 11, "aws")


def test_the_ini_file_gives_settings(personalize_emulator):
    settings = personalize_emulator.settings
    assert (settings.messages, settings.explainable, settings.limits) == ("aws", 12, "aws")


def test_a_campaign_is_trained(trained_campaign, personalize_runtime):
    answer = personalize_runtime.get_recommendations(
        campaignArn=trained_campaign, userId=trained_campaign.users[0], numResults=5
    )
    items = [item["itemId"] for item in answer["itemList"]]
    assert len(set(items)) == 5 and set(items) <= set(trained_campaign.items)


def test_clients_of_the_test_reach_it_too(trained_campaign):
    runtime = boto3.client("personalize-runtime")
    assert runtime.get_recommendations(campaignArn=trained_campaign, userId="nobody")["itemList"]


@pytest.mark.parametrize("turn", range(2))
def test_what_a_test_does_to_it_no_other_test_sees(trained_campaign, personalize, personalize_events, turn):
    assert len(personalize.list_event_trackers()["eventTrackers"]) == 0
    group = trained_campaign.dataset_group
    tracker = personalize.create_event_tracker(name="films", datasetGroupArn=group)["trackingId"]
    event = {"eventType": "watch", "itemId": trained_campaign.items[0], "sentAt": 1_800_000_000}
    personalize_events.put_events(trackingId=tracker, userId="new", sessionId="new", eventList=[event])
    personalize.delete_campaign(campaignArn=trained_campaign)
    assert personalize.list_campaigns()["campaigns"] == []


def test_pins_faults_and_calls(trained_campaign, personalize_runtime, personalize_emulator):
    personalize_emulator.pin(trained_campaign, user="ann", items=["a", "b"])
    answer = personalize_runtime.get_recommendations(campaignArn=trained_campaign, userId="ann")
    assert [item["itemId"] for item in answer["itemList"]] == ["a", "b"]
    personalize_emulator.fail(operation="GetRecommendations", error="ThrottlingException", count=1)
    answer = personalize_runtime.get_recommendations(campaignArn=trained_campaign, userId="ann")
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1
    sent = personalize_emulator.calls("GetRecommendations")
    assert [call["parameters"]["userId"] for call in sent] == ["ann", "ann", "ann"]


def test_coroutines(personalize):
    async def main():
        return names(personalize)

    assert asyncio.run(main()) == []


@pytest.mark.usefixtures("personalize_emulator")
class TestUnittest(unittest.TestCase):
    def test_it(self):
        assert names(boto3.client("personalize")) == []


def test_without_fixtures_nothing_is_answered():
    from botocore.endpoint import Endpoint

    assert Endpoint._send.__module__ == "botocore.endpoint"
"""
INI = """
[pytest]
addopts = --strict-markers
filterwarnings = error
fakepersonalize =
    messages = aws
    limits = aws
    explainable=12
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run pytest on a file with this text, with our plugin and those that are named."""

    def run(text: str, *options: str, ini: str = "[pytest]\n", plugins: tuple[str, ...] = ()) -> Ran:
        (tmp_path / "test_it.py").write_text(text, "utf-8")
        (tmp_path / "pytest.ini").write_text(ini, "utf-8")
        named = [part for plugin in ("fakepersonalize.pytest_plugin", *plugins) for part in ("-p", plugin)]
        bare = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))}
        path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
        environ = {**bare, "PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "AWS_CONFIG_FILE": os.devnull}
        environ |= {"AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *named, *options, "test_it.py"]
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    return run


def outcome(ran: Ran) -> str:
    """Return pytest's last line, such as `3 passed in 1.0s`."""
    return ran.stdout.strip().splitlines()[-1]


def test_all_fixtures_on_parallel_workers_that_have_an_account_each(run: Run) -> None:
    ran = run(USUAL, "-n2", "-rP", ini=INI, plugins=("xdist.plugin",))
    assert ran.returncode == 0, ran.stdout
    assert "15 passed" in outcome(ran)
    assert set(re.findall(r"^account (\d+)", ran.stdout, re.M)) == {"100000000001", "100000000002"}


def test_nothing_heavy_is_imported_before_a_fixture_is_used(run: Run) -> None:
    ran = run(
        """
import sys

def test_it():
    heavy = {"boto3", "botocore", "moto", "flask", "numpy", "scipy", "implicit", "sqlite3"}
    assert not heavy & {*sys.modules}
    ours = {name for name in sys.modules if name.startswith("fakepersonalize")}
    assert ours == {"fakepersonalize", "fakepersonalize.pytest_plugin", "fakepersonalize.version"}
"""
    )
    assert ran.returncode == 0, ran.stdout


def test_a_server_is_empty_for_each_test_and_all_clients_of_the_environment_reach_it(run: Run) -> None:
    ran = run(
        """
import boto3, pytest, urllib.request

@pytest.mark.parametrize("turn", range(2))
def test_it(personalize_server, personalize_account, turn):
    s3, personalize = boto3.client("s3"), boto3.client("personalize")
    assert (s3.list_buckets()["Buckets"], personalize.list_schemas()["schemas"]) == ([], [])
    s3.create_bucket(Bucket="films")
    arn = personalize.create_dataset_group(name="films")["datasetGroupArn"]
    assert arn.split(":")[4] == personalize_account
    personalize_server.fail(operation="ListSchemas", error="AccessDeniedException")
    with pytest.raises(personalize.exceptions.ClientError, match="AccessDenied"):
        personalize.list_schemas()
    assert personalize_server.calls("ListSchemas", personalize_account)[-1]["status"] == 403

@pytest.mark.fakepersonalize(lifecycle="manual", transitions=["schema=immediate", "filter=immediate"])
def test_markers_choose_another_server(personalize_server):
    personalize = personalize_server.client("personalize")
    arn = personalize.create_dataset_group(name="films")["datasetGroupArn"]
    personalize_server.advance(days=1)
    assert personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]["status"] == "ACTIVE"

@pytest.mark.fakepersonalize(host="0.0.0.0")
def test_a_server_that_listens_widely_wants_the_token_of_the_plugin(personalize_server):
    personalize_server.reset()
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(personalize_server.url + "/_fakepersonalize/reset", b"{}")

def test_a_trained_campaign_is_not_there(personalize_server, trained_campaign):
    pass

def test_nor_are_clients(personalize, personalize_server):
    pass

@pytest.mark.fakepersonalize("manual")
def test_settings_have_names(personalize_server):
    pass

@pytest.mark.fakepersonalize(lifecycle="never")
def test_a_setting_that_cannot_be_is_told(personalize_server):
    pass
"""
    )
    assert ran.returncode == 1, ran.stdout
    assert "4 passed, 4 errors" in outcome(ran)
    assert "trained_campaign is answered in process" in ran.stdout
    assert "personalize is answered in process" in ran.stdout
    assert "takes named settings, such as lifecycle='manual', not 'manual'" in ran.stdout
    assert "lifecycle must be one of" in ran.stdout


def test_what_is_no_setting_is_told(run: Run) -> None:
    said = {}
    for text in ("seed", "seed=often", "colour=red", "lifecyle=manual"):
        said[text] = run("def test_it(personalize): pass", ini=f"[pytest]\nfakepersonalize = {text}\n").stdout
    assert "'seed' in the ini option fakepersonalize is no NAME=VALUE" in said["seed"]
    assert "is not a valid seed" in said["seed=often"]
    assert "are wrong: colour is no setting; those are host, port, " in said["colour=red"]
    assert "are wrong: lifecyle is no setting, but lifecycle is." in said["lifecyle=manual"]


@pytest.mark.parametrize("fixture", ["personalize", "personalize_server"])
def test_a_misspelt_setting_of_a_marker_is_told(run: Run, fixture: str) -> None:
    text = f"import pytest\n\n@pytest.mark.fakepersonalize(limit='off')\ndef test_it({fixture}): pass"
    ran = run(text)
    assert "are wrong: limit is no setting, but limits is." in ran.stdout
    assert "Traceback" not in ran.stdout


SHARED_WORLDS = """
import unittest

import boto3
import pytest

from fakepersonalize import mock_personalize


def names():
    groups = boto3.client("personalize", "us-east-1").list_dataset_groups()["datasetGroups"]
    return sorted(group["name"] for group in groups)


def create(name):
    return boto3.client("personalize", "us-east-1").create_dataset_group(name=name)["datasetGroupArn"]


@pytest.fixture(scope="module")
def films(personalize_module):
    return create("films")


def test_a_module_shares_a_world(films, personalize, personalize_emulator, personalize_module, personalize_account):
    assert personalize_emulator is personalize_module
    assert films.split(":")[4] == personalize_account
    assert names() == ["films"]
    create("more")


def test_its_next_test_finds_what_the_first_one_left(films):
    assert names() == ["films", "more"]


def test_others_have_a_world_of_their_own(personalize):
    assert names() == []


class TestOfAClass:
    @pytest.fixture(autouse=True, scope="class")
    def shared(self, personalize_class):
        create("of-the-class")

    def test_one(self):
        assert names() == ["of-the-class"]
        create("another")

    def test_two(self):
        assert names() == ["another", "of-the-class"]


def test_after_the_class_the_module_answers(films):
    assert names() == ["films", "more"]


class TestUnittest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        mocked = mock_personalize()
        cls.emulator = mocked.start()
        cls.addClassCleanup(mocked.stop)
        create("films")

    def test_one(self):
        assert names() == ["films"]

    test_two = test_one
"""


def test_a_world_for_a_class_or_a_module(run: Run) -> None:
    ran = run(SHARED_WORLDS)
    assert (ran.returncode, "8 passed" in outcome(ran)) == (0, True), ran.stdout


SET_UP = """
import boto3
import pytest

from fakepersonalize.emulator import Emulator

trained = []
original = Emulator.answer


def answer(emulator, incoming, scope):
    if incoming.headers.get("x-amz-target", "").endswith(".CreateSolutionVersion"):
        trained.append(incoming)
    return original(emulator, incoming, scope)


Emulator.answer = answer


@pytest.mark.parametrize("turn", range(4))
def test_each_test_finds_the_set_up_as_it_was(personalize, personalize_runtime, personalize_account, turn):
    assert len(trained) == 1  # once a session, on each worker
    (campaign,) = personalize.list_campaigns()["campaigns"]
    assert campaign["campaignArn"].split(":")[4] == personalize_account
    answer = personalize_runtime.get_recommendations(campaignArn=campaign["campaignArn"], userId="u1")
    assert answer["itemList"]
    assert len(personalize.list_solution_versions()["solutionVersions"]) == 1
    boto3.client("s3").head_object(Bucket="films", Key="watched.csv")["ContentLength"]
    personalize.delete_campaign(campaignArn=campaign["campaignArn"])


@pytest.mark.parametrize("turn", range(2))
def test_a_server_is_set_up_again(personalize_server, personalize_account, turn):
    personalize = personalize_server.client("personalize")
    (campaign,) = personalize.list_campaigns()["campaigns"]
    assert campaign["campaignArn"].split(":")[4] == personalize_account
    personalize.delete_campaign(campaignArn=campaign["campaignArn"])
    boto3.client("s3").head_object(Bucket="films", Key="watched.csv")["ContentLength"]
"""


def test_a_set_up_file_is_restored_for_each_test_on_each_worker(run: Run, tmp_path: Path) -> None:
    (tmp_path / "shop" / "data").mkdir(parents=True)
    rows = [f"u{user},i{item},{1_700_000_000 + item}" for user in range(8) for item in range(6)]
    (tmp_path / "shop" / "data" / "watched.csv").write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *rows]))
    fields = ", ".join(
        f"{{name: {name}, type: {type_}}}"
        for name, type_ in (("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"))
    )
    (tmp_path / "shop" / "setup.yaml").write_text(
        f"""
buckets: {{films: {{folder: data}}}}
roles: [reads]
schemas:
  rows:
    {{type: record, name: Interactions, namespace: com.amazonaws.personalize.schema, fields: [{fields}], version: "1"}}
dataset_groups:
  films:
    datasets: {{Interactions: {{schema: rows, import: s3://films/watched.csv}}}}
    solutions: {{popular: {{recipe: aws-popularity-count, campaigns: [popular]}}}}
"""
    )
    ini = "[pytest]\nfakepersonalize = setup=shop/setup.yaml\n"
    ran = run(SET_UP, "-n2", ini=ini, plugins=("xdist.plugin",))
    assert (ran.returncode, "6 passed" in outcome(ran)) == (0, True), ran.stdout


SNAPSHOT = """
import boto3
import pytest

from fakepersonalize import mock_personalize


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory):
    file = tmp_path_factory.mktemp("made") / "films.snapshot"
    with mock_personalize() as emulator:
        boto3.client("personalize", "us-east-1").create_dataset_group(name="films")
        boto3.client("s3", "us-east-1").create_bucket(Bucket="films")
        emulator.save_snapshot(file, objects=True)
    return file


@pytest.mark.parametrize("turn", range(4))
def test_what_a_session_saved_is_found(snapshot, personalize_emulator, personalize, personalize_account, turn):
    personalize_emulator.load_snapshot(snapshot)
    (group,) = personalize.list_dataset_groups()["datasetGroups"]
    assert group["datasetGroupArn"].split(":")[4] == personalize_account
    assert boto3.client("s3").list_buckets()["Buckets"][0]["Name"] == "films"
    explicit = boto3.client("personalize", aws_access_key_id="123456789012", aws_secret_access_key="x")
    assert explicit.create_dataset_group(name="x")["datasetGroupArn"].split(":")[4] == "123456789012"


@mock_personalize(setup="setup.json")
def set_up_by_a_mock():
    (group,) = boto3.client("personalize", "us-east-1").list_dataset_groups()["datasetGroups"]
    return group["datasetGroupArn"].split(":")[4]


def test_a_set_up_file_of_a_plain_mock_has_the_account_of_the_fixtures(personalize_account):
    assert set_up_by_a_mock() == personalize_account


def test_without_a_fixture_of_ours_the_account_is_the_usual_one():
    assert set_up_by_a_mock() == "123456789012"


@pytest.fixture(scope="session")
def shelf(personalize_session):
    return boto3.client("personalize").create_dataset_group(name="shelf")["datasetGroupArn"]


@pytest.mark.parametrize("turn", range(2))
def test_the_session_shares_a_world(shelf, personalize, personalize_emulator, personalize_session, turn):
    assert personalize_emulator is personalize_session
    assert [group["datasetGroupArn"] for group in personalize.list_dataset_groups()["datasetGroups"]] == [shelf]


class TestTheSessionsToo:
    def test_it(self, shelf, personalize):
        assert personalize.describe_dataset_group(datasetGroupArn=shelf)["datasetGroup"]["name"] == "shelf"
"""


def test_worlds_that_fixtures_of_the_session_fill_are_in_the_account_of_the_worker(run: Run, tmp_path: Path) -> None:
    (tmp_path / "setup.json").write_text('{"dataset_groups": ["films"]}')
    ran = run(SNAPSHOT, "-n2", plugins=("xdist.plugin",))
    assert (ran.returncode, "9 passed" in outcome(ran)) == (0, True), ran.stdout


GUARDED = """
import pytest
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session

HOST = "personalize.us-east-1.amazonaws.com"


def refused():
    try:
        URLLib3Session(timeout=5).send(AWSRequest("GET", f"https://{HOST}/").prepare())
    except RuntimeError as refusal:
        assert HOST in str(refusal)
        return True
    except BotoCoreError:
        return False


@pytest.mark.parametrize("turn", [0])
def test_with_a_fixture(personalize_account, turn):
    assert refused()


def test_with_a_server(personalize_server):
    assert refused()


@pytest.mark.fakepersonalize(allow_hosts=["*.amazonaws.com"], fast_retries=True)
def test_exempt(personalize_emulator):
    assert not refused()


def test_without():
    assert refused() is EXPECTED
"""


def test_tests_that_use_a_fixture_are_guarded_and_others_only_with_the_ini_option(run: Run) -> None:
    for expected, ini in ((False, "[pytest]\n"), (True, "[pytest]\nfakepersonalize_guard = session\n")):
        ran = run(GUARDED.replace("EXPECTED", str(expected)), ini=ini)
        assert (ran.returncode, "4 passed" in outcome(ran)) == (0, True), ran.stdout
    ran = run("def test_it(): pass", ini="[pytest]\nfakepersonalize_guard = always\n")
    assert "fakepersonalize_guard is 'session' or left out, not 'always'" in ran.stdout + ran.stderr


def test_endpoints_of_the_environment_lead_no_fixture_elsewhere(run: Run) -> None:
    ran = run(
        """
import os

os.environ["AWS_ENDPOINT_URL_PERSONALIZE"] = os.environ["AWS_ENDPOINT_URL_S3"] = "https://s3.eu-west-1.amazonaws.com"
os.environ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"

import boto3


def test_server(personalize_server):
    for service in ("personalize", "s3"):
        assert boto3.client(service).meta.endpoint_url == personalize_server.url


def test_in_process(personalize):
    assert "personalize.us-east-1" in personalize.meta.endpoint_url
    assert boto3.client("s3").list_buckets()["Buckets"] == []
"""
    )
    assert (ran.returncode, "2 passed" in outcome(ran)) == (0, True), ran.stdout


@pytest.mark.parametrize("fixture", ["personalize", "personalize_server"])
def test_a_setting_of_the_wrong_type_is_told(run: Run, fixture: str) -> None:
    ran = run(f"import pytest\n\n@pytest.mark.fakepersonalize(seed='7')\ndef test_it({fixture}): pass")
    assert "are wrong: seed must be a whole number, not '7'." in ran.stdout
    assert "Traceback" not in ran.stdout
