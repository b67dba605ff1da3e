"""The in-process mode, used as test authors use it."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
import shops
from botocore.config import Config
from botocore.endpoint import Endpoint
from botocore.exceptions import ClientError
from botocore.signers import RequestSigner
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber

from fakepersonalize.mock import mock_personalize

REPLACED = (Endpoint._send, BotocoreStubber.__call__, RequestSigner.get_auth_instance)

# Older than any entering, and made without credentials, as at the top of a program.
with pytest.MonkeyPatch.context() as _bare:
    for _name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        _bare.delenv(_name, raising=False)
    _bare.setenv("AWS_EC2_METADATA_DISABLED", "true")
    _bare.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    _bare.setenv("AWS_CONFIG_FILE", os.devnull)
    EARLY_SESSION = boto3.Session(region_name="eu-west-1")
    EARLY = EARLY_SESSION.client("personalize")
    EARLY_S3 = EARLY_SESSION.client("s3")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError(f"a socket was opened: {args}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path, monkeypatch):
    """After each test nothing is replaced, no thread runs, no folder is left, and the environment is as it was."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    threads, environment = set(threading.enumerate()), aws_environment()
    yield
    assert (Endpoint._send, BotocoreStubber.__call__, RequestSigner.get_auth_instance) == REPLACED
    assert set(threading.enumerate()) <= threads
    assert aws_environment() == environment
    assert list(tmp_path.iterdir()) == []


def aws_environment():
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def schemas(client=None):
    client = client or boto3.client("personalize", region_name="eu-west-1")
    return [schema["name"] for schema in client.list_schemas()["schemas"]]


def create(name, client=None):
    client = client or boto3.client("personalize", region_name="eu-west-1")
    return client.create_schema(name=name, schema=shops.INTERACTIONS)["schemaArn"]


def test_as_a_context_it_answers_and_gives_the_emulator():
    with mock_personalize() as emulator:
        assert create("films") == "arn:aws:personalize:eu-west-1:123456789012:schema/films"
        assert schemas() == ["films"]
        assert (emulator.settings.limits, emulator.settings.seed) == ("off", 0)


def test_every_entering_is_a_new_world():
    for _ in range(2):
        with mock_personalize():
            assert schemas() == []
            create("films")


def test_parameters_are_settings():
    with mock_personalize(limits="aws", lifecycle="manual", seed=7) as emulator:
        assert (emulator.settings.limits, emulator.settings.lifecycle, emulator.settings.seed) == ("aws", "manual", 7)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("colour", r"^colour is no setting; those are host, port, .*, in_process\.$"),
        ("lifecyle", r"^lifecyle is no setting, but lifecycle is\.$"),
        ("datadir", r"^datadir is no setting, but data_dir is\.$"),
    ],
)
def test_an_unknown_parameter_is_an_error_before_anything_is_entered(name, sentence):
    with pytest.raises(TypeError, match=sentence):
        mock_personalize(**{name: "manual"})


def test_clients_older_than_the_entering_are_answered_even_without_credentials():
    with mock_personalize():
        create("films", EARLY)
        assert schemas(EARLY_SESSION.client("personalize")) == ["films"]
        EARLY_S3.create_bucket(Bucket="films", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        assert [bucket["Name"] for bucket in EARLY_S3.list_buckets()["Buckets"]] == ["films"]


def test_clients_with_another_endpoint_are_answered():
    with pytest.MonkeyPatch.context() as environment, mock_personalize():
        environment.setenv("AWS_ENDPOINT_URL", "http://localhost:7377")
        create("films")
        assert schemas(boto3.client("personalize", "eu-west-1", endpoint_url="http://elsewhere.invalid")) == ["films"]


def test_all_three_services_are_answered():
    arn = "arn:aws:personalize:eu-west-1:123456789012:campaign/none"
    with mock_personalize():
        runtime = boto3.client("personalize-runtime", region_name="eu-west-1")
        with pytest.raises(ClientError) as refused:
            runtime.get_recommendations(campaignArn=arn, userId="1")
        assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"
        events = boto3.client("personalize-events", region_name="eu-west-1", config=Config(retries={"max_attempts": 0}))
        with pytest.raises(ClientError):
            events.put_events(trackingId="none", sessionId="s", eventList=[{"eventType": "x", "sentAt": 1}])


@pytest.mark.parametrize("outer", [mock_personalize, mock_aws])
def test_it_nests_with_motos_mock_in_either_order(outer):
    inner = mock_aws if outer is mock_personalize else mock_personalize
    with outer(), inner():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="films")
        create("films")  # moto has a CreateSchema of its own, whose pattern of names differs
        assert schemas() == ["films"]
        assert s3.list_buckets()["Buckets"][0]["Name"] == "films"


