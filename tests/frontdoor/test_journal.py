import json

import pytest

from fakepersonalize.arns import Scope
from fakepersonalize.frontdoor.journal import Entry, Journal

HOME, ABROAD = Scope("111111111111", "us-east-1"), Scope("222222222222", "us-east-1")


def entry(operation: str | None = "ListSchemas", body: bytes | None = b"{}", scope: Scope = HOME) -> Entry:
    return Entry(1_600_000_000.5, "id", scope, operation, body, 200, None, None, 0.0123456)


def test_an_entry_is_shown_in_json() -> None:
    shown = entry(body=b'{"maxResults": 5}').shown()
    assert json.loads(json.dumps(shown)) == {
        "time": "2020-09-13T12:26:40.500+00:00",
        "requestId": "id",
        "account": "111111111111",
        "region": "us-east-1",
        "operation": "ListSchemas",
        "parameters": {"maxResults": 5},
        "status": 200,
        "error": None,
        "message": None,
        "milliseconds": 12.346,
    }


@pytest.mark.parametrize("body", [None, b"{", b"[]", b"\xff", b'{"x": NaN}', b"[" * 100_000])
def test_parameters_that_are_none_are_shown_as_none(body: bytes | None) -> None:
    assert entry(body=body).shown()["parameters"] is None


def test_no_body_has_no_parameters() -> None:
    assert entry(body=b"").shown()["parameters"] == {}


def test_the_oldest_entries_go_when_there_are_too_many() -> None:
    journal = Journal(most_entries=3)
    for number in range(5):
        journal.note(entry(str(number)))
    assert [each.operation for each in journal.entries()] == ["2", "3", "4"]


def test_the_oldest_entries_go_when_their_bodies_are_too_large() -> None:
    journal = Journal(most_bytes=10)
    for operation, size in (("a", 4), ("b", 4), ("c", 0), ("d", 6)):
        journal.note(entry(operation, b"x" * size))
    assert [each.operation for each in journal.entries()] == ["b", "c", "d"]
    journal.clear(HOME.account)
    journal.note(entry("e", b"x" * 10))
    assert [each.operation for each in journal.entries()] == ["e"]


def test_a_body_that_is_larger_than_all_room_is_left_out() -> None:
    journal = Journal(most_bytes=10)
    journal.note(entry("a", b"x" * 5))
    journal.note(entry("b", b"x" * 11))
    assert [(each.operation, each.body) for each in journal.entries()] == [("a", b"xxxxx"), ("b", None)]


def test_entries_are_chosen_by_operation_and_account() -> None:
    journal = Journal()
    for operation, scope in (("ListSchemas", HOME), ("ListSchemas", ABROAD), (None, HOME)):
        journal.note(entry(operation, scope=scope))
    assert len(journal.entries()) == 3
    assert [each.scope for each in journal.entries("ListSchemas")] == [HOME, ABROAD]
    assert [each.operation for each in journal.entries(account=HOME.account)] == ["ListSchemas", None]
    journal.clear(HOME.account)
    assert [each.scope for each in journal.entries()] == [ABROAD]
    journal.clear()
    assert journal.entries() == []
