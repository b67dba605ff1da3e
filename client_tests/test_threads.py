"""Many threads at once: nothing fails, nothing is mixed up, and of those who want the same name one gets it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import shops
from accounts import Account
from botocore.exceptions import ClientError
from conftest import NewAccount

RECIPES = ("aws-popularity-count", "aws-sims", "aws-user-personalization", "aws-hrnn")
THREADS, HAMMERS, BLOWS = 64, 16, 50
HARMLESS = {"won", "ResourceAlreadyExistsException", "ResourceNotFoundException", "ResourceInUseException"}


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


def blows(account: Account, seed: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """Give calls on names that everybody uses; the first word of each is the name that it wants to win, or nothing."""
    rng = random.Random(seed)
    personalize = account.personalize
    for number in rng.sample(range(BLOWS), BLOWS):
        name = f"n{number // 5}"
        yield (
            (f"schema {name}", lambda name=name: account.schema(name)),
            (f"group {name}", lambda name=name: personalize.create_dataset_group(name=name)),
            ("", lambda name=name: account.describe("schema", account.arn(f"schema/{name}"))),
            ("", lambda: personalize.list_dataset_groups(maxResults=3)),
            ("", lambda name=name: churn(account, f"{name}-churned", rng)),
        )[number % 5]


def churn(account: Account, name: str, rng: random.Random) -> None:
    """Create, tag or delete what others create, tag and delete."""
    arn = account.arn(f"dataset-group/{name}")
    match rng.randrange(3):
        case 0:
            account.personalize.create_dataset_group(name=name)
        case 1:
            account.personalize.tag_resource(resourceArn=arn, tags=[{"tagKey": "k", "tagValue": name}])
        case _:
            account.personalize.delete_dataset_group(datasetGroupArn=arn)


def code(call: Callable[[], object]) -> str:
    """Call; return the code of the error, or `won`."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "won"


def test_of_many_who_want_a_name_exactly_one_gets_it(busy: Account) -> None:
    def hammer(seed: int) -> list[str]:
        return [f"{code(call)} {name}" for name, call in blows(busy, seed)]

    with ThreadPoolExecutor(HAMMERS) as pool:
        answers = Counter(answer for found in pool.map(hammer, range(HAMMERS)) for answer in found)
    assert {answer.partition(" ")[0] for answer in answers} <= HARMLESS
    winners = {answer.removeprefix("won "): count for answer, count in answers.items() if answer.startswith("won ")}
    winners.pop("", None)  # calls on no name of their own
    assert winners == {f"{kind} n{number}": 1 for kind in ("schema", "group") for number in range(BLOWS // 5)}
    assert len(busy.personalize.list_schemas()["schemas"]) == BLOWS // 5
