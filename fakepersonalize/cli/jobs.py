"""`jobs`: what a server works on, how far it is, and how long it will take."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import Any

from fakepersonalize.cli.asking import RunningServer, ask
from fakepersonalize.cli.flags import OF_A_RUNNING_SERVER, add_flags, settings_of
from fakepersonalize.cli.starting import running_server

NOTHING = "Nothing is under way."
SECONDS_BETWEEN_LOOKS = 0.5
STATES = {"queued": "waits for its input", "gathered": "works", "done": "done", "failed": "failed"}

Jobs = Sequence[dict[str, Any]]


def add_to(commands: Any) -> None:
    """Add the command to a parser's sub-commands."""
    parser: argparse.ArgumentParser = commands.add_parser("jobs", help="show what a server works on and how far it is")
    parser.set_defaults(command=jobs)
    parser.add_argument("--watch", action="store_true", help="show bars and the time left until nothing is under way")
    parser.add_argument("--json", action="store_true", help="print what the server says, once, and nothing else")
    add_flags(parser, OF_A_RUNNING_SERVER)


def jobs(watch: bool, json: bool, **flags: Any) -> None:
    """Show the jobs once, or again and again until there are none."""
    server = running_server(settings_of(flags))
    found = _found(server)
    if json:
        print(_as_json(found))
    elif watch:
        _watch(server, found)
    elif found:
        for job in found:
            print(line(job))
    else:
        print(NOTHING)


def line(job: dict[str, Any]) -> str:
    """Return one job as text: its share, what it is, and how long it will take."""
    left = job.get("secondsLeft")
    rest = f", {duration(left)} left" if left is not None else ""
    return f"{job['progress']:4.0%}  {job['kind']}  {name(job)}  {STATES[job['state']]}{rest}"


def name(job: dict[str, Any]) -> str:
    """Return what an ARN says behind the account: `batch-inference-job/monday`."""
    return str(job["resource"].split(":", 5)[-1])


def duration(seconds: float) -> str:
    """Return whole seconds as people read them: `45 s`, `2 min 5 s`, `1 h 3 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {whole % 60} s"


def _found(server: RunningServer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(server, "GET", "jobs")["jobs"]
    return found


def _as_json(found: Jobs) -> str:
    return json.dumps(found, indent=2)


def _watch(server: RunningServer, found: Jobs) -> None:
    from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[left]}"))
    with Progress(*columns) as bars:
        shown: dict[int, TaskID] = {}
        while found:
            _show(bars, shown, found)
            time.sleep(SECONDS_BETWEEN_LOOKS)
            found = _found(server)
        _show(bars, shown, found)
    print(NOTHING)


def _show(bars: Any, shown: dict[int, Any], found: Jobs) -> None:
    """Bring the bars up to date; what is no longer there is over."""
    for job in found:
        if job["job"] not in shown:
            shown[job["job"]] = bars.add_task(name(job), total=1.0, left="")
        left = job.get("secondsLeft")
        said = STATES[job["state"]] if left is None else f"{duration(left)} left"
        bars.update(shown[job["job"]], completed=job["progress"], left=said)
    for number in shown.keys() - {job["job"] for job in found}:
        bars.update(shown[number], completed=1.0, left="over")
