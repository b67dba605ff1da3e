"""Batch inference: what is in the output, line by line; real-time answers are what it is compared with."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import shops
from accounts import RELEVANCE_ALONE, Account, refused
from batches import Batch, answered, parsed
from conftest import NewAccount
from markets import PERSONAL, PERSONAL_V2, RANKING, RANKING_V2, ROWS, SIMS, Market

POPULAR = "aws-popularity-count"
USERS = [f"u{number}" for number in range(0, 60, 7)]
UP_LINE = re.compile(
    r'\{"input":\{"userId":"\w+"\},"output":\{"recommendedItems":\["\w+"(,"\w+")*\],"scores":\[[\d.,E-]+\]\},"error":null\}'
)


@pytest.fixture(scope="module")
def market(own_market: Market) -> Market:
    return own_market


def version(market: Market, recipe: str) -> str:
    account = market.account
    if recipe in market.campaigns:
        return str(account.describe("campaign", market.campaigns[recipe])["solutionVersionArn"])
    versions = account.personalize.list_solution_versions(solutionArn=account.arn(f"solution/{recipe}"))
    return str(versions["solutionVersions"][0]["solutionVersionArn"])


@pytest.fixture(scope="module", autouse=True)
def popular(market: Market) -> list[str]:
    """A version without a campaign: five are as many as there may be. Return the items, most popular first."""
    market.account.version(market.account.solution(market.group, POPULAR, POPULAR))
    return shops.popular(ROWS)


def batch(market: Market, recipe: str, lines: list[Any], **more: Any) -> list[dict[str, Any]]:
    if recipe == PERSONAL:  # as the campaigns of the market
        more = {"batchInferenceJobConfig": RELEVANCE_ALONE} | more
    return parsed(answered(market.account, version(market, recipe), lines, **more))


def of_users(users: list[str] = USERS, **more: Any) -> list[dict[str, Any]]:
    return [{"userId": user} | more for user in users]


def lists(found: list[dict[str, Any]]) -> list[list[str]]:
    assert [line["error"] for line in found] == [None] * len(found)
    return [line["output"]["recommendedItems"] for line in found]


def asked_live(market: Market, recipe: str, users: list[str], **asked: Any) -> list[list[str]]:
    return [[item["itemId"] for item in market.answer(recipe, userId=user, **asked)] for user in users]


def test_users_get_what_they_get_in_real_time(market: Market) -> None:
    users = [*USERS, "nobody", "u0", "u0"]
    found = batch(market, PERSONAL, of_users(users))
    assert [line["input"] for line in found] == of_users(users)
    for user, line in zip(users, found):
        live = market.answer(PERSONAL, userId=user)
        assert line["output"]["recommendedItems"] == [item["itemId"] for item in live]
        assert line["output"]["scores"] == pytest.approx([item["score"] for item in live], rel=1e-5, abs=2e-7)


def test_lines_are_written_as_the_service_writes_them(market: Market) -> None:
    for line in answered(market.account, version(market, PERSONAL), of_users(), numResults=100):
        assert UP_LINE.fullmatch(line), line
        scores = re.findall(r"[\d.E-]+", line.rpartition("scores")[2].partition("]")[0])
        assert len(scores) == 100
        for text in scores:
            value = float(text)
            assert (
                re.fullmatch(r"\d\.\d{1,7}", text)
                if value >= 1e-3 or not value
                else re.fullmatch(r"[1-9]\.\d{1,3}E-[4-7]", text)
            ), text
        assert [float(text) for text in scores] == sorted(map(float, scores), reverse=True)


def test_as_many_items_as_asked_for_while_there_are_any(market: Market) -> None:
    for amount, length in ((0, 0), (1, 1), (25, 25), (500, len(market.items))):
        for recipe in (PERSONAL, POPULAR):
            assert {len(row) for row in lists(batch(market, recipe, of_users(), numResults=amount))} == {length}
    assert len(lists(batch(market, PERSONAL, of_users(["u1"])))[0]) == 25


def test_popular_items_have_no_scores(market: Market, popular: list[str]) -> None:
    found = batch(market, POPULAR, of_users(["u1", "nobody"]))
    assert [list(line["output"]) for line in found] == [["recommendedItems"]] * 2
    assert lists(found) == [popular[:25]] * 2


def test_items_get_what_is_like_them(market: Market) -> None:
    items = ["i3", "i40", "unheard of", "i3"]
    found = batch(market, SIMS, [{"itemId": item} for item in items], numResults=7)
    assert [list(line["output"]) for line in found] == [["recommendedItems"]] * 4
    live = [[each["itemId"] for each in market.answer(SIMS, itemId=item, numResults=7)] for item in items]
    assert lists(found) == live


@pytest.mark.parametrize("recipe", [RANKING, RANKING_V2])
def test_lists_are_ranked_for_their_users(market: Market, recipe: str) -> None:
    listed = ["i60", "unheard of", "i2", "i2", "i33", "i900"]
    (line, short) = batch(
        market, recipe, [{"userId": "u7", "itemList": listed}, {"userId": "u8", "itemList": ["i4"]}], numResults=1
    )
    live = market.ranked(listed, recipe, userId="u7")
    assert line["output"]["recommendedItems"] == [item["itemId"] for item in live]
    assert line["output"]["scores"] == pytest.approx([item.get("score", 0.0) for item in live], rel=1e-5, abs=2e-7)
    assert line["input"]["itemList"] == listed
    assert short["output"] == {"recommendedItems": ["i4"], "scores": [1.0]}


def test_version_two_has_reasons_beside_the_items(market: Market) -> None:
    (line,) = batch(market, PERSONAL_V2, of_users(["u1"]), numResults=3)
    assert list(line["output"]) == ["recommendedItems", "scores", "reasons"]
    assert [isinstance(each, list) for each in line["output"]["reasons"]] == [True] * 3


FILTERS = [
    'INCLUDE ItemID WHERE Items.GENRES IN ("crime")',
    'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")',
    'INCLUDE ItemID WHERE Items.PRICE < 50 IF CurrentUser.AGE > 30 | EXCLUDE ItemID WHERE Items.GENRES IN ("drama")',
]


@pytest.mark.parametrize("expression", FILTERS)
def test_filters_let_through_what_they_let_through_in_real_time(
    market: Market, expression: str, popular: list[str]
) -> None:
    arn, users = market.filter(expression), [*USERS, "nobody"]
    found = batch(market, PERSONAL, of_users(users), filterArn=arn, numResults=500)
    live = asked_live(market, PERSONAL, users, filterArn=arn, numResults=500)
    assert lists(found) == live
    found = batch(market, POPULAR, of_users(users), filterArn=arn)
    assert lists(found) == [[item for item in popular if item in {*row}][:25] for row in live]


def test_each_line_has_its_own_values(market: Market) -> None:
    arn = market.filter("INCLUDE ItemID WHERE Items.GENRES IN ($GENRES) AND Items.PRICE < $PRICE")
    values = [
        {"GENRES": '"crime","comedy"', "PRICE": "80"},
        {"GENRES": '"drama"', "PRICE": "40"},
        {"GENRES": '"opera"', "PRICE": "40"},
    ]
    asked = [{"userId": user, "filterValues": each} for user in USERS[:3] for each in values]
    found = batch(market, PERSONAL, asked, filterArn=arn)
    assert [line["input"] for line in found] == asked
    live = [
        asked_live(market, PERSONAL, [line["userId"]], filterArn=arn, filterValues=line["filterValues"])[0]
        for line in asked
    ]
    assert lists(found) == live
    assert lists(found)[2] == []


def test_similar_items_and_rankings_are_filtered_too(market: Market) -> None:
    arn = market.filter("INCLUDE ItemID WHERE Items.GENRES IN CurrentItem.GENRES")
    found = batch(market, SIMS, [{"itemId": item} for item in ("i3", "i4")], filterArn=arn)
    assert lists(found) == [
        [each["itemId"] for each in market.answer(SIMS, itemId=item, filterArn=arn)] for item in ("i3", "i4")
    ]
    cheap = market.filter("INCLUDE ItemID WHERE Items.PRICE < 50")
    listed = ["i60", "i900", "i2", "unheard of", "i33"]
    (line,) = batch(market, RANKING, [{"userId": "u7", "itemList": listed}], filterArn=cheap)
    live = [item["itemId"] for item in market.ranked(listed, userId="u7", filterArn=cheap)]
    assert line["output"]["recommendedItems"] == live


def test_a_filter_on_events_needs_a_user_also_beside_items(market: Market) -> None:
    arn = market.filter('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")')
    without, with_user = batch(market, SIMS, [{"itemId": "i3"}, {"itemId": "i3", "userId": "u7"}], filterArn=arn)
    assert without["error"] == "User error: Required fields for the provided recipe are userId"
    live = [item["itemId"] for item in market.answer(SIMS, itemId="i3", userId="u7", filterArn=arn)]
    assert with_user["output"]["recommendedItems"] == live


def test_streamed_events_count(market: Market) -> None:
    before = batch(market, PERSONAL, of_users(["in-a-hurry"]))
    for item in ("i20", "i21", "i22"):
        market.meet("in-a-hurry", item)
    after = batch(market, PERSONAL, of_users(["in-a-hurry"]))
    assert lists(before) != lists(after)
    assert lists(after) == asked_live(market, PERSONAL, ["in-a-hurry"])
    watched = market.filter('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")')
    (left,) = lists(batch(market, PERSONAL, of_users(["in-a-hurry"]), filterArn=watched, numResults=500))
    assert not {"i20", "i21", "i22"} & {*left}
    assert "i23" in left


MALFORMED: dict[str, tuple[Any, str]] = {
    "no user": ({"itemId": "i1"}, "Required fields for the provided recipe are userId"),
    "an empty user": ({"userId": ""}, "Required fields for the provided recipe are userId"),
    "a number": ({"userId": 7}, "userId must be a string."),
    "a list": ([1], "The line is not a JSON object."),
    "values that are no strings": ({"userId": "u1", "filterValues": {"A": 1}}, "filterValues must be"),
    "context that is no object": ({"userId": "u1", "context": ["x"]}, "context must be"),
}


@pytest.mark.parametrize(("line", "sentence"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_line_says_so_in_its_place(market: Market, line: Any, sentence: str) -> None:
    first, wrong, last = batch(market, PERSONAL, [{"userId": "u1"}, json.dumps(line), {"userId": "u2"}])
    assert (first["error"], last["error"]) == (None, None)
    assert wrong["input"] == line
    assert wrong["output"] == {"recommendedItems": []}
    assert wrong["error"].startswith(f"User error: {sentence}")


NO_JSON = {
    b'{"userId": "u1"': "Expecting ',' delimiter: line 1 column 16 (char 15)",
    b'{"userId": "\xff"}': "it is not valid UTF-8",
    b'{"userId": "\\ud800"}': "it is not valid UTF-8",
    b"u1": "Expecting value: line 1 column 1 (char 0)",
    b'{"userId": NaN}': "NaN is not a JSON number",
    b'{"userId": "u", "a": 1e999}': "Out of range float values are not JSON compliant",
    b'{"userId": "u", "a": %s}' % (b"7" * 5000): "a number of 5,000 digits is too long",
    b"[" * 100_000: "it is nested too deeply",
}


def test_what_is_no_json_is_repeated_as_text(market: Market) -> None:
    *wrong, good = batch(market, PERSONAL, [*(text + b"\n" for text in NO_JSON), {"userId": "u1"}])
    assert [line["input"] for line in wrong] == [text.decode("utf-8", "replace") for text in NO_JSON]
    for line, reason in zip(wrong, NO_JSON.values()):
        assert line["error"].startswith(f"User error: The line is not valid JSON: {reason}")
    assert good["error"] is None


def test_values_that_do_not_suit_the_filter_are_told_in_their_lines(market: Market) -> None:
    arn = market.filter("INCLUDE ItemID WHERE Items.GENRES IN ($GENRES)")
    lines = [{"userId": "u1"}, {"userId": "u1", "filterValues": {"GENRES": "drama"}}]
    missing, unquoted = batch(market, PERSONAL, lines, filterArn=arn)
    assert missing["error"].startswith("User error: Missing value for filter parameter GENRES")
    assert unquoted["error"].startswith("User error: Invalid value for filter parameter GENRES")
    assert missing["output"] == unquoted["output"] == {"recommendedItems": []}


def test_blank_lines_and_marks_are_no_lines(market: Market) -> None:
    found = batch(
        market, PERSONAL, [b"\xef\xbb\xbf", {"userId": "u1"}, b"\n  \r\n", b'{"userId":"u2"}\r\n', b'{"userId":"u3"}']
    )
    assert [line["input"]["userId"] for line in found] == ["u1", "u2", "u3"]


def test_a_job_in_which_every_line_fails_is_active_and_an_empty_file_has_an_empty_answer(market: Market) -> None:
    assert [line["error"] is None for line in batch(market, PERSONAL, ["x", "y"])] == [False, False]
    assert batch(market, PERSONAL, []) == []


def test_each_file_has_an_output_and_those_of_one_name_their_folders(market: Market) -> None:
    job = Batch(market.account)
    for user, file in (("u1", "a.json"), ("u2", "deep/b.json"), ("u3", "deep/a.json"), ("u4", "x y+ü.json")):
        job.put([{"userId": user}], file)
    for name in ("folder/", "_SUCCESS", "_CHECK", "deep/.b.json.crc", "_temporary/c.json"):
        market.account.put(b"crc" if name.endswith("crc") else b"", f"{job.name}/in/{name}", "batches")
    assert job.run(version(market, PERSONAL))["status"] == "ACTIVE"
    found = job.outputs()
    assert found.pop("_CHECK") == b""
    users = {name: json.loads(text)["input"]["userId"] for name, text in found.items()}
    assert users == {"a.json.out": "u1", "b.json.out": "u2", "deep/a.json.out": "u3", "x y+ü.json.out": "u4"}


def test_the_input_is_a_prefix_and_the_output_a_folder(market: Market) -> None:
    job = Batch(market.account)
    for user, file in (("u1", "_part"), ("u2", "_part_two/lines"), ("u3", "other")):
        job.put([{"userId": user}], file)
    root = f"s3://{job.bucket}/{job.name}"
    assert job.run(version(market, PERSONAL), source=f"{root}/in/_part", target=f"{root}/out")["status"] == "ACTIVE"
    assert job.outputs().keys() == {"_part.out", "lines.out", "_CHECK"}


def test_an_output_that_exists_is_written_over(market: Market) -> None:
    job = Batch(market.account)
    job.put([{"userId": "u1"}], "a.json")
    for name in ("a.json.out", "_CHECK", "others.out"):
        market.account.put("old", f"{job.name}/out/{name}", "batches")
    job.run(version(market, PERSONAL))
    found = job.outputs()
    assert json.loads(found["a.json.out"])["input"] == {"userId": "u1"}
    assert (found["_CHECK"], found["others.out"]) == (b"", b"old")


def test_input_that_is_not_there_fails_the_job(market: Market) -> None:
    for source in ("s3://no-such-bucket-here/in", f"s3://batches-{market.account.number}/nothing-here/"):
        job = Batch(market.account)
        job.put([{"userId": "u1"}])
        ended = job.run(version(market, PERSONAL), source=source)
        assert ended["status"] == "CREATE FAILED"
        assert ended["failureReason"].startswith("Invalid S3 input path")


def test_an_output_bucket_that_is_not_there_fails_the_job(market: Market) -> None:
    job = Batch(market.account)
    job.put([{"userId": "u1"}])
    ended = job.run(version(market, PERSONAL), target="s3://no-such-bucket-here/out/")
    assert ended["status"] == "CREATE FAILED"
    assert ended["failureReason"].startswith("Invalid S3 output path")


THEMED = {
    "batchInferenceJobMode": "THEME_GENERATION",
    "themeGenerationConfig": {"fieldsForThemeGeneration": {"itemName": "TITLE"}},
}
TOLD = shops.schema(
    "Items",
    "ITEM_ID string",
    {"name": "GENRES", "type": ["null", "string"], "categorical": True},
    "TITLE string",
    {"name": "PLOT", "type": ["null", "string"], "textual": True},
)


class Library:
    """Films with titles and plots, and a version that finds similar ones."""

    def __init__(self, account: Account, schema: str = TOLD) -> None:
        self.account, group = account, account.shop(ROWS)
        dataset = account.dataset(group, account.schema("items", schema), "Items", "items")
        films = [
            (
                item,
                ("crime", "comedy")[n % 2],
                f"Film {n}",
                ("A detective hunts robbers", "Lovers meet on a ship")[n % 2],
            )
            for n, item in enumerate(sorted({item for _, item, _ in ROWS}))
        ]
        header = "ITEM_ID,GENRES,TITLE,PLOT"
        ended = account.import_rows(dataset, account.put(shops.csv(films, header), "items.csv"), "items")
        assert ended["status"] == "ACTIVE", ended
        self.genres = {item: genre for item, genre, _, _ in films}
        self.version = account.version(account.solution(group, "aws-similar-items", "similar"))


@pytest.fixture(scope="module")
def library(new_account: NewAccount) -> Library:
    return Library(new_account())


def test_themes_say_what_similar_items_have_in_common(library: Library) -> None:
    asked = [{"itemId": item} for item in ("i3", "i40", "unheard of")]
    plain = parsed(answered(library.account, library.version, asked, numResults=15))
    found = parsed(answered(library.account, library.version, asked, numResults=15, **THEMED))
    for line, themed in zip(plain, found, strict=True):
        output = themed["output"]
        assert themed["input"] == line["input"]
        assert {*output["recommendedItems"]} == {*line["output"]["recommendedItems"]}
        scores = output["itemsThemeRelevanceScores"]
        assert len(scores) == len(output["recommendedItems"]) == 15
        assert scores == sorted(scores, reverse=True)
        genres = [library.genres[item] for item in output["recommendedItems"]]
        most = max({*genres}, key=genres.count)
        assert most in output["theme"]
        assert genres[0] == most
    assert [*found[0]["output"]] == ["recommendedItems", "theme", "itemsThemeRelevanceScores"]


def test_items_without_anything_in_common_have_no_theme(library: Library) -> None:
    (line,) = parsed(answered(library.account, library.version, [{"itemId": "i3"}], numResults=1, **THEMED))
    assert line["error"] == "User error: The items have nothing in common that a theme could name."


def test_a_file_for_themes_has_a_hundred_lines(library: Library) -> None:
    job = Batch(library.account)
    job.put([{"itemId": "i3"}] * 101)
    ended = job.run(library.version, **THEMED)
    assert ended["status"] == "CREATE FAILED"
    assert "more than 100 lines" in ended["failureReason"]


def test_themes_need_a_text(new_account: NewAccount) -> None:
    library = Library(new_account(), TOLD.replace('"textual": true', '"categorical": true'))
    job = Batch(library.account)
    job.put([{"itemId": "i3"}])
    with refused("InvalidInputException", "textual column"):
        job.run(library.version, **THEMED)
