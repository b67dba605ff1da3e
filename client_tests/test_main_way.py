"""The main job: from a schema to recommendations, with boto3 alone, and back to nothing."""

from __future__ import annotations

import shops
from accounts import Account, refused, until

ROWS = shops.series()
# What people took in the week after; they go on in their series.
LATER = [
    (user, f"i{10 + (int(seen[-1].removeprefix('i')) - 10 + step) % 140}", shops.START + 10**6 + step)
    for user, seen in shops.histories(ROWS).items()
    for step in range(1, 20)
]


def test_the_whole_way_from_a_schema_to_recommendations_and_back(account: Account) -> None:
    personalize = account.personalize
    schema = account.schema("films")
    group = account.group("films")
    dataset = account.dataset(group, schema, name="films")
    assert account.import_rows(dataset, account.put(shops.csv(ROWS)), "films")["status"] == "ACTIVE"
    solution = account.solution(group, "aws-user-personalization", "films")
    version = account.version(solution)
    assert personalize.get_solution_metrics(solutionVersionArn=version)["metrics"]["precision_at_5"] > 0
    campaign = account.campaign(version, "films")
    before = account.recommended(campaign, userId="u3")
    assert len(before) == 25

    # A week later: new rows, a new version, and the campaign takes it over.
    job = account.import_rows(dataset, account.put(shops.csv(LATER), "later.csv"), "later", importMode="INCREMENTAL")
    assert job["status"] == "ACTIVE"
    assert account.recommended(campaign, userId="u3") == before
    newer = account.version(solution)
    personalize.update_campaign(campaignArn=campaign, solutionVersionArn=newer)
    until(lambda: account.describe("campaign", campaign)["solutionVersionArn"] == newer)
    seen = {item for user, item, _ in ROWS + LATER if user == "u3"}
    assert not seen & set(account.recommended(campaign, userId="u3"))
    assert seen & set(before)

    # Away with it, in the order of public scripts.
    for kind, arn in (
        ("campaign", campaign),
        ("solution", solution),
        ("dataset", dataset),
        ("schema", schema),
        ("dataset_group", group),
    ):
        account.delete(kind, arn)
    for operation, key in (
        ("list_campaigns", "campaigns"),
        ("list_solutions", "solutions"),
        ("list_solution_versions", "solutionVersions"),
        ("list_datasets", "datasets"),
        ("list_schemas", "schemas"),
        ("list_dataset_groups", "datasetGroups"),
    ):
        assert getattr(personalize, operation)()[key] == []
    with refused("InvalidInputException", f"{campaign} does not exist or is not active yet."):
        account.recommended(campaign, userId="u3")


def test_nothing_need_be_waited_for_but_groups_datasets_imports_and_trainings(account: Account) -> None:
    """Public notebooks import into a dataset right after creating it, and train a solution right away."""
    group, schema = account.group(), account.schema()
    dataset = account.personalize.create_dataset(
        name="d", datasetGroupArn=group, schemaArn=schema, datasetType="Interactions"
    )["datasetArn"]
    assert account.import_rows(dataset, account.put(shops.csv(ROWS)))["status"] == "ACTIVE"
    solution = account.personalize.create_solution(
        name="s", datasetGroupArn=group, recipeArn="arn:aws:personalize:::recipe/aws-hrnn"
    )["solutionArn"]
    assert account.train(solution)["status"] == "ACTIVE"
