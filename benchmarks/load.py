"""GetRecommendations under load from eight callers, against the same stack that returns the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from latency import AMOUNT, RECIPE, campaign, static_server
from pairs import compare
from processes import ours

CALLERS, SECONDS = 8, 4
CREDENTIAL = "123456789012/20260101/us-east-1/personalize/aws4_request"
SIGNED = {"Authorization": f"AWS4-HMAC-SHA256 Credential={CREDENTIAL}, SignedHeaders=host, Signature=0"}


def run() -> None:
    with ours() as url, tempfile.TemporaryDirectory() as folder:
        arn = campaign(url)
        asked = request("/recommendations", {"campaignArn": arn, "userId": "U1"})
        with static_server(url, arn, Path(folder)) as rival:
            compare(
                f"GetRecommendations of {RECIPE} ({AMOUNT:,} interactions), {CALLERS} callers, against fixed bytes",
                lambda: milliseconds(url, asked),
                lambda: milliseconds(rival, asked),
                wanted=None,
                unit="ms",
                most=1.0,
            )


def request(path: str, body: dict[str, Any], target: str | None = None, fresh: bool = False) -> dict[str, Any]:
    """Return a request as `milliseconds` takes it; `target` names an operation of the control plane.

    With `fresh`, no two requests in a row have the same bytes, so that no answer can be one that was kept.
    """
    protocol = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"} if target else {}
    return {
        "path": path,
        "body": json.dumps(body),
        "fresh": fresh,
        "headers": SIGNED | {"Content-Type": "application/json"} | protocol,
    }


def milliseconds(url: str, asked: dict[str, Any]) -> float:
    """Return how many milliseconds of the server one request takes under load: the inverse of requests per second."""
    user = Path(__file__).parent / "load_user.py"
    amounts = ["--users", str(CALLERS), "--spawn-rate", str(CALLERS), "--run-time", f"{SECONDS}s"]
    done = subprocess.run(
        [sys.executable, "-m", "locust", "-f", str(user), "--host", url, "--headless", "--json", *amounts],
        env=os.environ | {"REQUEST": json.dumps(asked)},
        capture_output=True,
        text=True,
        check=True,
    )
    counted = json.loads(done.stdout)[0]
    if counted["num_failures"]:
        raise RuntimeError(f"{counted['num_failures']} requests failed")
    return 1000 * (counted["last_request_timestamp"] - counted["start_time"]) / counted["num_requests"]


if __name__ == "__main__":
    run()
