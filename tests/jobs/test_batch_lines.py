"""Lines of batch jobs: numbers as Java writes them, and what ends a line."""

from __future__ import annotations

import io
import json

import pytest

from fakepersonalize.jobs.batch_lines import ItemLines, Line, UserLines, compact, lines, number, read, spaced

SEEN = {
    0.8449224: "0.8449224",
    0.0186943: "0.0186943",
    0.008885: "0.008885",
    3.773e-4: "3.773E-4",
    7.17e-5: "7.17E-5",
    3.1e-5: "3.1E-5",
}


@pytest.mark.parametrize(("score", "text"), SEEN.items())
def test_scores_are_written_as_they_were_seen(score: float, text: str) -> None:
    assert number(score) == text


@pytest.mark.parametrize(
    ("score", "text"), [(0, "0.0"), (1, "1.0"), (1e-3, "0.001"), (9.99e-4, "9.99E-4"), (1e-7, "1.0E-7"), (4e-8, "0.0")]
)
def test_scores_have_a_point_and_seven_decimals_at_most(score: float, text: str) -> None:
    assert number(score) == text


def test_every_score_is_read_back_as_it_was_rounded() -> None:
    for units in [*range(12_000), *range(12_000, 10_000_000, 9973)]:
        assert float(number(units / 1e7)) == pytest.approx(units / 1e7, rel=1e-12)
        assert json.loads(number(-units / 1e7)) == pytest.approx(-units / 1e7, rel=1e-12)


def test_only_line_feeds_end_lines() -> None:
    text = '\ufeff{"userId":"a\u2028b\x85c"}\r\n\n \t\n{"userId":"d"}'.encode()
    found = [read(raw, ["userId"], compact) for raw in lines(io.BytesIO(text))]
    assert [line["userId"] for line in found] == ["a\u2028b\x85c", "d"]


def test_ids_with_anything_in_them_come_back() -> None:
    ids = ["a\nb", 'say "hi"', "back\\slash", "購入", "\u2028", "😀", "'", "\x00", "{}"]
    for write, writer in ((compact, ItemLines(ids, scores=False)), (spaced, UserLines(ids))):
        for id_ in ids:
            line = read(json.dumps({"userId": id_}).encode(), ["userId"], write)
            answer = writer.answer(line, range(len(ids)))
            assert answer.endswith(b"\n")
            assert answer.count(b"\n") == 1
            found = json.loads(answer)
            assert found["input"] == {"userId": id_}
            assert list(found["output"].values()) == [ids]


def test_what_is_no_json_comes_back_as_text() -> None:
    for raw in (b"{", b'{"userId": 1e999}', b"\xff", b"[" * 100_000, b'{"userId":"\\ud800"}', b"9" * 5000):
        line = read(raw, ["userId"], compact)
        assert line.asked == raw.decode("utf-8", "replace")
        assert line.problem is not None
        assert len(line.problem) < 500
        assert json.loads(ItemLines([], scores=True).refusal(line))["input"] == line.asked


def test_a_line_without_an_end_and_a_very_long_one_are_lines() -> None:
    long = b'{"userId":"' + b"x" * (17 << 20) + b'"}'
    found = list(lines(io.BytesIO(long + b'\n{"userId":"a"}')))
    assert len(found) == 2
    assert read(found[0], ["userId"], compact).problem
    assert read(found[1], ["userId"], compact).asked == {"userId": "a"}


def test_unknown_items_of_a_ranking_are_last_with_score_zero() -> None:
    line = Line({"userId": "u"}, '{"userId":"u"}')
    answer = json.loads(ItemLines(["a", "b"], scores=True).answer(line, [1, 0], [0.75, 0.25], ["new"]))
    assert answer["output"] == {"recommendedItems": ["b", "a", "new"], "scores": [0.75, 0.25, 0.0]}
