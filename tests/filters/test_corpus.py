from __future__ import annotations

import pytest

from fakepersonalize.errors import InvalidInputException
from fakepersonalize.filters.evaluate import compile_filter


def test_accepted_expression_keeps_what_was_worked_out_by_hand(world, valid):
    assert world.kept(valid["expression"], valid.get("values")) == valid["kept"]


def test_refused_expression_is_answered_with_its_sentence_and_its_place(world, invalid):
    with pytest.raises(InvalidInputException) as caught:
        compile_filter(invalid["expression"], world.fields)

    assert caught.value.message.startswith(invalid["message"])
    if "under" in invalid:
        _, line, caret = caught.value.hint.split("\n")
        assert line[caret.index("^") :].startswith(invalid["under"])
