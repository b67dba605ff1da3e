"""kill -9 over imports, trainings, batch and export jobs, objects, events and snapshot loads.

    python benchmarks/hardening/kills.py --kills 500 --seed 1

A server is killed again and again on one data folder, each kind of work an equal number of times; the next life must
hold all that was acknowledged, and nothing that is half there. How long each start after a kill takes is measured from
the command to the first answered health request. Exits with 1 when something was lost or is half there, or when a start
took longer than 1.5 s; `--no-times` prints the times, but does not judge them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "client_tests"))
from killing import Toll, kill
from killing.works import KINDS, WORKS

MOST_SECONDS = 1.5


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=500, help="of all kinds together, rounded up")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--no-times", action="store_true")
    given = options.parse_args()
    each = -(-given.kills // len(KINDS))
    tolls, failed = [], 0
    for work in WORKS:
        toll = Toll()
        tolls.append(toll)
        with tempfile.TemporaryDirectory() as folder:
            try:
                kill(Path(folder), work(Path(folder)), each, given.seed, toll)
            except Exception:  # whatever it is, the other kinds have their turn
                failed += 1
                traceback.print_exc(file=sys.stdout)
        slowest = max(toll.start_seconds, default=0.0)
        print(f"{work.__name__}: {dict(toll.struck)}, longest start {slowest:.2f} s", flush=True)
    struck = sum((toll.struck for toll in tolls), Counter())
    starts = sorted(seconds for toll in tolls for seconds in toll.start_seconds)
    slow = sum(seconds > MOST_SECONDS for seconds in starts)
    print(f"{struck.total()} kills, {failed} kinds of work that lost something or left it half there")
    print(
        f"{len(starts)} starts after a kill: median {statistics.median(starts):.2f} s, longest {starts[-1]:.2f} s, "
        f"{slow} over {MOST_SECONDS} s"
    )
    return 1 if failed or (slow and not given.no_times) else 0


if __name__ == "__main__":
    raise SystemExit(main())
