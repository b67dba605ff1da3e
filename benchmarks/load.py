"""GetRecommendations under load from eight callers, against the same stack that returns the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from latency import AMOUNT, RECIPE, campaign, static_server
from pairs import compare
from processes import ours

CALLERS, SECONDS = 8, 4


def run() -> None:
    with ours() as url, tempfile.TemporaryDirectory() as folder:
        arn = campaign(url)
        with static_server(url, arn, Path(folder)) as rival:
            compare(
                f"GetRecommendations of {RECIPE} ({AMOUNT:,} interactions), {CALLERS} callers, against fixed bytes",
                lambda: _milliseconds(url, arn),
                lambda: _milliseconds(rival, arn),
                wanted=None,
                unit="ms",
            )


def _milliseconds(url: str, arn: str) -> float:
    """Return how many milliseconds of the server one request takes under load: the inverse of requests per second."""
    user = Path(__file__).parent / "load_user.py"
    amounts = ["--users", str(CALLERS), "--spawn-rate", str(CALLERS), "--run-time", f"{SECONDS}s"]
    done = subprocess.run(
        [sys.executable, "-m", "locust", "-f", str(user), "--host", url, "--headless", "--json", *amounts],
        env=os.environ | {"CAMPAIGN_ARN": arn},
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
