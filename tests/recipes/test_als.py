from __future__ import annotations

import threading

import numpy as np

from fakepersonalize.recipes.models.als import item_factors


def test_fitting_leaves_no_thread_behind(films):
    before = set(threading.enumerate())
    item_factors(films, 8, 0, 1, lambda share: None)
    assert set(threading.enumerate()) <= before


def test_factors_so_far_save_most_iterations(films):
    seen: list[float] = []
    part = item_factors(films.only(np.arange(180)), 8, 0, 1, lambda share: None)
    further = item_factors(films, 8, 0, 1, seen.append, part)
    anew = item_factors(films, 8, 0, 1, lambda share: None)
    assert len(seen) == 3
    liked, same, before = ((factors @ factors.T).ravel() for factors in (anew, further, part))
    assert np.corrcoef(liked, same)[0, 1] > 0.97
    assert np.corrcoef(liked, same)[0, 1] > np.corrcoef(liked, before)[0, 1]
