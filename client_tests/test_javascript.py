"""The same control over HTTP from another language, where node and the AWS SDK for JavaScript v3 are at hand.

`npm install @aws-sdk/client-personalize-runtime` in client_tests/javascript, or a NODE_PATH, provides the latter.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from markets import PERSONAL, Market
from modes import socket_only

HERE = Path(__file__).parent / "javascript"
SDK = "@aws-sdk/client-personalize-runtime"


def node(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed")
    return subprocess.run(
        [program, *arguments], cwd=HERE, env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )


@socket_only
def test_javascript_pins_an_answer_and_gets_it(market: Market) -> None:
    if node("-e", f"require.resolve('{SDK}')").returncode:
        pytest.skip(f"{SDK} is not installed")
    account = market.account
    keys = {"AWS_ACCESS_KEY_ID": account.number, "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": account.region}
    ran = node("pinned.cjs", market.campaigns[PERSONAL], AWS_ENDPOINT_URL=str(account.endpoint), **keys)
    assert (ran.returncode, ran.stdout) == (0, "ok\n"), ran.stderr
