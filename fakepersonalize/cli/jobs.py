"""`jobs`: what a server works on, how far it is, how long it will take, and what became of what is over."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence, Set
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fakepersonalize.cli.asking import RunningServer, ask
from fakepersonalize.cli.flags import OF_A_RUNNING_SERVER, add_client_flags, settings_of
from fakepersonalize.cli.showing import FAILED, WAITING, amount, colour, console, duration, name, plain
from fakepersonalize.cli.starting import running_server

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

NOTHING = "Nothing is under way."
NO_JOB_YET = "Waiting for the first job; Ctrl-C ends this."
SECONDS_BETWEEN_LOOKS = 0.5
MOST_OVER = 10  # lines of what is over; --json has a hundred
GONE = "gone"  # its resource was deleted meanwhile

Page = dict[str, Any]
Job = dict[str, Any]
Place = tuple[str, str]  # account and region


def add_to(commands: Any) -> None:
    """Add the command to a parser's sub-commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "jobs", help="show what a server works on, how far it is, and what failed"
    )
    parser.set_defaults(command=jobs)
    parser.add_argument(
        "--watch", action="store_true", help="show bars, from the first job until nothing is under way any more"
    )
    parser.add_argument("--json", action="store_true", help="print what the server says, once, and nothing else")
    add_client_flags(parser, OF_A_RUNNING_SERVER)


def jobs(watch: bool, json: bool, **flags: Any) -> None:
    """Show the jobs once, or again and again until there are none."""
    server = running_server(settings_of(flags))
    page = ask(server, "GET", "jobs")
    if json:
        print(_as_json(page))
    elif watch:
        _watch(server, page)
    else:
        show(console(), page)


def show(out: Console, page: Page) -> None:
    """Print the jobs under way, the newest that are over, and below them the reasons of failures and the warnings."""
    over = page["over"][:MOST_OVER]
    out.print(f"{amount(len(page['jobs']), 'job')} under way" if page["jobs"] else NOTHING)
    if page["jobs"]:
        out.print(_table([(said(job), job) for job in page["jobs"]]))
    if over:
        out.print(f"\nOver{', the newest' if len(page['over']) > len(over) else ''}")
        out.print(_table([(_ended(job, page["time"]), job) for job in over]))
        places = {_place(job) for job in over}
        for job in over:
            for style, remark in _remarks(job):
                out.print(f"\n{_called(job, places)}: {remark}", style=style)


def said(job: Job) -> str:
    """Return how a job stands: `waiting`, `working 40 %, 2 min 5 s left`."""
    share = f" {job['progress']:.0%}" if job["state"] == "working" else ""
    left = f", {duration(job['secondsLeft'])} left" if "secondsLeft" in job else ""
    return f"{job['state']}{share}{left}"


def outcome(job: Job) -> str:
    """Return what became of a job that is over, in a word."""
    status = str(job.get("latestUpdate", job)["status"])
    return {"ACTIVE": "done", "COMPLETED": "done"}.get(status, status.split()[-1].lower())


def reason(job: Job) -> str | None:
    """Return why a job failed, if it did."""
    found: str | None = job.get("latestUpdate", job).get("failureReason")
    return found


def _ended(job: Job, now: str) -> str:
    since = datetime.fromisoformat(now) - datetime.fromisoformat(job["finished"])
    return f"{outcome(job)} {duration(since.total_seconds())} ago"


def _table(rows: Sequence[tuple[str, Job]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("STATE", "ACCOUNT", "REGION"):
        table.add_column(heading, no_wrap=True)
    table.add_column("JOB", overflow="fold")
    for state, job in rows:
        table.add_row(Text(state, colour(state.split()[0])), *_place(job), name(job["resource"]))
    return table


def _remarks(job: Job) -> Iterator[tuple[str, str]]:
    if text := reason(job):
        yield FAILED, plain(text)
    for warning in job.get("warnings", ()):
        yield WAITING, plain(warning)


def _place(job: Job) -> Place:
    return job.get("account", ""), job.get("region", "")


def _called(job: Job, places: Set[Place]) -> str:
    """Return what to call a job among those of some accounts and regions, which are named if there are several."""
    account, region = _place(job)
    return f"{name(job['resource'])} of {account} in {region}" if len(places) > 1 else name(job["resource"])


def _as_json(page: Page) -> str:
    return json.dumps(page, indent=2)


def _watch(server: RunningServer, page: Page) -> None:
    """Show bars until nothing is under way; where nothing is at first, wait until a job is, or has been, there."""
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.table import Column

    out = console()
    columns = (
        TextColumn("{task.description}", table_column=Column(overflow="fold")),
        BarColumn(16),
        TextColumn("{task.fields[said]}", table_column=Column(no_wrap=True)),
    )
    if not page["jobs"]:
        out.print(NO_JOB_YET)
    with Progress(*columns, console=out, disable=not out.is_terminal) as progress:
        bars = _Bars(out, progress, page)
        while page["jobs"] or not bars.shown:
            bars.look(page)
            time.sleep(SECONDS_BETWEEN_LOOKS)
            page = ask(server, "GET", "jobs")
        bars.look(page)
    out.print(NOTHING)


class _Bars:
    """A bar for each job since the first look, and a line for each that is over since then."""

    def __init__(self, out: Console, progress: Progress, page: Page) -> None:
        self._out, self._progress = out, progress
        self._before = _over(page)
        self._places = set[Place]()
        self.shown: dict[str, TaskID] = {}

    def look(self, page: Page) -> None:
        """Bring the bars up to date, and say what became of jobs that are over since the last look."""
        now = _over(page)
        ended = [job for key, job in reversed(now.items()) if key not in self._before]
        self._places |= {_place(job) for job in (*page["jobs"], *ended)}
        for job in page["jobs"]:
            self._bar(job, said(job), job["progress"])
        for job in ended:
            how = outcome(job)
            self._bar(job, how, 1.0 if how == "done" else None)  # None: a failed one stays where it was
            self._out.print(f"{how}  {_called(job, self._places)}", style=colour(how))
            for style, remark in _remarks(job):
                self._out.print(f"    {remark}", style=style)
        known = {job["resource"] for job in (*page["jobs"], *now.values())}
        for arn in self.shown.keys() - known:
            self._progress.update(self.shown[arn], said=GONE)
        self._before |= now

    def _bar(self, job: Job, says: str, share: float | None) -> None:
        arn, called = job["resource"], _called(job, self._places)
        if arn not in self.shown:
            self.shown[arn] = self._progress.add_task(called, total=1.0, said=says)
        self._progress.update(self.shown[arn], description=called, said=says, completed=share)


def _over(page: Page) -> dict[str, Job]:
    return {f"{job['resource']} {job['finished']}": job for job in page["over"]}
