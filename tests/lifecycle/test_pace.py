from fakepersonalize.lifecycle.pace import MINUTES, EvenPace, RealisticPace
from fakepersonalize.resources.kinds import KINDS
from fakepersonalize.resources.processes import PROCESSES


def test_an_even_pace_makes_each_step_last_the_same() -> None:
    assert EvenPace(0.1).seconds("campaign", "create") == (0.1, 0.1)
    assert EvenPace(0.0).seconds("dataset", "delete") == (0.0, 0.0)


def test_a_realistic_training_takes_forty_minutes_most_of_them_in_progress() -> None:
    assert RealisticPace().seconds("solution_version", "create") == (240.0, 2160.0)


def test_a_realistic_deletion_takes_a_minute_and_a_half_whatever_it_is() -> None:
    assert {sum(RealisticPace().seconds(kind, "delete")) for kind in KINDS} == {90.0}


def test_realistic_minutes_are_of_kinds_and_processes_that_there_are() -> None:
    assert {kind for kind, _ in MINUTES} <= KINDS.keys()
    assert {process for _, process in MINUTES} <= PROCESSES.keys()
    for name, kind in KINDS.items():
        assert kind.create is None or (name, kind.create.name) in MINUTES
