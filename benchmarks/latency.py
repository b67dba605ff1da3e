"""One GetRecommendations through boto3, against the same stack that returns the same bytes."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from interactions import dataset_group, solution, trained
from pairs import compare
from processes import client, ours, server, wait

AMOUNT = 1_000_000
CALLS = 500
RECIPE = "aws-user-personalization"


def run() -> None:
    with ours() as url, tempfile.TemporaryDirectory() as folder:
        campaign = _campaign(url)
        answer = client("personalize-runtime", url).get_recommendations(campaignArn=campaign, userId="1")
        answer.pop("ResponseMetadata")
        body = Path(folder) / "body"
        body.write_text(json.dumps(answer, separators=(",", ":")))
        static = str(Path(__file__).parent / "static_server.py")
        with server(static, "--body", str(body)) as rival:
            compare(
                f"GetRecommendations of {RECIPE} through boto3, median of {CALLS} calls, against fixed bytes",
                lambda: _median(client("personalize-runtime", url), campaign),
                lambda: _median(client("personalize-runtime", rival), campaign),
                wanted=1.6,
                unit="ms",
            )


def _campaign(url: str) -> str:
    personalize = client("personalize", url)
    version = trained(url, solution(url, dataset_group(url, AMOUNT), RECIPE))
    campaign = personalize.create_campaign(name="benchmark", solutionVersionArn=version)["campaignArn"]
    wait(personalize.describe_campaign, "campaign", campaignArn=campaign)
    return str(campaign)


def _median(runtime: Any, campaign: str) -> float:
    """Return the median milliseconds of calls for different users."""
    times = []
    for user in range(CALLS):
        begun = time.perf_counter()
        runtime.get_recommendations(campaignArn=campaign, userId=str(user))
        times.append(time.perf_counter() - begun)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    run()
