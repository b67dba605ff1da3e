"""What a server says of itself when it starts."""

from __future__ import annotations

import ipaddress
import socket

from fakepersonalize import announcing
from fakepersonalize.frontdoor.hosts import Hosts
from fakepersonalize.server import ANY_ADDRESS


def test_each_address_says_what_must_be_allowed() -> None:
    allows = Hosts(["films.example"]).allows
    lines = announcing.for_others(["films.example", "192.0.2.7", "2001:db8::7"], 7377, allows)
    assert [*lines] == [
        "Other machines: http://films.example:7377",
        "Other machines: http://192.0.2.7:7377, if the server is started with --allow-host 192.0.2.7",
        "Other machines: http://[2001:db8::7]:7377, if the server is started with --allow-host 2001:db8::7",
    ]


def test_what_is_said_to_be_allowed_is_served_then() -> None:
    for host in ("192.0.2.7", "2001:db8::7"):
        (line,) = announcing.for_others([host], 7377, Hosts([host]).allows)
        assert "--allow-host" not in line


def test_own_addresses_are_no_loopback() -> None:
    name, *addresses = announcing.own_addresses() or [socket.gethostname()]
    assert name not in ANY_ADDRESS
    assert not any(ipaddress.ip_address(each).is_loopback for each in addresses)
