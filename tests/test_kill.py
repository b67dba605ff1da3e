"""A server is killed again and again, over all kinds of work: a tenth of `benchmarks/hardening/kills.py`.

FAKEPERSONALIZE_KILLS sets how often each kind is struck (7 by default), FAKEPERSONALIZE_KILL_SEED when.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from accounts import PATIENCE_SECONDS
from killing import Toll, Work, kill
from killing.works import WORKS
from lives import Life

EACH = int(os.environ.get("FAKEPERSONALIZE_KILLS", "7"))
SEED = int(os.environ.get("FAKEPERSONALIZE_KILL_SEED", "2"))


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.__name__.lower())
def test_nothing_acknowledged_is_lost_and_nothing_is_half_there(work: Callable[[Path], Work], tmp_path: Path) -> None:
    kill(tmp_path, work(tmp_path), EACH, SEED, Toll())


def test_a_second_server_on_a_folder_ends_with_one_sentence_that_names_the_first(tmp_path: Path) -> None:
    with closing(Life(tmp_path, 1)) as first, closing(Life(tmp_path, 2, listen=False)) as second:
        assert second.process.wait(PATIENCE_SECONDS) == 1
        (said,) = second.log.read_text("utf-8").splitlines()
        assert f"pid {first.process.pid}" in said
        assert first.process.poll() is None


def test_a_folder_of_a_killed_server_can_be_taken(tmp_path: Path) -> None:
    for number in range(2):
        with closing(Life(tmp_path, number)) as server:
            server.kill()
