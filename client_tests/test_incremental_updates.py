"""performIncrementalUpdate: a campaign of semantic similarity knows new items and new texts without a new training."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
import shops
from accounts import Account
from batches import answered, parsed
from conftest import NewAccount
from modes import socket_only

SHIP, CASTLE = "ship sea storm sailor", "castle knight sword queen"
TEXTS = shops.schema(
    "Items",
    "ITEM_ID string",
    {"name": "TITLE", "type": "string", "itemName": True},
    {"name": "PLOT", "type": "string", "textual": True},
)


class Library:
    """Even items tell of ships, odd ones of castles; one campaign follows new texts and one does not."""

    def __init__(self, account: Account) -> None:
        self.account, group = account, account.group()
        rows = [(f"i{n}", f"Title {n}", (SHIP, CASTLE)[n % 2]) for n in range(20)]
        self.items = account.dataset(group, account.schema("texts", TEXTS), "Items", "items")
        location = account.put(shops.csv(rows, "ITEM_ID,TITLE,PLOT"), "items.csv")
        assert account.import_rows(self.items, location, "items")["status"] == "ACTIVE"
        self.follows, self.stays = (
            account.deployed(group, "aws-semantic-similarity", name, performIncrementalUpdate=name == "follows")
            for name in ("follows", "stays")
        )
        self.group = group

    def put(self, id_: str, plot: str) -> None:
        item = {"itemId": id_, "properties": json.dumps({"title": id_, "plot": plot})}
        self.account.events.put_items(datasetArn=self.items, items=[item])

    def beside(self, item: str, campaign: str | None = None, **asked: Any) -> list[str]:
        return self.account.recommended(campaign or self.follows, itemId=item, **asked)


@pytest.fixture
def library(new_account: NewAccount) -> Library:
    return Library(new_account())


def is_of(n: int, items: list[str]) -> bool:
    """Tell whether all items tell of ships (0) or of castles (1)."""
    return all(int(item[1:]) % 2 == n for item in items)


def test_a_new_item_is_recommended_and_asked_about(library: Library) -> None:
    assert "i100" not in library.beside("i2", numResults=500)
    library.put("i100", f"Once more a {SHIP}")
    assert "i100" in library.beside("i2", numResults=10)
    assert len(library.beside("i100", numResults=10)) == 10
    assert is_of(0, library.beside("i100", numResults=10))
    assert "i100" not in library.beside("i2", library.stays, numResults=500)


def test_a_changed_text_counts_instead_of_the_old_one(library: Library) -> None:
    assert is_of(0, library.beside("i4", numResults=9))
    library.put("i4", CASTLE)
    assert is_of(1, library.beside("i4", numResults=10))
    assert "i4" in library.beside("i1", numResults=10)
    assert is_of(0, library.beside("i4", library.stays, numResults=9))


def test_items_that_an_import_brings_count_and_filters_see_them(library: Library) -> None:
    account = library.account
    account.personalize.create_filter(
        name="newest", datasetGroupArn=library.group, filterExpression='INCLUDE ItemID WHERE Items.TITLE IN ("Newest")'
    )
    location = account.put(f"ITEM_ID,TITLE,PLOT\ni200,Newest,{SHIP}\n", "more.csv")
    account.import_rows(library.items, location, "more", importMode="INCREMENTAL")
    account.active("filter", account.arn("filter/newest"))
    assert library.beside("i2", filterArn=account.arn("filter/newest")) == ["i200"]


def test_a_batch_job_answers_as_a_campaign_of_the_same_version(library: Library) -> None:
    account = library.account
    library.put("i100", SHIP)
    library.put("i4", CASTLE)
    asked = [{"itemId": item} for item in ("i2", "i100", "i4", "nobody knows")]
    for campaign in (library.follows, library.stays):
        version = account.describe("campaign", campaign)["solutionVersionArn"]
        found = [
            line["output"]["recommendedItems"] for line in parsed(answered(account, version, asked, numResults=30))
        ]
        assert found == [library.beside(line["itemId"], campaign, numResults=30) for line in asked]


@pytest.mark.parametrize("effect", ["INCLUDE", "EXCLUDE"])
def test_filters_of_batch_jobs_see_new_items(library: Library, effect: str) -> None:
    account = library.account
    library.put("i100", SHIP)
    expression = f'{effect} ItemID WHERE Items.TITLE IN ("i100", "Title 6")'
    made = account.personalize.create_filter(
        name=effect.lower(), datasetGroupArn=library.group, filterExpression=expression
    )
    account.active("filter", made["filterArn"])
    version = account.describe("campaign", library.follows)["solutionVersionArn"]
    (line,) = parsed(answered(account, version, [{"itemId": "i2"}], numResults=30, filterArn=made["filterArn"]))
    assert line["output"]["recommendedItems"] == library.beside("i2", filterArn=made["filterArn"], numResults=30)


@socket_only
def test_what_is_beside_a_new_item_is_explained(library: Library) -> None:
    library.put("i100", SHIP)
    answer = library.account.runtime.get_recommendations(campaignArn=library.follows, itemId="i100", numResults=3)
    address = f"{library.account.endpoint}/_fakepersonalize/explain/{answer['recommendationId']}"
    with urllib.request.urlopen(address) as told:
        explained = json.load(told)
    assert explained["same"]
    for item in explained["items"]:
        assert [each.get("itemId") for each in item["contributions"]] == ["i100"]
        assert item["score"] > 0
