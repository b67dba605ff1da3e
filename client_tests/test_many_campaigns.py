"""Many campaigns in one server that keeps few models in memory: none of them fails."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import shops
from accounts import Account
from conftest import Servers, make_account
from modes import SOCKET

from fakepersonalize import mock_personalize

MODELS, CAMPAIGNS = 10, 200
ROWS = shops.series(users=30, items=60)


def test_two_hundred_campaigns_answer_from_a_memory_for_three_models(mode: str, servers: Servers) -> None:
    if mode == SOCKET:
        url = servers.url("--limits", "off", "--loaded-models", "3", FAKEPERSONALIZE_STEP_SECONDS="0")
        require_answers(make_account(url))
    else:
        with mock_personalize(limits="off", loaded_models=3):
            require_answers(make_account(None))


def require_answers(account: Account) -> None:
    """Deploy models whose lists differ, many times each; ask all campaigns at once, twice, and compare."""
    personalize = account.personalize
    group = account.shop(ROWS)
    solutions = [
        personalize.create_solution(
            name=f"shop{number}",
            datasetGroupArn=group,
            recipeArn="arn:aws:personalize:::recipe/aws-sims",
            solutionConfig={"algorithmHyperParameters": {"popularity_discount_factor": str(number / MODELS)}},
        )["solutionArn"]
        for number in range(MODELS)
    ]
    versions = [personalize.create_solution_version(solutionArn=arn)["solutionVersionArn"] for arn in solutions]
    for arn in versions:
        account.active("solution_version", arn)
    campaigns = [
        personalize.create_campaign(name=f"shop{number}", solutionVersionArn=versions[number % MODELS])["campaignArn"]
        for number in range(CAMPAIGNS)
    ]
    for arn in campaigns:
        account.active("campaign", arn)
    runtime = account.runtime

    def ask(arn: str) -> list[str]:
        answer = runtime.get_recommendations(campaignArn=arn, itemId="i20", numResults=10)
        return [item["itemId"] for item in answer["itemList"]]

    with ThreadPoolExecutor(8) as callers:
        found = [list(callers.map(ask, campaigns)) for _ in range(2)]
    assert found[0] == found[1]
    assert all(len(set(items)) == 10 for items in found[0])
    for number, items in enumerate(found[0]):
        assert items == found[0][number % MODELS]
    assert len(set(map(tuple, found[0][:MODELS]))) > 1
