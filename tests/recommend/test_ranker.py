"""How a user's scores are made of what the model says and of what is tried out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fakepersonalize.recipes import noise
from fakepersonalize.recipes.exploration import Newcomers
from fakepersonalize.recipes.models.blend import Blend
from fakepersonalize.recipes.selection import softmax
from fakepersonalize.recommend import ranker
from fakepersonalize.recommend.ranker import EXPLORED, POPULAR, UserScores

OWN, ALL = 45, 50  # items of the model, and with those that came later
NEW = Newcomers(np.arange(40, ALL), np.ones(10), noise.keys(map(str, range(40, ALL))))


class Model(Blend):
    """A blend of which only the temperature and the popularity are asked."""

    def __init__(self) -> None:
        object.__setattr__(self, "temperature", 0.5)
        object.__setattr__(self, "popularity", np.arange(OWN))


def scores(shares: np.ndarray, reasons: bool = False) -> UserScores:
    wanted = np.random.default_rng(1).random((len(shares), OWN))
    return UserScores.of(Model(), wanted, NEW, shares, ALL, reasons)


def test_without_shares_the_scores_are_the_relevance() -> None:
    found = scores(np.zeros((2, 10)))
    assert_allclose(found.scores[:, :OWN], softmax(found.wanted, 0.5))
    assert_array_equal(found.scores[:, OWN:], 0)


def test_scores_sum_to_one_and_old_items_keep_their_proportions() -> None:
    shares = np.random.default_rng(2).random((3, 10)) / 50
    found = scores(shares)
    relevance, left = found.relevance(), 1 - shares.sum(axis=1, keepdims=True)
    assert_allclose(found.scores.sum(axis=1), 1)
    assert_allclose(found.scores[:, :40], relevance[:, :40] * left)
    assert_allclose(found.scores[:, 40:OWN], relevance[:, 40:] * left + shares[:, :5])
    assert_allclose(found.scores[:, OWN:], shares[:, 5:])


@pytest.mark.parametrize("reasons", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_users_together_get_the_lists_that_each_gets_alone(
    reasons: bool, masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranker, "SCORED", 12)
    shares = np.random.default_rng(3).random((6, 10)) / 50
    shares[2] = 0
    allowed = np.random.default_rng(4).random((6, ALL)) < 0.4 if masked else None
    together: Any = scores(shares, reasons)
    lists = together.pick(allowed, 25)
    for user in range(6):
        alone = UserScores.of(Model(), together.wanted[[user]], NEW, shares[[user]], ALL, reasons)
        one = alone.pick(None if allowed is None else allowed[user], 25).row(0)
        many = lists.row(user)
        assert_array_equal(one.items, many.items)
        assert_allclose(one.scores, many.scores)
        assert one.reasons == many.reasons
    told = set(lists.reasons.values())
    assert told == ({EXPLORED, POPULAR} if reasons else set())