def test_motos_state_outlives_an_inner_mock():
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="films")
        with mock_personalize():
            create("films")
        assert s3.list_buckets()["Buckets"][0]["Name"] == "films"


def test_motos_decorator_made_earlier_does_not_take_our_calls():
    @mock_aws
    def inner():
        return schemas()

    with mock_personalize():
        create("films")
        assert inner() == ["films"]


def test_the_inner_of_two_answers_and_the_outer_comes_back():
    with mock_personalize():
        create("outer")
        with mock_personalize():
            create("inner")
            assert schemas() == ["inner"]
        assert schemas() == ["outer"]


def test_accounts_and_managed_policies_are_as_in_the_server():
    keys = [
        {"aws_access_key_id": account, "aws_secret_access_key": "x"} for account in ("111111111111", "222222222222")
    ]
    with mock_personalize():
        for key in keys:
            iam = boto3.client("iam", region_name="us-east-1", **key)
            role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
            iam.attach_role_policy(RoleName="reader", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
            account = boto3.client("sts", region_name="us-east-1", **key).get_caller_identity()["Account"]
            arn = create("films", boto3.client("personalize", region_name="us-east-1", **key))
            assert role.split(":")[4] == account == arn.split(":")[4] == key["aws_access_key_id"]


def test_what_was_attached_is_gone_from_plain_moto_afterwards():
    policy = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    with mock_personalize():
        assert boto3.client("iam").get_policy(PolicyArn=policy)["Policy"]["Arn"] == policy
    with mock_aws(), pytest.raises(ClientError, match="NoSuchEntity"):
        boto3.client("iam").get_policy(PolicyArn=policy)


def test_handlers_of_the_user_see_and_may_answer_our_calls():
    seen = []
    with mock_personalize():
        client = boto3.client("personalize", region_name="eu-west-1")
        client.meta.events.register("before-send.personalize", lambda request, **_: seen.append(request.url))
        assert schemas(client) == []
    assert len(seen) == 1


@mock_personalize
def test_as_a_bare_decorator():
    assert schemas() == []
    create("films")


@mock_personalize(lifecycle="manual")
def test_as_a_decorator_with_arguments_keeps_fixtures(tmp_path):
    assert schemas() == []
    assert tmp_path.exists()


def test_a_decorated_function_can_call_itself():
    @mock_personalize
    def countdown(n):
        assert schemas() == []
        create("films")
        return n if n == 0 else countdown(n - 1)

    assert countdown(2) == 0


def test_coroutines_and_asynchronous_generators_are_decorated():
    @mock_personalize
    async def create_one():
        create("films")
        await asyncio.sleep(0)
        return schemas()

    @mock_personalize
    async def two_steps():
        create("films")
        yield schemas()
        yield schemas()

    async def main():
        return await create_one(), [names async for names in two_steps()]

    assert asyncio.run(main()) == (["films"], [["films"], ["films"]])


def test_asynchronous_generators_hear_what_is_sent_and_thrown():
    heard = []

    @mock_personalize
    async def steps():
        heard.append((yield 1))
        try:
            yield 2
        except KeyError:
            heard.append(schemas())
            yield 3

    async def main():
        generator = steps()
        got = [await generator.asend(None), await generator.asend("sent"), await generator.athrow(KeyError)]
        await generator.aclose()
        return got

    assert asyncio.run(main()) == [1, 2, 3]
    assert heard == ["sent", []]


def test_what_cannot_be_decorated_is_told():
    with pytest.raises(TypeError, match="settings are named"):
        mock_personalize("off")


class Inherited:
    def test_one(self):
        assert schemas() == []
        create("films")


@mock_personalize
class TestOfAnotherClass(Inherited):
    pass


@pytest.fixture
@mock_personalize
def decorated_fixture():
    create("from-the-fixture")
    yield boto3.client("personalize", region_name="eu-west-1")
    assert schemas() == ["from-the-fixture"]


def test_fixtures_are_decorated(decorated_fixture):
    assert schemas(decorated_fixture) == ["from-the-fixture"]


@mock_personalize
class TestPlainClass:
    def test_one(self):
        assert schemas() == []
        create("films")

    test_two = test_one


@mock_personalize
class TestClassWithSetup:
    def setup_method(self):
        create("films")

    def teardown_method(self, method):
        assert schemas() == ["films", "more"] or schemas() == ["more", "films"]

    def test_one(self):
        assert schemas() == ["films"]
        create("more")

    test_two = test_one


@mock_personalize
class TestUnittestClass(unittest.TestCase):
    def setUp(self):
        create("films")
        self.addCleanup(self.look_again)

    def look_again(self):
        assert len(schemas()) == 2

    def test_one(self):
        assert schemas() == ["films"]
        create("more")

    test_two = test_one


@mock_personalize
class TestAsynchronousClass(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        create("films")

    async def test_one(self):
        assert schemas() == ["films"]


def test_start_and_stop():
    mocked = mock_personalize()
    emulator = mocked.start()
    try:
        assert emulator.ready
        create("films")
    finally:
        mocked.stop()


def test_leaving_by_an_exception_leaves():
    with pytest.raises(ClientError), mock_personalize():
        create("a name with blanks")


def test_other_threads_are_answered_while_it_is_entered():
    found = []
    with mock_personalize():
        create("films")
        threads = [threading.Thread(target=lambda: found.append(schemas(EARLY))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [["films"]] * 4


def test_a_client_made_before_anything_of_ours_or_motos_was_imported_is_answered():
    program = """
import boto3, sys
client = boto3.client("personalize", region_name="eu-west-1")
s3 = boto3.client("s3", region_name="us-east-1")
assert not [name for name in sys.modules if name.startswith(("moto", "fakepersonalize"))]
from fakepersonalize import mock_personalize
assert "moto" not in sys.modules
with mock_personalize():
    print(client.list_schemas()["schemas"], s3.list_buckets()["Buckets"])
"""
    environment = os.environ | {"AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, cwd=os.getcwd()
    )
    assert (done.stdout, done.stderr) == ("[] []\n", "")


@mock_personalize()
def test_many_threads_find_at_once_what_each_of_them_made():
    def way(number):
        personalize = boto3.client("personalize", "eu-west-1")
        group = personalize.create_dataset_group(name=f"group-{number}")["datasetGroupArn"]
        schema = personalize.create_schema(name=f"schema-{number}", schema=shops.INTERACTIONS)["schemaArn"]
        made = {"datasetType": "Interactions", "datasetGroupArn": group, "schemaArn": schema}
        dataset = personalize.create_dataset(name="rows", **made)["datasetArn"]
        source, role = {"dataLocation": "s3://rows/rows.csv"}, "arn:aws:iam::123456789012:role/reads"
        job = {"jobName": f"job-{number}", "datasetArn": dataset, "dataSource": source, "roleArn": role}
        arn = personalize.create_dataset_import_job(**job)["datasetImportJobArn"]
        return personalize.describe_dataset_import_job(datasetImportJobArn=arn)["datasetImportJob"]["status"]

    s3 = boto3.client("s3", "us-east-1")
    s3.create_bucket(Bucket="rows")
    s3.put_object(Bucket="rows", Key="rows.csv", Body=b"USER_ID,ITEM_ID,TIMESTAMP\nann,tea,1\n")
    with ThreadPoolExecutor(24) as threads:
        assert list(threads.map(way, range(48))) == ["ACTIVE"] * 48
