"""Many threads at once, each on its own way: nothing fails, nothing is mixed up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import shops
from accounts import Account
from conftest import NewAccount

RECIPES = ("aws-popularity-count", "aws-sims", "aws-user-personalization", "aws-hrnn")
THREADS = 64


@pytest.fixture
def busy(unlimited: NewAccount) -> Account:
    """An account whose clients are there already: making them is not for many threads."""
    account = unlimited()
    for service in ("personalize", "personalize-runtime", "s3"):
        account.client(service)
    account.put(shops.HEADER)
    return account


def whole_way(account: Account, number: int) -> None:
    """Go the whole way with a group and items of one's own; find one's own items, and those alone."""
    name, recipe = f"t{number}", RECIPES[number % len(RECIPES)]
    rows = shops.series(users=6, items=18, each=9, seed=number, prefix=f"{name}-")
    campaign = account.deployed(account.shop(rows, name), recipe, name)
    items = {item for _, item, _ in rows}
    for user, item, _ in rows[:9]:
        found = account.recommended(campaign, userId=user, itemId=item, numResults=500)
        assert set(found) == (items - {item} if recipe == "aws-sims" else items)


def test_many_threads_go_the_whole_way_at_once(busy: Account) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: whole_way(busy, number), range(THREADS)))
    groups = busy.personalize.list_dataset_groups()["datasetGroups"]
    assert {group["name"] for group in groups} == {f"t{number}" for number in range(THREADS)}
    assert {campaign["status"] for campaign in busy.personalize.list_campaigns()["campaigns"]} == {"ACTIVE"}
