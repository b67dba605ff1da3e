"""The worker process: reads pieces of work from its standard input, does one after the other, writes what came out.

It ends when its input ends, also in the middle of work: a server that dies takes its worker along. `runners` says how
it begins.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, TextIO

from fakepersonalize.disk import complaint
from fakepersonalize.errors import JobFailed

NICENESS = 10


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this process
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints must not mix with our answers
    tasks: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(tasks,), daemon=True).start()
    while True:
        task = tasks.get()
        if "warm" in task:
            for module in task["warm"]:
                importlib.import_module(module)
        else:
            _do(task, answers)


def _listen(tasks: queue.SimpleQueue[dict[str, Any]]) -> None:
    try:
        for line in sys.stdin:
            tasks.put(json.loads(line))
    finally:  # also when the server died in the middle of a line
        os._exit(0)


def _do(task: dict[str, Any], answers: TextIO) -> None:
    def say(**message: Any) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    try:
        module, _, function = task["work"].partition(":")
        work = getattr(importlib.import_module(module), function)
        say(outcome=work(task["spec"], Path(task["folder"]), lambda share: say(share=share)))
    except JobFailed as failure:
        say(failed=failure.message, hint=failure.hint)
    except Exception as problem:
        trouble = complaint(problem)
        say(**({"disk": trouble} if trouble else {"error": traceback.format_exc()}))
