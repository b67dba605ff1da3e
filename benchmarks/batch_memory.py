"""How much memory a batch inference job of a million lines takes, above what the server holds with its input stored."""

from __future__ import annotations

import io
import threading
import time
from contextlib import suppress
from pathlib import Path

import batch
import interactions
import processes
from processes import client

LINES, MOST_BYTES = 1_000_000, 1e9


def run(lines: int = LINES) -> None:
    with processes.ours(FAKEPERSONALIZE_STEP_SECONDS="0") as url:
        group = interactions.dataset_group(url, batch.AMOUNT)
        version = interactions.trained(url, interactions.solution(url, group, batch.RECIPE))
        users = sorted({*interactions.columns(batch.AMOUNT)[0].tolist()})
        body = "".join(f'{{"userId": "{users[line % len(users)]}"}}\n' for line in range(lines)).encode()
        client("s3", url).upload_fileobj(io.BytesIO(body), "benchmark", "million")
        before, peak = resident(processes.started[-1].pid), 0
        over = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not over.wait(0.02):
                peak = max(peak, resident(processes.started[-1].pid))

        watching = threading.Thread(target=watch)
        watching.start()
        seconds = batch.job(url, {"solutionVersionArn": version}, "million")
        over.set()
        watching.join()
        written = client("s3", url).head_object(Bucket="benchmark", Key="out/million.out")["ContentLength"]
    print(f"\nbatch inference of {lines:,} lines: {seconds:.1f} s, {written / 1e6:.0f} MB written")
    print(f"  before {before / 1e6:.0f} MB, at its peak {(peak - before) / 1e6:.0f} MB more (server and worker)")
    print(f"  wanted: at most {MOST_BYTES / 1e9:g} GB more; {'met' if peak - before <= MOST_BYTES else 'NOT MET'}")


def resident(pid: int) -> int:
    """Return the resident bytes of a process and its children (Linux)."""
    total = 0
    for each in [pid, *_children(pid)]:
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            lines = Path(f"/proc/{each}/status").read_text().splitlines()
            total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))
    return total


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


if __name__ == "__main__":
    begun = time.perf_counter()
    run()
    print(f"  {time.perf_counter() - begun:.0f} s in all")
