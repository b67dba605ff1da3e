from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fakepersonalize.recipes.models.trending import Trending
from fakepersonalize.recipes.training import TrainingData
from fakepersonalize.recommend.candidates import Items
from fakepersonalize.recommend.loaded import Learnt, LoadedModel
from fakepersonalize.recommend.trends import Trends
from fakepersonalize.storage.streamed import Event

DAY = 86400
IDS = ["a", "b", "c"]
NOBODY = np.zeros(0, np.int64)


@pytest.fixture
def loaded() -> LoadedModel:
    """Of three items, a was met on the first of a hundred days, c on the last."""
    data = TrainingData.from_columns(np.arange(3), np.arange(3), np.array([0, 50, 100]) * DAY, 3, 3)
    model = Trending.fit(data, {}, 0, 1, lambda share: None)
    codes = {id_: code for code, id_ in enumerate(IDS)}
    return LoadedModel(model, IDS, codes, {}, np.zeros(1, np.int64), NOBODY, NOBODY, Learnt(10))


def catalogue(*new: str) -> Items:
    return Items([*IDS, *new], None, None, "INTERACTIONS")


def event(number: int, user: str, item: str, day: float) -> Event:
    return Event(1, user, "s", None, item, int(day * DAY), "watch", "{}", number)


def trending(loaded: LoadedModel) -> Trending:
    assert isinstance(loaded.model, Trending)
    return loaded.model


def test_new_visits_heat_items_and_old_ones_cool_down(loaded: LoadedModel) -> None:
    trends, items = Trends(loaded, 0, float), catalogue("new")
    log = [event(11, "u", "a", 102), event(12, "v", "new", 100), event(9, "w", "b", 102)]
    found = trends.model(items, log)
    assert found.half_life == 2 * DAY
    assert_allclose(found.recent, [1 + 0.5**51, 0.5**26, 0.5, 0.5])  # b: the training knew that event
    assert_allclose(found.standing, [100 / 3] * 3 + [0])


def test_looking_bit_by_bit_comes_to_the_same_and_can_be_taken_back(loaded: LoadedModel) -> None:
    items, log = catalogue("new"), list[Event]()
    trends, states = Trends(loaded, 0, float), []
    visits = [("u", "a", 101), ("u", "a", 103), ("u", "a", 99), ("v", "new", 104), ("v", "c", 104)]
    for number, (user, item, day) in enumerate(visits, 11):
        log.append(event(number, user, item, day))
        states.append(trends.model(items, log).recent)
        assert_allclose(states[-1], Trends(loaded, 0, float).model(items, log).recent, atol=1e-12)
    for number, state in enumerate(states, 11):
        assert_allclose(trends.model(items, log, until=number).recent, state, atol=1e-12)
    assert trends.model(items, log) is trends.model(items, log)


def test_between_two_looks_nothing_changes_but_codes(loaded: LoadedModel) -> None:
    time, log = [0.0], [event(11, "u", "a", 100)]
    trends = Trends(loaded, None, lambda: time[0])
    assert trending(loaded).interval == 3 * 3600
    before = trends.model(catalogue(), log).heat
    log.append(event(12, "v", "b", 100))
    time[0] = 3 * 3600 - 1
    assert_allclose(trends.model(catalogue("x", "y"), log).heat, [*before, 0, 0])
    time[0] += 1
    assert trends.model(catalogue("x", "y"), log).heat[1] > before[1] + 0.9


def test_an_answer_of_before_a_look_can_be_worked_out_again(loaded: LoadedModel) -> None:
    """Events that were there already, but were looked at later, do not count."""
    time, items, log = [0.0], catalogue(), [event(11, "u", "a", 100)]
    trends = Trends(loaded, None, lambda: time[0])
    before = trends.model(items, log).heat
    log.append(event(12, "v", "b", 100))
    time[0] = 3 * 3600
    after = trends.model(items, log).heat
    assert after[1] > before[1] + 0.9
    for at, heat in ((1, before), (3 * 3600 - 1, before), (3 * 3600, after), (time[0] + 1, after)):
        assert_allclose(trends.model(items, log, until=12, at=at).heat, heat)


def test_the_first_event_of_all_waits_for_the_next_look(loaded: LoadedModel) -> None:
    time, items = [0.0], catalogue()
    trends = Trends(loaded, None, lambda: time[0])
    before, log = trends.model(items, ()).heat, [event(11, "u", "a", 100)]
    assert_allclose(trends.model(items, log).heat, before)
    time[0] = 3 * 3600
    assert trends.model(items, log).heat[0] > before[0] + 0.9
    assert_allclose(trends.model(items, log, until=11, at=1).heat, before)


def test_another_log_starts_again(loaded: LoadedModel) -> None:
    trends, items = Trends(loaded, 0, float), catalogue()
    assert trends.model(items, [event(11, "u", "a", 100)]).recent[0] > 0.9
    assert_allclose(trends.model(items, []).recent, trending(loaded).recent)


def test_items_that_nobody_met_are_never_listed(loaded: LoadedModel) -> None:
    found = Trends(loaded, 0, float).model(catalogue("unmet"), [])
    assert sorted(found.order.tolist()) == [0, 1, 2]
