import errno

import pytest

from fakepersonalize.storage.objects import Identity, ObjectStore, Setting, Version

KEYS = ["a", "../../a", "/", "a\0b", "ü" * 512, "\ud800", " ", "a/../../../etc/passwd"]


@pytest.fixture
def new_store(tmp_path):
    opened = []

    def new():
        while opened:
            opened.pop().close()
        opened.append(ObjectStore(tmp_path))
        return opened[-1]

    yield new
    while opened:
        opened.pop().close()


@pytest.fixture
def store(new_store):
    return new_store()


def files(tmp_path):
    return sorted(file.name for file in (tmp_path / "objects").iterdir())


def put(store, key, *bodies, bucket="films"):
    versions = [Version(store.write([body]), "{}") for body in bodies]
    store.keep(bucket, {key: versions})
    return versions


@pytest.mark.parametrize("key", KEYS)
def test_any_key_comes_back_and_none_becomes_a_path(new_store, tmp_path, key):
    (version,) = put(new_store(), key, b"content")
    store = new_store()
    assert dict(store.objects("films")) == {key: [version]}
    assert store.versions("films", key) == [version]
    assert store.path(version.body).read_bytes() == b"content"
    assert files(tmp_path) == [str(version.body)]


def test_versions_keep_their_order_and_markers_have_no_body(new_store):
    first, second = put(new_store(), "a", b"1", b"2")
    marker = Version(None, '{"marker": true}')
    store = new_store()
    store.keep("films", {"a": [first, second, marker]})
    assert new_store().versions("films", "a") == [first, second, marker]


def test_what_is_replaced_or_deleted_leaves_the_disk(store, tmp_path):
    put(store, "a", b"1")
    (second,) = put(store, "a", b"2")
    assert files(tmp_path) == [str(second.body)]
    store.keep("films", {"a": []})
    assert files(tmp_path) == []
    assert dict(store.objects("films")) == {}


def test_a_body_that_cannot_be_written_leaves_nothing(store, tmp_path):
    def blocks():
        yield b"some"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        store.write(blocks())
    assert files(tmp_path) == []


def test_what_a_crash_left_without_a_row_is_swept(new_store, tmp_path):
    (kept,) = put(new_store(), "a", b"1")
    (tmp_path / "objects" / "7").write_bytes(b"stray")
    (tmp_path / "objects" / "8.part").write_bytes(b"half")
    store = new_store()
    assert files(tmp_path) == [str(kept.body)]
    assert store.write([b"2"]) > kept.body


def test_a_bucket_goes_with_all_that_is_in_it(new_store, tmp_path):
    store = new_store()
    for bucket in ("films", "books"):
        store.keep_bucket(bucket, "111111111111", "aws", "{}")
        store.keep_setting(bucket, Setting("policy", "{}", b"{}"))
        put(store, "a", b"1", bucket=bucket)
    store.drop_bucket("films")
    store = new_store()
    assert [row["name"] for row in store.buckets()] == ["books"]
    assert [bucket for bucket, _ in store.settings()] == ["books"]
    assert len(files(tmp_path)) == 1


def test_the_last_setting_of_a_kind_counts(new_store):
    store = new_store()
    for name, body in (("policy", b"1"), ("tagging", b"2"), ("policy", b"3"), ("cors", b"4")):
        store.keep_setting("films", Setting(name, "{}", body))
    store.drop_setting("films", "cors")
    assert [(s.name, s.body) for _, s in new_store().settings("films")] == [("tagging", b"2"), ("policy", b"3")]


def test_identities_come_back_until_they_are_forgotten(new_store):
    role = Identity("111111111111", "aws", "role", "reader", '{"a": 1}')
    other = role._replace(name="writer")
    new_store().keep_identities([role, other], [])
    changed = role._replace(facts="{}")
    new_store().keep_identities([changed], [other])
    assert new_store().identities() == [changed]


def test_clearing_leaves_nothing(store, tmp_path):
    put(store, "a", b"1")
    store.keep_bucket("films", "111111111111", "aws", "{}")
    store.clear()
    assert (files(tmp_path), store.buckets(), list(store.objects("films"))) == ([], [], [])
