"""Buckets, objects, roles and policies survive: tests end a server's life and begin another on the same folder."""

import errno
import json
import logging
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from werkzeug.test import Client

from fakepersonalize.arns import Scope
from fakepersonalize.frontdoor.neighbour_app import STRIPES, NeighbourApp, account_of_key
from fakepersonalize.neighbours import Neighbours, Unreadable
from fakepersonalize.storage.objects import ObjectStore

SCOPE = Scope("111111111111", "eu-west-1")
OTHER = Scope("222222222222", "us-east-1")
PLACE = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::films/*"}],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "x.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
SESSIONS = {}  # of botocore, which reads its models once for all lives
KEYS = ["a", "../../a", "a/../../b", "ü" * 512, "//a//", "a+b c%20d?e&f", "."]


class Life:
    """A server from its start to its end, seen through boto3's clients."""

    def __init__(self, folder):
        Client(NeighbourApp()).post("/moto-api/reset")  # moto's memory belongs to the process, and a new one has none
        self.store = ObjectStore(folder)
        self.app = NeighbourApp(store=self.store)
        self.neighbours = Neighbours(self.app)
        self.neighbours._sessions = SESSIONS

    def s3(self, scope=SCOPE):
        return self.neighbours.client("s3", scope)

    def iam(self, scope=SCOPE):
        return self.neighbours.client("iam", scope)


class World:
    def __init__(self, folder):
        self.folder = folder
        self.life = Life(folder)

    def again(self):
        self.life.store.close()
        self.life = Life(self.folder)
        return self.life

    def lives(self):
        """Yield this life, then the next."""
        yield self.life
        yield self.again()

    @property
    def bodies(self):
        return sorted(file.read_bytes() for file in (self.folder / "objects").iterdir())


@pytest.fixture
def world(tmp_path):
    found = World(tmp_path)
    found.life.s3().create_bucket(Bucket="films", **PLACE)
    yield found
    found.life.store.close()
    Client(NeighbourApp()).post("/moto-api/reset")


def body_of(life, key="a", **more):
    return life.s3().get_object(Bucket="films", Key=key, **more)["Body"].read()


def without_moment(answer):
    return {name: value for name, value in answer.items() if name not in ("Body", "ResponseMetadata")}


@pytest.mark.parametrize("key", KEYS)
def test_an_object_survives_whatever_its_key(world, key):
    world.life.s3().put_object(Bucket="films", Key=key, Body=b"content")
    life = world.again()
    assert body_of(life, key) == b"content"
    assert [found["Key"] for found in life.s3().list_objects_v2(Bucket="films")["Contents"]] == [key]


def test_an_object_survives_with_all_that_is_known_of_it(world):
    known = {
        "ContentType": "text/csv",
        "ContentEncoding": "gzip",
        "CacheControl": "no-cache",
        "Metadata": {"made-by": "ann"},
        "StorageClass": "STANDARD_IA",
        "ServerSideEncryption": "AES256",
        "Tagging": "kind=rows&year=2026",
        "ACL": "public-read",
        "ChecksumAlgorithm": "SHA256",
        "WebsiteRedirectLocation": "/b",
    }
    world.life.s3().put_object(Bucket="films", Key="a", Body=b"content", **known)

    def seen(life):
        s3, named = life.s3(), {"Bucket": "films", "Key": "a"}
        return [
            without_moment(s3.head_object(**named, ChecksumMode="ENABLED")),
            s3.get_object_tagging(**named)["TagSet"],
            s3.get_object_acl(**named)["Grants"],
            s3.get_object_attributes(**named, ObjectAttributes=["ETag", "Checksum", "ObjectSize"])["ObjectSize"],
        ]

    before = seen(world.life)
    assert before[0]["Metadata"] == {"made-by": "ann"}
    assert seen(world.again()) == before


def test_what_is_set_about_a_bucket_survives(world):
    s3, named = world.life.s3(), {"Bucket": "films"}
    s3.put_bucket_tagging(**named, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.put_bucket_policy(**named, Policy=json.dumps({**POLICY, "Id": "old"}))
    s3.put_bucket_policy(**named, Policy=json.dumps(POLICY))
    s3.put_bucket_versioning(**named, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_acl(**named, ACL="public-read")
    cors = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]
    s3.put_bucket_cors(**named, CORSConfiguration={"CORSRules": cors})
    s3.put_public_access_block(**named, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    s3.put_bucket_lifecycle_configuration(
        **named,
        LifecycleConfiguration={"Rules": [{"ID": "x", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 3}}]},
    )

    def seen(life):
        s3 = life.s3()
        asked = ("tagging", "policy", "versioning", "acl", "cors", "lifecycle_configuration", "location")
        return [
            *(without_moment(getattr(s3, f"get_bucket_{what}")(**named)) for what in asked),
            without_moment(s3.get_public_access_block(**named)),
            s3.list_buckets()["Buckets"],
        ]

    before = seen(world.life)
    assert json.loads(before[1]["Policy"]) == POLICY
    assert seen(world.again()) == before


def test_what_was_removed_stays_away(world):
    s3 = world.life.s3()
    s3.put_bucket_policy(Bucket="films", Policy=json.dumps(POLICY))
    s3.delete_bucket_policy(Bucket="films")
    s3.create_bucket(Bucket="books", **PLACE)
    s3.delete_bucket(Bucket="books")
    for key in "abcd":
        s3.put_object(Bucket="films", Key=key, Body=key.encode())
    s3.delete_object(Bucket="films", Key="a")
    s3.delete_objects(Bucket="films", Delete={"Objects": [{"Key": "b"}, {"Key": "c"}]})
    assert world.bodies == [b"d"]
    life = world.again()
    assert life.neighbours.bucket_policy(SCOPE, "films") is None
    assert [bucket["Name"] for bucket in life.s3().list_buckets()["Buckets"]] == ["films"]
    assert [found["Key"] for found in life.s3().list_objects_v2(Bucket="films")["Contents"]] == ["d"]


def test_buckets_belong_to_their_accounts(world):
    world.life.s3(OTHER).create_bucket(Bucket="others")
    life = world.again()
    assert [bucket["Name"] for bucket in life.s3().list_buckets()["Buckets"]] == ["films"]
    assert [bucket["Name"] for bucket in life.s3(OTHER).list_buckets()["Buckets"]] == ["others"]


def test_versions_and_delete_markers_survive(world):
    s3 = world.life.s3()
    s3.put_bucket_versioning(Bucket="films", VersioningConfiguration={"Status": "Enabled"})
    versions = [s3.put_object(Bucket="films", Key="a", Body=body)["VersionId"] for body in (b"1", b"2")]
    s3.delete_object(Bucket="films", Key="a")
    life = world.again()
    assert [body_of(life, VersionId=version) for version in versions] == [b"1", b"2"]
    with pytest.raises(ClientError, match="NoSuchKey"):
        body_of(life)
    listed = life.s3().list_object_versions(Bucket="films")
    assert {found["VersionId"] for found in listed["Versions"]} == set(versions)
    (marker,) = listed["DeleteMarkers"]
    life.s3().delete_object(Bucket="films", Key="a", VersionId=marker["VersionId"])
    life.s3().delete_object(Bucket="films", Key="a", VersionId=versions[0])
    assert world.bodies == [b"2"]
    assert body_of(world.again()) == b"2"


def test_copies_and_uploads_in_parts_survive(world):
    s3 = world.life.s3()
    s3.put_object(Bucket="films", Key="a", Body=b"content")
    s3.copy_object(Bucket="films", Key="copy", CopySource="films/a")
    named = {"Bucket": "films", "Key": "parts"}
    upload = s3.create_multipart_upload(**named)["UploadId"]
    part = s3.upload_part(**named, UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
    s3.complete_multipart_upload(**named, UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    etag = s3.head_object(**named)["ETag"]
    s3.put_object_tagging(**named, Tagging={"TagSet": [{"Key": "x", "Value": "y"}]})
    life = world.again()
    assert (body_of(life, "copy"), body_of(life, "parts")) == (b"content", b"part")
    assert life.s3().head_object(**named)["ETag"] == etag
    assert life.s3().get_object_tagging(**named)["TagSet"] == [{"Key": "x", "Value": "y"}]


def test_bodies_are_read_from_their_files_in_blocks_and_ranges(world):
    content = bytes(range(256)) * 10_000
    world.life.s3().put_object(Bucket="films", Key="a", Body=content)
    for life in world.lives():
        assert b"".join(life.neighbours.read_object(SCOPE, "films", "a")) == content
        assert body_of(life, Range="bytes=1000-1009") == content[1000:1010]
        stored = life.neighbours.read_object(SCOPE, "films", "a")
        next(stored)
        life.s3().put_object(Bucket="films", Key="a", Body=content)
        with pytest.raises(Unreadable):
            list(stored)


def test_roles_and_policies_survive(world):
    iam = world.life.iam()
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    arn = iam.create_role(
        RoleName="reader",
        Path="/service/",
        AssumeRolePolicyDocument=trust,
        Description="reads",
        Tags=[{"Key": "a", "Value": "b"}],
    )["Role"]["Arn"]
    older = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
    own = iam.create_policy(PolicyName="own", PolicyDocument=json.dumps(older))["Policy"]["Arn"]
    newer = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.create_policy_version(PolicyArn=own, PolicyDocument=json.dumps(newer), SetAsDefault=True)
    iam.put_role_policy(RoleName="reader", PolicyName="inside", PolicyDocument=json.dumps(newer))
    for policy in (own, "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"):
        iam.attach_role_policy(RoleName="reader", PolicyArn=policy)
    iam.create_role(RoleName="gone", AssumeRolePolicyDocument=trust)
    iam.delete_role(RoleName="gone")

    def seen(life):
        iam = life.iam()
        return [
            life.neighbours.role(SCOPE, arn),
            without_moment(iam.get_role(RoleName="reader")),
            without_moment(iam.get_policy(PolicyArn=own)),
            without_moment(iam.list_policy_versions(PolicyArn=own)),
            [role["RoleName"] for role in iam.list_roles()["Roles"]],
        ]

    before = seen(world.life)
    assert len(before[0].policies) == 3
    assert seen(world.again()) == before
    world.life.iam().detach_role_policy(RoleName="reader", PolicyArn=own)
    world.life.iam().update_assume_role_policy(RoleName="reader", PolicyDocument=json.dumps(TRUST))
    found = world.again().neighbours.role(SCOPE, arn)
    assert (len(found.policies), json.loads(found.trust)) == (2, TRUST)


def test_an_emptied_moto_stays_empty(world):
    world.life.s3().put_object(Bucket="films", Key="a", Body=b"1")
    world.life.iam().create_role(RoleName="reader", AssumeRolePolicyDocument="{}")
    Client(world.life.app).post("/moto-api/reset")
    assert world.bodies == []
    life = world.again()
    assert life.s3().list_buckets()["Buckets"] == []
    assert life.iam().list_roles()["Roles"] == []


def refuse_to_write(monkeypatch, store, *names):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in names:
        monkeypatch.setattr(store, name, full)


@pytest.mark.parametrize("failing", ["write", "keep"])
def test_what_cannot_be_written_was_never_put(world, monkeypatch, caplog, failing):
    s3 = world.life.s3()
    s3.put_object(Bucket="films", Key="a", Body=b"old", ContentType="text/csv")
    with monkeypatch.context() as patch, caplog.at_level(logging.CRITICAL):
        refuse_to_write(patch, world.life.store, failing)
        for key in ("a", "b"):
            with pytest.raises(ClientError, match="InternalError") as refused:
                s3.put_object(Bucket="films", Key=key, Body=b"new")
            assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 507
            assert refused.value.response["Error"]["Message"].startswith("The disk is full.")
    for life in world.lives():
        assert (body_of(life), life.s3().head_object(Bucket="films", Key="a")["ContentType"]) == (b"old", "text/csv")
        assert [found["Key"] for found in life.s3().list_objects_v2(Bucket="films")["Contents"]] == ["a"]
    assert world.bodies == [b"old"]


def test_what_cannot_be_deleted_from_the_disk_is_still_there(world, monkeypatch, caplog):
    s3 = world.life.s3()
    s3.put_object(Bucket="films", Key="a", Body=b"old")
    with monkeypatch.context() as patch, caplog.at_level(logging.CRITICAL):
        refuse_to_write(patch, world.life.store, "keep")
        with pytest.raises(ClientError, match="InternalError"):
            s3.delete_object(Bucket="films", Key="a")
    for life in world.lives():
        assert body_of(life) == b"old"


def test_users_groups_and_access_keys_survive(world):
    iam = world.life.iam()
    own = iam.create_policy(PolicyName="own", PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
    iam.create_group(GroupName="team", Path="/staff/")
    for name in ("ann", "bob"):
        iam.create_user(UserName=name, Path="/staff/", Tags=[{"Key": "a", "Value": name}])
        iam.add_user_to_group(GroupName="team", UserName=name)
    inside = {"PolicyName": "inside", "PolicyDocument": json.dumps(POLICY)}
    iam.put_user_policy(UserName="ann", **inside)
    iam.put_group_policy(GroupName="team", **inside)
    iam.attach_user_policy(UserName="ann", PolicyArn=own)
    iam.attach_group_policy(GroupName="team", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    iam.create_login_profile(UserName="ann", Password="secret")
    keys = [iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"] for _ in range(2)]
    iam.update_access_key(UserName="ann", AccessKeyId=keys[1], Status="Inactive")
    iam.delete_access_key(UserName="ann", AccessKeyId=keys[0])
    last = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    iam.remove_user_from_group(GroupName="team", UserName="bob")
    iam.create_user(UserName="gone")
    iam.delete_user(UserName="gone")

    def seen(life):
        iam = life.iam()
        asked = [
            iam.list_users(),
            iam.get_user(UserName="ann"),
            iam.list_user_tags(UserName="bob"),
            iam.list_groups(),
            iam.get_group(GroupName="team"),
            iam.list_groups_for_user(UserName="ann"),
            iam.get_user_policy(UserName="ann", PolicyName="inside"),
            iam.get_group_policy(GroupName="team", PolicyName="inside"),
            iam.list_attached_user_policies(UserName="ann"),
            iam.list_attached_group_policies(GroupName="team"),
            iam.get_policy(PolicyArn=own),
            iam.get_login_profile(UserName="ann"),
            iam.list_access_keys(UserName="ann"),
            {"account": account_of_key(last)},
        ]
        return [without_moment(each) for each in asked]

    before = seen(world.life)
    assert [key["Status"] for key in before[-2]["AccessKeyMetadata"]] == ["Inactive", "Active"]
    assert before[-1] == {"account": SCOPE.account}
    assert seen(world.again()) == before
    world.life.iam().delete_access_key(UserName="ann", AccessKeyId=last)
    assert account_of_key(last) != SCOPE.account
    assert [
        key["AccessKeyId"] for key in world.again().iam().list_access_keys(UserName="ann")["AccessKeyMetadata"]
    ] == [keys[1]]


def test_users_and_groups_that_cannot_be_written_were_never_changed(world, monkeypatch, caplog):
    iam = world.life.iam()
    iam.create_group(GroupName="team")
    iam.create_user(UserName="ann")
    iam.add_user_to_group(GroupName="team", UserName="ann")
    with monkeypatch.context() as patch, caplog.at_level(logging.CRITICAL):
        refuse_to_write(patch, world.life.store, "keep_identities")
        for call, arguments in (
            (iam.create_user, {"UserName": "bob"}),
            (iam.create_access_key, {"UserName": "ann"}),
            (iam.create_group, {"GroupName": "other"}),
            (iam.remove_user_from_group, {"GroupName": "team", "UserName": "ann"}),
        ):
            with pytest.raises(ClientError, match="Internal"):
                call(**arguments)
    for life in world.lives():
        iam = life.iam()
        assert [user["UserName"] for user in iam.list_users()["Users"]] == ["ann"]
        assert [user["UserName"] for user in iam.get_group(GroupName="team")["Users"]] == ["ann"]
        assert [group["GroupName"] for group in iam.list_groups()["Groups"]] == ["team"]
        assert iam.list_access_keys(UserName="ann")["AccessKeyMetadata"] == []


def test_settings_buckets_and_roles_that_cannot_be_written_were_never_made(world, monkeypatch, caplog):
    s3, iam = world.life.s3(), world.life.iam()
    s3.put_bucket_policy(Bucket="films", Policy=json.dumps(POLICY))
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument='{"a": 1}')
    with monkeypatch.context() as patch, caplog.at_level(logging.CRITICAL):
        names = ("keep_setting", "drop_setting", "keep_bucket", "keep_identities")
        refuse_to_write(patch, world.life.store, *names)
        for call, arguments in (
            (s3.put_bucket_policy, {"Bucket": "films", "Policy": json.dumps({**POLICY, "Id": "new"})}),
            (s3.delete_bucket_policy, {"Bucket": "films"}),
            (s3.put_bucket_tagging, {"Bucket": "films", "Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}),
            (s3.create_bucket, {"Bucket": "books"} | PLACE),
            (iam.create_role, {"RoleName": "writer", "AssumeRolePolicyDocument": "{}"}),
            (
                iam.update_assume_role_policy,
                {"RoleName": "reader", "PolicyDocument": json.dumps(TRUST)},
            ),
        ):
            with pytest.raises(ClientError, match="Internal"):
                call(**arguments)
    for life in world.lives():
        assert json.loads(life.neighbours.bucket_policy(SCOPE, "films")) == POLICY
        with pytest.raises(ClientError, match="NoSuchTagSet"):
            life.s3().get_bucket_tagging(Bucket="films")
        assert [bucket["Name"] for bucket in life.s3().list_buckets()["Buckets"]] == ["films"]
        (role,) = life.iam().list_roles()["Roles"]
        assert (role["RoleName"], role["AssumeRolePolicyDocument"]) == ("reader", {"a": 1})


def test_of_many_puts_of_one_key_one_wins_whole(world):
    s3 = world.life.s3()
    bodies = [bytes([n]) * 10_000 for n in range(24)]

    def put(body):
        s3.put_object(Bucket="films", Key="a", Body=body, ContentType=f"text/{body[0]}")

    threads = [threading.Thread(target=put, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = [(body_of(life), life.s3().head_object(Bucket="films", Key="a")) for life in world.lives()]
    (body, head), after = seen[0], seen[1]
    assert body in bodies
    assert head["ContentType"] == f"text/{body[0]}"
    assert (after[0], without_moment(after[1])) == (body, without_moment(head))
    assert world.bodies == [body]


def test_what_is_damaged_is_reported_and_the_rest_comes_back(world, caplog):
    s3, iam = world.life.s3(), world.life.iam()
    for key in "abc":
        s3.put_object(Bucket="films", Key=key, Body=key.encode())
    s3.create_bucket(Bucket="books", **PLACE)
    for name in ("reader", "writer"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    store = world.life.store
    store.path(store.versions("films", "a")[0].body).unlink()
    store.path(store.versions("films", "b")[0].body).write_bytes(b"longer")
    with store._database.transaction():
        for table, name in (("bucket", "books"), ("identity", "writer")):
            store._database._writer.execute(f"UPDATE {table} SET facts = 'nonsense' WHERE name = ?", (name,))
    with caplog.at_level(logging.ERROR):
        life = world.again()
        assert [found["Key"] for found in life.s3().list_objects_v2(Bucket="films")["Contents"]] == ["c"]
    assert [bucket["Name"] for bucket in life.s3().list_buckets()["Buckets"]] == ["films"]
    assert [role["RoleName"] for role in life.iam().list_roles()["Roles"]] == ["reader"]
    said = [record.getMessage() for record in caplog.records]
    for thing in ("the object 'a' of", "the object 'b' of", "the bucket books", "the role writer"):
        assert any(text.startswith(thing) for text in said), said


def test_nothing_is_kept_without_a_store(tmp_path):
    app = NeighbourApp()
    s3 = Neighbours(app).client("s3", SCOPE)
    s3.create_bucket(Bucket="films", **PLACE)
    s3.put_object(Bucket="films", Key="a", Body=b"1")
    assert list(tmp_path.iterdir()) == []
    Client(app).post("/moto-api/reset")


@pytest.fixture
def held(world, monkeypatch):
    """Hold back the body `long` on its way to the disk until the answer says whether it arrives."""
    write, held = world.life.store.write, SimpleNamespace(begun=threading.Event(), arrives=queue.Queue())

    def slow(blocks):
        content = b"".join(blocks)
        if content == b"long":
            held.begun.set()
            if not held.arrives.get(timeout=10):
                raise OSError(errno.ENOSPC, "no space left")
        return write([content])

    monkeypatch.setattr(world.life.store, "write", slow)
    return held


def far_from(key):
    """Return a key that shares no lock with another one."""
    stripe = hash(f"/films/{key}") % STRIPES
    return next(other for other in "bcdef" if hash(f"/films/{other}") % STRIPES != stripe)


@pytest.mark.parametrize("arrives", [True, False])
def test_an_object_on_its_way_to_the_disk_keeps_no_other_of_its_bucket_waiting(world, held, caplog, arrives):
    s3, other = world.life.s3(), far_from("a")
    s3.put_object(Bucket="films", Key="a", Body=b"old")
    with ThreadPoolExecutor() as pool, caplog.at_level(logging.CRITICAL):
        long = pool.submit(s3.put_object, Bucket="films", Key="a", Body=b"long")
        assert held.begun.wait(5)
        pool.submit(s3.put_object, Bucket="films", Key=other, Body=b"short").result(timeout=5)
        assert not long.done()
        held.arrives.put(arrives)
        assert (long.exception() is None) is arrives
    for life in world.lives():
        assert body_of(life, other) == b"short"
        assert body_of(life, "a") == (b"long" if arrives else b"old")


def test_what_concerns_the_whole_bucket_waits_for_what_is_on_its_way(world, held):
    s3 = world.life.s3()
    with ThreadPoolExecutor() as pool:
        long = pool.submit(s3.put_object, Bucket="films", Key="a", Body=b"long")
        assert held.begun.wait(5)
        gone = pool.submit(s3.delete_objects, Bucket="films", Delete={"Objects": [{"Key": "a"}]})
        with pytest.raises(TimeoutError):
            gone.result(timeout=0.2)
        held.arrives.put(True)
        long.result(timeout=5)
        gone.result(timeout=5)


def test_an_upload_that_was_not_completed_is_gone_afterwards(world):
    named = {"Bucket": "films", "Key": "a"}
    named["UploadId"] = world.life.s3().create_multipart_upload(**named)["UploadId"]
    with pytest.raises(ClientError, match="NoSuchUpload"):
        world.again().s3().upload_part(**named, PartNumber=1, Body=b"x")
