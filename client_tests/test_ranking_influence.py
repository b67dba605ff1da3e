"""rankingInfluence: how far a campaign of semantic similarity leans towards popular, or new, items."""

from __future__ import annotations

from typing import Any

import shops
from accounts import Account, until
from batches import answered, parsed

N_ITEMS = 24
TEXTS = shops.schema(
    "Items",
    "ITEM_ID string",
    {"name": "TITLE", "type": "string", "itemName": True},
    {"name": "PLOT", "type": "string", "textual": True},
    "CREATION_TIMESTAMP long",
)


def test_popular_or_new_items_come_first_as_far_as_the_campaign_says(account: Account) -> None:
    """Even items tell of ships, odd ones of castles; the later ones are newer, the earlier ones more popular."""
    group = account.group()
    plots = ("ship sea storm", "castle knight sword")
    rows = [(f"i{n}", f"Title {n}", f"{plots[n % 2]} {'x' * (n + 1)}", shops.START + n) for n in range(N_ITEMS)]
    items = account.dataset(group, account.schema("texts", TEXTS), "Items", "items")
    text = shops.csv(rows, "ITEM_ID,TITLE,PLOT,CREATION_TIMESTAMP")
    assert account.import_rows(items, account.put(text), "items")["status"] == "ACTIVE"
    met = [(f"u{user}", f"i{item}", shops.START) for item in range(N_ITEMS) for user in range(4 * (N_ITEMS - item))]
    dataset = account.dataset(group, account.schema())
    assert account.import_rows(dataset, account.put(shops.csv(met), "met.csv"), "met")["status"] == "ACTIVE"
    version = account.version(account.solution(group, "aws-semantic-similarity"))
    campaign = account.campaign(version)

    def listed(influence: dict[str, float]) -> list[int]:
        config: dict[str, Any] = {"rankingInfluence": influence}
        account.personalize.update_campaign(campaignArn=campaign, campaignConfig=config)
        until(lambda: account.describe("campaign", campaign).get("campaignConfig") == config)
        return [int(item[1:]) for item in account.recommended(campaign, itemId="i8", numResults=11)]

    def batched(influence: dict[str, float]) -> list[int]:
        config = {"rankingInfluence": influence}
        asked = {"numResults": 11, "batchInferenceJobConfig": config}
        (line,) = parsed(answered(account, version, [{"itemId": "i8"}], **asked))
        return [int(item[1:]) for item in line["output"]["recommendedItems"]]

    alike = [n for n in range(0, N_ITEMS, 2) if n != 8]
    assert listed({"POPULARITY": 1.0}) == batched({"POPULARITY": 1.0}) == alike
    assert listed({"FRESHNESS": 1.0}) == batched({"FRESHNESS": 1.0}) == alike[::-1]
    assert listed({"POPULARITY": 0.0, "FRESHNESS": 0.0}) not in (alike, alike[::-1])
    assert sorted(listed({"POPULARITY": 0.0})) == alike
