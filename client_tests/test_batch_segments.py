"""Batch segments: who is in them, in which order, and how their lines are written."""

from __future__ import annotations

from typing import Any

import pytest
import shops
from accounts import Account
from batches import Batch, answered, parsed
from markets import GENRES, ROWS, Market, number

ITEM, ATTRIBUTE = "aws-item-affinity", "aws-item-attribute-affinity"
HISTORIES = shops.histories(ROWS)
Versions = dict[str, str]


@pytest.fixture(scope="module")
def market(own_market: Market) -> Market:
    return own_market


@pytest.fixture(scope="module")
def versions(market: Market) -> Versions:
    account = market.account
    return {recipe: account.version(account.solution(market.group, recipe, recipe)) for recipe in (ITEM, ATTRIBUTE)}


def segments(account: Account, version: str, lines: list[Any], **more: Any) -> list[list[str]]:
    found = parsed(answered(account, version, lines, "segment", **more))
    assert [line["error"] for line in found] == [None] * len(found)
    return [line["output"]["usersList"] for line in found]


def test_segments_are_written_as_the_service_writes_them(market: Market, versions: Versions) -> None:
    asked = ['{"itemId":"i40"}', '{"itemId": "i3", "more": 1}']
    first, second = answered(market.account, versions[ITEM], asked, "segment", numResults=3)
    assert first.startswith('{"input": {"itemId": "i40"}, "output": {"usersList": ["u')
    assert first.endswith('"]}, "error": null}')
    assert second.startswith('{"input": {"itemId": "i3", "more": 1}, "output": {"usersList": ["u')
    assert first.partition("usersList")[2].count('","') == 2
    (line,) = answered(market.account, versions[ATTRIBUTE], [{"itemAttributes": 'ITEMS.GENRES = "crime"'}], "segment")
    assert line.startswith('{"input": {"itemAttributes": "ITEMS.GENRES = \\"crime\\""}, "output": {"usersList": ["u')


def steps_to(user: str, item: str) -> int:
    """Return how many items of the series come between a user's last one and this one."""
    return (number(item) - number(HISTORIES[user][-1])) % 140


def test_whoever_comes_to_an_item_next_comes_first(market: Market, versions: Versions) -> None:
    items = [f"i{each}" for each in range(20, 150, 10)]
    found = segments(market.account, versions[ITEM], [{"itemId": item} for item in items], numResults=60)
    assert len({tuple(segment) for segment in found}) == len(items)
    first = [steps_to(user, item) for item, segment in zip(items, found) for user in segment[:10]]
    last = [steps_to(user, item) for item, segment in zip(items, found) for user in segment[-10:]]
    assert sum(first) / len(first) < 0.8 * sum(last) / len(last)


def test_segments_are_as_large_as_asked_for_up_to_all_users(market: Market, versions: Versions) -> None:
    for amount, length in ((0, 0), (1, 1), (5_000_000, len(HISTORIES))):
        (found,) = segments(market.account, versions[ITEM], [{"itemId": "i40"}], numResults=amount)
        assert len(found) == len({*found}) == length


def test_attributes_are_joined_by_and(market: Market, versions: Versions) -> None:
    lines = [
        {"itemAttributes": text}
        for text in (
            'ITEMS.GENRES = "crime"',
            'items.genres = "crime" and Items.Genres = "noir"',
            "ITEMS.year = 1940",
            'Items.YEAR = "1940" AND ITEMS.GENRES = "comedy"',
        )
    ]
    crime, both, year, same = segments(market.account, versions[ATTRIBUTE], lines, numResults=10)
    assert crime == both  # every crime is noir
    assert year == same  # item 40 is the only one
    assert crime != year
    assert len(year) == 10


BAD = {
    'ITEMS.GENRES = "crime" OR ITEMS.GENRES = "drama"': "only AND joins them",
    'ITEMS.GENRES IN ("crime")': "by =",
    "ITEMS.year > 1940": "by =",
    "ITEMS.year = CurrentItem.year": "by =",
    "USERS.AGE = 3": "",
    'ITEMS.COLOUR = "red"': "COLOUR",
    'ITEMS.GENRES = "crime" | EXCLUDE ItemID WHERE ITEMS.year = 1940': "only AND joins them",
    "ITEMS.GENRES = $GENRE": "GENRE",
    "crime": "",
}


