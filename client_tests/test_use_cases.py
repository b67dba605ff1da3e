"""All ten use cases of the two domains: what each needs, and what it leaves out by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
import shops
from accounts import RECIPES, Account, refused, until
from conftest import NewAccount

LONERS = ("lone", "alone")  # one user each
ROWS = [*shops.series(), *((f"u{user}", item, shops.START) for user, item in enumerate(LONERS))]
ITEMS = {item for _, item, _ in ROWS}
EVENTS = shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long", "EVENT_TYPE string")
CATEGORY = {"type": "string", "categorical": True}
DOMAINS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ECOMMERCE": (
        shops.schema("Items", "ITEM_ID string", "PRICE float", {"name": "CATEGORY_L1", **CATEGORY}),
        ("View", "Purchase"),
    ),
    "VIDEO_ON_DEMAND": (
        shops.schema("Items", "ITEM_ID string", {"name": "GENRES", **CATEGORY}, "CREATION_TIMESTAMP long"),
        ("Watch",),
    ),
}
# The domain, what must be given beside the user, and whether what the user bought or watched is left out.
USE_CASES = {
    "aws-ecomm-popular-items-by-views": ("ECOMMERCE", ["userId"], False),
    "aws-ecomm-popular-items-by-purchases": ("ECOMMERCE", ["userId"], False),
    "aws-ecomm-frequently-bought-together": ("ECOMMERCE", ["itemId"], False),
    "aws-ecomm-customers-who-viewed-x-also-viewed": ("ECOMMERCE", ["userId", "itemId"], True),
    "aws-ecomm-recommended-for-you": ("ECOMMERCE", ["userId"], True),
    "aws-vod-because-you-watched-x": ("VIDEO_ON_DEMAND", ["userId", "itemId"], True),
    "aws-vod-more-like-x": ("VIDEO_ON_DEMAND", ["userId", "itemId"], True),
    "aws-vod-most-popular": ("VIDEO_ON_DEMAND", ["userId"], False),
    "aws-vod-trending-now": ("VIDEO_ON_DEMAND", [], False),
    "aws-vod-top-picks": ("VIDEO_ON_DEMAND", ["userId"], True),
}
LATER = shops.START + 26 * 3600  # behind all rows
GIVEN = {"userId": "u1", "itemId": "i40"}


class Domains:
    """A group of each domain with a recommender of each of its use cases."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.watched = set(shops.histories(ROWS)["u1"])
        self.tracking_ids: dict[str, str] = {}
        for domain, (items, types) in DOMAINS.items():
            group = account.group(domain, domain=domain)
            rows = [(*row, type_) for row in ROWS for type_ in types]
            dataset = account.dataset(group, account.schema(f"{domain}-events", EVENTS, domain=domain))
            account.import_rows(dataset, account.put(shops.csv(rows, f"{shops.HEADER},EVENT_TYPE"), domain), domain)
            account.dataset(group, account.schema(f"{domain}-items", items, domain=domain), "Items", "items")
            made = account.personalize.create_event_tracker(name=domain, datasetGroupArn=group)
            self.tracking_ids[domain] = made["trackingId"]
            for recipe in (recipe for recipe, (of, _, _) in USE_CASES.items() if of == domain):
                made = account.personalize.create_recommender(
                    name=recipe, datasetGroupArn=group, recipeArn=RECIPES + recipe
                )
                account.active("recommender", made["recommenderArn"])

    def recommended(self, recipe: str, **asked: Any) -> list[str]:
        arn = self.account.arn(f"recommender/{recipe}")
        answer = self.account.runtime.get_recommendations(recommenderArn=arn, **asked)
        assert all(item.keys() == {"itemId"} for item in answer["itemList"])  # no use case tells scores
        return [item["itemId"] for item in answer["itemList"]]


@pytest.fixture(scope="module")
def domains(new_account: NewAccount) -> Domains:
    return Domains(new_account())


@pytest.mark.parametrize(("recipe", "needed", "automatic"), [(name, *row[1:]) for name, row in USE_CASES.items()])
def test_every_use_case_recommends(domains: Domains, recipe: str, needed: list[str], automatic: bool) -> None:
    given = {name: GIVEN[name] for name in needed}
    items = domains.recommended(recipe, **given, numResults=500)
    assert len(set(items)) == len(items)
    left_out = (domains.watched if automatic else set()) | ({"i40"} if "itemId" in needed else set())
    assert set(items) == ITEMS - left_out
    assert domains.recommended(recipe, **given) == items[:25]
    for name in needed:
        with refused("InvalidInputException", name):
            domains.recommended(recipe, **{other: value for other, value in given.items() if other != name})


REQUIRED_EVENTS = {
    "aws-ecomm-popular-items-by-views": "View",
    "aws-ecomm-popular-items-by-purchases": "Purchase",
    "aws-ecomm-frequently-bought-together": "Purchase",
    "aws-ecomm-customers-who-viewed-x-also-viewed": "View",
    "aws-vod-because-you-watched-x": "Watch",
    "aws-vod-most-popular": "Watch",
}


