from __future__ import annotations

import numpy as np
from numpy.testing import assert_array_equal

from fakepersonalize.recipes import noise

KEYS = noise.keys(f"i{number}" for number in range(20_000))


def test_the_same_question_has_the_same_noise():
    assert_array_equal(noise.uniform(noise.key("u", 1), KEYS), noise.uniform(noise.key("u", 1), KEYS))
    few = noise.uniform(noise.key("u", 1), KEYS[: noise.FEW])
    assert_array_equal(few, noise.uniform(noise.key("u", 1), KEYS)[: noise.FEW])


def test_another_asker_has_other_noise():
    first, second = (noise.uniform(noise.key(user, 1), KEYS) for user in ("u1", "u2"))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
    assert len({noise.key("u1", 1), noise.key("u1", 2), noise.key("u", "11"), noise.key("u1", 1, "")}) == 4


def test_noise_is_spread_evenly_and_never_reaches_its_ends():
    drawn = noise.uniform(noise.key("u"), KEYS)
    assert 0 < drawn.min() <= drawn.max() < 1
    assert np.histogram(drawn, 10, (0, 1))[0].min() > 1_800
    ends = noise.uniform(0, np.array([0, 2**64 - 1], np.uint64))
    assert ((ends > 0) & (ends < 1)).all()


def test_any_text_has_a_key():
    assert 0 <= noise.key("\ud800", "", 5) < 2**64
