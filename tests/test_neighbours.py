import io
import json

import pytest
from werkzeug.test import Client

from fakepersonalize.arns import Scope
from fakepersonalize.frontdoor.neighbour_app import NeighbourApp
from fakepersonalize.neighbours import Neighbours, ObjectInfo, Unreadable, split_location

SCOPE = Scope("111111111111", "eu-west-1")
MAY_LIST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::films"}],
}

ALL_MAY_LIST = MAY_LIST | {"Statement": [MAY_LIST["Statement"][0] | {"Principal": "*"}]}


@pytest.fixture(scope="module")
def app():
    return NeighbourApp()


@pytest.fixture
def neighbours(app):
    yield Neighbours(app)
    Client(app).post("/moto-api/reset")


@pytest.fixture
def bucket(neighbours):
    neighbours.s3(SCOPE).create_bucket(Bucket="films", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return "films"


def test_what_is_written_is_read_in_blocks(neighbours, bucket):
    content = bytes(range(256)) * 20_000
    neighbours.write_object(SCOPE, bucket, "a/b c", content)
    blocks = list(neighbours.read_object(SCOPE, bucket, "a/b c"))
    assert b"".join(blocks) == content
    assert len(blocks) > 1


def test_a_file_is_written_from_where_it_stands(neighbours, bucket):
    file = io.BytesIO(b"head,body")
    file.seek(5)
    neighbours.write_object(SCOPE, bucket, "rest", file)
    assert b"".join(neighbours.read_object(SCOPE, bucket, "rest")) == b"body"


def test_empty_objects_have_no_blocks(neighbours, bucket):
    neighbours.write_object(SCOPE, bucket, "empty", b"")
    assert list(neighbours.read_object(SCOPE, bucket, "empty")) == []


def test_a_key_names_one_object_even_where_others_begin_alike(neighbours, bucket):
    for key in ("data.csv", "data.csv.old"):
        neighbours.write_object(SCOPE, bucket, key, b"12")
    (found,) = neighbours.objects(SCOPE, "s3://films/data.csv")
    assert found == ObjectInfo(bucket="films", key="data.csv", size=2, etag="c20ad4d76fe97759aa27a0c99bff6710")


def test_a_folder_names_what_lies_directly_in_it_in_order(neighbours, bucket):
    for key in ("in/", "in/2.csv", "in/1.csv", "in/deep/3.csv", "inner.csv"):
        neighbours.write_object(SCOPE, bucket, key, b"x")
    assert [found.key for found in neighbours.objects(SCOPE, "s3://films/in/")] == ["in/1.csv", "in/2.csv"]
    deep = [found.key for found in neighbours.objects(SCOPE, "s3://films/in/", deep=True)]
    assert deep == ["in/1.csv", "in/2.csv", "in/deep/3.csv"]
    assert [found.key for found in neighbours.objects(SCOPE, "s3://films")] == ["inner.csv"]


def test_empty_and_hidden_objects_of_a_folder_are_left_out_but_not_those_that_are_named(neighbours, bucket):
    for key in ("in/_SUCCESS", "in/.crc", "in/_tmp/1", "in/1", "in/x_1", "in/x/_2"):
        neighbours.write_object(SCOPE, bucket, key, b"x")
    neighbours.write_object(SCOPE, bucket, "in/empty", b"")
    assert [found.key for found in neighbours.objects(SCOPE, "s3://films/in/", deep=True)] == ["in/1", "in/x_1"]
    assert [found.key for found in neighbours.objects(SCOPE, "s3://films/in/empty")] == ["in/empty"]
    for prefix, keys in {
        "in/": ["in/1", "in/empty", "in/x_1"],
        "in/_SUCCESS": ["in/_SUCCESS"],
        "in/_": ["in/_SUCCESS", "in/_tmp/1"],
        "in/x": ["in/x_1"],
        "in/_tmp/": ["in/_tmp/1"],
        "": ["in/1", "in/empty", "in/x_1"],
    }.items():
        assert [found.key for found in neighbours.beginning_with(SCOPE, f"s3://films/{prefix}")] == keys


def test_folders_of_more_objects_than_a_page_are_whole(neighbours, bucket, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    for n in range(7):
        neighbours.write_object(SCOPE, bucket, f"many/{n}", b"x")
    assert len(neighbours.s3(SCOPE).list_objects_v2(Bucket=bucket)["Contents"]) == 3
    assert len(neighbours.objects(SCOPE, "s3://films/many/")) == 7


def test_an_object_is_read_without_looking_at_the_others_of_its_bucket(neighbours, bucket, monkeypatch):
    """A folder of thousands of objects would take minutes."""
    neighbours.write_object(SCOPE, bucket, "in/1", b"x")
    monkeypatch.setattr(neighbours, "s3", lambda _: pytest.fail("S3 is asked"))
    assert list(neighbours.read_object(SCOPE, bucket, "in/1")) == [b"x"]


def test_an_empty_folder_has_no_objects(neighbours, bucket):
    assert neighbours.objects(SCOPE, "s3://films/nothing/") == []


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("s3://films/none.csv", "NoSuchKey"),
        ("s3://elsewhere/none.csv", "NoSuchBucket"),
        ("s3://elsewhere/", "NoSuchBucket"),
        ("s3://no such bucket!/x", "InvalidBucketName"),
    ],
)
def test_what_is_missing_is_unreadable_and_says_why(neighbours, bucket, location, reason):
    with pytest.raises(Unreadable) as refused:
        neighbours.objects(SCOPE, location)
    assert (refused.value.bucket, refused.value.reason) == (split_location(location)[0], reason)


