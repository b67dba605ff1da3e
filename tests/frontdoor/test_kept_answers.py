import threading

import pytest

from fakepersonalize.arns import Scope
from fakepersonalize.frontdoor.kept_answers import MOST_ANSWERS, KeptAnswers, Question
from fakepersonalize.protocol.wire import Reply

HOME, ABROAD = Scope("111111111111", "us-east-1"), Scope("111111111111", "eu-west-1")
ASKED: Question = ("ListSchemas", HOME, b"{}")


class Rows:
    """What is listed: how often it was written, and how often read."""

    def __init__(self) -> None:
        self.commits = self.read = 0
        self.kept = KeptAnswers(lambda: self.commits)

    def ask(self) -> Reply:
        self.read += 1
        return Reply(200, {}, str(self.commits).encode())

    def answer(self, question: Question = ASKED) -> bytes:
        return self.kept.answer(question, self.ask).body


@pytest.fixture
def rows() -> Rows:
    return Rows()


def test_the_same_question_is_answered_once_until_something_is_written(rows: Rows) -> None:
    assert [rows.answer(), rows.answer(), rows.read] == [b"0", b"0", 1]
    rows.commits += 1
    assert [rows.answer(), rows.answer(), rows.read] == [b"1", b"1", 2]


def test_other_questions_have_answers_of_their_own(rows: Rows) -> None:
    for question in (ASKED, ("ListDatasets", HOME, b"{}"), ("ListSchemas", ABROAD, b"{}"), ("ListSchemas", HOME, b"")):
        rows.answer(question)
    assert rows.read == 4


def test_an_answer_that_a_write_overtook_is_not_kept(rows: Rows) -> None:
    def overtaken() -> Reply:
        found = rows.ask()
        rows.commits += 1
        return found

    assert rows.kept.answer(ASKED, overtaken).body == b"0"
    assert rows.answer() == b"1"


def test_a_refusal_is_not_kept(rows: Rows) -> None:
    def refuse() -> Reply:
        raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            rows.kept.answer(ASKED, refuse)
    assert rows.answer() == b"0"


def test_no_more_answers_are_kept_than_there_is_room_for(rows: Rows) -> None:
    for number in range(3 * MOST_ANSWERS):
        rows.answer(("ListSchemas", HOME, str(number).encode()))
    assert len(rows.kept._kept[1]) <= MOST_ANSWERS


def test_nobody_gets_an_answer_older_than_his_own_write(rows: Rows) -> None:
    lock, stale = threading.Lock(), []

    def write_and_read() -> None:
        for _ in range(500):
            with lock:
                rows.commits += 1
                written = rows.commits
            if int(rows.answer()) < written:
                stale.append(written)

    threads = [threading.Thread(target=write_and_read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stale == []
