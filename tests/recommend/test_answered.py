"""Answers are remembered in bounded memory."""

import json
from typing import Any

import pytest

from fakepersonalize.recipes import catalogue
from fakepersonalize.recommend.answer import Endpoint
from fakepersonalize.recommend.answered import OVERHEAD_BYTES, Answers


def endpoint(account: str = "123456789012") -> Endpoint:
    recipe = catalogue.recipe("aws-sims")
    assert recipe is not None
    arn = f"arn:aws:personalize:us-east-1:{account}:campaign/films"
    return Endpoint(arn, 1, recipe, {}, f"arn:aws:personalize:us-east-1:{account}:dataset-group/films")


def keep(answers: Answers, id_: str, asked: dict[str, Any] | None = None, account: str = "123456789012") -> None:
    request = json.dumps(asked or {"userId": "u1"}).encode()
    answers.keep(id_, endpoint(account), "GetRecommendations", request, ("i1", "i2"), 7, 1.5)


def test_an_answer_is_found_by_its_id_with_all_that_was_asked() -> None:
    answers = Answers(10)
    asked = {"userId": "\ud800 ü", "context": {"DEVICE": "tv"}}
    keep(answers, "RID-1", asked)
    found = answers.find("RID-1")
    assert found is not None
    assert found.asked() == asked
    answers.keep("RID-3", endpoint(), "GetRecommendations", b' {"userId": "u1", "filterArn": null}', (), 7, 1.5)
    without = answers.find("RID-3")
    assert without is not None
    assert without.asked() == {"userId": "u1"}
    assert (found.items, found.mark, found.time, found.operation) == (("i1", "i2"), 7, 1.5, "GetRecommendations")
    assert answers.find("RID-2") is None


def test_the_oldest_answers_go_first() -> None:
    answers = Answers(3)
    for number in range(5):
        keep(answers, f"RID-{number}")
    assert [answers.find(f"RID-{number}") is not None for number in range(5)] == [False, False, True, True, True]


@pytest.mark.parametrize("most", [0, 1])
def test_as_many_are_kept_as_the_setting_says(most: int) -> None:
    answers = Answers(most)
    keep(answers, "RID-1")
    assert (answers.find("RID-1") is not None) == bool(most)


def test_large_answers_do_not_take_more_memory_than_there_is_for_all() -> None:
    answers = Answers(100, most_bytes=5 * OVERHEAD_BYTES)
    for number in range(3):
        keep(answers, f"RID-{number}")
    assert answers.find("RID-0") is not None
    keep(answers, "RID-3", {"userId": "u" * 3 * OVERHEAD_BYTES})
    assert [answers.find(f"RID-{number}") is not None for number in range(4)] == [False, False, False, True]
    keep(answers, "RID-4", {"userId": "u" * 9 * OVERHEAD_BYTES})
    assert answers.find("RID-4") is None
    keep(answers, "RID-5")
    assert answers.find("RID-5") is not None


def test_an_account_is_forgotten_alone() -> None:
    answers = Answers(10)
    keep(answers, "RID-1", account="111111111111")
    keep(answers, "RID-2", account="222222222222")
    answers.clear("111111111111")
    assert answers.find("RID-1") is None
    assert answers.find("RID-2") is not None
    answers.clear()
    assert answers.find("RID-2") is None