def test_attributes_that_cannot_be_told_are_told_in_their_lines(market: Market, versions: Versions) -> None:
    lines: list[Any] = [{"itemAttributes": text} for text in BAD]
    lines += [{"itemAttributes": 'ITEMS.GENRES = "opera"'}, {"itemId": "i1"}, {"itemAttributes": "ITEMS.year = 1940"}]
    found = []
    for first in range(0, len(lines), 10):  # as many as a file may have
        found += parsed(answered(market.account, versions[ATTRIBUTE], lines[first : first + 10], "segment"))
    for line, words in zip(found, BAD.values()):
        assert line["output"] == {"usersList": []}
        assert line["error"].startswith("User error: itemAttributes must be conditions")
        assert words in line["error"]
    unknown, missing, good = found[len(BAD) :]
    assert unknown["error"] == 'User error: No item had ITEMS.GENRES = "opera" when the solution version was trained.'
    assert missing["error"] == "User error: Required fields for the provided recipe are itemAttributes"
    assert good["error"] is None


def test_an_unknown_item_is_told_in_its_line(market: Market, versions: Versions) -> None:
    wrong, good = parsed(answered(market.account, versions[ITEM], [{"itemId": "x"}, {"itemId": "i4"}], "segment"))
    assert wrong == {
        "input": {"itemId": "x"},
        "output": {"usersList": []},
        "error": "User error: Item x was not present when the solution version was trained.",
    }
    assert good["error"] is None


def test_filters_choose_among_users(market: Market, versions: Versions) -> None:
    young = market.filter("INCLUDE UserID WHERE Users.AGE < $AGE")
    lines = [{"itemId": "i40", "filterValues": {"AGE": age}} for age in ("20", "5")]
    all_, *found = segments(market.account, versions[ITEM], [{"itemId": "i40"}], numResults=60) + segments(
        market.account, versions[ITEM], lines, numResults=60, filterArn=young
    )
    for most, segment in zip((20, 5), found):
        assert segment == [user for user in all_ if int(user.removeprefix("u")) < most]
    (unasked,) = parsed(answered(market.account, versions[ITEM], [{"itemId": "i40"}], "segment", filterArn=young))
    assert unasked["error"].startswith("User error: Missing value for filter parameter AGE")


def test_filters_see_what_users_did_also_since_the_training(market: Market, versions: Versions) -> None:
    market.meet("u5", "i3", "applaud")
    for expression, kept in (("INCLUDE", ["u5"]), ("EXCLUDE", None)):
        arn = market.filter(f'{expression} UserID WHERE Interactions.EVENT_TYPE IN ("applaud")')
        (found,) = segments(market.account, versions[ITEM], [{"itemId": "i40"}], numResults=60, filterArn=arn)
        assert found == kept if kept else "u5" not in found and len(found) == 59


def test_interest_is_that_of_the_training(market: Market, versions: Versions) -> None:
    asked = [{"itemId": "i100"}]
    before = segments(market.account, versions[ITEM], asked)
    for step in range(10):
        market.meet("u58", f"i{95 + step}")
    assert segments(market.account, versions[ITEM], asked) == before


@pytest.mark.parametrize(("recipe", "most"), [(ITEM, 500), (ATTRIBUTE, 10)])
def test_a_file_has_so_many_lines(market: Market, versions: Versions, recipe: str, most: int) -> None:
    line = {"itemId": "i4", "itemAttributes": "ITEMS.year = 1940"}
    assert len(segments(market.account, versions[recipe], [line] * most, numResults=1)) == most
    job = Batch(market.account, "segment")
    job.put([line] * (most + 1), "many.json")
    ended = job.run(versions[recipe])
    assert ended["status"] == "CREATE FAILED"
    assert ended["failureReason"].startswith(f"An input file cannot have more than {most} lines: many.json")


def test_genres_of_the_market_are_what_these_tests_think() -> None:
    assert GENRES == ("drama", "comedy", "crime|noir")
