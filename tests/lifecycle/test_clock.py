import time

import pytest

from fakepersonalize.lifecycle.clock import ManualClock, ScaledClock, SteadyClock, WallClock


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the operating system says, changed by the test."""
    said = [1000.0]
    monkeypatch.setattr(time, "time", lambda: said[0])
    return said


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the monotonic clock says, changed by the test."""
    said = [50.0]
    monkeypatch.setattr(time, "monotonic", lambda: said[0])
    return said


@pytest.mark.parametrize("factor", [1.0, 60.0])
def test_a_system_clock_that_is_set_back_makes_nobody_wait_longer(
    factor: float, wall: list[float], monotonic: list[float]
) -> None:
    clock = SteadyClock() if factor == 1.0 else ScaledClock(factor)
    due = clock.now() + 10 * factor
    for seconds in (4.0, 3.0):  # a day back, and another one
        wall[0] += seconds - 86_400
        monotonic[0] += seconds
    assert clock.now() == due - 3 * factor
    assert clock.seconds_until(due) == 3.0
    wall[0] += 3.0
    monotonic[0] += 3.0
    assert clock.now() == due
    assert clock.seconds_until(due) == 0.0


def test_a_system_clock_that_is_set_forward_is_followed(wall: list[float], monotonic: list[float]) -> None:
    clock = SteadyClock()
    assert clock.now() == 1000.0
    wall[0] += 3600.0  # the machine slept
    assert clock.now() == 4600.0


def test_the_wall_clock_says_what_the_operating_system_says_in_milliseconds(
    wall: list[float], monotonic: list[float]
) -> None:
    wall[0] = 1542392161.83749
    assert WallClock().now() == 1542392161.837


def test_the_wall_clock_counts_down_to_a_time_and_stays_at_nothing_after_it(
    wall: list[float], monotonic: list[float]
) -> None:
    clock = WallClock()
    assert clock.seconds_until(1002.5) == 2.5
    wall[0] = 1003.0
    assert clock.seconds_until(1002.5) == 0.0


def test_a_scaled_clock_starts_with_the_wall_clock_and_runs_faster(wall: list[float], monotonic: list[float]) -> None:
    clock = ScaledClock(60.0)
    assert clock.now() == 1000.0
    wall[0] += 1.5
    assert clock.now() == 1090.0
    assert clock.seconds_until(1090.0 + 120.0) == 2.0
    assert clock.seconds_until(1000.0) == 0.0


def test_a_scaled_clock_goes_on_where_an_earlier_one_stopped(wall: list[float], monotonic: list[float]) -> None:
    clock = ScaledClock(60.0, since=5000.0)
    assert clock.now() == 5000.0
    wall[0] += 1.0
    assert clock.now() == 5060.0
    assert ScaledClock(60.0, since=5.0).now() == wall[0]


def test_a_manual_clock_stands_still(wall: list[float]) -> None:
    clock = ManualClock()
    wall[0] += 100.0
    assert clock.now() == 1000.0
    assert ManualClock(since=5000.0).now() == 5000.0
    assert ManualClock(0.0).now() == 0.0


def test_a_manual_clock_never_moves_back() -> None:
    clock = ManualClock(100.0)
    clock.move_to(100.5)
    clock.move_to(50.0)
    assert clock.now() == 100.5


def test_a_manual_clock_has_nothing_to_wait_for_once_a_time_has_come() -> None:
    clock = ManualClock(100.0)
    assert clock.seconds_until(100.0) == 0.0
    assert clock.seconds_until(100.1) > 1000
