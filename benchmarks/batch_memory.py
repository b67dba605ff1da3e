"""How much memory a batch inference job of a million lines takes, above what the server holds with its input stored."""

from __future__ import annotations

import io
import subprocess
import threading
import time
from pathlib import Path

import batch
import interactions
import processes
from processes import client

LINES, MOST_BYTES = 1_000_000, 1e9


def run(lines: int = LINES) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def remembered(*args: object, **more: object) -> subprocess.Popen[bytes]:
        started.append(popen(*args, **more))  # type: ignore[call-overload]
        return started[-1]

    processes.subprocess.Popen = remembered  # type: ignore[misc,assignment,attr-defined]
    with processes.ours(FAKEPERSONALIZE_STEP_SECONDS="0") as url:
        group = interactions.dataset_group(url, batch.AMOUNT)
        version = interactions.trained(url, interactions.solution(url, group, batch.RECIPE))
        users = sorted({*interactions.columns(batch.AMOUNT)[0].tolist()})
        body = "".join(f'{{"userId": "{users[line % len(users)]}"}}\n' for line in range(lines)).encode()
        client("s3", url).upload_fileobj(io.BytesIO(body), "benchmark", "million")
        before, peak = _resident(started[0].pid), 0
        over = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not over.wait(0.02):
                peak = max(peak, _resident(started[0].pid))

        watching = threading.Thread(target=watch)
        watching.start()
        seconds = batch.job(url, {"solutionVersionArn": version}, "million")
        over.set()
        watching.join()
        written = client("s3", url).head_object(Bucket="benchmark", Key="out/million.out")["ContentLength"]
    print(f"\nbatch inference of {lines:,} lines: {seconds:.1f} s, {written / 1e6:.0f} MB written")
    print(f"  before {before / 1e6:.0f} MB, at its peak {(peak - before) / 1e6:.0f} MB more (server and worker)")
    print(f"  wanted: at most {MOST_BYTES / 1e9:g} GB more; {'met' if peak - before <= MOST_BYTES else 'NOT MET'}")


def _resident(pid: int) -> int:
    """Return the resident bytes of a process and its children (Linux)."""
    total = 0
    for each in [pid, *_children(pid)]:
        status = Path(f"/proc/{each}/status")
        if status.exists():
            lines = [line for line in status.read_text().splitlines() if line.startswith("VmRSS")]
            total += sum(int(line.split()[1]) * 1024 for line in lines)
    return total


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


if __name__ == "__main__":
    begun = time.perf_counter()
    run()
    print(f"  {time.perf_counter() - begun:.0f} s in all")