def test_reading_and_writing_what_is_missing_is_unreadable(neighbours, bucket):
    with pytest.raises(Unreadable, match="NoSuchKey"):
        list(neighbours.read_object(SCOPE, bucket, "none"))
    with pytest.raises(Unreadable, match="NoSuchBucket"):
        list(neighbours.read_object(SCOPE, "elsewhere", "none"))
    with pytest.raises(Unreadable, match="NoSuchBucket"):
        neighbours.write_object(SCOPE, "elsewhere", "key", b"")


@pytest.mark.parametrize("location", ["films/key", "s3://", "s3:///key", "https://films/key", ""])
def test_other_locations_are_refused(location):
    with pytest.raises(ValueError, match="not a location in S3"):
        split_location(location)


def test_roles_are_found_in_the_account_that_their_arn_names(neighbours):
    iam = neighbours.client("iam", Scope("222222222222", "us-east-1"))
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument='{"Version": "a"}', Path="/service-role/")
    iam.put_role_policy(RoleName="reader", PolicyName="inside", PolicyDocument=json.dumps(MAY_LIST))
    iam.attach_role_policy(RoleName="reader", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    found = neighbours.role(SCOPE, "arn:aws:iam::222222222222:role/service-role/reader")
    assert found.trust == '{"Version": "a"}'
    assert json.loads(found.policies[0]) == MAY_LIST
    assert "s3:Get*" in found.policies[1]
    for other in ("222222222222:role/reader", "111111111111:role/service-role/reader", "222222222222:user/reader"):
        assert neighbours.role(SCOPE, f"arn:aws:iam::{other}") is None


def test_bucket_policies_are_shown_where_there_are_any(neighbours, bucket):
    assert neighbours.bucket_policy(SCOPE, bucket) is None
    assert neighbours.bucket_policy(SCOPE, "elsewhere") is None
    neighbours.s3(SCOPE).put_bucket_policy(Bucket=bucket, Policy=json.dumps(ALL_MAY_LIST))
    assert json.loads(neighbours.bucket_policy(SCOPE, bucket)) == ALL_MAY_LIST


def test_the_users_configuration_changes_nothing(app, monkeypatch):
    for name in ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "http://nowhere.invalid")
    for name in ("AWS_USE_DUALSTACK_ENDPOINT", "AWS_USE_FIPS_ENDPOINT"):
        monkeypatch.setenv(name, "true")
    assert Neighbours(app).s3(SCOPE).list_buckets()["Buckets"] == []


def test_few_clients_are_kept_however_many_accounts_there_are(neighbours):
    for account in range(40):
        neighbours.s3(Scope(f"{account:012}", "us-east-1"))
    assert len(neighbours._clients) == 32


def test_a_real_endpoint_is_read_over_its_socket(app):
    """A second server stands for the real S3."""
    from threading import Thread

    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        away = Neighbours(app, f"http://127.0.0.1:{server.server_port}")
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("AWS_ACCESS_KEY_ID", "111111111111")
            environment.setenv("AWS_SECRET_ACCESS_KEY", "x")
            scope = Scope("999999999999", "us-east-1")
            away.s3(scope).create_bucket(Bucket="away")
            away.write_object(scope, "away", "key", b"content")
            assert [found.key for found in away.objects(scope, "s3://away")] == ["key"]
            assert b"".join(away.read_object(scope, "away", "key")) == b"content"
        away.s3(scope).close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        Client(app).post("/moto-api/reset")


def test_an_endpoint_that_does_not_answer_is_unreadable(app, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111111111111")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(Unreadable, match="EndpointConnectionError"):
        Neighbours(app, "http://127.0.0.1:1").objects(SCOPE, "s3://away")


def test_an_object_is_written_bit_by_bit(neighbours, bucket, monkeypatch):
    monkeypatch.setattr("fakepersonalize.neighbours.PART_BYTES", 5 << 20)
    pieces = [bytes([n]) * (3 << 20) for n in range(4)]
    with neighbours.writing(SCOPE, "s3://films/out/large") as file:
        assert sum(map(file.write, pieces)) == 12 << 20
        assert neighbours.objects(SCOPE, "s3://films/out/") == []
    assert b"".join(neighbours.read_object(SCOPE, bucket, "out/large")) == b"".join(pieces)


@pytest.mark.parametrize("content", [b"", b"few"])
def test_small_objects_are_written_in_one_piece(neighbours, bucket, content):
    with neighbours.writing(SCOPE, "s3://films/small") as file:
        file.write(content)
    assert b"".join(neighbours.read_object(SCOPE, bucket, "small")) == content


@pytest.mark.parametrize("size", [1, 6 << 20])
def test_an_object_that_is_not_finished_is_none(neighbours, bucket, size, monkeypatch):
    monkeypatch.setattr("fakepersonalize.neighbours.PART_BYTES", 5 << 20)
    with pytest.raises(TypeError), neighbours.writing(SCOPE, "s3://films/half") as file:
        file.writelines([bytes(size), "no bytes"])
    assert neighbours.objects(SCOPE, "s3://films/") == []
    assert "Uploads" not in neighbours.s3(SCOPE).list_multipart_uploads(Bucket=bucket)


@pytest.mark.parametrize("size", [1, 9 << 20])
def test_a_missing_bucket_cannot_be_written(neighbours, size):
    with pytest.raises(Unreadable) as caught, neighbours.writing(SCOPE, "s3://none-such/x") as file:
        file.write(bytes(size))
    assert caught.value.reason == "NoSuchBucket"
