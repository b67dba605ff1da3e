"""What a server says of itself when it starts: where it listens, and what shells and other machines need for it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

ACCOUNT = "123456789012"
SECRET = "anything"
REGION = "us-east-1"
IGNORE_ENDPOINTS = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
ALLOWED = "Other machines: {url}"
NOT_ALLOWED = "Other machines: {url}, if the server is started with --allow-host {host}"
ELSEWHERE = ("192.0.2.1", 9)  # an address for documentation: connecting a datagram socket sends nothing


def variables(url: str, region: str = REGION, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables of the environment that lead boto3, the AWS CLI and other tools to a server.

    AWS_ENDPOINT_URL_<SERVICE> would win over AWS_ENDPOINT_URL, so those in the environment lead there as well.
    Source: https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
    """
    return {
        "AWS_ENDPOINT_URL": url,
        **{name: url for name in environ if name.startswith("AWS_ENDPOINT_URL_")},
        **({IGNORE_ENDPOINTS: "false"} if IGNORE_ENDPOINTS in environ else {}),
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,  # which the SDKs for JavaScript and Java read
    }


def for_others(hosts: list[str], port: int, allows: Callable[[str], bool]) -> Iterator[str]:
    """Yield a line for each address under which other machines find a server; `allows` says which Hosts it serves."""
    for host in hosts:
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        shown = f"[{host}]" if ":" in host else host
        yield (ALLOWED if allows(shown) else NOT_ALLOWED).format(url=url, host=host)


def own_addresses() -> list[str]:
    """Return the name of this machine and its IPv4 addresses but loopback, as far as the system tells them."""
    name = socket.gethostname()
    found = [name]
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as looking:
        looking.connect(ELSEWHERE)
        found.append(looking.getsockname()[0])
    with suppress(OSError):
        found += socket.gethostbyname_ex(name)[2]
    return [each for each in dict.fromkeys(found) if each != "localhost" and not each.startswith(("127.", "0."))]
