"""The environment of programs that are to reach the emulator and nothing else of AWS."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fakepersonalize.cli import inside
from fakepersonalize.cli.asking import RunningServer
from fakepersonalize.cli.download import SHIMS

# What would lead boto3, or requests under it, elsewhere; the user's files are put aside as well.
FOREIGN = ("AWS_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
NOTHING = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
FAST_SLEEP, DOWNLOAD = "FAKEPERSONALIZE_FAST_SLEEP", "FAKEPERSONALIZE_DOWNLOAD"
TOKEN = "FAKEPERSONALIZE_TOKEN"


@contextmanager
def own_environment() -> Iterator[None]:
    """Put the user's settings of AWS and of proxies aside, for a server in this process as well."""
    before = dict(os.environ)
    for name in before:
        if name.upper().startswith(FOREIGN):
            del os.environ[name]
    os.environ.update(NOTHING)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def of_a_program(
    variables: Mapping[str, str],
    server: RunningServer,
    shims: Path,
    fast_sleep: bool,
    environ: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Return the environment of a program: `variables` in place of the user's settings of AWS, and what `inside` has.

    Proxies stay, for what the program wants elsewhere; they are not asked about this machine.
    """
    kept = {name: value for name, value in environ.items() if not name.startswith("AWS_")}
    not_by_proxy = ",".join(
        filter(None, (environ.get("NO_PROXY") or environ.get("no_proxy"), "127.0.0.1,localhost,::1"))
    )
    own = {
        "NO_PROXY": not_by_proxy,
        "no_proxy": not_by_proxy,
        "PATH": _before(str(shims), environ.get("PATH")),
        "PYTHONPATH": _before(str(Path(inside.__file__).parent), environ.get("PYTHONPATH")),
        DOWNLOAD: sys.executable,
        SHIMS: str(shims),
    }
    sleeping = {FAST_SLEEP: server.url} if fast_sleep else {}
    admin = {TOKEN: server.token} if server.token else {}
    return kept | NOTHING | dict(variables) | own | sleeping | admin


def _before(first: str, others: str | None) -> str:
    return os.pathsep.join(filter(None, (first, others)))
