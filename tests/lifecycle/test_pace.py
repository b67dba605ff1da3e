import re

import pytest

from fakepersonalize.lifecycle.pace import MINUTES, EvenPace, RealisticPace, RuledPace, UnusableRule, rules
from fakepersonalize.resources.kinds import KINDS
from fakepersonalize.resources.processes import PROCESSES


def test_an_even_pace_makes_each_step_last_the_same() -> None:
    assert EvenPace(0.1).seconds("campaign", "create") == (0.1, 0.1)
    assert EvenPace(0.0).seconds("dataset", "delete") == (0.0, 0.0)


def test_a_realistic_training_takes_forty_minutes_most_of_them_in_progress() -> None:
    assert RealisticPace().seconds("solution_version", "create") == (240.0, 2160.0)


def test_a_realistic_deletion_takes_a_minute_and_a_half_whatever_it_is() -> None:
    assert {sum(RealisticPace().seconds(kind, "delete")) for kind in KINDS} == {90.0}
    assert sum(RealisticPace().seconds("data_deletion_job", "delete-data")) == 90.0


def test_realistic_minutes_are_of_kinds_and_processes_that_there_are() -> None:
    assert {kind for kind, _ in MINUTES} <= KINDS.keys()
    assert {process for _, process in MINUTES} <= PROCESSES.keys()
    for name, kind in KINDS.items():
        assert kind.create is None or (name, kind.create.name) in MINUTES


SIZES = (0, 10_000, 600_000, 800_000, 10**9)


def test_a_realistic_training_lasts_longer_with_its_interactions_up_to_two_hours() -> None:
    minutes = [sum(RealisticPace().seconds("solution_version", "create", size)) / 60 for size in SIZES]
    assert minutes == [40, 41, 100, 120, 120]
    assert sum(RealisticPace().seconds("campaign", "create", 10**9)) / 60 == 8


@pytest.mark.parametrize(
    ("kind", "minutes"),
    [
        ("dataset_group", 1),
        ("dataset", 0.5),
        ("dataset_import_job", 10),
        ("dataset_export_job", 10),
        ("solution_version", 40),
        ("campaign", 8),
        ("recommender", 50),
        ("filter", 2),
        ("event_tracker", 1),
        ("batch_inference_job", 20),
        ("batch_segment_job", 20),
    ],
)
def test_a_realistic_creation_lasts_about_as_long_as_in_the_service(kind: str, minutes: float) -> None:
    assert sum(RealisticPace().seconds(kind, "create")) == 60 * minutes


def test_rules_decide_for_their_kinds_and_the_profile_for_the_others() -> None:
    pace = RuledPace(rules(["campaign=immediate", "dataset=time:2.5", "filter=manual:3", "schema=manual"]), EvenPace(7))
    assert pace.seconds("campaign", "create") == (0, 0)
    assert pace.seconds("dataset", "delete") == (2.5, 2.5)
    assert (pace.seconds("filter", "create"), pace.times("filter"), pace.times("schema")) == ((0, 0), 3, 1)
    assert (pace.seconds("solution_version", "create", 5), pace.times("solution_version")) == ((7, 7), 0)


UNREADABLE = """
campaign campaign= campaign=soon campaign=time campaign=time:x campaign=time:-1 campaign=time:inf campaign=time:nan
campaign=manual:0 campaign=manual:1.5 campaign=immediate:1 films=immediate Campaign=immediate =immediate
"""


@pytest.mark.parametrize("text", ["", *UNREADABLE.split()])
def test_a_rule_that_cannot_be_read_is_refused_by_its_text(text: str) -> None:
    with pytest.raises(UnusableRule, match=re.escape(repr(text))):
        rules([text])
