from __future__ import annotations

import numpy as np
import pytest

from fakepersonalize.recipes.training import TrainingData


def histories(sequences: list[list[int]], n_items: int) -> TrainingData:
    """Return training data in which user u did `sequences[u]`, one interaction a second."""
    users = np.repeat(np.arange(len(sequences)), [len(sequence) for sequence in sequences])
    items = np.array([item for sequence in sequences for item in sequence], np.int64)
    return TrainingData.from_columns(users, items, np.arange(len(items)), len(sequences), n_items)


@pytest.fixture(scope="session")
def films() -> TrainingData:
    """Two hundred viewers who walk through 120 films in the order of their codes, with leaps, and see none twice."""
    random = np.random.default_rng(1)
    walks = []
    for _ in range(200):
        start, length = random.integers(120), random.integers(10, 40)
        steps = start + np.cumsum(random.choice([1, 1, 1, 2, 3, 17], length))
        walks.append(list(dict.fromkeys((steps % 120).tolist())))
    return histories(walks, 120)


@pytest.fixture(scope="session")
def groceries() -> TrainingData:
    """Two hundred households who buy five staples of their own again and again, and now and then something else."""
    random = np.random.default_rng(2)
    baskets = []
    for _ in range(200):
        staples = random.choice(80, 5, replace=False)
        other = random.integers(0, 80, 30)
        baskets.append(np.where(random.random(30) < 0.8, random.choice(staples, 30), other).tolist())
    return histories(baskets, 80)
