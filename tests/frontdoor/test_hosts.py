import pytest

from fakepersonalize.frontdoor.hosts import Hosts

HOSTS = Hosts(("emulator.lan", "*.s3.lan"))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:7377",
        "LOCALHOST.",
        "127.0.0.1:7377",
        "127.8.9.1",
        "[::1]:7377",
        "[::ffff:127.0.0.1]:7377",
        "films.localhost:1",
        "films.s3.localhost",
        "emulator.lan:7377",
        "films.s3.lan",
    ],
)
def test_loopback_and_allowed_names_are_served(host):
    assert HOSTS.allows(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "evillocalhost",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "0.0.0.0",
        "[::2]",
        "169.254.169.254",
        "x.emulator.lan",
        "s3.lan",
        "localhost, evil.example",
        "localhost/evil",
        "evil@localhost",
        "127.1",
        "2130706433",
        "[::1",
        "localhost:80:80",
    ],
)
def test_all_other_names_are_not(host):
    assert not HOSTS.allows(host)


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("films.localhost:7377", "films"),
        ("films.s3.localhost", "films"),
        ("films.s3.eu-west-1.localhost", "films"),
        ("my.films.localhost", "my.films"),
        ("films.s3.lan", "films"),
        ("s3.localhost", None),
        ("s3.eu-west-1.localhost", None),
        ("localhost", None),
        ("127.0.0.1", None),
        ("emulator.lan", None),
    ],
)
def test_virtual_host_names_contain_the_bucket(host, bucket):
    assert HOSTS.bucket(host) == bucket
