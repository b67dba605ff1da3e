"""The demo: the main job of Amazon Personalize, done once before your eyes.

A server of its own answers; everything between is what any boto3 script for Amazon Personalize does.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from fakepersonalize.announcing import ACCOUNT, REGION, SECRET
from fakepersonalize.cli.films import Films
from fakepersonalize.cli.report import ROWS, Report
from fakepersonalize.cli.steps import Steps
from fakepersonalize.cli.surroundings import own_environment
from fakepersonalize.cli.walk import Walk
from fakepersonalize.settings import Settings

SEED = 7
UNKNOWN_VIEWER = "nobody called {user!r} watches films here; there are {first} to {last}"


class UnknownViewer(Exception):
    """The data have no such user."""


def run(user: str, console: Console | None = None) -> None:
    """Train three recipes on made-up films; print how good they are, and what they recommend to a user.

    Needs no network, heeds nobody's settings of AWS and leaves nothing behind. Raises UnknownViewer and WayBlocked.
    """
    films = Films()
    _require_viewer(films, user)
    report = Report(console or Console(highlight=False), films)
    with own_environment(), _ended_by_sigterm():
        from fakepersonalize.server import running

        with running(Settings(port=0, seed=SEED)) as server:
            _show(server.url, films, user, report)
    report.end()


def _show(url: str, films: Films, user: str, report: Report) -> None:
    s3, iam, personalize, runtime = _clients(url)
    report.begin(url)
    with Steps(report.console) as steps:
        trained = Walk(s3, iam, personalize, steps).go(films)
    report.metrics({each.recipe: each.metrics for each in trained})
    report.history(user)
    for each in trained:
        question = {"itemId": films.last_watched(user)} if each.recipe == "aws-sims" else {"userId": user}
        answer = runtime.get_recommendations(campaignArn=each.campaign_arn, numResults=ROWS, **question)
        report.recommendations(user, each.recipe, [item["itemId"] for item in answer["itemList"]])


def _clients(url: str) -> list[Any]:
    import boto3

    session = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key=SECRET, region_name=REGION)
    return [session.client(name, endpoint_url=url) for name in ("s3", "iam", "personalize", "personalize-runtime")]


def _require_viewer(films: Films, user: str) -> None:
    viewers = films.viewers
    if user not in viewers:
        raise UnknownViewer(UNKNOWN_VIEWER.format(user=user, first=viewers[0], last=viewers[-1]))


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the demo as Ctrl-C does, so that the server and its folder go with it."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