@pytest.mark.parametrize("domain", DOMAINS)
def test_use_cases_of_one_event_need_a_thousand_of_it_and_the_others_take_any(account: Account, domain: str) -> None:
    group = account.group(domain=domain)
    rows = [(*row, "Rent") for row in ROWS]
    dataset = account.dataset(group, account.schema("events", EVENTS, domain=domain))
    account.import_rows(dataset, account.put(shops.csv(rows, f"{shops.HEADER},EVENT_TYPE")))
    account.dataset(group, account.schema("items", DOMAINS[domain][0], domain=domain), "Items", "items")
    for recipe in (recipe for recipe, (of, _, _) in USE_CASES.items() if of == domain):
        made = account.personalize.create_recommender(name=recipe, datasetGroupArn=group, recipeArn=RECIPES + recipe)
        described = account.settled("recommender", made["recommenderArn"])
        event = REQUIRED_EVENTS.get(recipe)
        assert described["status"] == ("CREATE FAILED" if event else "ACTIVE")
        reason = f"Dataset has fewer than 1000 interactions after filtering by event type: {event}"
        assert described.get("failureReason", reason).startswith(reason)
        assert ("modelMetrics" in described) == (event is None)


def test_what_nothing_is_bought_with_is_answered_with_the_best_sellers_itself_included(
    domains: Domains, controls: Any
) -> None:
    """The service was seen to give different items of thin data the list of Best sellers."""
    sellers = domains.recommended("aws-ecomm-popular-items-by-purchases", userId="u1", numResults=500)
    for item in LONERS:
        assert domains.recommended("aws-ecomm-frequently-bought-together", itemId=item, numResults=500) == sellers
        assert item in sellers
        answer = domains.account.runtime.get_recommendations(
            recommenderArn=domains.account.arn("recommender/aws-ecomm-frequently-bought-together"), itemId=item
        )
        assert controls.explain(answer["recommendationId"])["same"]
        similar = domains.recommended("aws-vod-because-you-watched-x", userId="u5", itemId=item, numResults=500)
        assert item not in similar


@pytest.mark.parametrize("recipe", USE_CASES)
def test_events_change_the_order_of_personal_use_cases_alone_and_leave_out_what_was_bought_or_watched(
    domains: Domains, controls: Any, recipe: str
) -> None:
    domain, needed, automatic = USE_CASES[recipe]
    account, user = domains.account, f"viewer of {recipe}"
    given = {"userId": user} | ({"itemId": "i40"} if "itemId" in needed else {})
    before = domains.recommended(recipe, **given, numResults=500)
    account.events.put_events(
        trackingId=domains.tracking_ids[domain],
        sessionId=user,
        userId=user,
        eventList=[{"eventType": DOMAINS[domain][1][-1].upper(), "itemId": "i60", "sentAt": LATER}],
    )
    arn = account.arn(f"recommender/{recipe}")
    answer = account.runtime.get_recommendations(recommenderArn=arn, **given, numResults=500)
    after = [item["itemId"] for item in answer["itemList"]]
    assert set(before) - set(after) == ({"i60"} if automatic else set())
    reacts = [item for item in before if item in after] != after
    assert reacts == (recipe in {name for name, _ in EXPLORING} or recipe == "aws-vod-trending-now")
    explained = controls.explain(answer["recommendationId"])
    assert explained["same"]
    for item in explained["items"]:
        assert item["contributions"]
        assert sum(each["score"] for each in item["contributions"]) == pytest.approx(item["score"], abs=1e-6)


EXPLORING = [("aws-ecomm-recommended-for-you", {"price": 1, "categoryL1": "new"})]
EXPLORING += [("aws-vod-top-picks", {"genres": "new", "creationTimestamp": shops.START + 25 * 3600})]


@pytest.mark.parametrize(("recipe", "properties"), EXPLORING)
def test_personal_use_cases_try_out_new_items_as_they_are_told(
    domains: Domains, recipe: str, properties: dict[str, Any]
) -> None:
    account, arn = domains.account, domains.account.arn(f"recommender/{recipe}")
    domain = USE_CASES[recipe][0]
    film = {"itemId": "put", "properties": json.dumps(properties)}
    account.events.put_items(datasetArn=account.arn(f"dataset/{domain}/ITEMS"), items=[film])

    def found(weight: str) -> bool:
        config = {"itemExplorationConfig": {"explorationWeight": weight}}
        account.personalize.update_recommender(recommenderArn=arn, recommenderConfig=config)
        until(lambda: account.describe("recommender", arn)["recommenderConfig"].items() >= config.items())
        users = [f"u{user}" for user in range(30)]
        return any("put" in domains.recommended(recipe, userId=user, numResults=50) for user in users)

    assert found("1")
    assert not found("0")
