"""One GetRecommendations through boto3, against the same stack that returns the same bytes."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from contextlib import AbstractContextManager
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
        arn = campaign(url)
        with static_server(url, arn, Path(folder)) as rival:
            compare(
                f"GetRecommendations of {RECIPE} through boto3, median of {CALLS} calls, against fixed bytes",
                lambda: _median(url, arn),
                lambda: _median(rival, arn),
                wanted=1.6,
                unit="ms",
            )


def campaign(url: str) -> str:
    """Train and deploy; return the ARN of the campaign."""
    personalize = client("personalize", url)
    version = trained(url, solution(url, dataset_group(url, AMOUNT), RECIPE))
    created = personalize.create_campaign(name="benchmark", solutionVersionArn=version)["campaignArn"]
    wait(personalize.describe_campaign, "campaign", campaignArn=created)
    return str(created)


def static_server(url: str, campaign_arn: str, folder: Path) -> AbstractContextManager[str]:
    """Serve, beside `url`, the bytes of one of its answers."""
    answer = client("personalize-runtime", url).get_recommendations(campaignArn=campaign_arn, userId="1")
    answer.pop("ResponseMetadata")
    body = folder / "body"
    body.write_text(json.dumps(answer, separators=(",", ":")))
    return server(str(Path(__file__).parent / "static_server.py"), "--body", str(body))


def _median(url: str, campaign_arn: str) -> float:
    """Return the median milliseconds of calls for different users."""
    runtime: Any = client("personalize-runtime", url)
    times = []
    for user in range(CALLS):
        begun = time.perf_counter()
        runtime.get_recommendations(campaignArn=campaign_arn, userId=str(user))
        times.append(time.perf_counter() - begun)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    run()
