from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakepersonalize.lint import batches
from fakepersonalize.lint.findings import Finding

GOOD = {
    "aws-user-personalization": '{"userId": "1", "context": {"a": "b"}}',
    "aws-sims": '{"itemId": "1", "filterValues": {"a": "b"}}',
    "aws-personalized-ranking": '{"userId": "1", "itemList": ["2"]}',
    "aws-item-affinity": '{"itemId": "1"}',
    "aws-item-attribute-affinity": '{"itemAttributes": "ITEMS.genres = \\"a\\" AND ITEMS.year = 1999"}',
}


@pytest.fixture
def found(tmp_path: Path) -> Any:
    def check(*lines: str | bytes, recipe: str = "aws-user-personalization") -> list[Finding]:
        file, known = tmp_path / "in.json", batches.recipe_of(recipe)
        file.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines))
        assert known is not None
        return list(batches.check([file], known))

    return check


@pytest.mark.parametrize("recipe", GOOD)
def test_each_recipe_has_lines_of_its_own(found: Any, recipe: str) -> None:
    assert found(GOOD[recipe], "", GOOD[recipe], recipe=recipe) == []
    (finding,) = found(GOOD[recipe], '{"other": "1"}', recipe=recipe)
    assert (finding.rule, finding.line) == ("missing-fields", 2)
    assert finding.text.startswith("Required fields for the provided recipe are ")
    assert finding.fix.startswith(f"lines for {recipe} look like")


@pytest.mark.parametrize("recipe", GOOD)
def test_the_examples_in_fixes_are_good_lines(found: Any, recipe: str) -> None:
    (finding,) = found("{}", recipe=recipe)
    assert found(finding.fix.partition(" look like ")[2], recipe=recipe) == []


def test_all_lines_are_looked_at(found: Any) -> None:
    lines = ["{'userId': '1'}", '{"userId": 1}', '{"userId": "1"}', "[]", '{"userId": "1", "filterValues": {"a": 1}}']
    assert [(each.line, each.rule) for each in found(*lines)] == [(1, "line"), (2, "line"), (4, "line"), (5, "line")]


@pytest.mark.parametrize("condition", ["ITEMS.a IN (1)", "USERS.a = 1", "ITEMS.a = 1 OR ITEMS.b = 2", "nonsense"])
def test_attributes_are_read(found: Any, condition: str) -> None:
    (finding,) = found(f'{{"itemAttributes": "{condition}"}}', recipe="aws-item-attribute-affinity")
    assert "joined by AND" in finding.fix


def test_files_have_limits(found: Any) -> None:
    assert found(*[GOOD["aws-item-affinity"]] * 500, recipe="aws-item-affinity") == []
    (finding,) = found(*[GOOD["aws-item-affinity"]] * 501, recipe="aws-item-affinity")
    assert (finding.rule, finding.line) == ("too-much", None)
    assert "500 lines" in finding.text


def test_a_huge_line_is_not_read_whole(found: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "LARGEST_LINE_BYTES", 1000)
    good = GOOD["aws-user-personalization"]
    assert [each.line for each in found(good, "x" * 10_000, good, "[]")] == [2, 4]


@pytest.mark.parametrize("name", ["aws-trending-now", "aws-next-best-action", "nothing"])
def test_not_every_recipe_takes_part(name: str) -> None:
    assert batches.recipe_of(name) is None
    assert batches.recipe_of("arn:aws:personalize:::recipe/aws-sims") is not None
