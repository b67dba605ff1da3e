"""The in-process mode, used as test authors use it."""

import asyncio
import contextvars
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import boto3
import botocore.endpoint
import numpy
import pytest
import shops
from botocore.config import Config
from botocore.endpoint import Endpoint
from botocore.exceptions import ClientError
from botocore.retries.bucket import TokenBucket
from botocore.signers import RequestSigner
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber

from fakepersonalize.mock import mock_personalize
from fakepersonalize.storage.folder import FolderInUse

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
        assert refused.value.response["Error"]["Code"] == "InvalidInputException"
        assert arn in refused.value.response["Error"]["Message"]
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


def test_threads_that_enter_at_once_have_a_world_each():
    entered, left = threading.Barrier(4), threading.Barrier(4)

    @mock_personalize
    def way(number):
        client = boto3.Session().client("personalize", region_name="eu-west-1")
        entered.wait(60)
        create(f"films-{number}", client)
        found = schemas(client)
        left.wait(60)
        return found, schemas(client)

    with pytest.MonkeyPatch.context() as environment, ThreadPoolExecutor(4) as threads:
        environment.setenv("AWS_ACCESS_KEY_ID", "111111111111")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "x")
        assert list(threads.map(way, range(4))) == [([f"films-{number}"],) * 2 for number in range(4)]
        assert os.environ["AWS_ACCESS_KEY_ID"] == "111111111111"


def test_one_mock_object_entered_by_two_threads_is_left_by_each_on_its_own():
    mocked, entered, left = mock_personalize(), threading.Event(), threading.Event()

    def other():
        with mocked:
            entered.set()
            left.wait(60)
            return schemas(EARLY)

    with ThreadPoolExecutor(1) as threads:
        mocked.start()
        create("first", EARLY)
        found = threads.submit(other)
        entered.wait(60)
        assert schemas(EARLY) == ["first"]
        mocked.stop()
        left.set()
        assert found.result() == []
    with pytest.raises(RuntimeError, match=r"stop\(\) was called more often than start\(\)"):
        mocked.stop()


def test_coroutines_that_run_at_once_have_a_world_each_which_their_threads_and_tasks_share():
    @mock_personalize
    async def way(number):
        create(f"films-{number}", EARLY)
        await asyncio.sleep(0.01)
        await asyncio.to_thread(create, f"thread-{number}", EARLY)
        await asyncio.create_task(asyncio.sleep(0.01))
        return sorted(schemas(EARLY))

    async def main():
        return await asyncio.gather(*map(way, range(3)))

    assert asyncio.run(main()) == [[f"films-{number}", f"thread-{number}"] for number in range(3)]


def test_a_thread_that_could_mean_several_worlds_is_refused_with_a_sentence():
    entered, left = threading.Event(), threading.Event()

    @mock_personalize
    def other():
        entered.set()
        left.wait(60)

    with ThreadPoolExecutor(2) as threads, mock_personalize():
        create("here", EARLY)
        assert threads.submit(schemas, EARLY).result() == ["here"]
        other_one = threads.submit(other)
        entered.wait(60)
        with pytest.raises(RuntimeError, match=r"Several mocks of Personalize.*copy_context\(\).run"):
            threads.submit(schemas, EARLY).result()
        assert threads.submit(contextvars.copy_context().run, schemas, EARLY).result() == ["here"]
        assert schemas(EARLY) == ["here"]
        left.set()
        other_one.result()


def test_worlds_left_in_the_order_of_entering_answer_until_they_are_left():
    outer, inner = mock_personalize(), mock_personalize()
    outer.start()
    create("outer", EARLY)
    inner.start()
    create("inner", EARLY)
    outer.stop()
    assert schemas(EARLY) == ["inner"]
    inner.stop()


def test_a_fixture_that_is_left_in_another_context_leaves_nothing_behind():
    mocked = mock_personalize()
    contextvars.copy_context().run(mocked.start)
    create("films", EARLY)
    assert schemas(EARLY) == ["films"]
    contextvars.copy_context().run(mocked.stop)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_that_leaves_takes_nothing_from_its_parent(kept, tmp_path_factory):
    settings = {"data_dir": str(tmp_path_factory.mktemp("kept"))} if kept else {}
    with mock_personalize(**settings) as emulator:
        create("films", EARLY)
        child = os.fork()
        if not child:
            emulator.close()
            os._exit(0)
        os.waitpid(child, 0)
        files = {path.name for path in emulator.folder.path.iterdir()}
        assert "metadata.db" in files
        assert ("server.pid" in files) == kept
        if kept:
            with pytest.raises(FolderInUse), mock_personalize(**settings):
                pass
        create("books", EARLY)
        assert sorted(schemas(EARLY)) == ["books", "films"]


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
def test_with_fast_retries_botocore_does_not_sleep(mode, monkeypatch):
    slept, waited = [], []
    monkeypatch.setattr("time.sleep", slept.append)
    monkeypatch.setattr(TokenBucket, "_sleep_amount", lambda *args: waited.append(args) or 0)
    for fast in (False, True):
        with mock_personalize(fast_retries=fast) as emulator:
            client = boto3.client("personalize", region_name="eu-west-1", config=Config(retries={"mode": mode}))
            emulator.fail(operation="ListSchemas", error="ThrottlingException", count=2)
            assert client.list_schemas()["ResponseMetadata"]["RetryAttempts"] == 2
            if not fast:
                before = len(slept), len(waited)
                assert before[0] == 2
                assert bool(before[1]) == (mode == "adaptive")
    assert (len(slept), len(waited)) == before
    assert botocore.endpoint.time is time


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"seed": "7"}, "seed must be a whole number, not '7'"),
        ({"seed": True}, "seed must be a whole number, not True"),
        ({"seed": 7.5}, "seed must be a whole number, not 7.5"),
        ({"transitions": "campaign=immediate"}, "transitions must be a list of texts, not 'campaign=immediate'"),
        ({"transitions": [1]}, r"transitions must be a list of texts, not \[1\]"),
        ({"step_seconds": "0"}, "step_seconds must be a number, not '0'"),
        ({"train_threads": None}, "train_threads must be a whole number, not None"),
        ({"in_process": "no"}, "in_process must be True or False, not 'no'"),
        ({"setup": 1}, "setup must be a text, not 1"),
        ({"limits": None}, "limits must be a text, not None"),
        ({"fast_retries": "yes"}, "fast_retries must be True or False, not 'yes'"),
    ],
)
def test_settings_of_another_type_are_told_before_anything_is_entered(given, sentence):
    with pytest.raises(TypeError, match=sentence):
        mock_personalize(**given)


def test_values_that_are_as_good_as_the_type_are_taken(tmp_path):
    with mock_personalize(
        transitions=["campaign=immediate"], data_dir=tmp_path / "kept", step_seconds=1, seed=numpy.int64(7)
    ) as emulator:
        settings = emulator.settings
    assert (settings.transitions, settings.data_dir) == (("campaign=immediate",), str(tmp_path / "kept"))
    assert (type(settings.step_seconds), type(settings.seed)) == (float, int)
    shutil.rmtree(tmp_path / "kept")


def test_calls_of_an_operation_that_does_not_exist_are_told():
    with mock_personalize() as emulator:
        schemas(EARLY)
        assert len(emulator.calls("ListSchemas")) == 1
        assert emulator.calls("ListRecipes") == []
        for misspelt in ("ListSchema", "list_schemas", "listschemas"):
            with pytest.raises(ValueError, match=f"no operation '{misspelt}'; did you mean ListSchemas"):
                emulator.calls(misspelt)
