from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fakepersonalize.recipes import exploration, noise
from fakepersonalize.recipes.catalogue import Exploration
from fakepersonalize.recipes.exploration import Knowledge, Newcomers
from fakepersonalize.recipes.models.cold_start import DAY, UNKNOWN

N = 50


def tried_out(new: Newcomers, setting: Exploration, asker: int, met: Sequence[int] = ()) -> np.ndarray:
    """Return the shares for one user."""
    return exploration.shares(
        new, setting, np.array([asker], np.uint64), (np.zeros(len(met), int), np.array(met, int))
    )[0]


@pytest.fixture
def new() -> Newcomers:
    """Items 40 to 49 of 50, the last of which have been met."""
    codes = np.arange(40, N)
    return Newcomers(codes, np.array([1.0] * 6 + [0.5, 0.1, 0.1, 0.02]), noise.keys(map(str, codes)))


def test_items_are_new_until_the_cut_off_counted_back_from_the_latest_interaction():
    came = np.array([0, 69, 70, 100, UNKNOWN]) * np.array([DAY, DAY, DAY, DAY, 1])
    known = Knowledge(came, np.array([9, 9, 1, 0, 0]), np.array([0, 0, 2, 3, 0]), 100 * DAY)
    found = exploration.newcomers(known, 30.0, noise.keys("abcde"))
    assert_array_equal(found.codes, [2, 3, 4])
    assert_allclose(found.bonus, [1 / 4, 1 / 4, 1])
    assert_array_equal(found.keys, noise.keys("cde"))
    assert_array_equal(exploration.newcomers(known, 0.5, noise.keys("abcde")).codes, [3, 4])


def test_nothing_is_tried_out_at_weight_0(new):
    assert_array_equal(tried_out(new, Exploration(0.0, 30.0), 5), np.zeros(10))


def test_shares_grow_with_the_weight_and_stay_bounded(new):
    sums = [tried_out(new, Exploration(weight, 30.0), 5).sum() for weight in (0.1, 0.3, 1.0)]
    assert sums[0] < sums[1] < sums[2] < exploration.MOST


def test_another_user_gets_other_items_and_the_same_user_the_same(new):
    first, again, other = (tried_out(new, Exploration(0.3, 30.0), asker) for asker in (5, 5, 6))
    assert_array_equal(first, again)
    assert_allclose(first.sum(), other.sum())
    assert np.abs(first - other).max() > 0.001
    firsts = [tried_out(new, Exploration(0.3, 30.0), asker).argmax() for asker in range(300)]
    assert np.bincount(firsts, minlength=10)[:6].min() > 20
    assert np.bincount(firsts, minlength=10)[9] < 20


def test_what_was_met_and_passed_over_has_a_smaller_share(new):
    shares = np.mean([tried_out(new, Exploration(0.3, 30.0), asker) for asker in range(2000)], axis=0)
    assert shares[:6].min() > shares[6] > shares[7:9].max() > shares[9] > 0


def test_what_the_user_has_met_is_not_tried_out(new):
    shares = tried_out(new, Exploration(0.3, 30.0), 5, [3, 41, 49, 41])
    assert shares[1] == shares[9] == 0
    assert (np.delete(shares, [1, 9]) > 0).all()
    assert not tried_out(new, Exploration(0.3, 30.0), 5, range(N)).any()


def test_where_nobody_configures_it_few_users_have_something_tried_out(new):
    setting = Exploration(0.3, 30.0, 0.025)
    tried = [tried_out(new, setting, noise.key(user)).any() for user in range(4000)]
    assert 60 < sum(tried) < 140


def test_users_together_have_the_shares_that_each_has_alone(new):
    for setting in (Exploration(0.3, 30.0), Exploration(0.3, 30.0, 0.5)):
        met = [[41], [], [3, 49, 41], [*range(N)]]
        pairs = [(user, item) for user, own in enumerate(met) for item in own]
        found = exploration.shares(new, setting, noise.keys("abcd"), tuple(np.array(column) for column in zip(*pairs)))
        assert_array_equal(found, [tried_out(new, setting, noise.key(user), own) for user, own in zip("abcd", met)])
